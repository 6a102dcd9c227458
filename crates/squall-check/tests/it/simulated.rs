//! Right objects, as somebody would write them who has never heard of specifications, and histories
//! of clients that use them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use squall_history::{Event, History, Kind, Process, Value};

/// A generator of numbers that repeats itself only after a long time (Vigna's SplitMix64).
pub(crate) struct Chance(pub u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        usize::try_from(z % bound as u64).expect("less than a usize")
    }

    fn int(&mut self, bound: usize) -> i64 {
        i64::try_from(self.below(bound)).expect("small")
    }

    fn value(&mut self, bound: usize) -> Value {
        Value::Int(self.int(bound))
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }
}

/// An object: what clients ask of it (with a number that is never given twice), and what it answers
/// to whom; `None` if it refuses.
pub(crate) struct Simulated<T> {
    ask: fn(&mut Chance, i64) -> (&'static str, Value),
    answer: fn(&mut T, i64, &str, &Value) -> Option<Value>,
}

struct Pending {
    f: &'static str,
    argument: Value,
    /// Refused or answered, if it has come to that.
    answer: Option<Option<Value>>,
}

impl<T: Default> Simulated<T> {
    /// A history of up to `ops_max` operations of two to four clients. If it `is_split`, two
    /// objects answer, and now and then one says no and does it, or says what was said before.
    pub(crate) fn history(&self, chance: &mut Chance, ops_max: usize, is_split: bool) -> History {
        let clients = 2 + chance.below(3);
        let ops = 2 + chance.below(ops_max - 1);
        let mut history = History::default();
        let mut objects = [T::default(), T::default()];
        let mut ids: Vec<i64> = (0..).take(clients).collect();
        let mut pending: Vec<Option<Pending>> = (0..clients).map(|_| None).collect();
        let mut begun = 0;
        let mut said: Vec<(&str, Value, Value)> = Vec::new();
        for _ in 0..ops * 4 {
            let client = chance.below(clients);
            let process = Process::Client(ids[client]);
            let Some(mut op) = pending[client].take() else {
                if begun < ops {
                    begun += 1;
                    let fresh = i64::try_from(begun).expect("few");
                    let (f, argument) = (self.ask)(chance, fresh);
                    history.push(Event::new(Kind::Invoke, process, f, argument.clone()));
                    pending[client] = Some(Pending { f, argument, answer: None });
                }
                continue;
            };
            let Some(answer) = op.answer.take() else {
                let which = if is_split { chance.below(2) } else { 0 };
                let answer = (self.answer)(&mut objects[which], ids[client], op.f, &op.argument);
                pending[client] = Some(Pending { answer: Some(answer), ..op });
                continue;
            };
            let mut same = said.iter().filter(|(f, to, _)| (*f, to) == (op.f, &op.argument));
            let answer = match same.next() {
                Some((.., again)) if is_split && chance.below(2) == 0 => Some(again.clone()),
                _ => answer,
            };
            if let Some(answer) = &answer {
                said.push((op.f, op.argument.clone(), answer.clone()));
            }
            let (kind, value) = match answer {
                _ if chance.below(8) == 0 => (Kind::Info, op.argument),
                Some(_) if is_split && chance.below(12) == 0 => (Kind::Fail, op.argument),
                Some(answer) => (Kind::Ok, answer),
                None => (Kind::Fail, op.argument),
            };
            if kind == Kind::Info {
                ids[client] += 10;
            }
            history.push(Event::new(kind, process, op.f, value));
        }
        history
    }
}

type Map = BTreeMap<Value, Value>;

fn pair(a: impl Into<Value>, b: impl Into<Value>) -> Value {
    Value::list([a.into(), b.into()])
}

fn two(value: &Value) -> (Value, Value) {
    let (a, b) = value.as_pair().expect("a pair");
    (a.clone(), b.clone())
}

fn members(value: &Value) -> &[Value] {
    value.as_list().expect("a list")
}

pub(crate) fn register() -> Simulated<Value> {
    Simulated {
        ask: |chance, fresh| match chance.one_of(&["read", "read", "write", "cas"]) {
            "write" => ("write", fresh.into()),
            "cas" => {
                let recent = Value::Int(fresh - 1 - chance.int(3));
                ("cas", pair(if chance.below(3) == 0 { Value::Nil } else { recent }, fresh))
            }
            read => (read, Value::Nil),
        },
        answer: |value, _, f, argument| {
            match f {
                "read" => return Some(value.clone()),
                "write" => *value = argument.clone(),
                _ => {
                    let (from, to) = two(argument);
                    if *value != from {
                        return None;
                    }
                    *value = to;
                }
            }
            Some(argument.clone())
        },
    }
}

pub(crate) fn multi_register() -> Simulated<Map> {
    Simulated {
        ask: |chance, fresh| {
            let f = chance.one_of(&["read", "write"]);
            let first = chance.int(3);
            let keys =
                if chance.below(2) == 0 { vec![first] } else { vec![first, (first + 1) % 3] };
            let value = if f == "read" { Value::Nil } else { Value::Int(fresh % 4) };
            (f, keys.into_iter().map(|key| pair(key, value.clone())).collect())
        },
        answer: |map, _, f, argument| {
            Some(if f == "read" {
                let read = |item: &Value| {
                    let (key, _) = two(item);
                    pair(key.clone(), map.get(&key).cloned().unwrap_or_default())
                };
                members(argument).iter().map(read).collect()
            } else {
                map.extend(members(argument).iter().map(two));
                argument.clone()
            })
        },
    }
}

pub(crate) fn kv() -> Simulated<BTreeMap<Value, String>> {
    Simulated {
        ask: |chance, _| {
            let f = chance.one_of(&["get", "get", "get", "put", "append", "append"]);
            let text = chance.one_of(&["a", "b", "c", "ab", ""]);
            let value = if f == "get" { Value::Nil } else { text.into() };
            (f, pair(chance.int(4) / 3, value))
        },
        answer: |map, _, f, argument| {
            let (key, text) = two(argument);
            let own = map.entry(key.clone()).or_default();
            match f {
                "get" => return Some(pair(key, own.as_str())),
                "put" => text.as_text().expect("a text").clone_into(own),
                _ => own.push_str(text.as_text().expect("a text")),
            }
            Some(argument.clone())
        },
    }
}

pub(crate) fn kv_delete() -> Simulated<Map> {
    Simulated {
        ask: |chance, _| {
            let f = chance.one_of(&["get", "put", "delete", "put-if-absent", "get-and-set"]);
            let has_argument = !["get", "delete"].contains(&f);
            let value = if has_argument { chance.value(3) } else { Value::Nil };
            (f, pair(chance.int(2), value))
        },
        answer: |map, _, f, argument| {
            let (key, value) = two(argument);
            let own = map.get(&key).cloned().unwrap_or_default();
            let answer = match f {
                "get" => own,
                "put" => {
                    map.insert(key.clone(), value.clone());
                    value
                }
                "delete" => map.remove(&key).is_some().into(),
                "put-if-absent" => {
                    if own.is_nil() {
                        map.insert(key.clone(), value.clone());
                    }
                    pair(value, own.is_nil())
                }
                _ => {
                    map.insert(key.clone(), value.clone());
                    pair(value, own)
                }
            };
            Some(pair(key, answer))
        },
    }
}

fn set_answer(set: &mut BTreeSet<Value>, _: i64, f: &str, argument: &Value) -> Option<Value> {
    let element = argument.clone();
    Some(match f {
        // Every other element says nothing.
        "add" if element.as_int().is_some_and(|int| int % 2 == 0 || int > 90) => {
            set.insert(element.clone());
            element
        }
        "add" => pair(element.clone(), set.insert(element)),
        "remove" => pair(element.clone(), set.remove(&element)),
        "contains" => pair(element.clone(), set.contains(&element)),
        _ => set.iter().cloned().collect(),
    })
}

pub(crate) fn set() -> Simulated<BTreeSet<Value>> {
    Simulated {
        ask: |chance, _| {
            let f = chance.one_of(&["add", "add", "add", "remove", "contains", "contains", "read"]);
            (f, if f == "read" { Value::Nil } else { chance.value(3) })
        },
        answer: set_answer,
    }
}

pub(crate) fn grow_only_set() -> Simulated<BTreeSet<Value>> {
    Simulated {
        ask: |chance, fresh| match chance.one_of(&["add", "read"]) {
            "add" => ("add", Value::Int(100 + fresh)),
            read => (read, Value::Nil),
        },
        answer: set_answer,
    }
}

pub(crate) fn pn_counter() -> Simulated<i64> {
    Simulated {
        ask: |chance, _| {
            let f = chance.one_of(&["add", "read", "add-and-get"]);
            (f, if f == "read" { Value::Nil } else { Value::Int(chance.int(5) - 2) })
        },
        answer: |count, _, f, argument| {
            *count += argument.as_int().unwrap_or(0);
            Some(match f {
                "add" => argument.clone(),
                "read" => Value::Int(*count),
                _ => pair(argument.clone(), *count),
            })
        },
    }
}

pub(crate) fn fifo(is_unique: bool) -> Simulated<VecDeque<Value>> {
    const ALL: &[&str] = &["enqueue", "enqueue", "enqueue", "dequeue", "dequeue", "peek"];
    Simulated {
        ask: if is_unique {
            |chance, fresh| match chance.one_of(&ALL[..5]) {
                "enqueue" => ("enqueue", Value::Int(fresh)),
                f => (f, Value::Nil),
            }
        } else {
            |chance, _| match chance.one_of(ALL) {
                "enqueue" => ("enqueue", chance.value(3)),
                f => (f, Value::Nil),
            }
        },
        answer: |queue, _, f, argument| {
            Some(match f {
                "enqueue" => {
                    queue.push_back(argument.clone());
                    argument.clone()
                }
                "dequeue" => queue.pop_front().unwrap_or_default(),
                _ => queue.front().cloned().unwrap_or_default(),
            })
        },
    }
}

fn ask_lock(chance: &mut Chance, _: i64) -> (&'static str, Value) {
    (chance.one_of(&["acquire", "acquire", "release", "release", "try-acquire"]), Value::Nil)
}

pub(crate) fn mutex() -> Simulated<bool> {
    Simulated {
        ask: ask_lock,
        answer: |is_taken, _, f, _| {
            let was_taken = std::mem::replace(is_taken, f != "release");
            match f {
                "try-acquire" => Some((!was_taken).into()),
                "acquire" => (!was_taken).then_some(Value::Nil),
                _ => was_taken.then_some(Value::Nil),
            }
        },
    }
}

/// Who holds a lock, how often, and how often that may be.
#[derive(Default)]
pub(crate) struct Held {
    by: i64,
    count: usize,
}

fn lock(held: &mut Held, client: i64, f: &str, limit: usize) -> Option<Value> {
    let is_mine = held.count == 0 || held.by == client;
    if f == "release" {
        let is_held = is_mine && 0 < held.count;
        held.count -= usize::from(is_held);
        return is_held.then_some(Value::Nil);
    }
    let is_got = is_mine && held.count < limit;
    if is_got {
        *held = Held { by: client, count: held.count + 1 };
    }
    if f == "acquire" { is_got.then_some(Value::Nil) } else { Some(is_got.into()) }
}

pub(crate) fn owner_mutex(limit: usize) -> Simulated<Held> {
    Simulated {
        ask: ask_lock,
        answer: if limit == 1 {
            |held, client, f, _| lock(held, client, f, 1)
        } else {
            |held, client, f, _| lock(held, client, f, 2)
        },
    }
}

pub(crate) fn fenced() -> Simulated<(Held, i64)> {
    Simulated {
        ask: |chance, _| (chance.one_of(&["acquire", "release"]), Value::Nil),
        answer: |(held, token), client, f, _| {
            let answer = lock(held, client, f, 1)?;
            if f == "release" {
                return Some(answer);
            }
            *token += 1;
            Some(Value::Int(*token))
        },
    }
}

pub(crate) fn ids() -> Simulated<i64> {
    Simulated {
        ask: |_, _| ("next", Value::Nil),
        answer: |last, client, _, _| {
            *last += 1 + client % 3;
            Some(Value::Int(*last))
        },
    }
}

pub(crate) fn numbers() -> Simulated<i64> {
    Simulated { ask: |_, _| ("ts", Value::Nil), ..ids() }
}

/// A store that keeps every change: revision, key, value or nil if deleted.
#[derive(Default)]
pub(crate) struct Changes {
    list: Vec<(i64, Value, Value)>,
    revision: i64,
}

impl Changes {
    /// Value, mod, create, version of a key.
    fn get(&self, key: &Value) -> [Value; 4] {
        let mine: Vec<_> = self.list.iter().filter(|(_, k, _)| k == key).collect();
        let since = mine.iter().rposition(|(.., value)| value.is_nil()).map_or(0, |at| at + 1);
        let [first, .., last] = mine[since..] else {
            let Some((at, _, value)) = mine.get(since) else {
                return [Value::Nil, Value::Int(0), Value::Int(0), Value::Int(0)];
            };
            return [value.clone(), Value::Int(*at), Value::Int(*at), Value::Int(1)];
        };
        let count = mine.len() - since;
        [last.2.clone(), Value::Int(last.0), Value::Int(first.0), Value::uint(count as u64)]
    }

