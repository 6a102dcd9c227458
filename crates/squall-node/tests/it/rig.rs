//! A driver with a node whose handler is the test, a disk of two maps, and effects as text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use squall_node::{
    ActorId, Arrival, Bounds, Ctx, Disk, DiskError, Driver, DriverInput, Effect, Effects, EventNo,
    Form, Identity, Input, Instant, Lineage, Moment, Node, Position, Record, Roster, Rules,
    Stepped, Token, Wire, WireError,
};

/// This node among `n0`, `n1`, `n2`; the client is @3.
pub(crate) const ME: ActorId = ActorId(0);
pub(crate) const N1: ActorId = ActorId(1);
pub(crate) const N2: ActorId = ActorId(2);
pub(crate) const CLIENT: ActorId = ActorId(3);

/// A word with a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) Cow<'static, str>, pub(crate) u64);

pub(crate) fn word(name: &'static str, n: u64) -> Word {
    Word(Cow::Borrowed(name), n)
}

impl Wire for Word {
    fn name(&self) -> Cow<'static, str> {
        self.0.clone()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!(r#"{{"type":"{}","n":{}}}"#, self.0, self.1).as_bytes());
    }

    fn decode(name: &str, _form: Form, body: &[u8]) -> Result<Self, WireError> {
        if name == "gibberish" {
            return Err(WireError::UnknownName);
        }
        let body: serde_json::Value = serde_json::from_slice(body)
            .map_err(|error| WireError::Malformed(error.to_string()))?;
        let n = body["n"].as_u64().ok_or_else(|| WireError::Malformed("no n".to_owned()))?;
        Ok(Self(Cow::Owned(name.to_owned()), n))
    }
}

/// A node that does what the test says, and remembers what it heard.
#[derive(Clone)]
pub(crate) struct Puppet {
    act: fn(&mut Ctx<'_, Self>, &Input<Self>),
    pub(crate) heard: Vec<String>,
}

impl Puppet {
    pub(crate) fn new(act: fn(&mut Ctx<'_, Self>, &Input<Self>)) -> Self {
        Self { act, heard: Vec::new() }
    }
}

impl Node for Puppet {
    type Message = Word;
    type Timer = u32;
    type Pending = &'static str;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        self.heard.push(format!("{input:?}"));
        (self.act)(ctx, &input);
    }
}

/// A disk that remembers, for nodes that do not restart from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Maps {
    pub(crate) cells: BTreeMap<String, Vec<u8>>,
    logs: BTreeMap<String, Vec<Vec<u8>>>,
    pub(crate) is_dirty: bool,
}

impl Disk for Maps {
    fn put(&mut self, cell: &str, value: &[u8]) -> Result<(), DiskError> {
        self.is_dirty = true;
        self.cells.insert(cell.to_owned(), value.to_vec());
        Ok(())
    }

    fn get(&mut self, cell: &str) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(self.cells.get(cell).cloned())
    }

    fn append(&mut self, log: &str, _: u64, _: u8, payload: &[u8]) -> Result<u64, DiskError> {
        self.is_dirty = true;
        let log = self.logs.entry(log.to_owned()).or_default();
        log.push(payload.to_vec());
        Ok(log.len() as u64)
    }

    fn truncate_from(&mut self, _log: &str, _index: u64) -> Result<(), DiskError> {
        Err(DiskError::OutOfRange)
    }

    fn compact(&mut self, _log: &str, _index: u64) -> Result<(), DiskError> {
        Err(DiskError::OutOfRange)
    }

    fn bounds(&mut self, log: &str) -> Result<Bounds, DiskError> {
        Ok(Bounds { first: 1, next: self.logs.get(log).map_or(0, Vec::len) as u64 + 1 })
    }

    fn read(
        &mut self,
        log: &str,
        from: u64,
        upto: u64,
        sink: &mut dyn FnMut(Record<'_>),
    ) -> Result<u64, DiskError> {
        let records = self.logs.get(log).map_or(&[][..], Vec::as_slice);
        for (payload, index) in records.iter().zip(1..upto) {
            if index >= from {
                sink(Record { index, term: 0, kind: 0, payload });
            }
        }
        Ok(upto.min(records.len() as u64 + 1))
    }

    fn is_dirty(&self) -> bool {
        self.is_dirty
    }
}

/// A node in its driver. Every verb gives the effects of the step as lines of text.
pub(crate) struct Rig<N: Node> {
    pub(crate) driver: Driver<N>,
    pub(crate) disk: Maps,
    pub(crate) effects: Vec<Effect>,
    pub(crate) lineage: u64,
    pub(crate) last: Stepped,
    now: u64,
    event: u64,
    asked: usize,
}

