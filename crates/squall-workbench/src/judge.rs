//! What the clients saw, as a history, and what was promised, as a verdict.

use std::collections::BTreeMap;

use squall_check::statistics::{self, Target};
use squall_check::{FaultSpan, Outcome, Verdict, answers};
use squall_history::{Event, History, Kind, Name, Process, Value, trace};
use squall_world::{End, Finding, Plan, Recorded, RecordedWhat, Report, Stage, faults};

use crate::asserts::Assertion;
use crate::in_force;
use crate::nodes;
use crate::results::{self, Word};
use crate::workloads::{self, Evidence, Workload};

/// A run that has been judged.
#[derive(Debug)]
pub struct Judged {
    /// The verdict.
    pub word: Word,
    /// The result map, with Maelstrom's keys and ours.
    pub results: Value,
    /// What the clients saw.
    pub history: History,
    /// The promises that were checked, with their outcomes.
    pub promises: Vec<(&'static str, Outcome)>,
    /// The assertions about figures, and what became of them.
    pub asserted: Vec<Asserted>,
    /// What was wrong with nodes and lines, each kind once, with how often.
    pub findings: Vec<(Finding, u64)>,
    /// Nodes that ended by themselves.
    pub exits: Vec<(String, String)>,
    /// How the run ended.
    pub end: End,
    /// The rolling hash of all events.
    pub hash: u64,
    /// When the run ended, ns since the start, and how many lines its trace has.
    pub last: (u64, u64),
    /// Goals and places of nodes, with how often they were met.
    pub goals: BTreeMap<String, u64>,
    /// What the plan waited for or meant to change and never came, in words.
    pub unmet: Vec<String>,
    /// How many faults of each kind took effect.
    pub faults: BTreeMap<String, u64>,
}

impl Judged {
    /// The last line of the trace: what was judged.
    #[must_use]
    pub fn line(&self) -> String {
        let promise = |(name, outcome): &(&str, Outcome)| {
            let verdict = outcome.verdict.as_str();
            serde_json::json!({ "name": name, "verdict": verdict })
        };
        let fields = serde_json::json!({
            "verdict": self.word.as_str(),
            "end": results::end(&self.end),
            "hash": format!("{:016x}", self.hash),
            "promises": self.promises.iter().map(promise).collect::<Vec<_>>(),
        });
        let fields = serde_json::value::to_raw_value(&fields).ok();
        let (t, e) = self.last;
        let mut line = trace::Line::new(e, t, trace::Kind::Verdict, "nemesis");
        line.name = Some(self.word.as_str().into());
        line.fields = fields.as_deref();
        serde_json::to_string(&line).unwrap_or_default()
    }
}

/// An assertion about a figure, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asserted {
    /// The assertion.
    pub text: String,
    /// Broken if it is false; not exercised if the run has no such figure.
    pub verdict: Verdict,
    /// The figure, as the text of a number.
    pub figure: Option<String>,
}

/// The plan's assertions, checked against the figures.
fn asserted(plan: &Plan, results: &Value) -> Vec<Asserted> {
    let list = plan.knobs.get("asserts").and_then(serde_json::Value::as_array);
    let texts = list.into_iter().flatten().filter_map(serde_json::Value::as_str);
    let asserts = texts.filter_map(|text| Assertion::parse(text).ok());
    let judged = |assertion: Assertion| {
        let (verdict, figure) = match assertion.check(results) {
            Some((true, figure)) => (Verdict::Held, Some(figure)),
            Some((false, figure)) => (Verdict::Broken, Some(figure)),
            None => (Verdict::NotExercised, None),
        };
        Asserted { text: assertion.to_string(), verdict, figure }
    };
    asserts.map(judged).collect()
}

/// An assertion is a promise: what is not broken otherwise is if one is false. Of a run that could
/// not start nothing is asserted.
fn with_asserts(word: Word, asserted: &[Asserted], has_begun: bool) -> Word {
    let worst = asserted.iter().map(|asserted| asserted.verdict).max();
    match (word, worst) {
        (Word::Held | Word::NotExercised | Word::Unknown, Some(Verdict::Broken)) => Word::Broken,
        (Word::NodeError, Some(Verdict::Broken)) if has_begun => Word::Broken,
        (Word::Held, Some(Verdict::NotExercised)) => Word::NotExercised,
        (word, _) => word,
    }
}

