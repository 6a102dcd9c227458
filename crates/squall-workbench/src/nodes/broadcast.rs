//! `broadcast`: a star, because two hops and few messages beat any mesh.
//!
//! - Every node keeps what it knows in a log, durably before it acknowledges it.
//! - Every node has an *outbox*: the values that it must bring to others, in order. A client's
//!   value goes into the outbox of its node; everything that is new to the *hub*, the first node
//!   of the cluster, goes into the outbox of the hub.
//! - A node pushes its outbox to the hub. The hub pushes its own to everybody, in batches.
//! - A push is acknowledged once it is durable. What is not acknowledged in time is pushed again,
//!   ever more slowly, as one batch.
//! - While the hub does not answer, a node pushes its outbox to everybody itself.
//! - After a restart the outbox is everything in the log: a former life may not have brought it
//!   home, and who has it already does not mind.
//!
//! The `topology` of the workload is acknowledged and not used.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Deserialize;
use squall_node::{
    ActorId, Ctx, Duration, Form, Input, Instant, Node, Outcome, Policy, Sender, View, Wire,
    WireError, code,
};

use super::{decode, no_args};

/// How long the hub gathers values before it pushes them. With 25 nodes a push costs 48 messages,
/// acknowledgements included; see the figures of the scorecard for what this buys.
const GATHER: Duration = Duration::from_millis(100);
/// How long a push may take before it counts as lost, at first.
const PATIENCE_MIN: Duration = Duration::from_millis(600);
/// The longest wait for one push.
const PATIENCE_MAX: Duration = Duration::from_secs(4);
/// So many values travel in one push; the rest follows with the next.
const PUSH_VALUES_MAX: usize = 20_000;
const LOG: &str = "values";

/// The node.
#[derive(Clone, Debug)]
pub struct Broadcast {
    known: BTreeSet<i64>,
    outbox: Vec<(i64, Option<ActorId>)>,
    hub: Option<ActorId>,
    peers: BTreeMap<ActorId, Peer>,
    is_gathering: bool,
}

/// How far a peer has got with the outbox.
///
/// - `acked <= sent <= outbox.len()`.
/// - What lies below `acked` is known to be durable there.
#[derive(Clone, Debug)]
struct Peer {
    acked: usize,
    sent: usize,
    open: u32,
    /// It has left a push unanswered: from now on one push at a time, from `acked` on.
    is_silent: bool,
    patience: Duration,
    /// Pushes that were acknowledged before earlier ones were.
    early: BTreeMap<usize, usize>,
}

/// What clients and nodes say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A client tells a value.
    Broadcast(i64),
    /// It is durable here.
    BroadcastOk,
    /// A client asks for all values.
    Read,
    /// Here they are.
    ReadOk(Vec<i64>),
    /// The workload tells who the neighbours are.
    Topology,
    /// It was heard.
    TopologyOk,
    /// A node tells another some values.
    Gossip(Vec<i64>),
    /// They are durable here.
    GossipOk,
}

/// A push on its way.
#[derive(Clone, Debug)]
pub struct Push {
    to: ActorId,
    from: usize,
    upto: usize,
    at: Instant,
}

/// The hub has gathered long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gathered;

impl Broadcast {
    /// The node.
    ///
    /// # Errors
    /// If there are arguments.
    pub fn new(args: &[String]) -> Result<Self, String> {
        no_args(args)?;
        Ok(Self {
            known: BTreeSet::new(),
            outbox: Vec::new(),
            hub: None,
            peers: BTreeMap::new(),
            is_gathering: false,
        })
    }

    fn start(&mut self, ctx: &mut Ctx<'_, Self>) {
        let known = &mut self.known;
        let read = ctx.disk().read_all(LOG, |record| known.extend(unpack(record.payload)));
        ctx.always(read.is_ok(), "the log of values can be read");
        self.hub = ctx.members().first().copied();
        self.outbox = self.known.iter().map(|&value| (value, None)).collect();
        let peer = Peer {
            acked: 0,
            sent: 0,
            open: 0,
            is_silent: false,
            patience: PATIENCE_MIN,
            early: BTreeMap::new(),
        };
        self.peers = ctx.peers().into_iter().map(|id| (id, peer.clone())).collect();
        self.push_soon(ctx);
    }

