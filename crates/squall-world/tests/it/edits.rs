//! Edits of a plan change single messages, and nothing else.

use serde_json::json;

use crate::stage::{Stage, say};

fn passes(edits: Vec<serde_json::Value>) -> Stage {
    let lines = (0..5).map(|n| say(10 * n, 0, "pass", n)).collect();
    Stage { lines, edits, latency_us: 2_000, dist: "exponential", ..Stage::default() }
}

#[test]
fn one_message_is_lost() {
    let edit = json!({ "drop": { "from": "n0", "to": "n1", "name": "ping", "k": 2 } });
    let (before, after) = (passes(Vec::new()).run(), passes(vec![edit]).run());
    let mut expected = before.fates("ping", "n1");
    assert_eq!(expected.len(), 5);
    expected.retain(|(n, ..)| *n != 2);
    assert_eq!(after.fates("ping", "n1"), expected, "the others are as they were");
    let sends = after.at("send", "n0");
    let lost: Vec<_> = sends.iter().filter(|send| send["fate"] == "drop").collect();
    assert_eq!(lost.len(), 1);
    assert_eq!((&lost[0]["link"], &lost[0]["due"]), (&json!(2), &json!(null)));
    let net = (after.report.net.servers, before.report.net.servers);
    assert_eq!((net.0.send, net.0.recv + 1), (net.1.send, net.1.recv));
    assert_ne!(after.report.hash, before.report.hash);
}

#[test]
fn one_message_is_under_way_for_longer() {
    let which = json!({ "from": "n0", "to": "n1", "name": "ping", "k": 1, "by_us": 200_000 });
    let (before, after) = (passes(Vec::new()).run(), passes(vec![json!({ "delay": which })]).run());
    let mut expected = before.fates("ping", "n1");
    expected[1].1 += 200_000;
    expected.sort_by_key(|(_, at_us, _)| *at_us);
    assert_eq!(after.fates("ping", "n1"), expected);
}

#[test]
fn messages_of_clients_can_be_lost_too() {
    let edit = json!({ "drop": { "from": "n0", "to": "c0", "name": "get_ok", "k": 1 } });
    let lines = (0..3).map(|n| say(10 * n, 0, "get", n)).collect();
    let ran = Stage { lines, edits: vec![edit], ..Stage::default() }.run();
    assert_eq!(ran.answers().into_keys().collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn a_message_that_is_lost_takes_no_room() {
    // One message may be under way, and the first one is not.
    let edit = json!({ "drop": { "from": "n0", "to": "n1", "name": "ping", "k": 0 } });
    let lines = vec![say(10, 0, "pass", 1), say(12, 0, "pass", 2), say(14, 0, "pass", 3)];
    let bounds = squall_world::Bounds { link_queue_max: 1, ..squall_world::Bounds::SWARM };
    let stage = Stage { lines, edits: vec![edit], bounds, latency_us: 50_000, ..Stage::default() };
    let expected = [(3, 14_000, "queue"), (2, 62_000, "recv")];
    let expected = expected.map(|(n, at_us, why)| (n, at_us, why.to_owned()));
    assert_eq!(stage.run().fates("ping", "n1"), expected);
}
