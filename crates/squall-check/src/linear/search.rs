//! The search: take any operation that may come next, go on, step back where nothing can come next.
//!
//! Entries are the invocations and completions of the operations that must have happened, in the
//! order of the history, in a doubly linked list. To linearize an operation is to unlink its two
//! entries. What may come next: every invocation before the first completion. That completion
//! belongs to the **blocking** operation of a configuration: no order goes past it without
//! linearizing it.
//!
//! What keeps it short, beside the memory of [`super::memo`]:
//!
//! 1. An observer that is legal now is linearized now, without a way back: that changes no state
//!    and only makes room.
//! 2. A step that replaces a value which is still to be observed, and which nobody can produce
//!    again, is not taken.
//! 3. First comes the operation with the earliest deadline: its own completion, or that of an
//!    operation which cannot come before somebody sets the value that this one sets. Unknown
//!    operations have only the latter, and are tried only if somebody still expects what they set.
//! 4. Of several candidates with one effect only the one that ends first is tried.

use super::memo::{Key, Memo, OutOfMemory};
use super::model::Model;
use super::prepare::Prepared;

/// Configurations kept for the explanation.
const CONFIGS_MAX: usize = 10;
/// Last steps kept of the way to each of them.
const PATH_STEPS_MAX: usize = 1000;
/// The entry before the first and after the last.
const HEAD: u32 = 0;

/// What may be spent, and how.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub steps_max: u64,
    pub memo_bytes_max: usize,
    /// Rule 2. Without it a search takes longer, but goes as far as it can before it gives up an
    /// order.
    pub looks_ahead: bool,
}

/// The result of a search.
pub(super) enum Answer {
    Linearizable,
    NotLinearizable(Deadlock),
    Exhausted(Spent),
}

/// Where all orders end.
pub(super) struct Deadlock {
    /// The operation that none gets past: of all blocking ones that with the last completion.
    /// Number in `closed`.
    pub blocking: usize,
    /// Configurations in which it blocks, in the order they were found.
    pub configs: Vec<Config>,
}

/// A configuration out of which nothing leads.
pub(super) struct Config {
    pub state: u32,
    /// Operations under way that were not linearized. Numbers in `closed`.
    pub pending: Vec<usize>,
    /// The last steps that led to it, each with the state after it.
    pub path: Vec<(Taken, u32)>,
}

/// An operation that was linearized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Number in `closed`.
    Closed(usize),
    /// Number in `open`.
    Open(usize),
}

/// How far a search got that was given up.
pub(super) struct Spent {
    pub is_memory: bool,
    pub configurations: u64,
    /// The most operations that were under way at once, unknown ones left out.
    pub concurrency: u64,
    /// The furthest that any order got, if one had to be given up.
    pub deepest: Option<Deadlock>,
}

/// A candidate, and what is needed to take a step back.
#[derive(Clone, Copy)]
struct Step {
    taken: Candidate,
    state_before: u32,
    hi_before: u32,
    used_before: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Candidate {
    Closed(u32),
    Class(u32),
}

/// A configuration on the way, with the candidates still to be tried.
struct Frame {
    /// Length of the trail before the step that led here.
    trail_before: usize,
    candidates_start: usize,
    next: usize,
    /// Entry of the completion that blocks.
    blocking: u32,
}

/// What was found at a configuration.
enum Arrival {
    /// Everything is linearized.
    Complete,
    /// Somebody was here before.
    Known,
    /// To be explored; this completion blocks.
    New(u32),
}

/// A search over one prepared part.
pub(super) struct Search<'p, 'h, M: Model> {
    model: &'p mut M,
    prepared: &'p Prepared<'h, M::Action>,
    steps_max: u64,
    memo_bytes_max: usize,
    looks_ahead: bool,
    steps: u64,

    /// By entry: the operation, and whether it is its completion.
    entries: Vec<(u32, bool)>,
    next: Vec<u32>,
    prev: Vec<u32>,
    /// By operation: entries of its invocation and its completion.
    entries_of: Vec<(u32, u32)>,
    /// By operation: a number that no operation open at the same time has.
    slots: Vec<u32>,
    slots_count: usize,
    /// Scratch of `pending_slots`; empty if one word is enough.
    words: Vec<u64>,

