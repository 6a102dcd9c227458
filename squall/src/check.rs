//! `squall check`: history in, verdict out.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use squall_check::checkers::{self, CHECKERS, Checker, Reading, Sight};
use squall_check::consistency::{self, Model};
use squall_check::isolation::{Registers, ThinAir};
use squall_check::linear::{self, FailedCas, NilRead};
use squall_check::{Outcome, Verdict};
use squall_history::formats::{self, FORMATS, Facts, Format};
use squall_history::{History, Kind, Value, jsonl};

use crate::cli::{self, CheckArgs};
use crate::exit::{DATA, Failure};
use crate::explain;
use crate::out::{Paint, grouped, plain, remark, say, shell_word};

/// What stands for the standard input.
const STDIN: &str = "-";

/// Judges all files, at the same time as far as there are cores, and tells of them in their order.
pub(crate) fn run(args: &CheckArgs) -> Result<u8, Failure> {
    let request = Request::of(args)?;
    let done = request.all();
    let paint = Paint::stdout();
    let mut text = String::new();
    let mut worst = None;
    let mut exit = 0;
    for (file, result) in args.files.iter().zip(done) {
        match result {
            Ok(checked) => {
                worst = worst.max(Some(checked.outcome.verdict));
                if args.json {
                    text.push_str(&checked.json(file));
                    text.push('\n');
                } else {
                    checked.show(file, paint, &mut text);
                }
            }
            // A file that cannot be judged does not keep the others from it.
            Err(failure) if args.files.len() == 1 => return Err(failure),
            Err(failure) => {
                remark(&format!("squall: {}", plain(failure.text())));
                exit = exit.max(failure.code());
                if args.json {
                    let line = json!({ "v": 1, "type": "check", "file": file, "verdict": "unknown",
                                       "error": failure.text() });
                    text.push_str(&format!("{line}\n"));
                }
            }
        }
    }
    if exit == 0 {
        exit = worst.map_or(DATA, exit_of);
    }
    if args.json {
        let verdict =
            if exit >= DATA { Verdict::Unknown } else { worst.unwrap_or(Verdict::Unknown) };
        let files = args.files.len();
        let line = json!({ "v": 1, "type": "verdict", "verdict": verdict.as_str(), "exit": exit,
                           "files": files });
        text.push_str(&line.to_string());
    }
    say(text.trim_end())?;
    Ok(exit)
}

fn exit_of(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Held => 0,
        Verdict::Broken => 1,
        Verdict::Unknown | Verdict::NotExercised => 2,
    }
}

/// What was asked for.
struct Request<'a> {
    files: &'a [String],
    /// Where the core is written.
    core: Option<&'a str>,
    checker: Option<&'static Checker>,
    format: Option<&'static Format>,
    nil_read: Option<NilRead>,
    failed_cas: Option<FailedCas>,
    is_keyed: Option<bool>,
    models: Vec<Model>,
    registers: Registers,
    steps_max: u64,
    skips_bad_lines: bool,
    jobs: usize,
}

/// A history, and what was found in it.
struct Checked {
    format: &'static Format,
    checker: &'static Checker,
    /// What its transactions were judged for.
    models: Vec<&'static str>,
    outcome: Outcome,
    /// Operations of clients, and how many of them ended how: ok, fail, info.
    counts: (usize, [usize; 3]),
    processes_count: usize,
    skipped_count: usize,
    /// How long the checker took, and all of it: reading, checking, looking for cores.
    checking: Duration,
    took: Duration,
}

impl<'a> Request<'a> {
    fn of(args: &'a CheckArgs) -> Result<Self, Failure> {
        let names: Vec<_> = CHECKERS.iter().map(|checker| checker.name).collect();
        let checker = args.model.as_deref().map(|name| {
            checkers::find(name).ok_or_else(|| Failure::usage(cli::unknown("model", name, &names)))
        });
        let names: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
        let format = args.format.as_deref().map(|name| {
            formats::find(name).ok_or_else(|| Failure::usage(cli::unknown("format", name, &names)))
        });
        let nil_read = rule(
            "--nil-read",
            args.nil_read.as_deref(),
            &[("any", NilRead::Any), ("initial", NilRead::Initial)],
        );
        let failed_cas = rule(
            "--failed-cas",
            args.failed_cas.as_deref(),
            &[("drop", FailedCas::Drop), ("observe", FailedCas::Observe)],
        );
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = number("--jobs", args.jobs.as_deref(), cores as u64)?;
        if args.files.iter().filter(|file| *file == STDIN).count() > 1 {
            return Err(Failure::usage("- is the standard input, which can be read only once"));
        }
        if args.core.is_some() && args.files.len() > 1 {
            return Err(Failure::usage("--core writes one core, so it needs one FILE"));
        }
        Ok(Self {
            files: &args.files,
            core: args.core.as_deref(),
            checker: checker.transpose()?,
            format: format.transpose()?,
            nil_read: nil_read?,
            failed_cas: failed_cas?,
            is_keyed: args.independent.then_some(true),
            models: models(args.consistency_models.as_deref())?,
            registers: registers(args)?,
            steps_max: number("--steps", args.steps.as_deref(), linear::STEPS_USUAL)?,
            skips_bad_lines: args.skip_bad_lines,
            jobs: usize::try_from(jobs).unwrap_or(usize::MAX).min(args.files.len()),
        })
    }

