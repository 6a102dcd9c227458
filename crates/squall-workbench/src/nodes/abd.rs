//! `abd`: a register on a majority of nodes (Attiya, Bar-Noy, Dolev, JACM 1995; with many
//! writers: Lynch and Shvartsman 1997).
//!
//! - *Write*: ask a majority for their tags, take a larger one, store value and tag at a
//!   majority.
//! - *Read*: ask a majority, take the value of the largest tag, store it at a majority (the
//!   *write-back*: without it a later read may miss what this one saw), answer.
//! - A replica keeps the largest tag it has seen and its value, durably before it says so.
//!
//! It has no compare-and-set: a register of this kind cannot have one without consensus.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use squall_node::{
    ActorId, Ctx, Duration, Form, Input, Need, Never, Node, Policy, QuorumOutcome, QuorumResult,
    Sender, View, Wire, WireError, code, quoted,
};

use super::{decode, kv};

/// How the node behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether a read stores what it is about to answer. Without it the register is broken.
    pub write_back: bool,
}

impl Options {
    /// Reads the arguments: `--no-write-back`.
    ///
    /// # Errors
    /// If there are others.
    pub fn parse(args: &[String]) -> Result<Self, String> {
        match args.iter().find(|arg| *arg != "--no-write-back") {
            None => Ok(Self { write_back: args.is_empty() }),
            Some(arg) => Err(format!("abd knows --no-write-back only, got {arg:?}")),
        }
    }
}

/// Orders the writes of one key: by counter, then by who wrote, in which life.
///
/// A node gives out every counter once per life, so no two writes have the same tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
pub struct Tag(pub u64, pub u32, pub u32);

/// What clients and replicas say. Keys and values are JSON texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A word of the workload.
    Kv(kv::Message),
    /// Which value do you have?
    Query {
        /// The key.
        key: String,
    },
    /// This one; `null` with the smallest tag if none was ever stored.
    Held {
        /// Its tag.
        tag: Tag,
        /// The value.
        value: String,
    },
    /// Keep this one if it is newer than yours.
    Store {
        /// The key.
        key: String,
        /// Its tag.
        tag: Tag,
        /// The value.
        value: String,
    },
    /// It is stored, or something newer is.
    Stored,
}

#[derive(Deserialize)]
struct Fields<'b> {
    #[serde(borrow, default)]
    key: Option<Cow<'b, str>>,
    #[serde(default)]
    tag: Tag,
    #[serde(borrow, default)]
    value: Option<Cow<'b, str>>,
}

impl Wire for Message {
    fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Kv(message) => message.name(),
            Self::Query { .. } => "query".into(),
            Self::Held { .. } => "held".into(),
            Self::Store { .. } => "store".into(),
            Self::Stored => "stored".into(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let tag = |Tag(counter, node, life): &Tag| format!("[{counter},{node},{life}]");
        let body = match self {
            Self::Kv(message) => return message.encode(out),
            Self::Query { key } => format!("{{\"type\":\"query\",\"key\":{}}}", quoted(key)),
            Self::Held { tag: t, value } => {
                format!("{{\"type\":\"held\",\"tag\":{},\"value\":{}}}", tag(t), quoted(value))
            }
            Self::Store { key, tag: t, value } => format!(
                "{{\"type\":\"store\",\"key\":{},\"tag\":{},\"value\":{}}}",
                quoted(key),
                tag(t),
                quoted(value)
            ),
            Self::Stored => "{\"type\":\"stored\"}".to_owned(),
        };
        out.extend_from_slice(body.as_bytes());
    }

    fn decode(name: &str, form: Form, body: &[u8]) -> Result<Self, WireError> {
        let text = |field: Option<Cow<'_, str>>, name: &str| match field {
            Some(text) => Ok(text.into_owned()),
            None => Err(WireError::Malformed(format!("{name} is missing"))),
        };
        Ok(match name {
            "query" => Self::Query { key: text(decode::<Fields<'_>>(body)?.key, "key")? },
            "held" => {
                let Fields { tag, value, .. } = decode(body)?;
                Self::Held { tag, value: text(value, "value")? }
            }
            "store" => {
                let Fields { key, tag, value } = decode(body)?;
                Self::Store { key: text(key, "key")?, tag, value: text(value, "value")? }
            }
            "stored" => Self::Stored,
            _ => Self::Kv(kv::Message::decode(name, form, body)?),
        })
    }
}

/// What a replica holds, with what its disk holds.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    values: BTreeMap<String, (Tag, String)>,
    /// The largest counter that this life has given out.
    issued: u64,
}

