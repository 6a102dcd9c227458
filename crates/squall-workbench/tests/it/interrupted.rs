//! A run that somebody stops claims nothing that its end might have refuted.

use squall_check::Verdict;
use squall_workbench::nodes::NODES;
use squall_workbench::{Settings, Word, build, judge};
use squall_world::End;

use crate::bench::{plan_of, settings, with_nodes};

#[test]
fn what_was_under_way_is_not_held_against_a_node() {
    for node in NODES {
        let settings = Settings {
            rate_millionths: 200_000_000,
            latency_ms: 100,
            ..with_nodes(9, settings(node.name))
        };
        let plan = plan_of(&settings, 4);
        for stop_ms in [3, 50, 120, 500, 2_000] {
            let mut world = build(&plan).unwrap();
            world.boot();
            world.run_until(stop_ms * 1_000_000);
            world.doorbell().stop();
            let report = world.run_on();
            assert_eq!(report.end, End::Interrupted);
            let judged = judge(&plan, report);
            let broken = judged.promises.iter().find(|(_, it)| it.verdict == Verdict::Broken);
            assert!(broken.is_none(), "{} after {stop_ms} ms: {broken:#?}", node.name);
            assert_eq!(judged.word, Word::Unknown, "{} after {stop_ms} ms", node.name);
        }
    }
}