    state: u32,
    hi: u32,
    /// How many of each class were used, and the interned form of that list.
    used: Vec<u64>,
    used_id: u32,

    /// By value: operations left that must meet it, unknown ones left that could, and operations
    /// left that set it.
    must_expect: Vec<u32>,
    may_expect: Vec<u32>,
    producers: Vec<u32>,

    /// By value: scratch of `find_candidates`, all `u32::MAX` outside of it.
    deadlines: Vec<u32>,

    /// More scratch of `find_candidates`, empty outside of it.
    legal: Vec<(M::Action, u32, u32)>,
    wanted: Vec<u32>,
    found: Vec<(u32, u32, Candidate)>,

    trail: Vec<Step>,
    frames: Vec<Frame>,
    candidates: Vec<Candidate>,
    memo: Memo,

    deepest: u32,
    configs: Vec<Config>,
}

impl<'p, 'h, M: Model> Search<'p, 'h, M> {
    pub(super) fn of(
        model: &'p mut M,
        prepared: &'p Prepared<'h, M::Action>,
        limits: &Limits,
    ) -> Self {
        let state = model.initial();
        let mut search = Self {
            model,
            prepared,
            steps_max: limits.steps_max,
            memo_bytes_max: limits.memo_bytes_max,
            looks_ahead: limits.looks_ahead,
            steps: 0,
            entries: vec![(0, false)],
            next: Vec::new(),
            prev: Vec::new(),
            entries_of: vec![(0, 0); prepared.closed.len()],
            slots: vec![0; prepared.closed.len()],
            slots_count: 0,
            words: Vec::new(),
            state,
            hi: HEAD,
            used: vec![0; prepared.classes.len()],
            used_id: 0,
            must_expect: vec![0; prepared.values_count],
            may_expect: vec![0; prepared.values_count],
            producers: vec![0; prepared.values_count],
            deadlines: vec![u32::MAX; prepared.values_count],
            legal: Vec::new(),
            wanted: Vec::new(),
            found: Vec::new(),
            trail: Vec::new(),
            frames: Vec::new(),
            candidates: Vec::new(),
            memo: Memo::new(limits.memo_bytes_max),
            deepest: HEAD,
            configs: Vec::new(),
        };
        search.lay_out_entries();
        search.count_values();
        search
    }

    fn lay_out_entries(&mut self) {
        let closed = &self.prepared.closed;
        let mut events: Vec<(usize, u32, bool)> = Vec::with_capacity(2 * closed.len());
        for (number, op) in (0_u32..).zip(closed) {
            events.push((op.start, number, false));
            events.push((op.end.expect("closed operations have an end"), number, true));
        }
        events.sort_unstable();
        let mut free: std::collections::BTreeSet<u32> = std::collections::BTreeSet::new();
        let mut slots_count = 0;
        for (entry, &(_, number, is_completion)) in (1_u32..).zip(&events) {
            self.entries.push((number, is_completion));
            let op = number as usize;
            if is_completion {
                self.entries_of[op].1 = entry;
                free.insert(self.slots[op]);
            } else {
                self.entries_of[op].0 = entry;
                self.slots[op] = free.pop_first().unwrap_or_else(|| {
                    slots_count += 1;
                    slots_count - 1
                });
            }
        }
        self.slots_count = slots_count as usize;
        if self.slots_count > 64 {
            self.words = vec![0; self.slots_count.div_ceil(64)];
        }
        let count = u32::try_from(self.entries.len()).expect("fewer than 2^32 entries");
        self.next = (1..=count).map(|entry| entry % count).collect();
        self.prev = (0..count).map(|entry| (entry + count - 1) % count).collect();
    }

