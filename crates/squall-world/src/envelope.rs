//! What travels between actors.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use squall_node::{ActorId, Bytes, Form, Lineage, hash_text};

use crate::journal::NameText;

/// A name of messages, as a small number. Only the World makes them; draws use the hash of the
/// text, since the numbers depend on who spoke first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

/// How many different names of messages a run may use. Names beyond it are all called `other`.
pub const SYMBOLS_MAX: usize = 10_000;

/// A message in the network. The bytes in the World are the bytes on the wire; the ids beside
/// them are a parsed copy.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Network-wide counter from 0, as Maelstrom's `id`.
    pub id: u64,
    /// Who says it.
    pub src: ActorId,
    /// Whom it is for.
    pub dest: ActorId,
    /// The key of every draw about this message.
    pub lineage: Lineage,
    /// Its own id, if it is a request.
    pub msg_id: Option<u64>,
    /// The id it answers.
    pub in_reply_to: Option<u64>,
    /// Its name: `type` of a JSON body, `Wire::name` of a binary one.
    pub name: Symbol,
    /// The form of the body.
    pub form: Form,
    /// The body.
    pub body: Bytes,
}

/// A name of messages, and what is needed of it again and again.
#[derive(Clone, Debug)]
struct Text {
    text: Arc<str>,
    hash: u64,
    line: NameText,
}

/// The names of messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Symbols {
    texts: Vec<Text>,
    numbers: BTreeMap<Arc<str>, Symbol>,
    /// Where the texts of recent static names lie, so that most look-ups compare two words.
    recent: [Option<(usize, usize, Symbol)>; 8],
}

impl Symbols {
    #[allow(clippy::ptr_arg, reason = "only a static text has an address that stands for it")]
    pub(crate) fn of(&mut self, text: &Cow<'static, str>) -> Symbol {
        let Cow::Borrowed(fixed) = text else { return self.intern(text) };
        let place = (fixed.as_ptr() as usize, fixed.len());
        let slot = (place.0 >> 3) & 7;
        if let Some((at, len, symbol)) = self.recent[slot]
            && (at, len) == place
        {
            return symbol;
        }
        let symbol = self.intern(fixed);
        self.recent[slot] = Some((place.0, place.1, symbol));
        symbol
    }

    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if let Some(&symbol) = self.numbers.get(text) {
            return symbol;
        }
        let text = if self.texts.len() < SYMBOLS_MAX { text } else { "other" };
        if let Some(&symbol) = self.numbers.get(text) {
            return symbol;
        }
        let symbol = Symbol(u32::try_from(self.texts.len()).expect("bounded by SYMBOLS_MAX"));
        let text: Arc<str> = Arc::from(text);
        let (hash, line) = (hash_text(&text), NameText::new(&text));
        self.texts.push(Text { text: Arc::clone(&text), hash, line });
        self.numbers.insert(text, symbol);
        symbol
    }

    pub(crate) fn text(&self, symbol: Symbol) -> &str {
        &self.texts[symbol.0 as usize].text
    }

    pub(crate) fn hash(&self, symbol: Symbol) -> u64 {
        self.texts[symbol.0 as usize].hash
    }

    pub(crate) fn line(&self, symbol: Symbol) -> &NameText {
        &self.texts[symbol.0 as usize].line
    }
}
