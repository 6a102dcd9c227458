//! The lattice of models against the tables that are derived from it elsewhere.

use std::collections::BTreeSet;

use squall_check::consistency::{Model, implied, not_ruled_out, prohibited, ruled_out};

fn model(name: &str) -> Model {
    Model::named(name).unwrap_or_else(|| panic!("{name}"))
}

fn friendly(models: &[Model]) -> Vec<&'static str> {
    let mut names: Vec<&str> = models.iter().map(|model| model.friendly()).collect();
    names.sort_unstable();
    names
}

/// What each anomaly excludes by itself, weakest models only.
#[test]
fn weakest_models_ruled_out() {
    let session_si = ["strong-session-snapshot-isolation"].as_slice();
    for (anomalies, weakest) in [
        ("G0 duplicate-elements cyclic-versions", ["read-uncommitted"].as_slice()),
        (
            "G1a G1b G1c incompatible-order dirty-update future-read thin-air-read",
            &["read-committed"],
        ),
        ("internal", &["read-atomic"]),
        ("lost-update", &["cursor-stability", "update-atomic"]),
        ("G-single-item", &["consistent-view", "repeatable-read"]),
        ("G-nonadjacent-item", &["repeatable-read", "snapshot-isolation"]),
        ("G2-item", &["repeatable-read"]),
        ("G2 write-skew", &["serializable"]),
        ("G0-process", &["strong-session-read-uncommitted"]),
        ("G1c-process", &["strong-session-read-committed"]),
        ("G-single-item-process G-nonadjacent-item-process", session_si),
        ("G2-item-process", &["strong-session-serializable"]),
        ("G0-realtime", &["strong-read-uncommitted"]),
        ("G1c-realtime", &["strong-read-committed"]),
        ("G-single-item-realtime G-nonadjacent-item-realtime", &["strong-snapshot-isolation"]),
        ("G2-item-realtime", &["strict-serializable"]),
    ] {
        for anomaly in anomalies.split(' ') {
            assert_eq!(friendly(&ruled_out([anomaly]).weakest), weakest, "{anomaly}");
        }
    }
    assert_eq!(ruled_out([]).weakest, []);
}

#[test]
fn what_read_committed_prohibits() {
    let expected: BTreeSet<&str> = "G0 G1 G1a G1b G1c dirty-update future-read incompatible-order \
         duplicate-elements cyclic-versions PL-1-cycle-exists PL-2-cycle-exists thin-air-read"
        .split_whitespace()
        .collect();
    assert_eq!(prohibited(&[model("read-committed")]), expected);
    assert_eq!(prohibited(&[]), BTreeSet::new());
}

#[test]
fn the_strongest_that_are_left() {
    let told = |anomalies: &[&str]| {
        let (models, others) = not_ruled_out(anomalies.iter().copied());
        (models.iter().map(|model| model.friendly()).collect::<Vec<_>>(), others)
    };
    assert_eq!(told(&[]).0, ["strict-serializable"]);
    let (models, others) = told(&["G2-item-realtime"]);
    assert_eq!(models[..2], ["strong-session-serializable", "strong-snapshot-isolation"]);
    // session-serializable and linearizable are the others; one of them is named.
    assert_eq!((models.len(), others), (3, 1));
    assert_eq!(told(&["G-single-item"]).0[0], "parallel-snapshot-isolation");
}

#[test]
fn the_relations_are_orders() {
    for a in Model::all() {
        assert_eq!(Model::named(a.canonical()), Some(a));
        assert_eq!(Model::named(a.friendly()), Some(a));
        for b in Model::all() {
            let both = a.implies(b) && b.implies(a);
            assert_eq!(both, a == b, "{a:?} {b:?}");
            // What a weaker model forbids, a stronger one forbids as well.
            assert!(!a.implies(b) || prohibited(&[a]).is_superset(&prohibited(&[b])));
            // The stronger of two comes first in the table.
            assert!(!a.implies(b) || a <= b, "{a:?} {b:?}");
        }
    }
    assert_eq!(model("conflict-serializable"), model("PL-3"));
    assert_eq!(model("strong-serializable"), Model::STRICT_SERIALIZABLE);
    assert_eq!(Model::named("eventual"), None);
    assert!(implied(["G0"]).contains("G1-realtime"));
    assert!(!implied(["G1c"]).contains("G2"));
}

/// Every name in the tables is one that is explained there: a typing error would be silent.
#[test]
fn every_model_can_be_ruled_out_or_forbids_nothing() {
    let free = "session-serializable 1SR view-serializable linearizable sequential causal PRAM \
         writes-follow-reads monotonic-reads monotonic-writes read-your-writes";
    let free: BTreeSet<&str> = free.split_whitespace().collect();
    for model in Model::all() {
        let forbids_nothing = prohibited(&[model]).is_empty();
        assert_eq!(forbids_nothing, free.contains(model.canonical()), "{model:?}");
    }
    let strict = prohibited(&[Model::STRICT_SERIALIZABLE]);
    let weakest_fall = |name: &&str| ruled_out([*name]).weakest.is_empty();
    assert_eq!(strict.iter().find(|name| weakest_fall(name)), None);
}