    fn count_values(&mut self) {
        for op in &self.prepared.closed {
            if let Some(value) = self.model.expects(op.action) {
                self.must_expect[value as usize] += 1;
            }
        }
        for op in &self.prepared.open {
            if let Some(value) = self.model.expects(op.action) {
                self.may_expect[value as usize] += 1;
            }
        }
        for op in self.prepared.closed.iter().chain(&self.prepared.open) {
            if let Some(value) = self.model.produces(op.action) {
                self.producers[value as usize] += 1;
            }
        }
    }

    /// Searches until it knows or its budget is used up.
    pub(super) fn run(&mut self) -> Answer {
        let found = self.explore();
        let (blocking, _) = self.entries[self.deepest as usize];
        let configs = std::mem::take(&mut self.configs);
        let deadlock = Deadlock { blocking: blocking as usize, configs };
        match found {
            Ok(true) => Answer::Linearizable,
            Ok(false) => Answer::NotLinearizable(deadlock),
            Err(GivenUp { is_memory }) => Answer::Exhausted(Spent {
                is_memory,
                configurations: self.memo.count() as u64,
                concurrency: self.slots_count as u64,
                deepest: (self.deepest != HEAD).then_some(deadlock),
            }),
        }
    }

    /// Whether there is an order.
    fn explore(&mut self) -> Result<bool, GivenUp> {
        self.used_id = self.memo.intern(&self.used)?;
        let mut trail_before = 0;
        loop {
            match self.arrive()? {
                Arrival::Complete => return Ok(true),
                Arrival::Known => self.undo_to(trail_before),
                Arrival::New(blocking) => {
                    let candidates_start = self.candidates.len();
                    self.find_candidates(blocking);
                    let next = candidates_start;
                    self.frames.push(Frame { trail_before, candidates_start, next, blocking });
                }
            }
            // Take the next candidate of the last configuration that has one.
            loop {
                let Some(frame) = self.frames.last_mut() else { return Ok(false) };
                if let Some(&candidate) = self.candidates.get(frame.next) {
                    frame.next += 1;
                    trail_before = self.trail.len();
                    let state_before = self.state;
                    self.take(candidate)?;
                    if !self.is_dead(state_before) {
                        break;
                    }
                    self.undo_to(trail_before);
                } else {
                    let (candidates_start, before) = (frame.candidates_start, frame.trail_before);
                    let blocking = frame.blocking;
                    self.remember(blocking);
                    self.candidates.truncate(candidates_start);
                    self.frames.pop();
                    self.undo_to(before);
                }
            }
        }
    }

    /// Linearizes the observers that are legal, and looks the configuration up.
    fn arrive(&mut self) -> Result<Arrival, GivenUp> {
        self.steps += 1;
        if self.steps > self.steps_max {
            return Err(GivenUp { is_memory: false });
        }
        if self.memo.size() + self.model.size() > self.memo_bytes_max {
            return Err(GivenUp { is_memory: true });
        }
        let mut entry = self.next[HEAD as usize];
        while entry != HEAD {
            let (op, is_completion) = self.entries[entry as usize];
            if is_completion {
                break;
            }
            let action = self.prepared.closed[op as usize].action;
            let after = self.next[entry as usize];
            if self.model.is_observer(action) && self.model.step(action, self.state).is_some() {
                self.take(Candidate::Closed(op))?;
                // If this was the last entry before its own completion, go on behind that.
                entry = if self.entries[after as usize] == (op, true) && after != HEAD {
                    self.next[after as usize]
                } else {
                    after
                };
            } else {
                entry = after;
            }
        }
        if entry == HEAD {
            return Ok(Arrival::Complete);
        }
        let pending = self.pending_slots()?;
        let key = Key { hi: self.hi, state: self.state, pending, used: self.used_id };
        Ok(if self.memo.insert(key)? { Arrival::New(entry) } else { Arrival::Known })
    }

