//! The floors: arrows between crates point down only.

use super::Rule;
use super::manifests::{Kind, Member, members};
use crate::tree::{Finding, Tree};

/// A sample: the manifest of a member, in `crates/` unless said, with these lines.
macro_rules! member {
    ($name:literal $(, $line:literal)*) => {
        &[(
            concat!("crates/", $name, "/Cargo.toml"),
            concat!("[package]\nname = '", $name, "'\n", $($line, "\n"),*),
        )]
    };
    ($folder:literal => $name:literal $(, $line:literal)*) => {
        &[(
            concat!($folder, "/Cargo.toml"),
            concat!("[package]\nname = '", $name, "'\n", $($line, "\n"),*),
        )]
    };
}

/// Crates and their floors. Folders of `systems/` are on floor 5 without a line here. A new line
/// is a decision: a crate is one sentence, on one floor, with two users or a reason to be
/// published.
const FLOORS: &[(&str, u8)] = &[
    ("squall-node", 0),
    ("squall-history", 0),
    ("squall-wire", 1),
    ("squall-disk", 1),
    ("squall-check", 1),
    ("squall-rpc", 1),
    ("squall-raft", 2),
    ("squall-swim", 2),
    ("squall-crdt", 2),
    ("squall-replica", 2),
    ("squall-world", 3),
    ("squall-stdio", 3),
    ("squall-tcp", 3),
    ("squall-workbench", 4),
    ("squall-view", 4),
    ("squall", 6),
];

const SYSTEMS_FLOOR: u8 = 5;

/// The only arrows within a floor.
const WITHIN_A_FLOOR: &[(&str, &str)] =
    &[("squall-replica", "squall-raft"), ("squall-workbench", "squall-view")];

/// Crates that know less than their floor would let them.
const KNOWS_ONLY: &[(&str, &[&str])] =
    &[("squall-check", &["squall-history"]), ("squall-view", &["squall-history"])];

/// The floor of a member; `None` if it has none.
fn floor_of(member: &Member) -> Option<u8> {
    if member.folder.starts_with("systems/") {
        return Some(SYSTEMS_FLOOR);
    }
    floor(&member.name)
}

/// The floor of a crate of the table.
pub(super) fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(listed, _)| *listed == name).map(|(_, floor)| *floor)
}

/// Arrows point down. Tests and `xtask` may look anywhere.
pub(crate) const ARROWS: Rule = Rule {
    name: "arrows",
    check: arrows,
    bad: &[
        member!("squall-node", "[dependencies]", "squall-world.path = 'x'"),
        member!("squall-disk", "[dependencies]", "squall-wire.path = 'x'"),
        member!("squall-disk", "[dependencies]", "w = { package = 'squall-world', path = 'x' }"),
        member!("squall-disk", "[target.'cfg(unix)'.dependencies]", "squall-world.path = 'x'"),
        member!("squall-disk", "[build-dependencies]", "squall-world.path = 'x'"),
        member!("squall-check", "[dependencies]", "squall-node.path = 'x'"),
        member!("squall-raft", "[dependencies]", "squall-replica.path = 'x'"),
        member!("squall" => "squall", "[dependencies]", "xtask.path = 'x'"),
    ],
    good: &[
        member!("squall-disk", "[dev-dependencies]", "squall-world.path = 'x'"),
        member!("squall-replica", "[dependencies]", "squall-raft.path = 'x'"),
        member!("squall-check", "[dependencies]", "squall-history.path = 'x'"),
        member!("systems/chat" => "squall-chat", "[dependencies]", "squall-world.path = 'x'"),
        member!("xtask" => "xtask", "[dependencies]", "squall.path = 'x'"),
    ],
};

fn arrows(tree: &Tree) -> Vec<Finding> {
    let members = members(tree);
    let mut findings = Vec::new();
    for from in members.iter().filter(|member| member.name != "xtask") {
        for dependency in from.dependencies.iter().filter(|found| found.kind != Kind::Dev) {
            let to = &dependency.package;
            let to_floor = match members.iter().find(|member| member.name == *to) {
                Some(member) => floor_of(member),
                None => floor(to),
            };
            let within = WITHIN_A_FLOOR.contains(&(from.name.as_str(), to.as_str()));
            let only = KNOWS_ONLY.iter().find(|(name, _)| *name == from.name);
            let text = match (floor_of(from), to_floor) {
                _ if to == "xtask" => String::from("nothing may depend on xtask"),
                (Some(above), Some(below)) if below >= above && !within => format!(
                    "{} is on floor {above} and may not know {to} on floor {below}: arrows \
                     point down",
                    from.name
                ),
                (_, Some(_)) if only.is_some_and(|(_, known)| !known.contains(&to.as_str())) => {
                    format!("{} knows nothing of this workspace but histories, not {to}", from.name)
                }
                _ => continue,
            };
            findings.push(Finding::about(&from.manifest_path(), text));
        }
    }
    findings
}