    /// Takes in what is new, durably; false if the disk is full.
    fn learn(&mut self, ctx: &mut Ctx<'_, Self>, values: &[i64], from: Option<ActorId>) -> bool {
        let news: Vec<i64> =
            values.iter().copied().filter(|value| !self.known.contains(value)).collect();
        if news.is_empty() {
            return true;
        }
        if ctx.disk().append(LOG, 0, 0, &pack(&news)).is_err() {
            return false;
        }
        self.known.extend(&news);
        // What a client told must be brought on, and what is news to the hub is news to most.
        if from.is_none() || self.hub == Some(ctx.me()) {
            self.outbox.extend(news.iter().map(|&value| (value, from)));
            self.push_soon(ctx);
        }
        true
    }

    /// Whoever pushes to many gathers first, so that one push carries many values.
    fn push_soon(&mut self, ctx: &mut Ctx<'_, Self>) {
        if !self.pushes_to_all(ctx) {
            self.push(ctx);
        } else if !self.is_gathering {
            self.is_gathering = true;
            ctx.arm(GATHER, Gathered);
        }
    }

    fn pushes_to_all(&self, ctx: &Ctx<'_, Self>) -> bool {
        let hub = self.hub.and_then(|hub| self.peers.get(&hub));
        self.hub == Some(ctx.me()) || hub.is_some_and(|hub| hub.is_silent)
    }

    /// Pushes to everybody who is to be pushed to and lacks something.
    fn push(&mut self, ctx: &mut Ctx<'_, Self>) {
        let to_all = self.pushes_to_all(ctx);
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            if to_all || self.hub == Some(peer) {
                self.push_to(ctx, peer);
            }
        }
    }

    fn push_to(&mut self, ctx: &mut Ctx<'_, Self>, to: ActorId) {
        let Some(peer) = self.peers.get_mut(&to) else { return };
        if peer.is_silent && peer.open > 0 {
            return;
        }
        let from = peer.sent;
        let upto = self.outbox.len().min(from + PUSH_VALUES_MAX);
        let batch = &self.outbox[from..upto];
        let values: Vec<i64> =
            batch.iter().filter(|(_, source)| *source != Some(to)).map(|(v, _)| *v).collect();
        peer.sent = upto;
        if values.is_empty() {
            // Nothing but what the peer said itself.
            peer.acknowledge(from, upto);
            return;
        }
        peer.open += 1;
        let push = Push { to, from, upto, at: ctx.now() };
        ctx.call(to, &Message::Gossip(values), Policy::once(peer.patience), push);
    }

    /// A push has ended.
    fn pushed(&mut self, ctx: &mut Ctx<'_, Self>, push: &Push, outcome: &Outcome<Message>) {
        let is_hub = self.hub == Some(push.to);
        let Some(peer) = self.peers.get_mut(&push.to) else { return };
        peer.open = peer.open.saturating_sub(1);
        if outcome.is_ok() {
            peer.acknowledge(push.from, push.upto);
            peer.is_silent = false;
            let round_trip = ctx.now().since(push.at);
            peer.patience = round_trip.times(4).clamp(PATIENCE_MIN, PATIENCE_MAX);
        } else {
            peer.fall_back();
            if is_hub {
                self.go_direct(ctx);
            }
        }
        if self.peers.get(&push.to).is_some_and(|peer| peer.sent < self.outbox.len()) {
            self.push_soon(ctx);
        }
    }

    /// The hub does not answer: what it has not acknowledged goes to everybody.
    fn go_direct(&mut self, ctx: &mut Ctx<'_, Self>) {
        ctx.reached("the hub was silent");
        let home = self.hub.and_then(|hub| self.peers.get(&hub)).map_or(0, |hub| hub.acked);
        for (_, peer) in self.peers.iter_mut().filter(|(id, _)| self.hub != Some(**id)) {
            peer.acked = peer.acked.max(home);
            peer.sent = peer.sent.max(home);
        }
        self.push_soon(ctx);
    }

    fn message(&mut self, ctx: &mut Ctx<'_, Self>, from: Sender, body: Message) {
        let full = "the disk is full";
        match body {
            // A client tells a value.
            Message::Broadcast(value) => {
                if self.learn(ctx, &[value], None) {
                    ctx.reply(from, &Message::BroadcastOk);
                } else {
                    ctx.refuse(from, code::TEMPORARILY_UNAVAILABLE, full);
                }
            }
            // A client asks. The answer waits until all of it is durable: what a client has
            // seen must not be forgotten.
            Message::Read => {
                let values = self.known.iter().copied().collect();
                ctx.reply(from, &Message::ReadOk(values));
            }
            Message::Topology => ctx.reply(from, &Message::TopologyOk),
            // A node tells values: a client's if this is the hub, everybody's if that is.
            Message::Gossip(values) => {
                if self.learn(ctx, &values, Some(from.actor)) {
                    ctx.reply(from, &Message::GossipOk);
                } else {
                    ctx.refuse(from, code::TEMPORARILY_UNAVAILABLE, full);
                }
            }
            Message::BroadcastOk | Message::ReadOk(_) | Message::TopologyOk | Message::GossipOk => {
            }
        }
    }
}

