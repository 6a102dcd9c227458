//! `unique-ids`: ids without any coordination.
//!
//! An id is the node's name, the number of its life, and a counter. The runtime promises that no
//! two lives of a node have the same number, so nothing has to be stored, and every node can
//! always answer.

use std::borrow::Cow;

use squall_node::{Ctx, Form, Input, Never, Node, View, Wire, WireError, quoted};

use super::no_args;

/// Gives out ids.
#[derive(Clone, Debug)]
pub struct UniqueIds {
    given: u64,
}

impl UniqueIds {
    /// The node.
    ///
    /// # Errors
    /// If there are arguments.
    pub fn new(args: &[String]) -> Result<Self, String> {
        no_args(args).map(|()| Self { given: 0 })
    }
}

/// The words of the workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// An id, please.
    Generate,
    /// Here it is.
    GenerateOk(String),
}

impl Wire for Message {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Generate => "generate",
            Self::GenerateOk(_) => "generate_ok",
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Generate => out.extend_from_slice(b"{\"type\":\"generate\"}"),
            Self::GenerateOk(id) => {
                let text = format!("{{\"type\":\"generate_ok\",\"id\":{}}}", quoted(id));
                out.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn decode(name: &str, _form: Form, _body: &[u8]) -> Result<Self, WireError> {
        match name {
            "generate" => Ok(Self::Generate),
            _ => Err(WireError::UnknownName),
        }
    }
}

impl Node for UniqueIds {
    type Message = Message;
    type Timer = Never;
    type Pending = Never;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        // A client wants an id.
        if let Input::Message { from, body: Message::Generate } = input {
            self.given += 1;
            let me = ctx.name(ctx.me()).unwrap_or("?");
            let id = format!("{me}-{}-{}", ctx.incarnation(), self.given);
            ctx.reply(from, &Message::GenerateOk(id));
        }
    }

    fn view(&self, out: &mut View) {
        out.set("given", self.given);
    }
}
