//! Wrong words get one clear line and the right exit code, and leave nothing behind.

use std::fs;

use crate::shell::{Ended, Shell};

/// A command, its exit code, and what its one line must say.
const WRONG: &[(&str, i32, &[&str])] = &[
    ("tset", 64, &["\"tset\"", "did you mean test?"]),
    ("test -w ecoh", 64, &["workload \"ecoh\"", "did you mean echo?", "unique-ids"]),
    ("test brodcast", 64, &["workload \"brodcast\"", "did you mean broadcast?"]),
    ("test -w echo --rates 3", 64, &["flag --rates", "did you mean --rate?"]),
    ("test -w echo --rate", 64, &["--rate"]),
    ("test -w echo --seed 1 --seeds 1..2", 64, &["--seed", "--seeds"]),
    ("test -w echo --double", 64, &["--seeds"]),
    ("test -w broadcast --topology tre", 64, &["topology \"tre\"", "did you mean tree?"]),
    ("test -w lin-kv --impl adb", 64, &["\"adb\"", "abd", "lin-kv"]),
    ("test -w echo --impl abd", 64, &["embedded node of echo", "known: echo"]),
    ("test -w echo --nemesis partitoin", 64, &["fault \"partitoin\"", "did you mean partition?"]),
    ("test -w echo --faults kil", 64, &["fault \"kil\"", "did you mean kill?"]),
    ("test -w echo --latency-dist exponentail", 64, &["did you mean exponential?", "uniform"]),
    ("test -w echo --law-breaker x", 64, &["\"x\"", "release-before-sync"]),
    ("test -w echo --nil-read x", 64, &["\"x\"", "initial"]),
    ("test -w echo --rate -1", 64, &["--rate -1"]),
    ("test -w echo --rate often", 64, &["--rate often", "number"]),
    ("test -w echo --node-count 0", 64, &["--node-count 0", "from 1"]),
    ("test -w echo --latency -1", 64, &["--latency -1"]),
    ("test -w echo --time-limit 0", 64, &["--time-limit 0"]),
    ("test -w echo --availability 2", 64, &["--availability 2", "total"]),
    ("test -w lin-kv --node-count 5 --concurrency 7", 64, &["--concurrency 7", "nearest: 10"]),
    ("test -w lin-kv --node-count 2 --concurrency 7", 64, &["--concurrency 7", "4 or 8"]),
    ("test -w echo --concurrency 0", 64, &["--concurrency 0", "Nn"]),
    ("test -w echo --seeds 5", 64, &["--seeds 5", "0..200"]),
    ("test -w echo --seeds 5..5", 64, &["--seeds 5..5", "no seed"]),
    ("test -w echo --seeds a..b", 64, &["--seeds a..b", "0..200"]),
    ("test -w echo --seeds ..3", 64, &["--seeds ..3", "0..200"]),
    ("test -w echo --seed -1", 64, &["--seed -1"]),
    ("test -w echo --seed 3 --double", 64, &["--double", "--seeds"]),
    ("test -w echo --seeds 0..2 --double --assert ok-count>1", 64, &["--double", "--assert"]),
    ("test -w echo --seeds 0..2 --test-count 2", 64, &["--test-count", "--seeds"]),
    ("test -w echo --seed 1 --test-count 2", 64, &["--test-count", "same run"]),
    ("test -w echo --node-cwd folder", 64, &["--node-cwd", "programs"]),
    ("test -w echo --nodes ,", 64, &["--nodes"]),
    ("test -w echo --nodes ../../x", 64, &["\"../../x\"", "file name"]),
    ("test -w echo -n ..", 64, &["\"..\"", "dot"]),
    ("test -w echo -n c7", 64, &["c7", "client"]),
    ("test -w echo -n seq-kv", 64, &["seq-kv", "service"]),
    ("test -w echo --availability all", 64, &["--availability all", "total"]),
    ("test -w echo --rate 1e300", 64, &["--rate 1e300", "decimal"]),
    ("test -w echo --assert stable-p50<400ms", 64, &["run of echo", "msgs-per-op"]),
    ("node echo extra", 64, &["no arguments", "\"extra\""]),
    ("test -w echo --seeds 0..2 --jobs 0", 64, &["--jobs 0"]),
    ("test -w echo --seed x", 64, &["--seed x"]),
    ("test -w echo --assert msgs-per-oop<3", 64, &["figure \"msgs-per-oop\"", "msgs-per-op"]),
    ("test -w echo --assert msgs-per-op", 64, &["compares nothing", "msgs-per-op<30"]),
    ("test -w broadcast --assert stable-p50<3%", 64, &["stable-p50", "%"]),
    ("test -w echo --nodes a,a", 64, &["a is named twice"]),
    ("test -w echo --bin n9=/bin/sh", 64, &["node \"n9\"", "n5"]),
    ("test -w echo --bin /bin/sh --impl echo", 64, &["--impl", "--bin"]),
    ("test -w echo --bin /bin/sh --seeds 0..2", 64, &["--seeds", "--test-count"]),
    ("node ecoh", 64, &["embedded node \"ecoh\"", "did you mean echo?"]),
    ("test -w echo --bin ./none.py", 69, &["SQ09", "./none.py does not exist", "try: "]),
    ("test -w echo --bin none-of-these", 69, &["SQ09", "here or in PATH", "try: "]),
    ("test -w echo --bin ./plain.py", 69, &["SQ09", "chmod +x ./plain.py"]),
    ("test -w echo --bin n2=plain.py", 69, &["SQ09", "chmod +x plain.py"]),
    ("test -w echo --bin ./folder", 69, &["SQ09", "is a directory", "--bin ./folder/node"]),
    ("test -w echo --bin ./lost", 69, &["SQ09", "no-such-interpreter"]),
    ("test -w echo --bin ./text", 69, &["SQ09", "n1", "sed -i"]),
    ("test -w echo --bin /bin/sh --node-cwd ./no", 69, &["directory of the nodes, ./no, does not"]),
    ("test -w echo --bin /bin/sh --node-cwd ./no", 69, &["SQ09 n1: ", "; try: mkdir -p ./no\n"]),
    ("test -w echo --bin /bin/sh --node-cwd plain.py", 69, &["plain.py, is no directory; try: ls"]),
    ("test -w echo --bin ./short", 69, &["/short cannot be started: ", "; try: build it for"]),
    ("test -w echo --bin none-of-these", 69, &["--bin ./none-of-these, or install none-of-these"]),
    ("test -w echo --bin /dev/null", 69, &["SQ09", "/dev/null is a device", "try: --bin FILE"]),
    ("test -w echo --bin /tmp", 69, &["SQ09", "is a directory", "try: --bin /tmp/PROGRAM"]),
    ("test -w echo --bin ./empty", 69, &["SQ09", "./empty is empty", "try: write or build"]),
    ("test -w echo --store plain.py/store", 73, &["cannot create", "--store"]),
    ("replay none", 66, &["none", "latest"]),
    ("replay latest", 66, &["latest"]),
    ("replay -- -1", 66, &["-1", "store"]),
    ("replay plain.py", 65, &["plain.py"]),
    ("replay a b", 64, &["\"b\""]),
];

