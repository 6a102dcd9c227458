//! A small tree in memory that keeps every rule, for samples to be written over.

use crate::tree::Tree;

const ROOT: &str = r#"
[workspace]
resolver = "3"
members = ["crates/*", "squall", "xtask"]
default-members = ["squall"]

[workspace.package]
edition = "2024"
rust-version = "1.90"
license = "MIT OR Apache-2.0"

[workspace.dependencies]
squall-node = { path = "crates/squall-node" }
json = { package = "serde_json", version = "1" }

[workspace.lints.rust]
unsafe_code = "deny"
missing_docs = "warn"
unreachable_pub = "warn"
unused_qualifications = "warn"
missing_debug_implementations = "warn"

[workspace.lints.clippy]
all = { level = "warn", priority = -1 }
"#;

const MEMBER: &str = r#"
[package]
name = "NAME"
description = "What it is"
edition.workspace = true
rust-version.workspace = true
license.workspace = true

[lints]
workspace = true

"#;

const BANS: &str = r#"
too-many-lines-threshold = 70
too-many-arguments-threshold = 6
cognitive-complexity-threshold = 20
disallowed-methods = [
  { path = "std::time::Instant::now", reason = "why" },
  { path = "std::time::SystemTime::now", reason = "why" },
  { path = "std::thread::spawn", reason = "why" },
]
disallowed-types = [
  { path = "std::collections::HashMap", reason = "why" },
  { path = "std::collections::HashSet", reason = "why" },
]
"#;

const README: &str = "# squall\n\n```\ncargo run --release -- test -w broadcast\n\
                      cargo test --workspace\n```\n";

const CI: &str = "#!/usr/bin/env bash\nset -euo pipefail\ncargo fmt --all --check\n\
                  cargo clippy\ncargo doc\ncargo test --workspace\n";

impl Tree {
    /// The tree.
    pub(crate) fn tidy_sample() -> Self {
        let mut tree = Self::default();
        let clippy = super::manifests::LINTS.iter().map(|lint| format!("{lint} = \"warn\"\n"));
        tree.write("Cargo.toml", &format!("{ROOT}{}", clippy.collect::<String>()));
        member(&mut tree, "crates/squall-node", "");
        member(&mut tree, "crates/squall-disk", "[dependencies]\nsquall-node.workspace = true\n");
        member(&mut tree, "crates/squall-world", "[dependencies]\nsquall-node.workspace = true\n");
        member(&mut tree, "squall", "[dependencies]\nsquall-world.path = \"../crates\"\n");
        member(&mut tree, "xtask", "");
        for core in ["squall-node", "squall-disk", "squall-world"] {
            tree.write(&format!("crates/{core}/clippy.toml"), BANS);
        }
        tree.write("crates/squall-node/src/lib.rs", "//! Prose.\n#![no_std]\n\npub mod wire;\n");
        tree.write("crates/squall-world/tests/it/main.rs", "//! Prose.\n\nmod script;\n");
        tree.write("README.md", README);
        tree.write(".ci/run", CI);
        for document in super::documents::DOCUMENTS {
            if !tree.has(document) {
                tree.write(document, "# A title\n");
            }
        }
        let decision = "# 001: one World\n\n[map](../../ARCHITECTURE.md)\n";
        tree.write("docs/decisions/001-one-world.md", decision);
        tree.write("LICENSE-MIT", "MIT License\n\nPermission is hereby granted, free of charge,\n");
        tree.write("LICENSE-APACHE", "Apache License\nVersion 2.0, January 2004\nAPPENDIX:\n");
        tree
    }
}

fn member(tree: &mut Tree, folder: &str, dependencies: &str) {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    let manifest = MEMBER.replace("NAME", name) + dependencies;
    tree.write(&format!("{folder}/Cargo.toml"), &manifest);
    tree.write(&format!("{folder}/src/lib.rs"), "//! Prose.\n\n/// What it is.\npub struct A;\n");
}
