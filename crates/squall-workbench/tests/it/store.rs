//! What is kept of a run, and which links name it.

use std::fs;
use std::path::{Path, PathBuf};

use squall_workbench::{Kept, Store, StoreError, header, judge, run};

use crate::bench::{judged, plan_of, settings, under};

/// An empty folder of this test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::remove_dir_all(&path).ok();
    path
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn keep(kept: &Kept, seed: u64) {
    let plan = plan_of(&under(&["partition", "kill"], settings("broadcast")), seed);
    kept.plan(&plan).unwrap();
    let report = run(&plan, Some(kept.trace().unwrap())).unwrap();
    kept.finish(&judge(&plan, report)).unwrap();
}

#[test]
fn a_run_is_kept_whole_and_the_links_name_it() {
    let root = folder("store-whole");
    let store = Store::new(&root);
    for (stamp, expected) in [("one", "one"), ("two", "two"), ("two", "two-1")] {
        let kept = store.begin("broadcast", stamp).unwrap();
        assert!(kept.path.ends_with(expected), "{}", kept.path.display());
        keep(&kept, 1);
        for (link, target) in [
            ("latest", Path::new("broadcast").join(expected)),
            ("current", Path::new("broadcast").join(expected)),
            ("broadcast/latest", PathBuf::from(expected)),
        ] {
            assert_eq!(fs::read_link(root.join(link)).unwrap(), target);
        }
        let files = [
            "history.edn",
            "history.txt",
            "plan.json",
            "results.edn",
            "results.json",
            "trace.jsonl",
        ];
        assert_eq!(names(&root.join("latest")), files);
    }
    // Nothing is left of the making of links.
    assert_eq!(names(&root), ["broadcast", "current", "latest"]);
    assert_eq!(names(&root.join("broadcast")), ["latest", "one", "two", "two-1"]);
    // Equal plans are equal bytes.
    for file in names(&root.join("latest")) {
        let read = |stamp: &str| fs::read(root.join("broadcast").join(stamp).join(&file)).unwrap();
        assert_eq!(read("one"), read("two"), "{file}");
    }
    let plan = plan_of(&under(&["partition", "kill"], settings("broadcast")), 1);
    assert_eq!(fs::read_to_string(root.join("latest/plan.json")).unwrap(), plan.text());
    let results = fs::read_to_string(root.join("latest/results.json")).unwrap();
    let results: serde_json::Value = serde_json::from_str(&results).unwrap();
    assert_eq!(results["verdict"], "held");
    assert_eq!(results["hash"], format!("{:016x}", judged(&plan).hash));
    let trace = fs::read_to_string(root.join("latest/trace.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(trace.lines().next().unwrap()).unwrap();
    assert_eq!(first, serde_json::to_value(header(&plan)).unwrap());
}

#[test]
fn half_a_run_is_never_the_latest() {
    let root = folder("store-half");
    let store = Store::new(&root);
    keep(&store.begin("broadcast", "good").unwrap(), 1);
    let bad = store.begin("broadcast", "bad").unwrap();
    bad.plan(&plan_of(&settings("broadcast"), 2)).unwrap();
    let latest = || fs::read_link(root.join("latest")).unwrap();
    assert_eq!(latest(), Path::new("broadcast/good"));
    // A folder stands where a file should be.
    fs::create_dir(bad.path.join("results.json")).unwrap();
    let plan = plan_of(&settings("broadcast"), 2);
    let error = bad.finish(&judged(&plan)).unwrap_err();
    assert!(matches!(&error, StoreError::Write(path, _) if path.ends_with("results.json")));
    assert!(error.to_string().contains("latest is as it was"), "{error}");
    assert_eq!(latest(), Path::new("broadcast/good"));
    bad.abandon();
    assert_eq!(names(&root.join("broadcast")), ["good", "latest"]);
}

#[test]
fn a_store_that_cannot_be_made_says_how_to_choose_another() {
    let root = folder("store-file");
    fs::write(&root, "a file").unwrap();
    let error = Store::new(&root).begin("echo", "one").unwrap_err();
    assert!(matches!(error, StoreError::Create(..)));
    assert!(error.to_string().contains("--store"), "{error}");
}
