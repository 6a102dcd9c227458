//! What to do about a mistake, in the language of the node.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The language of a node, as far as its files tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    JavaScript,
    Go,
    Rust,
    Java,
    Cpp,
    Ruby,
    Shell,
    Unknown,
}

/// File extensions and names of interpreters.
const MARKS: &[(&str, Language)] = &[
    ("py", Language::Python),
    ("python", Language::Python),
    ("js", Language::JavaScript),
    ("mjs", Language::JavaScript),
    ("cjs", Language::JavaScript),
    ("ts", Language::JavaScript),
    ("node", Language::JavaScript),
    ("deno", Language::JavaScript),
    ("bun", Language::JavaScript),
    ("go", Language::Go),
    ("rs", Language::Rust),
    ("java", Language::Java),
    ("jar", Language::Java),
    ("cpp", Language::Cpp),
    ("cc", Language::Cpp),
    ("cxx", Language::Cpp),
    ("rb", Language::Ruby),
    ("ruby", Language::Ruby),
    ("sh", Language::Shell),
    ("bash", Language::Shell),
];

impl Language {
    /// Guesses by the extensions of the program and its arguments, then by the first line.
    pub(super) fn guess(program: &Path, args: &[OsString]) -> Self {
        let files = std::iter::once(program).chain(args.iter().map(Path::new));
        let of_extension = |file: &Path| Self::of(file.extension()?.to_str()?);
        let of_interpreter = || {
            let first = first_line(program)?;
            let words = first.strip_prefix("#!")?.split_whitespace();
            words.filter_map(|word| Self::of(word.rsplit('/').next()?)).next_back()
        };
        let in_target = || {
            let folders = program.components().any(|part| part.as_os_str() == "target");
            folders.then_some(Self::Rust)
        };
        let found = files.filter_map(of_extension).next();
        found.or_else(of_interpreter).or_else(in_target).unwrap_or(Self::Unknown)
    }

    fn of(mark: &str) -> Option<Self> {
        let mark = mark.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        MARKS.iter().find(|(known, _)| *known == mark).map(|&(_, language)| language)
    }

    /// How to print text that is no message.
    pub(super) const fn print_to_stderr(self) -> Option<&'static str> {
        match self {
            Self::Python => Some("print(…, file=sys.stderr)"),
            Self::JavaScript => Some("console.error(…)"),
            Self::Go => Some("fmt.Fprintln(os.Stderr, …)"),
            Self::Rust => Some("eprintln!(…)"),
            Self::Java => Some("System.err.println(…)"),
            Self::Cpp => Some("std::cerr << …"),
            Self::Ruby => Some("warn(…)"),
            Self::Shell => Some("echo … >&2"),
            Self::Unknown => None,
        }
    }

    /// How to end a line and send it at once.
    pub(super) const fn print_a_line(self) -> Option<&'static str> {
        match self {
            Self::Python => Some("print(…, flush=True)"),
            Self::JavaScript => Some("process.stdout.write(… + \"\\n\")"),
            Self::Go => Some("fmt.Fprintln(w, …), then w.Flush()"),
            Self::Rust => Some("println!(…), then stdout().flush()"),
            Self::Java => Some("System.out.println(…), then System.out.flush()"),
            Self::Cpp => Some("std::cout << … << std::endl"),
            Self::Ruby => Some("puts(…) after $stdout.sync = true"),
            Self::Shell => Some("printf '%s\\n' …"),
            Self::Unknown => None,
        }
    }

    /// The first line that makes a file of this language a program, unless it is to be compiled.
    pub(super) const fn interpreter_line(self) -> Option<&'static str> {
        match self {
            Self::Python => Some("#!/usr/bin/env python3"),
            Self::JavaScript => Some("#!/usr/bin/env node"),
            Self::Ruby => Some("#!/usr/bin/env ruby"),
            Self::Shell | Self::Unknown => Some("#!/bin/sh"),
            Self::Go | Self::Rust | Self::Java | Self::Cpp => None,
        }
    }
}

/// The first line of a file, if it is a short text. The carriage return of a file from Windows
/// is left at its end.
pub(super) fn first_line(file: &Path) -> Option<String> {
    let mut head = Vec::new();
    File::open(file).ok()?.take(256).read_to_end(&mut head).ok()?;
    let line = head.split(|&byte| byte == b'\n').next()?;
    String::from_utf8(line.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_shows_in_the_names_of_files() {
        let of = |program: &str, args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(Into::into).collect();
            Language::guess(Path::new(program), &args)
        };
        assert_eq!(of("echo.py", &[]), Language::Python);
        assert_eq!(of("/no/python3.11", &["a/echo.py"]), Language::Python);
        assert_eq!(of("echo", &["--fast"]), Language::Unknown);
        assert_eq!(of("target/release/echo", &[]), Language::Rust);
        assert_eq!(of("echo.mjs", &[]).print_to_stderr(), Some("console.error(…)"));
    }
}
