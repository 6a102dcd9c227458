//! A right log with several keys, clients that send to it and poll it, and what they saw.

use std::collections::BTreeMap;

use squall_history::{Event, History, Kind, Process, Value};

use crate::simulated::Chance;

/// A message that was sent or polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub is_send: bool,
    pub key: i64,
    pub value: i64,
    pub offset: Option<i64>,
}

/// What a client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Micro-operations: a send, or a poll of any number of messages.
    Moves(Vec<Vec<Move>>),
    Assign(Vec<i64>),
    Crash,
}

/// An operation, with the places of its events among all.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub process: i64,
    pub act: Act,
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    pub is_final: bool,
}

impl Call {
    pub(crate) fn moves(&self) -> impl Iterator<Item = &Move> {
        let mops = if let Act::Moves(mops) = &self.act { &mops[..] } else { &[] };
        mops.iter().flatten()
    }

    pub(crate) fn moves_mut(&mut self) -> Vec<&mut Move> {
        let mops = if let Act::Moves(mops) = &mut self.act { &mut mops[..] } else { &mut [] };
        mops.iter_mut().flatten().collect()
    }

    pub(crate) fn sends(&self) -> impl Iterator<Item = &Move> {
        self.moves().filter(|step| step.is_send)
    }

    pub(crate) fn polls(&self) -> impl Iterator<Item = &Move> {
        self.moves().filter(|step| !step.is_send)
    }

    fn f(&self) -> &'static str {
        match &self.act {
            Act::Assign(_) => "assign",
            Act::Crash => "crash",
            Act::Moves(mops) => match &mops[..] {
                [mop] if mop.first().is_some_and(|step| step.is_send) => "send",
                [_] => "poll",
                _ => "txn",
            },
        }
    }

    /// The value of an event: with results, or as it was asked.
    fn value(&self, with_results: bool) -> Value {
        let int = |int: Option<i64>| int.map_or(Value::Nil, Value::Int);
        let pair = |step: &Move| Value::list([int(step.offset), Value::Int(step.value)]);
        match &self.act {
            Act::Assign(keys) => keys.iter().copied().map(Value::Int).collect(),
            Act::Crash => Value::Nil,
            Act::Moves(mops) => mops
                .iter()
                .map(|mop| match &mop[..] {
                    [step] if step.is_send => {
                        let plain = Value::Int(step.value);
                        let value = if with_results { pair(step) } else { plain };
                        Value::list(["send".into(), Value::Int(step.key), value])
                    }
                    _ if !with_results => Value::list(["poll".into()]),
                    polled => {
                        let mut keys: Vec<(Value, Vec<Value>)> = Vec::new();
                        for step in polled {
                            let key = Value::Int(step.key);
                            match keys.iter_mut().find(|(known, _)| *known == key) {
                                Some((_, list)) => list.push(pair(step)),
                                None => keys.push((key, vec![pair(step)])),
                            }
                        }
                        let map = keys.into_iter().map(|(key, list)| (key, Value::from(list)));
                        Value::list(["poll".into(), Value::map(map)])
                    }
                })
                .collect(),
        }
    }
}

/// The history of some operations. An open one ends nowhere, an operation that did not succeed
/// tells what it has got.
pub(crate) fn history(calls: &[Call]) -> History {
    let mut events: Vec<(usize, Event)> = Vec::new();
    for call in calls {
        let process = Process::Client(call.process);
        let mut asked = Event::new(Kind::Invoke, process.clone(), call.f(), call.value(false));
        asked.is_final = call.is_final;
        events.push((call.start, asked));
        if call.end != usize::MAX {
            let value = call.value(true);
            let mut completion = Event::new(call.kind, process, call.f(), value);
            completion.is_final = call.is_final;
            events.push((call.end, completion));
        }
    }
    events.sort_by_key(|(place, _)| *place);
    History::new(events.into_iter().map(|(_, event)| event))
}

/// What the histories vary in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub keys: usize,
    pub ops: usize,
    /// Whether operations may be lost, fail, or end unknown.
    pub has_faults: bool,
    /// Whether every client polls everything in the end.
    pub has_end: bool,
}

#[derive(Default)]
struct Client {
    process: i64,
    /// By key that it polls: how many messages it has had.
    positions: BTreeMap<i64, usize>,
    open: Option<(Call, bool)>,
}

/// A log, and whose messages are where.
struct Log<'c> {
    chance: &'c mut Chance,
    keys: Vec<Vec<(i64, i64)>>,
    next_value: Vec<i64>,
    place: usize,
    calls: Vec<Call>,
}

