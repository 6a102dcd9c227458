//! Where a node lives, as the engine sees it.
//!
//! A host takes an input and gives ordered outputs; it never calls back. One loop serves virtual
//! time and wall time, nodes inside this process and nodes that are processes of their own.
//! Nothing here assumes that a process speaks on stdin and stdout.

mod in_process;
mod process;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use squall_node::{
    ActorId, Bytes, Duration, Effects, Form, Lineage, Moment, Outgoing, Position, Token, View,
};

pub use self::in_process::{Factory, InProcess, is_in_node};
pub use self::process::{
    Births, Guard, LINE_BYTES_MAX, LOG_BYTES_MAX, Place, ProcessHost, ProcessSpec, Processes,
    Unstartable, WRITE_QUEUE_BYTES_MAX, guard_main,
};
use crate::Envelope;

/// A place where one or more actors live.
pub trait Host {
    /// Hands over one input.
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress;

    /// Gives what has come since; called only after [`Progress::Busy`].
    fn collect(&mut self, at: Moment, out: &mut Outputs) -> Progress {
        let _: (Moment, &mut Outputs) = (at, out);
        Progress::Quiescent
    }

    /// Hands on what was put together in steps. Called after [`Progress::Busy`], as soon as nothing
    /// else is due at the same moment.
    fn flush(&mut self) {}

    /// Begins, ends or suspends a life of an actor here.
    fn life(&mut self, at: Moment, actor: ActorId, change: Life, out: &mut Outputs) -> Progress;

    /// Whether what its actors keep lies on a disk of this World, which forgets what was not
    /// durable when power is lost. Elsewhere a kill is only a kill.
    fn has_disk(&self) -> bool {
        false
    }

    /// The sync that is under way ends, but its node is busy and hears of it later.
    fn end_sync(&mut self) {}

    /// The named values of its node as they are now, if it can be looked into. The node's own code
    /// tells them, and may fail.
    fn view(&mut self, out: &mut Outputs) -> View {
        let _: &mut Outputs = out;
        View::default()
    }

    /// A copy of everything; `None`: can be replayed, not cloned.
    fn fork(&self) -> Option<Box<dyn Host>>;
}

/// Whether a host may still say something before it is given the next input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It will not.
    Quiescent,
    /// It may; it rings the doorbell when it has.
    Busy,
}

/// What the engine hands over.
#[derive(Clone, Copy, Debug)]
pub enum HostInput<'a> {
    /// The run begins. Only the host of the clients is told.
    Begin,
    /// A message is delivered to `to`.
    Message {
        /// The receiver, one of this host's actors.
        to: ActorId,
        /// The message.
        envelope: &'a Envelope,
        /// The text of its name.
        name: &'a str,
        /// The name of its source: clients come and go, so no roster has them all.
        src: &'a str,
    },
    /// A timer of `actor` is due.
    Timer {
        /// Whose timer.
        actor: ActorId,
        /// What it handed over when it armed it.
        token: Token,
    },
    /// A sync of `actor` has ended well.
    Synced {
        /// Whose sync.
        actor: ActorId,
        /// The position that it had asked for.
        upto: Position,
    },
    /// A node has started again or gone down. Only the host of the clients is told.
    Notice {
        /// The node.
        node: ActorId,
        /// What happened to it.
        notice: Notice,
    },
}

/// What the host of the clients is told of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A new life has begun.
    Started,
    /// It went down by a fault.
    Killed,
    /// It ended without a fault.
    Exited,
}

/// A change of an actor's life. The keys are for what the host itself draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// A life begins.
    Start {
        /// Which one, from 0.
        incarnation: u32,
        /// Key of this life's draws.
        key: u64,
    },
    /// It ends at once. With a key, power is lost too: what was not synced may be gone. Only a
    /// host that has a disk gets one.
    Kill {
        /// Key of what the power loss draws.
        power: Option<u64>,
    },
    /// It is stopped in its tracks.
    Pause,
    /// It goes on.
    Resume,
    /// Its input is closed, to see whether it then says what it has kept back: a node that never
    /// flushes answers only now.
    CloseInput,
    /// The run is over.
    End,
}

