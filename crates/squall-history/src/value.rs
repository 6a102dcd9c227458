//! [`Value`]: any datum of a history, from any format, with one equality and one order.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::number::{Number, Parsed};

/// A datum: an argument, a result, an error, or a part of a result map.
///
/// Cloning is cheap, as everything large is shared. Equality, order and hash are structural: maps
/// and sets compare without regard to the order of their members, `1`, `1.0` and `"1"` are three
/// values, and so are `:x`, `"x"` and the symbol `x`. The order is total: nil, booleans, numbers by
/// size, strings, keywords, symbols, lists, sets, maps.
#[derive(Clone, Default)]
pub enum Value {
    /// EDN's `nil`, JSON's `null`.
    #[default]
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// A larger integer, or a fractional number, as text.
    Number(Number),
    /// A string.
    Str(Arc<str>),
    /// An EDN keyword, without its colon.
    Keyword(Arc<str>),
    /// An EDN symbol; also what EDN has no better place for here: ratios (`3/4`) and `##Inf`.
    Symbol(Arc<str>),
    /// A vector or list.
    List(Arc<[Self]>),
    /// A set; [`Value::set`] makes it sorted and without duplicates.
    Set(Arc<[Self]>),
    /// A map in the order of its source; [`Value::map`] makes the keys unique.
    Map(Arc<[(Self, Self)]>),
}

impl Value {
    /// A string.
    #[must_use]
    pub fn str(text: impl Into<Arc<str>>) -> Self {
        Self::Str(text.into())
    }

    /// A keyword, given without its colon.
    #[must_use]
    pub fn keyword(name: impl Into<Arc<str>>) -> Self {
        Self::Keyword(name.into())
    }

    /// An integer of any unsigned size.
    #[must_use]
    pub fn uint(int: u64) -> Self {
        match i64::try_from(int) {
            Ok(int) => Self::Int(int),
            Err(_) => Self::number(&int.to_string()).unwrap_or(Self::Nil),
        }
    }

    /// The number that a text like `-12`, `1.5` or `2e9` stands for; `None` if it is no number.
    #[must_use]
    pub fn number(text: &str) -> Option<Self> {
        Number::parse(text).map(|parsed| match parsed {
            Parsed::Int(int) => Self::Int(int),
            Parsed::Number(number) => Self::Number(number),
        })
    }

    /// A list.
    #[must_use]
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// A set: sorted, each member once.
    #[must_use]
    pub fn set(items: impl IntoIterator<Item = Self>) -> Self {
        let mut items: Vec<Self> = items.into_iter().collect();
        items.sort();
        items.dedup();
        Self::Set(items.into())
    }

    /// A map in the given order; of equal keys the last one wins.
    #[must_use]
    pub fn map(pairs: impl IntoIterator<Item = (Self, Self)>) -> Self {
        let pairs: Vec<(Self, Self)> = pairs.into_iter().collect();
        let is_unique = |(i, (key, _)): (usize, &(Self, Self))| {
            pairs[..i].iter().all(|(earlier, _)| earlier != key)
        };
        if pairs.len() <= 8 && pairs.iter().enumerate().all(is_unique) {
            return Self::Map(pairs.into());
        }
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|&a, &b| pairs[a].0.cmp(&pairs[b].0).then(a.cmp(&b)));
        let mut keep = vec![true; pairs.len()];
        for pair in order.windows(2) {
            keep[pair[0]] = pairs[pair[0]].0 != pairs[pair[1]].0;
        }
        Self::Map(pairs.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(p, _)| p).collect())
    }

    /// A map whose keys are keywords: the form of every result.
    #[must_use]
    pub fn record<'k>(pairs: impl IntoIterator<Item = (&'k str, Self)>) -> Self {
        Self::map(pairs.into_iter().map(|(key, value)| (Self::keyword(key), value)))
    }

    /// The members of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The two members of a list of two, as a tuple of an independent key and its value is.
    #[must_use]
    pub fn as_pair(&self) -> Option<(&Self, &Self)> {
        match self.as_list() {
            Some([first, second]) => Some((first, second)),
            _ => None,
        }
    }

    /// The pairs of a map; or of the list of pairs that stands for a map in JSON, where keys can
    /// only be strings. `None` if it is neither.
    #[must_use]
    pub fn as_pairs(&self) -> Option<Vec<(&Self, &Self)>> {
        match self {
            Self::Map(pairs) => Some(pairs.iter().map(|(key, value)| (key, value)).collect()),
            Self::List(pairs) => pairs.iter().map(Self::as_pair).collect(),
            _ => None,
        }
    }

    /// The integer, if it is one that fits.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// The text of a string, keyword or symbol.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Str(text) | Self::Keyword(text) | Self::Symbol(text) => Some(text),
            _ => None,
        }
    }

    /// Looks a key up in a map by its text, be it a string, keyword or symbol. Takes time in
    /// proportion to the map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(pairs) => {
                pairs.iter().find(|(k, _)| k.as_text() == Some(key)).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// Whether this is nil.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Place of the kind in the total order.
    fn rank(&self) -> u8 {
        match self {
            Self::Nil => 0,
            Self::Bool(_) => 1,
            Self::Int(_) | Self::Number(_) => 2,
            Self::Str(_) => 3,
            Self::Keyword(_) => 4,
            Self::Symbol(_) => 5,
            Self::List(_) => 6,
            Self::Set(_) => 7,
            Self::Map(_) => 8,
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Int(a), Self::Number(b)) => cmp_int(*a, b),
            (Self::Number(a), Self::Int(b)) => cmp_int(*b, a).reverse(),
            (Self::Number(a), Self::Number(b)) => {
                a.cmp_text(b.as_str()).then_with(|| a.as_str().cmp(b.as_str()))
            }
            (Self::Str(a), Self::Str(b))
            | (Self::Keyword(a), Self::Keyword(b))
            | (Self::Symbol(a), Self::Symbol(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) => a.cmp(b),
            (Self::Set(a), Self::Set(b)) => sorted(a).cmp(&sorted(b)),
            (Self::Map(a), Self::Map(b)) => sorted(a).cmp(&sorted(b)),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.rank());
        match self {
            Self::Nil => {}
            Self::Bool(bool) => bool.hash(state),
            Self::Int(int) => int.hash(state),
            Self::Number(number) => number.hash(state),
            Self::Str(text) | Self::Keyword(text) | Self::Symbol(text) => text.hash(state),
            Self::List(items) => items.hash(state),
            Self::Set(items) => sorted(items).hash(state),
            Self::Map(pairs) => sorted(pairs).hash(state),
        }
    }
}

/// By size; an integer comes before a fractional number of the same size.
fn cmp_int(int: i64, number: &Number) -> Ordering {
    number.cmp_text(&int.to_string()).reverse().then(Ordering::Less)
}

fn sorted<T: Ord>(items: &[T]) -> Vec<&T> {
    let mut items: Vec<&T> = items.iter().collect();
    items.sort();
    items
}

impl fmt::Debug for Value {
    /// As EDN on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_edn())
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::str(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::str(text)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::list(items.into_iter().map(Into::into))
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<I: IntoIterator<Item = Self>>(items: I) -> Self {
        Self::list(items)
    }
}
