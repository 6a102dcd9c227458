//! From settings and a seed to a plan, and back from its text.

use std::collections::BTreeSet;
use std::sync::Arc;

use squall_workbench::nodes::NODES;
use squall_workbench::{NodeChoice, Settings, run};
use squall_world::{ClockKind, Plan};

use crate::bench::{judged, plan_of, settings, under};

#[test]
fn a_plan_is_a_function_of_settings_and_seed() {
    for node in NODES {
        let settings = under(&["partition", "partition-one-way", "kill"], settings(node.name));
        let mut digests = BTreeSet::new();
        for seed in 0..20 {
            let plan = plan_of(&settings, seed);
            assert_eq!(plan.text(), plan_of(&settings, seed).text());
            assert_eq!(plan.seed, seed);
            digests.insert(plan.digest());
        }
        assert_eq!(digests.len(), 20);
    }
}

#[test]
fn a_run_reads_its_plan_and_nothing_else() {
    for node in NODES {
        let settings = under(&["partition", "kill"], settings(node.name));
        let plan = plan_of(&settings, 9);
        let read = Arc::new(Plan::parse(&plan.text()).unwrap());
        assert_eq!(judged(&plan).hash, judged(&read).hash, "{}", node.name);
    }
}

#[test]
fn faults_begin_at_once_take_turns_and_end_with_the_main_phase() {
    let settings = under(&["partition", "partition-one-way", "kill"], settings("echo"));
    for seed in 0..50 {
        let plan = plan_of(&settings, seed);
        let begin = |event: &squall_world::EventPlan| event.at_us.expect("no trigger is drawn");
        // But a kill leaves the nodes some time first.
        assert_eq!(begin(&plan.events[0]) == 0, plan.events[0].what != "kill", "seed {seed}");
        assert!(plan.events.windows(2).all(|pair| pair[0].at_us <= pair[1].at_us));
        assert!(plan.events.iter().zip(1..).all(|(event, id)| event.id == id));
        let ends = plan.events.iter().map(|event| begin(event) + event.for_us);
        assert!(ends.clone().all(|end| end <= 10_000_000), "seed {seed}");
        for kind in ["partition", "partition-one-way", "kill"] {
            // Two of one kind are never in force at the same time.
            let own: Vec<_> = plan.events.iter().filter(|event| event.what == kind).collect();
            let apart = |a: &squall_world::EventPlan, b: &squall_world::EventPlan| {
                begin(a) + a.for_us <= begin(b)
            };
            assert!(own.windows(2).all(|pair| apart(pair[0], pair[1])), "seed {seed}");
        }
    }
}

#[test]
fn another_kind_of_fault_leaves_the_draws_of_the_first_alone() {
    for seed in 0..20 {
        let words = |faults: &[&str]| -> Vec<_> {
            let plan = plan_of(&under(faults, settings("echo")), seed);
            let own = plan.events.iter().filter(|event| event.what == "partition");
            own.map(|event| event.words.clone()).collect()
        };
        let (alone, beside) = (words(&["partition"]), words(&["partition", "kill"]));
        let common = alone.len().min(beside.len());
        assert_eq!(alone[..common], beside[..common], "seed {seed}");
    }
}

#[test]
fn a_plan_lets_only_embedded_nodes_lose_power() {
    let embedded = under(&["kill"], settings("echo"));
    let foreign = Settings {
        node: NodeChoice::Program("/bin/node".into()),
        ..under(&["kill"], settings("echo"))
    };
    let one = Settings { mixed: vec![("n0".to_owned(), "/bin/node".into())], ..embedded.clone() };
    let kills = |settings: &Settings| -> Vec<_> {
        let plans = (0..50).map(|seed| plan_of(settings, seed));
        plans.flat_map(|plan| plan.events.clone()).map(|event| event.words).collect()
    };
    let power = |words: &&serde_json::Map<_, _>| words["power"] == true;
    let (ours, theirs, both) = (kills(&embedded), kills(&foreign), kills(&one));
    assert!(ours.iter().filter(power).count() > 50);
    assert_eq!(theirs.iter().filter(power).count(), 0);
    for ((ours, theirs), both) in ours.iter().zip(&theirs).zip(&both) {
        assert_eq!((&ours["nodes"], &ours["kind"]), (&theirs["nodes"], &theirs["kind"]));
        let is_only_foreign = ours["nodes"] == serde_json::json!(["n0"]);
        assert_eq!(both["power"] == true, ours["power"] == true && !is_only_foreign);
    }
}

