//! What every manifest of the workspace says.

use toml::{Table, Value};

use super::{Rule, floors};
use crate::tree::{Finding, Tree};

/// A crate of the workspace.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) folder: String,
    pub(super) dependencies: Vec<Dependency>,
    table: Table,
}

/// An arrow.
#[derive(Debug)]
pub(super) struct Dependency {
    /// The package, whatever the crate calls it.
    pub(super) package: String,
    pub(super) kind: Kind,
    pub(super) optional: bool,
}

/// When it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Build,
    Dev,
}

impl Member {
    /// Where its manifest lies.
    pub(super) fn manifest_path(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

/// Every crate but those that are workspaces of their own.
pub(super) fn members(tree: &Tree) -> Vec<Member> {
    let root = parse("Cargo.toml", tree.text("Cargo.toml").unwrap_or_default());
    let shared = table_at(&root, &["workspace", "dependencies"]);
    let mut members = Vec::new();
    for (path, text) in tree.files() {
        let Some(folder) = path.strip_suffix("/Cargo.toml") else { continue };
        let table = parse(path, text);
        if table.contains_key("workspace") {
            continue;
        }
        let name = text_at(&table, &["package", "name"]).unwrap_or(folder).into();
        let dependencies = dependencies(&table, shared);
        members.push(Member { name, folder: folder.into(), dependencies, table });
    }
    members
}

fn dependencies(table: &Table, shared: Option<&Table>) -> Vec<Dependency> {
    let targets = table_at(table, &["target"]).into_iter().flat_map(Table::values);
    let places = targets.filter_map(Value::as_table).chain([table]);
    let mut found = Vec::new();
    for place in places {
        for (key, kind) in [
            ("dependencies", Kind::Normal),
            ("build-dependencies", Kind::Build),
            ("dev-dependencies", Kind::Dev),
        ] {
            for (name, value) in table_at(place, &[key]).into_iter().flatten() {
                let inherited = shared.and_then(|shared| shared.get(name));
                let renamed = [Some(value), inherited].into_iter().flatten();
                let package = renamed.filter_map(|value| value.get("package")?.as_str()).next();
                let package = package.unwrap_or(name).into();
                let optional = value.get("optional").and_then(Value::as_bool).unwrap_or(false);
                found.push(Dependency { package, kind, optional });
            }
        }
    }
    found
}

fn parse(path: &str, text: &str) -> Table {
    text.parse().unwrap_or_else(|error| panic!("{path} is no manifest: {error}"))
}

fn value_at<'t>(table: &'t Table, keys: &[&str]) -> Option<&'t Value> {
    let (first, rest) = keys.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

fn table_at<'t>(table: &'t Table, keys: &[&str]) -> Option<&'t Table> {
    value_at(table, keys)?.as_table()
}

fn text_at<'t>(table: &'t Table, keys: &[&str]) -> Option<&'t str> {
    value_at(table, keys)?.as_str()
}

/// Every member has a description and takes lints, edition, version of Rust and licence from the
/// workspace.
pub(crate) const MEMBERS: Rule = Rule {
    name: "members",
    check: check_members,
    bad: &[
        &[(
            "squall/Cargo.toml",
            "[package]\nname = 'squall'\nedition.workspace = true\n\
             rust-version.workspace = true\nlicense.workspace = true\n[lints]\nworkspace = true",
        )],
        &[(
            "squall/Cargo.toml",
            "[package]\nname = 'squall'\ndescription = 'It'\nedition.workspace = true\n\
             rust-version.workspace = true\nlicense.workspace = true",
        )],
        &[(
            "squall/Cargo.toml",
            "[package]\nname = 'squall'\ndescription = 'It'\nedition = '2021'\n\
             rust-version.workspace = true\nlicense.workspace = true\n[lints]\nworkspace = true",
        )],
    ],
    good: &[],
};

fn check_members(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &members(tree) {
        let mut expect = |holds: bool, text: &str| {
            if !holds {
                findings.push(Finding::about(&member.manifest_path(), text));
            }
        };
        let inherits = |keys: &[&str]| value_at(&member.table, keys) == Some(&Value::Boolean(true));
        expect(inherits(&["lints", "workspace"]), "say `[lints] workspace = true`");
        for key in ["edition", "rust-version", "license"] {
            let text = format!("say `{key}.workspace = true`");
            expect(inherits(&["package", key, "workspace"]), &text);
        }
        let description = text_at(&member.table, &["package", "description"]);
        expect(description.is_some_and(|text| !text.trim().is_empty()), "say what the crate is");
    }
    findings
}

/// The lints of clippy that the whole workspace has on.
pub(super) const LINTS: &[&str] = &[
    "iter_over_hash_type",
    "disallowed_types",
    "disallowed_methods",
    "float_cmp",
    "too_many_lines",
    "too_many_arguments",
    "cognitive_complexity",
    "large_types_passed_by_value",
    "unwrap_used",
    "allow_attributes_without_reason",
    "undocumented_unsafe_blocks",
    "dbg_macro",
    "todo",
    "unimplemented",
    "print_stdout",
    "print_stderr",
    "let_underscore_must_use",
    "cast_possible_truncation",
    "cast_sign_loss",
    "enum_glob_use",
    "match_wildcard_for_single_variants",
    "manual_let_else",
    "use_self",
    "uninlined_format_args",
    "semicolon_if_nothing_returned",
    "str_to_string",
    "unused_async",
];

