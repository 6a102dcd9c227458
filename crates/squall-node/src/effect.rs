//! What a step asks for. A closed set, so that every runtime, recorder and picture is one
//! interpreter of the same list.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{
    ActorId, Bytes, Duration, EventNo, Form, Instant, Lineage, Position, Token, View, WireError,
};

/// A message on its way out, with everything that the network needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Whom it is for.
    pub to: ActorId,
    /// Its own id, if it is a request.
    pub msg_id: Option<u64>,
    /// The id it answers.
    pub in_reply_to: Option<u64>,
    /// Its name.
    pub name: Cow<'static, str>,
    /// The form of the body.
    pub form: Form,
    /// The body as it will be on the wire, the ids included.
    pub body: Bytes,
    /// The event whose step said it.
    pub cause: EventNo,
    /// The key of every draw about it.
    pub lineage: Lineage,
    /// When it was said, if the release rule kept it for later.
    pub held_from: Option<Instant>,
}

/// Something a step asked for or told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Let this message leave now.
    Send(Outgoing),
    /// Hand the token back after this long on the node's own clock.
    Arm {
        /// What to hand back.
        token: Token,
        /// How long from now.
        after: Duration,
        /// The key of every draw about it.
        lineage: Lineage,
        /// The name of the timer, if somebody observes.
        name: Option<String>,
    },
    /// Make all writes of the disk so far durable, then hand in [`crate::DriverInput::Synced`].
    Sync {
        /// The position that will then be durable.
        upto: Position,
        /// The key of every draw about it.
        lineage: Lineage,
    },
    /// The disk was written, if somebody observes.
    Wrote {
        /// The file.
        file: String,
        /// Bytes of the value or record.
        bytes: usize,
        /// The position of this write.
        position: Position,
    },
    /// A remark, for transcripts, timelines, coverage and logs. The fields are filled only if
    /// somebody observes.
    Note {
        /// Its name.
        name: &'static str,
        /// What it says.
        fields: View,
    },
    /// The node's named values that changed in this step, if somebody observes. What was shown
    /// before and is not any more is [`crate::Field::Gone`].
    View(View),
    /// An assertion or a goal was met or missed.
    Check {
        /// Which kind.
        check: Check,
        /// Its name.
        name: &'static str,
    },
    /// An answer came for a call that had ended, or for none.
    Late {
        /// Who answered.
        from: ActorId,
        /// What it answered to.
        in_reply_to: u64,
    },
    /// A message came that is none of the node's words.
    Undecodable {
        /// Who sent it.
        from: ActorId,
        /// Its name.
        name: String,
        /// What is wrong with it.
        error: WireError,
    },
    /// The node stops for good: a sync failed, and nothing held will ever leave.
    Halt {
        /// Why.
        reason: String,
    },
}

/// The kinds of check that a node makes about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// `always(false, …)`: a finding.
    Violated,
    /// `sometimes(false, …)`, the first time in a life: a goal that there is, not met yet.
    Named,
    /// `sometimes(true, …)`: a goal was met.
    Met,
    /// `reached(…)`: a place was passed.
    Reached,
}

/// The effects of a step, in the order of the calls. The buffer is reused from step to step.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// The effects.
    pub list: Vec<Effect>,
    /// What the step has read from its disk.
    pub reads: Reads,
    /// Whether somebody records: if not, texts that only people read are not made.
    pub observing: bool,
}

/// How much was read from a disk. A runtime whose disk is none charges the step with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Verbs that read.
    pub calls: u32,
    /// Bytes of the values and records that they gave.
    pub bytes: u64,
}

impl Effects {
    /// Forgets the effects of the step before.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
        self.reads = Reads::default();
    }
}