impl Peer {
    /// A part of the outbox is durable there.
    fn acknowledge(&mut self, from: usize, upto: usize) {
        self.early.insert(from, upto);
        while let Some((&from, &upto)) = self.early.first_key_value() {
            if from > self.acked {
                break;
            }
            self.early.pop_first();
            self.acked = self.acked.max(upto);
        }
        self.sent = self.sent.max(self.acked);
    }

    /// A push was not acknowledged: begin again behind what was.
    fn fall_back(&mut self) {
        self.is_silent = true;
        self.early.clear();
        self.sent = self.acked;
        self.patience = self.patience.times(2).min(PATIENCE_MAX);
    }
}

impl Node for Broadcast {
    type Message = Message;
    type Timer = Gathered;
    type Pending = Push;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        match input {
            Input::Start => self.start(ctx),
            Input::Message { from, body } => self.message(ctx, from, body),
            Input::Timer(Gathered) => {
                self.is_gathering = false;
                self.push(ctx);
            }
            Input::Reply { pending, outcome } => self.pushed(ctx, &pending, &outcome),
            Input::Synced(_)
            | Input::Quorum { .. }
            | Input::Disk(_)
            | Input::PeerGone { .. }
            | Input::Stop => {}
        }
    }

    fn view(&self, out: &mut View) {
        out.set("known", self.known.len());
        out.set("outbox", self.outbox.len());
        let digest = self.known.iter().fold(0_u64, |sum, &value| {
            sum.wrapping_add(squall_node::mix(value.cast_unsigned() ^ 1))
        });
        out.replicated("values", digest);
    }
}

/// Values as bytes: eight for each, the lowest first.
fn pack(values: &[i64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn unpack(bytes: &[u8]) -> impl Iterator<Item = i64> {
    bytes.as_chunks::<8>().0.iter().map(|chunk| i64::from_le_bytes(*chunk))
}

#[derive(Deserialize)]
struct Told {
    message: i64,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<i64>,
}

impl Wire for Message {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Broadcast(_) => "broadcast",
            Self::BroadcastOk => "broadcast_ok",
            Self::Read => "read",
            Self::ReadOk(_) => "read_ok",
            Self::Topology => "topology",
            Self::TopologyOk => "topology_ok",
            Self::Gossip(_) => "gossip",
            Self::GossipOk => "gossip_ok",
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let mut body = format!("{{\"type\":\"{}\"", self.name());
        match self {
            Self::Broadcast(value) => list(&mut body, "message", &[*value], false),
            Self::ReadOk(values) => list(&mut body, "messages", values, true),
            Self::Gossip(values) => list(&mut body, "values", values, true),
            _ => {}
        }
        body.push('}');
        out.extend_from_slice(body.as_bytes());
    }

    fn decode(name: &str, _form: Form, body: &[u8]) -> Result<Self, WireError> {
        Ok(match name {
            "broadcast" => Self::Broadcast(decode::<Told>(body)?.message),
            "read" => Self::Read,
            "topology" => Self::Topology,
            "gossip" => Self::Gossip(decode::<Values>(body)?.values),
            "gossip_ok" => Self::GossipOk,
            _ => return Err(WireError::UnknownName),
        })
    }
}

/// Appends a key and its numbers.
fn list(body: &mut String, key: &str, values: &[i64], is_list: bool) {
    let brackets = if is_list { ["[", "]"] } else { ["", ""] };
    body.push_str(&format!(",\"{key}\":{}", brackets[0]));
    for (at, value) in values.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(body, "{comma}{value}").expect("writing to a string cannot fail");
    }
    body.push_str(brackets[1]);
}