/// The lints of the compiler that the whole workspace has on.
const RUST_LINTS: &[&str] = &[
    "unsafe_code",
    "missing_docs",
    "unreachable_pub",
    "unused_qualifications",
    "missing_debug_implementations",
];

/// The root names edition, oldest Rust and lints, and pins no toolchain.
pub(crate) const WORKSPACE: Rule = Rule {
    name: "workspace",
    check: workspace,
    bad: &[
        &[("rust-toolchain.toml", "[toolchain]\nchannel = \"nightly\"")],
        &[("Cargo.toml", "[workspace.package]\nedition = '2024'\nrust-version = '1.90'")],
    ],
    good: &[],
};

fn workspace(tree: &Tree) -> Vec<Finding> {
    let root = parse("Cargo.toml", tree.text("Cargo.toml").unwrap_or_default());
    let mut findings = Vec::new();
    let mut expect = |holds: bool, text: &str| {
        if !holds {
            findings.push(Finding::about("Cargo.toml", text));
        }
    };
    let package = |key| text_at(&root, &["workspace", "package", key]);
    expect(package("edition") == Some("2024"), "the edition is 2024");
    expect(package("rust-version").is_some(), "say the oldest Rust that builds this");
    expect(package("license") == Some("MIT OR Apache-2.0"), "the licence is MIT OR Apache-2.0");
    let default = value_at(&root, &["workspace", "default-members"]).and_then(Value::as_array);
    let binary = [Value::String("squall".into())];
    expect(default.is_some_and(|it| it[..] == binary), "`cargo run` at the root runs squall");
    for (tool, lints) in [("rust", RUST_LINTS), ("clippy", LINTS)] {
        for lint in lints {
            let lint_at = value_at(&root, &["workspace", "lints", tool, lint]);
            let level = lint_at.and_then(|it| it.as_str().or_else(|| it.get("level")?.as_str()));
            let is_on = level.is_some_and(|level| level != "allow");
            expect(is_on, &format!("the lint {tool}::{lint} is on in the whole workspace"));
        }
    }
    for pin in ["rust-toolchain", "rust-toolchain.toml"] {
        expect(!tree.has(pin), &format!("`rust-version` is enough: remove {pin}"));
    }
    findings
}

const METHODS: &[&str] =
    &["std::time::Instant::now", "std::time::SystemTime::now", "std::thread::spawn"];
const TYPES: &[&str] = &["std::collections::HashMap", "std::collections::HashSet"];

/// Crates below floor 4 ban clocks, threads and hash tables in a `clippy.toml` of their own. It
/// replaces the root's, so that the sizes are in it too.
pub(crate) const BANS: Rule = Rule {
    name: "bans",
    check: bans,
    bad: &[
        &[("crates/squall-wire/Cargo.toml", "[package]\nname = \"squall-wire\"")],
        &[("crates/squall-node/clippy.toml", "disallowed-methods = []")],
        &[("crates/squall-node/clippy.toml", "too-many-lines-threshold = 700")],
    ],
    good: &[&[("squall/clippy.toml", "")]],
};

fn bans(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &members(tree) {
        if floors::floor(&member.name).is_none_or(|floor| floor > 3) {
            continue;
        }
        let path = format!("{}/clippy.toml", member.folder);
        let Some(text) = tree.text(&path) else {
            let text = "is missing: a crate below floor 4 bans clocks, threads, hash tables";
            findings.push(Finding::about(&path, text));
            continue;
        };
        let table = parse(&path, text);
        let banned = |key, path: &str| {
            let bans = table.get(key).and_then(Value::as_array).into_iter().flatten();
            let mut with_reason = bans.filter(|ban| ban.get("reason").is_some());
            with_reason.any(|ban| ban.get("path").and_then(Value::as_str) == Some(path))
        };
        // A checker may look things up by hash, with a fixed seed.
        let types = if member.name == "squall-check" { &[] } else { TYPES };
        let methods = METHODS.iter().map(|method| ("disallowed-methods", method));
        for (key, path_banned) in methods.chain(types.iter().map(|name| ("disallowed-types", name)))
        {
            if !banned(key, path_banned) {
                let text = format!("`{key}` must have {path_banned}, with a reason");
                findings.push(Finding::about(&path, text));
            }
        }
        for (key, most) in [
            ("too-many-lines-threshold", 70),
            ("too-many-arguments-threshold", 6),
            ("cognitive-complexity-threshold", 20),
        ] {
            if table.get(key).and_then(Value::as_integer).is_none_or(|value| value > most) {
                findings.push(Finding::about(&path, format!("say `{key} = {most}`")));
            }
        }
    }
    findings
}
