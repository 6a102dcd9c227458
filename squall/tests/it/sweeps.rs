//! Many seeds of one test.

use crate::shell::{BROKEN, HELD, Shell};

const SWEEP: &str = "test -w broadcast --node-count 5 --rate 20 --time-limit 10 \
    --nemesis partition,kill --nemesis-interval 1 --seeds 10..30";

#[test]
fn a_sweep_writes_a_line_for_each_seed_whatever_the_number_of_jobs() {
    let shell = Shell::new();
    let mut sweeps = Vec::new();
    for jobs in [1, 2] {
        let ended = shell.run(&format!("{SWEEP} --jobs {jobs} --json"));
        let verdict = ended.assert_code(0).verdict();
        assert_eq!(verdict["schedules"]["held"], 20);
        sweeps.push(shell.read(verdict["paths"]["sweep"].as_str().unwrap()));
    }
    assert_eq!(sweeps[0], sweeps[1]);
    let seeds = sweeps[0].lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(row["verdict"], "held", "{row}");
        assert!(row["figures"]["msgs-per-op"].is_number(), "{row}");
        assert_eq!(row["hash"].as_str().map(str::len), Some(16), "{row}");
        row["seed"].as_str().unwrap().to_owned()
    });
    assert!(seeds.eq((10..30).map(|seed| format!("0x{seed:x}"))), "{}", sweeps[0]);
}

#[test]
fn a_sweep_tells_its_counts() {
    let shell = Shell::new();
    let ended = shell.run(&format!("{SWEEP} --assert msgs-per-op<100"));
    ended.assert_code(0).assert_closing(HELD).assert_says("20 seeds: held 20");
    ended.assert_says("true 20, false 0").assert_says("partition ").assert_says("kill ");
    let ended = shell.run(&format!("{SWEEP} --assert msgs-per-op<0.01"));
    ended.assert_code(1).assert_closing(BROKEN).assert_says("true 0, false 20");
    ended.assert_says("20 seeds: broken 20").assert_says("is false: ");
    ended.assert_says("again            squall replay store/broadcast/");
    shell.run("replay latest").assert_code(1).assert_says("✗ assert msgs-per-op<0.01");
    let ended = shell.run(&format!("{SWEEP} --double"));
    ended.assert_code(0).assert_says("0 of 20 double runs differed");
    let json = shell.run(&format!("{SWEEP} --double --jobs 2 --json"));
    assert_eq!(json.assert_code(0).verdict()["double_runs"]["differed"], 0);
}

#[test]
fn the_last_seeds_there_are_end_a_sweep() {
    let shell = Shell::new();
    let ended = shell.run(
        "test -w echo --time-limit 1 --jobs 2 --json \
         --seeds 18446744073709551613..18446744073709551615",
    );
    let verdict = ended.assert_code(0).verdict();
    assert_eq!(verdict["schedules"]["tried"], 2);
    let sweep = shell.read(verdict["paths"]["sweep"].as_str().unwrap());
    assert!(sweep.starts_with("{\"seed\":\"0xfffffffffffffffd\""), "{sweep}");
}

#[test]
fn a_sweep_that_cannot_be_run_leaves_nothing() {
    let shell = Shell::new();
    shell.run("test -w broadcast --seeds 0..3 -- --junk").assert_code(64);
    let left: Vec<_> = std::fs::read_dir(shell.path("store/broadcast")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_seed_of_a_sweep_is_the_same_run_alone() {
    let shell = Shell::new();
    let verdict = shell.run(&format!("{SWEEP} --json")).verdict();
    let sweep = shell.read(verdict["paths"]["sweep"].as_str().unwrap());
    let row: serde_json::Value = serde_json::from_str(sweep.lines().nth(5).unwrap()).unwrap();
    let line = SWEEP.replace("--seeds 10..30", "--seed 15");
    let alone = shell.run(&format!("{line} --json")).verdict();
    assert_eq!(alone["hash"], row["hash"]);
}
