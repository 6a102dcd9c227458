//! What was found in a history, for people: the same words after a run and after a check.

use squall_check::Anomaly;

use crate::out::{Paint, plain};

/// So many anomalies are shown; the others are counted.
const SHOWN_MAX: usize = 5;
/// So many of one class: more of the same tell nothing new.
const ALIKE_MAX: usize = 2;

/// Operations of one anomaly.
const OPS_MAX: usize = 4;
/// Steps of the proof of one anomaly.
const EDGES_MAX: usize = 6;

/// The first of each class, and where the others are.
pub(crate) fn anomalies(anomalies: &[Anomaly], others_in: &str, paint: Paint, out: &mut String) {
    let mut shown: Vec<&str> = Vec::new();
    for anomaly in anomalies {
        let class = anomaly.class.name;
        let alike = shown.iter().filter(|&&name| name == class).count();
        if alike < ALIKE_MAX && shown.len() < SHOWN_MAX {
            self::anomaly(anomaly, paint, out);
            shown.push(class);
        }
    }
    let rest = anomalies.len() - shown.len();
    if rest > 0 {
        out.push_str(&format!("      … and {rest} more in {others_in}\n"));
    }
}

fn anomaly(anomaly: &Anomaly, paint: Paint, out: &mut String) {
    let class = paint.bad(anomaly.class.name);
    out.push_str(&format!("      {class}: {}\n", plain(&anomaly.title)));
    for (op, number) in anomaly.ops.iter().take(OPS_MAX).zip(1..) {
        let process = op.process.to_edn();
        let index = op.index;
        // The steps of a proof call the operations by these names.
        let name = if anomaly.edges.is_empty() { String::new() } else { format!("T{number}  ") };
        out.push_str(&format!(
            "        {name}client {process:<4} {}  (history index {index})\n",
            plain(&op.text)
        ));
    }
    for edge in anomaly.edges.iter().take(EDGES_MAX) {
        let (from, to) = (edge.from + 1, edge.to + 1);
        out.push_str(&format!("        T{from} < T{to}, as {}\n", plain(&edge.why)));
    }
    if !anomaly.edges.is_empty() {
        out.push_str("        so each of them would have to come before itself\n");
    }
    if !anomaly.class.suggestion.is_empty() {
        out.push_str(&format!("        {}\n", paint.faint(anomaly.class.suggestion)));
    }
}