pub(crate) fn puppet(act: fn(&mut Ctx<'_, Puppet>, &Input<Puppet>)) -> Rig<Puppet> {
    Rig::new(Puppet::new(act), 0, Rules::default())
}

pub(crate) fn identity(incarnation: u32) -> Identity {
    let mut roster = Roster::new();
    for name in ["n0", "n1", "n2", "c0"] {
        roster.add(name);
    }
    Identity { me: ME, roster: Arc::new(roster), members: [ME, N1, N2].into(), incarnation }
}

impl<N: Node> Rig<N> {
    pub(crate) fn new(node: N, incarnation: u32, rules: Rules) -> Self {
        Self {
            driver: Driver::new(node, identity(incarnation), rules),
            disk: Maps::default(),
            effects: Vec::new(),
            lineage: 0,
            last: Stepped::Taken,
            now: 0,
            event: 0,
            asked: 0,
        }
    }

    pub(crate) fn step(&mut self, input: DriverInput<'_>) -> Vec<String> {
        (self.now, self.event) = (self.now + 1_000_000, self.event + 1);
        let lineage = if self.lineage == 0 { self.event } else { self.lineage };
        let moment = Moment {
            now: Instant(self.now),
            wall: self.now,
            event: EventNo(self.event),
            lineage: Lineage(lineage),
        };
        let mut fx = Effects::default();
        self.last = self.driver.step(moment, input, &mut self.disk, &mut fx);
        let lines = fx.list.iter().map(line).collect();
        self.effects = fx.list;
        lines
    }

    pub(crate) fn start(&mut self) -> Vec<String> {
        self.step(DriverInput::Start)
    }

    /// `name` and `n` from `from`, as a request if it has an id.
    pub(crate) fn hear(
        &mut self,
        from: ActorId,
        msg_id: Option<u64>,
        (name, n): (&str, u64),
    ) -> Vec<String> {
        let body = format!(r#"{{"type":"{name}","n":{n}}}"#);
        self.arrive(Arrival {
            from,
            msg_id,
            in_reply_to: None,
            name,
            form: Form::Json,
            body: body.as_bytes(),
        })
    }

    /// An answer to `in_reply_to`.
    pub(crate) fn answer(
        &mut self,
        from: ActorId,
        in_reply_to: u64,
        (name, n): (&str, u64),
    ) -> Vec<String> {
        let body = format!(r#"{{"type":"{name}","n":{n},"code":{n},"text":"no"}}"#);
        self.arrive(Arrival {
            from,
            msg_id: None,
            in_reply_to: Some(in_reply_to),
            name,
            form: Form::Json,
            body: body.as_bytes(),
        })
    }

    pub(crate) fn arrive(&mut self, arrival: Arrival<'_>) -> Vec<String> {
        self.step(DriverInput::Message(arrival))
    }

    pub(crate) fn timer(&mut self, token: u64) -> Vec<String> {
        self.step(DriverInput::Timer(Token(token)))
    }

    pub(crate) fn synced(&mut self, upto: u64) -> Vec<String> {
        self.step(DriverInput::Synced(Position(upto)))
    }

    pub(crate) fn flush(&mut self) -> Vec<String> {
        let mut fx = Effects::default();
        self.driver.flush(&mut fx);
        fx.list.iter().map(line).collect()
    }
}

impl Clone for Rig<Puppet> {
    fn clone(&self) -> Self {
        let Self { driver, disk, effects, lineage, last, now, event, asked } = self;
        Self {
            driver: driver.clone(),
            disk: disk.clone(),
            effects: effects.clone(),
            lineage: *lineage,
            last: *last,
            now: *now,
            event: *event,
            asked: *asked,
        }
    }
}

impl Rig<Puppet> {
    /// What the node has heard since the last question.
    pub(crate) fn heard(&mut self) -> Vec<String> {
        let heard = &self.driver.node().heard;
        let fresh = heard[self.asked..].to_vec();
        self.asked = heard.len();
        fresh
    }
}

fn line(effect: &Effect) -> String {
    match effect {
        Effect::Send(it) => {
            let ids = [("id", it.msg_id), ("re", it.in_reply_to)];
            let ids: String =
                ids.iter().filter_map(|(k, v)| v.map(|v| format!(" {k}={v}"))).collect();
            let held =
                it.held_from.map_or(String::new(), |at| format!(" held {}ms", at.0 / 1_000_000));
            format!("{:?} {} {}{ids}{held}", it.to, it.name, number(&it.body))
        }
        Effect::Arm { token, after, .. } => format!("arm {} {after:?}", token.0),
        Effect::Sync { upto, .. } => format!("sync {}", upto.0),
        Effect::Late { from, in_reply_to } => format!("late {from:?} re={in_reply_to}"),
        Effect::Undecodable { from, name, error } => format!("no word {from:?} {name}: {error}"),
        Effect::Halt { reason } => format!("halt: {reason}"),
        other => format!("{other:?}"),
    }
}

fn number(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    if body["type"] == "error" { body["code"].to_string() } else { body["n"].to_string() }
}
