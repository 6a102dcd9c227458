//! Consistency models, what each of them forbids, and what an anomaly rules out.
//!
//! Three relations, written down as tables: a model implies weaker models; a model forbids
//! anomalies; an anomaly implies others (where it is present, so are they). Everything else is
//! derived: what some models [`prohibited`], and what some anomalies [`ruled_out`].
//!
//! Names are those of Adya's thesis (1999) and of Jepsen. A history never shows that a model is
//! satisfied: the word is *not ruled out*.

use std::collections::BTreeSet;

/// Models that [`not_ruled_out`] names; the others are counted.
const STRONGEST_MAX: usize = 3;

/// A consistency model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Model(u8);

/// What is written down about a model.
struct Row {
    canonical: &'static str,
    friendly: &'static str,
    /// Weaker models that every history of this one satisfies: direct ones.
    implies: &'static [&'static str],
    /// Anomalies that no history of this model has: direct ones.
    forbids: &'static [&'static str],
}

const fn row(
    canonical: &'static str,
    friendly: &'static str,
    implies: &'static [&'static str],
    forbids: &'static [&'static str],
) -> Row {
    Row { canonical, friendly, implies, forbids }
}

/// Stronger models first.
#[rustfmt::skip]
const MODELS: &[Row] = &[
    row("PL-SS", "strict-serializable",
        &["PL-3", "PL-SI", "linearizable", "strong-snapshot-isolation",
          "strong-session-serializable", "session-serializable"],
        &["G1", "G1c-realtime", "G2-realtime", "PL-SS-cycle-exists"]),
    row("strong-session-serializable", "strong-session-serializable",
        &["PL-3", "strong-session-snapshot-isolation"],
        &["G1-process", "G2-process", "strong-session-serializable-cycle-exists"]),
    row("session-serializable", "session-serializable", &["1SR"], &[]),
    row("PL-3", "serializable", &["PL-2.99", "PL-3U", "PL-SI", "view-serializable"],
        &["internal", "G1", "G2", "predicate-read-miss", "PL-3-cycle-exists"]),
    row("1SR", "1SR", &[], &[]),
    row("view-serializable", "view-serializable", &[], &[]),
    row("strong-snapshot-isolation", "strong-snapshot-isolation",
        &["strong-session-snapshot-isolation", "strong-PL-2"],
        &["internal", "G1-realtime", "G-nonadjacent-realtime",
          "strong-snapshot-isolation-cycle-exists"]),
    row("strong-session-snapshot-isolation", "strong-session-snapshot-isolation",
        &["PL-SI", "strong-session-PL-2"],
        &["internal", "G1-process", "G-nonadjacent-process",
          "strong-session-snapshot-isolation-cycle-exists"]),
    row("PL-SI", "snapshot-isolation",
        &["PL-FCV", "PL-MSR", "monotonic-atomic-view", "parallel-snapshot-isolation", "prefix"],
        &["internal", "G1", "G-SI", "G-nonadjacent", "PL-SI-cycle-exists"]),
    row("parallel-snapshot-isolation", "parallel-snapshot-isolation",
        &["causal-cerone", "update-atomic"], &["internal", "G1a"]),
    row("prefix", "prefix", &["causal-cerone"], &["internal", "G1a"]),
    row("PL-2.99", "repeatable-read", &["PL-CS", "monotonic-atomic-view"],
        &["G1", "G2-item", "lost-update", "PL-2.99-cycle-exists"]),
    row("PL-3U", "update-serializable", &["PL-FCV"], &["G1", "G-update"]),
    row("PL-FCV", "forward-consistent-view", &["PL-2+"], &["G1", "G-SIb"]),
    row("PL-2+", "consistent-view", &["PL-CS", "PL-2L"], &["G1", "G-single"]),
    row("PL-CS", "cursor-stability", &["PL-2"], &["G1", "G-cursor", "lost-update"]),
    row("PL-2L", "monotonic-view", &["PL-2"], &["G1", "G-monotonic"]),
    row("PL-MSR", "monotonic-snapshot-read", &["PL-2"], &["G1", "G-MSR"]),
    row("linearizable", "linearizable", &["sequential"], &[]),
    row("sequential", "sequential", &["causal"], &[]),
    row("causal", "causal", &["writes-follow-reads", "PRAM"], &[]),
    row("PRAM", "PRAM", &["monotonic-reads", "monotonic-writes", "read-your-writes"], &[]),
    row("causal-cerone", "causal-cerone", &["read-atomic"], &["internal", "G1a"]),
    row("update-atomic", "update-atomic", &["read-atomic"], &["lost-update"]),
    row("read-atomic", "read-atomic", &["monotonic-atomic-view"],
        &["internal", "G1a", "future-read"]),
    row("monotonic-atomic-view", "monotonic-atomic-view", &["PL-2"], &[]),
    row("strong-PL-2", "strong-read-committed", &["strong-session-PL-2", "strong-PL-1"],
        &["G1c-realtime", "strong-PL-2-cycle-exists"]),
    row("strong-session-PL-2", "strong-session-read-committed",
        &["PL-2", "strong-session-PL-1"],
        &["G1c-process", "strong-session-PL-2-cycle-exists"]),
    row("PL-2", "read-committed", &["PL-1"], &["G1", "thin-air-read", "PL-2-cycle-exists"]),
    row("strong-PL-1", "strong-read-uncommitted", &["strong-session-PL-1"],
        &["G0-realtime", "strong-PL-1-cycle-exists"]),
    row("strong-session-PL-1", "strong-session-read-uncommitted", &["PL-1"],
        &["G0-process", "strong-session-PL-1-cycle-exists"]),
    row("PL-1", "read-uncommitted", &[],
        &["G0", "duplicate-elements", "cyclic-versions", "PL-1-cycle-exists"]),
    row("writes-follow-reads", "writes-follow-reads", &[], &[]),
    row("monotonic-reads", "monotonic-reads", &[], &[]),
    row("monotonic-writes", "monotonic-writes", &[], &[]),
    row("read-your-writes", "read-your-writes", &[], &[]),
];