    /// Keys are 0, 1 and 2.
    fn delete(&mut self, from: i64, to: i64, revision: i64) -> i64 {
        let keys = (from..to).filter(|key| !self.get(&Value::Int(*key))[0].is_nil());
        let gone: Vec<_> = keys.map(|key| (revision, Value::Int(key), Value::Nil)).collect();
        self.list.extend(gone.iter().cloned());
        i64::try_from(gone.len()).expect("few")
    }

    fn now(&self) -> i64 {
        self.revision + 1
    }
}

pub(crate) fn etcd_kv() -> Simulated<Changes> {
    Simulated {
        ask: |chance, fresh| {
            let key = chance.int(2);
            match chance.below(6) {
                0 | 1 => ("put", pair(key, fresh)),
                2 | 3 => ("get", key.into()),
                4 if chance.below(2) == 0 => ("delete", pair(0, 2)),
                4 => ("delete", key.into()),
                _ => {
                    let compared =
                        Value::list(["version".into(), "=".into(), key.into(), 0.into()]);
                    let put = Value::list(["put".into(), key.into(), fresh.into()]);
                    let last = Value::list([chance.one_of(&["get", "delete"]).into(), key.into()]);
                    (
                        "txn",
                        Value::list([vec![compared].into(), vec![put].into(), vec![last].into()]),
                    )
                }
            }
        },
        answer: |changes, _, f, argument| {
            let next = changes.now() + 1;
            let answer = match f {
                "get" => {
                    let now = [Value::Int(changes.now())];
                    changes.get(argument).into_iter().chain(now).collect()
                }
                "put" => {
                    let (key, value) = two(argument);
                    changes.list.push((next, key, value));
                    changes.revision += 1;
                    next.into()
                }
                "delete" => {
                    let (from, to) = argument.as_int().map_or_else(|| (0, 2), |key| (key, key + 1));
                    let count = changes.delete(from, to, next);
                    changes.revision += count.min(1);
                    Value::from(vec![count, changes.now()])
                }
                _ => {
                    let parts = members(argument);
                    let key = members(&members(&parts[0])[0])[2].clone();
                    let is_new = changes.get(&key)[0].is_nil();
                    let act = members(&members(&parts[if is_new { 1 } else { 2 }])[0]);
                    let result = match act[0].as_text() {
                        Some("put") => {
                            changes.list.push((next, key, act[2].clone()));
                            changes.revision += 1;
                            Value::Nil
                        }
                        Some("get") => changes.get(&key).into_iter().collect(),
                        _ => {
                            let key = key.as_int().expect("a number");
                            let count = changes.delete(key, key + 1, next);
                            changes.revision += count.min(1);
                            count.into()
                        }
                    };
                    Value::list([is_new.into(), changes.now().into(), vec![result].into()])
                }
            };
            Some(pair(argument.clone(), answer))
        },
    }
}

pub(crate) fn txn_map() -> Simulated<Map> {
    Simulated {
        ask: |chance, fresh| {
            // Key 2 has lists, the others have values.
            let access = |chance: &mut Chance| {
                let key = chance.int(3);
                let write = if key == 2 { "append" } else { "w" };
                let f = chance.one_of(&["r", write]);
                let value = if f == "r" { Value::Nil } else { Value::Int(fresh) };
                Value::list([f.into(), key.into(), value])
            };
            let count = 1 + chance.below(3);
            ("txn", (0..count).map(|_| access(chance)).collect())
        },
        answer: |map, _, _, argument| {
            let run = |access: &Value| {
                let [f, key, value] = members(access) else { panic!("three parts") };
                match f.as_text() {
                    Some("r") => {
                        let own = map.get(key).cloned().unwrap_or_default();
                        return Value::list([f.clone(), key.clone(), own]);
                    }
                    Some("w") => drop(map.insert(key.clone(), value.clone())),
                    _ => {
                        let own = map.get(key).and_then(Value::as_list).unwrap_or_default();
                        let own = own.iter().chain([value]).cloned().collect();
                        map.insert(key.clone(), own);
                    }
                }
                access.clone()
            };
            Some(members(argument).iter().map(run).collect())
        },
    }
}
