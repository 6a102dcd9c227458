//! A Rust file, taken apart as far as the rules need it: code, comments, strings, tests.

use std::ops::Range;

/// A file and three texts of the same length and lines: as it is, without comments, and without
/// comments and the insides of strings. What is left out is blank.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Path from the root.
    pub(crate) path: String,
    /// The file.
    pub(crate) text: String,
    /// Without comments.
    pub(crate) uncommented: String,
    /// Without comments and insides of strings.
    pub(crate) code: String,
    /// Whether all of it is test code.
    pub(crate) is_test: bool,
    tests: Vec<Range<usize>>,
}

/// What a line is to those who count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// Nothing.
    Blank,
    /// Nothing but a comment.
    Comment,
    /// Code of a test.
    Test,
    /// Code.
    Production,
}

/// Where the files of a module lie that exists only in tests.
#[derive(Clone, Debug)]
pub(crate) struct TestModule {
    prefix: String,
}

impl TestModule {
    /// Whether this file belongs to the module.
    pub(crate) fn holds(&self, path: &str) -> bool {
        path.strip_prefix(&self.prefix).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }
}

impl Source {
    /// Takes a file apart.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (uncommented, code) = blank_out(text);
        let tests = test_items(&code);
        let is_test = path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches"));
        Self { path: path.into(), text: text.into(), uncommented, code, is_test, tests }
    }

    /// The lines with what they are, numbered from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, LineKind, &str)> {
        let starts = self.text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(starts);
        starts.zip(self.text.lines()).enumerate().map(|(number, (start, line))| {
            let uncommented = &self.uncommented[start..start + line.len()];
            let kind = if line.trim().is_empty() {
                LineKind::Blank
            } else if uncommented.trim().is_empty() {
                LineKind::Comment
            } else if self.is_test_at(start + line.len() - line.trim_start().len()) {
                LineKind::Test
            } else {
                LineKind::Production
            };
            (number + 1, kind, line)
        })
    }

    /// The number of lines of a kind.
    pub(crate) fn count(&self, kind: LineKind) -> usize {
        self.lines().filter(|(_, of, _)| *of == kind).count()
    }

    /// The line of a place, from 1.
    pub(crate) fn line_of(&self, place: usize) -> usize {
        self.text[..place].matches('\n').count() + 1
    }

    /// Whether a place lies in code of a test.
    pub(crate) fn is_test_at(&self, place: usize) -> bool {
        self.is_test || self.tests.iter().any(|test| test.contains(&place))
    }

    /// Where a word or path stands in the code, not as a part of a longer word.
    pub(crate) fn places_of<'s>(&'s self, word: &'s str) -> impl Iterator<Item = usize> + 's {
        places_in(&self.code, word)
    }

    /// As [`Source::places_of`], outside tests only.
    pub(crate) fn production_places_of<'s>(
        &'s self,
        word: &'s str,
    ) -> impl Iterator<Item = usize> + 's {
        self.places_of(word).filter(|&place| !self.is_test_at(place))
    }

    /// The modules that this file declares for tests only, in files of their own.
    pub(crate) fn modules_of_tests(&self) -> Vec<TestModule> {
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let inside = match name {
            "lib.rs" | "main.rs" | "mod.rs" => String::from(folder),
            _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
        };
        let items = self.tests.iter().map(|range| self.code[range.clone()].trim_end());
        let modules = items.filter_map(|item| item.strip_suffix(';')?.rsplit_once("mod "));
        modules
            .map(|(_, name)| TestModule { prefix: format!("{inside}/{}", name.trim()) })
            .collect()
    }

    /// What stands in the brackets that open at `place`, as far as they are closed.
    pub(crate) fn inside(&self, place: usize) -> &str {
        &self.code[place..closing(&self.code, place).unwrap_or(self.code.len())]
    }
}

/// Where `word` stands in `text`, not as a part of a longer word.
pub(crate) fn places_in<'s>(text: &'s str, word: &'s str) -> impl Iterator<Item = usize> + 's {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(place, _)| place).filter(move |&place| {
        let before = text[..place].chars().next_back().is_some_and(part_of_word);
        let after = text[place + word.len()..].chars().next().is_some_and(part_of_word);
        let is_tail = before && word.starts_with(part_of_word);
        let is_head = after && word.ends_with(part_of_word);
        !is_tail && !is_head
    })
}

/// The items under `#[cfg(test)]` or `#[test]`, from the attribute to their end.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items = Vec::new();
    for attribute in ["#[cfg(test)]", "#[cfg(all(test", "#[test]"] {
        for (start, _) in code.match_indices(attribute) {
            let after = closing(code, start + 1).map_or(code.len(), |end| end + 1);
            items.push(start..item_end(code, after));
        }
    }
    items
}

/// Where the item that begins at `from` ends: at its `;`, or with its braces. Brackets of its
/// signature and of further attributes are passed over.
fn item_end(code: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = code.as_bytes().get(at) {
        match byte {
            b';' => return at + 1,
            b'{' => return closing(code, at).map_or(code.len(), |end| end + 1),
            b'(' | b'[' => at = closing(code, at).unwrap_or(code.len()),
            _ => {}
        }
        at += 1;
    }
    code.len()
}

