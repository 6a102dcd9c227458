//! A fault may wait for what it needs, and then comes at exactly that moment.

use serde_json::{Value, json};

use crate::stage::{Ran, Stage, cut, kill, say, when};

/// A node votes, is asked again, and is killed with power loss by a trigger.
fn votes(trigger: Value, after_us: u64) -> Ran {
    let lines = vec![say(10, 1, "vote", 7), say(12, 1, "vote", 8), say(60, 1, "vote", 9)];
    let events = vec![when(kill(0, 20, &["n1"], true), trigger, after_us)];
    Stage { lines, events, ..Stage::default() }.run()
}

/// The line of the trace that begins the first fault, and the line that it names as its cause.
fn begin(ran: &Ran) -> (Value, Value) {
    let lines = ran.lines();
    let is_begin = |line: &&Value| line["k"] == "fault" && line["do"] == "begin";
    let begin = lines.iter().find(is_begin).expect("the fault begins").clone();
    let cause = usize::try_from(begin["c"].as_u64().expect("a cause")).unwrap();
    (begin, lines[cause].clone())
}

#[test]
fn each_kind_of_trigger_is_met_at_its_moment() {
    // The sync takes 4 ms from the first vote on; both answers wait for it.
    for (trigger, at_us, kind, answered) in [
        (json!({ "received": "vote", "to": "n1" }), 10_000, "recv", vec![2]),
        (json!({ "write": "vote" }), 10_000, "disk", vec![2]),
        (json!({ "write": "vote", "node": "n1" }), 10_000, "disk", vec![2]),
        (json!({ "sync_start": "n1" }), 10_000, "disk", vec![2]),
        (json!({ "received": "vote", "nth": 2 }), 12_000, "recv", vec![2]),
        (json!({ "sync_end": "n1" }), 14_000, "disk", vec![0, 1, 2]),
        (json!({ "sent": "vote_ok", "from": "n1" }), 14_000, "send", vec![0, 1, 2]),
        (json!({ "sent": "vote_ok", "to": "c0", "nth": 2 }), 14_000, "send", vec![0, 1, 2]),
    ] {
        let ran = votes(trigger.clone(), 0);
        let (begin, cause) = begin(&ran);
        assert_eq!(begin["t"], at_us * 1_000, "{trigger}");
        assert_eq!((&cause["t"], &cause["k"]), (&begin["t"], &json!(kind)), "{trigger}");
        assert_eq!(ran.answers().into_keys().collect::<Vec<_>>(), answered, "{trigger}");
        // What was answered is durable: whoever asks after the power loss is told the same.
        let last = if answered.len() == 3 { 7 } else { 9 };
        assert_eq!(ran.answers()[&2].1, json!(last), "{trigger}");
    }
}

#[test]
fn a_note_is_a_trigger() {
    let lines = vec![say(10, 1, "ring", 5), say(11, 1, "ring", 9)];
    let rang = |node: &str| json!({ "note": "rang", "node": node, "nth": 2 });
    let events = vec![
        when(kill(0, 20, &["n1"], false), rang("n1"), 1_500),
        when(kill(0, 20, &["n2"], false), rang("n2"), 0),
    ];
    let ran = Stage { lines, events, ..Stage::default() }.run();
    let (begin, cause) = begin(&ran);
    assert_eq!((&cause["k"], &cause["t"]), (&json!("note"), &json!(20_000_000)));
    assert_eq!(begin["t"], 21_500_000, "so long after its trigger");
    assert!(ran.at("life", "n2").iter().all(|line| line["do"] != "kill"), "it told nothing");
}

#[test]
fn the_sender_of_a_message_is_killed_before_anything_else_happens() {
    // All at one instant: the answer leaves, its sender dies, and what comes for it then is lost.
    let lines = vec![say(10, 1, "get", 0), say(10, 1, "get", 1), say(10, 1, "get", 2)];
    let sent = json!({ "sent": "get_ok", "from": "n1", "nth": 2 });
    let events = vec![when(kill(0, 20, &["n1"], false), sent, 0)];
    let ran = Stage { lines, events, ..Stage::default() }.run();
    assert_eq!(ran.answers().into_keys().collect::<Vec<_>>(), [0, 1]);
    let fates: Vec<_> = ran.fates("get", "n1").into_iter().map(|(n, _, why)| (n, why)).collect();
    let expected = [(0, "recv"), (1, "recv"), (2, "down")];
    assert_eq!(fates, expected.map(|(n, why)| (n, why.to_owned())));
}

