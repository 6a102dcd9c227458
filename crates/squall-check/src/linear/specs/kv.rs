//! A text per key, with append.

use std::cell::RefCell;
use std::sync::Arc;

use squall_history::Value;

use crate::intern::FixedMap;
use crate::linear::spec::{Call, Misfit, Spec};

/// A store of texts: `get`, `put`, `append`. Values are pairs of key and text; a key that nobody
/// has written reads `""`. Its state is the number of a text: texts are kept as the text before and
/// the piece that was appended, so that they are never copied.
#[derive(Debug, Default)]
pub struct Kv {
    ropes: RefCell<Ropes>,
}

/// A text with its hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text {
    text: Arc<str>,
    hash: u64,
}

/// An operation on one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Returned this text.
    Get(Text),
    /// Set this text.
    Put(Arc<str>),
    /// Appended this text.
    Append(Arc<str>),
}

/// The number of the empty text.
const EMPTY: u32 = 0;

/// Texts by number; each is another text with a piece at its end.
#[derive(Debug)]
struct Ropes {
    ropes: Vec<Rope>,
    /// By length and hash: the last rope that has them.
    last_by_hash: FixedMap<(usize, u64), u32>,
}

#[derive(Debug)]
struct Rope {
    before: u32,
    piece: Arc<str>,
    len: usize,
    hash: u64,
    /// Another rope with this length and hash.
    other: Option<u32>,
}

/// What is left of a rope, from its end: a rope, and how much of its piece.
#[derive(Clone, Copy)]
struct Rest<'r> {
    before: u32,
    piece: &'r [u8],
}

impl Default for Ropes {
    fn default() -> Self {
        let empty = Rope { before: EMPTY, piece: "".into(), len: 0, hash: 0, other: None };
        Self { ropes: vec![empty], last_by_hash: FixedMap::default() }
    }
}

/// The hash of a text that goes on with `piece`.
fn hash_on(hash: u64, piece: &str) -> u64 {
    let mix = |hash: u64, byte: u8| {
        hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7) ^ (u64::from(byte) + 1)
    };
    piece.bytes().fold(hash, mix)
}

impl Ropes {
    /// The number of a text with a piece at its end.
    fn join(&mut self, before: u32, piece: &Arc<str>) -> u32 {
        if piece.is_empty() {
            return before;
        }
        let start = &self.ropes[before as usize];
        let (len, hash) = (start.len + piece.len(), hash_on(start.hash, piece));
        let last = self.last_by_hash.get(&(len, hash)).copied();
        let mut candidate = last;
        while let Some(id) = candidate {
            let rope = &self.ropes[id as usize];
            let own = Rest { before: rope.before, piece: rope.piece.as_bytes() };
            if self.is_equal(own, Rest { before, piece: piece.as_bytes() }) {
                return id;
            }
            candidate = rope.other;
        }
        let id = u32::try_from(self.ropes.len()).expect("memory ends before 2^32 texts");
        self.ropes.push(Rope { before, piece: Arc::clone(piece), len, hash, other: last });
        self.last_by_hash.insert((len, hash), id);
        id
    }

    fn is_text(&self, id: u32, text: &Text) -> bool {
        let rope = &self.ropes[id as usize];
        (rope.len, rope.hash) == (text.text.len(), text.hash)
            && self.is_equal(
                Rest { before: rope.before, piece: rope.piece.as_bytes() },
                Rest { before: EMPTY, piece: text.text.as_bytes() },
            )
    }

