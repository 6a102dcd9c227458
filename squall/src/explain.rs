//! What was found in a history, for people: the same words after a run and after a check.
//!
//! The gravest anomaly in full, in at most twelve lines below its sentence: the operations as they
//! lay in time, the steps of the proof, and how much of the history matters. The others in a line
//! each.

use std::collections::BTreeSet;

use squall_check::{Anomaly, OpRef};
use squall_history::Kind;

use crate::out::{Paint, grouped, plain};

/// So many anomalies are told in a line; the others are counted.
const OTHERS_MAX: usize = 4;
/// Operations of the first.
const OPS_MAX: usize = 7;
/// Steps of its proof.
const EDGES_MAX: usize = 4;
/// Letters of an operation.
const TEXT_MAX: usize = 44;

/// The first, the others, and where the rest is.
pub(crate) fn anomalies(anomalies: &[Anomaly], others_in: &str, paint: Paint, out: &mut String) {
    let Some((first, others)) = anomalies.split_first() else { return };
    sentence(first, paint, out);
    proof(first, paint, out);
    let mut classes = BTreeSet::from([first.class.name]);
    let news = others.iter().filter(|anomaly| classes.insert(anomaly.class.name));
    let told: Vec<&Anomaly> = news.take(OTHERS_MAX).collect();
    told.iter().for_each(|anomaly| sentence(anomaly, paint, out));
    let rest = others.len() - told.len();
    if rest > 0 {
        out.push_str(&format!("      … and {rest} more in {others_in}\n"));
    }
}

fn sentence(anomaly: &Anomaly, paint: Paint, out: &mut String) {
    let class = paint.bad(anomaly.class.name);
    out.push_str(&format!("      {class}: {}\n", plain(&anomaly.title)));
}

/// The operations that prove it, and why.
fn proof(anomaly: &Anomaly, paint: Paint, out: &mut String) {
    let core = anomaly.core.as_ref().filter(|core| core.ops.len() <= OPS_MAX);
    let is_circle = !anomaly.edges.is_empty();
    // The sentence and the steps of a proof call transactions T1, T2, …
    let has_names = is_circle || ["T1", "T2"].iter().any(|&name| anomaly.title.contains(name));
    let name = |op: &OpRef| {
        let place = anomaly.ops.iter().position(|other| other.invoke == op.invoke);
        place.map(|place| format!("T{}", place + 1)).unwrap_or_default()
    };
    let mut shown: Vec<&OpRef> = match core {
        Some(core) => core.ops.iter().collect(),
        None => anomaly.ops.iter().take(OPS_MAX).collect(),
    };
    shown.sort_by_key(|op| op.invoke);
    let mut ends: Vec<u64> = shown.iter().flat_map(|op| [op.invoke, op.index]).collect();
    ends.sort_unstable();
    ends.dedup();
    let texts: Vec<String> = shown.iter().map(|op| short(&plain(&op.text))).collect();
    let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    for (op, text) in shown.iter().zip(&texts) {
        let process = op.process.to_edn();
        let name = if has_names { format!("{:<3}", name(op)) } else { String::new() };
        let bar = bar(op, &ends);
        let index = op.index;
        out.push_str(&format!(
            "        {name}client {process:<3} {text:<width$}  {}  (history index {index})\n",
            paint.faint(&bar)
        ));
    }
    for edge in anomaly.edges.iter().take(EDGES_MAX) {
        let (from, to) = (edge.from + 1, edge.to + 1);
        out.push_str(&format!("        T{from} < T{to}, as {}\n", plain(&edge.why)));
    }
    if is_circle {
        out.push_str("        so each of them would have to come before itself\n");
    }
    if let Some(core) = &anomaly.core {
        let (count, all) = (core.ops.len() as u64, core.history_ops as u64);
        let these = if count > OPS_MAX as u64 { "" } else { "these " };
        let least = if core.is_minimal { ", and no fewer" } else { "" };
        let (count, all) = (grouped(count), grouped(all));
        out.push_str(&format!(
            "        {these}{count} of {all} operations are enough for it{least}\n"
        ));
    }
    if !anomaly.class.suggestion.is_empty() {
        out.push_str(&format!("        {}\n", paint.faint(anomaly.class.suggestion)));
    }
}

/// When an operation ran, beside the others: `├──┤`. One of which nobody knows goes on.
fn bar(op: &OpRef, ends: &[u64]) -> String {
    let place = |index: u64| ends.iter().position(|&end| end == index).unwrap_or(0);
    let is_open = op.outcome == Kind::Info;
    let (begin, end) = (place(op.invoke), if is_open { ends.len() - 1 } else { place(op.index) });
    let letter = |at: usize| match at {
        at if at < begin || at > end => "  ",
        at if at == begin && at == end => "├ ",
        at if at == begin => "├─",
        at if at == end && is_open => "──",
        at if at == end => "┤ ",
        _ => "──",
    };
    (0..ends.len()).map(letter).collect()
}

fn short(text: &str) -> String {
    let count = text.chars().count();
    if count <= TEXT_MAX {
        return text.to_owned();
    }
    let half = (TEXT_MAX - 1) / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(count - half).collect();
    format!("{head}…{tail}")
}
