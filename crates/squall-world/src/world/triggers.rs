//! Faults that wait for something to happen.

use super::{Event, World};
use crate::edit::Edit;
use crate::trigger::{Happening, Trigger};

/// The triggers of the plan that have not been met yet, and those that just were.
#[derive(Clone, Debug, Default)]
pub(super) struct Triggers {
    waiting: Vec<Waiting>,
    met: Vec<Met>,
    /// Those that were still waiting when the cluster healed.
    unmet: Vec<Waiting>,
}

#[derive(Clone, Debug)]
struct Waiting {
    fault: usize,
    trigger: Trigger,
    after_ns: u64,
    /// So many matches are still to come.
    left: u64,
}

#[derive(Clone, Copy, Debug)]
struct Met {
    fault: usize,
    after_ns: u64,
    /// The line of what met it.
    line: u64,
}

impl Triggers {
    pub(super) fn arm(&mut self, fault: usize, trigger: &Trigger, after_ns: u64) {
        let left = trigger.nth.unwrap_or(1);
        self.waiting.push(Waiting { fault, trigger: trigger.clone(), after_ns, left });
    }

    pub(super) fn disarm(&mut self) {
        self.unmet.append(&mut self.waiting);
    }

    /// Whether anything is waited for: if not, nobody needs to say what happens.
    pub(super) const fn is_armed(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Something happens, and is told in this line.
    pub(super) fn see(&mut self, happening: Happening<'_>, line: u64) {
        let Self { waiting, met, unmet: _ } = self;
        waiting.retain_mut(|waiting| {
            if waiting.trigger.matches(happening) {
                waiting.left -= 1;
            }
            if waiting.left == 0 {
                met.push(Met { fault: waiting.fault, after_ns: waiting.after_ns, line });
            }
            waiting.left > 0
        });
    }
}

impl World {
    /// What the plan waited for or meant to change, and never came: a name that is mistyped looks
    /// like one that nobody used.
    pub(super) fn unmet(&self) -> Vec<String> {
        let Triggers { waiting, unmet, .. } = &self.triggers;
        let event = |waiting: &Waiting| {
            let id = self.plan.events[waiting.fault].id;
            let what = serde_json::to_string(&waiting.trigger).unwrap_or_default();
            let wanted = waiting.trigger.nth.unwrap_or(1);
            let seen = wanted - waiting.left;
            format!("event {id} waited in vain for {what}: seen {seen} of {wanted}")
        };
        let events = waiting.iter().chain(unmet).map(event);
        let edits = self.plan.edits.iter().enumerate().filter(|(at, _)| !self.edits_met[*at]);
        let edit = |(at, edit): (usize, &Edit)| {
            let what = serde_json::to_string(edit).unwrap_or_default();
            format!("edit {} found no message: {what}", at + 1)
        };
        events.chain(edits.map(edit)).collect()
    }

    /// What a step has met takes effect once all that it said has been carried out: who is killed
    /// for what it said has said it.
    #[inline(always)]
    pub(super) fn begin_what_was_met(&mut self) {
        if !self.triggers.met.is_empty() {
            self.begin_all_that_was_met();
        }
    }

    #[cold]
    fn begin_all_that_was_met(&mut self) {
        while !self.triggers.met.is_empty() {
            for Met { fault, after_ns, line } in std::mem::take(&mut self.triggers.met) {
                let begin = self.now.saturating_add(after_ns);
                let length = self.plan.events[fault].for_us.saturating_mul(1_000);
                if after_ns == 0 {
                    self.fault_begins(fault, Some(line));
                } else {
                    self.queue.push(begin, Event::FaultBegin { fault, cause: Some(line) });
                }
                self.queue.push(begin.saturating_add(length), Event::FaultEnd(fault));
            }
        }
    }
}
