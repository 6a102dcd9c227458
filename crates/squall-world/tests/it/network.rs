//! The way of a message: latency, cuts, who is never cut.

use serde_json::json;
use squall_node::{Lineage, mix};
use squall_world::{Latency, Shape};

use crate::stage::{Stage, cut, say};

/// The largest distance of the drawn latencies from their distribution function, over 20,000.
fn distance(shape: Shape, cumulative: impl Fn(f64) -> f64) -> f64 {
    let mean = 1_000_000;
    let count = 20_000_u64;
    let latency = Latency { mean_ns: mean, shape };
    let mut draws: Vec<u64> = (0..count).map(|i| latency.draw(42, Lineage(mix(i)))).collect();
    draws.sort_unstable();
    let rows = draws.iter().zip(1_u64..);
    rows.map(|(&draw, rank)| {
        let expected = cumulative(draw as f64 / mean as f64);
        let (below, upto) = ((rank - 1) as f64 / count as f64, rank as f64 / count as f64);
        (expected - below).abs().max((expected - upto).abs())
    })
    .fold(0.0, f64::max)
}

#[test]
fn latencies_have_the_distribution_of_their_name() {
    // Kolmogorov and Smirnov: beyond 1.63 / √n once in a hundred fair samples.
    let bound = 1.63 / 20_000_f64.sqrt();
    let uniform = distance(Shape::Uniform, |x| (x / 2.0).min(1.0));
    let exponential = distance(Shape::Exponential, |x| 1.0 - (-x).exp());
    println!("distance: uniform {uniform:.5}, exponential {exponential:.5}, bound {bound:.5}");
    assert!(uniform < bound && exponential < bound);
    // The test has teeth: the one is not the other.
    assert!(distance(Shape::Uniform, |x| 1.0 - (-x).exp()) > 10.0 * bound);
}

#[test]
fn no_mean_no_latency() {
    for shape in Shape::ALL {
        let none = Latency { mean_ns: 0, shape };
        assert!((0..100).all(|i| none.draw(1, Lineage(i)) == 0));
        let some = Latency { mean_ns: 50, shape };
        assert!((0..100).all(|i| shape != Shape::Uniform || some.draw(1, Lineage(i)) < 100));
        assert!((0..100).all(|i| shape != Shape::Constant || some.draw(1, Lineage(i)) == 50));
    }
}

#[test]
fn a_cut_acts_when_a_message_falls_due() {
    // (said at, what becomes of it at n1), with 100 ms on the way and a cut from 50 to 150.
    for (at_ms, expected) in [
        (0, (1, 100_000, "cut")),
        (49, (1, 149_000, "cut")),
        (51, (1, 151_000, "recv")),
        (120, (1, 220_000, "recv")),
    ] {
        let stage = Stage {
            latency_us: 100_000,
            events: vec![cut(50, 100, json!([["n0"], ["n1", "n2"]]))],
            lines: vec![say(at_ms, 0, "pass", 1)],
            ..Stage::default()
        };
        let ran = stage.run();
        let (n, at_us, why) = expected;
        assert_eq!(ran.fates("ping", "n1"), [(n, at_us, why.to_owned())]);
        // Lost messages count as sent, not as received.
        let received = u64::from(why == "recv");
        let servers = ran.report.net.servers;
        assert_eq!((servers.send, servers.recv), (1, received));
    }
}

#[test]
fn a_cut_spares_oneself_services_and_clients() {
    let groups = json!([["n0"], ["n1", "n2"]]);
    let stage = Stage {
        latency_us: 10_000,
        events: vec![cut(0, 900, groups)],
        lines: vec![
            say(100, 0, "mine", 1),
            say(100, 0, "serve", 2),
            say(100, 0, "pass", 3),
            say(100, 1, "pass", 4),
            say(100, 2, "pass", 5),
            say(100, 0, "put", 6),
        ],
        ..Stage::default()
    };
    let ran = stage.run();
    let arrived = |n: u64| (n, 110_000, "recv".to_owned());
    let lost = |n: u64| (n, 110_000, "cut".to_owned());
    // To itself a message takes its time, but nobody cuts it.
    assert_eq!(ran.fates("ping", "n0"), [arrived(1), lost(5)]);
    assert_eq!(ran.fates("ping", "store"), [arrived(2)]);
    assert_eq!(ran.fates("ping", "n1"), [lost(3)]);
    assert_eq!(ran.fates("ping", "n2"), [arrived(4)]);
    // Clients have no latency: request and answer take the sync's 4 ms and nothing else.
    assert_eq!(ran.answers()[&5], (104_000, json!(6)));
    assert_eq!(ran.report.net.clients.send, 7);
}

#[test]
fn one_direction_may_be_cut_alone() {
    let one_way = json!({ "id": 1, "at_us": 0, "do": "partition-one-way", "for_us": 900_000,
                          "kind": "one-mute", "blocked": { "n1": ["n0"] } });
    let lines = vec![say(100, 0, "pass", 1), say(100, 1, "pass-back", 2)];
    let ran = Stage { events: vec![one_way], lines, ..Stage::default() }.run();
    assert_eq!(ran.fates("ping", "n1"), [(1, 100_000, "cut".to_owned())]);
    assert_eq!(ran.fates("ping", "n0"), [(2, 100_000, "recv".to_owned())]);
}

#[test]
fn overlapping_cuts_count() {
    let groups = json!([["n0"], ["n1", "n2"]]);
    let mut second = cut(50, 100, groups.clone());
    second["id"] = json!(2);
    let events = vec![cut(0, 100, groups), second];
    let lines = (0..4).map(|i| say(40 * i + 1, 0, "pass", i)).collect();
    let ran = Stage { events, lines, ..Stage::default() }.run();
    let fates: Vec<_> = ran.fates("ping", "n1").into_iter().map(|(n, _, why)| (n, why)).collect();
    let row = |n: u64, why: &str| (n, why.to_owned());
    assert_eq!(fates, [row(0, "cut"), row(1, "cut"), row(2, "cut"), row(3, "cut")]);
    let lines = vec![say(151, 0, "pass", 9)];
    let events = vec![
        cut(0, 100, json!([["n0"], ["n1", "n2"]])),
        cut(50, 100, json!([["n0"], ["n1", "n2"]])),
    ];
    let ran = Stage { events, lines, ..Stage::default() }.run();
    assert_eq!(ran.fates("ping", "n1"), [(9, 151_000, "recv".to_owned())]);
}

#[test]
fn nobody_hears_what_is_said_to_nobody() {
    // The source of faults is an actor, but nothing lives there.
    let lines = vec![say(10, 0, "haunt", 1)];
    let ran = Stage { lines, ..Stage::default() }.run();
    let sends = ran.at("send", "n0");
    assert_eq!(sends.len(), 1, "{}", ran.trace);
    assert_eq!(sends[0]["fate"], "nowhere");
    assert_eq!(ran.report.net.undeliverable, 1);
}
