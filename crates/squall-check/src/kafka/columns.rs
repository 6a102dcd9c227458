//! From operations to columns: what each of them sent and polled, keys and messages as numbers.
//!
//! A micro-operation is `["send", key, value]`, which is completed as `["send", key, [offset,
//! value]]` (the offset may be nil), or `["poll"]`, completed as `["poll", {key: [[offset, value],
//! …]}]`. The completion counts, whatever the outcome: what a failed poll brought is true, as a
//! poller is only given what is safe.

use squall_history::{Kind, Operation, PROBLEMS_MAX, Problem, Value};

use crate::intern::{FixedMap, Interner};
use crate::isolation::{Fate, NONE, number};

/// What an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It sends and polls.
    Moves,
    /// It says which keys its process polls from now on: `assign`, `subscribe`.
    Assigns,
    /// Anything else.
    Other,
}

/// One message that an operation sent, or one that it polled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub message: u32,
    pub offset: Option<u64>,
    pub is_send: bool,
    /// Place of the micro-operation.
    pub mop: u32,
}

/// A value of a key.
pub(super) struct Message<'h> {
    pub key: u32,
    pub value: &'h Value,
    /// The operation that sent it, a possible one if there is any.
    pub writer: u32,
    /// The first successful operation that polled it.
    pub reader: u32,
    /// The first operation of any outcome that polled it.
    pub poller: u32,
}

/// A message that two possible operations sent, or one of them twice.
pub(super) struct Twice {
    pub message: u32,
    pub first: u32,
    pub second: u32,
}

/// All operations of a history. Those with the same number in `ops`, `acts`, `fates` belong
/// together.
#[derive(Default)]
pub(super) struct Columns<'h> {
    /// In order of invocation.
    pub ops: Vec<Operation<'h>>,
    pub acts: Vec<Act>,
    pub fates: Vec<Fate>,
    /// Where the steps of each begin, and the end of the last.
    first_step: Vec<u32>,
    pub steps: Vec<Step>,
    pub messages: Vec<Message<'h>>,
    keys: Interner<'h>,
    /// Operations whose completion is not about what was asked.
    pub mismatches: Vec<u32>,
    /// The first message that was sent twice.
    pub twice: Option<Twice>,
    /// Whether there is an operation of which nobody can say what it sent.
    pub is_unreadable: bool,
    pub problems: Vec<Problem>,
    by_value: FixedMap<(u32, &'h Value), u32>,
}

/// How a micro-operation reads in the history.
enum Shape<'h> {
    Send { key: &'h Value, value: &'h Value },
    Poll(Vec<(&'h Value, &'h [Value])>),
    Strange,
}

impl<'h> Shape<'h> {
    fn of(mop: &'h Value) -> Self {
        match mop.as_list() {
            Some([f, key, value]) if f.as_text() == Some("send") => Self::Send { key, value },
            Some([f]) if f.as_text() == Some("poll") => Self::Poll(Vec::new()),
            Some([f, polled]) if f.as_text() == Some("poll") => {
                polled_by_key(polled).map_or(Self::Strange, Self::Poll)
            }
            _ => Self::Strange,
        }
    }
}

/// What was polled of a key: pairs of offset and value.
fn of_key<'h>(key: &'h Value, list: &'h Value) -> Option<(&'h Value, &'h [Value])> {
    let list = list.as_list()?;
    list.iter().all(|pair| offset_and_value(pair).is_some()).then_some((key, list))
}

/// What was polled, in its order.
fn polled_by_key(polled: &Value) -> Option<Vec<(&Value, &[Value])>> {
    if polled.is_nil() {
        return Some(Vec::new());
    }
    polled.as_pairs()?.into_iter().map(|(key, list)| of_key(key, list)).collect()
}

/// An offset, which may be nil, and a value.
fn offset_and_value(pair: &Value) -> Option<(Option<u64>, &Value)> {
    let (offset, value) = pair.as_pair()?;
    match offset {
        Value::Nil => Some((None, value)),
        offset => Some((Some(u64::try_from(offset.as_int()?).ok()?), value)),
    }
}