/// The log of a replica: one record for each store, `term` being unused.
pub const LOG: &str = "stores";

impl Replica {
    /// Takes in a record of the log.
    pub fn load(&mut self, payload: &[u8]) {
        if let Ok(Message::Store { key, tag, value }) =
            Message::decode("store", Form::Json, payload)
        {
            self.keep(key, tag, value);
        }
    }

    /// The value of a key, with its tag.
    #[must_use]
    pub fn held(&self, key: &str) -> Message {
        let held = self.values.get(key).cloned();
        let (tag, value) = held.unwrap_or_else(|| (Tag::default(), "null".to_owned()));
        Message::Held { tag, value }
    }

    /// Whether this tag is newer than what is held.
    #[must_use]
    pub fn is_news(&self, key: &str, tag: Tag) -> bool {
        self.values.get(key).is_none_or(|(held, _)| *held < tag)
    }

    /// Keeps a value if it is newer.
    pub fn keep(&mut self, key: String, tag: Tag, value: String) {
        if self.is_news(&key, tag) {
            self.values.insert(key, (tag, value));
        }
    }

    /// The largest tag and its value among the answers and what this node holds itself.
    #[must_use]
    pub fn latest(&self, key: &str, answers: &[(ActorId, Message)]) -> (Tag, String) {
        let held = |message: &Message| match message {
            Message::Held { tag, value } => Some((*tag, value.clone())),
            _ => None,
        };
        let answers = answers.iter().filter_map(|(_, answer)| held(answer));
        answers.chain(held(&self.held(key))).max().unwrap_or_default()
    }

    /// Whether the answers are not all of this tag: a write is under way, or has stopped half way.
    #[must_use]
    pub fn is_half_done(tag: Tag, answers: &[(ActorId, Message)]) -> bool {
        answers
            .iter()
            .any(|(_, answer)| matches!(answer, Message::Held { tag: t, .. } if *t != tag))
    }

    /// How many keys have a value here.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.values.len()
    }

    /// A tag above this one that no other write has.
    pub fn next_tag(&mut self, latest: Tag, me: ActorId, life: u32) -> Tag {
        self.issued = self.issued.max(latest.0) + 1;
        Tag(self.issued, me.0, life)
    }
}

/// The node in handler style.
#[derive(Clone, Debug)]
pub struct Abd {
    options: Options,
    replica: Replica,
}

/// A request on its way through the two rounds.
#[derive(Clone, Debug)]
pub enum Round {
    /// A majority is asked what it holds.
    Asked(Sender, Job),
    /// A majority is told to store; then this is answered.
    Stored(Sender, kv::Message),
}

/// What the client wants.
#[derive(Clone, Debug)]
pub enum Job {
    /// The value of a key.
    Read(String),
    /// A key to have a value.
    Write(String, String),
}

/// The goal of all tests of reads: what is written back is not everywhere already.
pub const HALF_DONE: &str = "a read met a write that was not everywhere";

/// How long a round waits for an answer before it asks the silent ones again: four times in the
/// first second, which is how long clients of a fast network wait, then ever less often. How slow
/// the links are the node cannot know, and an answer that comes late counts: in all it waits for
/// minutes, longer than any client.
pub const POLICY: Policy = Policy {
    timeout: Duration::from_millis(250),
    retries: 20,
    backoff_min: Duration::from_millis(10),
    backoff_max: Duration::from_secs(60),
    hedge_after: None,
};

impl Abd {
    /// The node.
    ///
    /// # Errors
    /// If there are unknown arguments.
    pub fn new(args: &[String]) -> Result<Self, String> {
        let options = Options::parse(args)?;
        Ok(Self { options, replica: Replica::default() })
    }

    fn ask(ctx: &mut Ctx<'_, Self>, message: &Message, round: Round) {
        let members = ctx.members().to_vec();
        ctx.call_quorum(&members, message, Need::Majority(members.clone()), POLICY, round);
    }

