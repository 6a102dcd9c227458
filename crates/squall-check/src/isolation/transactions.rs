//! From operations to columns: transactions, their micro-operations, keys and elements as numbers.
//!
//! An **element** is a value that somebody wrote to a key, or that was met in a read of it: an
//! element of a list, or a version of a register.

use squall_history::{Kind, Operation, PROBLEMS_MAX, Problem, Value};

use super::Registers;
use super::list_append::lists::Lists;
use crate::intern::{FixedMap, Interner};

/// No transaction, micro-operation, element or place.
pub(crate) const NONE: u32 = u32::MAX;
/// The version of a register that nobody wrote.
pub(super) const INITIAL: u32 = u32::MAX - 1;

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

/// What transactions do to their keys.
#[derive(Clone, Copy, Debug)]
pub(super) enum Family<'h> {
    /// Append to lists and read them.
    ListAppend,
    /// Write registers and read them.
    RwRegister(&'h Registers),
}

/// What a micro-operation does to its key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    /// Appends this element, or writes this version.
    Write(u32),
    /// Returned the first `len` elements of the key's list; or of those from `odd` on in the odd
    /// lists, unless that is [`NONE`].
    List { len: u32, odd: u32 },
    /// Returned this version, which may be [`INITIAL`].
    Version(u32),
    /// A read of which nobody knows the result.
    Unread,
}

/// One step of a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct MicroOp {
    pub key: u32,
    pub access: Access,
}

/// A value of a key: written by somebody, or met in a read.
pub(super) struct Element<'h> {
    pub key: u32,
    pub value: &'h Value,
    /// The transaction that wrote it, a possible one if there is any.
    pub writer: u32,
    /// The micro-operation that did.
    pub writer_mop: u32,
    /// Whether the writer wrote nothing to the key after it.
    pub is_final: bool,
    /// Whether it was written more than once, so that a read doesn't tell by whom.
    pub is_twice: bool,
    /// Place in the list of the key; the first one if it is there twice.
    pub place: u32,
    /// The first read that contains it.
    pub reader_mop: u32,
}

/// What is kept per key.
#[derive(Default)]
struct Key<'h> {
    /// What a register holds at first, if that is not nil.
    initial: Option<&'h Value>,
    /// Whether somebody wrote what it holds at first.
    is_initial_written: bool,
    /// Elements by value, for small integers.
    direct: Vec<u32>,
    elements_count: usize,
    /// The last transaction that wrote, and what.
    written: Option<(u32, u32)>,
}

/// A pair of key and value that two possible transactions wrote.
pub(super) struct Twice {
    pub element: u32,
    /// [`NONE`] if the key had the value at first.
    pub first: u32,
    pub second: u32,
}

/// All transactions of a history. Those with the same number in `ops`, `fates` belong together.
pub(super) struct Transactions<'h> {
    family: Family<'h>,
    /// In order of invocation.
    pub ops: Vec<Operation<'h>>,
    pub fates: Vec<Fate>,
    /// Where the micro-operations of each begin, and the end of the last.
    first_mop: Vec<u32>,
    pub mops: Vec<MicroOp>,
    pub elements: Vec<Element<'h>>,
    keys: Vec<Key<'h>>,
    pub lists: Lists,
    /// Transactions whose completion is not about what was asked.
    pub mismatches: Vec<u32>,
    /// The first pair that was written twice.
    pub twice: Option<Twice>,
    /// Whether there is a transaction of which nobody can say what it writes.
    pub is_unreadable: bool,
    pub problems: Vec<Problem>,
    names: Interner<'h>,
    by_value: FixedMap<(u32, &'h Value), u32>,
}

/// How a micro-operation reads in the history.
enum Shape<'h> {
    Write {
        key: &'h Value,
        value: &'h Value,
    },
    Read {
        key: &'h Value,
        result: &'h Value,
    },
    /// A read whose result cannot be one.
    BadRead {
        key: &'h Value,
    },
    Strange,
}