    fn all(&self) -> Vec<Result<Checked, Failure>> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(file) = self.files.get(at) else { break };
                        let result = self.one(file);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, result)| result).collect()
    }

    /// What the form leaves open, unless the user knows better.
    fn reading(&self, facts: Facts) -> Reading {
        let is_initial = |is_initial| if is_initial { NilRead::Initial } else { NilRead::Any };
        let is_seen = |is_seen| if is_seen { FailedCas::Observe } else { FailedCas::Drop };
        Reading {
            nil_read: self.nil_read.unwrap_or_else(|| is_initial(facts.is_nil_initial)),
            failed_cas: self.failed_cas.unwrap_or_else(|| is_seen(facts.is_failed_cas_observed)),
            is_keyed: self.is_keyed,
            has_real_time: facts.has_real_time,
            models: self.models.clone(),
            registers: self.registers.clone(),
            steps_max: self.steps_max,
        }
    }

    fn one(&self, file: &str) -> Result<Checked, Failure> {
        let text = read(file)?;
        let begun = crate::test::now();
        let shown = shell_word(file);
        let known = || FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
        let format = self.format.or_else(|| formats::detect(&text)).ok_or_else(|| {
            let what = if text.trim_ascii().is_empty() { "is empty" } else { "is no history" };
            Failure::data(format!("{shown} {what}; forms that can be read: {}", known()))
        })?;
        let read = if self.skips_bad_lines {
            format.read_without_bad_lines(&text)
        } else {
            (format.read)(&text)
        };
        let read = read.map_err(|problem| {
            let advice = if self.skips_bad_lines { "" } else { "; --skip-bad-lines leaves it out" };
            Failure::data(format!("{shown}, taken for {}: {problem}{advice}", format.title))
        })?;
        let checker = self.checker.or_else(|| checkers::guess(&read.history)).ok_or_else(|| {
            let functions: Vec<_> = Sight::of(&read.history).functions.into_iter().collect();
            let names: Vec<_> = CHECKERS.iter().map(|checker| checker.name).collect();
            Failure::data(format!(
                "{shown}: no checker fits the functions {}; choose one with --model: {}",
                functions.join(", "),
                names.join(", ")
            ))
        })?;
        let facts = format.facts;
        let reading = self.reading(facts);
        if self.registers.linearizable_keys && !facts.has_real_time {
            return Err(Failure::usage(format!(
                "--assume-linearizable-keys is about real time, and {} has none",
                format.title
            )));
        }
        if !checker.has_models && !self.models.is_empty() {
            return Err(Failure::usage(format!(
                "--consistency-models is for transactions, and {shown} is judged as {}",
                checker.name
            )));
        }
        let asked = crate::test::now();
        let outcome = (checker.check)(&read.history, &reading);
        let checking = crate::test::now().saturating_sub(asked);
        let mut outcome = outcome.capped_by(read.problems);
        checker.find_cores(&read.history, &reading, &mut outcome);
        if let Some(to) = self.core {
            write_core(to, &read.history, &outcome)?;
        }
        let (counts, processes_count) = count(&read.history);
        let models = if checker.has_models { reading.models() } else { Vec::new() };
        Ok(Checked {
            format,
            checker,
            models: models.iter().map(|model| model.friendly()).collect(),
            outcome,
            counts,
            processes_count,
            skipped_count: read.lines_skipped,
            checking,
            took: crate::test::now().saturating_sub(begun),
        })
    }
}

