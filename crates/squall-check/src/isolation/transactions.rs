//! From operations to columns: transactions, their micro-operations, keys and elements as numbers.
//!
//! Reads are kept in linear memory. Per key there is one list, the longest read so far that agrees
//! with all before it; a read that is a head of that list is its length. Only a read that
//! contradicts the list, which no right database returns, is kept for itself.

use squall_history::{Kind, Operation, PROBLEMS_MAX, Problem, Value};

use crate::intern::{FixedMap, Interner};

/// No transaction, micro-operation, element or place.
pub(crate) const NONE: u32 = u32::MAX;

/// A table from small integers may be this many times as long as the number of its elements.
const DIRECT_SPARSE_MAX: usize = 4;
/// Length up to which such a table may be sparser than that.
const DIRECT_FREE: usize = 64;

/// What is known about the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It took effect, and its reads are true.
    Ok,
    /// It may have taken effect; nothing is known about its reads.
    Unknown,
    /// It had no effect.
    Failed,
}

/// What a micro-operation does to its key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    /// Appends this element.
    Append(u32),
    /// Returned the first `len` elements of the key's list; or of those from `odd` on in the odd
    /// lists, unless that is [`NONE`].
    Read { len: u32, odd: u32 },
    /// A read of which nobody knows the result.
    Unread,
}

/// One step of a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct MicroOp {
    pub key: u32,
    pub access: Access,
}

/// A value of a key: appended by somebody, or met in a read.
pub(super) struct Element<'h> {
    pub key: u32,
    pub value: &'h Value,
    /// The transaction that appended it, a possible one if there is any.
    pub writer: u32,
    /// The micro-operation that did.
    pub writer_mop: u32,
    /// Whether the writer appended nothing to the key after it.
    pub is_final: bool,
    /// Place in the list of the key; the first one if it is there twice.
    pub place: u32,
    /// The first read that contains it.
    pub reader_mop: u32,
}

/// What is kept per key.
#[derive(Default)]
pub(super) struct Key {
    /// The list of which usual reads are heads.
    pub list: Vec<u32>,
    /// The read that returned all of it.
    pub list_mop: u32,
    /// How long a head of the list must be to contain something twice, if any does.
    pub duplicate_len: Option<u32>,
    /// Elements by value, for small integers.
    direct: Vec<u32>,
    elements_count: usize,
    /// The last transaction that appended, and what.
    appended: Option<(u32, u32)>,
}

/// A pair of key and value that two possible transactions appended.
pub(super) struct Twice {
    pub element: u32,
    pub first: u32,
    pub second: u32,
}

/// All transactions of a history. Those with the same number in `ops`, `fates` belong together.
#[derive(Default)]
pub(super) struct Transactions<'h> {
    /// In order of invocation.
    pub ops: Vec<Operation<'h>>,
    pub fates: Vec<Fate>,
    /// Where the micro-operations of each begin, and the end of the last.
    first_mop: Vec<u32>,
    pub mops: Vec<MicroOp>,
    pub elements: Vec<Element<'h>>,
    pub keys: Vec<Key>,
    odd: Vec<u32>,
    /// Reads that contradict the list of their key.
    pub odd_reads: Vec<u32>,
    /// Transactions whose completion is not about what was asked.
    pub mismatches: Vec<u32>,
    /// The first pair that was appended twice.
    pub twice: Option<Twice>,
    /// Whether there is a transaction of which nobody can say what it appends.
    pub is_unreadable: bool,
    pub problems: Vec<Problem>,
    names: Interner<'h>,
    by_value: FixedMap<(u32, &'h Value), u32>,
}

/// How a micro-operation reads in the history.
enum Shape<'h> {
    Append {
        key: &'h Value,
        value: &'h Value,
    },
    /// With its result, empty if it is nil.
    Read {
        key: &'h Value,
        items: &'h [Value],
    },
    /// A read whose result is no list.
    BadRead {
        key: &'h Value,
    },
    Strange,
}

impl<'h> Shape<'h> {
    fn of(mop: &'h Value) -> Self {
        let Some([f, key, value]) = mop.as_list() else { return Self::Strange };
        match (f.as_text(), value) {
            (Some("append"), value) => Self::Append { key, value },
            (Some("r"), Value::Nil) => Self::Read { key, items: &[] },
            (Some("r"), Value::List(items)) => Self::Read { key, items },
            (Some("r"), _) => Self::BadRead { key },
            _ => Self::Strange,
        }
    }

