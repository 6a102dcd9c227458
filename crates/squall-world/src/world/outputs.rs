//! Interprets what hosts say, in the order in which they say it.

use std::borrow::Cow;

use serde_json::value::{RawValue, to_raw_value};
use squall_history::trace::{Kind, Line, Role};
use squall_node::{
    ActorId, Check, Duration, Effect, Field, Lineage, Position, Token, View, draw_key, scale, word,
};

use super::{Actor, End, Event, Recorded, RecordedWhat, State, Turn, World};
use crate::host::{self, Finding, Notice, Op, Output, Phase, Stage};
use crate::trigger::Happening;

/// The cause of what a process says unasked.
pub(super) const UNASKED: u64 = u64::MAX;

const DOMAIN_SYNC: u64 = 0x7379_6e63_0000_0001;

impl World {
    /// Carries out what the host has said in answer to the event `e`, or [`UNASKED`].
    pub(super) fn interpret(&mut self, e: u64) {
        let from = self.out.from;
        if self.out.effects.reads.calls > 0 {
            self.charge_reads(from, e);
        }
        let mut effects = std::mem::take(&mut self.out.effects.list);
        for effect in &mut effects {
            self.effect(from, effect, e);
        }
        effects.clear();
        self.out.effects.list = effects;
        if self.out.list.is_empty() {
            return;
        }
        let mut list = std::mem::take(&mut self.out.list);
        for output in list.drain(..) {
            self.output(output, e);
        }
        self.out.list = list;
    }

    /// What a node's driver asked for. Messages are most of it, and are sent from where they lie.
    #[inline(always)]
    pub(super) fn effect(&mut self, actor: ActorId, effect: &mut Effect, e: u64) {
        match effect {
            Effect::Send(message) => {
                let cause = message.cause.0;
                self.post(actor, message, Some(cause));
            }
            Effect::Arm { token, after, lineage, name } => {
                self.arm(actor, (*token, *lineage), *after, e, name.take());
            }
            Effect::Sync { upto, lineage } => self.sync(actor, *upto, *lineage, e),
            Effect::Wrote { file, bytes, position } => {
                self.wrote(actor, e, file, (*bytes as u64, *position));
            }
            Effect::Note { name, fields } => self.note(actor, e, name, fields),
            Effect::View(view) => self.view(actor, e, view),
            Effect::Check { check, name } => self.check(actor, (*check, *name), e),
            Effect::Late { from, in_reply_to } => {
                let mut fields = View::default();
                fields.set("from", self.name(*from));
                fields.set("in_reply_to", *in_reply_to);
                self.note(actor, e, "late", &fields);
            }
            Effect::Undecodable { from, name, error } => {
                let from = self.name(*from);
                let what = format!("{from} sent {name:?}, which cannot be decoded: {error}");
                let finding = Finding {
                    code: "SQ04",
                    node: self.name(actor).to_owned(),
                    line_no: None,
                    column: None,
                    raw: std::mem::take(name),
                    what,
                    help: "the sender's message must have the shape its receiver expects"
                        .to_owned(),
                };
                self.find(actor, finding, told(e));
            }
            Effect::Halt { reason } => self.exited(actor, std::mem::take(reason), e),
        }
    }

    fn output(&mut self, output: Output, e: u64) {
        match output {
            Output::Send { from, mut message } => {
                let cause = message.cause.0;
                self.post(from, &mut message, Some(cause));
            }
            Output::Spoken(spoken) => self.spoken(spoken),
            Output::Arm { actor, token, after, lineage, name } => {
                self.arm(actor, (token, lineage), after, e, name);
            }
            Output::Line(line) => self.line(line, e),
            Output::Exit { actor, status } => self.exited(actor, status, e),
            Output::Op(op) => self.op(op, e),
            Output::Open { actor, name } => {
                assert_eq!(actor.index(), self.actors.len(), "clients open with the next free id");
                self.names.insert(name.clone(), actor);
                self.actors.push(Actor::new(name, Role::Client));
            }
            Output::Close { actor } => self.actors[actor.index()].state = State::Gone,
            Output::Phase(phase) => self.enter(phase, e),
            Output::Ready { node } => {
                self.actors[node.index()].is_back = true;
                self.take_turn(node, Turn::Ready);
            }
            Output::CloseInput { node } => {
                self.actors[node.index()].is_closed = true;
                self.change(node, host::Life::CloseInput, e, Lineage::default());
            }
            // A bound that was reached before is the end all the same.
            Output::Done => drop(self.end.get_or_insert(End::Done)),
        }
    }