#[test]
fn wrong_words_get_one_line_and_their_code() {
    let shell = Shell::new();
    fs::write(shell.path("plain.py"), "print()\n").unwrap();
    fs::create_dir(shell.path("folder")).unwrap();
    program(&shell, "folder/node", "#!/bin/sh\n");
    program(&shell, "lost", "#!/usr/bin/env no-such-interpreter\n");
    program(&shell, "text", "a text without an interpreter\n");
    program(&shell, "empty", "");
    program(&shell, "short", "\x7fELF\0");
    for (line, code, words) in WRONG {
        let ended = shell.run(line);
        ended.assert_code(*code);
        assert_eq!(ended.out, "", "{ended:#?}");
        assert_one_line(&ended);
        assert!(ended.err.matches("try").count() <= 1, "one hint: {ended:#?}");
        for word in *words {
            assert!(ended.err.contains(word), "{word:?} is missing: {ended:#?}");
        }
        let is_left = shell.path("store/latest").exists();
        assert!(!is_left, "{line} left a run");
    }
}

/// Names of nodes become names of folders that are emptied: no name may lead elsewhere.
#[test]
fn a_node_cannot_be_called_like_a_folder_of_others() {
    let shell = Shell::new();
    program(&shell, "node", "#!/bin/sh\n");
    fs::create_dir(shell.path("precious")).unwrap();
    fs::write(shell.path("precious/file"), "x").unwrap();
    let folder = shell.path("precious");
    let names = [folder.to_str().unwrap(), "../precious", ".", "a/b", "a\\b"];
    for name in names {
        let mut command = shell.command("test -w echo --bin ./node --time-limit 1 --recovery 0 -n");
        let ended = Ended::of(name, command.arg(name).output().unwrap());
        ended.assert_code(64);
        assert_one_line(&ended);
    }
    let long = "n".repeat(300);
    for name in [long.as_str(), "n\n1", "n\u{1b}[2J"] {
        let mut command = shell.command("test -w echo -n");
        let ended = Ended::of(name, command.arg(name).output().unwrap());
        ended.assert_code(64);
        assert!(!ended.err.contains('\x1b'), "{ended:#?}");
    }
    assert_eq!(shell.read("precious/file"), "x");
    let seed = shell.command("node echo").env("SQUALL_SEED", "zzz").output().unwrap();
    Ended::of("node echo", seed).assert_code(78);
}

