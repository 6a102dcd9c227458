//! How sources look.

use super::{Rule, floors};
use crate::source::{LineKind, Source, places_in};
use crate::tree::{Finding, Tree};

const PRODUCTION_LINES_MAX: usize = 800;
const LINE_CHARS_MAX: usize = 100;

/// A file that is too long is two files.
pub(crate) const FILE_LINES: Rule = Rule {
    name: "file-lines",
    check: file_lines,
    bad: &[&[("squall/src/long.rs", LONG)]],
    good: &[
        &[("squall/src/long/tests.rs", LONG)],
        &[("squall/tests/it/long.rs", LONG)],
        &[("squall/src/lib.rs", "//! P.\n#[cfg(test)]\nmod long;"), ("squall/src/long.rs", LONG)],
    ],
};

const LONG: &str = {
    const fn lines() -> [u8; 5 + 2 * (PRODUCTION_LINES_MAX + 1)] {
        let mut text = [b'\n'; 5 + 2 * (PRODUCTION_LINES_MAX + 1)];
        (text[0], text[1], text[2], text[3]) = (b'/', b'/', b'!', b'A');
        let mut at = 5;
        while at < text.len() {
            text[at] = b';';
            at += 2;
        }
        text
    }
    const LINES: [u8; 5 + 2 * (PRODUCTION_LINES_MAX + 1)] = lines();
    match str::from_utf8(&LINES) {
        Ok(text) => text,
        Err(_) => panic!("all of it is ASCII"),
    }
};

fn file_lines(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        let lines = source.count(LineKind::Production);
        if lines > PRODUCTION_LINES_MAX {
            let text = format!("{lines} production lines are more than {PRODUCTION_LINES_MAX}");
            findings.push(Finding::about(&source.path, text).with_amount(lines));
        }
    }
    findings
}

/// A line fits beside another. Links, and rows of tables in comments, can't be broken.
pub(crate) const LINE_WIDTH: Rule = Rule {
    name: "line-width",
    check: line_width,
    bad: &[
        &[("squall/src/wide.rs", WIDE)],
        &[("squall/tests/it/wide.rs", WIDE)],
        &[("nodes/python/wide.py", WIDE)],
    ],
    good: &[
        &[("squall/src/wide.rs", LINK)],
        &[("squall/src/wide.rs", TABLE)],
        &[("docs/wide.md", WIDE)],
    ],
};

const WIDE: &str = "//! This line has one hundred and one characters, which is one more than it \
                    may have, as one can count.";
const TABLE: &str = "//! | this line is the row of a table in a comment | it is longer than a line \
                     may be, and can't be broken |";
const LINK: &str = "//! See https://example.org/a/place/whose/address/is/longer/than/a/line/may/be/\
                    and/cannot/be/broken/anywhere.";

fn line_width(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files() {
        if ![".rs", ".py", ".sh", ".js", ".css", ".ci/run"].iter().any(|end| path.ends_with(end)) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let width = line.chars().count();
            let is_row = line.trim_start().trim_start_matches(['/', '!']).starts_with(" | ");
            if width > LINE_CHARS_MAX && !line.contains("://") && !is_row {
                let text = format!("{width} characters are more than {LINE_CHARS_MAX}");
                findings.push(Finding::at(path, number + 1, text));
            }
        }
    }
    findings
}

/// Names that say nothing about what is inside.
pub(crate) const NAMES: Rule = Rule {
    name: "names",
    check: names,
    bad: &[
        &[("squall/src/util.rs", "//! A\n")],
        &[("squall/src/helpers/mod.rs", "//! A\n")],
        &[("squall/src/run_manager.rs", "//! A\n")],
        &[("squall/src/a.rs", "//! A\nmod common {}\n")],
        &[("nodes/python/utils.py", "\n")],
    ],
    good: &[&[("squall/src/database.rs", "//! A\nmod mutilate {}\n")]],
};

const SAYS_NOTHING: &[&str] = &["util", "helper", "common", "misc", "manager", "data"];