/// What the clients of a right log saw.
pub(crate) fn right(chance: &mut Chance, shape: Shape) -> Vec<Call> {
    let mut clients: Vec<Client> =
        (0..3).map(|process| Client { process, ..Client::default() }).collect();
    let mut log = Log {
        chance,
        keys: vec![Vec::new(); shape.keys],
        next_value: vec![1; shape.keys],
        place: 0,
        calls: Vec::new(),
    };
    let mut begun = 0;
    while begun < shape.ops || clients.iter().any(|client| client.open.is_some()) {
        let at = log.chance.below(clients.len());
        let client = &mut clients[at];
        log.place += 1;
        match client.open.take() {
            None if begun < shape.ops => {
                begun += 1;
                let call = log.begin(client);
                client.open = Some((call, false));
            }
            None => {}
            Some((mut call, false)) => {
                // It takes effect, or is lost on the way; one that is lost can't succeed.
                if shape.has_faults && log.chance.below(10) == 0 {
                    call.kind = if log.chance.below(2) == 0 { Kind::Fail } else { Kind::Info };
                } else {
                    log.apply(&mut call, client);
                }
                client.open = Some((call, true));
            }
            Some((mut call, true)) => {
                call.end = log.place;
                if call.kind == Kind::Ok && shape.has_faults && log.chance.below(12) == 0 {
                    call.kind = Kind::Info;
                }
                if matches!(call.act, Act::Crash) {
                    call.kind = Kind::Info;
                }
                if call.kind == Kind::Info {
                    let process = client.process + 10;
                    *client = Client { process, ..Client::default() };
                }
                log.calls.push(call);
            }
        }
    }
    if shape.has_end {
        log.end(&mut clients);
    }
    log.calls.sort_by_key(|call| call.start);
    log.calls
}

impl Log<'_> {
    fn begin(&mut self, client: &Client) -> Call {
        let key =
            |chance: &mut Chance, keys: usize| i64::try_from(chance.below(keys)).expect("few");
        let count = self.keys.len();
        let act = match self.chance.below(12) {
            0..5 => Act::Moves(vec![self.send()]),
            5..8 => Act::Moves(vec![Vec::new()]),
            8..10 => {
                let mops = (0..1 + self.chance.below(3)).map(|_| match self.chance.below(2) {
                    0 => Vec::new(),
                    _ => self.send(),
                });
                Act::Moves(mops.collect())
            }
            10 if self.chance.below(4) == 0 => Act::Crash,
            _ => {
                let mut keys: Vec<i64> = client.positions.keys().copied().collect();
                keys.retain(|_| self.chance.below(3) > 0);
                keys.push(key(self.chance, count));
                keys.push(key(self.chance, count));
                keys.sort_unstable();
                keys.dedup();
                Act::Assign(keys)
            }
        };
        let process = client.process;
        Call { process, act, kind: Kind::Ok, start: self.place, end: usize::MAX, is_final: false }
    }

    fn send(&mut self) -> Vec<Move> {
        let at = self.chance.below(self.keys.len());
        let value = self.next_value[at];
        self.next_value[at] += 1;
        let key = i64::try_from(at).expect("few");
        vec![Move { is_send: true, key, value, offset: None }]
    }

    /// All of it at one moment: first polls, then sends.
    fn apply(&mut self, call: &mut Call, client: &mut Client) {
        match &mut call.act {
            Act::Crash => {}
            Act::Assign(keys) => {
                let old = std::mem::take(&mut client.positions);
                client.positions =
                    keys.iter().map(|key| (*key, old.get(key).copied().unwrap_or(0))).collect();
            }
            Act::Moves(mops) => {
                for mop in mops.iter_mut().filter(|mop| mop.is_empty()) {
                    for (&key, position) in &mut client.positions {
                        let at = usize::try_from(key).expect("small");
                        let rest = &self.keys[at][*position..];
                        let count = self.chance.below(4).min(rest.len());
                        *position += count;
                        mop.extend(rest[..count].iter().map(|&(offset, value)| Move {
                            is_send: false,
                            key,
                            value,
                            offset: Some(offset),
                        }));
                    }
                }
                for step in mops.iter_mut().flatten().filter(|step| step.is_send) {
                    let log = &mut self.keys[usize::try_from(step.key).expect("small")];
                    let next = log.last().map_or(0, |(offset, _)| offset + 1);
                    let gap = i64::try_from(self.chance.below(3)).expect("small");
                    step.offset = Some(next + gap);
                    log.push((next + gap, step.value));
                }
            }
        }
    }

    /// Every client crashes, begins again with all keys, and polls until it has everything.
    fn end(&mut self, clients: &mut [Client]) {
        let keys: Vec<i64> = (0..).take(self.keys.len()).collect();
        for client in clients {
            let mut client = Client { process: client.process + 10, ..Client::default() };
            let mut acts = vec![Act::Assign(keys.clone())];
            while let Some(act) = acts.pop() {
                self.place += 2;
                let (start, end) = (self.place, self.place + 1);
                let process = client.process;
                let mut call = Call { process, act, kind: Kind::Ok, start, end, is_final: true };
                self.apply(&mut call, &mut client);
                self.calls.push(call);
                let had = |key: &i64| client.positions.get(key).copied();
                let len = |key: &i64| self.keys[usize::try_from(*key).expect("small")].len();
                if keys.iter().any(|key| had(key) != Some(len(key))) {
                    acts.push(Act::Moves(vec![Vec::new()]));
                }
            }
        }
    }
}
