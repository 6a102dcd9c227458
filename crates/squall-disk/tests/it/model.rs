//! Any sequence of writes, syncs, kills and losses of power, against a model: what was synced is
//! there, what was not is there or not, and nothing else ever is.

use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;
use squall_disk::{MemoryDevice, Store, SyncMark};
use squall_node::{Bounds, Disk};

#[derive(Clone, Debug)]
enum Op {
    Append { log: usize, size: usize },
    Truncate { log: usize, back: u64 },
    Compact { log: usize, ahead: u64 },
    Put { cell: usize, size: usize },
    BeginSync,
    EndSync,
    Kill,
    PowerLoss(u64),
}

const LOGS: [&str; 2] = ["raft", "raft-2"];
const CELLS: [&str; 2] = ["vote", "raft"];

fn op() -> impl Strategy<Value = Op> {
    let size = prop_oneof![8 => 0..100_usize, 4 => 100..5000_usize, 2 => Just(400_000_usize)];
    let cell_size = prop_oneof![8 => 0..100_usize, 2 => 3900..4200_usize, 1 => Just(20_000_usize)];
    prop_oneof![
        6 => (0..2_usize, size).prop_map(|(log, size)| Op::Append { log, size }),
        1 => (0..2_usize, 0..6_u64).prop_map(|(log, back)| Op::Truncate { log, back }),
        1 => (0..2_usize, 0..6_u64).prop_map(|(log, ahead)| Op::Compact { log, ahead }),
        4 => (0..2_usize, cell_size).prop_map(|(cell, size)| Op::Put { cell, size }),
        2 => Just(Op::BeginSync),
        2 => Just(Op::EndSync),
        1 => Just(Op::Kill),
        1 => any::<u64>().prop_map(Op::PowerLoss),
    ]
}

/// The states that one file has been in since the oldest one that it may fall back to.
#[derive(Clone, Debug)]
struct History<T> {
    states: Vec<T>,
    syncing: usize,
}

impl<T: Clone + PartialEq + std::fmt::Debug> History<T> {
    fn new(state: T) -> Self {
        Self { states: vec![state], syncing: 0 }
    }

    fn now(&self) -> &T {
        self.states.last().unwrap()
    }

    fn synced(&mut self) {
        self.states.drain(..std::mem::take(&mut self.syncing));
    }

