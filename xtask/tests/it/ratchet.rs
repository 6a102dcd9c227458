//! Findings against exceptions: the list of exceptions only shrinks.

use crate::tree::Finding;

/// Something that may be otherwise than its rule says, and how far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exception {
    /// Name of the rule.
    pub(crate) rule: &'static str,
    /// The file or folder that the findings are about.
    pub(crate) path: &'static str,
    /// How much is excepted: the sum of the findings' amounts. May be lowered, never raised.
    pub(crate) amount: usize,
    /// Why.
    pub(crate) reason: &'static str,
}

/// All that is wrong: findings beyond their exception, and exceptions beyond their need.
pub(crate) fn judge(
    findings: &[(&'static str, Vec<Finding>)],
    exceptions: &[Exception],
) -> Vec<String> {
    let mut complaints = Vec::new();
    for (rule, found) in findings {
        for finding in found {
            let amount = amount(found, &finding.path);
            let excepted = excepted(exceptions, rule, &finding.path);
            if amount > excepted {
                complaints.push(format!("{finding}  [{rule}]"));
            }
        }
    }
    for exception in exceptions {
        let found = findings.iter().find(|(rule, _)| *rule == exception.rule);
        let amount = found.map_or(0, |(_, found)| amount(found, exception.path));
        if amount < exception.amount {
            let Exception { rule, path, amount: allowed, .. } = exception;
            complaints.push(format!(
                "the exception of {path} from {rule} allows {allowed}, but {amount} is enough: \
                 lower it, or remove it at 0"
            ));
        }
    }
    complaints
}

fn amount(found: &[Finding], path: &str) -> usize {
    found.iter().filter(|finding| finding.path == path).map(|finding| finding.amount).sum()
}

fn excepted(exceptions: &[Exception], rule: &str, path: &str) -> usize {
    let of_this = exceptions.iter().filter(|e| e.rule == rule && e.path == path);
    of_this.map(|exception| exception.amount).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exception(amount: usize) -> Exception {
        Exception { rule: "short", path: "a.rs", amount, reason: "a sentence of why" }
    }

    fn found(amount: usize) -> Vec<(&'static str, Vec<Finding>)> {
        vec![("short", vec![Finding::about("a.rs", "too long").with_amount(amount)])]
    }

    #[test]
    fn without_an_exception_every_finding_counts() {
        assert_eq!(judge(&found(900), &[]).len(), 1);
    }

    #[test]
    fn an_exception_covers_its_amount_and_no_more() {
        assert_eq!(judge(&found(900), &[exception(900)]), [""; 0]);
        assert_eq!(judge(&found(901), &[exception(900)]).len(), 1);
    }

    #[test]
    fn an_exception_that_is_too_generous_fails() {
        assert_eq!(judge(&found(850), &[exception(900)]).len(), 1);
        assert_eq!(judge(&[("short", vec![])], &[exception(900)]).len(), 1);
    }

    #[test]
    fn an_exception_is_of_one_rule_and_one_path() {
        let other = Exception { path: "b.rs", ..exception(900) };
        assert_eq!(judge(&found(900), &[other]).len(), 2);
    }
}
