//! What lies beside the code.

use super::Rule;
use crate::source::places_in;
use crate::tree::{Finding, Tree};

/// What a reader can rely on finding.
pub(super) const DOCUMENTS: &[&str] = &[
    ".ci/run",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "GLOSSARY.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "docs/trace.md",
    "docs/decisions",
];

/// The documents are there.
pub(crate) const PRESENT: Rule = Rule {
    name: "documents",
    check: present,
    bad: &[&[("GLOSSARY.md", "")], &[("docs/trace.md", " \n")]],
    good: &[],
};

fn present(tree: &Tree) -> Vec<Finding> {
    let is_there = |path: &str| match tree.text(path) {
        Some(text) => !text.trim().is_empty(),
        None => tree.has(path),
    };
    let missing = DOCUMENTS.iter().filter(|path| !is_there(path));
    missing.map(|path| Finding::about(path, "is missing or empty")).collect()
}

/// Both licences, whole.
pub(crate) const LICENCES: Rule = Rule {
    name: "licences",
    check: licences,
    bad: &[
        &[("LICENSE-MIT", "MIT")],
        &[("LICENSE-APACHE", "Apache License\nVersion 2.0, January 2004\n")],
    ],
    good: &[],
};

fn licences(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, sentences) in [
        ("LICENSE-MIT", &["Permission is hereby granted, free of charge,"][..]),
        ("LICENSE-APACHE", &["Apache License", "Version 2.0, January 2004", "APPENDIX:"]),
    ] {
        let text = tree.text(path).unwrap_or_default();
        for sentence in sentences.iter().filter(|sentence| !text.contains(**sentence)) {
            findings.push(Finding::about(path, format!("lacks the words {sentence:?}")));
        }
    }
    findings
}

/// The README's two commands stand in it as people will type them, and `.ci/run` does what
/// people do.
pub(crate) const COMMANDS: Rule = Rule {
    name: "commands",
    check: commands,
    bad: &[
        &[("README.md", "# squall\n\ncargo test\n")],
        &[(".ci/run", "#!/bin/bash\nset -euo pipefail\ncargo fmt --all --check\ncargo clippy\n")],
        &[(".ci/run", "cargo fmt --all --check\ncargo clippy\ncargo doc\ncargo test --workspace")],
    ],
    good: &[],
};

fn commands(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, needed) in [
        ("README.md", &["cargo run --release -- test -w broadcast", "cargo test --workspace"][..]),
        (
            ".ci/run",
            &[
                "set -euo pipefail",
                "cargo fmt --all --check",
                "cargo clippy",
                "cargo doc",
                "cargo test --workspace",
            ],
        ),
    ] {
        let text = tree.text(path).unwrap_or_default();
        for words in needed.iter().filter(|words| !text.contains(**words)) {
            findings.push(Finding::about(path, format!("lacks `{words}`")));
        }
    }
    if !tree.is_executable(".ci/run") {
        findings.push(Finding::about(".ci/run", "is not executable"));
    }
    findings
}

/// A link leads somewhere.
pub(crate) const LINKS: Rule = Rule {
    name: "links",
    check: links,
    bad: &[
        &[("docs/a.md", "See [the map](../MAP.md).")],
        &[("docs/a.md", "See [this](ARCHITECTURE.md#floors).")],
    ],
    good: &[&[(
        "docs/a.md",
        "[a](../ARCHITECTURE.md#floors) [b](https://example.org) [c](#here) [d](decisions/)\n\
         ```\n[no](link)\n```\n`[no](link)`",
    )]],
};

fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| path.ends_with(".md")) {
        let mut in_code = false;
        for (number, line) in text.lines().enumerate() {
            in_code ^= line.trim_start().starts_with("```");
            let spoken = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
            for (at, _) in spoken.match_indices("](").filter(|_| !in_code) {
                let link = spoken[at + 2..].split([')', ' ', '#']).next().unwrap_or_default();
                let is_ours = !link.is_empty() && !link.contains(':');
                if is_ours && !tree.has(&resolved(path, link)) {
                    let text = format!("the link {link} leads nowhere");
                    findings.push(Finding::at(path, number + 1, text));
                }
            }
        }
    }
    findings
}

