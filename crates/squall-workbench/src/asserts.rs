//! `--assert msgs-per-op<30`: a promise about a figure of the results.

use std::fmt;

use squall_history::Value;

use crate::workloads::Workload;

/// Short names of figures, with their place in the results.
pub(crate) const FIGURES: &[(&str, &[&str])] = &[
    ("msgs-per-op", &["net", "servers", "msgs-per-op"]),
    ("stable-p50", &["workload", "stable-latencies", "0.5"]),
    ("stable-p95", &["workload", "stable-latencies", "0.95"]),
    ("stable-p99", &["workload", "stable-latencies", "0.99"]),
    ("stable-max", &["workload", "stable-latencies", "1"]),
    ("ok-fraction", &["availability", "ok-fraction"]),
    ("ok-count", &["stats", "ok-count"]),
    ("fail-count", &["stats", "fail-count"]),
    ("info-count", &["stats", "info-count"]),
    ("lost-count", &["workload", "lost-count"]),
    ("stable-count", &["workload", "stable-count"]),
    ("server-messages", &["net", "servers", "msg-count"]),
];

/// A comparison of a figure with a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    name: String,
    compare: Compare,
    /// In millionths of the figure's own unit; latencies are in ms.
    limit: i128,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
}

const COMPARES: &[(&str, Compare)] = &[
    ("<=", Compare::AtMost),
    (">=", Compare::AtLeast),
    ("==", Compare::Equal),
    ("<", Compare::Less),
    (">", Compare::Greater),
];

impl Assertion {
    /// Reads `name op number[unit]`, units `ns us ms s %`.
    ///
    /// # Errors
    /// What is wrong, with the names that are known.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = COMPARES
            .iter()
            .filter_map(|(op, compare)| text.find(op).map(|at| (at, op.len(), *compare)));
        // The first operator, the longer one where two begin at the same place.
        let first = found.min_by_key(|&(at, len, _)| (at, usize::MAX - len));
        let Some((at, len, compare)) = first else {
            return Err(format!("{text:?} compares nothing: write for example msgs-per-op<30"));
        };
        let name = text[..at].trim();
        if !FIGURES.iter().any(|(known, _)| *known == name) {
            let known: Vec<_> = FIGURES.iter().map(|(name, _)| *name).collect();
            return Err(format!("there is no figure {name:?}; known: {}", known.join(", ")));
        }
        let limit = limit(text[at + len..].trim(), name)?;
        Ok(Self { name: name.to_owned(), compare, limit, text: text.to_owned() })
    }

    /// Whether runs of this workload have the figure at all.
    ///
    /// # Errors
    /// If they never have, with what they have.
    pub fn fits(&self, workload: &Workload) -> Result<(), String> {
        let has = |(name, path): &(&str, &[&str])| {
            path[0] != "workload" || workload.figures.contains(name)
        };
        if FIGURES.iter().any(|figure| figure.0 == self.name && has(figure)) {
            return Ok(());
        }
        let known: Vec<_> = FIGURES.iter().filter(|it| has(it)).map(|(name, _)| *name).collect();
        let (name, workload) = (&self.name, workload.name);
        Err(format!("a run of {workload} has no figure {name:?}; it has: {}", known.join(", ")))
    }

    /// Whether it is true of these results, and the figure; `None` if there is no such figure.
    #[must_use]
    pub fn check(&self, results: &Value) -> Option<(bool, String)> {
        let figure = figure(results, &self.name)?;
        let value = millionths(&figure)?;
        let is_true = match self.compare {
            Compare::Less => value < self.limit,
            Compare::AtMost => value <= self.limit,
            Compare::Greater => value > self.limit,
            Compare::AtLeast => value >= self.limit,
            Compare::Equal => value == self.limit,
        };
        Some((is_true, figure))
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A figure of the results, as the text of its number.
#[must_use]
pub fn figure(results: &Value, name: &str) -> Option<String> {
    let (_, path) = FIGURES.iter().find(|(known, _)| *known == name)?;
    let mut at = results.clone();
    for key in *path {
        at = child(&at, key)?;
    }
    Some(at.to_json()).filter(|text| text != "null")
}

/// A child by the text of its key: quantiles are keyed by numbers.
fn child(map: &Value, key: &str) -> Option<Value> {
    if let Some(value) = map.get(key) {
        return Some(value.clone());
    }
    let Value::Map(pairs) = map else { return None };
    let found = pairs.iter().find(|(known, _)| known.to_json() == key);
    found.map(|(_, value)| value.clone())
}

fn limit(text: &str, name: &str) -> Result<i128, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(text.len());
    let (number, unit) = (text[..split].trim(), text[split..].trim());
    let wrong = || format!("{text:?} is no number with a unit: ns, us, ms, s, %");
    let number = millionths(number).ok_or_else(wrong)?;
    let is_time = name.starts_with("stable-p") || name == "stable-max";
    match unit {
        "" => Ok(number),
        "%" if !is_time => Ok(number / 100),
        "ns" if is_time => Ok(number / 1_000_000),
        "us" if is_time => Ok(number / 1_000),
        "ms" if is_time => Ok(number),
        "s" if is_time => Ok(number * 1_000),
        "ns" | "us" | "ms" | "s" | "%" => Err(format!("{name} is not measured in {unit}")),
        _ => Err(wrong()),
    }
}

/// A decimal number in millionths.
fn millionths(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part: String = part.chars().chain("000000".chars()).take(6).collect();
    let whole: i128 = whole.parse().ok()?;
    let part: i128 = part.parse().ok()?;
    Some(sign * (whole.checked_mul(1_000_000)? + part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Value {
        let quantiles = Value::map([
            (Value::number("0.5").unwrap(), Value::Int(250)),
            (Value::Int(1), Value::Int(300)),
        ]);
        let servers = Value::record([("msgs-per-op", Value::number("5.81").unwrap())]);
        Value::record([
            ("net", Value::record([("servers", servers)])),
            ("workload", Value::record([("stable-latencies", quantiles)])),
        ])
    }

    #[test]
    fn figures_are_compared_in_their_units() {
        let check = |text: &str| Assertion::parse(text).unwrap().check(&results()).unwrap();
        assert_eq!(check("msgs-per-op<30"), (true, "5.81".to_owned()));
        assert_eq!(check("msgs-per-op >= 5.82"), (false, "5.81".to_owned()));
        assert_eq!(check("stable-p50<0.4s"), (true, "250".to_owned()));
        assert_eq!(check("stable-p50<250ms"), (false, "250".to_owned()));
        assert_eq!(check("stable-max==300000us"), (true, "300".to_owned()));
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let error = |text: &str| Assertion::parse(text).unwrap_err();
        assert!(error("msgs<30").contains("known: msgs-per-op"));
        assert!(error("msgs-per-op").contains("compares nothing"));
        assert!(error("msgs-per-op<30ms").contains("not measured in ms"));
        assert!(error("stable-p50<fast").contains("no number"));
        assert_eq!(Assertion::parse("stable-p99<1s").unwrap().check(&results()), None);
    }
}
