//! Echo, answers, statistics and availability against their rules, read out quantifier by
//! quantifier over the calls that a history is made of.

use proptest::prelude::*;
use squall_check::statistics::{self, Target};
use squall_check::{FaultSpan, Outcome, Verdict, answers, echo};
use squall_history::{Event, History, Kind, Process, Value};

use crate::generate::cases;

const FUNCTIONS: [&str; 4] = ["echo", "read", "cas", "crash"];

/// One call of a client of its own.
#[derive(Clone, Debug)]
struct Call {
    f: &'static str,
    sent: Value,
    begin: u64,
    /// How and when it ended, if it did.
    end: Option<(Kind, u64)>,
    got: Value,
    error: Option<&'static str>,
    /// Whether a text stands beside the name of the error.
    has_text: bool,
}

impl Call {
    fn has_ended(&self, with: Kind) -> bool {
        self.end.is_some_and(|(kind, _)| kind == with)
    }

    fn is_ok(&self) -> bool {
        self.has_ended(Kind::Ok)
    }

    fn error_value(&self) -> Value {
        match self.error {
            Some(name) if self.has_text => Value::list([name.into(), "what happened".into()]),
            Some(name) => Value::keyword(name),
            None => Value::Nil,
        }
    }
}

fn call() -> impl Strategy<Value = Call> {
    let sent = prop_oneof![(0..2_i64).prop_map(Value::Int), Just(Value::from("0"))];
    let got = prop_oneof![
        3 => sent.clone().prop_map(|echo| Value::map([("echo".into(), echo)])),
        1 => Just(Value::map([("other".into(), Value::Int(0))])),
        1 => Just(Value::Nil),
    ];
    let kind = prop::sample::select(vec![Kind::Ok, Kind::Fail, Kind::Info]);
    let errors = vec!["net-timeout", "net-timeout", "abort", "precondition-failed", "crash"];
    let error = (prop::option::of(prop::sample::select(errors)), any::<bool>());
    let f = prop::sample::select(FUNCTIONS.to_vec());
    let end = prop::option::weighted(0.9, (kind, 0..3_u64));
    (f, sent, 0..8_u64, end, got, error).prop_map(|(f, sent, begin, end, got, error)| {
        let end = end.map(|(kind, after)| (kind, begin + after));
        // What succeeds has no error.
        let name = error.0.filter(|_| !matches!(end, Some((Kind::Ok, _))));
        Call { f, sent, begin, end, got, error: name, has_text: error.1 }
    })
}

/// A few calls, in order of their begin.
fn calls() -> impl Strategy<Value = Vec<Call>> {
    prop::collection::vec(call(), 0..7).prop_map(|mut calls| {
        calls.sort_by_key(|call| call.begin);
        calls
    })
}

fn faults() -> impl Strategy<Value = Vec<FaultSpan>> {
    let span = (0..10_u64, 0..3_u64)
        .prop_map(|(begin_ns, more)| FaultSpan { begin_ns, end_ns: begin_ns + more });
    prop::collection::vec(span, 0..3)
}

fn some_functions() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(FUNCTIONS.to_vec(), 0..3)
}

/// The history of the calls, with a nemesis that nobody should count.
fn history(calls: &[Call]) -> History {
    let mut events = vec![Event::new(Kind::Info, Process::NEMESIS, "start", Value::Nil)];
    for (client, call) in (0..).zip(calls) {
        let process = Process::Client(client);
        let mut invocation = Event::new(Kind::Invoke, process.clone(), call.f, call.sent.clone());
        invocation.time = call.begin;
        events.push(invocation);
        if let Some((kind, time)) = call.end {
            let mut completion = Event::new(kind, process, call.f, call.got.clone());
            completion.time = time;
            completion.error = Some(call.error_value()).filter(|error| !error.is_nil());
            events.push(completion);
        }
    }
    events.sort_by_key(|event| event.time);
    History::new(events)
}

fn count(outcome: &Value, key: &str) -> usize {
    let count = outcome.get(key).and_then(Value::as_int).expect(key);
    usize::try_from(count).expect("a count")
}