    /// Whether a completion may have `other` where its invocation has this.
    fn asks_for(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Append { key, value }, Self::Append { key: other_key, value: other_value }) => {
                key == other_key && value == other_value
            }
            (
                Self::Read { key, .. } | Self::BadRead { key },
                Self::Read { key: other, .. } | Self::BadRead { key: other },
            ) => key == other,
            _ => false,
        }
    }
}

impl<'h> Transactions<'h> {
    /// The transactions among these operations: those with function `txn`, or with none.
    pub(super) fn of(operations: &[Operation<'h>]) -> Self {
        let mut all = Self { first_mop: vec![0], ..Self::default() };
        for operation in operations.iter().filter(|op| matches!(op.f(), "txn" | "")) {
            all.add(operation);
        }
        all
    }

    pub(super) fn count(&self) -> usize {
        self.ops.len()
    }

    /// Numbers of the micro-operations of a transaction.
    pub(super) fn mops_of(&self, txn: u32) -> std::ops::Range<usize> {
        self.first_mop[txn as usize] as usize..self.first_mop[txn as usize + 1] as usize
    }

    /// The transaction that a micro-operation belongs to.
    pub(super) fn txn_of(&self, mop: u32) -> u32 {
        let after = self.first_mop.partition_point(|&first| first <= mop);
        number(after - 1)
    }

    /// Place of a micro-operation in its transaction.
    pub(super) fn step_of(&self, mop: u32) -> u32 {
        mop - self.first_mop[self.txn_of(mop) as usize]
    }

    pub(super) fn key_name(&self, key: u32) -> &'h Value {
        self.names.value(key)
    }

    /// What a read returned, as elements.
    pub(super) fn contents(&self, mop: MicroOp) -> &[u32] {
        match mop.access {
            Access::Read { len, odd: NONE } => &self.keys[mop.key as usize].list[..len as usize],
            Access::Read { len, odd } => &self.odd[odd as usize..][..len as usize],
            Access::Append(_) | Access::Unread => &[],
        }
    }

    /// Who appended an element, if that may have happened.
    pub(super) fn possible_writer(&self, element: u32) -> Option<u32> {
        let writer = self.elements[element as usize].writer;
        let is_possible = writer != NONE && self.fates[writer as usize] != Fate::Failed;
        is_possible.then_some(writer)
    }

    pub(super) fn has_failed(&self, txn: u32) -> bool {
        txn != NONE && self.fates[txn as usize] == Fate::Failed
    }

    fn add(&mut self, operation: &Operation<'h>) {
        let txn = number(self.ops.len());
        let asked = operation.invocation.value.as_list();
        let answered = operation.completion.and_then(|completion| completion.value.as_list());
        let (mut fate, mops) = match (operation.outcome(), answered) {
            (Kind::Ok, Some(answered)) => (Fate::Ok, Some(answered)),
            (Kind::Fail, _) => (Fate::Failed, asked.or(answered)),
            (Kind::Ok | Kind::Info | Kind::Invoke, _) => (Fate::Unknown, asked.or(answered)),
        };
        let shapes = || mops.unwrap_or_default().iter().map(Shape::of);
        let is_strange = mops.is_none() || shapes().any(|shape| matches!(shape, Shape::Strange));
        self.is_unreadable |= is_strange;
        let has_bad_read = shapes().any(|shape| matches!(shape, Shape::BadRead { .. }));
        let has_no_result = operation.outcome() == Kind::Ok && fate != Fate::Ok;
        if is_strange || has_bad_read || has_no_result {
            self.problem(operation);
            fate = if fate == Fate::Failed { fate } else { Fate::Unknown };
        }
        if let (Fate::Ok, Some(asked), Some(answered)) = (fate, asked, answered) {
            let mut pairs = asked.iter().zip(answered);
            let agrees = |(asked, answered)| Shape::of(asked).asks_for(&Shape::of(answered));
            if asked.len() != answered.len() || !pairs.all(agrees) {
                self.mismatches.push(txn);
            }
        }
        self.ops.push(*operation);
        self.fates.push(fate);
        for shape in shapes() {
            let mop = number(self.mops.len());
            let (name, access) = match shape {
                Shape::Append { key, value } => {
                    let key = self.key(key);
                    (key, self.append(key, value, txn, mop))
                }
                Shape::Read { key, items } if fate == Fate::Ok => {
                    let key = self.key(key);
                    (key, self.read(key, items, mop))
                }
                Shape::Read { key, .. } | Shape::BadRead { key } => (self.key(key), Access::Unread),
                Shape::Strange => continue,
            };
            self.mops.push(MicroOp { key: name, access });
        }
        self.first_mop.push(number(self.mops.len()));
    }