fn names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let says_nothing = |name: &str| {
        let last = name.rsplit('_').next().unwrap_or(name).to_lowercase();
        SAYS_NOTHING.iter().any(|word| last == *word || last.strip_suffix('s') == Some(word))
    };
    for (path, _) in tree.files() {
        let is_code = path.ends_with(".rs") || path.ends_with(".py") || path.ends_with(".js");
        for part in path.split('/').filter(|_| is_code) {
            let name = part.split('.').next().unwrap_or(part);
            if says_nothing(name) {
                let text = format!("{name:?} names nothing: say what is inside");
                findings.push(Finding::about(path, text));
            }
        }
    }
    for source in tree.sources() {
        for place in source.places_of("mod ") {
            let name = source.code[place + 4..].split(|c: char| c != '_' && !c.is_alphanumeric());
            let name = name.into_iter().next().unwrap_or_default();
            if says_nothing(name) {
                let text = format!("{name:?} names nothing: say what is inside");
                findings.push(Finding::at(&source.path, source.line_of(place), text));
            }
        }
    }
    findings
}

/// A file begins by saying what it is.
pub(crate) const PROSE: Rule = Rule {
    name: "prose",
    check: prose,
    bad: &[
        &[("squall/src/lib.rs", "pub mod a;\n")],
        &[("squall/src/lib.rs", "#![no_std]\n//! Prose.\n")],
        &[("squall/src/a.rs", "// Not prose.\nfn f() {}\n")],
        &[("squall/tests/it/main.rs", "mod a;\n")],
    ],
    good: &[&[("squall/src/a/tests.rs", "use super::*;\n")]],
};

fn prose(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        let must = !source.is_test || source.path.ends_with("/main.rs");
        if must && !source.text.starts_with("//! ") {
            findings.push(Finding::about(&source.path, "begin with `//!` and what the file is"));
        }
    }
    findings
}

/// Whoever silences a lint says why.
pub(crate) const REASONS: Rule = Rule {
    name: "reasons",
    check: reasons,
    bad: &[
        &[("squall/src/a.rs", "//! A\n#[allow(dead_code)]\nfn f() {}\n")],
        &[("squall/src/a.rs", "//! A\n#![allow(dead_code)]\n")],
        &[("squall/src/a.rs", "//! A\n#[expect(\n    dead_code,\n)]\nfn f() {}\n")],
        &[("squall/src/a.rs", "//! A\n#[cfg_attr(unix, allow(dead_code))]\nfn f() {}\n")],
        &[(
            "squall/tests/it/main.rs",
            "//! A\n#[allow(dead_code)] // reason = \"no\"\nfn f() {}\n",
        )],
    ],
    good: &[
        &[("squall/src/a.rs", "//! A\n#[allow(dead_code, reason = \"why\")]\nfn f() {}\n")],
        &[("squall/src/a.rs", "//! A\n#[expect(\n    dead_code,\n    reason = \"why\",\n)]\n")],
        &[("squall/src/a.rs", "//! A\nfn f() { g.expect(\"why\"); self.allow(1); }\n")],
    ],
};

fn reasons(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        for open in places_in(&source.code, "#").collect::<Vec<_>>() {
            let attribute = &source.code[open..];
            if !attribute.starts_with("#[") && !attribute.starts_with("#![") {
                continue;
            }
            let bracket = open + attribute.find('[').unwrap_or_default();
            let inside = source.inside(bracket);
            for word in ["allow(", "expect("] {
                if places_in(inside, word).next().is_some() && !has_reason(inside) {
                    let text = "say why: `reason = \"…\"`";
                    findings.push(Finding::at(&source.path, source.line_of(open), text));
                }
            }
        }
    }
    findings
}

fn has_reason(attribute: &str) -> bool {
    places_in(attribute, "reason")
        .any(|place| attribute[place + "reason".len()..].trim_start().starts_with('='))
}

/// What can fail is a value, or says why it can't.
pub(crate) const UNWRAP: Rule = Rule {
    name: "unwrap",
    check: unwrap,
    bad: &[
        &[("squall/src/a.rs", "//! A\nfn f() { g().unwrap(); }\n")],
        &[("squall/src/a.rs", "//! A\n#[test]\nfn f() {}\nfn g() {\n    h()\n    .unwrap()\n}\n")],
    ],
    good: &[
        &[("squall/src/a.rs", "//! A\n\n/// `g().unwrap()`\nfn f() { g().unwrap_or(1); }\n")],
        &[("squall/src/a.rs", "//! A\n#[cfg(test)]\nmod tests { fn f() { g().unwrap(); } }\n")],
    ],
};

