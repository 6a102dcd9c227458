//! What the release rule costs, and what a node saves that says what it depends on.

use crate::stage::{Stage, say};

/// The time of 99 in 100 reads, µs: one node, 10 % writes, an operation each ms, 4 ms for a sync.
fn read_p99(read: &str) -> u64 {
    let words = (0..3_000_u64).map(|i| {
        let key = squall_node::mix(i) % 500;
        let is_write = squall_node::mix(i ^ 0x77).is_multiple_of(10);
        (i + 10, if is_write { "put" } else { read }, key)
    });
    let lines: Vec<_> = words.map(|(at, word, key)| say(at, 0, word, key)).collect();
    let stage = Stage { nodes: 1, lines: lines.clone(), end_us: 4_000_000, ..Stage::default() };
    let answers = stage.run().answers();
    let reads = answers.iter().filter_map(|(&line, &(at_us, _))| {
        let line = &lines[usize::try_from(line).unwrap()];
        (line.name == read).then(|| at_us - line.at_us)
    });
    let mut times: Vec<u64> = reads.collect();
    times.sort_unstable();
    assert!(times.len() > 2_500, "reads are answered: {}", times.len());
    times[times.len() * 99 / 100]
}

#[test]
fn a_read_of_old_data_need_not_wait_for_somebody_elses_sync() {
    let (after, plain) = (read_p99("get-one"), read_p99("get"));
    println!("read p99 at 4 ms sync: reply_after {after} µs, reply {plain} µs");
    assert!(after <= 1_000, "reply_after: {after} µs");
    assert!(plain >= 3_000, "reply: {plain} µs");
}
