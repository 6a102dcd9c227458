//! Lives of nodes, and the faults of the plan.

use serde_json::value::RawValue;
use squall_history::trace::{Kind, Line};
use squall_node::{ActorId, Lineage, draw_key};

use super::{
    DOMAIN_FAULT, DOMAIN_POWER, DOMAIN_START, Event, Recorded, RecordedWhat, State, Turn, World,
};
use crate::faults::Act;
use crate::host::{Life, Notice, Progress};
use crate::plan::Begin;

impl World {
    /// A life of a node or service begins.
    pub(super) fn start(&mut self, id: ActorId, cause: Option<u64>) {
        let incarnation = self.actors[id.index()].incarnation;
        let key = draw_key(self.plan.seed, DOMAIN_START, u64::from(id.0), u64::from(incarnation));
        let e = self.journal.next();
        let mut line = Line::new(e, self.now, Kind::Life, &self.actors[id.index()].name);
        line.c = cause;
        line.what_is_done = Some("start".into());
        line.incarnation = Some(u64::from(incarnation));
        self.journal.line(&line);
        let actor = &mut self.actors[id.index()];
        (actor.state, actor.is_closed) = (State::Up, false);
        self.fold(5, id, 0);
        self.change(id, Life::Start { incarnation, key }, e, Lineage(key));
        if cause.is_some() {
            self.take_turn(id, Turn::Started);
            self.tell_clients(id, Notice::Started, e, Lineage(key));
        }
    }

    /// Whether this actor can lose power: only a disk of ours can be made to forget.
    fn has_disk(&self, id: ActorId) -> bool {
        self.host_of(id).is_some_and(|host| self.hosts[host].has_disk())
    }

    /// A node dies at once.
    fn kill(&mut self, id: ActorId, power: bool, cause: u64) {
        let e = self.journal.next();
        let actor = &mut self.actors[id.index()];
        let mut line = Line::new(e, self.now, Kind::Life, &actor.name);
        line.c = Some(cause);
        line.what_is_done = Some("kill".into());
        line.incarnation = Some(u64::from(actor.incarnation));
        line.power = Some(power);
        self.journal.line(&line);
        (actor.state, actor.is_busy, actor.is_back) = (State::Down, false, false);
        let incarnation = u64::from(actor.incarnation);
        let key = draw_key(self.plan.seed, DOMAIN_POWER, u64::from(id.0), incarnation);
        self.fold(6, id, u64::from(power));
        self.change(id, Life::Kill { power: power.then_some(key) }, e, Lineage(key));
        self.lose_inbox(id, "down");
        self.take_turn(id, Turn::Ended);
        self.tell_clients(id, Notice::Killed, e, Lineage(key));
    }

    pub(super) fn take_turn(&mut self, node: ActorId, turn: Turn) {
        let what = RecordedWhat::Life { node, turn };
        self.history.push(Recorded { time_ns: self.now, what });
    }

    pub(super) fn change(&mut self, id: ActorId, change: Life, e: u64, lineage: Lineage) {
        let Some(host) = self.host_of(id) else { return };
        self.out.clear();
        let at = self.moment(e, lineage);
        let progress = self.hosts[host].life(at, id, change, &mut self.out);
        self.busy[host] = progress == Progress::Busy;
        self.interpret(e);
    }

    /// The run is over for all hosts.
    pub(super) fn end_hosts(&mut self) {
        for id in 0..self.actors.len() {
            let id = ActorId(u32::try_from(id).expect("few actors"));
            if let Some(host) = self.actors[id.index()].host {
                let at = self.moment(self.journal.next(), Lineage::default());
                self.out.clear();
                self.hosts[host].life(at, id, Life::End, &mut self.out);
                self.interpret(super::UNASKED);
            }
        }
    }

