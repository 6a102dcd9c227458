//! The way of a message: one hook at send, one at delivery.

use squall_history::trace::{Kind, Line, Role};
use squall_node::{ActorId, Form, Lineage, Outgoing, draw_key};
use xxhash_rust::xxh3::xxh3_64;

use super::{End, Event, Recorded, RecordedWhat, State, World};
use crate::edit::{Edit, Leaving};
use crate::envelope::{Symbol, Symbols};
use crate::host::{Finding, HostInput, Spoken};
use crate::journal::{ActorText, Sent};
use crate::link::Latency;
use crate::queue::Slot;
use crate::trigger::Happening;
use crate::{Envelope, host};

const DOMAIN_SPOKEN: u64 = 0x7370_6f6b_656e_0001;
/// So many delays of deliveries are kept.
const LATE_MAX: usize = 1 << 20;

/// How many messages a group of actors has exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that left their sender.
    pub send: u64,
    /// Messages that were handed to their receiver.
    pub recv: u64,
    /// Different messages.
    pub msg: u64,
}

/// Counts of a run: everything, what has a client at one end, and the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Net {
    /// All messages.
    pub all: Counts,
    /// Messages from or to a client.
    pub clients: Counts,
    /// Messages between servers, services among them.
    pub servers: Counts,
    /// Messages to nobody.
    pub undeliverable: u64,
}

/// The state of the network.
#[derive(Clone, Debug)]
pub(super) struct Network {
    seed: u64,
    latency: Latency,
    ids: u64,
    pub(super) symbols: Symbols,
    links: Vec<Vec<Link>>,
    /// Bytes of the bodies that are on their way.
    pub(super) body_bytes: usize,
    pub(super) net: Net,
    pub(super) late_ns: Vec<u64>,
    keeps_late: bool,
    /// Whom a message is for that is for no actor at all.
    nobody: ActorText,
    /// The line that is being posted, and the one whose message is being handed over. 0: none.
    posted_line: u32,
    pub(super) heard_line: u32,
}

/// What is known of a message at the moment it leaves, beside what its sender has said.
#[derive(Clone, Copy, Debug)]
struct Departure {
    id: u64,
    src: ActorId,
    name: Symbol,
    /// How many messages of this name the directed link has carried before.
    k: u64,
    /// The event whose step said it; `None`: a process spoke unasked. Never hashed.
    cause: Option<u64>,
}

/// One direction between two actors.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    carried: Vec<(Symbol, u64)>,
    in_flight: u32,
    pub(super) cuts: u32,
}

impl Network {
    pub(super) fn new(seed: u64, latency: Latency) -> Self {
        Self {
            seed,
            latency,
            ids: 0,
            symbols: Symbols::default(),
            links: Vec::new(),
            body_bytes: 0,
            net: Net::default(),
            late_ns: Vec::new(),
            keeps_late: false,
            nobody: ActorText::new("?"),
            posted_line: 0,
            heard_line: 0,
        }
    }

    #[inline(always)]
    pub(super) fn link(&mut self, src: ActorId, dest: ActorId) -> &mut Link {
        let (src, dest) = (src.index(), dest.index());
        if self.links.get(src).is_none_or(|links| links.len() <= dest) {
            self.grow(src, dest);
        }
        &mut self.links[src][dest]
    }

    #[cold]
    fn grow(&mut self, src: usize, dest: usize) {
        if self.links.len() <= src {
            self.links.resize_with(src + 1, Vec::new);
        }
        self.links[src].resize_with(dest + 1, Link::default);
    }

    /// Notes by how much a delivery was late. Virtual time is never late.
    #[inline(always)]
    pub(super) fn late(&mut self, excess_ns: u64) {
        self.keeps_late |= excess_ns > 0;
        if self.keeps_late && self.late_ns.len() < LATE_MAX {
            self.late_ns.push(excess_ns);
        }
    }

    fn count(&mut self, is_client: bool, of: impl Fn(&mut Counts)) {
        of(&mut self.net.all);
        of(if is_client { &mut self.net.clients } else { &mut self.net.servers });
    }
}

impl Link {
    /// How many messages of this name the link has carried before this one.
    fn carry(&mut self, name: Symbol) -> u64 {
        match self.carried.iter_mut().find(|(symbol, _)| *symbol == name) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.carried.push((name, 0));
                0
            }
        }
    }
}

