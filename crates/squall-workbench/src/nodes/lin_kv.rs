//! `lin-kv` by way of the service of that name: a node that keeps nothing itself.
//!
//! Every request is handed on once and never repeated: a write that is repeated after a time-out
//! could undo a later one. If no answer comes, nobody knows what happened, and the client is told
//! so.

use squall_node::{ActorId, CallError, Ctx, Duration, Input, Never, Node, Policy, Sender, code};

use super::kv::Message;
use super::no_args;

/// A node that hands every request to the service.
#[derive(Clone, Copy, Debug)]
pub struct Proxy {
    service: Option<ActorId>,
}

/// How slow the links are the node cannot know, so it waits longer than any client: an answer that
/// comes late is better than none. After this the service is thought to have gone.
const PATIENCE: Duration = Duration::from_secs(600);

impl Proxy {
    /// The node.
    ///
    /// # Errors
    /// If there are arguments.
    pub fn new(args: &[String]) -> Result<Self, String> {
        no_args(args).map(|()| Self { service: None })
    }
}

impl Node for Proxy {
    type Message = Message;
    type Timer = Never;
    type Pending = Sender;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        match input {
            Input::Start => self.service = ctx.actor("lin-kv"),
            // A client asks: the service will know.
            Input::Message { from, body } => match self.service {
                Some(service) => ctx.call(service, &body, Policy::once(PATIENCE), from),
                None => ctx.refuse(from, code::NODE_NOT_FOUND, "there is no lin-kv service"),
            },
            // The service has answered.
            Input::Reply { pending: client, outcome: Ok((_, answer)) } => {
                ctx.reply(client, &answer);
            }
            Input::Reply { pending: client, outcome: Err(error) } => match error {
                CallError::Refused(refusal) => ctx.refuse(client, refusal.code, refusal.text),
                CallError::Timeout => ctx.refuse(client, code::TIMEOUT, "no answer of the service"),
                CallError::Malformed(what) => ctx.refuse(client, code::CRASH, what),
            },
            Input::Timer(_)
            | Input::Synced(_)
            | Input::Quorum { .. }
            | Input::Disk(_)
            | Input::PeerGone { .. }
            | Input::Stop => {}
        }
    }
}