/// Second names of models.
const ALIASES: &[(&str, &str)] =
    &[("conflict-serializable", "PL-3"), ("strong-serializable", "PL-SS")];

/// The strongest of each family, in the order in which they are told.
const FAMILIES: &[&str] = &[
    "PL-SS",
    "strong-session-serializable",
    "PL-3",
    "strong-snapshot-isolation",
    "PL-SI",
    "parallel-snapshot-isolation",
    "PL-2.99",
    "causal",
    "read-atomic",
    "monotonic-atomic-view",
    "PL-2",
    "PL-1",
];

/// Where the left is present, so are those on the right: direct implications. `G-SI` is spelt `GSI`
/// here as it is upstream, so the two never meet.
#[rustfmt::skip]
const IMPLICATIONS: &[(&str, &[&str])] = &[
    ("G0", &["G1c", "G0-process"]),
    ("G0-process", &["G1c-process", "G0-realtime"]),
    ("G0-realtime", &["G1c-realtime"]),
    ("G1a", &["G1"]),
    ("G1b", &["G1"]),
    ("G1c", &["G1", "G1c-process"]),
    ("G1c-process", &["G1-process", "G1c-realtime"]),
    ("G1c-realtime", &["G1-realtime"]),
    ("G1", &["G1-process"]),
    ("G1-process", &["G1-realtime"]),
    ("G-single-item", &["G-single", "G-nonadjacent-item", "G-single-item-process"]),
    ("G-single-item-process",
        &["G-single-process", "G-nonadjacent-item-process", "G-single-item-realtime"]),
    ("G-single-item-realtime", &["G-single-realtime", "G-nonadjacent-item-realtime"]),
    ("G-single", &["G-nonadjacent", "GSIb", "G-single-process"]),
    ("G-single-process", &["G-nonadjacent-process", "G-single-realtime"]),
    ("G-single-realtime", &["G-nonadjacent-realtime"]),
    ("G-nonadjacent-item", &["G-nonadjacent", "G2-item", "G-nonadjacent-item-process"]),
    ("G-nonadjacent-item-process",
        &["G-nonadjacent-process", "G2-item-process", "G-nonadjacent-item-realtime"]),
    ("G-nonadjacent-item-realtime", &["G-nonadjacent-realtime", "G2-item-realtime"]),
    ("G-nonadjacent", &["G2", "G-nonadjacent-process"]),
    ("G-nonadjacent-process", &["G2-process", "G-nonadjacent-realtime"]),
    ("G-nonadjacent-realtime", &["G2-realtime"]),
    ("G2-item", &["G2", "G2-item-process"]),
    ("G2-item-process", &["G2-process", "G2-item-realtime"]),
    ("G2-item-realtime", &["G2-realtime"]),
    ("G2", &["G2-process"]),
    ("G2-process", &["G2-realtime"]),
    ("incompatible-order", &["G1a"]),
    ("dirty-update", &["G1a"]),
    ("future-read", &["G1c"]),
    ("lost-update", &["write-skew", "G2-item"]),
    ("write-skew", &["G2"]),
    ("GSIa", &["GSI"]),
    ("GSIb", &["GSI"]),
];

