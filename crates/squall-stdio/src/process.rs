//! One process: lines in, lines out. It does no I/O but the disk's.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use squall_disk::{Device, Store};
use squall_node::{
    Arrival, Check, Disk, DiskError, Driver, DriverInput, Effect, Effects, EventNo, Form, Identity,
    Instant, Lineage, Moment, Node, Outgoing, Position, Refusal, Roster, Rules, code, draw_key,
    error_body, hash_text, splice_ids,
};
use squall_wire::{BINARY_NAME, Line, decode_binary, parse_line, write_binary, write_node_line};

use crate::timers::Timers;
use crate::{Options, Outside, ServeError, remark};

/// The services that a node may ask without having met them.
const SERVICES: [&str; 4] = ["lin-kv", "seq-kv", "lww-kv", "lin-tso"];
/// The cell that counts the lives of a node.
const INCARNATION: &str = "incarnation";
/// Messages that came before `init` and wait for it. Further ones are lost, as on a network.
const EARLY_MAX: usize = 1 << 16;
/// Domain of everything that the process draws.
const DOMAIN_STDIO: u64 = 0x7374_6469_6f5f_6e6f;

/// The disk of a process, and whether it outlives the process.
pub(crate) struct Storage<D> {
    pub(crate) store: Store<D>,
    pub(crate) is_durable: bool,
}

/// A process, before and after `init`.
pub(crate) struct Process<N: Node, D, F> {
    factory: F,
    seed: u64,
    storage: Storage<D>,
    life: Option<Life<N>>,
    /// Lines that came before `init`.
    early: Vec<Vec<u8>>,
    fx: Effects,
    out: Vec<u8>,
    body: Vec<u8>,
    /// The last position that a sync was asked for and not yet done.
    sync: Option<Position>,
    failure: Option<DiskError>,
    has_warned: bool,
}

/// A node that knows who it is.
struct Life<N: Node> {
    driver: Driver<N>,
    name: String,
    key: Lineage,
    events: u64,
    timers: Timers,
}

impl<N: Node, D: Device, F: Fn() -> N> Process<N, D, F> {
    pub(crate) fn new(factory: F, options: &Options, storage: Storage<D>) -> Self {
        Self {
            factory,
            seed: options.seed,
            storage,
            life: None,
            early: Vec::new(),
            fx: Effects { observing: options.notes, ..Effects::default() },
            out: Vec::new(),
            body: Vec::new(),
            sync: None,
            failure: None,
            has_warned: false,
        }
    }

