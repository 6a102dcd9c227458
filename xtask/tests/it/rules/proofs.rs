//! How tests look.

use super::Rule;
use crate::source::{LineKind, Source, places_in};
use crate::tree::{Finding, Tree};

const INLINE_TEST_LINES_MAX: usize = 150;

/// Long tests lie in a file of their own.
pub(crate) const INLINE_TESTS: Rule = Rule {
    name: "inline-tests",
    check: inline_tests,
    bad: &[&[("squall/src/a.rs", INLINE)]],
    good: &[&[("squall/src/a/tests.rs", INLINE)]],
};

const INLINE: &str = concat!(
    "//! A\n#[cfg(test)]\nmod tests {\n",
    "a\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\n",
    "a\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\n",
    "a\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\n",
    "a\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\n",
    "a\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\na\n",
    "}\n",
);

fn inline_tests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().iter().filter(|source| !source.is_test) {
        let lines = source.count(LineKind::Test);
        if lines > INLINE_TEST_LINES_MAX {
            let text = format!("{lines} lines of tests: put them into a `tests.rs` beside it");
            findings.push(Finding::about(&source.path, text).with_amount(lines));
        }
    }
    findings
}

/// One integration binary a crate, and one for what needs processes, sockets or real time.
pub(crate) const BINARIES: Rule = Rule {
    name: "test-binaries",
    check: binaries,
    bad: &[
        &[("crates/squall-disk/tests/round_trip.rs", "//! A\n")],
        &[("crates/squall-disk/tests/slow/main.rs", "//! A\n")],
        &[("squall/tests/it/deep/main.rs", "//! A\n"), ("squall/tests/other.rs", "//! A\n")],
    ],
    good: &[
        &[("crates/squall-disk/tests/real/main.rs", "//! A\n")],
        &[("crates/squall-disk/tests/it/codec.rs", "//! A\n")],
    ],
};

fn binaries(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, _) in tree.files().filter(|(path, _)| path.ends_with(".rs")) {
        let Some((folder, file)) = path.split_once("/tests/") else { continue };
        let is_binary = !file.contains('/')
            || file.split_once('/').is_some_and(|(_, inside)| inside == "main.rs");
        let is_crate = tree.has(&format!("{folder}/Cargo.toml"));
        if is_crate && is_binary && !["it/main.rs", "real/main.rs"].contains(&file) {
            let text = "each binary is linked anew: make it a module of tests/it or tests/real";
            findings.push(Finding::about(path, text));
        }
    }
    findings
}

/// A test that does not run shows nothing.
pub(crate) const IGNORE: Rule = Rule {
    name: "ignore",
    check: ignore,
    bad: &[
        &[("squall/tests/it/main.rs", "//! A\n#[test]\n#[ignore]\nfn f() {}\n")],
        &[("squall/src/a.rs", "//! A\n#[test]\n#[ignore = \"slow\"]\nfn f() {}\n")],
        &[("squall/src/a.rs", "//! A\n#[test]\n#[cfg_attr(windows, ignore)]\nfn f() {}\n")],
    ],
    good: &[&[("squall/src/a.rs", "//! A\n// #[ignore] is not used.\nfn ignore() {}\n")]],
};

fn ignore(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        for place in source.places_of("ignore") {
            let line_start = source.code[..place].rfind('\n').map_or(0, |at| at + 1);
            let line = source.code[line_start..place].trim_start();
            if line == "#[" || line.starts_with("#[cfg_attr(") {
                let text = "assert what happens today, with `fixme:`, until it is mended";
                findings.push(Finding::at(&source.path, source.line_of(place), text));
            }
        }
    }
    findings
}

/// Tests that use no process wait for nothing. What needs real time is in `tests/real`.
pub(crate) const TIME: Rule = Rule {
    name: "time-in-tests",
    check: time,
    bad: &[
        &[("squall/tests/it/main.rs", "//! A\nfn f() { std::thread::sleep(A); }\n")],
        &[("squall/tests/it/a.rs", "async fn f() { tokio::time::sleep(A).await; }\n")],
        &[("squall/tests/it/a.rs", "use std::thread::{self, sleep};\n")],
        &[("squall/tests/it/a.rs", "fn f() { Instant::now(); }\n")],
        &[("squall/src/a.rs", "//! A\n#[test]\nfn f() { thread::sleep(A); }\n")],
    ],
    good: &[
        &[("squall/tests/real/main.rs", "//! A\nfn f() { std::thread::sleep(A); }\n")],
        &[("squall/tests/it/a.rs", "async fn f(cx: Cx) { cx.sleep(A).await; }\n")],
        &[("squall/src/a.rs", "//! A\nfn f() { thread::sleep(A); }\n")],
    ],
};

fn time(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().iter().filter(|source| !source.path.contains("/tests/real/")) {
        for word in ["thread::sleep", "time::sleep", "Instant::now", "SystemTime::now"] {
            for place in source.places_of(word).filter(|&place| source.is_test_at(place)) {
                let text = format!("{word}: what needs real time is in tests/real");
                findings.push(Finding::at(&source.path, source.line_of(place), text));
            }
        }
        for place in source.places_of("use ").filter(|&place| source.is_test_at(place)) {
            let import = source.code[place..].split(';').next().unwrap_or_default();
            let slow = import.contains("thread::") || import.contains("time::");
            if slow && import.contains('{') && places_in(import, "sleep").next().is_some() {
                let text = "sleep: what needs real time is in tests/real";
                findings.push(Finding::at(&source.path, source.line_of(place), text));
            }
        }
    }
    findings
}

/// Two runs of the tests can go on beside each other.
pub(crate) const PORTS: Rule = Rule {
    name: "fixed-ports",
    check: ports,
    bad: &[
        &[("squall/tests/it/a.rs", concat!("const A: &str = \"127.0.0.1", ":8080\";\n"))],
        &[("squall/tests/real/main.rs", concat!("//! A\nf(\"localhost", ":9000/path\");\n"))],
        &[("squall/tests/real/main.rs", concat!("//! A\nf((\"127.0.0.1", "\", 8080));\n"))],
        &[("squall/src/a.rs", concat!("//! A\n#[test]\nfn f() { g(\"[::1]", ":80\"); }\n"))],
    ],
    good: &[
        &[("squall/tests/it/a.rs", "const A: [&str; 2] = [\"127.0.0.1:0\", \"[::1]\"];\n")],
        &[("squall/tests/it/a.rs", "f((\"127.0.0.1\", 0));\n")],
        &[("squall/tests/it/a.rs", concat!("// for example 127.0.0.1", ":8080\n"))],
    ],
};

fn ports(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        for host in ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::]"] {
            for (place, _) in source.uncommented.match_indices(host) {
                let port = port(&source.uncommented[place + host.len()..]);
                if source.is_test_at(place) && port.is_some_and(|port| port != 0) {
                    findings.push(port_finding(source, place));
                }
            }
        }
    }
    findings
}

fn port_finding(source: &Source, place: usize) -> Finding {
    let text = "a fixed port collides: bind port 0 and ask which it became";
    Finding::at(&source.path, source.line_of(place), text)
}

/// The port behind a host, as `:8080` or `", 8080`.
fn port(rest: &str) -> Option<u32> {
    let rest = rest.strip_prefix(':').or_else(|| rest.strip_prefix("\", "))?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}