impl Model {
    /// Strict serializability, the promise that a transactional workload makes if nobody says less.
    pub const STRICT_SERIALIZABLE: Self = Self(0);

    /// Every model; the stronger of two comes first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).zip(MODELS).map(|(index, _)| Self(index))
    }

    /// The model of a canonical or friendly name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |alias| alias.1);
        let is_it = |model: &Self| model.canonical() == name || model.friendly() == name;
        Self::all().find(is_it)
    }

    /// The name in the tables: `PL-3`.
    #[must_use]
    pub fn canonical(self) -> &'static str {
        self.row().canonical
    }

    /// The name for people: `serializable`.
    #[must_use]
    pub fn friendly(self) -> &'static str {
        self.row().friendly
    }

    /// Whether every history of this model is one of the other, too.
    #[must_use]
    pub fn implies(self, weaker: Self) -> bool {
        Models::weaker_than(self).has(weaker)
    }

    /// Whether it is about real time: it, or a weaker model, orders operations by it.
    #[must_use]
    pub fn needs_real_time(self) -> bool {
        let linearizable = Self::named("linearizable").expect("a name of `MODELS`");
        let is_timed = |name: &&str| name.ends_with("-realtime");
        self.implies(linearizable) || prohibited(&[self]).iter().any(is_timed)
    }

    fn row(self) -> &'static Row {
        &MODELS[usize::from(self.0)]
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.canonical())
    }
}

/// A set of models.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Models(u64);

const _: () = assert!(MODELS.len() <= 64, "a set of models is a word");

impl Models {
    fn has(self, model: Model) -> bool {
        self.0 & (1 << model.0) != 0
    }

    fn add(&mut self, model: Model) {
        self.0 |= 1 << model.0;
    }

    /// A model and all that it implies.
    fn weaker_than(model: Model) -> Self {
        let mut found = Self::default();
        let mut stack = vec![model];
        while let Some(model) = stack.pop() {
            if !found.has(model) {
                found.add(model);
                stack.extend(model.row().implies.iter().filter_map(|name| Model::named(name)));
            }
        }
        found
    }

    fn members(self) -> impl Iterator<Item = Model> {
        Model::all().filter(move |&model| self.has(model))
    }
}

/// What some anomalies rule out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuledOut {
    /// The weakest of these models.
    pub weakest: Vec<Model>,
    /// All others: each is stronger than one of the weakest.
    pub others: Vec<Model>,
}