    fn arm(
        &mut self,
        actor: ActorId,
        (token, lineage): (Token, Lineage),
        after: Duration,
        e: u64,
        name: Option<String>,
    ) {
        self.hash.fold(after.0);
        let incarnation = self.actors.get(actor.index()).map_or(0, |actor| actor.incarnation);
        let name = name.map(String::into_boxed_str);
        let due = self.now.saturating_add(after.0);
        self.queue.push(due, Event::Timer { actor, incarnation, token, armed: e, lineage, name });
    }

    fn sync(&mut self, actor: ActorId, upto: Position, lineage: Lineage, e: u64) {
        let [min, max] = self.plan.disk.sync_us;
        let span = max.saturating_sub(min).saturating_mul(1_000);
        let drawn = word(draw_key(self.plan.seed, DOMAIN_SYNC, lineage.0, 0), 0, 0);
        let latency = min.saturating_mul(1_000) + scale(drawn, span + 1);
        self.hash.fold(latency);
        let incarnation = self.actors[actor.index()].incarnation;
        if self.triggers.is_armed() {
            let node = &self.actors[actor.index()].name;
            self.triggers.see(Happening::SyncStart { node }, self.journal.next());
        }
        self.disk_line(actor, e, "sync", |line| line.position = Some(upto.0));
        let (due, told) = (self.now.saturating_add(latency), None);
        self.queue.push(due, Event::Synced { actor, incarnation, upto, cause: e, lineage, told });
    }

    fn wrote(&mut self, actor: ActorId, e: u64, file: &str, (bytes, at): (u64, Position)) {
        if self.triggers.is_armed() {
            let node = &self.actors[actor.index()].name;
            self.triggers.see(Happening::Write { file, node }, self.journal.next());
        }
        self.disk_line(actor, e, "write", |line| {
            line.file = Some(Cow::Owned(file.to_owned()));
            line.bytes = Some(bytes);
            line.position = Some(at.0);
        });
    }