fn unwrap(tree: &Tree) -> Vec<Finding> {
    let text = "no `unwrap`: return an error, or `expect` with why it cannot fail";
    production(tree, |_| true, &[".unwrap()", ".unwrap_err()", "::unwrap"], text)
}

/// Nothing below floor 4 depends on the order of a hash table.
pub(crate) const HASH_TABLES: Rule = Rule {
    name: "hash-tables",
    check: hash_tables,
    bad: &[
        &[("crates/squall-world/src/a.rs", "//! A\nuse std::collections::{BTreeMap, HashMap};\n")],
        &[("crates/squall-wire/src/a.rs", "//! A\ntype A = std::collections::HashSet<u8>;\n")],
    ],
    good: &[
        &[("crates/squall-check/src/a.rs", "//! A\nuse std::collections::HashMap;\n")],
        &[("crates/squall-workbench/src/a.rs", "//! A\nuse std::collections::HashMap;\n")],
        &[("crates/squall-world/src/a/tests.rs", "use std::collections::HashMap;\n")],
        &[("crates/squall-world/src/a.rs", "//! A `HashMap` is none of ours.\n")],
    ],
};

fn hash_tables(tree: &Tree) -> Vec<Finding> {
    let is_bound = |source: &Source| {
        let name = crate_of(&source.path);
        floors::floor(name).is_some_and(|floor| floor < 4) && name != "squall-check"
    };
    let text = "iteration order is no order: use BTreeMap, BTreeSet or Vec";
    production(tree, is_bound, &["HashMap", "HashSet"], text)
}

/// Only files and sockets need it.
pub(crate) const UNSAFE: Rule = Rule {
    name: "unsafe",
    check: check_unsafe,
    bad: &[
        &[("crates/squall-world/src/a.rs", "//! A\nfn f() { unsafe { g() } }\n")],
        &[("crates/squall-world/tests/it/main.rs", "//! A\nunsafe fn f() {}\n")],
    ],
    good: &[
        &[("crates/squall-disk/src/a.rs", "//! A\n// SAFETY: why\nfn f() { unsafe { g() } }\n")],
        &[("crates/squall-world/src/a.rs", "//! A\n#![deny(unsafe_code)]\n")],
    ],
};

fn check_unsafe(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        if matches!(crate_of(&source.path), "squall-disk" | "squall-tcp") {
            continue;
        }
        for place in source.places_of("unsafe") {
            let text = "`unsafe` belongs to the file code of squall-disk and to squall-tcp";
            findings.push(Finding::at(&source.path, source.line_of(place), text));
        }
    }
    findings
}

/// Cores run anywhere, and compute with integers.
pub(crate) const NO_STD: Rule = Rule {
    name: "no-std",
    check: no_std,
    bad: &[
        &[("crates/squall-node/src/lib.rs", "//! A\n")],
        &[("crates/squall-node/src/a.rs", "//! A\nuse std::fmt;\n")],
        &[("crates/squall-node/src/a.rs", "//! A\nfn f(a: f64) {}\n")],
    ],
    good: &[&[("crates/squall-node/src/a/tests.rs", "use std::fmt;\n")]],
};

fn no_std(tree: &Tree) -> Vec<Finding> {
    let is_core = |source: &Source| floors::is_core(crate_of(&source.path));
    let mut findings = Vec::new();
    for source in tree.sources().iter().filter(|source| is_core(source)) {
        if source.path.ends_with("/src/lib.rs") && !source.code.contains("#![no_std]") {
            findings.push(Finding::about(&source.path, "a core says `#![no_std]`"));
        }
    }
    findings.extend(production(tree, is_core, &["std::"], "a core has `core` and `alloc` only"));
    let text = "a core computes with integers: floats differ between machines";
    findings.extend(production(tree, is_core, &["f32", "f64"], text));
    findings
}

/// The crate that a file belongs to, for those in `crates/`.
fn crate_of(path: &str) -> &str {
    path.strip_prefix("crates/").and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

/// The places of these words in the production code of some sources.
fn production(
    tree: &Tree,
    of: impl Fn(&Source) -> bool,
    words: &[&str],
    text: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().iter().filter(|source| of(source)) {
        for word in words {
            let places = source.production_places_of(word);
            findings.extend(places.map(|at| Finding::at(&source.path, source.line_of(at), text)));
        }
    }
    findings
}
