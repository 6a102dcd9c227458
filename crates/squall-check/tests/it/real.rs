//! Real histories with known verdicts. *Unknown* is no agreement.

use std::path::{Path, PathBuf};

use squall_check::{Verdict, consistency, isolation, linear};
use squall_history::Value;
use squall_history::formats::{edn, etcd_log};

/// `$HISTORIES_DIR`, else `../shared/data/histories` beside the workspace; `None`, with a message,
/// if there is none.
#[expect(clippy::print_stdout, reason = "a skipped test must say so")]
fn histories() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/histories");
    let folder = std::env::var_os("HISTORIES_DIR").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: real histories not found (set HISTORIES_DIR)");
    None
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn etcd_registers() {
    let Some(folder) = histories().map(|folder| folder.join("etcd-register")) else { return };
    let verdicts = read(&folder.join("VERDICTS.tsv"));
    let verdicts = String::from_utf8(verdicts).expect("text");
    let mut judged_count = 0;
    for line in verdicts.lines() {
        let Some((file, expected)) = line.split_once('\t') else { continue };
        let expected = match expected {
            "linearizable" => Verdict::Held,
            "not-linearizable" => Verdict::Broken,
            _ => continue,
        };
        let history = etcd_log::read(&read(&folder.join(file))).expect("a log").history;
        for failed_cas in [linear::FailedCas::Drop, linear::FailedCas::Observe] {
            let options = linear::Options {
                nil_read: linear::NilRead::Initial,
                failed_cas,
                ..linear::Options::register()
            };
            let outcome = linear::check(&history, &options);
            assert_eq!(outcome.verdict, expected, "{file} {failed_cas:?}: {:?}", outcome.problems);
        }
        judged_count += 1;
    }
    assert_eq!(judged_count, 50);
}

#[test]
fn cas_registers() {
    let Some(folder) = histories().map(|folder| folder.join("cas-register")) else { return };
    for (kind, expected, files_count) in [("good", Verdict::Held, 13), ("bad", Verdict::Broken, 4)]
    {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder.join(kind))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort();
        assert_eq!(paths.len(), files_count);
        for path in paths {
            let history = edn::read(&read(&path)).expect("a history").history;
            let outcome = linear::check(&history, &linear::Options::register());
            let file = path.display();
            assert_eq!(outcome.verdict, expected, "{file}: {:?}", outcome.problems);
            if expected == Verdict::Broken {
                println!("{file}: {}", outcome.anomalies[0].title);
            }
        }
    }
}

/// Their events have the key in a field of its own.
#[test]
fn stores_of_texts() {
    let Some(folder) = histories().map(|folder| folder.join("kv")) else { return };
    for (file, expected) in [
        ("c01-ok.txt", Verdict::Held),
        ("c01-bad.txt", Verdict::Broken),
        ("c10-ok.txt", Verdict::Held),
        ("c10-bad.txt", Verdict::Broken),
    ] {
        let mut history = edn::read(&read(&folder.join(file))).expect("a history").history;
        for event in &mut history.events {
            let key = event.other.iter().find(|(name, _)| name == "key").expect("a key").1.clone();
            event.value = Value::list([key, event.value.clone()]);
        }
        let spec = linear::named("kv").expect("a name");
        let outcome = spec.check(&history, &linear::Options::register());
        assert_eq!(outcome.verdict, expected, "{file}: {:?}", outcome.problems);
    }
}

#[test]
fn what_is_said_about_the_small_ones() {
    let Some(folder) = histories().map(|folder| folder.join("cas-register/bad")) else { return };
    for (file, class) in
        [("immediate-failure.edn", "aborted-read"), ("rethink-fail-minimal.edn", "thin-air-read")]
    {
        let history = edn::read(&read(&folder.join(file))).expect("a history").history;
        let outcome = linear::check(&history, &linear::Options::register());
        assert_eq!(outcome.anomalies[0].class.name, class, "{file}");
        let op = outcome.result.get("op").expect("the operation");
        assert_eq!(op.get("f").and_then(|f| f.as_text()), Some("read"));
        assert_eq!(op.get("value").and_then(|value| value.as_int()), Some(3));
    }
}

/// The example of the paper about Elle.
#[test]
fn transactions_that_missed_what_another_saw() {
    let Some(folder) = histories().map(|folder| folder.join("elle")) else { return };
    let history = edn::read(&read(&folder.join("paper-example.edn"))).expect("a history");
    let outcome =
        isolation::list_append(&history.history, &isolation::Options::strict_serializable());
    assert_eq!(outcome.verdict, Verdict::Broken, "{:?}", outcome.problems);
    let told = outcome.anomalies.iter().find(|found| found.class.name == "G-single-item");
    let anomaly = told.expect("a G-single-item");
    let indices: Vec<u64> = anomaly.ops.iter().map(|op| op.index).collect();
    assert_eq!(indices, [3, 5, 7]);
    let why: Vec<&str> = anomaly.edges.iter().map(|edge| edge.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "T2 read key 255 ending in 8, which T1 appended",
            "T3 appended 3 to key 256 after T2's 4",
            "T3 read key 255 before T1's 8 was there",
        ]
    );
    assert_eq!(
        anomaly.title,
        "T3 missed T1's append of 8 to key 255, but saw or followed what comes after it"
    );
    let not = outcome.result.get("not").expect("models").to_edn();
    assert_eq!(not, "#{:consistent-view :repeatable-read}");
    let only = isolation::Options::models(consistency::Model::named("serializable"));
    let outcome = isolation::list_append(&history.history, &only);
    assert_eq!(
        outcome.result.get("anomaly-types").map(|types| types.to_edn()).as_deref(),
        Some("[:G-single-item]")
    );
}