    /// The main phase begins: the faults of the plan are timed from here, or wait for what happens
    /// from here on.
    pub(super) fn schedule_faults(&mut self) {
        for (at, event) in self.plan.events.iter().enumerate() {
            match event.begin().expect("the plan was looked at when the World was made") {
                Begin::At(after_ns) => {
                    let begin = self.now.saturating_add(after_ns);
                    let end = begin.saturating_add(event.for_us.saturating_mul(1_000));
                    self.queue.push(begin, Event::FaultBegin { fault: at, cause: None });
                    self.queue.push(end, Event::FaultEnd(at));
                }
                Begin::After(trigger, after_ns) => self.triggers.arm(at, trigger, after_ns),
            }
        }
    }

    /// The cluster heals: what is in force ends, what was still to come does not.
    pub(super) fn end_all_faults(&mut self) {
        self.triggers.disarm();
        for fault in 0..self.faults.len() {
            if self.faults[fault].is_active {
                self.fault_ends(fault);
            }
            self.faults[fault].is_over = true;
        }
    }

    /// `cause` is the line of what it waited for, if it waited for something.
    pub(super) fn fault_begins(&mut self, fault: usize, cause: Option<u64>) {
        if self.faults[fault].is_over || self.faults[fault].is_active {
            return;
        }
        self.faults[fault].is_active = true;
        self.faults[fault].strikes = self.strikes(&self.faults[fault].act);
        let e = self.fault_line(fault, true, cause);
        match self.faults[fault].act.clone() {
            Act::Cut(cuts) => {
                for (src, dest) in cuts {
                    self.network.link(src, dest).cuts += 1;
                }
            }
            Act::Down { nodes, power } => {
                for node in nodes {
                    self.actors[node.index()].downs += 1;
                    let power = power && self.has_disk(node);
                    // The power may go while the process is down already: its disk forgets too.
                    let state = self.actors[node.index()].state;
                    if state == State::Up || (state == State::Down && power) {
                        self.kill(node, power, e);
                    }
                }
            }
        }
    }

    pub(super) fn fault_ends(&mut self, fault: usize) {
        if !self.faults[fault].is_active {
            return;
        }
        self.faults[fault].is_active = false;
        self.faults[fault].is_over = true;
        let e = self.fault_line(fault, false, None);
        match self.faults[fault].act.clone() {
            Act::Cut(cuts) => {
                for (src, dest) in cuts {
                    self.network.link(src, dest).cuts -= 1;
                }
            }
            Act::Down { nodes, .. } => {
                for node in nodes {
                    let actor = &mut self.actors[node.index()];
                    actor.downs -= 1;
                    if actor.downs == 0 && actor.state == State::Down {
                        actor.incarnation += 1;
                        self.start(node, Some(e));
                    }
                }
            }
        }
    }

    /// Whether an act strikes anybody now: a node that has ended by itself stays as it is.
    fn strikes(&self, act: &Act) -> bool {
        let has_ended = |node: &ActorId| self.actors[node.index()].state == State::Exited;
        let is_in_vain = matches!(act, Act::Down { nodes, .. } if nodes.iter().all(has_ended));
        act.strikes() && !is_in_vain
    }

    fn fault_line(&mut self, fault: usize, begins: bool, cause: Option<u64>) -> u64 {
        let e = self.journal.next();
        let event = &self.plan.events[fault];
        let mut line = Line::new(e, self.now, Kind::Fault, "nemesis");
        line.c = cause;
        line.id = Some(event.id);
        line.what_is_done = Some(if begins { "begin" } else { "end" }.into());
        line.what = Some(event.what.as_str().into());
        let words: Result<&RawValue, _> = serde_json::from_str(&self.faults[fault].words);
        line.targets = words.ok();
        line.index = Some(self.history_index);
        self.journal.line(&line);
        self.hash.fold(draw_key(event.id, DOMAIN_FAULT, u64::from(begins), self.now));
        let strikes = self.faults[fault].strikes;
        let what = RecordedWhat::Fault { event: fault, begins, strikes };
        self.history.push(Recorded { time_ns: self.now, what });
        self.history_index += 2;
        e
    }
}
