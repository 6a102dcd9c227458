//! The arithmetic of quorums, without messages.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::{ActorId, Need};

/// Counts who said yes and who said no against a [`Need`].
///
/// - A member counts once, with its first word.
/// - Only members of the need count; with [`Need::Count`] everybody who answers does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    need: Need,
    asked: usize,
    yes: BTreeSet<ActorId>,
    no: BTreeSet<ActorId>,
}

impl Quorum {
    /// Nobody has answered yet. `asked` is how many could, which [`Need::Count`] must know to
    /// tell when its number can no longer be had.
    #[must_use]
    pub fn new(mut need: Need, asked: usize) -> Self {
        let distinct = |members: &mut Vec<ActorId>| {
            members.sort_unstable();
            members.dedup();
        };
        match &mut need {
            Need::Count(_) => {}
            Need::Majority(members) => distinct(members),
            Need::Joint(old, new) => {
                distinct(old);
                distinct(new);
            }
        }
        Self { need, asked, yes: BTreeSet::new(), no: BTreeSet::new() }
    }

    /// This member agrees.
    pub fn yes(&mut self, member: ActorId) {
        if !self.no.contains(&member) {
            self.yes.insert(member);
        }
    }

    /// This member refuses.
    pub fn no(&mut self, member: ActorId) {
        if !self.yes.contains(&member) {
            self.no.insert(member);
        }
    }

    /// Whether this member has answered.
    #[must_use]
    pub fn has_heard(&self, member: ActorId) -> bool {
        self.yes.contains(&member) || self.no.contains(&member)
    }

    /// Whether enough agree.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        match &self.need {
            Need::Count(n) => self.yes.len() >= *n,
            Need::Majority(members) => count(members, &self.yes) > members.len() / 2,
            Need::Joint(old, new) => {
                [old, new].iter().all(|members| count(members, &self.yes) > members.len() / 2)
            }
        }
    }

    /// Whether so many refuse that enough can no longer agree.
    #[must_use]
    pub fn is_impossible(&self) -> bool {
        let out_of_reach =
            |members: &Vec<ActorId>| members.len() - count(members, &self.no) <= members.len() / 2;
        match &self.need {
            Need::Count(n) => self.asked.saturating_sub(self.no.len()) < *n,
            Need::Majority(members) => out_of_reach(members),
            Need::Joint(old, new) => out_of_reach(old) || out_of_reach(new),
        }
    }
}

fn count(members: &[ActorId], heard: &BTreeSet<ActorId>) -> usize {
    members.iter().filter(|member| heard.contains(member)).count()
}

impl Need {
    /// Whether this actor is a member. With [`Need::Count`] that is for the list of peers to say.
    #[must_use]
    pub fn has_member(&self, actor: ActorId) -> bool {
        match self {
            Self::Count(_) => false,
            Self::Majority(members) => members.contains(&actor),
            Self::Joint(old, new) => old.contains(&actor) || new.contains(&actor),
        }
    }
}