/// One line that names its speaker.
#[track_caller]
fn assert_one_line(ended: &Ended) {
    assert!(ended.err.starts_with("squall: "), "{ended:#?}");
    assert_eq!(ended.err.trim_end().lines().count(), 1, "{ended:#?}");
}

fn program(shell: &Shell, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(shell.path(name), text).unwrap();
    fs::set_permissions(shell.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_program_with_words_is_told_how_to_be_written() {
    let shell = Shell::new();
    fs::write(shell.path("node.py"), "print()\n").unwrap();
    let mut command = shell.command("test -w echo --bin");
    let ended = Ended::of("--bin", command.arg("python3 node.py --fast").output().unwrap());
    ended.assert_code(69);
    assert_one_line(&ended);
    let whole = fs::canonicalize(shell.path("node.py")).unwrap();
    let hint = format!("try: --bin python3 -- {} --fast", whole.display());
    assert!(ended.err.contains(&hint), "{ended:#?}");
}

#[test]
fn help_opens_with_examples() {
    let shell = Shell::new();
    let help = shell.run("test --help");
    help.assert_code(0);
    assert!(help.out.starts_with("Examples:\n  squall test -w broadcast"), "{help:#?}");
    help.assert_says("Exit codes: 0 held, 1 broken");
    shell.run("replay --help").assert_code(0).assert_says("Examples:\n  squall replay latest");
    shell.run("help test").assert_code(0).assert_says("Examples:\n  squall test -w broadcast");
    shell.run("--help").assert_code(0).assert_says("squall test broadcast");
    let welcome = shell.run("");
    welcome.assert_code(0).assert_says("squall test broadcast");
    shell.run("--version").assert_code(0).assert_says(env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_dash_from_a_copied_text_is_read_as_the_flag() {
    let shell = Shell::new();
    let ended = shell.run("test -w broadcast \u{2013}-nemesis partition --time-limit 30 --json");
    ended.assert_code(0);
    assert_one_line(&ended);
    assert!(ended.err.contains("--nemesis"), "{ended:#?}");
    assert!(ended.verdict()["faults"]["partition"].as_u64() > Some(0), "{ended:#?}");
}

#[test]
fn other_spellings_are_understood() {
    let shell = Shell::new();
    for line in [
        "test echo --time-limit 2",
        "test --workload echo --time-limit 2 --nodes a,b --concurrency 2n",
        "test echo --time-limit 2 -n a -n b --rate 0.5e",
        "test -w unique-ids --time-limit 2 --rate 10 --availability total --nemesis partition",
        "test -w lin-kv --time-limit 2 --rate 20 --node-count 2 --concurrency 4n --latency 5",
    ] {
        let ended = shell.run(line);
        let code = if line.ends_with('e') { 64 } else { 0 };
        ended.assert_code(code);
    }
}
