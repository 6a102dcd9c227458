//! Values that must never change without a new version of the generator: what others have
//! written down, plans, hashes and traces, would mean something else.

use std::path::Path;

use squall_node::{Lineage, draw_key, hash_text, mix};
use squall_world::{GENERATOR, Latency, Shape};

use crate::stage::{Stage, kill, say};

#[test]
fn latencies() {
    let draw = |shape, i: u64| Latency { mean_ns: 1_000_000, shape }.draw(7, Lineage(i));
    let row = |shape| [0, 1, 2, u64::MAX].map(|i| draw(shape, i));
    assert_eq!(GENERATOR, 1);
    assert_eq!(row(Shape::Constant), [1_000_000; 4]);
    assert_eq!(row(Shape::Uniform), [1_433_177, 1_272_997, 1_693_096, 1_460_509]);
    assert_eq!(row(Shape::Exponential), [333_253, 451_772, 166_588, 314_361]);
}

#[test]
fn keys_and_lineages() {
    let root = Lineage(draw_key(7, 1, 2, 3));
    let child = root.child(mix(hash_text("ping") ^ mix(1)));
    assert_eq!(
        format!("{root:?} {child:?} {:?}", child.child(0)),
        "aad9aa2a2ec8a23f 4c3446aa2fc24ab2 ad85c5cffa8134bc"
    );
}

#[test]
fn a_tiny_run() {
    let stage = Stage {
        nodes: 2,
        seed: 42,
        latency_us: 5_000,
        dist: "uniform",
        sync_us: [200, 1_000],
        events: vec![kill(20, 10, &["n1"], true)],
        lines: vec![
            say(1, 0, "put", 7),
            say(2, 0, "ball", 3),
            say(3, 1, "vote", 1),
            say(18, 0, "pass", 9),
            say(40, 1, "vote", 2),
        ],
        end_us: 60_000,
        ..Stage::default()
    };
    let ran = stage.run();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/tiny.jsonl");
    if std::env::var_os("UPDATE_GOLDENFILES").is_some() {
        std::fs::write(&path, &ran.trace).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(ran.trace, golden, "UPDATE_GOLDENFILES=1 writes it anew, if it may change");
    assert_eq!(format!("{:016x}", ran.report.hash), "4f97f878571e0557");
    assert_eq!(ran.report.hash, stage.world().run().hash);
}