    pub(super) fn disk_line(
        &mut self,
        actor: ActorId,
        cause: u64,
        what: &'static str,
        fill: impl FnOnce(&mut Line<'_>),
    ) {
        if !self.journal.is_on() {
            self.journal.skip();
            return;
        }
        let e = self.journal.next();
        let mut line = Line::new(e, self.now, Kind::Disk, &self.actors[actor.index()].name);
        line.c = told(cause);
        line.what_is_done = Some(what.into());
        fill(&mut line);
        self.journal.line(&line);
    }

    fn note(&mut self, actor: ActorId, cause: u64, name: &str, fields: &View) {
        if self.triggers.is_armed() {
            let node = &self.actors[actor.index()].name;
            self.triggers.see(Happening::Note { name, node }, self.journal.next());
        }
        if !self.journal.is_on() {
            return;
        }
        let e = self.journal.next();
        let raw = named_values(fields);
        let mut line = Line::new(e, self.now, Kind::Note, &self.actors[actor.index()].name);
        line.c = told(cause);
        line.name = Some(name.into());
        line.fields = raw.as_deref();
        self.journal.line(&line);
    }

    fn view(&mut self, actor: ActorId, cause: u64, view: &View) {
        if !self.journal.is_on() {
            return;
        }
        let e = self.journal.next();
        let raw = named_values(view);
        let mut line = Line::new(e, self.now, Kind::View, &self.actors[actor.index()].name);
        line.c = told(cause);
        line.fields = raw.as_deref();
        self.journal.line(&line);
    }

    fn check(&mut self, actor: ActorId, (check, name): (Check, &'static str), cause: u64) {
        if check == Check::Violated {
            let node = self.name(actor).to_owned();
            let what = format!("the node's own assertion failed: always {name}");
            let help = "look at what the node did just before in the trace".to_owned();
            let finding = Finding {
                code: "always",
                node,
                line_no: None,
                column: None,
                raw: name.to_owned(),
                what,
                help,
            };
            self.find(actor, finding, told(cause));
        } else {
            let times = u64::from(check != Check::Named);
            *self.marks.entry(name.to_owned()).or_insert(0) += times;
        }
    }

    fn line(&mut self, said: host::Line, cause: u64) {
        if let Some(mut finding) = said.finding {
            // Whoever judges a message does not know where it was printed.
            let heard = u64::from(self.network.heard_line);
            finding.line_no = finding.line_no.or(Some(heard).filter(|&line| line > 0));
            self.find(said.actor, finding, told(cause));
            return;
        }
        let e = self.journal.next();
        let mut line = Line::new(e, self.now, Kind::Line, &self.actors[said.actor.index()].name);
        line.c = told(cause);
        line.text = Some(said.text.as_str().into());
        self.journal.line(&line);
    }

    /// A node has ended without a fault of ours.
    fn exited(&mut self, id: ActorId, status: String, cause: u64) {
        let e = self.journal.next();
        let actor = &mut self.actors[id.index()];
        actor.state = State::Exited;
        let mut line = Line::new(e, self.now, Kind::Life, &actor.name);
        line.c = told(cause);
        line.what_is_done = Some("exit".into());
        line.incarnation = Some(u64::from(actor.incarnation));
        line.status = Some(status.as_str().into());
        self.journal.line(&line);
        if !actor.is_closed {
            self.exits.push((id, status));
        }
        self.take_turn(id, Turn::Ended);
        self.tell_clients(id, Notice::Exited, e, Lineage::default());
    }

    fn op(&mut self, op: Op, cause: u64) {
        let e = self.journal.next();
        let index = self.history_index;
        self.history_index += 1;
        let stage = match op.stage {
            Stage::Invoke => "invoke",
            Stage::Ok => "ok",
            Stage::Fail => "fail",
            Stage::Info => "info",
        };
        if self.journal.is_on() {
            let value: Result<&RawValue, _> = serde_json::from_str(&op.value);
            let error = op.error.as_deref().and_then(|text| serde_json::from_str(text).ok());
            let mut line = Line::new(e, self.now, Kind::Op, &self.actors[op.actor.index()].name);
            line.c = told(cause);
            line.what_is_done = Some(stage.into());
            line.process = Some(op.process);
            line.f = Some(op.f.as_ref().into());
            line.value = value.ok();
            line.error = error;
            line.is_final = op.is_final.then_some(true);
            line.to = op.node.map(|node| self.actors[node.index()].name.to_string().into());
            line.index = Some(index);
            self.journal.line(&line);
        } else {
            self.journal.skip();
        }
        self.hash.bytes(op.value.as_bytes());
        let what = RecordedWhat::Op(op);
        self.history.push(Recorded { time_ns: self.now, what });
        self.check_journal();
    }

    fn enter(&mut self, phase: Phase, cause: u64) {
        let e = self.journal.next();
        let mut line = Line::new(e, self.now, Kind::Phase, "nemesis");
        line.c = told(cause);
        line.name = Some(phase.name().into());
        self.journal.line(&line);
        self.phase = Some(phase);
        match phase {
            Phase::Main => self.schedule_faults(),
            Phase::Heal => self.end_all_faults(),
            Phase::Final => {}
        }
    }
}

/// A cause as a line tells it.
fn told(cause: u64) -> Option<u64> {
    (cause != UNASKED).then_some(cause)
}

/// Named values as a JSON object.
fn named_values(view: &View) -> Option<Box<RawValue>> {
    let value = |field: &Field| match field {
        Field::Int(n) => (*n).into(),
        Field::Count(n) => (*n).into(),
        Field::Text(text) => text.as_str().into(),
        Field::Flag(flag) => (*flag).into(),
        Field::Gone => serde_json::Value::Null,
    };
    let mut map = serde_json::Map::new();
    for (name, field) in &view.fields {
        map.insert(name.clone().into_owned(), value(field));
    }
    for (name, digest) in &view.replicated {
        map.insert((*name).to_owned(), format!("{digest:016x}").into());
    }
    to_raw_value(&map).ok()
}
