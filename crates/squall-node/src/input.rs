//! What can happen to a node.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::{ActorId, Bytes, DiskError, Duration, Node, Position, Refusal, Sender};

/// One input of a node.
pub enum Input<N: Node> {
    /// The first input of every life, after the first start and after every restart. What the
    /// disk holds is read here.
    Start,
    /// A message that is no answer to a call.
    Message {
        /// Whom to answer.
        from: Sender,
        /// What was said.
        body: N::Message,
    },
    /// A timer that was armed and neither replaced nor disarmed since.
    Timer(N::Timer),
    /// Everything written up to here is durable. Comes only to those who asked, by `send_early`
    /// or `tell_when_durable`.
    Synced(Position),
    /// The end of a `call`: exactly one for each, unless the node restarts first.
    Reply {
        /// What the node wanted to remember.
        pending: N::Pending,
        /// Who answered what, or why nobody did.
        outcome: Outcome<N::Message>,
    },
    /// The end of a `call_quorum`: exactly one for each, unless the node restarts first.
    Quorum {
        /// What the node wanted to remember.
        pending: N::Pending,
        /// Whether the quorum was reached, and all answers so far.
        outcome: QuorumOutcome<N::Message>,
    },
    /// A read of a blob finished, or the disk had an error that is not fatal.
    Disk(DiskEvent),
    /// The runtime has reason to believe that a peer is gone. A hint, never a proof.
    PeerGone {
        /// The peer.
        peer: ActorId,
        /// The reason.
        hint: PeerHint,
    },
    /// The node is asked to end: one last step, then a sync, then the end.
    Stop,
}

/// How a call ended.
pub type Outcome<M> = Result<(ActorId, M), CallError>;

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// No answer in time. The request may have taken effect.
    Timeout,
    /// The peer answered with an error; [`Refusal::is_definite`] tells whether the request
    /// certainly had no effect.
    Refused(Refusal),
    /// The peer answered with bytes that are no message of ours.
    Malformed(String),
}

/// How a quorum call ended, with the answers that came until then in the order of arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumOutcome<M> {
    /// The end.
    pub result: QuorumResult,
    /// Answers that count, the caller's own not among them.
    pub answers: Vec<(ActorId, M)>,
    /// Errors that peers answered with.
    pub refusals: Vec<(ActorId, Refusal)>,
}

/// The end of a quorum call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuorumResult {
    /// Enough members answered.
    Reached,
    /// So many members refused that enough can no longer be had.
    Impossible,
    /// Time ran out.
    TimedOut,
}

/// How many must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// This many of the peers asked; the caller counts if it is among them.
    Count(usize),
    /// More than half of these members.
    Majority(Vec<ActorId>),
    /// A majority of the old and a majority of the new members (Raft §6, joint consensus).
    Joint(Vec<ActorId>, Vec<ActorId>),
}

/// How long to wait, and how often to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long one attempt may take, from the step that makes it.
    pub timeout: Duration,
    /// How many more attempts follow the first; [`Policy::FOREVER`] for no end.
    pub retries: u32,
    /// The shortest pause before another attempt; it doubles from one to the next.
    pub backoff_min: Duration,
    /// The longest pause. The pause itself is drawn between half of it and the whole.
    pub backoff_max: Duration,
    /// Sends a second copy after so long without giving the first one up.
    pub hedge_after: Option<Duration>,
}

impl Policy {
    /// As a number of retries: until an answer comes.
    pub const FOREVER: u32 = u32::MAX;

    /// One attempt, no more.
    #[must_use]
    pub const fn once(timeout: Duration) -> Self {
        Self {
            timeout,
            retries: 0,
            backoff_min: Duration::ZERO,
            backoff_max: Duration::ZERO,
            hedge_after: None,
        }
    }

    /// Attempts without end, each of `timeout`, without a pause in between.
    #[must_use]
    pub const fn forever(timeout: Duration) -> Self {
        Self { retries: Self::FOREVER, ..Self::once(timeout) }
    }
}

/// What a disk tells without being asked in the same step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskEvent {
    /// A piece of a blob that was asked for.
    Chunk {
        /// The file.
        file: String,
        /// Where the piece begins.
        offset: u64,
        /// The piece; empty at the end of the blob.
        bytes: Bytes,
    },
    /// An error that the node can live with.
    Error {
        /// The file.
        file: String,
        /// What happened.
        error: DiskError,
    },
}

/// Why a peer is believed to be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerHint {
    /// Its connection was closed or reset.
    Disconnected,
    /// It refuses connections.
    Refused,
    /// It said so.
    Left,
}

impl<N: Node> Clone for Input<N>
where
    N::Message: Clone,
{
    fn clone(&self) -> Self {
        match self {
            Self::Start => Self::Start,
            Self::Message { from, body } => Self::Message { from: *from, body: body.clone() },
            Self::Timer(timer) => Self::Timer(*timer),
            Self::Synced(position) => Self::Synced(*position),
            Self::Reply { pending, outcome } => {
                Self::Reply { pending: pending.clone(), outcome: outcome.clone() }
            }
            Self::Quorum { pending, outcome } => {
                Self::Quorum { pending: pending.clone(), outcome: outcome.clone() }
            }
            Self::Disk(event) => Self::Disk(event.clone()),
            Self::PeerGone { peer, hint } => Self::PeerGone { peer: *peer, hint: *hint },
            Self::Stop => Self::Stop,
        }
    }
}

impl<N: Node> fmt::Debug for Input<N>
where
    N::Message: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("Start"),
            Self::Message { from, body } => write!(f, "Message from {:?} {body:?}", from.actor),
            Self::Timer(timer) => write!(f, "Timer {timer:?}"),
            Self::Synced(position) => write!(f, "Synced {}", position.0),
            Self::Reply { pending, outcome } => write!(f, "Reply {pending:?} {outcome:?}"),
            Self::Quorum { pending, outcome } => write!(f, "Quorum {pending:?} {outcome:?}"),
            Self::Disk(event) => write!(f, "Disk {event:?}"),
            Self::PeerGone { peer, hint } => write!(f, "PeerGone {peer:?} {hint:?}"),
            Self::Stop => f.write_str("Stop"),
        }
    }
}