    /// Stores what is newer, durably before anybody is told.
    fn store(&mut self, ctx: &mut Ctx<'_, Self>, message: &Message) -> bool {
        let Message::Store { key, tag, value } = message else { return false };
        if !self.replica.is_news(key, *tag) {
            return true;
        }
        let mut record = Vec::new();
        message.encode(&mut record);
        let is_written = ctx.disk().append(LOG, 0, 0, &record).is_ok();
        if is_written {
            self.replica.keep(key.clone(), *tag, value.clone());
        }
        is_written
    }

    fn message(&mut self, ctx: &mut Ctx<'_, Self>, from: Sender, body: Message) {
        match body {
            // A client asks: first see what a majority holds.
            Message::Kv(kv::Message::Read { key }) => {
                let query = Message::Query { key: key.clone() };
                Self::ask(ctx, &query, Round::Asked(from, Job::Read(key)));
            }
            Message::Kv(kv::Message::Write { key, value }) => {
                let query = Message::Query { key: key.clone() };
                Self::ask(ctx, &query, Round::Asked(from, Job::Write(key, value)));
            }
            Message::Kv(_) => {
                ctx.refuse(from, code::NOT_SUPPORTED, "this register can read and write only");
            }
            // Another node asks what this replica holds.
            Message::Query { key } => ctx.reply(from, &self.replica.held(&key)),
            // Another node wants a value to be kept.
            Message::Store { .. } => {
                if self.store(ctx, &body) {
                    ctx.reply(from, &Message::Stored);
                } else {
                    ctx.refuse(from, code::TEMPORARILY_UNAVAILABLE, "the disk is full");
                }
            }
            Message::Held { .. } | Message::Stored => {}
        }
    }

    fn round(&mut self, ctx: &mut Ctx<'_, Self>, round: Round, end: QuorumOutcome<Message>) {
        let (Round::Asked(client, _) | Round::Stored(client, _)) = round;
        if end.result != QuorumResult::Reached {
            ctx.refuse(client, code::TIMEOUT, "no majority answered");
            return;
        }
        match round {
            // A majority has told what it holds.
            Round::Asked(client, Job::Read(key)) => {
                let (tag, value) = self.replica.latest(&key, &end.answers);
                let answer = kv::Message::ReadOk { value: value.clone() };
                ctx.sometimes(Replica::is_half_done(tag, &end.answers), HALF_DONE);
                if tag == Tag::default() || !self.options.write_back {
                    ctx.reply(client, &Message::Kv(answer));
                    return;
                }
                self.spread(ctx, Message::Store { key, tag, value }, (client, answer));
            }
            Round::Asked(client, Job::Write(key, value)) => {
                let (latest, _) = self.replica.latest(&key, &end.answers);
                let tag = self.replica.next_tag(latest, ctx.me(), ctx.incarnation());
                let store = Message::Store { key, tag, value };
                self.spread(ctx, store, (client, kv::Message::WriteOk));
            }
            // A majority has stored it: no later read can miss it.
            Round::Stored(client, answer) => ctx.reply(client, &Message::Kv(answer)),
        }
    }

    fn spread(
        &mut self,
        ctx: &mut Ctx<'_, Self>,
        store: Message,
        (client, answer): (Sender, kv::Message),
    ) {
        if self.store(ctx, &store) {
            Self::ask(ctx, &store, Round::Stored(client, answer));
        } else {
            ctx.refuse(client, code::TEMPORARILY_UNAVAILABLE, "the disk is full");
        }
    }
}

impl Node for Abd {
    type Message = Message;
    type Timer = Never;
    type Pending = Round;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        match input {
            // A life begins: what was stored is still held.
            Input::Start => {
                let replica = &mut self.replica;
                let read = ctx.disk().read_all(LOG, |record| replica.load(record.payload));
                ctx.always(read.is_ok(), "the log of stores can be read");
            }
            Input::Message { from, body } => self.message(ctx, from, body),
            Input::Quorum { pending, outcome } => self.round(ctx, pending, outcome),
            Input::Timer(_)
            | Input::Synced(_)
            | Input::Reply { .. }
            | Input::Disk(_)
            | Input::PeerGone { .. }
            | Input::Stop => {}
        }
    }

    fn view(&self, out: &mut View) {
        out.set("keys", self.replica.keys());
    }
}
