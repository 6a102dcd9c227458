//! The pieces of measurements, with real programs.

use std::path::Path;

use xtask::measure::{Program, Scratch, instructions, latest_results, median_wall};

fn shell(script: &str) -> Program {
    Program::new("sh").args(["-c", script])
}

#[test]
fn a_program_is_run_to_its_end() {
    let ran = shell("echo out; echo err >&2; exit 3").run().expect("sh starts");
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(3), "out\n", "err\n"));
    let error = shell("echo one >&2; echo two >&2; exit 3").run_well().expect_err("it is 3");
    assert_eq!(error.to_string(), "sh ended with exit code 3: one | two");
    assert!(Program::new("there-is-no-such-program").run().is_err());
}

/// More than a pipe holds, on both pipes: neither may block the other.
#[test]
fn a_program_may_say_much() {
    let ran = shell("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero").run_well();
    let ran = ran.expect("it ends well");
    assert_eq!((ran.stdout.len(), ran.stderr.len()), (300_000, 300_000));
}

#[test]
fn nothing_is_on_standard_input() {
    let ran = shell("cat; echo end").run_well().expect("it ends");
    assert_eq!(ran.stdout, "end\n");
}

#[test]
fn folder_and_environment_are_as_asked() {
    let scratch = Scratch::new("folder").expect("a folder can be made");
    let ran = shell("pwd; echo $WORD").in_folder(scratch.path()).env("WORD", "said");
    let ran = ran.run_well().expect("it ends well");
    let lines = ran.stdout.lines().collect::<Vec<_>>();
    assert_eq!(Path::new(lines[0]).canonicalize().ok(), scratch.path().canonicalize().ok());
    assert_eq!(lines[1], "said");
    let path = scratch.path().to_path_buf();
    drop(scratch);
    assert!(!path.exists(), "a scratch folder is removed");
}

#[test]
fn wall_time_is_that_of_the_program() {
    let median = median_wall(3, || shell("sleep 0.05")).expect("it sleeps");
    assert_eq!(median.all.len(), 3);
    assert!(median.value >= 0.05, "{median:?}");
}

/// `awk` builds a string of 32 MiB; the shell is replaced by it, so that it is the one watched.
#[test]
#[cfg(target_os = "linux")]
fn memory_is_that_of_the_program() {
    let script = "exec awk 'BEGIN { s = \"x\"; for (i = 0; i < 25; i++) s = s s; \
                  system(\"sleep 0.1\"); print length(s) }'";
    let ran = shell(script).run_well().expect("awk is everywhere");
    assert_eq!(ran.stdout, "33554432\n");
    let bytes = ran.resident_bytes_max.expect("there is a /proc");
    assert!(bytes >= 32 << 20, "{bytes} bytes");
    assert!(bytes < 512 << 20, "{bytes} bytes");
}

#[test]
fn json_lines_are_read() {
    let ran = shell("echo '{\"a\":1}'; echo; echo '[2]'").run_well().expect("it ends well");
    let lines = ran.json_lines().expect("it is JSON");
    assert_eq!(lines, [serde_json::json!({"a": 1}), serde_json::json!([2])]);
    let ran = shell("echo no").run_well().expect("it ends well");
    assert!(ran.json_lines().is_err());
}

#[test]
fn results_of_the_newest_run_are_read() {
    let scratch = Scratch::new("results").expect("a folder can be made");
    assert!(latest_results(scratch.path()).is_err());
    let make = "mkdir -p store/latest; echo '{\"verdict\":\"held\"}' > store/latest/results.json";
    shell(make).in_folder(scratch.path()).run_well().expect("it ends well");
    let results = latest_results(scratch.path()).expect("there is one");
    assert_eq!(results["verdict"], "held");
}

/// Where there is valgrind, the same program costs the same, within a thousandth.
#[test]
fn instructions_are_counted() {
    let Some(first) = instructions(Path::new("/bin/true"), &[]).expect("true ends well") else {
        return;
    };
    let again = instructions(Path::new("/bin/true"), &[]).expect("true ends well");
    let again = again.expect("valgrind was there a moment ago");
    assert!(first > 1_000, "{first}");
    assert!(first.abs_diff(again) * 1_000 <= first, "{first} and {again}");
}
