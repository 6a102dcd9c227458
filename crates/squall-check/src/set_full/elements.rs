//! From operations to dense ids: the elements in order of their adds, and the reads as lists of
//! ids.

use squall_history::{Kind, Operation, PROBLEMS_MAX, Problem, Value};

use super::Options;
use crate::intern::Interner;

/// One element that some add may have put into the set.
pub(super) struct Element<'h> {
    /// The first add that did not fail.
    pub add: &'h Operation<'h>,
    /// The completion that first proves it, as the operation it belongs to.
    pub known: Option<&'h Operation<'h>>,
    /// Place of that completion; `usize::MAX` if there is none.
    known_end: usize,
}

impl Element<'_> {
    /// Place of the event that proves it.
    pub(super) fn known_at(&self) -> Option<usize> {
        Some(self.known_end).filter(|&end| end != usize::MAX)
    }
}

/// An `ok` read.
pub(super) struct Read<'h> {
    pub operation: &'h Operation<'h>,
    /// How many elements had an add invoked before this read completed. As ids are in that order,
    /// these are the elements below it, and the only ones the read says anything about.
    pub watermark: usize,
    /// Ids of the elements it contains, below the watermark, in `Elements::contents`.
    contents: std::ops::Range<usize>,
}

/// Something that a read should not contain.
pub(super) struct Intruder<'h> {
    pub value: &'h Value,
    pub read: &'h Operation<'h>,
    pub why: Why<'h>,
}

/// Why it should not be there.
#[derive(Clone, Copy)]
pub(super) enum Why<'h> {
    /// Nobody added it.
    NeverAdded,
    /// Only this operation and others that failed added it.
    OnlyFailed(&'h Operation<'h>),
    /// It was added later.
    AddedLater(&'h Operation<'h>),
}

/// All elements and reads of a history.
pub(super) struct Elements<'h> {
    /// By id, in order of the invocation of their add.
    pub list: Vec<Element<'h>>,
    /// `ok` reads in order of invocation.
    pub reads: Vec<Read<'h>>,
    /// Elements whose every add failed.
    pub only_failed: Vec<&'h Operation<'h>>,
    /// Values in reads that should not be there, each with the first read.
    pub intruders: Vec<Intruder<'h>>,
    /// Elements that some read contains more than once, with the greatest multiplicity and that
    /// read.
    pub duplicated: Vec<(&'h Value, u64, &'h Operation<'h>)>,
    /// Final reads that were invoked.
    pub final_reads_count: u64,
    /// Place where the final phase begins, or the end of the history.
    pub final_start: usize,
    /// Reads whose result is no list.
    pub problems: Vec<Problem>,
    contents: Vec<u32>,
}

