//! The figures of broadcast, as the challenges 3d and 3e ask for them.

use std::sync::atomic::AtomicBool;

use squall_workbench::{Assertion, Settings, Word, sweep};

use crate::bench::{settings, with_nodes};

#[test]
fn broadcast_meets_the_figures_of_both_challenges() {
    let asserts = ["msgs-per-op < 20", "stable-p50 < 400", "stable-max < 600"]
        .map(|text| Assertion::parse(text).unwrap());
    let settings = Settings {
        asserts: asserts.into(),
        rate_millionths: 100_000_000,
        time_limit_ms: 20_000,
        latency_ms: 100,
        ..with_nodes(25, settings("broadcast"))
    };
    let mut worst = [0_f64; 3];
    let each = |row: squall_workbench::Row| {
        assert_eq!(row.word, Word::Held, "seed {}: {:?}", row.seed, row.why);
        assert_eq!(row.asserted.len(), worst.len());
        for (asserted, worst) in row.asserted.iter().zip(&mut worst) {
            let figure = asserted.figure.as_ref().expect("the figure is there");
            *worst = worst.max(figure.parse().unwrap());
        }
    };
    sweep(&settings, 0..20, 2, &AtomicBool::new(false), each).unwrap();
    let [per_op, median, max] = worst;
    println!("25 nodes, 20 seeds, the worst: {per_op} msgs-per-op, median {median}, max {max} ms");
}
