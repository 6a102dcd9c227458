//! Who is who: dense ids inside, names at the edges.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// An actor of a run: a node, a service, a client. Dense from 0, so that tables can be plain
/// vectors. Its name (`n0`, `c3`, `lin-kv`) appears only on wires and in the trace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ActorId(pub u32);

impl ActorId {
    /// The id as an index into a table that has a row for every actor.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

/// Number of an event of the run: the `e` of its line in the trace, which people quote as `#41`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventNo(pub u64);

/// Where an event descends from, as the key of every draw about it.
///
/// Two runs that differ in one cause draw the same for everything that does not descend from
/// that cause; this is what makes schedules shrink.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lineage(pub u64);

impl Lineage {
    /// The lineage of a child that is told from its siblings by `tag`.
    #[must_use]
    pub const fn child(self, tag: u64) -> Self {
        Self(crate::mix(self.0.wrapping_add(crate::mix(tag ^ 0x6c69_6e65_6167_6531))))
    }
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Who sent a message, and the id to answer if it was a request. Plain data: it may be kept and
/// answered later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    /// The actor to answer.
    pub actor: ActorId,
    /// `msg_id` of the request; `None` for a message that expects no answer.
    pub msg_id: Option<u64>,
}

/// The names of a run and their ids, as one node knows them.
///
/// - Ids are given in order of insertion and never change.
/// - A name belongs to one id.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    names: Vec<Arc<str>>,
    ids: BTreeMap<Arc<str>, ActorId>,
}

impl Roster {
    /// An empty roster.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of `name`, which is added if it is new.
    pub fn add(&mut self, name: &str) -> ActorId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = ActorId(u32::try_from(self.names.len()).expect("fewer than 2^32 names"));
        let name: Arc<str> = Arc::from(name);
        self.names.push(Arc::clone(&name));
        self.ids.insert(name, id);
        id
    }

    /// The id of `name`, if it is known.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<ActorId> {
        self.ids.get(name).copied()
    }

    /// The name of `id`, if it is known.
    #[must_use]
    pub fn name(&self, id: ActorId) -> Option<&str> {
        self.names.get(id.index()).map(AsRef::as_ref)
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}