/// The path from the root of a link in a file.
fn resolved(file: &str, link: &str) -> String {
    let mut parts = file.split('/').collect::<Vec<_>>();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// An example in JSON is JSON: as a whole, or line by line.
pub(crate) const EXAMPLES: Rule = Rule {
    name: "examples",
    check: examples,
    bad: &[
        &[("docs/a.md", "```json\n{\"e\":1,}\n```\n")],
        &[("docs/a.md", "```json\n{\"e\":1}\n{\"e\":…}\n```\n")],
    ],
    good: &[
        &[("docs/a.md", "```json\n{\"e\":1}\n{\"e\":2}\n```\n```sh\n{no}\n```\n")],
        &[("docs/a.md", "```json\n{\n  \"e\": 1\n}\n```\n")],
    ],
};

fn examples(tree: &Tree) -> Vec<Finding> {
    let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    let mut findings = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| path.ends_with(".md")) {
        for (place, _) in text.match_indices("```json\n") {
            let example = &text[place + "```json\n".len()..];
            let example = example.split("```").next().unwrap_or(example);
            if !is_json(example) && !example.lines().all(is_json) {
                let line = text[..place].matches('\n').count() + 1;
                findings.push(Finding::at(path, line, "the example is no JSON"));
            }
        }
    }
    findings
}

/// Decisions are numbered from 001 without gaps, and their titles say the number.
pub(crate) const DECISIONS: Rule = Rule {
    name: "decisions",
    check: decisions,
    bad: &[
        &[("docs/decisions/003-later.md", "# 003: later\n")],
        &[("docs/decisions/002-next.md", "# Next\n")],
        &[("docs/decisions/notes.md", "# Notes\n")],
    ],
    good: &[&[("docs/decisions/002-next.md", "# 002: next\n")]],
};

fn decisions(tree: &Tree) -> Vec<Finding> {
    let pages = tree.files().filter(|(path, _)| path.starts_with("docs/decisions/"));
    let mut findings = Vec::new();
    for (place, (path, text)) in pages.enumerate() {
        let number = format!("{:03}", place + 1);
        if !path.starts_with(&format!("docs/decisions/{number}-")) {
            findings.push(Finding::about(path, format!("the next number is {number}")));
        } else if !text.starts_with(&format!("# {number}: ")) {
            findings.push(Finding::about(path, format!("begin with `# {number}: ` and a title")));
        }
    }
    findings
}

/// Paths of the machine on which something was written.
pub(crate) const MACHINE_PATHS: Rule = Rule {
    name: "machine-paths",
    check: machine_paths,
    bad: &[
        &[("README.md", concat!("see /wo", "rk/here"))],
        &[("squall/src/a.rs", concat!("//! A\nconst A: &str = \"/tmp/wt", "-a\";\n"))],
        &[("nodes/a.py", concat!("#!/ro", "ot/bin/python3"))],
    ],
    good: &[&[("README.md", "See https://example.org/network/page and /tmp/store.")]],
};

fn machine_paths(tree: &Tree) -> Vec<Finding> {
    let needles = [
        concat!("/wo", "rk/"),
        concat!("/tmp/wt", "-"),
        concat!("/tmp/tar", "get"),
        concat!("/ro", "ot/"),
    ];
    let mut findings = Vec::new();
    for (path, text) in tree.files() {
        for (number, line) in text.lines().enumerate() {
            if let Some(needle) = needles.iter().find(|needle| line.contains(**needle)) {
                let text = format!("{needle} is a path of one machine");
                findings.push(Finding::at(path, number + 1, text));
            }
        }
    }
    findings
}

/// What is left open is an assertion of today's behaviour, marked `fixme:`.
pub(crate) const OPEN_ENDS: Rule = Rule {
    name: "open-ends",
    check: open_ends,
    bad: &[
        &[("squall/src/a.rs", concat!("//! A\n// TO", "DO: more\n"))],
        &[("docs/trace.md", concat!("# T\n\nFIX", "ME\n"))],
        &[("nodes/a.py", concat!("# TO", "DO(me) more\n"))],
    ],
    good: &[&[(
        "squall/src/a.rs",
        "//! A\n// fixme: the second reply is lost\nlet MASTODON = 1;\n",
    )]],
};

fn open_ends(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files() {
        for (number, line) in text.lines().enumerate() {
            for word in [concat!("TO", "DO"), concat!("FIX", "ME")] {
                if places_in(line, word).next().is_some() {
                    let text = format!("{word}: do it, or assert today's behaviour with `fixme:`");
                    findings.push(Finding::at(path, number + 1, text));
                }
            }
        }
    }
    findings
}
