//! What was found in a history, for people: the same words after a run and after a check.

use squall_check::Anomaly;

use crate::out::{Paint, plain};

/// So many anomalies are shown; the others are counted.
const SHOWN_MAX: usize = 5;
/// So many of one class: more of the same tell nothing new.
const ALIKE_MAX: usize = 2;

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
    for op in anomaly.ops.iter().take(4) {
        let process = op.process.to_edn();
        let index = op.index;
        out.push_str(&format!(
            "        client {process:<4} {}  (history index {index})\n",
            plain(&op.text)
        ));
    }
    if !anomaly.class.suggestion.is_empty() {
        out.push_str(&format!("        {}\n", paint.faint(anomaly.class.suggestion)));
    }
}
