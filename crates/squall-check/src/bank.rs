//! Bank: transfers move money, and every read of all accounts finds the same total.
//!
//! Operations are `transfer` (value: `{from, to, amount}`) and `read` (its `ok` value: a map from
//! account to balance). Only successful reads are judged; of what transfers did nothing is assumed.
//!
//! | class | rule |
//! |---|---|
//! | `unexpected-key` | a read has an account that is none |
//! | `nil-balance` | an account has no balance |
//! | `wrong-total` | the balances do not add up to the total |
//! | `negative-value` | a balance is below zero, unless that is allowed |
//! | `request-mismatch` | a transfer was answered as another one |
//!
//! Sound; complete for these rules. Takes linear time. Result: `:read-count`, `:error-count`,
//! `:total`, `:first-error` (the first read that is wrong, or nil).

use std::collections::BTreeSet;

use squall_history::{History, Kind, Operation, Value};

use crate::anomaly::{
    Anomalies, Anomaly, Class, NEGATIVE_VALUE, NIL_BALANCE, OpRef, UNEXPECTED_KEY, WRONG_TOTAL,
};
use crate::requests;
use crate::verdict::{Outcome, Reason, ReasonCode, Verdict};

/// What is known about the bank.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The accounts there are; if it is empty, those of the first read.
    pub accounts: Vec<Value>,
    /// What all balances add up to; `None`: as much as in the first read.
    pub total: Option<i64>,
    /// Whether a balance may be below zero.
    pub may_be_negative: bool,
}

/// Judges a history of transfers and reads.
#[must_use]
pub fn check(history: &History, options: &Options) -> Outcome {
    let operations = history.operations();
    let mut problems = Vec::new();
    let mut anomalies = Anomalies::default();
    let mut accounts: Option<BTreeSet<&Value>> =
        (!options.accounts.is_empty()).then(|| options.accounts.iter().collect());
    let mut total = options.total.map(i128::from);
    let (mut read_count, mut error_count, mut first_error) = (0_u64, 0_u64, Value::Nil);
    for operation in &operations.list {
        if operation.f() != "read" || operation.outcome() != Kind::Ok {
            continue;
        }
        let Some(balances) = operation.value().as_pairs() else {
            problems.push(operation.misfit("a read returns a map from account to balance"));
            continue;
        };
        read_count += 1;
        let known = accounts.get_or_insert_with(|| balances.iter().map(|(key, _)| *key).collect());
        let sum = balances.iter().filter_map(|(_, value)| value.as_int()).map(i128::from).sum();
        let total = *total.get_or_insert(sum);
        if let Some((class, what)) = wrong(&balances, known, (sum, total), options) {
            error_count += 1;
            if first_error.is_nil() {
                first_error = operation.last_event().to_value();
            }
            anomalies.add(class, || anomaly(class, operation, &what));
        }
    }
    problems.truncate(squall_history::PROBLEMS_MAX);
    let (verdict, reason) = if !anomalies.is_empty() {
        (Verdict::Broken, None)
    } else if read_count == 0 {
        let (text, how) = ("no read succeeded", "run longer, or let more operations be reads");
        (Verdict::NotExercised, Some(Reason::new(ReasonCode::Empty, text, how)))
    } else {
        (Verdict::Held, None)
    };
    let total = total.and_then(|total| Value::number(&total.to_string()));
    let pairs = [
        ("read-count", Value::uint(read_count)),
        ("error-count", Value::uint(error_count)),
        ("total", total.unwrap_or_default()),
        ("first-error", first_error),
    ];
    let mut outcome = Outcome::new(verdict, pairs);
    outcome.anomalies = anomalies.into_vec();
    outcome.reason = reason;
    let mismatches = requests::mismatches(&operations.list, &["transfer"]);
    problems.extend(operations.problems);
    outcome.broken_by(mismatches).capped_by(problems)
}

/// The first thing that is wrong with a read.
fn wrong(
    balances: &[(&Value, &Value)],
    accounts: &BTreeSet<&Value>,
    (sum, total): (i128, i128),
    options: &Options,
) -> Option<(&'static Class, String)> {
    let stranger = balances.iter().find(|(account, _)| !accounts.contains(account));
    if let Some((account, _)) = stranger {
        return Some((&UNEXPECTED_KEY, format!("the account {}, which is none", account.to_edn())));
    }
    let empty = balances.iter().find(|(_, balance)| balance.as_int().is_none());
    if let Some((account, balance)) = empty {
        let (account, balance) = (account.to_edn(), balance.to_edn());
        return Some((&NIL_BALANCE, format!("the balance {balance} for the account {account}")));
    }
    if sum != total {
        return Some((&WRONG_TOTAL, format!("{sum} in all accounts, where there were {total}")));
    }
    let is_debt = |balance: &Value| balance.as_int().is_some_and(|balance| balance < 0);
    let debt = balances.iter().find(|(_, balance)| !options.may_be_negative && is_debt(balance));
    debt.map(|(account, balance)| {
        let (account, balance) = (account.to_edn(), balance.to_edn());
        (&NEGATIVE_VALUE, format!("the balance {balance} for the account {account}"))
    })
}

fn anomaly(class: &'static Class, operation: &Operation<'_>, what: &str) -> Anomaly {
    let client = operation.invocation.process.to_value().to_edn();
    Anomaly::new(class, format!("client {client} read {what}"), vec![OpRef::of(operation)])
}
