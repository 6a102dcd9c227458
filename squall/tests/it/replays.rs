//! A kept run happens again.

use std::fs;

use crate::shell::Shell;

#[test]
fn a_run_is_repeated_however_it_is_named() {
    let shell = Shell::new();
    shell.run("test -w echo --time-limit 2 --seed 1").assert_code(0);
    shell.run("test -w broadcast --time-limit 30 --nemesis kill --seed 2").assert_code(0);
    for (name, workload) in [
        ("latest", "broadcast"),
        ("-1", "broadcast"),
        ("-2", "echo"),
        ("store/echo/latest", "echo"),
        ("store/latest/", "broadcast"),
    ] {
        let ended = shell.run(&format!("replay {name}"));
        ended.assert_code(0).assert_says(workload).assert_says("✓ the same run: hash ");
    }
    let ended = shell.run("replay latest --json");
    assert_eq!(ended.verdict()["same"], true);
    shell.run("replay store/latest/plan.json").assert_code(0).assert_says("✓ the same run");
    fs::copy(shell.path("store/latest/plan.json"), shell.path("plan.json")).unwrap();
    let ended = shell.run("replay plan.json");
    ended.assert_code(0).assert_says("? there is no earlier run to compare with");
    // It is a run of its own, kept like any other.
    ended.assert_says("  kept in    store/broadcast/");
    shell.run("replay -1").assert_code(0).assert_says("✓ the same run");
    let json = shell.run("replay plan.json --json --store elsewhere").verdict();
    assert_eq!(json["same"], serde_json::Value::Null);
    assert!(shell.path("elsewhere/latest/trace.jsonl").is_file(), "{json}");
    shell.run("replay -4").assert_code(66);
}

#[test]
fn a_plan_that_cannot_be_run_leaves_nothing() {
    let shell = Shell::new();
    shell.run("test -w echo --time-limit 2 --seed 1 --store one").assert_code(0);
    let plan = shell.read("one/latest/plan.json");
    for (old, new) in [("\"echo\",\n", "\"../echo\",\n"), ("\"grid\"", "\"gird\"")] {
        assert!(plan.contains(old), "{old} is not in {plan}");
        fs::write(shell.path("plan.json"), plan.replacen(old, new, 1)).unwrap();
        shell.run("replay plan.json").assert_code(65);
        assert!(!shell.path("store").exists());
    }
}

