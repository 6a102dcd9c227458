//! Histories of correct systems, as long as one likes.

use squall_history::{Event, History, Kind, Process, Value};

/// A generator of numbers that repeats itself only after a long time (Vigna's SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        usize::try_from(z % bound as u64).expect("less than a usize")
    }
}

/// What a client has under way: when it took effect, and what it will be told.
struct Pending {
    f: &'static str,
    key: usize,
    argument: Value,
    answer: Option<Option<Value>>,
}

/// A history of correct registers.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    /// At a time.
    pub(crate) clients: usize,
    /// Of a thousand operations so many end unknown.
    pub(crate) unknown: usize,
    /// More than one: values are pairs of key and value.
    pub(crate) keys: usize,
    /// Whether every write has a value of its own, and there is no compare-and-set. Otherwise there
    /// are five values.
    pub(crate) is_unique: bool,
    /// Whether one read, after half of the history, returns what was replaced long before.
    pub(crate) is_wrong: bool,
}

impl Registers {
    pub(crate) const ONE: Self =
        Self { clients: 10, unknown: 0, keys: 1, is_unique: false, is_wrong: false };
}

pub(crate) fn registers(operations: usize, shape: Registers) -> History {
    let Registers { clients, unknown, keys, is_unique, is_wrong } = shape;
    let mut chance = Chance(1);
    let mut history = History::default();
    let mut states = vec![Value::Nil; keys];
    let mut is_to_lie = is_wrong;
    let keyed = |key: usize, value: Value| match keys {
        1 => value,
        _ => Value::list([Value::uint(key as u64), value]),
    };
    let mut ids: Vec<i64> = (0..).take(clients).collect();
    let mut pending: Vec<Option<Pending>> = (0..clients).map(|_| None).collect();
    let mut begun = 0;
    while begun < operations {
        let worker = chance.below(clients);
        let process = Process::Client(ids[worker]);
        let Some(mut op) = pending[worker].take() else {
            let key = chance.below(keys);
            let value = |chance: &mut Chance| match is_unique {
                true => Value::uint(begun as u64),
                false => Value::uint(chance.below(5) as u64),
            };
            let (f, argument) = match chance.below(if is_unique { 2 } else { 3 }) {
                0 => ("read", Value::Nil),
                1 => ("write", value(&mut chance)),
                _ => ("cas", Value::list([value(&mut chance), value(&mut chance)])),
            };
            history.push(Event::new(Kind::Invoke, process, f, keyed(key, argument.clone())));
            pending[worker] = Some(Pending { f, key, argument, answer: None });
            begun += 1;
            continue;
        };
        let Some(answer) = op.answer.take() else {
            let mut answer = apply(&mut states[op.key], &op);
            if is_to_lie && op.f == "read" && begun > operations / 2 {
                // The first value of all that was read.
                let mut reads = history.events.iter();
                let first = reads.find(|event| event.f == "read" && !event.value.is_nil());
                answer = first.map(|event| event.value.clone());
                is_to_lie = false;
            }
            op.answer = Some(answer);
            pending[worker] = Some(op);
            continue;
        };
        let (kind, value) = match answer {
            _ if chance.below(1000) < unknown => (Kind::Info, op.argument),
            Some(value) => (Kind::Ok, value),
            None => (Kind::Fail, op.argument),
        };
        if kind == Kind::Info {
            ids[worker] += i64::try_from(clients).expect("few clients");
        }
        history.push(Event::new(kind, process, op.f, keyed(op.key, value)));
    }
    history
}

fn apply(state: &mut Value, op: &Pending) -> Option<Value> {
    match (op.f, op.argument.as_pair()) {
        ("read", _) => Some(state.clone()),
        ("cas", Some((from, to))) if state == from => {
            *state = to.clone();
            Some(op.argument.clone())
        }
        ("cas", _) => None,
        _ => {
            *state = op.argument.clone();
            Some(op.argument.clone())
        }
    }
}

/// Adds by ten clients, and twenty reads of everything so far, of which the last five are final.
pub(crate) fn set(operations: usize) -> History {
    let mut history = History::default();
    let between = operations.div_ceil(15);
    let mut elements: Vec<Value> = Vec::new();
    let read = |history: &mut History, elements: &[Value], client: i64, is_final: bool| {
        for (kind, value) in
            [(Kind::Invoke, Value::Nil), (Kind::Ok, Value::from(elements.to_vec()))]
        {
            let mut event = Event::new(kind, Process::Client(client), "read", value);
            event.is_final = is_final;
            history.push(event);
        }
    };
    for element in (0..).take(operations) {
        let process = Process::Client(element % 10);
        for kind in [Kind::Invoke, Kind::Ok] {
            history.push(Event::new(kind, process.clone(), "broadcast", Value::Int(element)));
        }
        elements.push(Value::Int(element));
        if elements.len().is_multiple_of(between) {
            read(&mut history, &elements, 11, false);
        }
    }
    for client in 20..25 {
        read(&mut history, &elements, client, true);
    }
    history
}

