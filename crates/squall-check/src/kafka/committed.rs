//! Committed offsets: what was committed is not forgotten.
//!
//! Of a key and a group let *c* be the highest offset whose commit had succeeded before a listing
//! began. A listing of that key with a lower offset, or without one, is a regression; unless an
//! offset as low as the listed one was committed by an operation that did not fail, and did not end
//! before that of *c* began: it may have come later, and a client may go back.

use std::collections::{BTreeMap, BTreeSet};

use squall_history::{Kind, Operation, Value};

/// A listing that is too low.
pub(super) struct Regression<'h> {
    pub key: &'h Value,
    pub committed: u64,
    /// `None`: the listing has no offset for the key.
    pub listed: Option<u64>,
    pub commit: Operation<'h>,
    pub listing: Operation<'h>,
}

/// A commit of one key.
#[derive(Clone, Copy)]
struct Commit<'h> {
    offset: u64,
    op: &'h Operation<'h>,
}

impl Commit<'_> {
    fn end(&self) -> usize {
        self.op.end.filter(|_| self.op.outcome() == Kind::Ok).unwrap_or(usize::MAX)
    }
}

/// The commits of a key and group.
#[derive(Default)]
struct Commits<'h> {
    /// In order of their ends, each with the highest of those up to it.
    highest: Vec<Commit<'h>>,
    ends: Vec<usize>,
    /// The lowest of the commits from each place on.
    lowest: Vec<u64>,
}

/// Finds them all. The group is the field `group` of an event; events without it are of one group.
pub(super) fn regressions<'h>(operations: &'h [Operation<'h>]) -> Vec<Regression<'h>> {
    let mut by_key: BTreeMap<(Option<&Value>, &Value), Vec<Commit<'h>>> = BTreeMap::new();
    for op in operations.iter().filter(|op| op.f() == "commit_offsets") {
        if op.outcome() != Kind::Fail {
            for (key, offset) in op.value().as_pairs().unwrap_or_default() {
                let offset = offset.as_int().and_then(|offset| u64::try_from(offset).ok());
                let Some(offset) = offset else { continue };
                by_key.entry((group(op), key)).or_default().push(Commit { offset, op });
            }
        }
    }
    let by_key: BTreeMap<_, _> =
        by_key.into_iter().map(|(key, commits)| (key, Commits::of(commits))).collect();
    let mut found = Vec::new();
    for listing in operations.iter().filter(|op| op.f() == "list_committed_offsets") {
        if listing.outcome() != Kind::Ok {
            continue;
        }
        let asked = listing.invocation.value.as_list().unwrap_or_default();
        let answered = listing.value().as_pairs().unwrap_or_default();
        let answered: BTreeMap<&Value, &Value> = answered.into_iter().collect();
        let keys: BTreeSet<&Value> = asked.iter().chain(answered.keys().copied()).collect();
        for key in keys {
            let Some(commits) = by_key.get(&(group(listing), key)) else { continue };
            let listed = answered.get(key).copied().and_then(Value::as_int);
            let listed = listed.and_then(|listed| u64::try_from(listed).ok());
            found.extend(commits.above(listed, listing).map(|commit| Regression {
                key,
                committed: commit.offset,
                listed,
                commit: *commit.op,
                listing: *listing,
            }));
        }
    }
    found
}

impl<'h> Commits<'h> {
    fn of(mut all: Vec<Commit<'h>>) -> Self {
        all.sort_by_key(|commit| (commit.end(), commit.op.start));
        let mut commits = Self {
            ends: all.iter().map(Commit::end).collect(),
            lowest: all.iter().map(|commit| commit.offset).collect(),
            highest: all,
        };
        for at in 1..commits.highest.len() {
            let before = commits.highest[at - 1];
            // Of equal ones the later one leaves less room for what may have come after it.
            if before.offset > commits.highest[at].offset {
                commits.highest[at] = before;
            }
        }
        for at in (1..commits.lowest.len()).rev() {
            commits.lowest[at - 1] = commits.lowest[at - 1].min(commits.lowest[at]);
        }
        commits
    }

    /// The highest commit before a listing, if nothing excuses that it lists less.
    fn above(&self, listed: Option<u64>, listing: &Operation<'_>) -> Option<Commit<'h>> {
        let before = self.ends.partition_point(|&end| end < listing.start);
        let highest = *self.highest.get(before.checked_sub(1)?)?;
        let later = self.ends.partition_point(|&end| end < highest.op.start);
        let is_excused = listed.is_some_and(|listed| self.lowest[later] <= listed);
        (listed < Some(highest.offset) && !is_excused).then_some(highest)
    }
}

fn group<'h>(op: &'h Operation<'h>) -> Option<&'h Value> {
    op.invocation.other.iter().find(|(name, _)| name == "group").map(|(_, group)| group)
}
