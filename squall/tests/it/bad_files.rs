//! What `squall check` says of files that are damaged, cut off, or no histories: every code, on
//! real bytes, with its place.

use std::fs;

use crate::shell::Shell;

const W: &str = r#"{"type":"invoke","process":0,"f":"write","value":1}"#;
const W_OK: &str = r#"{"type":"ok","process":0,"f":"write","value":1}"#;
const R: &str = r#"{"type":"invoke","process":1,"f":"read","value":null}"#;
const R_OK: &str = r#"{"type":"ok","process":1,"f":"read","value":1}"#;
const R_INFO: &str = r#"{"type":"info","process":1,"f":"read","value":null}"#;

/// A file, its name, the exit code, and what must be said of it.
struct Case {
    bytes: Vec<u8>,
    name: &'static str,
    exit: i32,
    says: &'static [&'static str],
}

fn case(name: &'static str, lines: &[&str], exit: i32, says: &'static [&'static str]) -> Case {
    let bytes = lines.iter().flat_map(|line| [line, "\n"]).collect::<String>().into_bytes();
    Case { bytes, name, exit, says }
}

fn cases() -> Vec<Case> {
    let whole = [W, W_OK, R, R_OK].map(|line| format!("{line}\n")).concat();
    let cut = whole.as_bytes()[..whole.len() - 20].to_vec();
    let mut not_utf8 = whole.clone().into_bytes();
    not_utf8.splice(10..10, [0xff, 0xfe]);
    let mut nul = whole.clone().into_bytes();
    nul.splice(60..60, [0, 0]);
    let large = "x".repeat(1 << 20);
    let large = [W, R].map(|line| line.replace("\"value\":1", &format!("\"value\":\"{large}\"")));
    let large_ok = [W_OK, R_OK].map(|line| line.replace(":1}", ":2}"));
    let raw = |name, bytes, exit, says| Case { bytes, name, exit, says };
    vec![
        case("words.jsonl", &[W, "no JSON", W_OK], 65, &["E01", "line 2"]),
        raw("utf8.jsonl", not_utf8, 65, &["E01", "line 1", "column 11"]),
        raw("nul.jsonl", nul, 65, &["E01", "line 2"]),
        raw("empty.jsonl", Vec::new(), 65, &["is empty"]),
        raw("blank.edn", b" \n\n".to_vec(), 65, &["is empty"]),
        case(
            "type.jsonl",
            &[W, r#"{"type":"maybe","process":0,"f":"read"}"#],
            65,
            &["E02", "line 2"],
        ),
        case("lonely.jsonl", &[W, W_OK, R_OK, R, R_OK], 2, &["E03", "completion"]),
        case("twice.jsonl", &[W, W, W_OK, R, R_OK], 2, &["E04", "open operation"]),
        case(
            "shape.jsonl",
            &[W, W_OK, R, R_OK, r#"{"type":"invoke","process":2,"f":"cas","value":7}"#],
            2,
            &["E05"],
        ),
        case("retired.jsonl", &[W, W_OK, R, R_INFO, R, R_OK], 2, &["E07"]),
        raw("cut.jsonl", cut, 2, &["E09", "cut off"]),
        case("large.jsonl", &[&large[0], &large_ok[0], &large[1], &large_ok[1]], 1, &["broken"]),
        raw("page.html", b"<html></html>".to_vec(), 65, &["is no history"]),
        raw("image.edn", vec![0x89, b'P', b'N', b'G', 0, 1, 2, 3], 65, &["is no history"]),
        raw("open.edn", b"{:process 0, :type :invoke".to_vec(), 65, &["E01", "line 1"]),
    ]
}

#[test]
fn bad_lines_can_be_left_out_and_then_nothing_has_held() {
    let shell = Shell::new();
    let lines = [W, "no JSON", W_OK, "{\"type\":\"maybe\"}", R, R_OK, ""].join("\n");
    fs::write(shell.path("bad.jsonl"), &lines).unwrap();
    let ended = shell.run("check bad.jsonl");
    assert!(ended.assert_code(65).err.contains("--skip-bad-lines"), "{ended:#?}");
    let ended = shell.run("check bad.jsonl --skip-bad-lines");
    ended.assert_code(2).assert_says("2 lines that are no events were left out");
    ended.assert_says("E01 at line 2").assert_says("E02 at line 4");
    // What is broken without them is broken.
    fs::write(shell.path("bad.jsonl"), lines.replace(R_OK, &R_OK.replace(":1}", ":2}"))).unwrap();
    shell.run("check bad.jsonl --skip-bad-lines").assert_code(1);
}

#[test]
fn every_kind_of_damage_is_told_with_its_code_and_place() {
    let shell = Shell::new();
    for Case { bytes, name, exit, says } in cases() {
        fs::write(shell.path(name), bytes).unwrap();
        let ended = shell.run(&format!("check {name}"));
        ended.assert_code(exit);
        let said = format!("{}{}", ended.out, ended.err);
        for word in says {
            assert!(said.contains(word), "{name} without {word:?}: {ended:#?}");
        }
        assert!(said.len() < 4_000, "{name}: {} bytes are too much to read", said.len());
    }
}
