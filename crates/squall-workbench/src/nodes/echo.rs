//! `echo`: the smallest node there is.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use squall_node::{Ctx, Form, Input, Never, Node, Wire, WireError};

use super::{decode, no_args};

/// Sends back what it gets.
#[derive(Clone, Copy, Debug)]
pub struct Echo;

impl Echo {
    /// The node.
    ///
    /// # Errors
    /// If there are arguments.
    pub fn new(args: &[String]) -> Result<Self, String> {
        no_args(args).map(|()| Self)
    }
}

/// The words of the workload; what is echoed stays the text it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Please say this again.
    Echo(String),
    /// Here it is.
    EchoOk(String),
}

#[derive(Deserialize)]
struct Fields<'b> {
    #[serde(borrow)]
    echo: &'b RawValue,
}

impl Wire for Message {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Echo(_) => "echo",
            Self::EchoOk(_) => "echo_ok",
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let (Self::Echo(echo) | Self::EchoOk(echo)) = self;
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(self.name().as_bytes());
        out.extend_from_slice(b"\",\"echo\":");
        out.extend_from_slice(echo.as_bytes());
        out.push(b'}');
    }

    fn decode(name: &str, _form: Form, body: &[u8]) -> Result<Self, WireError> {
        let echo = || decode::<Fields<'_>>(body).map(|fields| fields.echo.get().to_owned());
        match name {
            "echo" => echo().map(Self::Echo),
            "echo_ok" => echo().map(Self::EchoOk),
            _ => Err(WireError::UnknownName),
        }
    }
}

impl Node for Echo {
    type Message = Message;
    type Timer = Never;
    type Pending = Never;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        // Somebody said something: it goes back as it came.
        if let Input::Message { from, body: Message::Echo(echo) } = input {
            ctx.reply(from, &Message::EchoOk(echo));
        }
    }
}
