//! What a task asks for while it is polled, carried out right after.

use alloc::string::String;
use alloc::vec::Vec;

use super::cx::StoredRecord;
use super::{Async, AsyncNode, OpId};
use crate::{
    ActorId, Ctx, DiskError, Duration, Effect, Need, Outcome, Policy, Position, QuorumOutcome,
    Sender, View,
};

/// A verb and its arguments.
pub(crate) enum Command<M> {
    Send(ActorId, M),
    SendEarly(ActorId, M),
    SendAfter(Position, ActorId, M),
    Reply(Sender, M),
    ReplyAfter(Position, Sender, M),
    Refuse(Sender, u64, String),
    Call { op: OpId, to: ActorId, message: M, policy: Policy },
    Quorum { op: OpId, peers: Vec<ActorId>, message: M, need: Need, policy: Policy },
    Sleep { op: OpId, after: Duration },
    Disk { op: OpId, command: DiskCommand },
    Note { name: &'static str, fields: View },
    Always { condition: bool, name: &'static str },
    Sometimes { condition: bool, name: &'static str },
    Reached { name: &'static str },
}

/// A verb of the disk.
pub(crate) enum DiskCommand {
    Put { cell: String, value: Vec<u8> },
    Get { cell: String },
    Append { log: String, term: u64, kind: u8, payload: Vec<u8> },
    ReadAll { log: String },
    TruncateFrom { log: String, index: u64 },
    Compact { log: String, index: u64 },
}

/// The end of an operation.
pub(crate) enum Done<M> {
    Slept,
    Reply(Outcome<M>),
    Quorum(QuorumOutcome<M>),
    Wrote(Result<Position, DiskError>),
    Value(Result<Option<Vec<u8>>, DiskError>),
    Index(Result<u64, DiskError>),
    Records(Result<Vec<StoredRecord>, DiskError>),
}

impl<M> Command<M> {
    /// Does it. Disk verbs are done at once and give their result.
    pub(crate) fn carry_out<A>(self, ctx: &mut Ctx<'_, Async<A>>) -> Option<(OpId, Done<M>)>
    where
        A: AsyncNode<Message = M>,
    {
        match self {
            Self::Send(to, message) => ctx.send(to, &message),
            Self::SendEarly(to, message) => ctx.send_early(to, &message),
            Self::SendAfter(position, to, message) => ctx.send_after(position, to, &message),
            Self::Reply(to, message) => ctx.reply(to, &message),
            Self::ReplyAfter(position, to, message) => ctx.reply_after(position, to, &message),
            Self::Refuse(to, code, text) => ctx.refuse(to, code, text),
            Self::Call { op, to, message, policy } => ctx.call(to, &message, policy, op),
            Self::Quorum { op, peers, message, need, policy } => {
                ctx.call_quorum(&peers, &message, need, policy, op);
            }
            Self::Sleep { op, after } => ctx.arm(after, op),
            Self::Disk { op, command } => return Some((op, command.carry_out(ctx))),
            Self::Always { condition, name } => ctx.always(condition, name),
            Self::Sometimes { condition, name } => ctx.sometimes(condition, name),
            Self::Reached { name } => ctx.reached(name),
            Self::Note { name, fields } => ctx.fx.list.push(Effect::Note { name, fields }),
        }
        None
    }
}

impl DiskCommand {
    fn carry_out<A: AsyncNode>(self, ctx: &mut Ctx<'_, Async<A>>) -> Done<A::Message> {
        let mut disk = ctx.disk();
        match self {
            Self::Put { cell, value } => Done::Wrote(disk.put(&cell, &value)),
            Self::Get { cell } => Done::Value(disk.get(&cell)),
            Self::Append { log, term, kind, payload } => {
                Done::Index(disk.append(&log, term, kind, &payload))
            }
            Self::TruncateFrom { log, index } => Done::Wrote(disk.truncate_from(&log, index)),
            Self::Compact { log, index } => Done::Wrote(disk.compact(&log, index)),
            Self::ReadAll { log } => {
                let mut records = Vec::new();
                let read = disk.read_all(&log, |record| {
                    records.push(StoredRecord {
                        index: record.index,
                        term: record.term,
                        kind: record.kind,
                        payload: record.payload.to_vec(),
                    });
                });
                Done::Records(read.map(|()| records))
            }
        }
    }
}