#[test]
fn slots_fill_the_time_at_their_rate() {
    let counts = (0..20).map(|seed| plan_of(&settings("echo"), seed).ops.to);
    let total: u64 = counts.sum();
    assert!((3_800..4_200).contains(&total), "200 in ten seconds, twenty times: {total}");
    let none = Settings { rate_millionths: 0, ..settings("echo") };
    assert_eq!(plan_of(&none, 1).ops.to, 0);
    assert_eq!(judged(&plan_of(&none, 1)).word.as_str(), "not exercised");
}

#[test]
fn processes_run_in_wall_time() {
    let mut settings = settings("echo");
    assert_eq!(plan_of(&settings, 1).clock, ClockKind::Virtual);
    settings.mixed = vec![("n1".to_owned(), "own".into())];
    assert_eq!(plan_of(&settings, 1).clock, ClockKind::Wall);
    settings.mixed.clear();
    settings.node = NodeChoice::Program("own".into());
    assert_eq!(plan_of(&settings, 1).clock, ClockKind::Wall);
}

#[test]
fn what_a_plan_names_must_exist() {
    let error = |change: fn(&mut Plan)| {
        let mut plan = Plan::clone(&plan_of(&settings("echo"), 1));
        change(&mut plan);
        run(&Arc::new(plan), None).expect_err("the plan names what is not there").to_string()
    };
    assert!(error(|plan| plan.workload = "kafkaesque".to_owned()).contains("kafkaesque"));
    assert!(error(|plan| drop(plan.knobs.insert("impl".to_owned(), "kv2".into()))).contains("kv2"));
    let arg = |plan: &mut Plan| drop(plan.knobs.insert("args".to_owned(), vec!["--fast"].into()));
    assert!(error(arg).contains("--fast"));
}

#[test]
fn what_is_inside_a_program_cannot_be_waited_for() {
    let mut plan = (*plan_of(&settings("echo"), 1)).clone();
    plan.clock = ClockKind::Wall;
    let mut why = |knob: (&str, serde_json::Value), when: serde_json::Value| {
        plan.knobs.remove("bin");
        plan.knobs.remove("bins");
        plan.knobs.insert(knob.0.to_owned(), knob.1);
        let kill = serde_json::json!({ "id": 1, "when": when, "for_us": 1, "do": "kill",
                                       "nodes": ["n1"], "power": false });
        plan.events = vec![serde_json::from_value(kill).unwrap()];
        squall_workbench::check_plan(&plan).err().map(|error| error.to_string())
    };
    let all = || ("bin", serde_json::json!("./node"));
    let one = || ("bins", serde_json::json!({ "n1": "./node" }));
    let name = |what: &str, name: &str| serde_json::json!({ what: name });
    assert_eq!(why(all(), name("sent", "echo_ok")), None);
    assert!(why(all(), name("write", "log")).unwrap().contains("every node is a program"));
    assert_eq!(why(one(), name("note", "woke")), None, "another node may tell it");
    assert!(why(one(), name("sync_end", "n1")).unwrap().contains("event 1 of the plan: n1"));
    assert_eq!(why(one(), name("sync_end", "n2")), None);
    assert!(why(one(), serde_json::json!({ "note": "woke", "node": "n1" })).is_some());
}