/// Where the bracket that opens at `open` is closed.
fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, byte) in code.as_bytes()[open..].iter().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(open + offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// The text without comments, and without comments and insides of strings. Line breaks stay, and
/// every other byte that is left out becomes a space, so that places stay the same.
fn blank_out(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let mut uncommented = bytes.to_vec();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let (end, comment) = match &bytes[at..] {
            [b'/', b'/', ..] => (find(bytes, at, b"\n"), true),
            [b'/', b'*', ..] => (comment_end(bytes, at), true),
            [b'"', ..] => (string_end(bytes, at), false),
            [b'r', b'"' | b'#', ..] if starts_word(bytes, at) => match raw_end(bytes, at) {
                Some(end) => (end, false),
                None => (at, false),
            },
            [b'\'', ..] => (char_end(bytes, at), false),
            _ => (at, false),
        };
        if comment {
            blank(&mut uncommented[at..end]);
            blank(&mut code[at..end]);
        } else if end > at + 1 {
            blank(&mut code[at + 1..end - 1]);
        }
        at = end.max(at + 1);
    }
    let text_of = |bytes| String::from_utf8(bytes).expect("whole characters were blanked");
    (text_of(uncommented), text_of(code))
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> usize {
    let rest = &bytes[from..];
    let found = rest.windows(what.len()).position(|window| window == what);
    found.map_or(bytes.len(), |offset| from + offset)
}

fn starts_word(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| bytes[before]);
    // `br"…"` and `cr"…"` are raw strings too.
    let before = match before {
        Some(b'b' | b'c') => at.checked_sub(2).map(|before| bytes[before]),
        other => other,
    };
    !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The end of a comment that may hold others.
fn comment_end(bytes: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of `r"…"`, `r#"…"#` and so on; nothing if this is a raw name such as `r#type`.
fn raw_end(bytes: &[u8], from: usize) -> Option<usize> {
    let marks = bytes[from + 1..].iter().take_while(|byte| **byte == b'#').count();
    let open = from + 1 + marks;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + marks, b'#');
    Some((find(bytes, open + 1, &end) + end.len()).min(bytes.len()))
}

/// The end of a character literal; `from` itself if this is a lifetime.
fn char_end(bytes: &[u8], from: usize) -> usize {
    match &bytes[from + 1..] {
        [b'\\', _, rest @ ..] => {
            let length = rest.iter().position(|byte| *byte == b'\'').unwrap_or(rest.len());
            (from + 3 + length + 1).min(bytes.len())
        }
        // One character of up to four bytes and the closing quote.
        rest => match rest.iter().take(5).skip(1).position(|byte| *byte == b'\'') {
            Some(0) => from + 3,
            Some(more) if rest[0] >= 0x80 => from + 3 + more,
            _ => from,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<LineKind> {
        Source::new("crates/x/src/a.rs", text).lines().map(|(_, kind, _)| kind).collect()
    }

    fn code(text: &str) -> String {
        Source::new("a.rs", text).code
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        assert_eq!(code("a(); // b"), "a();     ");
        assert_eq!(code("a(/* b /* c */ */);"), "a(               );");
        assert_eq!(code(r#"a("// \" b");"#), "a(\"       \");");
        assert_eq!(code("r#\"b\"c\"#;"), "r      #;");
        assert_eq!(code("r#type;"), "r#type;");
        assert_eq!(code("br\"b\";x"), "br  \";x");
    }

    #[test]
    fn quotes_of_characters_and_lifetimes_open_no_string() {
        assert_eq!(code("f('\"', 'x', '\\'', 'é');"), "f(' ', ' ', '  ', '  ');");
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
    }

    #[test]
    fn lines_are_blank_comment_test_or_production() {
        use LineKind::{Blank, Comment, Production, Test};
        let text = "//! A\n\nfn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\nfn h() {}\n";
        let expected = [Comment, Blank, Production, Test, Test, Test, Test, Production];
        assert_eq!(kinds(text), expected);
        assert_eq!(kinds("let a = \"\n// no comment\n\";\n"), [Production; 3]);
    }

    #[test]
    fn a_test_item_ends_where_it_ends() {
        use LineKind::{Production, Test};
        assert_eq!(kinds("#[cfg(test)]\nuse a::{b, c};\nfn f() {}\n"), [Test, Test, Production]);
        assert_eq!(kinds("#[test]\nfn f(a: [u8; 2]) {\n}\nfn g() {}\n")[2..], [Test, Production]);
    }

    #[test]
    fn modules_of_tests_are_found() {
        let lib = Source::new("crates/x/src/lib.rs", "#[cfg(test)]\nmod oracle;\nmod real;\n");
        let [module] = &lib.modules_of_tests()[..] else { panic!("one module") };
        assert!(module.holds("crates/x/src/oracle.rs"));
        assert!(module.holds("crates/x/src/oracle/deep.rs"));
        assert!(!module.holds("crates/x/src/real.rs"));
    }

    #[test]
    fn words_are_whole_words() {
        let source = Source::new("a.rs", "HashMap MyHashMap HashMapping a.HashMap");
        assert_eq!(source.places_of("HashMap").collect::<Vec<_>>(), [0, 32]);
    }
}
