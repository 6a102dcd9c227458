//! Why the system refuses to start a file that looked startable, and what helps.

use std::env::consts::ARCH;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::io::Errno;

use super::language::Language;
use super::start::Unstartable;

/// So much of a file is looked at.
const HEAD_BYTES_MAX: u64 = 4_096;

/// What is said of `program`, which is at `file`.
pub(super) fn refused(
    (program, file): (&Path, &Path),
    (language, args): (Language, &str),
    error: &io::Error,
) -> Unstartable {
    let shown = program.display();
    let reason = error.raw_os_error().map(Errno::from_raw_os_error);
    let (why, help) = match reason {
        Some(Errno::NOEXEC) => of_format(&shown.to_string(), &head(file), language),
        // The file is there, so it is what loads it that is not.
        Some(Errno::NOENT) => (
            "the loader or the interpreter that it names is not there".to_owned(),
            "build it on this machine, or link it statically".to_owned(),
        ),
        Some(Errno::MFILE | Errno::NFILE) => (
            error.to_string(),
            "raise the limit of open files (ulimit -n 8192), or take fewer nodes".to_owned(),
        ),
        Some(Errno::AGAIN | Errno::NOMEM) => (
            error.to_string(),
            "take fewer nodes, or raise the limit of processes (ulimit -u)".to_owned(),
        ),
        Some(Errno::ACCESS | Errno::PERM) => {
            (error.to_string(), format!("findmnt -T {shown} (it may be mounted noexec)"))
        }
        Some(Errno::TXTBSY) => {
            (error.to_string(), "wait until whoever writes the file is done".to_owned())
        }
        Some(_) | None => (error.to_string(), format!("{shown} {args}").trim_end().to_owned()),
    };
    Unstartable { what: format!("{shown} cannot be started: {why}"), help }
}

fn head(file: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    if let Ok(file) = File::open(file) {
        // What cannot be read is told as what is not known.
        file.take(HEAD_BYTES_MAX).read_to_end(&mut head).ok();
    }
    head
}

/// What a file is that the system does not know how to start, and what to do.
fn of_format(shown: &str, head: &[u8], language: Language) -> (String, String) {
    let build = format!("build it for {ARCH} and this system");
    let (what, help) = match head {
        [0x7f, b'E', b'L', b'F', ..] => {
            return (elf(head), build);
        }
        [b'M', b'Z', ..] => ("it is a program for Windows", build),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => ("it is a program for macOS", build),
        [0xca, 0xfe, 0xba, 0xbe, ..] => (
            "it is a class of Java or a program for macOS",
            "--bin java -- -cp FOLDER CLASS".to_owned(),
        ),
        [b'P', b'K', 3, 4, ..] if language == Language::Java => {
            ("it is an archive of Java", format!("--bin java -- -jar {shown}"))
        }
        _ if head.contains(&0)
            || std::str::from_utf8(head).is_err_and(|e| e.error_len().is_some()) =>
        {
            ("it is neither a script nor a program that this system knows", format!("file {shown}"))
        }
        _ => match language.interpreter_line() {
            Some(line) => (
                "it is a text, and its first line names no interpreter",
                format!("sed -i '1i {line}' {shown}"),
            ),
            None => (
                "it is a text in a language that is compiled",
                "build it, and give the program that comes of it".to_owned(),
            ),
        },
    };
    (what.to_owned(), help)
}

/// Machines by their numbers in ELF.
const MACHINES: [(u16, &str); 10] = [
    (3, "x86"),
    (8, "mips"),
    (20, "powerpc"),
    (21, "powerpc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
    (258, "loongarch64"),
];
/// Kinds of ELF files that are programs: with fixed places, and without.
const PROGRAMS: [u16; 2] = [2, 3];

fn elf(head: &[u8]) -> String {
    let number = |at: usize| {
        let bytes: [u8; 2] = head.get(at..at + 2)?.try_into().ok()?;
        let is_big = head.get(5) == Some(&2);
        Some(if is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let (Some(kind), Some(machine)) = (number(16), number(18)) else {
        return "it is a program that is cut off".to_owned();
    };
    let known = MACHINES.iter().find(|(code, _)| *code == machine).map(|(_, name)| *name);
    match known {
        Some(name) if name != ARCH => {
            format!("it is a program for {name}, and this machine is {ARCH}")
        }
        None => format!("it is a program for machine {machine} of ELF, and this one is {ARCH}"),
        Some(_) if !PROGRAMS.contains(&kind) => "it is an object file, not a program".to_owned(),
        Some(_) => "it is a damaged program, or one for another system".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(head: &[u8], language: Language) -> String {
        let (what, help) = of_format("./f", head, language);
        format!("{what}; {help}")
    }

    #[test]
    fn what_is_no_program_here_is_named() {
        let elf = |machine: u8, kind: u8| {
            let mut head = b"\x7fELF\x02\x01\x01".to_vec();
            head.resize(16, 0);
            head.extend([kind, 0, machine, 0]);
            head
        };
        let (own, other) = if ARCH == "aarch64" { (183, 62) } else { (62, 183) };
        for (head, language, what) in [
            (elf(other, 2), Language::Unknown, "it is a program for "),
            (elf(own, 1), Language::Unknown, "object file"),
            (elf(own, 3), Language::Unknown, "damaged"),
            (b"\x7fELF\x02\x01\x01\0".to_vec(), Language::Unknown, "cut off; build it for"),
            (b"MZ\x90\0".to_vec(), Language::Unknown, "for Windows; build it for"),
            (b"PK\x03\x04\0".to_vec(), Language::Java, "--bin java -- -jar ./f"),
            (b"\x9a\x03\xff\0\x01".to_vec(), Language::Unknown, "neither a script nor"),
            (b"\x9a\x03\xff\x01".to_vec(), Language::Python, "; file ./f"),
            (b"print()\n".to_vec(), Language::Python, "sed -i '1i #!/usr/bin/env python3' ./f"),
            (b"package main\n".to_vec(), Language::Go, "build it, and give"),
        ] {
            let told = told(&head, language);
            assert!(told.contains(what), "{what:?} is missing: {told}");
            assert_eq!(told.contains("sed"), what.contains("sed"), "it would spoil it: {told}");
        }
    }

    #[test]
    fn limits_are_named_with_what_lifts_them() {
        for (errno, help) in [
            (Errno::MFILE, "ulimit -n 8192"),
            (Errno::NFILE, "ulimit -n 8192"),
            (Errno::AGAIN, "ulimit -u"),
            (Errno::NOENT, "link it statically"),
            (Errno::ACCESS, "noexec"),
        ] {
            let paths = (Path::new("./f"), Path::new("/no/f"));
            let why = refused(paths, (Language::Unknown, ""), &errno.into());
            assert!(why.help.contains(help), "{why:?}");
        }
    }
}
