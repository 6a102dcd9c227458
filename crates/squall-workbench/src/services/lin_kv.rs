//! The service `lin-kv`: one linearizable map.
//!
//! Keys and values are any JSON, compared by structure: the order of an object's keys does not
//! matter, and 1, 1.0 and "1" are three different things.

use std::collections::BTreeMap;

use squall_history::Value;
use squall_node::{Ctx, Input, Never, Node, Sender, View, code};

use crate::nodes::kv::Message;

/// One map in one place, which is linearizable by being one.
#[derive(Clone, Debug, Default)]
pub(super) struct LinKv {
    map: BTreeMap<Value, (Value, String)>,
}

impl LinKv {
    fn cas(&mut self, ctx: &mut Ctx<'_, Self>, client: Sender, cas: (Value, [String; 2], bool)) {
        let (key, [from, to], create) = cas;
        let (Ok(expected), Ok(value)) = (Value::from_json(&from), Value::from_json(&to)) else {
            ctx.refuse(client, code::MALFORMED_REQUEST, "from and to must be JSON");
            return;
        };
        match self.map.get(&key) {
            None if !create => {
                ctx.refuse(client, code::KEY_DOES_NOT_EXIST, "key does not exist");
                return;
            }
            Some((current, text)) if *current != expected => {
                let text = format!("current value {text} is not {from}");
                ctx.refuse(client, code::PRECONDITION_FAILED, text);
                return;
            }
            None | Some(_) => {}
        }
        self.map.insert(key, (value, to));
        ctx.reply(client, &Message::CasOk);
    }
}

impl Node for LinKv {
    type Message = Message;
    type Timer = Never;
    type Pending = Never;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        let Input::Message { from: client, body } = input else { return };
        let key = match &body {
            Message::Read { key } | Message::Write { key, .. } | Message::Cas { key, .. } => key,
            // Not a request: a service answers, and is never answered.
            Message::ReadOk { .. } | Message::WriteOk | Message::CasOk => return,
        };
        let Ok(key) = Value::from_json(key) else {
            ctx.refuse(client, code::MALFORMED_REQUEST, "the key must be JSON");
            return;
        };
        match body {
            Message::Read { .. } => match self.map.get(&key) {
                Some((_, text)) => ctx.reply(client, &Message::ReadOk { value: text.clone() }),
                None => ctx.refuse(client, code::KEY_DOES_NOT_EXIST, "key does not exist"),
            },
            Message::Write { value: text, .. } => match Value::from_json(&text) {
                Ok(value) => {
                    self.map.insert(key, (value, text));
                    ctx.reply(client, &Message::WriteOk);
                }
                Err(_) => ctx.refuse(client, code::MALFORMED_REQUEST, "the value must be JSON"),
            },
            Message::Cas { from, to, create, .. } => {
                self.cas(ctx, client, (key, [from, to], create));
            }
            Message::ReadOk { .. } | Message::WriteOk | Message::CasOk => {}
        }
    }

    fn view(&self, out: &mut View) {
        out.set("keys", self.map.len());
    }
}
