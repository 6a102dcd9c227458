use super::report::{Stamp, page, quantity, table};
use super::*;

fn two(_: Effort) -> Result<Figure, Error> {
    Ok(Figure { value: 2.0, note: "2 of 2 | all".into() })
}

fn nothing(_: Effort) -> Result<Figure, Error> {
    Err(Error::Program("it is not there".into()))
}

const fn row(figure: &'static str, target: Target) -> Row {
    Row { topic: "a", figure, target, measure: two, quick: Some(Duration::from_secs(1)) }
}

const HELD: Row = row("held", Target::less(4.0, "min"));
const SHORT: Row = row("short", Target::at_least(1_500_000.0, "messages/s"));
const SLOW: Row = Row { quick: None, topic: "b", ..row("slow", Target::at_most(2.0, "s")) };
const FAILS: Row = Row { measure: nothing, ..row("fails", Target::more(1.0, "")) };

fn order(topic: Option<&str>, effort: Effort) -> Order {
    Order { topic: topic.map(String::from), effort, out: None }
}

fn outcomes(rows: &[Row], order: &Order) -> Vec<Outcome> {
    rows.iter().map(|row| outcome(row, order)).collect()
}

#[test]
fn short_and_failed_rows_fail_the_whole() {
    let quick = order(None, Effort::Quick);
    assert!(run(&[HELD], &quick).expect("it runs"));
    assert!(!run(&[HELD, SHORT], &quick).expect("it runs"));
    assert!(!run(&[HELD, FAILS], &quick).expect("it runs"));
    // What is not run is neither.
    assert!(run(&[HELD, SLOW], &quick).expect("it runs"));
    assert!(run(&[SHORT, SLOW], &order(Some("b"), Effort::Full)).expect("it runs"));
}

#[test]
fn an_unknown_topic_lists_those_that_exist() {
    let error = run(&[HELD, SLOW], &order(Some("c"), Effort::Full)).expect_err("there is no c");
    assert_eq!(error.to_string(), "there is no topic \"c\"; there are: a, b");
}

#[test]
fn targets_are_met_or_not() {
    let met = |target: Target| [1.0, 2.0, 3.0].map(|value| target.is_met_by(value));
    assert_eq!(met(Target::less(2.0, "")), [true, false, false]);
    assert_eq!(met(Target::at_most(2.0, "")), [true, true, false]);
    assert_eq!(met(Target::exactly(2.0, "")), [false, true, false]);
    assert_eq!(met(Target::at_least(2.0, "")), [false, true, true]);
    assert_eq!(met(Target::more(2.0, "")), [false, false, true]);
    assert!(!Target::less(2.0, "").is_met_by(f64::NAN));
}

#[test]
fn quantities_are_readable() {
    assert_eq!(quantity(1_234_567.8, "messages/s"), "1,234,568 messages/s");
    assert_eq!(quantity(3.4567, "min"), "3.46 min");
    assert_eq!(quantity(4.0, "min"), "4 min");
    assert_eq!(quantity(0.0432, "s"), "0.043 s");
    assert_eq!(quantity(-123.4, "%"), "-123%");
}

#[test]
fn rows_have_names_of_their_own_and_topics_stay_together() {
    let mut figures = ROWS.iter().map(|row| row.figure).collect::<Vec<_>>();
    figures.sort_unstable();
    figures.dedup();
    assert_eq!(figures.len(), ROWS.len(), "the written page finds a row by its figure");
    let mut topics = ROWS.iter().map(|row| row.topic).collect::<Vec<_>>();
    topics.dedup();
    let parts = topics.len();
    topics.sort_unstable();
    topics.dedup();
    assert_eq!(topics.len(), parts);
}

#[test]
fn what_is_only_shown_takes_any_number() {
    assert!(Target::shown("").is_met_by(-1.0));
    assert!(!Target::shown("").is_met_by(f64::NAN));
    assert_eq!(Target::shown("s").to_string(), "shown");
}

#[test]
fn the_table_is_aligned() {
    let rows = [HELD, SHORT, SLOW, FAILS];
    let table = table(&rows, &outcomes(&rows, &order(None, Effort::Quick)));
    let expected = "\
topic  figure  measured      target
a      held    2 min         < 4 min                 held     2 of 2 | all
a      short   2 messages/s  ≥ 1,500,000 messages/s  short    2 of 2 | all
b      slow    –             ≤ 2 s                   not run
a      fails   –             > 1                     short    could not be measured: it is not \
                    there";
    assert_eq!(table, expected);
}

#[test]
fn a_row_that_was_not_run_keeps_what_an_earlier_commit_measured() {
    let stamp = |commit: &str| Stamp {
        commit: commit.into(),
        date: "2026-01-02".into(),
        machine: "a machine".into(),
    };
    let rows = [HELD, SLOW];
    let full = outcomes(&rows, &order(None, Effort::Full));
    let first = page(&rows, &full, &stamp("first"), "");
    assert!(first.contains("| b | slow | 2 s | ≤ 2 s | held | first | 2 of 2 / all |"), "{first}");
    let quick = outcomes(&rows, &order(None, Effort::Quick));
    let second = page(&rows, &quick, &stamp("second"), &first);
    assert!(second.contains("| a | held | 2 min | < 4 min | held | second |"), "{second}");
    let kept = "| b | slow | 2 s | ≤ 2 s | not run at this commit | first | 2 of 2 / all |";
    assert!(second.contains(kept), "{second}");
    let third = page(&rows, &quick, &stamp("third"), "");
    assert!(third.contains("| b | slow | – | ≤ 2 s | not run at this commit | – |  |"), "{third}");
}
