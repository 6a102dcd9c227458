//! Tidy tests: what a program can check about the shape of this repository.
//!
//! [`rules::RULES`] is the list. Each rule looks at the whole tree of tracked files and carries
//! samples that it must reject and accept, so that a rule that can no longer fail is found.
//! [`exceptions::EXCEPTIONS`] is the list of what may be otherwise; it only shrinks.

mod exceptions;
mod ratchet;
mod rules;
mod source;
mod tree;

use crate::exceptions::EXCEPTIONS;
use crate::ratchet::judge;
use crate::rules::{RULES, Rule};
use crate::tree::{Finding, Tree};

/// The repository as it is.
#[test]
fn the_repository_keeps_its_rules() {
    let tree = Tree::of_this_repository();
    let findings = RULES.iter().map(|rule| (rule.name, (rule.check)(&tree))).collect::<Vec<_>>();
    let complaints = judge(&findings, EXCEPTIONS);
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// A rule that cannot fail is no rule: each sample of `bad` changes a tree that is tidy.
#[test]
fn every_rule_can_fail() {
    for rule in RULES {
        assert!(!rule.bad.is_empty(), "{} has no bad sample", rule.name);
        for sample in rule.bad {
            let found = check(rule, sample);
            assert!(!found.is_empty(), "{} accepts a bad sample: {sample:?}", rule.name);
        }
    }
}

/// A rule that always fails is no rule either.
#[test]
fn every_rule_can_hold() {
    for rule in RULES {
        assert_eq!(check(rule, &[]), [], "{} rejects the tidy sample tree", rule.name);
        for sample in rule.good {
            assert_eq!(check(rule, sample), [], "{} rejects a good sample", rule.name);
        }
    }
}

#[test]
fn exceptions_name_rules_that_exist() {
    for exception in EXCEPTIONS {
        let known = RULES.iter().any(|rule| rule.name == exception.rule);
        assert!(known, "no rule is called {:?}", exception.rule);
        assert!(exception.reason.len() > 20, "{exception:?} needs a sentence of why");
    }
}

#[test]
fn rules_have_names_of_their_own() {
    for (place, rule) in RULES.iter().enumerate() {
        let twice = RULES[..place].iter().any(|other| other.name == rule.name);
        assert!(!twice, "two rules are called {:?}", rule.name);
    }
}

/// What the rule says of the tidy sample tree with these files written over it.
fn check(rule: &Rule, sample: &[(&str, &str)]) -> Vec<Finding> {
    let mut tree = Tree::tidy_sample();
    for (path, text) in sample {
        tree.write(path, text);
    }
    (rule.check)(&tree)
}