    fn problem(&mut self, operation: &Operation<'h>) {
        if self.problems.len() < PROBLEMS_MAX {
            let hint = "a transaction is a list of [\"r\", key, nil or list] and [\"append\", key, \
                        value]";
            self.problems.push(operation.misfit(hint));
        }
    }

    fn key(&mut self, name: &'h Value) -> u32 {
        let key = self.names.id(name);
        if key as usize == self.keys.len() {
            self.keys.push(Key { list_mop: NONE, ..Key::default() });
        }
        key
    }

    fn append(&mut self, key: u32, value: &'h Value, txn: u32, mop: u32) -> Access {
        let element = self.element(key, value);
        let fate = self.fates[txn as usize];
        let known = &self.elements[element as usize];
        if known.writer != NONE && fate != Fate::Failed && !self.has_failed(known.writer) {
            let twice = Twice { element, first: known.writer, second: txn };
            self.twice.get_or_insert(twice);
        }
        if known.writer == NONE || (fate != Fate::Failed && self.has_failed(known.writer)) {
            let element = &mut self.elements[element as usize];
            (element.writer, element.writer_mop, element.is_final) = (txn, mop, true);
        }
        let before = self.keys[key as usize].appended.replace((txn, element));
        if let Some((by, earlier)) = before
            && by == txn
            && self.elements[earlier as usize].writer == txn
        {
            self.elements[earlier as usize].is_final = false;
        }
        Access::Append(element)
    }

    fn read(&mut self, key: u32, items: &'h [Value], mop: u32) -> Access {
        let len = number(items.len());
        let list = &self.keys[key as usize].list;
        let value_at = |place: usize| self.elements[list[place] as usize].value;
        let both_count = list.len().min(items.len());
        let same_count =
            (0..both_count).take_while(|&place| *value_at(place) == items[place]).count();
        if same_count == items.len() {
            return Access::Read { len, odd: NONE };
        }
        if same_count < list.len() {
            let odd = number(self.odd.len());
            for value in items {
                let element = self.met(key, value, mop);
                self.odd.push(element);
            }
            self.odd_reads.push(mop);
            return Access::Read { len, odd };
        }
        for value in &items[same_count..] {
            let element = self.met(key, value, mop);
            let state = &mut self.keys[key as usize];
            let place = number(state.list.len());
            state.list.push(element);
            let element = &mut self.elements[element as usize];
            if element.place == NONE {
                element.place = place;
            } else {
                state.duplicate_len.get_or_insert(place + 1);
            }
        }
        self.keys[key as usize].list_mop = mop;
        Access::Read { len, odd: NONE }
    }

    /// The element of a value that a read contains.
    fn met(&mut self, key: u32, value: &'h Value, mop: u32) -> u32 {
        let element = self.element(key, value);
        let reader = &mut self.elements[element as usize].reader_mop;
        *reader = (*reader).min(mop);
        element
    }

    fn element(&mut self, key: u32, value: &'h Value) -> u32 {
        let state = &mut self.keys[key as usize];
        let small = value.as_int().and_then(|int| usize::try_from(int).ok());
        let direct = small.and_then(|int| state.direct.get(int)).copied();
        if let Some(element) = direct.filter(|&element| element != NONE) {
            return element;
        }
        if let Some(&element) = self.by_value.get(&(key, value)) {
            return element;
        }
        let element = number(self.elements.len());
        state.elements_count += 1;
        let bound = state.elements_count * DIRECT_SPARSE_MAX + DIRECT_FREE;
        if let Some(small) = small.filter(|&small| small < bound) {
            if state.direct.len() <= small {
                state.direct.resize(small + 1, NONE);
            }
            state.direct[small] = element;
        } else {
            self.by_value.insert((key, value), element);
        }
        self.elements.push(Element {
            key,
            value,
            writer: NONE,
            writer_mop: NONE,
            is_final: false,
            place: NONE,
            reader_mop: NONE,
        });
        element
    }
}

/// A count or place as a number of a column.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).expect("a history has fewer than 2^32 values")
}
