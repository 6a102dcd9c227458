//! Processes that end by themselves, or never begin.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::stage::{ECHO, INIT, Stage, sh};

#[test]
fn a_node_that_dies_at_once_is_told_with_its_last_words() {
    let node =
        "#!/bin/sh\nfor n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo \"oops $n\" >&2; done\nexit 3\n";
    let outcome = Stage { limit: Duration::from_millis(1_500), ..Stage::of(node) }.run();
    assert_eq!(outcome.report.exits, [("n0".to_owned(), "exit status 3".to_owned())]);
    let finding = outcome.finding();
    assert_eq!(finding.code, "SQ06");
    assert!(finding.raw.starts_with("oops 3\n") && finding.raw.ends_with("oops 12"));
    assert!(finding.what.contains("exit status 3"), "{}", finding.what);
    outcome.assert_nothing_left();
}

#[test]
fn a_node_that_dies_later_is_told_with_the_message_it_handled() {
    let outcome = Stage::of(&sh("", INIT, "echo half a line; printf '{\"src\":'; kill -9 $$"));
    let outcome = Stage { limit: Duration::from_millis(1_500), ..outcome }.run();
    assert_eq!(outcome.report.exits, [("n0".to_owned(), "signal 9 (SIGKILL)".to_owned())]);
    let findings = outcome.findings();
    let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["SQ01", "SQ01", "SQ06"]);
    assert!(findings[1].what.contains("in the middle of a line"), "{}", findings[1].what);
    assert!(findings[2].what.contains(r#""echo":"hi""#), "{}", findings[2].what);
    assert!(outcome.logs[0].contains("half a line"), "{}", outcome.logs[0]);
}

#[test]
fn what_was_said_before_the_end_counts() {
    let outcome = Stage::of(&sh("", INIT, &format!("{ECHO}; exit 0")));
    let outcome = Stage { answers: 2, limit: Duration::from_millis(1_500), ..outcome }.run();
    assert_eq!(outcome.heard.len(), 1);
    assert_eq!(outcome.report.exits, [("n0".to_owned(), "exit status 0".to_owned())]);
    assert_eq!(outcome.finding().code, "SQ06");
}

#[test]
fn an_end_at_closed_input_is_no_defect() {
    // What it had kept back comes with its end.
    let stage = Stage::of(&(sh("", INIT, ECHO) + "say late 2\n"));
    let ask = vec![r#"{"type":"close"}"#.to_owned()];
    let limit = Duration::from_millis(1_500);
    let outcome = Stage { ask, limit, answers: 2, ..stage }.run();
    assert!(outcome.findings().is_empty(), "{:?}", outcome.findings());
    assert_eq!(outcome.heard.len(), 1);
    assert_eq!(outcome.report.exits, [("n0".to_owned(), "exit status 0".to_owned())]);
}

/// A program that cannot be started, what is said, and what would mend it.
fn not_started(name: &str, text: Option<&str>, mode: u32, what: &str, help: &str) {
    let mut stage = Stage { limit: Duration::from_millis(100), ..Stage::of("") };
    let program = stage.folder.path().join(name);
    if let Some(text) = text {
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
    }
    stage.programs = vec![program.clone()];
    let outcome = stage.run();
    let finding = outcome.finding();
    assert_eq!(finding.code, "SQ09");
    assert!(finding.what.contains(what), "{}", finding.what);
    let folder = program.ancestors().find(|folder| folder.is_dir()).unwrap();
    let help = help.replace("FOLDER", &folder.display().to_string());
    let is_path = !help.starts_with("--bin FILE");
    let help = if is_path { help.replace("FILE", &program.display().to_string()) } else { help };
    assert!(finding.help.contains(&help), "{}", finding.help);
    assert_eq!(outcome.report.exits, [("n0".to_owned(), "not started".to_owned())]);
}

#[test]
fn what_cannot_be_started_is_told_with_the_command_that_mends_it() {
    not_started("nothing.py", None, 0, "does not exist", "ls ");
    not_started("node1", None, 0, "does not exist", "node0");
    not_started("plain.py", Some("#!/bin/sh\n"), 0o644, "not executable", "chmod +x FILE");
    let wrong = "#!/no/python3.99\n";
    not_started(
        "a.py",
        Some(wrong),
        0o755,
        "/no/python3.99",
        "sed -i '1c #!/usr/bin/env python3' FILE",
    );
    let wrong = "#!/usr/bin/env no-such-language\n";
    not_started("b", Some(wrong), 0o755, "no-such-language", "install no-such-language");
    let windows = "#!/bin/sh\r\n";
    not_started("c", Some(windows), 0o755, "carriage return", "sed -i 's/\\r$//' FILE");
    not_started("../", None, 0, "is a directory", "/../PROGRAM");
    let none = "no/such/folder/node";
    not_started(none, None, 0, "does not exist", "ls FOLDER");
    not_started("/dev/null", None, 0, "is a device", "--bin FILE, where");
    not_started("empty", Some(""), 0o755, "is empty", "ls -l FILE");
    not_started("random", Some("\u{1}\0\u{2}"), 0o755, "neither a script nor", "file FILE");
    let other = "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x08\0";
    not_started("mips", Some(other), 0o755, "it is a program for mips, and this", "build it for");
    not_started("main.go", Some("package main\n"), 0o755, "compiled", "build it, and give");
}
