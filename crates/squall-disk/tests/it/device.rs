//! What a memory device keeps of what was not synced.

use squall_disk::{Device, MemoryDevice};
use squall_node::DiskError;

fn content(device: &mut MemoryDevice, name: &str) -> Option<Vec<u8>> {
    if !device.names().unwrap().iter().any(|it| it == name) {
        return None;
    }
    let file = device.open(name).unwrap();
    let length = usize::try_from(device.len(file).unwrap()).unwrap();
    let mut bytes = vec![0; length + 1];
    assert_eq!(device.read_at(file, 0, &mut bytes).unwrap(), length);
    bytes.truncate(length);
    Some(bytes)
}

fn sync(device: &mut MemoryDevice) {
    let mark = device.begin_sync();
    device.end_sync(mark).unwrap();
}

#[test]
fn a_loss_of_power_keeps_any_subset_of_sectors_and_tears_the_last() {
    let (mut holes, mut torn, mut whole, mut nothing) = (0, 0, 0, 0);
    for key in 0..400 {
        let mut device = MemoryDevice::new();
        let file = device.open("a").unwrap();
        sync(&mut device);
        device.write_at(file, 0, &[7; 3 * 4096]).unwrap();
        assert!(device.is_dirty());
        device.power_loss(key);
        assert!(!device.is_dirty());
        let bytes = content(&mut device, "a").unwrap();
        assert_eq!(bytes.len() % 512, 0);
        let sectors: Vec<_> = bytes.chunks(4096).map(|it| it.len() == 4096 && it[0] == 7).collect();
        holes += usize::from(sectors.first() == Some(&false) && sectors.len() > 1);
        torn += usize::from(!bytes.len().is_multiple_of(4096));
        whole += usize::from(bytes == [7; 3 * 4096]);
        nothing += usize::from(bytes.is_empty());
    }
    assert!([holes, torn, whole, nothing].iter().all(|&it| it > 10), "{holes} {torn} {whole}");
}

#[test]
fn a_crash_in_the_middle_of_a_sync_loses_what_it_would_have_covered() {
    let (mut kept, mut lost) = (0, 0);
    for key in 0..100 {
        let mut device = MemoryDevice::new();
        let file = device.open("a").unwrap();
        sync(&mut device);
        device.write_at(file, 0, b"before").unwrap();
        let mark = device.begin_sync();
        device.write_at(file, 6, b"after").unwrap();
        let mut ended = device.clone();
        device.power_loss(key);
        match content(&mut device, "a").unwrap().starts_with(b"before") {
            true => kept += 1,
            false => lost += 1,
        }
        ended.end_sync(mark).unwrap();
        ended.power_loss(key);
        assert!(content(&mut ended, "a").unwrap().starts_with(b"before"));
    }
    assert!(kept > 10 && lost > 10);
}

#[test]
fn names_wait_for_a_sync_as_bytes_do() {
    let (mut created, mut removed) = (0, 0);
    for key in 0..100 {
        let mut device = MemoryDevice::new();
        let old = device.open("old").unwrap();
        device.write_at(old, 0, b"x").unwrap();
        sync(&mut device);
        device.remove(old).unwrap();
        assert_eq!(device.open("new").unwrap(), device.open("new").unwrap());
        assert_eq!(content(&mut device, "old"), None);
        device.power_loss(key);
        created += usize::from(content(&mut device, "new").is_some());
        match content(&mut device, "old") {
            Some(bytes) => assert_eq!(bytes, b"x"),
            None => removed += 1,
        }
    }
    assert!((10..90).contains(&created) && (10..90).contains(&removed), "{created} {removed}");
}

#[test]
fn a_write_beyond_the_capacity_changes_nothing() {
    let mut device = MemoryDevice::with_capacity(10);
    let file = device.open("a").unwrap();
    device.write_at(file, 0, b"12345678").unwrap();
    assert_eq!(device.write_at(file, 6, b"abcde"), Err(DiskError::Full));
    assert_eq!(content(&mut device, "a").unwrap(), b"12345678");
    device.write_at(file, 6, b"abcd").unwrap();
    assert_eq!(device.used_bytes(), 10);
    let other = device.open("b").unwrap();
    assert_eq!(device.write_at(other, 0, b"1"), Err(DiskError::Full));
    device.remove(file).unwrap();
    device.write_at(other, 0, b"1").unwrap();
}
