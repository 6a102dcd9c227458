//! Every bound has an end of its own.

use serde_json::json;
use squall_world::{Bounds, End};

use crate::stage::{NEVER_US, Stage, say};

fn stage(bounds: Bounds, word: &str, n: u64) -> Stage {
    Stage { nodes: 2, bounds, lines: vec![say(1, 0, word, n)], ..Stage::default() }
}

#[test]
fn too_many_events_are_a_storm() {
    let bounds = Bounds { events_max: 500, ..Bounds::SWARM };
    let stage = Stage { latency_us: 10, ..stage(bounds, "toss", 1) };
    let report = stage.run().report;
    assert_eq!(report.end, End::EventStorm);
    assert_eq!(report.events, 501);
}

#[test]
fn time_that_stands_still_names_the_two_busiest() {
    let bounds = Bounds { instant_events_max: 999, ..Bounds::SWARM };
    let report = stage(bounds, "toss", 1).run().report;
    let End::InstantStorm { busiest } = report.end else { panic!("{:?}", report.end) };
    let names: Vec<_> = busiest.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["n0", "n1"]);
    // Counting begins once half of the bound is reached.
    assert!(busiest.iter().all(|(_, count)| (249..=251).contains(count)), "{busiest:?}");
    assert_eq!(report.end_ns, 1_000_000);

    let alone = stage(bounds, "spin", 1).run().report.end;
    let End::InstantStorm { busiest } = alone else { panic!("{alone:?}") };
    assert_eq!(busiest[0].0, "n0");
    assert!(busiest[0].1 >= 499);
}

#[test]
fn too_much_that_waits_is_a_full_queue() {
    let bounds = Bounds { queue_max: 100, ..Bounds::SWARM };
    assert_eq!(stage(bounds, "clog", 90).run().report.end, End::Done);
    assert_eq!(stage(bounds, "clog", 200).run().report.end, End::QueueFull);
}

#[test]
fn too_large_messages_on_their_way_are_a_full_queue() {
    // A ping takes 21 bytes or 22, and some more come from the client.
    let bounds = Bounds { body_bytes_max: 1_000, ..Bounds::SWARM };
    let flood = |n| Stage { latency_us: 5_000, ..stage(bounds, "flood", n) };
    assert_eq!(flood(40).run().report.end, End::Done);
    assert_eq!(flood(50).run().report.end, End::QueueFull);
    // What has arrived is not on its way.
    let lines = (0..20).map(|n| say(n * 10, 0, "flood", 40)).collect();
    let again = Stage { lines, ..flood(0) };
    assert_eq!(again.run().report.end, End::Done);
}

#[test]
fn a_full_link_drops_the_newest() {
    let bounds = Bounds { link_queue_max: 10, ..Bounds::SWARM };
    let stage = Stage { latency_us: 5_000, ..stage(bounds, "flood", 12) };
    let ran = stage.run();
    assert_eq!(ran.report.end, End::Done);
    let row = |n: u64| match n {
        10 | 11 => (n, 1_000, "queue".to_owned()),
        _ => (n, 6_000, "recv".to_owned()),
    };
    let mut fates = ran.fates("ping", "n1");
    fates.sort();
    assert_eq!(fates, (0..12).map(row).collect::<Vec<_>>());
    let net = ran.report.net;
    assert_eq!((net.servers.send, net.servers.recv), (12, 10));
    assert_eq!(net.undeliverable, 0, "there was somebody to receive it");
}

#[test]
fn virtual_time_has_no_hurry() {
    let stage = Stage { end_us: u64::MAX / 2_000, ..Stage::default() };
    let mut world = stage.world();
    world.boot();
    world.run_until(1_000);
    assert_eq!(world.end(), None);
    let ran = stage.run();
    assert_eq!(ran.report.end, End::Done);
    assert_eq!(json!(ran.report.end_ns), json!(stage.end_us * 1_000));
}

#[test]
fn nothing_left_to_happen_is_an_end() {
    let stage = Stage { end_us: NEVER_US, ..stage(Bounds::SWARM, "ring", 30) };
    let ran = stage.run();
    assert_eq!(ran.report.end, End::Quiet, "the clients were not done");
    assert_eq!(ran.report.end_ns, 31_000_000, "the last timer rang");
}
