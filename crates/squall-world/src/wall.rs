//! The two clocks, and the doorbell that processes ring.

use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time;

use crate::plan::ClockKind;

/// What a host rings when it has something to say. Cheap to clone, can be sent to other threads.
#[derive(Clone, Debug)]
pub struct Doorbell(Sender<Visitor>);

#[derive(Clone, Copy, Debug)]
enum Visitor {
    Host(usize),
    Stop,
}

/// What woke the loop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ring {
    /// The next event is due; it is now this time.
    Due(u64),
    /// A host has something to say; it is now this time.
    Host(u64, usize),
    /// Somebody asked the run to stop.
    Stop,
    /// Nothing will ever happen again.
    Nothing,
}

impl Doorbell {
    /// The host at this place has something to say.
    pub fn ring(&self, place: usize) {
        // Nobody listens once the run is over; then there is nothing to tell.
        self.0.send(Visitor::Host(place)).ok();
    }

    /// Asks the run to stop.
    pub fn stop(&self) {
        self.0.send(Visitor::Stop).ok();
    }
}

/// Virtual time jumps to the next event; wall time is slept until it is due or somebody rings.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Option<time::Instant>,
    visitors: Receiver<Visitor>,
    doorbell: Sender<Visitor>,
    asked: u32,
    due_in_a_row: u32,
}

/// So many events that are due go before a host that rings. A host says at most as many lines at
/// a time, so a process that speaks without end fills no queue here: what it has said is
/// handed on before it is heard again. Nor can events that are due keep a process from being heard.
const DUE_IN_A_ROW_MAX: u32 = 4_096;

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place where wall time is read")]
    pub(crate) fn new(kind: ClockKind) -> Self {
        let (doorbell, visitors) = channel();
        let start = match kind {
            ClockKind::Virtual => None,
            ClockKind::Wall => Some(time::Instant::now()),
        };
        Self { start, visitors, doorbell, asked: 0, due_in_a_row: 0 }
    }

    pub(crate) fn doorbell(&self) -> Doorbell {
        Doorbell(self.doorbell.clone())
    }

    pub(crate) fn wait(&mut self, now: u64, due: Option<u64>) -> Ring {
        let Some(start) = self.start else { return self.jump(now, due) };
        loop {
            let now = elapsed_ns(start);
            if due.is_some_and(|due| due <= now) && self.due_in_a_row < DUE_IN_A_ROW_MAX {
                self.due_in_a_row += 1;
                return Ring::Due(now);
            }
            self.due_in_a_row = 0;
            match self.visitors.try_recv() {
                Ok(Visitor::Host(place)) => return Ring::Host(elapsed_ns(start), place),
                Ok(Visitor::Stop) => return Ring::Stop,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
            }
            let wait = match due {
                Some(due) if due <= now => return Ring::Due(now),
                Some(due) => time::Duration::from_nanos(due - now),
                None => time::Duration::from_secs(3600),
            };
            match self.visitors.recv_timeout(wait) {
                Ok(Visitor::Host(place)) => return Ring::Host(elapsed_ns(start), place),
                Ok(Visitor::Stop) => return Ring::Stop,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    fn jump(&mut self, now: u64, due: Option<u64>) -> Ring {
        self.asked = self.asked.wrapping_add(1);
        if self.asked.is_multiple_of(1024) && self.visitors.try_recv().is_ok() {
            return Ring::Stop;
        }
        due.map_or(Ring::Nothing, |due| Ring::Due(due.max(now)))
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the one place where wall time is read")]
fn elapsed_ns(start: time::Instant) -> u64 {
    u64::try_from(time::Instant::now().duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}
