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
    let ended = shell.run("replay store/latest/plan.json");
    ended.assert_code(0).assert_says("no earlier run to compare with");
    shell.run("replay -3").assert_code(66);
}

#[test]
fn a_run_that_is_not_the_same_is_told() {
    let shell = Shell::new();
    shell.run("test -w echo --time-limit 2 --seed 1").assert_code(0);
    let plan = shell.read("store/latest/plan.json");
    fs::write(shell.path("store/latest/plan.json"), plan.replace("\"0x1\"", "\"0x2\"")).unwrap();
    let ended = shell.run("replay latest");
    ended.assert_code(65).assert_says("✗ not the same run");
    assert!(ended.err.starts_with("squall: "), "{ended:#?}");
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