    /// When the next timer is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.life.as_ref().and_then(|life| life.timers.next_due())
    }

    /// Everything that has been said since the last [`Process::clear`].
    pub(crate) fn lines(&self) -> &[u8] {
        &self.out
    }

    /// What was said has left.
    pub(crate) fn clear(&mut self) {
        self.out.clear();
    }

    /// Takes in one line, which may hold several messages if newlines are missing.
    pub(crate) fn take_line(&mut self, outside: &mut impl Outside, line: &[u8]) {
        let mut rest = line.trim_ascii();
        while !rest.is_empty() {
            match parse_line(rest) {
                Ok(message) => {
                    self.take_message(outside, &message);
                    rest = message.rest;
                }
                Err(error) => {
                    outside.remark(&format!("{}: {error}", error.code()));
                    return;
                }
            }
        }
    }

    /// Timers that are due by now.
    pub(crate) fn fire_timers(&mut self, outside: &mut impl Outside) {
        let now = outside.now();
        while let Some(token) = self.life.as_mut().and_then(|life| life.timers.pop(now)) {
            self.step(outside, DriverInput::Timer(token));
        }
    }

    /// The input has ended.
    pub(crate) fn stop(&mut self, outside: &mut impl Outside) {
        self.step(outside, DriverInput::Stop);
    }

    /// Ends a turn: syncs as long as somebody waits for it.
    ///
    /// # Errors
    /// If a sync failed; the node has halted.
    pub(crate) fn end_turn(&mut self, outside: &mut impl Outside) -> Result<(), ServeError> {
        loop {
            if let Some(life) = &mut self.life {
                life.driver.flush(&mut self.fx);
            }
            self.carry_out(outside);
            let Some(upto) = self.sync.take() else { break };
            self.warn_once(outside);
            let mark = self.storage.store.begin_sync();
            match self.storage.store.end_sync(mark) {
                Ok(()) => self.step(outside, DriverInput::Synced(upto)),
                Err(error) => {
                    self.failure = Some(error);
                    self.step(outside, DriverInput::SyncFailed);
                }
            }
        }
        self.failure.take().map_or(Ok(()), |error| Err(ServeError::Disk(error)))
    }

    fn take_message(&mut self, outside: &mut impl Outside, line: &Line<'_>) {
        let is_init = line.head.name.as_deref() == Some("init");
        match (&self.life, is_init) {
            (None, true) => self.init(outside, line),
            (None, false) if self.early.len() < EARLY_MAX => {
                let mut kept = Vec::new();
                write_node_line(&mut kept, &line.src, &line.dest, line.body.as_bytes());
                self.early.push(kept);
            }
            (None, false) => outside.remark("a message before init was lost: there are too many"),
            (Some(life), true) => {
                let name = life.name.clone();
                let text = "this node has been initialised".to_owned();
                self.refuse(&name, line, Refusal { code: code::PRECONDITION_FAILED, text });
            }
            (Some(_), false) => self.deliver(outside, line),
        }
    }

    /// The first message makes the node.
    fn init(&mut self, outside: &mut impl Outside, line: &Line<'_>) {
        let init: Init<'_> = match serde_json::from_str(line.body) {
            Ok(init) => init,
            Err(error) => {
                let refusal =
                    Refusal { code: code::MALFORMED_REQUEST, text: format!("init: {error}") };
                return self.refuse(&line.dest, line, refusal);
            }
        };
        match self.begin(&init) {
            Ok(life) => self.life = Some(life),
            Err(error) => {
                self.failure = Some(error);
                return;
            }
        }
        self.step(outside, DriverInput::Start);
        self.body.clear();
        let reply_to = line.head.msg_id.number();
        splice_ids(br#"{"type":"init_ok"}"#, None, reply_to, &mut self.body);
        write_node_line(&mut self.out, &init.node_id, &line.src, &self.body);
        for line in std::mem::take(&mut self.early) {
            self.take_line(outside, &line);
        }
    }

    fn begin(&mut self, init: &Init<'_>) -> Result<Life<N>, DiskError> {
        let incarnation = self.count_life()?;
        let mut roster = Roster::new();
        let mut members: Vec<_> = init.node_ids.iter().map(|name| roster.add(name)).collect();
        members.sort_unstable();
        members.dedup();
        let me = roster.add(&init.node_id);
        for service in SERVICES {
            roster.add(service);
        }
        let identity =
            Identity { me, roster: Arc::new(roster), members: members.into(), incarnation };
        let name = init.node_id.clone().into_owned();
        let key = draw_key(self.seed, DOMAIN_STDIO, hash_text(&name), u64::from(incarnation));
        Ok(Life {
            driver: Driver::new((self.factory)(), identity, Rules::default()),
            name,
            key: Lineage(key),
            events: 0,
            timers: Timers::default(),
        })
    }

    /// Which life this is. It is known for good before anything is said in it.
    fn count_life(&mut self) -> Result<u32, DiskError> {
        if !self.storage.is_durable {
            return Ok(0);
        }
        let store = &mut self.storage.store;
        let last = store.get(INCARNATION)?.and_then(|value| value.try_into().ok());
        let this = last.map_or(0, |last| u32::from_le_bytes(last).saturating_add(1));
        store.put(INCARNATION, &this.to_le_bytes())?;
        let mark = store.begin_sync();
        store.end_sync(mark)?;
        Ok(this)
    }

    fn deliver(&mut self, outside: &mut impl Outside, line: &Line<'_>) {
        let Some(life) = &mut self.life else { return };
        let from = life.driver.meet(&line.src);
        let name = line.head.name.as_deref().unwrap_or_default();
        let (msg_id, in_reply_to) = (line.head.msg_id.number(), line.head.in_reply_to.number());
        let body = line.body.as_bytes();
        let arrival = Arrival { from, msg_id, in_reply_to, name, form: Form::Json, body };
        let binary = (name == BINARY_NAME).then(|| decode_binary(body));
        match &binary {
            Some(Ok((name, body))) => {
                let arrival = Arrival { name, form: Form::Binary, body, ..arrival };
                self.step(outside, DriverInput::Message(arrival));
            }
            // Broken ones are refused by the node, which has no such word.
            Some(Err(_)) | None => self.step(outside, DriverInput::Message(arrival)),
        }
    }

    /// Answers for a node that cannot.
    fn refuse(&mut self, name: &str, line: &Line<'_>, refusal: Refusal) {
        let Some(reply_to) = line.head.msg_id.number() else { return };
        let mut error = Vec::new();
        error_body(&refusal, &mut error);
        self.body.clear();
        splice_ids(&error, None, Some(reply_to), &mut self.body);
        write_node_line(&mut self.out, name, &line.src, &self.body);
    }

    /// Hands one input to the node and does what it asks for.
    fn step(&mut self, outside: &mut impl Outside, input: DriverInput<'_>) {
        let Some(life) = &mut self.life else { return };
        life.events += 1;
        let at = Moment {
            now: outside.now(),
            wall: outside.wall(),
            event: EventNo(life.events),
            lineage: life.key.child(life.events),
        };
        life.driver.step(at, input, &mut self.storage.store, &mut self.fx);
        self.carry_out(outside);
    }

    fn carry_out(&mut self, outside: &mut impl Outside) {
        let Some(life) = &mut self.life else { return };
        for effect in self.fx.list.drain(..) {
            match effect {
                Effect::Send(message) => life.write(&message, &mut self.body, &mut self.out),
                Effect::Arm { token, after, .. } => life.timers.arm(outside.now(), after, token),
                Effect::Sync { upto, .. } => self.sync = Some(upto),
                Effect::Note { name, fields } if self.fx.observing => {
                    outside.remark(&remark::note(name, &fields));
                }
                Effect::Check { check: Check::Violated, name } => {
                    outside.remark(&format!("always is not: {name}"));
                }
                Effect::Undecodable { from, name, error } => {
                    let from = life.driver.name(from).unwrap_or_default();
                    outside.remark(&format!("no message {name:?} from {from}: {error}"));
                }
                Effect::Halt { reason } => outside.remark(&format!("halted: {reason}")),
                Effect::Note { .. }
                | Effect::Wrote { .. }
                | Effect::View(_)
                | Effect::Check { .. }
                | Effect::Late { .. } => {}
            }
        }
    }

    fn warn_once(&mut self, outside: &mut impl Outside) {
        if !self.storage.is_durable && !std::mem::replace(&mut self.has_warned, true) {
            outside.remark("SQUALL_DATA is not set: what is written lasts as long as the process");
        }
    }
}

impl<N: Node> Life<N> {
    /// Appends a message as a line.
    fn write(&self, message: &Outgoing, body: &mut Vec<u8>, out: &mut Vec<u8>) {
        let to = self.driver.name(message.to).unwrap_or_default();
        match message.form {
            Form::Json => write_node_line(out, &self.name, to, &message.body),
            Form::Binary => {
                let Outgoing { name, msg_id, in_reply_to, .. } = message;
                body.clear();
                write_binary(body, name, *msg_id, *in_reply_to, &message.body);
                write_node_line(out, &self.name, to, body);
            }
        }
    }
}

/// The body of `init`.
#[derive(Deserialize)]
struct Init<'a> {
    #[serde(borrow)]
    node_id: Cow<'a, str>,
    #[serde(borrow)]
    node_ids: Vec<Cow<'a, str>>,
}