/// Something a host says, at the moment of the step that it answers.
#[derive(Clone, Debug)]
pub enum Output {
    /// A message of an actor that the engine knows.
    Send {
        /// Who says it.
        from: ActorId,
        /// The message.
        message: Outgoing,
    },
    /// A message of a process, which names both ends itself.
    Spoken(Spoken),
    /// Hand a token back later.
    Arm {
        /// Whose timer.
        actor: ActorId,
        /// The token.
        token: Token,
        /// How long from now on the actor's clock.
        after: Duration,
        /// The key of draws about it.
        lineage: Lineage,
        /// Its name, if somebody observes.
        name: Option<String>,
    },
    /// A line that is no message, or something wrong with one.
    Line(Line),
    /// An actor has ended by itself.
    Exit {
        /// Which one.
        actor: ActorId,
        /// How, in words: `exit status 3`, `signal 9`.
        status: String,
    },
    /// A client's operation begins or ends.
    Op(Op),
    /// A new client appears. Its id must be the next one that is free.
    Open {
        /// The id it will have.
        actor: ActorId,
        /// Its name.
        name: Arc<str>,
    },
    /// A client goes. What comes for it later goes nowhere.
    Close {
        /// Which one.
        actor: ActorId,
    },
    /// A phase of the run begins.
    Phase(Phase),
    /// A node that was started again has told the clients that it is back.
    Ready {
        /// The node.
        node: ActorId,
    },
    /// Close the input of a node that does not answer; see [`Life::CloseInput`].
    CloseInput {
        /// The node.
        node: ActorId,
    },
    /// The run is over.
    Done,
}

/// A message that a process printed.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// The process that printed it.
    pub by: ActorId,
    /// `src` of the line.
    pub src: String,
    /// `dest` of the line.
    pub dest: String,
    /// `type` of the body, or an empty text.
    pub name: String,
    /// `msg_id` of the body.
    pub msg_id: Option<u64>,
    /// `in_reply_to` of the body.
    pub in_reply_to: Option<u64>,
    /// The form of the body.
    pub form: Form,
    /// The body, byte for byte.
    pub body: Bytes,
    /// Number of the line on the node's stdout, from 1.
    pub line_no: u64,
}

/// A finding or a line of text at an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whose line.
    pub actor: ActorId,
    /// The text, as it was.
    pub text: String,
    /// What is wrong, if something is.
    pub finding: Option<Finding>,
}

/// What is wrong with a line, a message or a node, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `SQ01` … as `squall explain` knows them.
    pub code: &'static str,
    /// The node.
    pub node: String,
    /// Number of the line on the node's stdout, from 1.
    pub line_no: Option<u64>,
    /// Byte column in the line, from 1.
    pub column: Option<u64>,
    /// The line, shortened.
    pub raw: String,
    /// One sentence: what is wrong.
    pub what: String,
    /// One sentence: what to do.
    pub help: String,
}

/// Part of a client's operation.
#[derive(Clone, Debug)]
pub struct Op {
    /// The client that does it.
    pub actor: ActorId,
    /// Begin or end.
    pub stage: Stage,
    /// Process number of the history.
    pub process: i64,
    /// The function.
    pub f: Cow<'static, str>,
    /// The value, as JSON.
    pub value: Arc<str>,
    /// Why it failed or is unknown, as JSON.
    pub error: Option<Arc<str>>,
    /// Whether it belongs to the final phase.
    pub is_final: bool,
    /// The node that is asked.
    pub node: Option<ActorId>,
}

/// Begin or end of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It begins.
    Invoke,
    /// It succeeded.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// Unknown.
    Info,
}

/// The phases of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Operations and faults.
    Main,
    /// Faults end, nodes come back, the cluster gets time to recover.
    Heal,
    /// Last operations.
    Final,
}

impl Phase {
    /// Its name in the trace.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Heal => "heal",
            Self::Final => "final",
        }
    }
}

/// The outputs of a step, in order: first the effects of a node's driver, then the rest. The
/// buffers are reused.
#[derive(Debug, Default)]
pub struct Outputs {
    /// What a driver asked for, as it is: nothing is copied on the way to the engine.
    pub effects: Effects,
    /// Whose effects these are.
    pub from: ActorId,
    /// The key of draws about the step.
    pub lineage: Lineage,
    /// Everything else.
    pub list: Vec<Output>,
    /// Whether the input came too late to mean anything; the step then counts as not having
    /// happened.
    pub stale: bool,
}

impl Outputs {
    /// Whether somebody records: if not, texts that only people read are not made.
    #[must_use]
    pub const fn observing(&self) -> bool {
        self.effects.observing
    }

    pub(crate) fn clear(&mut self) {
        self.effects.clear();
        self.list.clear();
        self.stale = false;
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.node)?;
        if let Some(line) = self.line_no {
            write!(f, ", line {line} of its stdout")?;
        }
        write!(f, ": {}", self.what)
    }
}