/// Every crate is in the table and in its folder.
pub(crate) const HOMES: Rule = Rule {
    name: "homes",
    check: homes,
    bad: &[
        member!("squall-extra"),
        member!("systems/squall-wire" => "squall-wire"),
        member!("crates/disks" => "squall-disk"),
        member!("tools/x" => "x"),
    ],
    good: &[
        member!("squall-raft"),
        member!("systems/chat" => "squall-chat"),
        member!("fuzz" => "fuzz", "[workspace]"),
    ],
};

fn homes(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Member { name, folder, .. } in &members(tree) {
        let home = match floor(name) {
            Some(6) => String::from("squall"),
            Some(_) => format!("crates/{name}"),
            None if name == "xtask" => String::from("xtask"),
            None if is_system(folder) => continue,
            None => {
                let text = format!("{name} is not in the table of floors, {}", file!());
                findings.push(Finding::about(folder, text));
                continue;
            }
        };
        if *folder != home {
            findings.push(Finding::about(folder, format!("{name} belongs in {home}")));
        }
    }
    findings
}

fn is_system(folder: &str) -> bool {
    folder.strip_prefix("systems/").is_some_and(|name| !name.contains('/'))
}

/// Cores depend on nothing from outside.
pub(crate) const CORES: Rule = Rule {
    name: "cores",
    check: cores,
    bad: &[
        member!("squall-node", "[dependencies]", "serde = '1'"),
        member!("squall-node", "[dependencies]", "rand_core = '0.9'"),
        member!("squall-raft", "[dependencies]", "serde = '1'"),
    ],
    good: &[
        member!(
            "squall-node",
            "[dependencies]",
            "rand_core = { version = '0.9', optional = true }"
        ),
        member!("squall-node", "[dev-dependencies]", "proptest = '1'"),
        member!("squall-raft", "[dependencies]", "squall-node.path = 'x'"),
    ],
};

fn cores(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for core in members(tree).iter().filter(|member| is_core(&member.name)) {
        for dependency in core.dependencies.iter().filter(|found| found.kind != Kind::Dev) {
            let to = dependency.package.as_str();
            let at_the_edge = to == "rand_core" && dependency.optional;
            if floor(to).is_none() && !at_the_edge {
                let text = format!("{} is a core: it depends on nothing, not on {to}", core.name);
                findings.push(Finding::about(&core.manifest_path(), text));
            }
        }
    }
    findings
}

/// The contract, and the protocols on floor 2.
pub(super) fn is_core(name: &str) -> bool {
    name == "squall-node" || floor(name) == Some(2)
}

/// Crates from outside that only some may name.
struct Few {
    names: &'static [&'static str],
    may: fn(&Member) -> bool,
    why: &'static str,
}

const FEW: &[Few] = &[
    Few {
        names: &["mio", "polling"],
        may: |member| ["squall-world", "squall-tcp"].contains(&member.name.as_str()),
        why: "there is one poller for the pipes of all processes, and one for sockets",
    },
    Few {
        names: &["tokio", "tokio-util", "async-std", "smol"],
        may: |member| member.name == "squall-tcp" || floor_of(member) > Some(4),
        why: "only squall-tcp and the floors from 5 on run on sockets",
    },
    Few {
        names: &["tonic", "axum", "hyper", "rustls", "tower"],
        may: |member| member.name == "squall-tcp" || floor_of(member) > Some(4),
        why: "servers belong to systems and to the binary",
    },
    Few {
        names: &["rand", "getrandom", "fastrand", "ahash", "chrono", "time", "uuid"],
        may: |member| floor_of(member) > Some(3),
        why: "chance and time come from the World",
    },
    Few {
        names: &["rayon", "crossbeam", "parking_lot"],
        may: |member| floor_of(member) > Some(3),
        why: "no thread decides anything below floor 4",
    },
    Few {
        names: &["clap"],
        may: |member| floor_of(member) == Some(6),
        why: "what a user types is the binary's",
    },
    Few {
        names: &["proptest", "expect-test", "goldenscript"],
        may: |_| false,
        why: "tools of tests are dev-dependencies",
    },
];

/// Some crates from outside have few who may name them.
pub(crate) const OUTSIDERS: Rule = Rule {
    name: "outsiders",
    check: outsiders,
    bad: &[
        member!("squall-world", "[dependencies]", "tokio = '1'"),
        member!("squall-check", "[dependencies]", "proptest = '1'"),
        member!("squall-stdio", "[dependencies]", "mio = '1'"),
        member!("squall-workbench", "[dependencies]", "clap = '4'"),
        member!("squall-world", "[dependencies]", "rand = { version = '0.9', optional = true }"),
    ],
    good: &[
        member!("squall-tcp", "[dependencies]", "tokio = '1'"),
        member!("squall" => "squall", "[dependencies]", "clap = '4'", "axum = '1'"),
        member!("squall-check", "[dev-dependencies]", "proptest = '1'"),
    ],
};

fn outsiders(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members(tree).iter().filter(|member| member.name != "xtask") {
        for dependency in member.dependencies.iter().filter(|found| found.kind != Kind::Dev) {
            let to = dependency.package.as_str();
            for Few { names, may, why } in FEW {
                if names.contains(&to) && !may(member) {
                    let text = format!("{} may not name {to}: {why}", member.name);
                    findings.push(Finding::about(&member.manifest_path(), text));
                }
            }
        }
    }
    findings
}