/// Writes the core of the gravest anomaly that has one.
fn write_core(to: &str, history: &History, outcome: &Outcome) -> Result<(), Failure> {
    let mut cores = outcome.anomalies.iter().filter_map(|anomaly| anomaly.core.as_ref());
    let Some(core) = cores.next() else {
        let why = match outcome.verdict {
            Verdict::Broken => "no part of at most 64 operations is broken in the same way",
            _ => "the history is not broken",
        };
        remark(&format!("squall: {} is not written: {why}", shell_word(to)));
        return Ok(());
    };
    let cannot = |error| Failure::cannot_create(format!("{}: {error}", shell_word(to)));
    fs::write(to, jsonl::write(&core.of(history))).map_err(cannot)
}

fn number(flag: &str, text: Option<&str>, usual: u64) -> Result<u64, Failure> {
    let Some(text) = text else { return Ok(usual) };
    let wrong = || Failure::usage(format!("{flag} must be a number from 1, got {text:?}"));
    text.parse().ok().filter(|&number| number > 0).ok_or_else(wrong)
}

fn rule<T: Copy>(
    flag: &str,
    word: Option<&str>,
    known: &[(&str, T)],
) -> Result<Option<T>, Failure> {
    let Some(word) = word else { return Ok(None) };
    let found = known.iter().find(|(name, _)| *name == word);
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    let wrong = || Failure::usage(format!("{flag} must be {}, got {word:?}", names.join(" or ")));
    found.map(|(_, rule)| Some(*rule)).ok_or_else(wrong)
}

fn read(file: &str) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let done = if file == STDIN {
        std::io::stdin().lock().read_to_end(&mut text).map(drop)
    } else {
        fs::read(file).map(|bytes| text = bytes)
    };
    done.map_err(|error| Failure::no_input(format!("{}: {error}", shell_word(file))))?;
    Ok(text)
}

fn count(history: &History) -> ((usize, [usize; 3]), usize) {
    let operations = history.operations();
    let of = |kind| operations.list.iter().filter(|op| op.outcome() == kind).count();
    let processes: BTreeSet<_> = operations.list.iter().map(|op| &op.invocation.process).collect();
    let outcomes = [Kind::Ok, Kind::Fail, Kind::Info].map(of);
    ((operations.list.len(), outcomes), processes.len())
}

/// The consistency models of a list with commas.
fn models(list: Option<&str>) -> Result<Vec<Model>, Failure> {
    let names: Vec<_> = Model::all().map(Model::friendly).collect();
    let words = list.into_iter().flat_map(|list| list.split(',')).map(str::trim);
    let model = |word: &str| {
        let wrong = || Failure::usage(cli::unknown("consistency model", word, &names));
        Model::named(word).ok_or_else(wrong)
    };
    words.map(model).collect()
}

/// What is known of registers in transactions, or assumed.
fn registers(args: &CheckArgs) -> Result<Registers, Failure> {
    let thin_air = rule(
        "--thin-air",
        args.thin_air.as_deref(),
        &[("broken", ThinAir::Broken), ("initial", ThinAir::Initial)],
    );
    let mut known = Registers {
        sequential_keys: args.assume_sequential_keys,
        linearizable_keys: args.assume_linearizable_keys,
        thin_air: thin_air?.unwrap_or(ThinAir::Broken),
        ..Registers::usual()
    };
    for pair in &args.initial {
        let wrong = || Failure::usage(format!("--initial must be KEY=VALUE, got {pair:?}"));
        let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
        let [key, value] = [key, value].map(|text| datum(text).ok_or_else(wrong));
        known.initial.push((key?, value?));
    }
    if let Some(file) = &args.version_order {
        let text = String::from_utf8_lossy(&read(file)?).into_owned();
        known.version_order = version_order(&text).ok_or_else(|| {
            Failure::data(format!("{} is not [[KEY, [VALUE, …]], …]", shell_word(file)))
        })?;
    }
    Ok(known)
}

/// A value in JSON, or else in EDN.
fn datum(text: &str) -> Option<Value> {
    Value::from_json(text).ok().or_else(|| Value::from_edn(text).ok())
}

fn version_order(text: &str) -> Option<Vec<(Value, Vec<Value>)>> {
    let all = datum(text)?;
    let key = |pair: &Value| {
        let (key, values) = pair.as_pair()?;
        Some((key.clone(), values.as_list()?.to_vec()))
    };
    all.as_list()?.iter().map(key).collect()
}

impl Checked {
    /// What was promised, with the models if there are any.
    fn promise(&self) -> String {
        match self.models.as_slice() {
            [] => self.checker.promise.to_owned(),
            models => format!("{}: {}", self.checker.promise, models.join(", ")),
        }
    }