#[test]
fn a_message_that_is_lost_was_sent_all_the_same() {
    let lines = vec![say(10, 0, "pass", 1)];
    let cut = cut(0, 500, json!([["n0"], ["n1", "n2"]]));
    let trigger = |what: &str| json!({ what: "ping", "from": "n0", "to": "n1" });
    let events = vec![
        cut,
        when(kill(0, 20, &["n2"], false), trigger("sent"), 0),
        when(kill(0, 20, &["n1"], false), trigger("received"), 0),
    ];
    let ran = Stage { lines, events, ..Stage::default() }.run();
    let kills = |node: &str| ran.at("life", node).iter().filter(|l| l["do"] == "kill").count();
    assert_eq!((kills("n2"), kills("n1")), (1, 0));
}

#[test]
fn nothing_begins_once_the_cluster_heals() {
    // The last word comes as late as the end, and the trigger that is met before begins after.
    let lines = vec![say(90, 0, "pass", 1), say(100, 0, "pass", 2)];
    let events = vec![
        when(kill(0, 20, &["n1"], false), json!({ "sent": "ping" }), 10_000),
        when(kill(0, 20, &["n2"], false), json!({ "sent": "ping", "nth": 3 }), 0),
    ];
    let ran = Stage { lines, events, end_us: 100_000, ..Stage::default() }.run();
    assert!(ran.lines().iter().all(|line| line["k"] != "fault"));
    // The other one has seen one of its three, and says so.
    let [unmet] = &ran.report.unmet[..] else { panic!("{:?}", ran.report.unmet) };
    assert!(unmet.starts_with("event 2 waited in vain"), "{unmet}");
    assert!(unmet.ends_with("seen 1 of 3"), "{unmet}");
}

#[test]
fn a_fault_that_waited_lasts_as_long_as_it_says() {
    for (after_us, for_us) in [(0, 0), (10, 0), (0, 700), (10, 700)] {
        let sent = json!({ "sent": "get_ok" });
        let mut event = when(kill(0, 0, &["n1"], false), sent, after_us);
        event["for_us"] = json!(for_us);
        let ran =
            Stage { lines: vec![say(10, 1, "get", 0)], events: vec![event], ..Stage::default() };
        let times: Vec<_> =
            ran.run().at("fault", "nemesis").iter().map(|line| line["t"].clone()).collect();
        let begin = 10_000_000 + 1_000 * after_us;
        assert_eq!(times, [json!(begin), json!(begin + 1_000 * for_us)], "{after_us} {for_us}");
    }
}

#[test]
fn faults_that_are_met_by_one_step_begin_in_the_order_in_which_they_are_met() {
    let kills = ["received", "write", "sync_start"].map(|what| {
        let name = match what {
            "received" => "put",
            "write" => "kept",
            _ => "n1",
        };
        when(kill(0, 5, &["n2"], false), json!({ what: name, "nth": 2 }), 0)
    });
    let lines = vec![say(10, 1, "put", 1), say(20, 1, "put", 2)];
    let ran = Stage { lines, events: kills.to_vec(), ..Stage::default() }.run();
    let begun = ran.at("fault", "nemesis").into_iter().filter(|line| line["do"] == "begin");
    let ids: Vec<_> = begun.map(|line| line["id"].clone()).collect();
    assert_eq!(ids, [1, 2, 3]);
}

#[test]
fn a_run_with_triggers_is_the_same_unobserved_and_forked() {
    let lines = (0..40).map(|n| say(n * 10, 1, "put", n)).collect();
    let events = vec![
        when(kill(0, 25, &["n1"], true), json!({ "write": "kept", "nth": 3 }), 0),
        when(kill(0, 25, &["n1"], true), json!({ "sync_start": "n1", "nth": 12 }), 700),
        when(kill(0, 25, &["n1"], true), json!({ "note": "woke", "nth": 2 }), 30_000),
    ];
    let stage = Stage { lines, events, ..Stage::default() };
    let observed = stage.run();
    assert_eq!(observed.at("fault", "nemesis").len(), 6, "all begin and end");
    assert_eq!(stage.world().run().hash, observed.report.hash);
    // Before the first of them, between them, and after.
    for at_ms in [5, 50, 100, 150, 300] {
        let mut world = stage.world();
        world.boot();
        world.run_until(at_ms * 1_000_000);
        let forked = world.fork().expect("keepers can be cloned").run_on();
        assert_eq!(forked.hash, observed.report.hash, "forked at {at_ms} ms");
    }
}
