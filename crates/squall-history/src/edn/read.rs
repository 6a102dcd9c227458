//! The EDN reader: all of EDN, bounded in depth and size. Any bytes give forms or a [`ParseError`].

use std::sync::Arc;

use crate::problem::ParseError;
use crate::value::Value;

/// Deepest nesting of collections, tags and discards that is read.
pub const EDN_DEPTH_MAX: usize = 64;
/// Largest single form, in bytes.
const FORM_BYTES_MAX: usize = 64 << 20;

impl Value {
    /// Reads one EDN form, with nothing but white space and comments around it.
    ///
    /// # Errors
    /// Says where the text stops to be EDN, or is nested deeper than [`EDN_DEPTH_MAX`].
    pub fn from_edn(text: impl AsRef<[u8]>) -> Result<Self, ParseError> {
        let mut reader = EdnReader::new(text.as_ref());
        let value = reader.next_form()?.ok_or_else(|| reader.error("no form"))?;
        match reader.next_form()? {
            None => Ok(value),
            Some(_) => Err(reader.error("a second form")),
        }
    }
}

/// Reads forms one after the other.
///
/// Tags are dropped and their forms kept (`#inst "…"` reads as the string); characters read as
/// strings of one character, ratios and `##Inf` as symbols, keys of a namespaced map without the
/// namespace. Octal, hexadecimal and radix integers are errors.
#[derive(Debug)]
pub struct EdnReader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    form_start: usize,
}

/// What stands at the cursor.
enum Token {
    Form(Value),
    /// A closing bracket, not yet consumed.
    Close(u8),
    End,
}