#[test]
fn a_fault_waits_for_its_trigger_and_what_never_comes_is_told() {
    let shell = Shell::new();
    shell.run("test -w lin-kv --impl abd --time-limit 2 --rate 20 --seed 1").assert_code(0);
    let mut plan: serde_json::Value =
        serde_json::from_str(&shell.read("store/latest/plan.json")).expect("a plan is JSON");
    let kill = |id: u64, when: serde_json::Value| {
        serde_json::json!({ "id": id, "when": when, "do": "kill", "for_us": 300_000,
                            "kind": "one", "nodes": ["n1"], "power": true })
    };
    plan["events"] = serde_json::json!([
        kill(1, serde_json::json!({ "sent": "write_ok" })),
        kill(2, serde_json::json!({ "sent": "wriet_ok", "nth": 3 })),
    ]);
    let which = serde_json::json!({ "from": "n1", "to": "n2", "name": "none", "k": 0 });
    plan["edits"] = serde_json::json!([{ "drop": which }]);
    fs::write(shell.path("plan.json"), plan.to_string()).unwrap();
    let ended = shell.run("replay plan.json");
    ended.assert_code(0).assert_says("kill 1");
    ended
        .assert_says("? event 2 waited in vain for {\"sent\":\"wriet_ok\",\"nth\":3}: seen 0 of 3");
    ended.assert_says("? edit 1 found no message: {\"drop\":{");
    let results: serde_json::Value =
        serde_json::from_str(&shell.read("store/latest/results.json")).expect("results are JSON");
    assert_eq!(results["unmet"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_run_that_is_not_the_same_is_told() {
    let shell = Shell::new();
    shell.run("test -w echo --time-limit 2 --seed 1").assert_code(0);
    let edit = |file: &str, old: &str, new: &str| {
        let path = format!("store/latest/{file}");
        let text = shell.read(&path);
        assert!(text.contains(old), "{old} is not in {file}");
        fs::write(shell.path(&path), text.replacen(old, new, 1)).unwrap();
    };
    let hash = shell.run("replay latest --json").verdict()["hash"].as_str().unwrap().to_owned();
    edit("results.json", &hash, "0123456789abcdef");
    edit("trace.jsonl", "\"name\":\"echo\"", "\"name\":\"ohce\"");
    let ended = shell.run("replay latest");
    ended.assert_code(65).assert_says("✗ not the same run");
    for part in ["squall: the plan is the same", "run 1", "send ohce", "differs in   name"] {
        assert!(ended.err.contains(part), "{part}: {ended:#?}");
    }
    let json = shell.run("replay latest --json");
    json.assert_code(65);
    assert_eq!(json.verdict()["same"], false);
}

#[test]
fn a_plan_that_was_changed_is_a_run_of_its_own() {
    let shell = Shell::new();
    shell.run("test -w echo --time-limit 2 --seed 1").assert_code(0);
    let plan = shell.read("store/latest/plan.json");
    fs::write(shell.path("store/latest/plan.json"), plan.replace("\"0x1\"", "\"0x2\"")).unwrap();
    let ended = shell.run("replay latest");
    ended.assert_code(0).assert_says("? the plan has been changed since its run");
    // What the plan expects is compared with what happens.
    let expects = |verdict: &str| {
        let with = format!("{{\n  \"expect\": {{\"verdict\": \"{verdict}\"}},");
        fs::write(shell.path("plan.json"), plan.replacen('{', &with, 1)).unwrap();
        shell.run("replay plan.json")
    };
    expects("held").assert_code(0).assert_says("✓ the plan expects held");
    expects("broken").assert_code(0).assert_says("✗ the plan expects broken");
}

#[test]
fn a_damaged_plan_is_told_by_its_field() {
    let shell = Shell::new();
    shell.run("test -w echo --time-limit 2 --seed 1").assert_code(0);
    let plan = shell.read("store/latest/plan.json");
    for (old, new, word) in [
        ("\"seed\"", "\"sede\"", "unknown field `sede`"),
        ("\"v\": 1", "\"v\": 99", "99"),
        ("\"workload\": \"echo\"", "\"workload\": \"ecoh\"", "ecoh"),
        ("{", "", "plan"),
        ("\"grid\"", "\"gird\"", "topology is \"gird\", expected one of: grid"),
        ("\"topology\"", "\"topologie\"", "unknown field `topologie`"),
        ("\"initial\"", "\"sometimes\"", "unknown variant `sometimes`"),
        ("\"concurrency\": 5", "\"concurrency\": 0", "concurrency must be from 1"),
        ("\"concurrency\": 5", "\"concurrency\": 4000000000", "concurrency must be from 1"),
        ("\"concurrency\": 5", "\"concurrency\": \"x\"", "invalid type"),
        ("\"n2\"", "\"n1\"", "n1 twice"),
        ("\"n2\"", "\"lin-kv\"", "cannot be called lin-kv"),
        ("\"n2\"", "\"../../x\"", "cannot be called"),
        ("\"from\": 0", "\"from\": 0, \"only\": [1], \"todo\": 1", "unknown field `todo`"),
    ] {
        assert!(plan.contains(old), "{old} is not in {plan}");
        fs::write(shell.path("plan.json"), plan.replacen(old, new, 1)).unwrap();
        let ended = shell.run("replay plan.json");
        ended.assert_code(65);
        assert!(ended.err.starts_with("squall: "), "{ended:#?}");
        assert_eq!(ended.err.lines().count(), 1, "{ended:#?}");
        assert!(ended.err.contains(word), "{word:?} is missing: {ended:#?}");
    }
}