    /// The slots of operations invoked up to `hi` and not linearized, as bits, or as the number of
    /// a list of them.
    fn pending_slots(&mut self) -> Result<u64, OutOfMemory> {
        let mut bits = 0_u64;
        let mut words = std::mem::take(&mut self.words);
        words.fill(0);
        let mut entry = self.next[HEAD as usize];
        while entry != HEAD && entry <= self.hi {
            let (op, is_completion) = self.entries[entry as usize];
            debug_assert!(!is_completion, "a completion before hi stops the search");
            let slot = self.slots[op as usize];
            match words.get_mut(slot as usize / 64) {
                Some(word) => *word |= 1 << (slot % 64),
                None => bits |= 1 << slot,
            }
            entry = self.next[entry as usize];
        }
        let list =
            if words.is_empty() { Ok(bits) } else { self.memo.intern(&words).map(u64::from) };
        self.words = words;
        list
    }

    /// Appends the operations that may come next, the most promising first.
    fn find_candidates(&mut self, blocking: u32) {
        let mut legal = std::mem::take(&mut self.legal);
        let mut wanted = std::mem::take(&mut self.wanted);
        let mut found = std::mem::take(&mut self.found);
        let mut entry = self.next[HEAD as usize];
        while entry != blocking {
            let (op, _) = self.entries[entry as usize];
            let action = self.prepared.closed[op as usize].action;
            let completion = self.entries_of[op as usize].1;
            if self.model.step(action, self.state).is_some() {
                legal.push((action, completion, op));
            } else if let Some(value) = self.model.expects(action) {
                let deadline = &mut self.deadlines[value as usize];
                *deadline = completion.min(*deadline);
                wanted.push(value);
            }
            entry = self.next[entry as usize];
        }
        legal.sort_unstable();
        legal.dedup_by_key(|(action, ..)| *action);
        for &(action, completion, op) in &legal {
            let deadline = completion.min(self.deadline_of(action));
            found.push((deadline, completion, Candidate::Closed(op)));
        }
        for number in 0..self.prepared.classes.len() {
            let action = self.prepared.classes[number].action;
            let has_closed_twin = || legal.iter().any(|&(twin, ..)| twin == action);
            if self.is_class_useful(number, blocking) && !has_closed_twin() {
                let class = u32::try_from(number).unwrap_or(u32::MAX);
                found.push((self.deadline_of(action), u32::MAX, Candidate::Class(class)));
            }
        }
        found.sort_unstable();
        self.candidates.extend(found.drain(..).map(|(.., candidate)| candidate));
        for value in wanted.drain(..) {
            self.deadlines[value as usize] = u32::MAX;
        }
        legal.clear();
        (self.legal, self.wanted, self.found) = (legal, wanted, found);
    }

    /// The earliest end of an operation that waits for what this one sets.
    fn deadline_of(&self, action: M::Action) -> u32 {
        let value = self.model.produces(action);
        value.map_or(u32::MAX, |value| self.deadlines[value as usize])
    }

    /// Whether the next member of a class may come now, changes the state, and sets what somebody
    /// can still meet.
    fn is_class_useful(&mut self, number: usize, blocking: u32) -> bool {
        let prepared = self.prepared;
        let class = &prepared.classes[number];
        let (op, _) = self.entries[blocking as usize];
        let end = self.prepared.closed[op as usize].end;
        let member = usize::try_from(self.used[number]).ok().and_then(|at| class.members.get(at));
        let is_enabled = member.is_some_and(|&(start, _)| Some(start) < end);
        let is_expected = !M::IS_REGISTER
            || self.prepared.has_negative_observers
            || self.model.produces(class.action).is_some_and(|value| {
                self.must_expect[value as usize] > 0 || self.may_expect[value as usize] > 0
            });
        is_enabled
            && is_expected
            && self.model.step(class.action, self.state).is_some_and(|after| after != self.state)
    }

    /// Whether the last step replaced a value that somebody must still meet and nobody can set
    /// again.
    fn is_dead(&self, state_before: u32) -> bool {
        let value = state_before as usize;
        M::IS_REGISTER
            && self.looks_ahead
            && self.state != state_before
            && self.producers[value] == 0
            && self.must_expect[value] > 0
    }