fn names(functions: &[&'static str]) -> Vec<squall_history::Name> {
    functions.iter().map(|&f| f.into()).collect()
}

/// What `by-f` says about a function.
fn of_f<'o>(outcome: &'o Outcome, f: &str) -> Option<&'o Value> {
    outcome.result.get("by-f").expect("a map").get(f)
}

/// Whether a success of `f` is to be expected of a run, and is there.
fn is_counted(calls: &[Call], f: &str, refusals_count: &[&str]) -> bool {
    let mut mine = calls.iter().filter(|call| call.f == f);
    let is_refusal = |call: &Call| refusals_count.contains(&f) && call.has_ended(Kind::Fail);
    f == "crash" || mine.any(|call| call.is_ok() || is_refusal(call))
}

/// Whether anybody answered: a success, a refusal, or any error but a timeout.
fn is_answered(call: &Call) -> bool {
    match (call.end, call.error) {
        (None, _) => false,
        (Some((Kind::Ok, _)), _) => true,
        (Some(_), Some(error)) => error != "net-timeout",
        (Some((kind, _)), None) => kind == Kind::Fail,
    }
}

fn answers_of_f(calls: &[Call], f: &str, faults: &[FaultSpan], refusals: &[&str]) -> Verdict {
    let mine: Vec<&Call> = calls.iter().filter(|call| call.f == f).collect();
    let is_definite =
        |call: &&Call| matches!(call.error, None | Some("abort" | "precondition-failed"));
    let is_whole = |at: u64| faults.iter().all(|fault| at < fault.begin_ns || fault.end_ns < at);
    let is_refused = mine.iter().filter(|call| call.has_ended(Kind::Fail)).any(is_definite);
    if mine.iter().any(|call| call.is_ok()) || (refusals.contains(&f) && is_refused) {
        Verdict::Held
    } else if mine.iter().any(|call| is_whole(call.begin))
        && !mine.iter().any(|call| is_answered(call))
    {
        Verdict::Broken
    } else {
        Verdict::NotExercised
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    /// Every answer carries what was sent and is no error, and every call without one met a fault.
    #[test]
    fn echo_agrees_with_its_rule(calls in calls(), faults in faults()) {
        let outcome = echo::check(&history(&calls), &echo::Options { faults: faults.clone() });
        let echoes = || calls.iter().filter(|call| call.f == "echo");
        let met_a_fault = |call: &Call| faults.iter().any(|fault| {
            (fault.begin_ns..=fault.end_ns).any(|at| {
                call.begin <= at && call.end.is_none_or(|(_, end)| at <= end)
            })
        });
        let wrong: Vec<Value> = echoes()
            .filter(|call| match call.is_ok() {
                true => call.got.get("echo") != Some(&call.sent),
                false => is_answered(call) || !met_a_fault(call),
            })
            .map(|call| {
                let error = if call.end.is_some() { call.error_value() } else { Value::Nil };
                let got = if call.is_ok() { call.got.clone() } else { error };
                let sent = call.sent.clone();
                let words = ["Expected a message with :echo".into(), sent, "But received".into()];
                Value::list(words.into_iter().chain([got]))
            })
            .collect();
        let verdict = match (wrong.is_empty(), echoes().any(Call::is_ok)) {
            (false, _) => Verdict::Broken,
            (true, false) => Verdict::NotExercised,
            (true, true) => Verdict::Held,
        };
        prop_assert_eq!(outcome.verdict, verdict);
        prop_assert_eq!(outcome.result.get("errors"), Some(&Value::from(wrong)));
    }

    /// Every function that was promised or called was answered once, or was called under faults
    /// only.
    #[test]
    fn answers_agree_with_their_rule(
        calls in calls(),
        faults in faults(),
        functions in some_functions(),
        refusals in some_functions(),
    ) {
        let options = answers::Options {
            functions: names(&functions),
            refusals_count: names(&refusals),
            faults: faults.clone(),
        };
        let outcome = answers::check(&history(&calls), &options);
        let is_judged =
            |f: &&str| functions.contains(f) || calls.iter().any(|call| call.f == *f);
        let judged: Vec<&str> = FUNCTIONS.into_iter().filter(is_judged).collect();
        let all: Vec<Verdict> =
            judged.iter().map(|f| answers_of_f(&calls, f, &faults, &refusals)).collect();
        let broken_count = all.iter().filter(|verdict| **verdict == Verdict::Broken).count();
        let expected = match broken_count {
            0 if !all.is_empty() && all.iter().all(|v| *v == Verdict::Held) => Verdict::Held,
            0 => Verdict::NotExercised,
            _ => Verdict::Broken,
        };
        prop_assert_eq!(outcome.verdict, expected);
        prop_assert_eq!(outcome.anomalies.len(), broken_count);
        for f in FUNCTIONS {
            let verdict = judged.iter().position(|judged| *judged == f).map(|at| all[at].as_str());
            let row = of_f(&outcome, f);
            let said = row.map(|row| row.get("verdict").and_then(Value::as_text));
            prop_assert_eq!(said, verdict.map(Some));
            let Some(row) = row else { continue };
            let answered = calls.iter().filter(|call| call.f == f && is_answered(call));
            prop_assert_eq!(count(row, "answered-count"), answered.count());
        }
    }

    /// Every function that was called succeeded once, or need not.
    #[test]
    fn statistics_agree_with_their_rule(calls in calls(), refusals in some_functions()) {
        let outcome = statistics::check(&history(&calls), &names(&refusals));
        let is_called = |f: &&str| calls.iter().any(|call| call.f == *f);
        let mut called = FUNCTIONS.into_iter().filter(is_called);
        let holds = called.all(|f| is_counted(&calls, f, &refusals));
        let expected = if holds { Verdict::Held } else { Verdict::NotExercised };
        prop_assert_eq!(outcome.verdict, expected);
        for f in FUNCTIONS {
            let row = of_f(&outcome, f);
            prop_assert_eq!(row.is_some(), is_called(&f));
            let Some(row) = row else { continue };
            let is_valid = row.get("valid?") == Some(&Value::Bool(true));
            prop_assert_eq!(is_valid, is_counted(&calls, f, &refusals));
        }
        for f in FUNCTIONS.into_iter().map(Some).chain([None]) {
            let row = f.map_or(Some(&outcome.result), |f| of_f(&outcome, f));
            let Some(row) = row else { continue };
            let ended = |kind| {
                let mine = calls.iter().filter(|call| f.is_none_or(|f| call.f == f));
                mine.filter(|call| call.has_ended(kind)).count()
            };
            let (ok, fail, info) = (ended(Kind::Ok), ended(Kind::Fail), ended(Kind::Info));
            let keys = ["count", "ok-count", "fail-count", "info-count"];
            prop_assert_eq!(keys.map(|key| count(row, key)), [ok + fail + info, ok, fail, info]);
        }
    }

    /// Of every million calls at least so many succeeded.
    #[test]
    fn availability_agrees_with_its_rule(
        calls in calls(),
        millionths in prop_oneof![
            0..=1_000_000_u32,
            (0..=6_u32, 1..=6_u32).prop_map(|(part, whole)| part.min(whole) * 1_000_000 / whole),
        ],
    ) {
        let history = history(&calls);
        let (ok, all) = (calls.iter().filter(|call| call.is_ok()).count(), calls.len());
        for (target, is_met) in [
            (Target::None, true),
            (Target::Total, calls.iter().all(Call::is_ok)),
            (Target::Millionths(millionths), ok * 1_000_000 >= all * millionths as usize),
        ] {
            let outcome = statistics::availability(&history, target);
            prop_assert_eq!(outcome.verdict == Verdict::Held, is_met);
            prop_assert_eq!(outcome.verdict == Verdict::Broken, !is_met);
            // The greatest number of eight digits that is not too large.
            let text = outcome.result.get("ok-fraction").expect("a number").to_json();
            let (whole, part) = text.split_once('.').expect("a fraction");
            let digits: usize = format!("{whole}{part:0<8}").parse().expect("digits");
            let (ok, all) = if all == 0 { (1, 1) } else { (ok, all) };
            prop_assert!(digits * all <= ok * 100_000_000, "{}", text);
            prop_assert!((digits + 1) * all > ok * 100_000_000, "{}", text);
        }
    }
}
