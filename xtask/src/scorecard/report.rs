//! The table, for the terminal and for `docs/scorecard.md`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::{Outcome, Row, machine};
use crate::{Error, root};

/// Topic, figure, measured, target, verdict, note.
type Cells = [String; 6];

/// A number with its unit: three digits or more, thousands apart.
pub(super) fn quantity(value: f64, unit: &str) -> String {
    let size = value.abs();
    let whole = (value - value.round()).abs() < 1e-9;
    let digits = match size {
        _ if whole => format!("{value:.0}"),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    let (digits, fraction) = match digits.split_once('.') {
        Some((digits, fraction)) => (String::from(digits), format!(".{fraction}")),
        None => (digits, String::new()),
    };
    let mut number = fraction;
    for (place, digit) in digits.chars().rev().enumerate() {
        if place > 0 && place % 3 == 0 && digit.is_ascii_digit() {
            number.insert(0, ',');
        }
        number.insert(0, digit);
    }
    let space = if unit.is_empty() || unit == "%" { "" } else { " " };
    format!("{number}{space}{unit}")
}

fn cells(row: &Row, outcome: &Outcome) -> Cells {
    let (measured, verdict, note) = match outcome {
        Outcome::Held(figure) => {
            (quantity(figure.value, row.target.unit), "held", figure.note.clone())
        }
        Outcome::Short(figure) => {
            (quantity(figure.value, row.target.unit), "short", figure.note.clone())
        }
        Outcome::Failed(why) => ("–".into(), "short", format!("could not be measured: {why}")),
        Outcome::NotRun => ("–".into(), "not run", String::new()),
    };
    let target = row.target.to_string();
    [row.topic.into(), row.figure.into(), measured, target, verdict.into(), note]
}

/// The table for the terminal, columns aligned.
pub(super) fn table(rows: &[Row], outcomes: &[Outcome]) -> String {
    let heading = ["topic", "figure", "measured", "target", "", ""].map(String::from);
    let body = rows.iter().zip(outcomes).map(|(row, outcome)| cells(row, outcome));
    let lines = std::iter::once(heading).chain(body).collect::<Vec<_>>();
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    let mut text = String::new();
    for line in &lines {
        let mut padded = String::new();
        for (cell, width) in line.iter().zip(widths) {
            padded += cell;
            padded += &" ".repeat(width - cell.chars().count() + 2);
        }
        padded += &line[5];
        text += padded.trim_end();
        text.push('\n');
    }
    text.trim_end().into()
}

/// Writes the table to a file. Rows that were not run keep what the file says of an earlier
/// commit.
///
/// # Errors
/// If the file can't be written.
pub(super) fn write(path: &Path, rows: &[Row], outcomes: &[Outcome]) -> Result<(), Error> {
    let path = root().join(path);
    let before = fs::read_to_string(&path).unwrap_or_default();
    let stamp =
        Stamp { commit: machine::commit(), date: machine::date(), machine: machine::description() };
    let page = page(rows, outcomes, &stamp, &before);
    fs::write(&path, page).map_err(|error| Error::Io(path.display().to_string(), error))
}

/// When, where and on which sources the scorecard was made.
pub(super) struct Stamp {
    pub(super) commit: String,
    pub(super) date: String,
    pub(super) machine: String,
}

/// The page `docs/scorecard.md`.
pub(super) fn page(rows: &[Row], outcomes: &[Outcome], stamp: &Stamp, before: &str) -> String {
    let Stamp { commit, date, machine } = stamp;
    let earlier = earlier(before);
    let mut page = format!(
        "# Scorecard\n\nWritten by `cargo xtask scorecard --out docs/scorecard.md`, not by hand. \
         Every figure that is claimed anywhere is a row here.\n\n\
         Commit {commit}, {date}, {machine}.\n\n\
         | topic | figure | measured | target | verdict | commit | note |\n\
         |---|---|---:|---:|---|---|---|\n"
    );
    for (row, outcome) in rows.iter().zip(outcomes) {
        let [topic, figure, measured, target, verdict, note] =
            cells(row, outcome).map(|cell| cell.replace('|', "/").replace('\n', " "));
        let mut line = [topic, figure, measured, target, verdict, commit.clone(), note];
        if matches!(outcome, Outcome::NotRun) {
            line[4] = "not run at this commit".into();
            line[5] = String::from("–");
            if let Some([measured, commit, note]) = earlier.get(row.figure) {
                (line[2], line[5], line[6]) = (measured.clone(), commit.clone(), note.clone());
            }
        }
        writeln!(page, "| {} |", line.join(" | ")).expect("a String takes everything");
    }
    page
}

/// Measured, commit and note of the rows of an earlier page, by figure.
fn earlier(page: &str) -> BTreeMap<String, [String; 3]> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let mut found = BTreeMap::new();
    for line in lines {
        let cells = line.split(" | ").map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        if let [_, figure, measured, _, _, commit, note] = &cells[..] {
            found.insert(figure.clone(), [measured.clone(), commit.clone(), note.clone()]);
        }
    }
    found
}