impl<'h> Shape<'h> {
    /// Whether a completion may have `other` where its invocation has this.
    fn asks_for(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Write { key, value }, Self::Write { key: other_key, value: other_value }) => {
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

impl<'h> Family<'h> {
    fn shape(self, mop: &'h Value) -> Shape<'h> {
        let Some([f, key, value]) = mop.as_list() else { return Shape::Strange };
        match (self, f.as_text(), value) {
            (Self::ListAppend, Some("append"), value) | (Self::RwRegister(_), Some("w"), value) => {
                Shape::Write { key, value }
            }
            (Self::RwRegister(_), Some("r"), result)
            | (Self::ListAppend, Some("r"), result @ (Value::Nil | Value::List(_))) => {
                Shape::Read { key, result }
            }
            (Self::ListAppend, Some("r"), _) => Shape::BadRead { key },
            _ => Shape::Strange,
        }
    }

    /// What its transactions look like.
    fn grammar(self) -> &'static str {
        match self {
            Self::ListAppend => {
                "a transaction is a list of [\"r\", key, nil or list] and [\"append\", key, value]"
            }
            Self::RwRegister(_) => {
                "a transaction is a list of [\"r\", key, nil or value] and [\"w\", key, value]"
            }
        }
    }
}

impl<'h> Transactions<'h> {
    /// The transactions among these operations: those with function `txn`, or with none.
    pub(super) fn of(operations: &[Operation<'h>], family: Family<'h>) -> Self {
        let mut all = Self {
            family,
            ops: Vec::new(),
            fates: Vec::new(),
            first_mop: vec![0],
            mops: Vec::new(),
            elements: Vec::new(),
            keys: Vec::new(),
            lists: Lists::default(),
            mismatches: Vec::new(),
            twice: None,
            is_unreadable: false,
            problems: Vec::new(),
            names: Interner::default(),
            by_value: FixedMap::default(),
        };
        for operation in operations.iter().filter(|op| matches!(op.f(), "txn" | "")) {
            all.add(operation);
        }
        all
    }

    pub(super) fn count(&self) -> usize {
        self.ops.len()
    }

    pub(super) fn keys_count(&self) -> usize {
        self.keys.len()
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

    /// What a read of a list returned, as elements.
    pub(super) fn contents(&self, mop: MicroOp) -> &[u32] {
        match mop.access {
            Access::List { len, odd } => self.lists.contents(mop.key, len, odd),
            Access::Write(_) | Access::Version(_) | Access::Unread => &[],
        }
    }

    /// The version that a read returned: the element that was written last, or `Some(None)` if
    /// none was. `None` if this is no read, or if the version can't be told from others.
    pub(super) fn version(&self, mop: MicroOp) -> Option<Option<u32>> {
        match mop.access {
            Access::List { .. } => Some(self.contents(mop).last().copied()),
            Access::Version(INITIAL) => {
                (!self.keys[mop.key as usize].is_initial_written).then_some(None)
            }
            Access::Version(element) => {
                (!self.elements[element as usize].is_twice).then_some(Some(element))
            }
            Access::Write(_) | Access::Unread => None,
        }
    }

    /// Who wrote an element, if that may have happened and is known.
    pub(super) fn possible_writer(&self, element: u32) -> Option<u32> {
        let Element { writer, is_twice, .. } = self.elements[element as usize];
        let is_possible = writer != NONE && self.fates[writer as usize] != Fate::Failed;
        (is_possible && !is_twice).then_some(writer)
    }

    pub(super) fn has_failed(&self, txn: u32) -> bool {
        txn != NONE && self.fates[txn as usize] == Fate::Failed
    }

    /// Whether somebody wrote what the key holds at first, so that reads don't tell one version
    /// from the other.
    pub(super) fn is_initial_written(&self, key: u32) -> bool {
        self.keys[key as usize].is_initial_written
    }

    /// What a register holds at first.
    pub(super) fn initial(&self, key: u32) -> Value {
        self.keys[key as usize].initial.cloned().unwrap_or_default()
    }

    fn add(&mut self, operation: &Operation<'h>) {
        let txn = number(self.ops.len());
        let family = self.family;
        let asked = operation.invocation.value.as_list();
        let answered = operation.completion.and_then(|completion| completion.value.as_list());
        let (mut fate, mops) = match (operation.outcome(), answered) {
            (Kind::Ok, Some(answered)) => (Fate::Ok, Some(answered)),
            (Kind::Fail, _) => (Fate::Failed, asked.or(answered)),
            (Kind::Ok | Kind::Info | Kind::Invoke, _) => (Fate::Unknown, asked.or(answered)),
        };
        let shapes = || mops.unwrap_or_default().iter().map(|mop| family.shape(mop));
        let is_strange = mops.is_none() || shapes().any(|shape| matches!(shape, Shape::Strange));
        self.is_unreadable |= is_strange;
        let has_bad_read = shapes().any(|shape| matches!(shape, Shape::BadRead { .. }));
        let has_no_result = operation.outcome() == Kind::Ok && fate != Fate::Ok;
        if is_strange || has_bad_read || has_no_result {
            if self.problems.len() < PROBLEMS_MAX {
                self.problems.push(operation.misfit(family.grammar()));
            }
            fate = if fate == Fate::Failed { fate } else { Fate::Unknown };
        }
        if let (Fate::Ok, Some(asked), Some(answered)) = (fate, asked, answered) {
            let mut pairs = asked.iter().zip(answered);
            let agrees = |(asked, answered)| family.shape(asked).asks_for(&family.shape(answered));
            if asked.len() != answered.len() || !pairs.all(agrees) {
                self.mismatches.push(txn);
            }
        }
        self.ops.push(*operation);
        self.fates.push(fate);
        for shape in shapes() {
            let mop = number(self.mops.len());
            let (key, access) = match shape {
                Shape::Write { key, value } => {
                    let key = self.key(key);
                    (key, self.write(key, value, txn, mop))
                }
                Shape::Read { key, result } if fate == Fate::Ok => {
                    let key = self.key(key);
                    (key, self.read(key, result, mop))
                }
                Shape::Read { key, .. } | Shape::BadRead { key } => (self.key(key), Access::Unread),
                Shape::Strange => continue,
            };
            self.mops.push(MicroOp { key, access });
        }
        self.first_mop.push(number(self.mops.len()));
    }

    fn key(&mut self, name: &'h Value) -> u32 {
        let key = self.names.id(name);
        if key as usize == self.keys.len() {
            let mut fresh = Key::default();
            match self.family {
                Family::ListAppend => self.lists.add_key(),
                Family::RwRegister(registers) => fresh.initial = registers.initial_of(name),
            }
            self.keys.push(fresh);
        }
        key
    }

    fn write(&mut self, key: u32, value: &'h Value, txn: u32, mop: u32) -> Access {
        let element = self.element(key, value);
        let fate = self.fates[txn as usize];
        let known = &self.elements[element as usize];
        let is_initial =
            matches!(self.family, Family::RwRegister(_)) && self.is_initial(key, value);
        let is_written = known.writer != NONE && !self.has_failed(known.writer);
        if fate != Fate::Failed && (is_initial || is_written) {
            let first = if is_written { known.writer } else { NONE };
            self.twice.get_or_insert(Twice { element, first, second: txn });
            self.elements[element as usize].is_twice = true;
            self.keys[key as usize].is_initial_written |= is_initial;
        }
        let known = &self.elements[element as usize];
        if known.writer == NONE || (fate != Fate::Failed && self.has_failed(known.writer)) {
            let element = &mut self.elements[element as usize];
            (element.writer, element.writer_mop, element.is_final) = (txn, mop, true);
        }
        let before = self.keys[key as usize].written.replace((txn, element));
        if let Some((by, earlier)) = before
            && by == txn
            && self.elements[earlier as usize].writer == txn
        {
            self.elements[earlier as usize].is_final = false;
        }
        Access::Write(element)
    }

    fn read(&mut self, key: u32, result: &'h Value, mop: u32) -> Access {
        match self.family {
            Family::ListAppend => self.read_list(key, result.as_list().unwrap_or_default(), mop),
            Family::RwRegister(_) if self.is_initial(key, result) => Access::Version(INITIAL),
            Family::RwRegister(_) => Access::Version(self.met(key, result, mop)),
        }
    }

    /// Whether a register holds this before anybody writes it.
    pub(super) fn is_initial(&self, key: u32, value: &Value) -> bool {
        value.is_nil() || self.keys[key as usize].initial == Some(value)
    }

    /// The element of a value that a read contains.
    pub(super) fn met(&mut self, key: u32, value: &'h Value, mop: u32) -> u32 {
        let element = self.element(key, value);
        let reader = &mut self.elements[element as usize].reader_mop;
        *reader = (*reader).min(mop);
        element
    }

    /// The number of a key, and that of a value of it, if somebody wrote or read them.
    pub(super) fn known(&self, key: &Value, value: &Value) -> Option<(u32, Option<u32>)> {
        let key = self.names.known(key)?;
        let state = &self.keys[key as usize];
        let small = value.as_int().and_then(|int| usize::try_from(int).ok());
        let direct = small.and_then(|int| state.direct.get(int)).copied();
        let direct = direct.filter(|&element| element != NONE);
        Some((key, direct.or_else(|| self.by_value.get(&(key, value)).copied())))
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
            is_twice: false,
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