impl<'h> Columns<'h> {
    /// The operations of the clients of a log.
    pub(super) fn of(operations: &[Operation<'h>]) -> Self {
        let mut all = Self { first_step: vec![0], ..Self::default() };
        for operation in operations {
            match operation.f() {
                "send" | "poll" | "txn" => all.add(operation),
                "assign" | "subscribe" => all.add_without_steps(operation, Act::Assigns),
                _ => all.add_without_steps(operation, Act::Other),
            }
        }
        all
    }

    /// Numbers of the steps of an operation.
    pub(super) fn steps_of(&self, op: u32) -> &[Step] {
        let (from, to) = (self.first_step[op as usize], self.first_step[op as usize + 1]);
        &self.steps[from as usize..to as usize]
    }

    /// Every step with its operation.
    pub(super) fn all_steps(&self) -> impl Iterator<Item = (u32, Step)> {
        (0..number(self.ops.len())).flat_map(|op| self.steps_of(op).iter().map(move |s| (op, *s)))
    }

    pub(super) fn keys_count(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn key_name(&self, key: u32) -> &'h Value {
        self.keys.value(key)
    }

    /// The number of a key, if somebody sent or polled it.
    pub(super) fn key_number(&self, name: &Value) -> Option<u32> {
        self.keys.known(name)
    }

    /// What is known about the sender of a message, if there is one.
    pub(super) fn writer_fate(&self, message: u32) -> Option<Fate> {
        let writer = self.messages[message as usize].writer;
        (writer != NONE).then(|| self.fates[writer as usize])
    }

    /// Whether an operation certainly happened: it succeeded, or a successful one polled something
    /// that it sent.
    pub(super) fn is_proven(&self, op: u32) -> bool {
        let is_read = |step: &Step| {
            let message = &self.messages[step.message as usize];
            step.is_send && message.writer == op && message.reader != NONE
        };
        match self.fates[op as usize] {
            Fate::Ok => true,
            Fate::Unknown => self.steps_of(op).iter().any(is_read),
            Fate::Failed => false,
        }
    }

    fn add_without_steps(&mut self, operation: &Operation<'h>, act: Act) {
        self.ops.push(*operation);
        self.acts.push(act);
        self.fates.push(fate_of(operation));
        self.first_step.push(number(self.steps.len()));
    }

    fn add(&mut self, operation: &Operation<'h>) {
        let op = number(self.ops.len());
        let asked = operation.invocation.value.as_list();
        let answered = operation.completion.and_then(|completion| completion.value.as_list());
        let mut fate = fate_of(operation);
        let shapes: Vec<Shape<'h>> =
            answered.or(asked).unwrap_or_default().iter().map(Shape::of).collect();
        let is_strange = |shape: &Shape<'_>| matches!(shape, Shape::Strange);
        let has_none = answered.or(asked).is_none() || shapes.iter().any(is_strange);
        self.is_unreadable |= has_none;
        if has_none || (fate == Fate::Ok && answered.is_none()) {
            self.problem(operation);
            fate = if fate == Fate::Ok { Fate::Unknown } else { fate };
        }
        self.ops.push(*operation);
        self.acts.push(Act::Moves);
        self.fates.push(fate);
        let mut agrees = asked.is_none_or(|asked| asked.len() == shapes.len());
        for (shape, mop) in shapes.into_iter().zip(0..) {
            let asked = asked.and_then(|asked| asked.get(mop)).map(Shape::of);
            let mop = number(mop);
            match (shape, asked) {
                (Shape::Send { key, value }, asked) => {
                    let (offset, value) = match asked {
                        Some(Shape::Send { key: asked_key, value: asked }) if asked_key == key => {
                            match offset_and_value(value) {
                                _ if value == asked => (None, value),
                                Some((offset, value)) if value == asked => (offset, value),
                                _ => {
                                    agrees = false;
                                    (None, asked)
                                }
                            }
                        }
                        asked => {
                            agrees &= asked.is_none();
                            offset_and_value(value).unwrap_or((None, value))
                        }
                    };
                    self.send(op, key, value, offset, mop);
                }
                (Shape::Poll(polled), asked) => {
                    agrees &= matches!(asked, None | Some(Shape::Poll(_)));
                    for (key, list) in polled {
                        self.poll(op, key, list, mop);
                    }
                }
                (Shape::Strange, _) => {}
            }
        }
        if fate == Fate::Ok && !agrees {
            self.mismatches.push(op);
        }
        self.first_step.push(number(self.steps.len()));
    }

    fn send(&mut self, op: u32, key: &'h Value, value: &'h Value, offset: Option<u64>, mop: u32) {
        let key = self.keys.id(key);
        let message = self.message(key, value);
        let has_failed = |op: u32| self.fates[op as usize] == Fate::Failed;
        let known = self.messages[message as usize].writer;
        if known == NONE || has_failed(known) && !has_failed(op) {
            self.messages[message as usize].writer = op;
        } else if !has_failed(known) && !has_failed(op) {
            self.twice.get_or_insert(Twice { message, first: known, second: op });
        }
        self.steps.push(Step { message, offset, is_send: true, mop });
    }

    fn poll(&mut self, op: u32, key: &'h Value, list: &'h [Value], mop: u32) {
        let key = self.keys.id(key);
        let is_ok = self.fates[op as usize] == Fate::Ok;
        for (offset, value) in list.iter().filter_map(offset_and_value) {
            let message = self.message(key, value);
            let known = &mut self.messages[message as usize];
            known.poller = known.poller.min(op);
            if is_ok {
                known.reader = known.reader.min(op);
            }
            self.steps.push(Step { message, offset, is_send: false, mop });
        }
    }

    fn message(&mut self, key: u32, value: &'h Value) -> u32 {
        let next = number(self.messages.len());
        let message = *self.by_value.entry((key, value)).or_insert(next);
        if message == next {
            let message = Message { key, value, writer: NONE, reader: NONE, poller: NONE };
            self.messages.push(message);
        }
        message
    }

    fn problem(&mut self, operation: &Operation<'h>) {
        if self.problems.len() < PROBLEMS_MAX {
            let hint = "a list of [\"send\", key, value], completed with [offset, value], and \
                        [\"poll\"], completed with {key: [[offset, value], …]}";
            self.problems.push(operation.misfit(hint));
        }
    }
}

fn fate_of(operation: &Operation<'_>) -> Fate {
    match operation.outcome() {
        Kind::Ok => Fate::Ok,
        Kind::Fail => Fate::Failed,
        Kind::Info | Kind::Invoke => Fate::Unknown,
    }
}