    /// After a kill everything is as it was; after a loss of power it is some state since then.
    fn restarted(&mut self, found: &T, power: bool) {
        self.syncing = 0;
        if power {
            assert!(self.states.contains(found), "{found:?} is none of {:?}", self.states);
            self.states = vec![found.clone()];
        } else {
            assert_eq!(self.now(), found, "a kill loses nothing");
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct LogState {
    first: u64,
    records: Vec<Rc<(u64, u8, Vec<u8>)>>,
}

fn log_state(store: &mut Store<MemoryDevice>, log: &str) -> LogState {
    let Bounds { first, next } = store.bounds(log).unwrap();
    let (mut records, mut at) = (Vec::new(), first);
    while at < next {
        at = store
            .read(log, at, next, &mut |record| {
                assert_eq!(record.index, first + records.len() as u64);
                records.push(Rc::new((record.term, record.kind, record.payload.to_vec())));
            })
            .unwrap();
    }
    LogState { first, records }
}

struct Model {
    store: Store<MemoryDevice>,
    logs: Vec<History<LogState>>,
    cells: Vec<History<Option<Vec<u8>>>>,
    mark: Option<SyncMark>,
    counter: u64,
}

impl Model {
    fn new() -> Self {
        let empty = LogState { first: 1, records: Vec::new() };
        Self {
            store: Store::new(MemoryDevice::new()),
            logs: vec![History::new(empty); LOGS.len()],
            cells: vec![History::new(None); CELLS.len()],
            mark: None,
            counter: 0,
        }
    }

    /// Bytes that no other write has.
    fn bytes(&mut self, size: usize) -> Vec<u8> {
        self.counter += 1;
        let mut bytes = vec![self.counter.to_le_bytes()[0] | 1; size];
        let head = size.min(8);
        bytes[..head].copy_from_slice(&self.counter.to_le_bytes()[..head]);
        bytes
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Append { log, size } => {
                let payload = self.bytes(size);
                let mut state = self.logs[log].now().clone();
                let (term, kind) = (self.counter, payload.len().to_le_bytes()[0]);
                let index = self.store.append(LOGS[log], term, kind, &payload).unwrap();
                assert_eq!(index, state.first + state.records.len() as u64);
                state.records.push(Rc::new((term, kind, payload)));
                self.logs[log].states.push(state);
            }
            Op::Truncate { log, back } => {
                let mut state = self.logs[log].now().clone();
                let next = state.first + state.records.len() as u64;
                let from = next.saturating_sub(back).max(state.first);
                self.store.truncate_from(LOGS[log], from).unwrap();
                state.records.truncate(usize::try_from(from - state.first).unwrap());
                self.logs[log].states.push(state);
            }
            Op::Compact { log, ahead } => {
                let mut state = self.logs[log].now().clone();
                let upto = state.first + ahead;
                self.store.compact(LOGS[log], upto).unwrap();
                let gone = usize::try_from(ahead + 1).unwrap().min(state.records.len());
                state.records.drain(..gone);
                state.first = upto + 1;
                self.logs[log].states.push(state);
            }
            Op::Put { cell, size } => {
                let value = self.bytes(size);
                self.store.put(CELLS[cell], &value).unwrap();
                self.cells[cell].states.push(Some(value));
            }
            Op::BeginSync if self.mark.is_none() => {
                self.mark = Some(self.store.begin_sync());
                self.logs.iter_mut().for_each(|it| it.syncing = it.states.len() - 1);
                self.cells.iter_mut().for_each(|it| it.syncing = it.states.len() - 1);
            }
            Op::EndSync if self.mark.is_some() => {
                self.store.end_sync(self.mark.take().unwrap()).unwrap();
                self.logs.iter_mut().for_each(History::synced);
                self.cells.iter_mut().for_each(History::synced);
            }
            Op::BeginSync | Op::EndSync => {}
            Op::Kill => {
                self.store.restart();
                self.compare(false);
            }
            Op::PowerLoss(key) => {
                self.store.power_loss(key);
                self.compare(true);
            }
        }
    }

    fn compare(&mut self, power: bool) {
        self.mark = None;
        for (log, history) in LOGS.iter().zip(&mut self.logs) {
            history.restarted(&log_state(&mut self.store, log), power);
        }
        for (cell, history) in CELLS.iter().zip(&mut self.cells) {
            history.restarted(&self.store.get(cell).unwrap(), power);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn what_was_synced_stays_and_nothing_else_appears(
        ops in prop::collection::vec(op(), 0..80)
    ) {
        let mut model = Model::new();
        for op in &ops {
            model.apply(op);
        }
        // What a run shows must also be what a restart shows.
        model.apply(&Op::Kill);
        model.apply(&Op::PowerLoss(7));
    }
}

#[test]
fn the_same_key_on_the_same_disk_leaves_the_same_bytes() {
    let mut model = Model::new();
    for size in [10, 5000, 600, 90] {
        model.apply(&Op::Append { log: 0, size });
        model.apply(&Op::Put { cell: 0, size });
    }
    let mut seen = BTreeMap::new();
    for key in 0..64 {
        let after = |mut store: Store<MemoryDevice>| {
            store.power_loss(key);
            (log_state(&mut store, LOGS[0]), store.get(CELLS[0]).unwrap())
        };
        let once = after(model.store.clone());
        assert_eq!(once, after(model.store.clone()));
        *seen.entry((once.0.records.len(), once.1.map(|it| it.len()))).or_insert(0) += 1;
    }
    assert!(seen.len() > 8, "different keys leave different disks: {seen:?}");
}