/// What a client's transaction appends and reads, and what it read once it took effect.
struct Transaction {
    mops: Vec<(usize, Option<i64>)>,
    answer: Option<Value>,
}

/// Transactions of four micro-operations on ten keys at a time, which get sixteen appends each, by
/// a store that is strictly serializable; of `stale` it answers one from a list that lacks its
/// last element.
pub(crate) fn transactions(
    operations: usize,
    clients: usize,
    stale: Option<usize>,
    is_register: bool,
) -> History {
    let mut chance = Chance(1);
    let mut history = History::default();
    let mut lists: Vec<Vec<Value>> = vec![Vec::new(); 10];
    let mut appended: Vec<i64> = vec![0; 10];
    let mut active: Vec<usize> = (0..10).collect();
    let mut pending: Vec<Option<Transaction>> = (0..clients).map(|_| None).collect();
    let mut begun = 0;
    let write = if is_register { "w" } else { "append" };
    let tell = |mops: &[(usize, Option<i64>)], results: &mut dyn FnMut(usize) -> Value| -> Value {
        let mop = |&(key, append): &(usize, Option<i64>)| match append {
            Some(value) => Value::list([write.into(), Value::uint(key as u64), value.into()]),
            None => Value::list(["r".into(), Value::uint(key as u64), results(key)]),
        };
        mops.iter().map(mop).collect()
    };
    while begun < operations {
        let worker = chance.below(clients);
        let process = Process::Client(i64::try_from(worker).expect("few clients"));
        let Some(mut txn) = pending[worker].take() else {
            let mut mops = Vec::new();
            for _ in 0..4 {
                let slot = chance.below(10);
                let is_read = chance.below(2) == 0;
                if !is_read && appended[active[slot]] == 16 {
                    active[slot] = lists.len();
                    lists.push(Vec::new());
                    appended.push(0);
                }
                let key = active[slot];
                appended[key] += i64::from(!is_read);
                mops.push((key, (!is_read).then_some(appended[key])));
            }
            let asked = tell(&mops, &mut |_| Value::Nil);
            history.push(Event::new(Kind::Invoke, process, "txn", asked));
            pending[worker] = Some(Transaction { mops, answer: None });
            begun += 1;
            continue;
        };
        if let Some(answer) = txn.answer.take() {
            history.push(Event::new(Kind::Ok, process, "txn", answer));
            continue;
        }
        let misses = stale.is_some_and(|stale| chance.below(stale) == 0);
        let mut answer = Vec::new();
        for (key, append) in &txn.mops {
            if let Some(value) = append {
                lists[*key].push(Value::Int(*value));
            }
            let seen = lists[*key].len() - usize::from(misses && !lists[*key].is_empty());
            // A register is the last element of a list.
            let mut list = |key: usize| match lists[key][..seen].last() {
                last if is_register => last.cloned().unwrap_or_default(),
                _ => Value::from(lists[key][..seen].to_vec()),
            };
            answer
                .extend(tell(&[(*key, *append)], &mut list).as_list().unwrap_or_default().to_vec());
        }
        txn.answer = Some(Value::from(answer));
        pending[worker] = Some(txn);
    }
    history
}

pub(crate) fn ids(operations: usize) -> History {
    let mut history = History::default();
    for id in (0..).take(operations) {
        let process = Process::Client(id % 10);
        history.push(Event::new(Kind::Invoke, process.clone(), "generate", Value::Nil));
        history.push(Event::new(Kind::Ok, process, "generate", format!("n{}-{id}", id % 5).into()));
    }
    history
}

/// A history of a right log: ten keys, ten clients, half of the operations send a message, the
/// others poll up to 20 of a key.
pub(crate) fn log(operations: usize) -> History {
    let mut chance = Chance(4);
    let mut history = History::default();
    let mut ends = [0_i64; 10];
    let mut positions = [[0_i64; 10]; 10];
    for _ in 0..operations {
        let (client, key) = (chance.below(10), chance.below(10));
        let process = Process::Client(i64::try_from(client).expect("few"));
        let name = Value::str(key.to_string());
        let (f, asked, answered) = if chance.below(2) == 0 {
            let message = ends[key];
            ends[key] += 1;
            let sent =
                |value: Value| Value::list([Value::list(["send".into(), name.clone(), value])]);
            let pair = Value::from(vec![message * 3, message]);
            ("send", sent(Value::Int(message)), sent(pair))
        } else {
            let from = positions[client][key];
            let to = ends[key].min(from + 20);
            positions[client][key] = to;
            let pairs = (from..to).map(|message| Value::from(vec![message * 3, message]));
            let polled = Value::map([(name, pairs.collect())]);
            let poll = |polled: Option<Value>| {
                Value::list([Value::list([Value::from("poll")].into_iter().chain(polled))])
            };
            ("poll", poll(None), poll(Some(polled)))
        };
        history.push(Event::new(Kind::Invoke, process.clone(), f, asked));
        history.push(Event::new(Kind::Ok, process, f, answered));
    }
    history
}
