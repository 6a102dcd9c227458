//! Damage to what was durable is reported, never taken for the end of a log or an empty cell.

use squall_disk::{Device, MemoryDevice, Store};
use squall_node::{Disk, DiskError};

fn sync(store: &mut Store<MemoryDevice>) {
    let mark = store.begin_sync();
    store.end_sync(mark).unwrap();
}

fn damaged(store: &Store<MemoryDevice>, name: &str, offset: usize) -> Store<MemoryDevice> {
    let mut store = store.clone();
    let byte = [0xA5];
    store.device_mut().damage(name, offset, &byte);
    store.restart();
    store
}

/// Ten records, each synced before the next: 72 bytes of header, then 56 each.
fn log_of_ten() -> Store<MemoryDevice> {
    let mut store = Store::new(MemoryDevice::new());
    for n in 0..10_u8 {
        store.append("log", 1, 0, &[n; 10]).unwrap();
        sync(&mut store);
    }
    store
}

#[test]
fn a_damaged_middle_is_corrupt_and_says_which_record() {
    let store = log_of_ten();
    let record = |n: usize| 72 + (n - 1) * 56;
    // The last record has nobody after it who knows that it was durable.
    for n in 1..10 {
        for offset in [0, 4, 10, 41, 46, 55] {
            let error = damaged(&store, "log.00000001.log", record(n) + offset).bounds("log");
            let Err(DiskError::Corrupt(text)) = error else { panic!("{n} {offset}: {error:?}") };
            assert_eq!(text, format!("log log: record {n}"));
        }
    }
    let mut cut = damaged(&store, "log.00000001.log", record(10));
    assert_eq!(cut.bounds("log").unwrap().next, 10);
    assert_eq!(cut.append("log", 1, 0, b"again"), Ok(10));
}

#[test]
fn a_damaged_segment_header_is_corrupt() {
    for offset in [0, 8, 12, 30, 64] {
        let error = damaged(&log_of_ten(), "log.00000001.log", offset).bounds("log");
        assert!(matches!(error, Err(DiskError::Corrupt(_))), "{offset} {error:?}");
    }
}

#[test]
fn a_missing_old_segment_is_corrupt() {
    let mut store = Store::new(MemoryDevice::new());
    for _ in 0..30 {
        store.append("log", 1, 0, &[1; 100_000]).unwrap();
        sync(&mut store);
    }
    let device = store.device_mut();
    let first = device.open("log.00000001.log").unwrap();
    device.remove(first).unwrap();
    store.restart();
    assert_eq!(store.bounds("log"), Err(DiskError::Corrupt("log log: record 1".to_owned())));
}

#[test]
fn damage_that_comes_later_is_found_by_the_read() {
    let mut store = log_of_ten();
    store.device_mut().damage("log.00000001.log", 72 + 4 * 56 + 50, &[9]);
    let mut seen = Vec::new();
    let error = store.read("log", 1, 11, &mut |record| seen.push(record.index));
    assert_eq!(error, Err(DiskError::Corrupt("log log: record 5".to_owned())));
    assert_eq!(seen, [1, 2, 3, 4]);
}

#[test]
fn one_damaged_copy_of_a_cell_costs_nothing_two_are_corrupt() {
    for puts in 1..6_u8 {
        let mut store = Store::new(MemoryDevice::new());
        for n in 1..=puts {
            store.put("vote", &[n; 100]).unwrap();
            sync(&mut store);
        }
        let newest = usize::from((puts + 1) % 2) * 2 * 4096;
        for copy in [newest, newest + 4096] {
            for offset in [0, 4, 12, 20, 60] {
                let mut one = damaged(&store, "vote.12.cell", copy + offset);
                assert_eq!(one.get("vote"), Ok(Some(vec![puts; 100])));
            }
        }
        let one = damaged(&store, "vote.12.cell", newest + 50);
        let error = damaged(&one, "vote.12.cell", newest + 4096 + 50).get("vote");
        match puts {
            // The header of the first generation still stands, and it claims nothing.
            1 => assert!(matches!(error, Err(DiskError::Corrupt(_))), "{error:?}"),
            // Nothing tells a torn put from damage to both copies of the newest.
            _ => assert_eq!(error, Ok(Some(vec![puts - 1; 100]))),
        }
    }
}

#[test]
fn a_cell_of_which_nothing_is_left_is_not_fresh() {
    let mut store = Store::new(MemoryDevice::new());
    for n in 0..3_u8 {
        store.put("vote", &[n; 100]).unwrap();
        sync(&mut store);
    }
    for sector in 0..4 {
        store.device_mut().damage("vote.12.cell", sector * 4096 + 40, &[0xA5]);
    }
    store.restart();
    assert!(matches!(store.get("vote"), Err(DiskError::Corrupt(_))));
}