impl World {
    /// A message leaves its sender, and its body goes with it.
    pub(super) fn post(&mut self, src: ActorId, message: &mut Outgoing, cause: Option<u64>) {
        let name = self.network.symbols.of(&message.name);
        let dest = message.to;
        let to = self.actors.get(dest.index());
        let is_client = self.is_client(src) || to.is_some_and(|to| to.role == Role::Client);
        // Nobody lives at the source of faults.
        let is_known = to.is_some_and(|to| self.home(to).is_some() && to.state != State::Gone);
        let id = self.network.ids;
        self.network.ids += 1;
        self.network.count(is_client, |counts| {
            counts.send += 1;
            counts.msg += 1;
        });
        let link_queue_max = self.bounds.link_queue_max;
        let link = self.network.link(src, dest);
        let k = link.carry(name);
        let is_full = is_known && link.in_flight >= link_queue_max;
        link.in_flight += u32::from(is_known && !is_full);
        let departure = Departure { id, src, name, k, cause };
        let ends = u64::from(dest.0) << 32 | u64::from(src.0);
        let (name_hash, body_hash) = (self.network.symbols.hash(name), xxh3_64(&message.body));
        self.hash.fold_all([ends, name_hash, body_hash]);
        let (delay, is_dropped) = self.hook_send(departure, message, is_client);
        let due = self.now.saturating_add(delay);
        let sent = self.journal.next();
        let fate = if is_known { is_dropped.then_some("drop") } else { Some("nowhere") };
        self.write_send(departure, message, (due, fate));
        if self.triggers.is_armed() {
            self.see_message(src, dest, name, sent, true);
        }
        if !is_known {
            self.network.net.undeliverable += 1;
        } else if is_dropped {
            self.network.link(src, dest).in_flight -= u32::from(!is_full);
        } else if is_full {
            self.lose((dest, id), sent, "queue");
        } else {
            self.network.body_bytes += message.body.len();
            let line_no = self.network.posted_line;
            self.queue.push_with(due, || Event::Deliver {
                envelope: Envelope {
                    id,
                    src,
                    dest,
                    lineage: message.lineage,
                    msg_id: message.msg_id,
                    in_reply_to: message.in_reply_to,
                    name,
                    form: message.form,
                    body: std::mem::take(&mut message.body),
                },
                sent,
                is_client,
                is_here: false,
                line_no,
            });
        }
    }

    /// Everything that happens to a message when it is sent: its delay, and whether it is lost.
    /// Loss, copies, delays and changes of a message by faults belong here and nowhere else.
    #[inline(always)]
    fn hook_send(
        &mut self,
        departure: Departure,
        message: &Outgoing,
        is_client: bool,
    ) -> (u64, bool) {
        let Network { latency, seed, .. } = &self.network;
        let delay = if is_client { 0 } else { latency.draw(*seed, message.lineage) };
        if self.plan.edits.is_empty() {
            (delay, false)
        } else {
            self.edited(departure, message.to, delay)
        }
    }

    /// What the edits of the plan say about a message.
    #[cold]
    fn edited(&mut self, departure: Departure, to: ActorId, mut delay: u64) -> (u64, bool) {
        let name = self.network.symbols.text(departure.name);
        let (from, to) = (self.name(departure.src), self.name(to));
        let leaving = Leaving { from, to, name, k: departure.k };
        let mut is_dropped = false;
        let (now, mut met) = (self.now, Vec::new());
        for (at, edit) in self.plan.edits.iter().enumerate() {
            if !edit.is_about(leaving) {
                continue;
            }
            let longer = match edit {
                Edit::Drop(_) => {
                    is_dropped = true;
                    0
                }
                Edit::Delay(longer) => longer.by_us.saturating_mul(1_000),
            };
            delay = delay.saturating_add(longer);
            met.push((at, now.saturating_add(longer)));
        }
        if !met.is_empty() {
            self.hash.fold_all([delay, u64::from(is_dropped), departure.id]);
        }
        for (at, until_ns) in met {
            self.edits_met[at] = true;
            let what = RecordedWhat::Edited { until_ns };
            self.history.push(Recorded { time_ns: now, what });
        }
        (delay, is_dropped)
    }

    /// A message leaves or arrives, and faults wait for messages.
    #[cold]
    fn see_message(&mut self, src: ActorId, dest: ActorId, name: Symbol, line: u64, leaves: bool) {
        let of = |id: ActorId| self.actors.get(id.index()).map_or("?", |actor| &*actor.name);
        let (name, from, to) = (self.network.symbols.text(name), of(src), of(dest));
        let happening = if leaves {
            Happening::Sent { name, from, to }
        } else {
            Happening::Received { name, from, to }
        };
        self.triggers.see(happening, line);
    }