impl<'a> EdnReader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0, form_start: 0 }
    }

    /// The next form at the top level, or `None` at the end.
    ///
    /// # Errors
    /// Says where the text stops to be EDN; the reader must not be used after that.
    pub fn next_form(&mut self) -> Result<Option<Value>, ParseError> {
        self.skip_space();
        self.form_start = self.at;
        self.depth = 0;
        match self.token()? {
            Token::Form(value) => Ok(Some(value)),
            Token::End => Ok(None),
            Token::Close(_) => Err(self.error("a closing bracket without an opening one")),
        }
    }

    /// Bytes consumed so far.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// If the next thing is a `[` or `(`, steps into it, so that its forms can be read one by one.
    pub fn enter_sequence(&mut self) -> bool {
        self.skip_space();
        let found = matches!(self.bytes.get(self.at), Some(b'[' | b'('));
        self.at += usize::from(found);
        found
    }

    /// If the next thing is a `]` or `)`, steps out of the sequence.
    ///
    /// # Errors
    /// As for any form.
    pub fn leave_sequence(&mut self) -> Result<bool, ParseError> {
        loop {
            self.skip_space();
            match self.bytes.get(self.at) {
                Some(b']' | b')') => {
                    self.at += 1;
                    return Ok(true);
                }
                // A discarded form may be the last thing in a sequence.
                Some(b'#') if self.bytes.get(self.at + 1) == Some(&b'_') => {
                    self.form_start = self.at;
                    self.discard()?;
                }
                _ => return Ok(false),
            }
        }
    }

    fn token(&mut self) -> Result<Token, ParseError> {
        loop {
            self.skip_space();
            if self.at - self.form_start > FORM_BYTES_MAX {
                return Err(self.error("a form of more than 64 MiB"));
            }
            let value = match self.bytes.get(self.at).copied() {
                None => return Ok(Token::End),
                Some(c @ (b')' | b']' | b'}')) => return Ok(Token::Close(c)),
                Some(b'(') => Value::List(self.sequence(b')')?.into()),
                Some(b'[') => Value::List(self.sequence(b']')?.into()),
                Some(b'{') => self.map(false)?,
                Some(b'"') => Value::Str(self.string()?.into()),
                Some(b'\\') => self.character()?,
                Some(b':') => self.keyword()?,
                Some(b'#') => match self.dispatch()? {
                    Some(value) => value,
                    None => continue,
                },
                Some(_) => self.atom()?,
            };
            return Ok(Token::Form(value));
        }
    }

    /// A form that must be there.
    fn form(&mut self) -> Result<Value, ParseError> {
        match self.token()? {
            Token::Form(value) => Ok(value),
            Token::Close(_) => Err(self.error("a closing bracket where a form should be")),
            Token::End => Err(self.error("the text ends where a form should be")),
        }
    }

    /// The forms up to `close`; the cursor is at the opening bracket.
    fn sequence(&mut self, close: u8) -> Result<Vec<Value>, ParseError> {
        self.descend()?;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            match self.token()? {
                Token::Form(value) => items.push(value),
                Token::Close(c) if c == close => break,
                Token::Close(_) => return Err(self.error("the wrong closing bracket")),
                Token::End => return Err(self.error("a collection without its closing bracket")),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(items)
    }

    fn map(&mut self, namespaced: bool) -> Result<Value, ParseError> {
        let start = self.at;
        let forms = self.sequence(b'}')?;
        if forms.len() % 2 == 1 {
            return Err(ParseError::at(self.bytes, start, "a map with a key but no value"));
        }
        let mut pairs = Vec::with_capacity(forms.len() / 2);
        let mut forms = forms.into_iter();
        while let (Some(key), Some(value)) = (forms.next(), forms.next()) {
            let key = match key {
                // `#:ns{:_/a 1}` names a key without a namespace.
                Value::Keyword(name) if namespaced => {
                    Value::keyword(name.strip_prefix("_/").unwrap_or(&name))
                }
                key => key,
            };
            pairs.push((key, value));
        }
        Ok(Value::map(pairs))
    }

    /// What `#` begins; `None` for a discarded form.
    fn dispatch(&mut self) -> Result<Option<Value>, ParseError> {
        match self.bytes.get(self.at + 1) {
            Some(b'_') => {
                self.discard()?;
                Ok(None)
            }
            Some(b'{') => {
                self.at += 1;
                Ok(Some(Value::set(self.sequence(b'}')?)))
            }
            Some(b'#') => {
                self.at += 2;
                match self.symbol_text() {
                    name @ ("Inf" | "-Inf" | "NaN") => {
                        Ok(Some(Value::Symbol(format!("##{name}").into())))
                    }
                    _ => Err(self.error("`##` without Inf, -Inf or NaN")),
                }
            }
            Some(b':') => {
                self.at += 2;
                if self.symbol_text().is_empty() || self.bytes.get(self.at) != Some(&b'{') {
                    return Err(self.error("`#:` without a namespace and a map"));
                }
                Ok(Some(self.map(true)?))
            }
            Some(c) if c.is_ascii_alphabetic() => {
                self.at += 1;
                self.symbol_text();
                self.descend()?;
                let value = self.form()?;
                self.depth -= 1;
                Ok(Some(value))
            }
            _ => Err(self.error("an unknown use of `#`")),
        }
    }

    /// `#_ form`; the cursor is at the `#`.
    fn discard(&mut self) -> Result<(), ParseError> {
        self.descend()?;
        self.at += 2;
        self.form()?;
        self.depth -= 1;
        Ok(())
    }

    fn string(&mut self) -> Result<String, ParseError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.bytes[self.at..];
            let size = rest.iter().take_while(|b| !matches!(b, b'"' | b'\\')).count();
            text.push_str(self.utf8(self.at, self.at + size)?);
            self.at += size;
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(_) => text.push(self.escape()?),
                None => return Err(self.error("a string without its closing quote")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let c = self.bytes.get(self.at + 1).copied();
        self.at += 2;
        Ok(match c {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(c @ (b'"' | b'\\')) => char::from(c),
            Some(b'u') => {
                let digits = self.bytes.get(self.at..self.at + 4).unwrap_or(&[]);
                let c = std::str::from_utf8(digits).ok().and_then(hex_char);
                self.at += 4;
                c.ok_or_else(|| self.error("`\\u` without the code of a character"))?
            }
            _ => return Err(self.error("an unknown escape in a string")),
        })
    }

    fn character(&mut self) -> Result<Value, ParseError> {
        self.at += 1;
        let start = self.at;
        // The first byte belongs to the character whatever it is: `\(`, `\"`.
        self.at = (self.at + 1).min(self.bytes.len());
        while self.bytes.get(self.at).is_some_and(|&b| is_symbol_byte(b)) {
            self.at += 1;
        }
        let name = self.utf8(start, self.at)?;
        let text = match name {
            "newline" => "\n".to_owned(),
            "space" => " ".to_owned(),
            "tab" => "\t".to_owned(),
            "return" => "\r".to_owned(),
            "backspace" => "\u{8}".to_owned(),
            "formfeed" => "\u{c}".to_owned(),
            name if name.chars().count() == 1 => name.to_owned(),
            name => match name.strip_prefix('u').and_then(hex_char) {
                Some(c) => c.to_string(),
                None => return Err(ParseError::at(self.bytes, start, "an unknown character name")),
            },
        };
        Ok(Value::Str(text.into()))
    }

    fn keyword(&mut self) -> Result<Value, ParseError> {
        self.at += 1;
        let start = self.at;
        let name = self.symbol_text();
        if name.is_empty() || name.starts_with(':') {
            return Err(ParseError::at(self.bytes, start, "`:` without the name of a keyword"));
        }
        Ok(Value::keyword(name))
    }

    /// A number, a symbol, or one of the three words.
    fn atom(&mut self) -> Result<Value, ParseError> {
        let start = self.at;
        let text: &str = self.symbol_text();
        if text.is_empty() {
            return Err(self.error("a character that begins no form"));
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if unsigned.starts_with(|c: char| c.is_ascii_digit()) {
            return number(text, unsigned)
                .ok_or_else(|| ParseError::at(self.bytes, start, "not a number of EDN"));
        }
        Ok(match text {
            "nil" => Value::Nil,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::Symbol(Arc::from(text)),
        })
    }

    /// The longest run of symbol characters at the cursor; empty if there is none or it is not
    /// UTF-8.
    fn symbol_text(&mut self) -> &'a str {
        let start = self.at;
        let size = self.bytes[start..].iter().take_while(|&&b| is_symbol_byte(b)).count();
        match std::str::from_utf8(&self.bytes[start..start + size]) {
            Ok(text) => {
                self.at += size;
                text
            }
            Err(_) => "",
        }
    }

    fn utf8(&self, start: usize, end: usize) -> Result<&'a str, ParseError> {
        std::str::from_utf8(&self.bytes[start..end])
            .map_err(|e| ParseError::at(self.bytes, start + e.valid_up_to(), "not UTF-8"))
    }

    fn skip_space(&mut self) {
        while let Some(&b) = self.bytes.get(self.at) {
            match b {
                b' ' | b'\t' | b'\n' | b'\r' | b',' | 0x0c => self.at += 1,
                b';' => {
                    let rest = &self.bytes[self.at..];
                    self.at += rest.iter().take_while(|&&b| b != b'\n').count();
                }
                _ => return,
            }
        }
    }

    fn descend(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > EDN_DEPTH_MAX {
            return Err(self.error("nested more than 64 deep"));
        }
        Ok(())
    }

    fn error(&self, message: &'static str) -> ParseError {
        ParseError::at(self.bytes, self.at, message)
    }
}