/// Judges what is left of a run.
#[must_use]
pub fn judge(plan: &Plan, report: Report) -> Judged {
    let workload = workloads::find(&plan.workload);
    let history = history(plan, &report.history);
    let mut faults = in_force::spans(plan, &report.history);
    let is_whole = report.end == End::Done;
    if !is_whole {
        faults.extend(in_force::cut(&history));
    }
    let mut promises = Vec::new();
    let mut others = Vec::new();
    if let Some(workload) = workload {
        let seen = Evidence { plan, history: &history, faults: &faults, is_whole };
        promises.push((workload.promise, (workload.check)(&seen)));
        let options = answer_options(plan, workload, faults.clone());
        promises.push(("every function answers", answers::check(&history, &options)));
        others.push(("stats", statistics::check(&history, &options.refusals_count)));
    }
    let availability = statistics::availability(&history, target(plan));
    if target(plan) != Target::None {
        promises.push(("the system is available", availability.clone()));
    }
    others.push(("availability", availability));
    let mut faults_count = in_force::counts(plan, &report.history);
    let has_begun = history.events.iter().any(|event| event.process.is_client());
    if let Some(outcome) = in_force::in_vain(plan, &faults_count).filter(|_| has_begun) {
        promises.push(("the faults that were asked for take effect", outcome));
    }
    if let edits @ 1.. = in_force::edits(&report.history) {
        faults_count.insert("edit".to_owned(), edits);
    }
    others.push(("exceptions", statistics::exceptions(&history)));
    let mut findings = group(report.findings);
    findings.extend(unanswered(&history, &faults, &findings, &report.exits));
    let word = word(&promises, &findings, &report.end, &report.exits);
    let results = results::map(&results::Parts {
        plan,
        promises: &promises,
        others: &others,
        history: &history,
        findings: &findings,
        net: report.net,
        end: &report.end,
        hash: report.hash,
        exits: &report.exits,
        goals: &report.marks,
        unmet: &report.unmet,
    });
    let asserted = asserted(plan, &results);
    let word = with_asserts(word, &asserted, has_begun);
    let results = results::conclude(results, &asserted, word);
    Judged {
        word,
        results,
        history,
        promises,
        asserted,
        findings,
        exits: report.exits,
        goals: report.marks,
        unmet: report.unmet,
        end: report.end,
        hash: report.hash,
        last: (report.end_ns, report.lines),
        faults: faults_count,
    }
}

