//! Events and histories: what the clients of a run saw, in one total order.

use std::borrow::Cow;

use crate::value::Value;

/// The name of a function, node or field.
pub type Name = Cow<'static, str>;

/// A name from a text; the usual ones are not allocated.
#[must_use]
pub fn name(text: &str) -> Name {
    const USUAL: &[&str] = &[
        "read",
        "write",
        "cas",
        "broadcast",
        "generate",
        "echo",
        "add",
        "txn",
        "send",
        "poll",
        "n0",
        "n1",
        "n2",
        "n3",
        "n4",
        "n5",
        "n6",
        "n7",
        "n8",
        "n9",
    ];
    match USUAL.iter().find(|usual| **usual == text) {
        Some(usual) => Cow::Borrowed(usual),
        None => Cow::Owned(text.to_owned()),
    }
}

/// What an event says about its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A client started it: it takes effect, if ever, after this event.
    Invoke,
    /// It succeeded: it took effect once, between invocation and completion, and its result is
    /// true.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// Unknown: it takes effect at most once, at any moment after the invocation, or never.
    Info,
}

impl Kind {
    /// The word in every format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }

    /// The kind of a word, if it is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Invoke, Self::Ok, Self::Fail, Self::Info].into_iter().find(|k| k.as_str() == word)
    }
}

/// Who did it: one sequential client, or the source of faults.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Process {
    /// A client with a number; the usual case.
    Client(i64),
    /// A client with a name.
    Named(Name),
    /// `nemesis`, or a name that begins so: kept for the story, no client.
    Nemesis(Name),
    /// The one client of a history that names none.
    Missing,
}

impl Process {
    /// The nemesis of a run.
    pub const NEMESIS: Self = Self::Nemesis(Cow::Borrowed("nemesis"));

    /// Whether its operations are judged.
    #[must_use]
    pub fn is_client(&self) -> bool {
        !matches!(self, Self::Nemesis(_))
    }

    /// The process that a name stands for.
    #[must_use]
    pub fn of_name(text: &str) -> Self {
        if text.starts_with("nemesis") {
            Self::Nemesis(if text == "nemesis" { "nemesis".into() } else { text.to_owned().into() })
        } else {
            Self::Named(name(text))
        }
    }

    /// The process that a field of a history stands for; `None` if it can't be one.
    #[must_use]
    pub fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Nil => Some(Self::Missing),
            Value::Int(int) => Some(Self::Client(*int)),
            value => value.as_text().map(Self::of_name),
        }
    }

    /// The process as a field: an integer, a string, for the nemesis a keyword, or nil.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Client(int) => Value::Int(*int),
            Self::Named(name) => Value::str(&**name),
            Self::Nemesis(name) => Value::keyword(&**name),
            Self::Missing => Value::Nil,
        }
    }
}

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name: the place in the history unless the source says otherwise. The order is the order
    /// of the list.
    pub index: u64,
    /// Nanoseconds since the start of the run; 0 where the source has no times. Never used as an
    /// order.
    pub time: u64,
    /// Invocation, or which completion.
    pub kind: Kind,
    /// Who.
    pub process: Process,
    /// The function: `read`, `cas`, …
    pub f: Name,
    /// The argument; in an `ok` event the argument with the result.
    pub value: Value,
    /// Why it failed, or why nothing is known.
    pub error: Option<Value>,
    /// What the client itself stumbled over.
    pub exception: Option<Value>,
    /// Whether it belongs to the final phase of a run.
    pub is_final: bool,
    /// The node that was asked.
    pub node: Option<Name>,
    /// Fields of the source that have no place above.
    pub other: Vec<(Name, Value)>,
}

impl Event {
    /// An event with only the fields that every event has. Index and time are 0; [`History::push`]
    /// sets the index.
    #[must_use]
    pub fn new(kind: Kind, process: Process, f: impl Into<Name>, value: Value) -> Self {
        Self {
            index: 0,
            time: 0,
            kind,
            process,
            f: f.into(),
            value,
            error: None,
            exception: None,
            is_final: false,
            node: None,
            other: Vec::new(),
        }
    }

    /// The event as an EDN map with the keys of Jepsen: `{:index 0, :time 12, :type :ok, :process
    /// 0, :f :read, …}`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut pairs = vec![
            ("index", Value::uint(self.index)),
            ("time", Value::uint(self.time)),
            ("type", Value::keyword(self.kind.as_str())),
            ("process", self.process.to_value()),
            ("f", Value::keyword(&*self.f)),
            ("value", self.value.clone()),
        ];
        if let Some(error) = &self.error {
            pairs.push(("error", named_error(error)));
        }
        if let Some(exception) = &self.exception {
            pairs.push(("exception", exception.clone()));
        }
        if self.is_final {
            pairs.push(("final?", Value::Bool(true)));
        }
        Value::record(pairs)
    }

    /// The event in one phrase, at most 120 characters: `write 3`. A long value is cut in the
    /// middle.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.f.to_string();
        if !self.value.is_nil() || self.kind == Kind::Ok {
            text.push(' ');
            self.value.write_edn(&mut text);
        }
        shorten(text)
    }
}

/// The name of an error as a keyword, as Maelstrom writes it: `:net-timeout`, `[:abort "text"]`.
#[must_use]
pub fn named_error(error: &Value) -> Value {
    match error {
        Value::Str(text) => Value::Keyword(text.clone()),
        Value::List(items) => match items.split_first() {
            Some((Value::Str(name), rest)) => {
                Value::list([Value::Keyword(name.clone())].into_iter().chain(rest.iter().cloned()))
            }
            _ => error.clone(),
        },
        _ => error.clone(),
    }
}

fn shorten(text: String) -> String {
    const CHARS_MAX: usize = 120;
    let count = text.chars().count();
    if count <= CHARS_MAX {
        return text;
    }
    let mark = format!("…({count})…");
    let side = (CHARS_MAX - mark.chars().count()) / 2;
    let head = text.chars().take(side);
    let tail = text.chars().skip(count - side);
    head.chain(mark.chars()).chain(tail).collect()
}

/// What is known about a run as a whole. Every field may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Name of the workload.
    pub workload: Option<Name>,
    /// Number of the run.
    pub run: Option<u64>,
    /// Number of workers.
    pub concurrency: Option<u64>,
    /// Names of the nodes.
    pub nodes: Vec<Name>,
}

/// A list of events in one total order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// About the run.
    pub header: Header,
    /// The events; their order in the list is the order of the history.
    pub events: Vec<Event>,
}

impl History {
    /// A history of these events, with indices from 0.
    #[must_use]
    pub fn new(events: impl IntoIterator<Item = Event>) -> Self {
        let mut history = Self::default();
        for event in events {
            history.push(event);
        }
        history
    }

    /// Appends an event and gives it its place as index. Returns the index.
    pub fn push(&mut self, mut event: Event) -> u64 {
        event.index = self.events.len() as u64;
        self.events.push(event);
        self.events.len() as u64 - 1
    }
}