/// These anomalies and all that they imply.
#[must_use]
pub fn implied<'n>(anomalies: impl IntoIterator<Item = &'n str>) -> BTreeSet<&'n str> {
    let mut found = BTreeSet::new();
    let mut stack: Vec<&'n str> = anomalies.into_iter().collect();
    while let Some(anomaly) = stack.pop() {
        if found.insert(anomaly) {
            let row = IMPLICATIONS.iter().find(|(name, _)| *name == anomaly);
            stack.extend(row.into_iter().flat_map(|(_, implied)| implied.iter().copied()));
        }
    }
    found
}

/// The anomalies that no history of these models has: what they and all weaker models forbid, and
/// whatever implies one of that.
#[must_use]
pub fn prohibited(models: &[Model]) -> BTreeSet<&'static str> {
    let weaker = models.iter().flat_map(|&model| Models::weaker_than(model).members());
    let direct: BTreeSet<&str> =
        weaker.flat_map(|model| model.row().forbids.iter().copied()).collect();
    let causes = IMPLICATIONS.iter().map(|(name, _)| *name);
    let causes = causes.filter(|name| implied([*name]).iter().any(|name| direct.contains(name)));
    causes.chain(direct.iter().copied()).collect()
}

/// Whether an anomaly is known that the model, or a weaker one, forbids. Of others nothing can be
/// said directly: *causal*, for example.
#[must_use]
pub fn has_rules(model: Model) -> bool {
    !prohibited(&[model]).is_empty()
}

/// Whether something speaks for a model in the face of these anomalies: it has rules, or a stronger
/// one that has is not ruled out. A model of real time is no witness where there is none.
#[must_use]
pub fn is_backed<'n>(
    model: Model,
    anomalies: impl IntoIterator<Item = &'n str>,
    has_real_time: bool,
) -> bool {
    if has_rules(model) {
        return true;
    }
    let impossible = impossible(anomalies);
    let can_tell = |other: Model| has_rules(other) && (has_real_time || !other.needs_real_time());
    Model::all().any(|other| other.implies(model) && can_tell(other) && !impossible.has(other))
}

/// The models that a history with these anomalies does not satisfy.
#[must_use]
pub fn ruled_out<'n>(anomalies: impl IntoIterator<Item = &'n str>) -> RuledOut {
    let impossible = impossible(anomalies);
    let weaker_fall = |model: &Model| {
        impossible.members().any(|other| other != *model && Models::weaker_than(*model).has(other))
    };
    let (others, weakest) = impossible.members().partition(weaker_fall);
    RuledOut { weakest, others }
}

/// The strongest models that a history with these anomalies may still satisfy, at most three, and
/// the number of the others.
#[must_use]
pub fn not_ruled_out<'n>(anomalies: impl IntoIterator<Item = &'n str>) -> (Vec<Model>, usize) {
    let impossible = impossible(anomalies);
    let left: Vec<Model> = Model::all().filter(|&model| !impossible.has(model)).collect();
    let is_weaker =
        |model: &Model| left.iter().any(|other| other != model && other.implies(*model));
    let mut strongest: Vec<Model> =
        left.iter().copied().filter(|model| !is_weaker(model)).collect();
    let family = |model: &Model| FAMILIES.iter().position(|name| *name == model.canonical());
    strongest.sort_by_key(|model| (family(model).unwrap_or(FAMILIES.len()), *model));
    let others_count = strongest.len().saturating_sub(STRONGEST_MAX);
    strongest.truncate(STRONGEST_MAX);
    (strongest, others_count)
}

/// The models that forbid one of these anomalies or what it implies, and all stronger ones.
fn impossible<'n>(anomalies: impl IntoIterator<Item = &'n str>) -> Models {
    let present = implied(anomalies);
    let is_refuted = |model: Model| model.row().forbids.iter().any(|name| present.contains(name));
    let mut impossible = Models::default();
    for model in Model::all() {
        if Models::weaker_than(model).members().any(is_refuted) {
            impossible.add(model);
        }
    }
    impossible
}
