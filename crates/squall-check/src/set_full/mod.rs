//! Set-full: an element that was added is read by everybody from some moment on (broadcast, g-set).
//!
//! Per element that somebody tried to add:
//!
//! | term | meaning |
//! |---|---|
//! | known | the completion that first proves it: of its add, or of a read that contains it |
//! | last present, last absent | the `ok` read invoked last with, or without it; of those that end after its add began |
//! | stable | it is present in the last of these reads |
//! | lost | known, and absent in a read invoked after that and after every read that contains it |
//! | never read | neither |
//!
//! Beyond what Maelstrom checks: every read of the final phase must contain every element known
//! before that phase, else the element is lost as well; two final reads must agree; no read may
//! contain an element twice, or one that nobody added, that only failed operations added, or whose
//! add was invoked later; and an acknowledgement must be of what was to be added.
//!
//! Without a successful read, or if no element was ever known, there is nothing to judge: *not
//! exercised*. If elements were known but none is stable and none lost, it is *unknown*. So it is
//! if the history was cut off: what is missing so far may still come.
//!
//! Sound; complete for the rules above. Takes time in proportion to the size of all reads, by two
//! passes over them.
//!
//! Result: `:attempt-count`, `:stable-count`, `:lost-count`, `:lost`, `:never-read-count`,
//! `:never-read`, `:stale-count`, `:stale` (stable, but only some time after it was known),
//! `:worst-stale`, `:stable-latencies`, `:lost-latencies` (quantile to milliseconds, only if any),
//! `:duplicated-count`, `:duplicated` (element to greatest multiplicity), and beside upstream's
//! keys `:phantom-count`, `:phantom`, `:not-converged-count`, `:not-converged` (element to the
//! nodes that lack it), `:final-read-count`, `:final-read-ok-count`.

mod elements;

mod passes;

mod report;

use squall_history::{History, Name};

use crate::requests;
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};
use elements::Elements;
use passes::Passes;

/// What the checker has to know beside the history.
#[derive(Clone, Debug)]
pub struct Options {
    /// The function whose argument is added.
    pub add: Name,
    /// The function that returns a list of all elements.
    pub read: Name,
    /// Whether two reads of the final phase that differ break the promise.
    pub final_reads_agree: bool,
    /// Whether the history goes to the end of its run. If it was cut off, a read that lacks an
    /// element proves nothing: it might have come.
    pub is_whole: bool,
}

impl Options {
    /// For the workload broadcast.
    #[must_use]
    pub fn broadcast() -> Self {
        Self {
            add: "broadcast".into(),
            read: "read".into(),
            final_reads_agree: true,
            is_whole: true,
        }
    }

    /// For the workload g-set.
    #[must_use]
    pub fn g_set() -> Self {
        Self { add: "add".into(), ..Self::broadcast() }
    }
}

/// Judges a history of adds and reads.
#[must_use]
pub fn check(history: &History, options: &Options) -> Outcome {
    let operations = history.operations();
    let mut elements = Elements::of(&operations.list, options);
    let passes = Passes::over(&mut elements, options);
    let mut problems = operations.problems.clone();
    problems.append(&mut elements.problems);

    let report = report::Report::of(&elements, &passes);
    let has_final_read = elements.reads.iter().any(|read| read.operation.is_final());
    let (verdict, reason) = if report.has_strangers() || (options.is_whole && report.lacks()) {
        (Verdict::Broken, None)
    } else if !options.is_whole {
        let how = "let it run to its end, or give it a shorter time";
        let text = "the run was cut off before the last reads: what is missing might have come";
        (Verdict::Unknown, Some(Reason::new(ReasonCode::Undecided, text, how)))
    } else if elements.reads.is_empty() {
        let how = "run longer, or with fewer faults";
        let text = "no read succeeded";
        (Verdict::NotExercised, Some(Reason::new(ReasonCode::Empty, text, how)))
    } else if elements.attempted_count() == 0 {
        let how = "run longer, or at a higher rate";
        let text = "nothing was added";
        (Verdict::NotExercised, Some(Reason::new(ReasonCode::Empty, text, how)))
    } else if elements.known_count() == 0 {
        let how = "run longer, or with fewer faults";
        let text = "no value was ever acknowledged, and no read contains one";
        (Verdict::NotExercised, Some(Reason::new(ReasonCode::Empty, text, how)))
    } else if report.stable_count() == 0 {
        let how = "run longer, or with fewer faults";
        let text = "no element is stable, and none is lost";
        (Verdict::Unknown, Some(Reason::new(ReasonCode::Undecided, text, how)))
    } else if elements.final_reads_count > 0 && !has_final_read {
        let how = "give the nodes more time to recover before the final reads";
        let text = "no read of the final phase succeeded";
        (Verdict::Unknown, Some(Reason::new(ReasonCode::NoFinalRead, text, how)))
    } else {
        (Verdict::Held, None)
    };
    let mut outcome = Outcome::new(verdict, report.pairs());
    outcome.anomalies = report.anomalies(options.is_whole);
    outcome.reason = reason;
    let mismatches = requests::mismatches(&operations.list, &[&*options.add]);
    outcome.broken_by(mismatches).capped_by(problems)
}