    /// Compares two texts from their ends.
    fn is_equal<'r>(&'r self, mut a: Rest<'r>, mut b: Rest<'r>) -> bool {
        loop {
            self.advance(&mut a);
            self.advance(&mut b);
            if a.before == b.before && a.piece.len() == b.piece.len() {
                return a.piece == b.piece;
            }
            let len = a.piece.len().min(b.piece.len());
            let (a_rest, a_end) = a.piece.split_at(a.piece.len() - len);
            let (b_rest, b_end) = b.piece.split_at(b.piece.len() - len);
            // One of them has come to its beginning.
            if len == 0 || a_end != b_end {
                return false;
            }
            (a.piece, b.piece) = (a_rest, b_rest);
        }
    }

    /// Goes on to the piece before, if nothing is left of this one.
    fn advance<'r>(&'r self, rest: &mut Rest<'r>) {
        if rest.piece.is_empty() && rest.before != EMPTY {
            let rope = &self.ropes[rest.before as usize];
            *rest = Rest { before: rope.before, piece: rope.piece.as_bytes() };
        }
    }

    fn text(&self, mut id: u32) -> String {
        let mut pieces = Vec::new();
        while id != EMPTY {
            let rope = &self.ropes[id as usize];
            pieces.push(&*rope.piece);
            id = rope.before;
        }
        pieces.reverse();
        pieces.concat()
    }
}

fn text(value: &Value) -> Result<Arc<str>, Misfit> {
    match value {
        Value::Str(text) => Ok(Arc::clone(text)),
        _ => Err(Misfit::Shape("it must be a string")),
    }
}

impl Spec for Kv {
    type State = u32;
    type Op = Op;

    fn initial(&self) -> u32 {
        EMPTY
    }

    fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
        match (call.f, call.result) {
            ("get", None) => Ok(None),
            ("get", Some(result)) => {
                let text = text(result)?;
                Ok(Some(Op::Get(Text { hash: hash_on(0, &text), text })))
            }
            ("put" | "append", _) => {
                call.answer()?;
                let text = text(call.argument)?;
                Ok(Some(if call.f == "put" { Op::Put(text) } else { Op::Append(text) }))
            }
            _ => Err(Misfit::Shape("a store of texts has get, put and append only")),
        }
    }

    fn step(&self, state: &u32, op: &Op) -> Option<u32> {
        match op {
            Op::Get(text) => self.ropes.borrow().is_text(*state, text).then_some(*state),
            Op::Put(text) => Some(self.ropes.borrow_mut().join(EMPTY, text)),
            Op::Append(text) => Some(self.ropes.borrow_mut().join(*state, text)),
        }
    }

    fn describe_state(&self, state: &u32) -> String {
        Value::from(self.ropes.borrow().text(*state)).to_edn()
    }

    fn is_observer(&self, op: &Op) -> bool {
        matches!(op, Op::Get(_))
    }

    fn is_keyed(&self) -> bool {
        true
    }

    /// If no read contains its text: from it to the next put, nobody looked.
    fn is_droppable(&self, open: &Op, closed: &[&Op]) -> bool {
        let (Op::Put(new) | Op::Append(new)) = open else { return true };
        !closed.iter().any(|op| match op {
            Op::Get(seen) => seen.text.contains(&**new),
            Op::Put(_) | Op::Append(_) => false,
        })
    }

    fn state_size(&self, state: &u32) -> usize {
        size_of::<Rope>() + self.ropes.borrow().ropes[*state as usize].piece.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that were put together in different ways are one, whatever their hash is.
    #[test]
    fn a_text_has_one_number() {
        let mut ropes = Ropes::default();
        let mut join = |pieces: &[&str]| {
            pieces.iter().fold(EMPTY, |rope, piece| ropes.join(rope, &Arc::from(*piece)))
        };
        let whole = join(&["abcde"]);
        for pieces in [&["a", "bcde"][..], &["ab", "", "cd", "e"], &["a", "b", "c", "d", "e"]] {
            assert_eq!(join(pieces), whole, "{pieces:?}");
        }
        assert_ne!(join(&["abcd"]), whole);
        assert_ne!(join(&["abc", "df"]), whole);
        assert_eq!(join(&["", ""]), EMPTY);
        assert_eq!(ropes.text(whole), "abcde");
        let rest = |text: &'static str| Rest { before: EMPTY, piece: text.as_bytes() };
        assert!(!ropes.is_equal(rest("abc"), rest("abd")));
        assert!(!ropes.is_equal(rest("abc"), rest("bc")));
    }
}
