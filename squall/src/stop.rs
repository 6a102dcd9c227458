//! Ctrl-C: the run ends, and the verdict so far is told. A second one ends at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use squall_world::Doorbell;

use crate::exit::INTERRUPTED;

/// A wish to stop, and the run that is told of it.
#[derive(Debug)]
struct Stop {
    is_asked: AtomicBool,
    doorbell: Mutex<Option<Doorbell>>,
}

static STOP: Stop = Stop::new();

impl Stop {
    const fn new() -> Self {
        Self { is_asked: AtomicBool::new(false), doorbell: Mutex::new(None) }
    }

    /// Somebody asks to stop. Says whether it is for the first time.
    fn ask(&self) -> bool {
        let is_first = !self.is_asked.swap(true, Ordering::SeqCst);
        self.ring();
        is_first
    }

    /// From now on this run is told. It is told at once if somebody has asked before there was a
    /// bell to ring: whichever of the two comes last finds what the other one left.
    fn watch(&self, bell: Doorbell) {
        *self.doorbell.lock().unwrap_or_else(PoisonError::into_inner) = Some(bell);
        if self.is_asked.load(Ordering::SeqCst) {
            self.ring();
        }
    }

    fn ring(&self) {
        let doorbell = self.doorbell.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(doorbell) = doorbell.as_ref() {
            doorbell.stop();
        }
    }
}

/// From now on Ctrl-C asks runs to stop.
pub(crate) fn listen() {
    let heard = ctrlc::set_handler(|| {
        if !STOP.ask() {
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
    if let Err(error) = heard {
        crate::out::remark(&format!("squall: Ctrl-C will end this at once: {error}"));
    }
}

/// The run that Ctrl-C stops.
pub(crate) fn watch(bell: Doorbell) {
    STOP.watch(bell);
}

/// Whether somebody has asked to stop.
pub(crate) fn is_asked() -> bool {
    flag().load(Ordering::SeqCst)
}

/// Set once somebody has asked to stop.
pub(crate) fn flag() -> &'static AtomicBool {
    &STOP.is_asked
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clap::Parser;
    use squall_world::{End, World};

    use super::*;
    use crate::cli::{Cli, Verb};
    use crate::test::Request;

    fn world() -> World {
        let cli = Cli::try_parse_from(["squall", "test", "echo", "--rate", "100"]);
        let Ok(Cli { verb: Some(Verb::Test(args)) }) = cli else { panic!("a test") };
        let settings = Request::of(&args).expect("a good one").settings;
        squall_workbench::build(&Arc::new(squall_workbench::plan(&settings, 1))).expect("a plan")
    }

    #[test]
    fn who_asks_before_or_after_the_run_is_known_is_heard() {
        for asks_first in [true, false] {
            let (stop, world) = (Stop::new(), world());
            if asks_first {
                assert!(stop.ask(), "nobody has asked before");
            }
            stop.watch(world.doorbell());
            if !asks_first {
                assert!(stop.ask(), "nobody has asked before");
            }
            assert_eq!(world.run().end, End::Interrupted, "asked first: {asks_first}");
            assert!(!stop.ask(), "the second time ends at once");
        }
        let (stop, world) = (Stop::new(), world());
        stop.watch(world.doorbell());
        assert_eq!(world.run().end, End::Done, "nobody asked");
    }
}