    fn show(&self, file: &str, paint: Paint, out: &mut String) {
        let word = match self.outcome.verdict {
            Verdict::Held => paint.good("✓ held"),
            Verdict::Broken => paint.bad("✗ broken"),
            Verdict::Unknown => paint.doubtful("? unknown"),
            Verdict::NotExercised => paint.doubtful("? not exercised"),
        };
        let (operations, [ok, fail, info]) = self.counts;
        let n = |n: usize| grouped(n as u64);
        let name = if file == STDIN { "standard input" } else { file };
        out.push_str(&format!("{word}  {}  {}\n", paint.bold(&plain(name)), self.promise()));
        let took = self.took.as_secs_f64();
        let facts = format!(
            "{}, judged as {}: {} operations of {} ({} ok, {} failed, {} unknown), \
             {took:.3} s",
            self.format.title,
            self.checker.name,
            n(operations),
            if self.processes_count == 1 {
                "1 client".to_owned()
            } else {
                format!("{} clients", n(self.processes_count))
            },
            n(ok),
            n(fail),
            n(info),
        );
        out.push_str(&format!("  {}\n", paint.faint(&facts)));
        if self.skipped_count > 0 {
            out.push_str(&format!(
                "  {} lines that are no events were left out\n",
                n(self.skipped_count)
            ));
        }
        if let Some(reason) = &self.outcome.reason {
            out.push_str(&format!("      {}\n", plain(&reason.text)));
            out.push_str(&format!("      to decide: {}\n", reason.how_to_decide));
        }
        for problem in self.outcome.problems.iter().take(3) {
            out.push_str(&format!("      {}\n", plain(&problem.to_string())));
        }
        explain::anomalies(&self.outcome.anomalies, "what --json prints", paint, out);
        self.ruled_out(out);
        self.next_commands(file, out);
        out.push('\n');
    }

    /// Which consistency models are ruled out, and which not.
    fn ruled_out(&self, out: &mut String) {
        let names = |key: &str| -> Vec<String> {
            let Some(Value::Set(models) | Value::List(models)) = self.outcome.result.get(key)
            else {
                return Vec::new();
            };
            let names = models.iter().filter_map(Value::as_text);
            // Of a model without rules nothing is ruled out, ever.
            let has_rules = |name: &&str| Model::named(name).is_some_and(consistency::has_rules);
            names.filter(has_rules).map(str::to_owned).collect()
        };
        let (not, left) = (names("not"), names("not-ruled-out"));
        if !not.is_empty() {
            let not = not.join(", ");
            out.push_str(&format!("      ruled out: {not}, and whatever is stronger\n"));
        }
        if !left.is_empty() {
            out.push_str(&format!("      not ruled out: {}\n", left.join(", ")));
        }
        if let Some(note) = self.outcome.result.get("note").and_then(Value::as_text) {
            out.push_str(&format!("      {note}\n"));
        }
    }

    /// What can be asked next of a broken history.
    fn next_commands(&self, file: &str, out: &mut String) {
        let found = &self.outcome.anomalies;
        if found.is_empty() || file == STDIN {
            return;
        }
        let file = shell_word(file);
        let core = format!("squall check {file} --core core.jsonl");
        let all = format!("squall check {file} --json");
        let width = core.len().max(all.len()) + 2;
        out.push('\n');
        if found.iter().any(|anomaly| anomaly.core.is_some()) {
            out.push_str(&format!("  {core:<width$}the smallest part that is as broken\n"));
        }
        out.push_str(&format!("  {all:<width$}everything that was found\n"));
    }

    /// One line, in the schema of all checkers.
    fn json(&self, file: &str) -> String {
        let value = self.outcome.to_value(self.checker.name).to_json();
        let mut line: serde_json::Value = serde_json::from_str(&value).unwrap_or_default();
        let (operations, [ok, fail, info]) = self.counts;
        line["file"] = file.into();
        line["format"] = self.format.name.into();
        line["promise"] = self.promise().into();
        for (name, told) in [("ruled_out", "not"), ("not_ruled_out", "not-ruled-out")] {
            if let Some(Value::Set(models) | Value::List(models)) = self.outcome.result.get(told) {
                line[name] = models.iter().filter_map(Value::as_text).collect();
            }
        }
        if !self.models.is_empty() {
            line["model"] = self.models.join(",").into();
        }
        line["history"] = json!({ "ops": operations, "ok": ok, "fail": fail, "info": info,
                                  "processes": self.processes_count });
        line["problems"] = self.outcome.problems.iter().map(ToString::to_string).collect();
        let ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        let check_ms = self.checking.as_micros() as f64 / 1_000.0;
        line["stats"] = json!({ "ms": ms, "check_ms": check_ms });
        line.to_string()
    }
}