/// Whether a byte can be part of a symbol, keyword or number. Bytes of characters beyond ASCII can.
pub(super) fn is_symbol_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b >= 0x80 || b".*+!-_?$%&=<>/:#'|".contains(&b)
}

fn hex_char(digits: &str) -> Option<char> {
    let is_hex = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex {
        return None;
    }
    u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
}

/// An integer, fractional number or ratio; `unsigned` is `text` without its sign and begins with a
/// digit.
fn number(text: &str, unsigned: &str) -> Option<Value> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Some((numerator, denominator)) = unsigned.split_once('/') {
        let is_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let is_ratio = is_digits(numerator) && is_digits(denominator);
        return is_ratio.then(|| Value::Symbol(text.into()));
    }
    if unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.as_bytes()[1].is_ascii_digit() {
        return None;
    }
    if let Some(integer) = text.strip_suffix('N') {
        let is_integer = unsigned[..unsigned.len() - 1].bytes().all(|b| b.is_ascii_digit());
        return if is_integer { Value::number(integer) } else { None };
    }
    match text.strip_suffix('M') {
        // An exact decimal is fractional even when it is written without a point.
        Some(decimal) if decimal.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
            Value::number(&format!("{decimal}.0"))
        }
        Some(decimal) => Value::number(decimal),
        None => Value::number(text),
    }
}
