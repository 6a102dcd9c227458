//! The rules: each a name, a check over the tree, and samples that prove the check.

mod documents;
mod floors;
mod manifests;
mod proofs;
mod sample;
mod sources;

use crate::tree::{Finding, Tree};

/// Files written over the tidy sample tree.
pub(crate) type Sample = &'static [(&'static str, &'static str)];

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    /// What exceptions call it.
    pub(crate) name: &'static str,
    /// Finds every place where it is not kept.
    pub(crate) check: fn(&Tree) -> Vec<Finding>,
    /// Each must be rejected.
    pub(crate) bad: &'static [Sample],
    /// Each must be accepted, as the tidy sample tree itself.
    pub(crate) good: &'static [Sample],
}

/// All rules. A new one is a line here and a function with its samples.
pub(crate) const RULES: &[Rule] = &[
    // Which crate may know which.
    floors::ARROWS,
    floors::HOMES,
    floors::CORES,
    floors::OUTSIDERS,
    // What every manifest says.
    manifests::MEMBERS,
    manifests::WORKSPACE,
    manifests::BANS,
    // How sources look.
    sources::FILE_LINES,
    sources::LINE_WIDTH,
    sources::NAMES,
    sources::PROSE,
    sources::REASONS,
    sources::UNWRAP,
    sources::HASH_TABLES,
    sources::UNSAFE,
    sources::NO_STD,
    // How tests look.
    proofs::INLINE_TESTS,
    proofs::BINARIES,
    proofs::IGNORE,
    proofs::TIME,
    proofs::PORTS,
    // What lies beside the code.
    documents::PRESENT,
    documents::LICENCES,
    documents::COMMANDS,
    documents::LINKS,
    documents::EXAMPLES,
    documents::DECISIONS,
    documents::MACHINE_PATHS,
    documents::OPEN_ENDS,
];