    /// What keeps a message from being handed over when it falls due: a cut, or a receiver that
    /// is down. Messages to oneself are never cut.
    #[inline(always)]
    fn hook_delivery(&mut self, src: ActorId, dest: ActorId) -> Option<&'static str> {
        let link = self.network.link(src, dest);
        link.in_flight = link.in_flight.saturating_sub(1);
        if link.cuts > 0 && src != dest {
            return Some("cut");
        }
        self.is_missed(dest)
    }

    /// Whether there is nobody who could take what has arrived.
    #[inline(always)]
    fn is_missed(&self, dest: ActorId) -> Option<&'static str> {
        match self.actors[dest.index()].state {
            State::Up => None,
            State::Down | State::Exited | State::Gone => Some("down"),
        }
    }

    /// A message falls due. It is handed over where it lies, not copied. If its receiver is too
    /// busy to take it in, this says who that is.
    #[inline(always)]
    pub(super) fn deliver(&mut self, slot: &Slot, due: u64) -> Option<ActorId> {
        let Event::Deliver { envelope, sent, is_client, is_here, line_no } = self.queue.event(slot)
        else {
            return None;
        };
        let (src, dest, id, name) = (envelope.src, envelope.dest, envelope.id, envelope.name);
        let (sent, is_client, line_no, bytes) = (*sent, *is_client, *line_no, envelope.body.len());
        let lost = if *is_here { self.is_missed(dest) } else { self.hook_delivery(src, dest) };
        if lost.is_none() && self.actors[dest.index()].is_busy {
            if let Event::Deliver { is_here, .. } = self.queue.event_mut(slot) {
                *is_here = true;
            }
            return Some(dest);
        }
        self.network.body_bytes -= bytes;
        if let Some(why) = lost {
            self.lose((dest, id), sent, why);
            return None;
        }
        let host = self.host_of(dest)?;
        self.network.late(self.now.saturating_sub(due));
        self.network.count(is_client, |counts| counts.recv += 1);
        let e = self.journal.next();
        self.out.clear();
        let Event::Deliver { envelope, .. } = self.queue.event(slot) else { return None };
        let at = self.moment(e, envelope.lineage);
        let text = self.network.symbols.text(name);
        let from = &*self.actors[src.index()].name;
        let input = HostInput::Message { to: dest, envelope, name: text, src: from };
        let progress = self.hosts[host].step(at, input, &mut self.out);
        self.busy[host] = progress == host::Progress::Busy;
        if self.busy[host] && self.unflushed.last() != Some(&host) {
            self.unflushed.push(host);
        }
        if self.journal.is_on() {
            self.journal.received((e, self.now), &self.actors[dest.index()].text, sent);
        } else {
            self.journal.skip();
        }
        self.fold(3, dest, id);
        if self.triggers.is_armed() {
            self.see_message(src, dest, name, e, false);
        }
        self.network.heard_line = line_no;
        self.interpret(e);
        self.network.heard_line = 0;
        None
    }

    pub(super) fn lose(&mut self, (dest, id): (ActorId, u64), sent: u64, why: &'static str) {
        let e = self.journal.next();
        let mut line = Line::new(e, self.now, Kind::Lost, &self.actors[dest.index()].name);
        line.of = Some(sent);
        line.why = Some(why.into());
        self.journal.line(&line);
        self.fold(4, dest, id);
    }

    /// The end of the run: what is still on its way will never arrive.
    pub(super) fn lose_the_rest(&mut self) {
        if !self.journal.is_on() {
            return;
        }
        for id in 0..self.actors.len() {
            self.lose_inbox(ActorId(u32::try_from(id).expect("few actors")), "end");
        }
        while let Some((_, slot)) = self.queue.pop() {
            let Event::Deliver { envelope, sent, .. } = self.queue.event(&slot) else { continue };
            let e = self.journal.next();
            let mut line =
                Line::new(e, self.now, Kind::Lost, &self.actors[envelope.dest.index()].name);
            line.of = Some(*sent);
            line.why = Some("end".into());
            self.journal.line(&line);
        }
    }

    /// A process has printed a message, with names of its own for both ends.
    pub(super) fn spoken(&mut self, spoken: Spoken) {
        let Spoken { by, src, dest, name, msg_id, in_reply_to, form, body, line_no } = spoken;
        let finding = |node: &str, what: String, help: &str| Finding {
            code: "SQ04",
            node: node.to_owned(),
            line_no: Some(line_no),
            column: None,
            raw: raw_line(&src, &dest, &body),
            what,
            help: help.to_owned(),
        };
        let Some(&from) = self.names.get(src.as_str()) else {
            let what = format!("the message comes from {src:?}, which does not exist");
            let help = "set src to the node_id that init gave, or to the src of a message that is \
                        forwarded as it came";
            let finding = finding(self.name(by), what, help);
            self.network.net.undeliverable += 1;
            self.find(by, finding, None);
            return;
        };
        let to = self.names.get(dest.as_str()).copied();
        if to.is_none_or(|to| self.actors[to.index()].state == State::Gone) {
            self.network.net.undeliverable += 1;
            // A late answer to a client that has gone is nobody's mistake.
            if to.is_none() {
                let what = format!("the message is for {dest:?}, which does not exist");
                let near = self.nearest(&dest);
                let help = format!("known actors: {near}; a reply goes to the src of its request");
                let finding = finding(self.name(by), what, &help);
                self.find(by, finding, None);
            }
            return;
        }
        let Some(to) = to else { return };
        let is_served = matches!(self.actors[to.index()].role, Role::Client | Role::Service);
        if is_served && form == Form::Json && body.first() != Some(&b'{') {
            self.network.net.undeliverable += 1;
            let what = format!("the body of the message to {dest} is no object");
            let help = "a body is {\"type\":…,\"in_reply_to\":…} and what the workload adds";
            let finding = finding(self.name(by), what, help);
            self.find(by, finding, None);
            return;
        }
        let actor = &mut self.actors[by.index()];
        actor.spoken += 1;
        let lineage = draw_key(self.plan.seed, DOMAIN_SPOKEN, u64::from(by.0), actor.spoken);
        let mut message = Outgoing {
            to,
            msg_id,
            in_reply_to,
            name: name.into(),
            form,
            body,
            cause: squall_node::EventNo(0),
            lineage: Lineage(lineage),
            held_from: None,
        };
        // What was forwarded as it came is found at its source, whose line this is not.
        let is_own = by == from;
        self.network.posted_line = u32::try_from(line_no).ok().filter(|_| is_own).unwrap_or(0);
        self.post(from, &mut message, None);
        self.network.posted_line = 0;
    }

    fn nearest(&self, name: &str) -> String {
        let mut known: Vec<&str> = self
            .actors
            .iter()
            .filter(|actor| actor.state != State::Gone && actor.role != Role::Fault)
            .map(|actor| &*actor.name)
            .collect();
        let wanted = name.to_lowercase();
        known.sort_by_key(|known| (!wanted.contains(known), known.len().abs_diff(wanted.len())));
        known.truncate(5);
        known.join(", ")
    }

    /// Something is wrong at an actor: it is kept, and told in the trace. A node that does
    /// something wrong without end fills neither.
    pub(super) fn find(&mut self, actor: ActorId, finding: Finding, cause: Option<u64>) {
        if self.findings.len() >= FINDINGS_MAX {
            return;
        }
        let e = self.journal.next();
        let mut line = Line::new(e, self.now, Kind::Line, &self.actors[actor.index()].name);
        line.c = cause;
        line.code = Some(finding.code.into());
        line.text = Some(finding.what.as_str().into());
        self.journal.line(&line);
        self.findings.push((e, finding));
    }

    fn write_send(
        &mut self,
        departure: Departure,
        message: &Outgoing,
        (due, fate): (u64, Option<&'static str>),
    ) {
        if !self.journal.is_on() {
            self.journal.skip();
            return;
        }
        let dest = self.actors.get(message.to.index());
        self.journal.sent(&Sent {
            e: self.journal.next(),
            t: self.now,
            src: &self.actors[departure.src.index()].text,
            cause: departure.cause,
            dest: dest.map_or(&self.network.nobody, |actor| &actor.text),
            id: departure.id,
            link: departure.k,
            name: self.network.symbols.line(departure.name),
            msg_id: message.msg_id,
            re: message.in_reply_to,
            due: Some(due).filter(|_| fate.is_none()),
            fate,
            held_from: message.held_from.map(|at| at.0),
            body: (message.form, &message.body),
        });
    }

    pub(super) fn is_client(&self, id: ActorId) -> bool {
        self.actors.get(id.index()).is_some_and(|actor| actor.role == Role::Client)
    }

    /// Stops a run that can no longer be written down.
    pub(super) fn check_journal(&mut self) {
        if self.journal.has_failed() && self.end.is_none() {
            self.end = Some(End::Interrupted);
        }
    }
}

/// The line of a message as it probably was, shortened.
fn raw_line(src: &str, dest: &str, body: &[u8]) -> String {
    const SHOWN_BYTES_MAX: usize = 200;
    let body = String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES_MAX)]);
    format!("{{\"src\":{src:?},\"dest\":{dest:?},\"body\":{body}}}")
}

/// So many findings are kept; the first ones tell most.
const FINDINGS_MAX: usize = 10_000;