/// The first row that is true decides:
///
/// | what happened | word |
/// |---|---|
/// | a promise is broken, or what nodes assert of themselves is false | broken |
/// | a node could not take part, or has ended by itself | node error |
/// | the run ended before its clients were done | unknown |
/// | else | the worst of the promises |
///
/// What else was wrong with a node never hides a broken promise, and is no excuse for it. A node
/// that prints what is no message, or answers what nobody asked, is told so, and its operations
/// speak for themselves. If a node cannot take part from the start, no operation begins, and
/// there is nothing that could break.
fn word(
    promises: &[(&'static str, Outcome)],
    findings: &[(Finding, u64)],
    end: &End,
    exits: &[(String, String)],
) -> Word {
    let verdict = promises.iter().map(|(_, outcome)| outcome.verdict).max();
    let has = |code: &str| findings.iter().any(|(finding, _)| finding.code == code);
    if verdict == Some(Verdict::Broken) || has("always") || has("replicated") {
        return Word::Broken;
    }
    if !exits.is_empty() || ["SQ02", "SQ03", "SQ06", "SQ09"].into_iter().any(has) {
        return Word::NodeError;
    }
    if !matches!(end, End::Done) {
        return Word::Unknown;
    }
    match verdict {
        None | Some(Verdict::Unknown) => Word::Unknown,
        Some(Verdict::NotExercised) => Word::NotExercised,
        Some(Verdict::Held) => Word::Held,
        Some(Verdict::Broken) => Word::Broken,
    }
}

/// Equal findings of one node become one.
fn group(findings: Vec<(u64, Finding)>) -> Vec<(Finding, u64)> {
    let mut groups: Vec<(Finding, u64)> = Vec::new();
    for (_, finding) in findings {
        let same = |other: &Finding| {
            other.code == finding.code && other.node == finding.node && other.help == finding.help
        };
        match groups.iter_mut().find(|(other, _)| same(other)) {
            Some((_, count)) => *count += 1,
            None => groups.push((finding, 1)),
        }
    }
    groups
}

/// Requests that had no reply although no fault was in force: then it is the node. A node of
/// which it is already told that it can say nothing more is left out.
fn unanswered(
    history: &History,
    faults: &[FaultSpan],
    findings: &[(Finding, u64)],
    exits: &[(String, String)],
) -> Vec<(Finding, u64)> {
    let is_timeout = |event: &Event| {
        event.error.as_ref().and_then(Value::as_text).is_some_and(|text| text == "net-timeout")
    };
    if !history.events.iter().any(is_timeout) {
        return Vec::new();
    }
    let is_known = |node: &str| {
        let mut told = findings.iter().filter(|(finding, _)| finding.node == node);
        told.any(|(finding, _)| finding.code == "SQ06" || finding.code == "SQ07")
            || exits.iter().any(|(exited, _)| exited == node)
    };
    let mut of_node: BTreeMap<String, (String, u64)> = BTreeMap::new();
    for operation in &history.operations().list {
        let Some(node) = &operation.invocation.node else { continue };
        let (begin, end) = (&operation.invocation, operation.last_event());
        let is_its_own = is_timeout(end) && !squall_check::in_force(faults, begin.time, end.time);
        if is_its_own && !is_known(node) {
            let first = || (operation.invocation.text(), 0);
            of_node.entry(node.to_string()).or_insert_with(first).1 += 1;
        }
    }
    let finding = |(node, (first, count)): (String, (String, u64))| {
        let what = "a request had no reply, and no fault was in force".to_owned();
        let raw = format!("request {first}");
        let help = "answer every request before its time is up, if only with an error: code 11 \
                    says that it cannot be done now";
        let (code, help) = ("SQ07", help.to_owned());
        (Finding { code, node, line_no: None, column: None, raw, what, help }, count)
    };
    of_node.into_iter().map(finding).collect()
}

/// The history of a run, faults included.
fn history(plan: &Plan, recorded: &[Recorded]) -> History {
    let mut history = History::default();
    for entry in recorded {
        match &entry.what {
            RecordedWhat::Op(op) => {
                let kind = match op.stage {
                    Stage::Invoke => Kind::Invoke,
                    Stage::Ok => Kind::Ok,
                    Stage::Fail => Kind::Fail,
                    Stage::Info => Kind::Info,
                };
                let value = Value::from_json(op.value.as_bytes()).unwrap_or_default();
                let process = Process::Client(op.process);
                let mut event = Event::new(kind, process, op.f.clone(), value);
                event.time = entry.time_ns;
                event.error =
                    op.error.as_ref().and_then(|text| Value::from_json(text.as_bytes()).ok());
                event.exception = exception(event.error.as_ref());
                event.is_final = op.is_final;
                event.node =
                    op.node.and_then(|id| plan.nodes.get(id.index()).cloned()).map(Name::from);
                history.push(event);
            }
            RecordedWhat::Life { .. } | RecordedWhat::Edited { .. } => {}
            RecordedWhat::Fault { event, begins, .. } => {
                for value in nemesis_values(plan, *event, *begins) {
                    let fault = faults::find(&plan.events[*event].what);
                    let names = fault.map_or(("begin", "end"), |fault| fault.ops);
                    let f = if *begins { names.0 } else { names.1 };
                    let mut event = Event::new(Kind::Info, Process::NEMESIS, f, value);
                    event.time = entry.time_ns;
                    history.push(event);
                }
            }
        }
    }
    history
}

/// A malformed reply is what the client stumbled over.
fn exception(error: Option<&Value>) -> Option<Value> {
    let [name, text] = error?.as_list()? else { return None };
    if name.as_text() != Some("malformed-reply") {
        return None;
    }
    let class = ("class", Value::str("malformed-reply"));
    Some(Value::record([class, ("message", text.clone())]))
}

/// What Maelstrom's history says when a fault begins or ends, and when that is done.
fn nemesis_values(plan: &Plan, event: usize, begins: bool) -> [Value; 2] {
    let event = &plan.events[event];
    let Some(fault) = faults::find(&event.what) else { return [Value::Nil, Value::Nil] };
    if !begins {
        let done = if event.words.contains_key("nodes") { "started" } else { "network-healed" };
        return [Value::Nil, Value::keyword(done)];
    }
    let words = serde_json::Value::Object(event.words.clone());
    let kind = Value::keyword((fault.kind)(&words));
    let of = |name: &str| squall_world::node_id(&plan.nodes, name);
    let done = match event.load(&of) {
        Ok(faults::Act::Cut(cuts)) => {
            let mut blocked: BTreeMap<_, Vec<Value>> = BTreeMap::new();
            for (src, dest) in cuts {
                let name = |id: squall_node::ActorId| Value::str(plan.nodes[id.index()].as_str());
                blocked.entry(name(dest)).or_default().push(name(src));
            }
            let map = blocked.into_iter().map(|(node, from)| (node, Value::set(from)));
            Value::list([Value::keyword("isolated"), Value::map(map)])
        }
        Ok(faults::Act::Down { nodes, .. }) => {
            nodes.iter().map(|id| Value::str(plan.nodes[id.index()].as_str())).collect()
        }
        Err(_) => Value::Nil,
    };
    [kind, done]
}

fn answer_options(plan: &Plan, workload: &Workload, faults: Vec<FaultSpan>) -> answers::Options {
    let chosen = plan.text_knob("functions").or_else(|| {
        let node = nodes::NODES.iter().find(|node| Some(node.name) == plan.text_knob("impl"));
        node.and_then(|node| node.functions).map(|_| "")
    });
    let is_called = |f: &str| chosen.is_none_or(|chosen| chosen.split(',').any(|c| c == f));
    let names = workload.functions.iter().map(|function| function.name);
    answers::Options {
        functions: names.filter(|f| is_called(f)).map(Name::from).collect(),
        refusals_count: vec!["cas".into()],
        faults,
    }
}

fn target(plan: &Plan) -> Target {
    match plan.number_knob("availability_ppm") {
        None => Target::None,
        Some(1_000_000) => Target::Total,
        Some(ppm) => Target::Millionths(u32::try_from(ppm).unwrap_or(u32::MAX)),
    }
}
