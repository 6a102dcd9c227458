//! The same store on real files.

use std::path::PathBuf;

use squall_disk::{Device, FileDevice, Store};
use squall_node::{Bounds, Disk};

/// An empty directory that goes when the test has ended.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("squall-disk-{name}-{}", std::process::id()));
        if path.exists() {
            std::fs::remove_dir_all(&path).unwrap();
        }
        Self(path)
    }

    fn store(&self) -> Store<FileDevice> {
        Store::new(FileDevice::open(&self.0).unwrap())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn sync(store: &mut Store<FileDevice>) {
    let mark = store.begin_sync();
    store.end_sync(mark).unwrap();
}

#[test]
fn what_one_life_wrote_the_next_one_reads() {
    let directory = Directory::new("lives");
    let mut store = directory.store();
    assert!(!store.is_dirty());
    store.put("vote", b"n1").unwrap();
    store.append("log", 3, 7, b"hello").unwrap();
    assert!(store.is_dirty());
    sync(&mut store);
    assert!(!store.is_dirty());
    drop(store);

    let mut store = directory.store();
    assert!(store.is_dirty(), "nothing tells whether the former life has synced");
    assert_eq!(store.get("vote"), Ok(Some(b"n1".to_vec())));
    assert_eq!(store.append("log", 4, 8, b"world"), Ok(2));
    store.put("vote", b"n2").unwrap();
    sync(&mut store);
    assert!(!store.is_dirty());
    drop(store);

    let mut store = directory.store();
    let mut seen = Vec::new();
    let next =
        store.read("log", 1, 9, &mut |it| seen.push((it.term, it.kind, it.payload.to_vec())));
    assert_eq!(next, Ok(3));
    assert_eq!(seen, [(3, 7, b"hello".to_vec()), (4, 8, b"world".to_vec())]);
    assert_eq!(store.get("vote"), Ok(Some(b"n2".to_vec())));
}

#[test]
fn segments_come_and_go() {
    let directory = Directory::new("segments");
    let mut store = directory.store();
    for _ in 0..40 {
        store.append("log", 1, 0, &[1; 100_000]).unwrap();
    }
    sync(&mut store);
    let mut device = FileDevice::open(&directory.0).unwrap();
    assert_eq!(device.names().unwrap().len(), 4);
    store.compact("log", 39).unwrap();
    sync(&mut store);
    assert_eq!(device.names().unwrap().len(), 1);
    drop(store);
    assert_eq!(directory.store().bounds("log"), Ok(Bounds { first: 40, next: 41 }));
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let directory = Directory::new("refused");
    std::fs::create_dir_all(&directory.0).unwrap();
    let file = directory.0.join("file");
    std::fs::write(&file, b"").unwrap();
    assert!(FileDevice::open(&file.join("below")).is_err());
}
