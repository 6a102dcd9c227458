//! What may be left out of a history, and the smallest part that is broken in the same way.

use squall_check::checkers::{self, Checker};
use squall_check::{Anomaly, Verdict};
use squall_history::History;
use squall_history::formats::edn;

use crate::metamorphic::{families, reading};
use crate::simulated::Chance;

/// Histories of a family.
const HISTORIES: u64 = 1_000;

fn invocations(history: &History) -> Vec<u64> {
    history.operations().list.iter().map(|op| op.invocation.index).collect()
}

fn breaks(checker: &Checker, history: &History) -> Vec<Anomaly> {
    let outcome = (checker.check)(history, &reading());
    if outcome.verdict == Verdict::Broken { outcome.anomalies } else { Vec::new() }
}

#[test]
fn a_right_history_stays_right_without_what_belongs_together() {
    for family in families() {
        let checker = checkers::find(family.name).expect(family.name);
        let mut left_count = 0;
        for seed in 0..HISTORIES {
            let history = (family.history)(seed);
            if !breaks(checker, &history).is_empty() {
                continue;
            }
            let chance = &mut Chance(seed);
            let all = invocations(&history);
            let share = 2 + chance.below(6);
            let gone: Vec<u64> = all.iter().copied().filter(|_| chance.below(share) == 0).collect();
            let Some(left) = checker.leave_out(&history, &reading(), &gone) else { break };
            left_count += left.events.len();
            let found = breaks(checker, &left);
            let text = || format!("{}\n\n{}", edn::write(&history), edn::write(&left));
            assert!(found.is_empty(), "{}, seed {seed}: {found:?}\n{}", family.name, text());
        }
        let has_ties = checker.leave_out(&History::default(), &reading(), &[]).is_some();
        assert!(!has_ties || left_count > 1_000, "{}: {left_count} events left", family.name);
    }
}

#[test]
fn a_core_is_broken_in_the_same_way_and_nothing_can_be_left_out() {
    for family in families() {
        let checker = checkers::find(family.name).expect(family.name);
        let mut cores_count = 0;
        for seed in 0..HISTORIES {
            let history = (family.history)(seed);
            let mut outcome = (checker.check)(&history, &reading());
            checker.find_cores(&history, &reading(), &mut outcome);
            for anomaly in &outcome.anomalies {
                let Some(core) = &anomaly.core else { continue };
                cores_count += 1;
                let is_same =
                    |found: &[Anomaly]| found.iter().any(|other| other.class == anomaly.class);
                let part = core.of(&history);
                let text = || format!("{}\n\n{}", edn::write(&history), edn::write(&part));
                let what = format!("{}, seed {seed}, {}", family.name, anomaly.class.name);
                assert!(is_same(&breaks(checker, &part)), "{what}:\n{}", text());
                assert!(core.is_minimal, "{what}: not finished");
                for op in invocations(&part) {
                    let less = checker.leave_out(&part, &reading(), &[op]).expect("it has a core");
                    assert!(!is_same(&breaks(checker, &less)), "{what}: {op}\n{}", text());
                }
            }
        }
        let has_ties = checker.leave_out(&History::default(), &reading(), &[]).is_some();
        assert!(!has_ties || cores_count > 40, "{}: {cores_count} cores", family.name);
    }
}
