//! A world outside in which everything is written down beforehand.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use squall_node::{
    Bounds, CallError, Ctx, Duration, Form, Input, Instant, Node, Policy, Sender, Wire, WireError,
};
use squall_stdio::{Options, Outside, serve_in};

/// One turn: what comes in, and how many milliseconds have passed.
pub(crate) enum Turn {
    Bytes(String),
    Pass(u64),
}

/// A scripted outside. It ends when the script does.
#[derive(Default)]
pub(crate) struct Script {
    turns: VecDeque<Turn>,
    now: Cell<u64>,
    /// What was said, one entry a turn.
    pub(crate) said: Vec<String>,
    pub(crate) remarks: Vec<String>,
    /// When the process wanted to be woken.
    pub(crate) waits: Vec<Option<u64>>,
}

impl Outside for Script {
    fn now(&self) -> Instant {
        Instant(self.now.get() * 1_000_000)
    }

    fn wall(&self) -> u64 {
        self.now.get()
    }

    fn wait(&mut self, until: Option<Instant>, into: &mut Vec<u8>) -> io::Result<bool> {
        self.waits.push(until.map(|it| it.0 / 1_000_000));
        match self.turns.pop_front() {
            Some(Turn::Bytes(text)) => into.extend_from_slice(text.as_bytes()),
            Some(Turn::Pass(ms)) => self.now.set(self.now.get() + ms),
            None => return Ok(false),
        }
        Ok(true)
    }

    fn say(&mut self, lines: &[u8]) -> io::Result<()> {
        self.said.push(String::from_utf8(lines.to_vec()).unwrap());
        Ok(())
    }

    fn remark(&mut self, line: &str) {
        self.remarks.push(line.to_owned());
    }
}

pub(crate) const INIT: &str = concat!(
    r#"{"src":"c0","dest":"n2","body":{"type":"init","node_id":"n2","#,
    r#""node_ids":["n1","n2","n3"],"msg_id":1}}"#
);

pub(crate) fn options() -> Options {
    Options { data: None, seed: 1, notes: true }
}

/// What a process says to these turns, after `init`.
pub(crate) fn run(options: &Options, turns: Vec<Turn>) -> Script {
    let mut script = Script { turns: turns.into(), ..Script::default() };
    serve_in(&mut script, || Parrot, options).unwrap();
    script
}

/// One turn for each line.
pub(crate) fn lines(lines: &[&str]) -> Vec<Turn> {
    lines.iter().map(|line| Turn::Bytes(format!("{line}\n"))).collect()
}

pub(crate) fn in_directory(directory: &std::path::Path) -> Options {
    Options { data: Some(PathBuf::from(directory)), ..options() }
}

/// A word, as text or as bytes.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    name: String,
    text: String,
    form: Form,
}

impl Word {
    fn json(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), text: text.into(), form: Form::Json }
    }
}

impl Wire for Word {
    fn name(&self) -> Cow<'static, str> {
        Cow::Owned(self.name.clone())
    }

    fn form(&self) -> Form {
        self.form
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self.form {
            Form::Binary => out.extend_from_slice(self.text.as_bytes()),
            Form::Json => {
                let body = serde_json::json!({ "type": self.name, "text": self.text });
                out.extend_from_slice(body.to_string().as_bytes());
            }
        }
    }

    fn decode(name: &str, form: Form, body: &[u8]) -> Result<Self, WireError> {
        if name.is_empty() || name == "squall" {
            return Err(WireError::UnknownName);
        }
        let text = match form {
            Form::Binary => String::from_utf8_lossy(body).into_owned(),
            Form::Json => {
                let body: serde_json::Value = serde_json::from_slice(body)
                    .map_err(|error| WireError::Malformed(error.to_string()))?;
                body["text"].as_str().unwrap_or_default().to_owned()
            }
        };
        Ok(Self { name: name.to_owned(), text, form })
    }
}

/// A node with one trick for each name.
pub(crate) struct Parrot;

impl Node for Parrot {
    type Message = Word;
    type Timer = u64;
    type Pending = Sender;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        match input {
            Input::Message { from, body } => self.hear(ctx, from, &body),
            Input::Timer(timer) => {
                let to = ctx.actor("n1").unwrap();
                ctx.send(to, &Word::json("rang", timer.to_string()));
            }
            Input::Reply { pending, outcome } => {
                let text = match outcome {
                    Ok((_, answer)) => answer.text,
                    Err(CallError::Refused(refusal)) => refusal.to_string(),
                    Err(other) => format!("{other:?}"),
                };
                ctx.reply(pending, &Word::json("asked", text));
            }
            Input::Stop => {
                if let Some(to) = ctx.actor("n1") {
                    ctx.send(to, &Word::json("bye", ""));
                }
            }
            _ => {}
        }
    }
}

impl Parrot {
    fn hear(&mut self, ctx: &mut Ctx<'_, Self>, from: Sender, body: &Word) {
        match &*body.name {
            "echo" => ctx.reply(from, &Word { name: "echoed".to_owned(), ..body.clone() }),
            "who" => {
                let names: Vec<_> = ctx.members().iter().map(|&it| ctx.name(it).unwrap()).collect();
                let me = ctx.name(ctx.me()).unwrap();
                let text = format!("{me} of {} life {}", names.join(","), ctx.incarnation());
                ctx.reply(from, &Word::json("i-am", text));
            }
            "ring" => {
                let after: u64 = body.text.parse().unwrap();
                ctx.arm(Duration::from_millis(after), after);
            }
            "ask" => {
                let to = ctx.actor(&body.text).unwrap();
                let policy = Policy::once(Duration::from_millis(100));
                ctx.call(to, &Word::json("read", "x"), policy, from);
            }
            "keep" => {
                ctx.disk().append("log", 0, 0, body.text.as_bytes()).unwrap();
                ctx.note("kept", |view| view.set("text", body.text.as_str()));
                let Bounds { next, .. } = ctx.disk().bounds("log").unwrap();
                ctx.reply(from, &Word::json("kept", (next - 1).to_string()));
            }
            "draw" => ctx.reply(from, &Word::json("drawn", ctx.random().next_u64().to_string())),
            _ => {}
        }
    }
}