    /// Linearizes a candidate that is legal.
    fn take(&mut self, candidate: Candidate) -> Result<(), GivenUp> {
        self.trail.push(Step {
            taken: candidate,
            state_before: self.state,
            hi_before: self.hi,
            used_before: self.used_id,
        });
        let action = self.action_of(candidate);
        let after = self.model.step(action, self.state);
        self.state = after.expect("only legal operations are taken");
        self.count(candidate, action, u32::wrapping_sub);
        match candidate {
            Candidate::Closed(op) => {
                let (invocation, completion) = self.entries_of[op as usize];
                self.unlink(invocation);
                self.unlink(completion);
                self.hi = self.hi.max(invocation);
            }
            Candidate::Class(number) => {
                self.used[number as usize] += 1;
                self.used_id = self.memo.intern(&self.used)?;
            }
        }
        Ok(())
    }

    /// Steps back until the trail has this length.
    fn undo_to(&mut self, length: usize) {
        while self.trail.len() > length {
            let Some(step) = self.trail.pop() else { return };
            let action = self.action_of(step.taken);
            self.count(step.taken, action, u32::wrapping_add);
            match step.taken {
                Candidate::Closed(op) => {
                    let (invocation, completion) = self.entries_of[op as usize];
                    self.relink(completion);
                    self.relink(invocation);
                }
                Candidate::Class(number) => self.used[number as usize] -= 1,
            }
            self.state = step.state_before;
            self.hi = step.hi_before;
            self.used_id = step.used_before;
        }
    }

    fn action_of(&self, candidate: Candidate) -> M::Action {
        match candidate {
            Candidate::Closed(op) => self.prepared.closed[op as usize].action,
            Candidate::Class(number) => self.prepared.classes[number as usize].action,
        }
    }

    fn count(&mut self, candidate: Candidate, action: M::Action, change: fn(u32, u32) -> u32) {
        if let Some(value) = self.model.produces(action) {
            let count = &mut self.producers[value as usize];
            *count = change(*count, 1);
        }
        if let Some(value) = self.model.expects(action) {
            let counts = match candidate {
                Candidate::Closed(_) => &mut self.must_expect,
                Candidate::Class(_) => &mut self.may_expect,
            };
            counts[value as usize] = change(counts[value as usize], 1);
        }
    }

    fn unlink(&mut self, entry: u32) {
        let (before, after) = (self.prev[entry as usize], self.next[entry as usize]);
        self.next[before as usize] = after;
        self.prev[after as usize] = before;
    }

    fn relink(&mut self, entry: u32) {
        let (before, after) = (self.prev[entry as usize], self.next[entry as usize]);
        self.next[before as usize] = entry;
        self.prev[after as usize] = entry;
    }

    /// Keeps a configuration out of which nothing leads, if no order got further.
    fn remember(&mut self, blocking: u32) {
        if blocking > self.deepest {
            self.deepest = blocking;
            self.configs.clear();
        }
        if blocking < self.deepest || self.configs.len() >= CONFIGS_MAX {
            return;
        }
        let mut pending = Vec::new();
        let mut entry = self.next[HEAD as usize];
        while entry != blocking {
            pending.push(self.entries[entry as usize].0 as usize);
            entry = self.next[entry as usize];
        }
        self.configs.push(Config { state: self.state, pending, path: self.path() });
    }

    fn path(&self) -> Vec<(Taken, u32)> {
        let first = self.trail.len().saturating_sub(PATH_STEPS_MAX);
        let mut used = self.used.clone();
        let mut after = self.state;
        let mut path = Vec::with_capacity(self.trail.len() - first);
        for step in self.trail[first..].iter().rev() {
            let taken = match step.taken {
                Candidate::Closed(op) => Taken::Closed(op as usize),
                Candidate::Class(number) => {
                    let number = number as usize;
                    used[number] -= 1;
                    let member = usize::try_from(used[number]).unwrap_or(0);
                    Taken::Open(self.prepared.classes[number].members[member].1)
                }
            };
            path.push((taken, after));
            after = step.state_before;
        }
        path.reverse();
        path
    }
}

/// The budget is used up.
struct GivenUp {
    is_memory: bool,
}

impl From<OutOfMemory> for GivenUp {
    fn from(_: OutOfMemory) -> Self {
        Self { is_memory: true }
    }
}
