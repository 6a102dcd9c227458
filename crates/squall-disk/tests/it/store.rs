//! The verbs of the disk at their bounds.

use squall_disk::{CELL_BYTES_MAX, Device, MemoryDevice, SEGMENT_BYTES_MAX, Store};
use squall_node::{Bounds, Disk, DiskError, READ_BYTES_MAX};

fn sync<D: Device>(store: &mut Store<D>) {
    let mark = store.begin_sync();
    store.end_sync(mark).unwrap();
}

fn payloads(store: &mut impl Disk, log: &str) -> Vec<Vec<u8>> {
    let Bounds { first, next } = store.bounds(log).unwrap();
    let (mut found, mut at) = (Vec::new(), first);
    while at < next {
        at = store.read(log, at, next, &mut |it| found.push(it.payload.to_vec())).unwrap();
    }
    found
}

#[test]
fn a_fresh_store_is_empty_and_clean() {
    let mut store = Store::new(MemoryDevice::new());
    assert_eq!(store.get("vote"), Ok(None));
    assert_eq!(store.bounds("log"), Ok(Bounds { first: 1, next: 1 }));
    assert_eq!(store.read("log", 1, 2, &mut |_| {}), Err(DiskError::OutOfRange));
    assert_eq!(store.truncate_from("log", 1), Ok(()));
    assert_eq!(store.truncate_from("log", 0), Err(DiskError::OutOfRange));
    assert!(!store.is_dirty());
}

#[test]
fn a_read_is_bounded_but_hands_out_one_record_at_least() {
    let mut store = Store::new(MemoryDevice::new());
    let big = vec![1; READ_BYTES_MAX / 3];
    for _ in 0..5 {
        store.append("log", 1, 0, &big).unwrap();
    }
    store.append("log", 2, 9, &vec![2; READ_BYTES_MAX * 2]).unwrap();
    let mut read = |from| {
        let mut count = 0;
        (store.read("log", from, u64::MAX, &mut |_| count += 1).unwrap(), count)
    };
    assert_eq!(read(1), (3, 2));
    assert_eq!(read(5), (6, 1));
    assert_eq!(read(6), (7, 1));
}

#[test]
fn full_changes_nothing() {
    let mut store = Store::new(MemoryDevice::with_capacity(40_000));
    store.put("vote", b"one").unwrap();
    store.append("log", 1, 0, b"one").unwrap();
    sync(&mut store);
    assert_eq!(store.append("log", 1, 0, &[0; 40_000]), Err(DiskError::Full));
    assert_eq!(store.put("vote", &[0; 20_000]), Err(DiskError::Full));
    assert_eq!(store.put("vote", &vec![0; CELL_BYTES_MAX + 1]), Err(DiskError::Full));
    for life in 0..3 {
        assert_eq!(store.get("vote"), Ok(Some(b"one".to_vec())));
        assert_eq!(payloads(&mut store, "log"), [b"one"]);
        store.power_loss(life);
    }
    assert_eq!(store.append("log", 1, 0, b"two"), Ok(2));
    store.put("vote", b"two").unwrap();
    assert_eq!(store.get("vote"), Ok(Some(b"two".to_vec())));
}

#[test]
fn compaction_gives_space_back_once_it_is_durable() {
    let mut store = Store::new(MemoryDevice::new());
    let record = vec![5; 100_000];
    for _ in 0..50 {
        store.append("log", 1, 0, &record).unwrap();
    }
    sync(&mut store);
    let before = store.device().used_bytes();
    store.compact("log", 48).unwrap();
    assert!(store.device().used_bytes() >= before);
    sync(&mut store);
    sync(&mut store);
    assert!(store.device().used_bytes() < 2 * SEGMENT_BYTES_MAX);
    store.power_loss(1);
    assert_eq!(store.bounds("log"), Ok(Bounds { first: 49, next: 51 }));
    assert_eq!(payloads(&mut store, "log"), [&record[..], &record[..]]);
    // Beyond the end: a snapshot came from elsewhere.
    store.compact("log", 99).unwrap();
    assert_eq!(store.append("log", 1, 0, b"x"), Ok(100));
}

#[test]
fn a_cell_takes_turns_between_two_generations() {
    let mut store = Store::new(MemoryDevice::new());
    for round in 0..100_u32 {
        store.put("vote", &round.to_le_bytes()).unwrap();
        store.put("vote", &round.to_le_bytes()).unwrap();
        sync(&mut store);
    }
    assert!(store.device().used_bytes() <= 4 * 4096);
    // While a sync is under way, a third one serves.
    let mark = store.begin_sync();
    store.put("vote", b"a").unwrap();
    store.put("vote", b"b").unwrap();
    store.end_sync(mark).unwrap();
    assert!(store.device().used_bytes() <= 6 * 4096);
    assert_eq!(store.get("vote"), Ok(Some(b"b".to_vec())));
}

#[test]
fn the_bytes_of_a_tail_that_was_cut_are_never_records_again() {
    for key in 0..300 {
        let mut store = Store::new(MemoryDevice::new());
        store.append("log", 1, 0, b"durable").unwrap();
        sync(&mut store);
        for n in 0..40_u8 {
            store.append("log", 1, 0, &[n; 300]).unwrap();
        }
        store.power_loss(key);
        let kept = payloads(&mut store, "log");
        // Records of the same size land where the old ones may lie.
        for _ in 0..3 {
            store.append("log", 2, 0, &[200; 300]).unwrap();
        }
        sync(&mut store);
        store.power_loss(key + 1);
        let expected = [&kept[..], &[vec![200; 300], vec![200; 300], vec![200; 300]]].concat();
        assert_eq!(payloads(&mut store, "log"), expected);
    }
}

#[test]
fn a_segment_that_continues_a_lost_one_is_lost_with_it() {
    let (mut shorter, mut whole) = (0, 0);
    for key in 0..200 {
        let mut store = Store::new(MemoryDevice::new());
        store.append("log", 1, 0, b"durable").unwrap();
        sync(&mut store);
        for _ in 0..35 {
            store.append("log", 1, 0, &[1; 100_000]).unwrap();
        }
        store.power_loss(key);
        let kept = payloads(&mut store, "log").len();
        assert!((1..=36).contains(&kept));
        shorter += usize::from(kept < 36);
        whole += usize::from(kept == 36);
        assert_eq!(store.append("log", 1, 0, b"x"), Ok(kept as u64 + 1));
        store.restart();
        assert_eq!(payloads(&mut store, "log").len(), kept + 1);
    }
    assert!(shorter > 0, "{shorter} {whole}");
}

#[test]
fn a_value_that_was_lost_does_not_come_back() {
    // Values that differ in their first sector only: what is left of one fits the other.
    let value = |n: u8| [&[n][..], &[7; 20_000]].concat();
    for key in 0..3000 {
        let mut store = Store::new(MemoryDevice::new());
        store.put("cell", &value(0)).unwrap();
        sync(&mut store);
        store.put("cell", &value(1)).unwrap();
        store.power_loss(key);
        let before = store.get("cell").unwrap().unwrap()[0];
        store.put("cell", &value(2)).unwrap();
        store.power_loss(key + 1);
        let after = store.get("cell").unwrap().unwrap()[0];
        assert!(after == before || after == 2, "{before} became {after}");
    }
}