impl<'h> Elements<'h> {
    pub(super) fn of(operations: &'h [Operation<'h>], options: &Options) -> Self {
        let mut all = Self {
            list: Vec::new(),
            reads: Vec::new(),
            only_failed: Vec::new(),
            intruders: Vec::new(),
            duplicated: Vec::new(),
            final_reads_count: 0,
            final_start: usize::MAX,
            problems: Vec::new(),
            contents: Vec::new(),
        };
        let mut ids = Interner::default();
        all.collect_adds(operations, options, &mut ids);
        let mut values = Values::of(ids, all.list.len());
        for operation in operations.iter().filter(|operation| operation.f() == options.read) {
            if operation.is_final() {
                all.final_reads_count += 1;
                all.final_start = all.final_start.min(operation.start);
            }
            if operation.outcome() == Kind::Ok {
                all.collect_read(operation, &mut values);
            }
        }
        all.duplicated = values.duplicated.into_iter().flatten().collect();
        all
    }

    /// The ids that a read contains.
    pub(super) fn contents(&self, read: &Read<'h>) -> &[u32] {
        &self.contents[read.contents.clone()]
    }

    /// Elements that somebody tried to add.
    pub(super) fn attempted_count(&self) -> usize {
        self.list.len() + self.only_failed.len()
    }

    /// Elements that some completion proves.
    pub(super) fn known_count(&self) -> usize {
        self.list.iter().filter(|element| element.known.is_some()).count()
    }

    /// Gives ids in order of the first add that did not fail; elements whose every add failed come
    /// after them.
    fn collect_adds(
        &mut self,
        operations: &'h [Operation<'h>],
        options: &Options,
        ids: &mut Interner<'h>,
    ) {
        let is_add = |operation: &&'h Operation<'h>| operation.f() == options.add;
        let has_failed = |operation: &Operation<'h>| operation.outcome() == Kind::Fail;
        for add in operations.iter().filter(is_add).filter(|add| !has_failed(add)) {
            let id = ids.id(&add.invocation.value) as usize;
            if id == self.list.len() {
                self.list.push(Element { add, known: None, known_end: usize::MAX });
            }
            if add.outcome() == Kind::Ok {
                self.prove(id, add);
            }
        }
        for add in operations.iter().filter(is_add).filter(|add| has_failed(add)) {
            let id = ids.id(&add.invocation.value) as usize;
            if id == self.list.len() + self.only_failed.len() {
                self.only_failed.push(add);
            }
        }
    }

    fn collect_read(&mut self, operation: &'h Operation<'h>, values: &mut Values<'h>) {
        let (Value::List(items) | Value::Set(items)) = operation.value() else {
            if self.problems.len() < PROBLEMS_MAX {
                self.problems.push(operation.misfit("a read must return a list"));
            }
            return;
        };
        let start = self.contents.len();
        let end = operation.end.unwrap_or(usize::MAX);
        let watermark = self.list.partition_point(|element| element.add.start < end);
        values.begin_read();
        let mut guess = 0;
        for value in items.iter() {
            let id = values.ids.id_guessed(guess, value);
            guess = id.wrapping_add(1);
            let id = id as usize;
            if values.meet(id, value, operation) > 1 {
                continue;
            }
            if id < watermark {
                self.contents.push(u32::try_from(id).expect("interned ids are u32"));
                self.prove(id, operation);
            } else if values.is_new_intruder(id) {
                let failed = id.checked_sub(self.list.len()).and_then(|i| self.only_failed.get(i));
                let why = match (self.list.get(id), failed) {
                    (Some(element), _) => Why::AddedLater(element.add),
                    (None, Some(add)) => Why::OnlyFailed(add),
                    (None, None) => Why::NeverAdded,
                };
                self.intruders.push(Intruder { value, read: operation, why });
            }
        }
        let contents = start..self.contents.len();
        self.reads.push(Read { operation, watermark, contents });
    }

    /// Notes that the completion of `operation` proves the element.
    fn prove(&mut self, id: usize, operation: &'h Operation<'h>) {
        let element = &mut self.list[id];
        let Some(end) = operation.end else { return };
        if end < element.known_end {
            (element.known, element.known_end) = (Some(operation), end);
        }
    }
}

/// Every value met so far, with its multiplicity in the current read.
struct Values<'h> {
    ids: Interner<'h>,
    read: u64,
    /// By id: the last read that contains it, and how often.
    stamps: Vec<(u64, u64)>,
    is_intruder: Vec<bool>,
    duplicated: Vec<Option<(&'h Value, u64, &'h Operation<'h>)>>,
}

impl<'h> Values<'h> {
    fn of(ids: Interner<'h>, count: usize) -> Self {
        Self {
            ids,
            read: 0,
            stamps: vec![(0, 0); count],
            is_intruder: Vec::new(),
            duplicated: Vec::new(),
        }
    }

    fn begin_read(&mut self) {
        self.read += 1;
    }

    /// How often the current read contains the value, this time included.
    fn meet(&mut self, id: usize, value: &'h Value, operation: &'h Operation<'h>) -> u64 {
        if id >= self.stamps.len() {
            self.stamps.resize(id + 1, (0, 0));
        }
        let (read, count) = &mut self.stamps[id];
        *count = if *read == self.read { *count + 1 } else { 1 };
        *read = self.read;
        let count = *count;
        if count > 1 {
            if id >= self.duplicated.len() {
                self.duplicated.resize(id + 1, None);
            }
            let worst = &mut self.duplicated[id];
            if worst.is_none_or(|(_, most, _)| most < count) {
                *worst = Some((value, count, operation));
            }
        }
        count
    }

    fn is_new_intruder(&mut self, id: usize) -> bool {
        if id >= self.is_intruder.len() {
            self.is_intruder.resize(id + 1, false);
        }
        !std::mem::replace(&mut self.is_intruder[id], true)
    }
}
