//! Damaged files of every form: whatever the bytes are, a reader ends with a history or with a
//! problem that has its place. A short, fixed budget; more with `SQUALL_FUZZ_TEXTS`.

use squall_history::formats::{self, FORMATS};

use crate::detect::TEXTS;

/// Damaged texts for each form.
const TEXTS_USUAL: u64 = 20_000;
/// What is put into texts: what parsers trip over.
const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b"\"",
    b"\\",
    b":",
    b",",
    b"#",
    b";",
    b"\n",
    b"\0",
    b"\xff",
    b"nil",
    b"null",
    b"-",
    b"1e999",
    b"99999999999999999999",
    b"\\u",
    b"\xf0\x9f",
    b":type",
    b"//",
];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound.max(1) as u64).unwrap_or(0)
    }
}

/// A text with up to six wounds.
fn damaged(random: &mut Random, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..1 + random.below(6) {
        let at = random.below(text.len() + 1);
        match random.below(6) {
            0 => text.truncate(at),
            1 if at < text.len() => text[at] ^= 1 << random.below(8),
            2 if at < text.len() => drop(text.remove(at)),
            3 => drop(text.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
            4 => {
                let from = random.below(text.len() + 1).min(at);
                let part = text[from..at].to_vec();
                drop(text.splice(at..at, part));
            }
            _ => {
                let to = (at + random.below(9)).min(text.len());
                drop(text.drain(at..to));
            }
        }
    }
    text
}

#[test]
fn no_damage_is_more_than_a_problem_with_a_place() {
    let asked = std::env::var("SQUALL_FUZZ_TEXTS").ok().and_then(|text| text.parse().ok());
    let texts_count = asked.unwrap_or(TEXTS_USUAL);
    for format in FORMATS {
        let texts = TEXTS.iter().filter(|(name, _)| *name == format.name);
        let texts: Vec<&str> = texts.map(|&(_, text)| text).collect();
        for seed in 0..texts_count {
            let random = &mut Random(seed);
            let whole = texts[random.below(texts.len())];
            let text = damaged(random, whole.as_bytes());
            let shown =
                || format!("{}, seed {seed}: {:?}", format.name, String::from_utf8_lossy(&text));
            match std::panic::catch_unwind(|| (format.read)(&text)) {
                Err(_) => panic!("the reader panics: {}", shown()),
                Ok(Ok(read)) => drop(read.history.operations()),
                Ok(Err(problem)) => {
                    assert!(problem.line > 0 && problem.column > 0, "{problem:?} {}", shown());
                    assert!(problem.raw.len() <= 200, "{problem:?}");
                    assert!(!problem.hint.is_empty(), "{problem:?}");
                }
            }
            // Nor does looking at it.
            assert!(formats::detect(&text).is_none_or(|form| !form.name.is_empty()));
        }
    }
}
