//! Logs against their rules, read out quantifier by quantifier; and changes that must be named.

use std::collections::{BTreeMap, BTreeSet};

use squall_check::kafka::{Options, check};
use squall_check::{Outcome, Verdict};
use squall_history::Kind;
use squall_history::formats::edn;

use crate::logs::{Act, Call, Move, Shape, history, right};
use crate::simulated::Chance;

/// A message: key and value.
type Message = (i64, i64);

/// A log that cannot be faster, and is obvious.
struct Oracle<'c> {
    calls: &'c [Call],
}

impl Oracle<'_> {
    fn is_read(&self, m: Message) -> bool {
        let mut ok = self.calls.iter().filter(|call| call.kind == Kind::Ok);
        ok.any(|call| call.polls().any(|step| (step.key, step.value) == m))
    }

    fn is_proven(&self, call: &Call) -> bool {
        let is_seen = |step: &Move| self.is_read((step.key, step.value));
        call.kind == Kind::Ok || call.kind == Kind::Info && call.sends().any(is_seen)
    }

    fn writers(&self, m: Message) -> Vec<&Call> {
        let sent = |call: &&Call| call.sends().any(|step| (step.key, step.value) == m);
        self.calls.iter().filter(sent).collect()
    }

    /// Offsets and values of a key.
    fn log(&self, key: i64) -> BTreeMap<i64, BTreeSet<i64>> {
        let mut log: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for call in self.calls {
            for step in call.moves().filter(|step| step.key == key) {
                if let Some(offset) = step.offset.filter(|_| !step.is_send || self.is_proven(call))
                {
                    log.entry(offset).or_default().insert(step.value);
                }
            }
        }
        log
    }

    fn indices(&self, (key, value): Message) -> Vec<i64> {
        let log = self.log(key);
        let places = (0..).zip(&log).filter(|(_, (_, values))| values.contains(&value));
        places.map(|(index, _)| index).collect()
    }

    fn delta(&self, a: &Move, b: &Move) -> i64 {
        let last = |step: &Move| self.indices((step.key, step.value)).last().copied();
        match (last(a), last(b)) {
            (Some(a), Some(b)) => b - a,
            _ => 1,
        }
    }

    /// All messages that were sent or polled.
    fn messages(&self) -> BTreeSet<Message> {
        self.calls.iter().flat_map(Call::moves).map(|step| (step.key, step.value)).collect()
    }

    fn keys(&self) -> BTreeSet<i64> {
        self.messages().into_iter().map(|(key, _)| key).collect()
    }

    /// How often each class is there.
    fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut add = |class, count| {
            if count > 0 {
                *counts.entry(class).or_default() += count;
            }
        };
        let (keys, messages) = (self.keys(), self.messages());
        let of_log = |key: &i64| self.log(*key).values().filter(|values| values.len() > 1).count();
        add("inconsistent-offsets", keys.iter().map(of_log).sum());
        add("duplicate", messages.iter().filter(|m| self.indices(**m).len() > 1).count());
        let has_failed = |m: Message| {
            let writers = self.writers(m);
            !writers.is_empty() && writers.iter().all(|call| call.kind == Kind::Fail)
        };
        add("G1a", messages.iter().filter(|m| has_failed(**m) && self.is_read(**m)).count());
        add("phantom", messages.iter().filter(|m| self.writers(**m).is_empty()).count());
        let own = |call: &Call| {
            let is_it = |a: &Move, b: &Move| (a.key, a.value) == (b.key, b.value);
            let read: BTreeSet<Message> = call
                .polls()
                .filter(|poll| call.sends().any(|send| is_it(send, poll)))
                .map(|poll| (poll.key, poll.value))
                .collect();
            read.len()
        };
        add("precommitted-read", self.calls.iter().map(own).sum());
        add("lost-write", messages.iter().filter(|m| self.is_lost(**m)).count());
        let unseen = |key: &&i64| {
            let of_key = messages.iter().filter(|(of, _)| of == *key);
            let is_ok = |m: Message| self.writers(m).iter().any(|call| call.kind == Kind::Ok);
            of_key.copied().any(|m| is_ok(m) && !self.is_read(m))
        };
        add("unseen", keys.iter().filter(unseen).count());
        for is_send in [false, true] {
            self.movements(is_send, &mut add);
        }
        counts
    }

    fn is_lost(&self, m: Message) -> bool {
        let read =
            self.messages().into_iter().filter(|other| other.0 == m.0 && self.is_read(*other));
        let bound = read.filter_map(|other| self.indices(other).first().copied()).max();
        let last = self.indices(m).last().copied();
        let must_be_read = last.is_some() && last <= bound;
        let is_proven = self.writers(m).iter().any(|call| self.is_proven(call));
        must_be_read && !self.is_read(m) && is_proven
    }

    fn movements(&self, is_send: bool, add: &mut impl FnMut(&'static str, usize)) {
        let names = match is_send {
            false => ["int-poll-skip", "int-nonmonotonic-poll", "poll-skip", "nonmonotonic-poll"],
            true => ["int-send-skip", "int-nonmonotonic-send", "", "nonmonotonic-send"],
        };
        let of = |call: &Call, key: i64| -> Vec<Move> {
            call.moves().filter(|s| s.is_send == is_send && s.key == key).cloned().collect()
        };
        for key in self.keys() {
            for (at, call) in self.calls.iter().enumerate() {
                let steps = of(call, key);
                for pair in steps.windows(2) {
                    let delta = self.delta(&pair[0], &pair[1]);
                    add(names[0], usize::from(delta > 1));
                    add(names[1], usize::from(delta < 1));
                }
                if is_send && call.kind == Kind::Fail {
                    continue;
                }
                // Back to the last operation that moved the process, unless it lost the key.
                let mut before = None;
                for earlier in self.calls[..at].iter().rev() {
                    let moves = earlier.kind == Kind::Ok || is_send && earlier.kind == Kind::Info;
                    if earlier.process != call.process {
                        continue;
                    }
                    match &earlier.act {
                        Act::Assign(keys) if earlier.kind != Kind::Fail && !keys.contains(&key) => {
                            break;
                        }
                        Act::Moves(_) if moves && !of(earlier, key).is_empty() => {
                            before = of(earlier, key).pop();
                            break;
                        }
                        Act::Assign(_) | Act::Moves(_) | Act::Crash => {}
                    }
                }
                if let (Some(before), Some(first)) = (before, steps.first()) {
                    let delta = self.delta(&before, first);
                    add(names[2], usize::from(delta > 1 && !is_send));
                    add(names[3], usize::from(delta < 1));
                }
            }
        }
    }

    /// Whether there is a circle of sends and polls; and of those and real time.
    fn cycles(&self) -> (bool, bool) {
        let count = self.calls.len();
        let is_polled_by = |a: &Call, b: &Call| {
            let is_read = |send: &Move| {
                b.polls().any(|poll| (poll.key, poll.value) == (send.key, send.value))
            };
            a.kind != Kind::Fail && b.kind == Kind::Ok && a.sends().any(is_read)
        };
        let is_before =
            |a: &Call, b: &Call| a.kind == Kind::Ok && b.kind != Kind::Fail && a.end < b.start;
        let has_cycle = |with_time: bool| {
            let mut reaches = vec![vec![false; count]; count];
            for (a, from) in self.calls.iter().enumerate() {
                for (b, to) in self.calls.iter().enumerate() {
                    let is_edge = is_polled_by(from, to) || with_time && is_before(from, to);
                    reaches[a][b] = a != b && is_edge;
                }
            }
            for via in 0..count {
                for a in 0..count {
                    for b in 0..count {
                        reaches[a][b] |= reaches[a][via] && reaches[via][b];
                    }
                }
            }
            (0..count).any(|a| reaches[a][a])
        };
        (has_cycle(false), has_cycle(true))
    }
}

fn counts(outcome: &Outcome) -> BTreeMap<&'static str, usize> {
    let count = |count: u64| usize::try_from(count).expect("few");
    outcome.anomalies.iter().map(|anomaly| (anomaly.class.name, count(anomaly.count))).collect()
}

/// Compares what the checker says of some operations with what the rules say. Returns whether they
/// are broken.
fn agrees(calls: &[Call], seed: u64) -> bool {
    let history = history(calls);
    let outcome = check(&history, &Options::default());
    let text = || format!("seed {seed}: {outcome:#?}\n{}", edn::write(&history));
    let oracle = Oracle { calls };
    let expected = oracle.counts();
    let mut found = counts(&outcome);
    let (plain, timed) = oracle.cycles();
    assert_eq!(found.remove("G1c").is_some(), plain, "{}", text());
    let has_timed = found.remove("G1c-realtime").is_some();
    assert!(timed || !has_timed, "{}", text());
    assert!(!timed || has_timed || plain, "{}", text());
    assert_eq!(found, expected, "{}", text());
    let has_end = calls.iter().any(|call| call.is_final);
    let is_bad = |class: &str| class != "int-send-skip" && (class != "unseen" || has_end);
    let is_broken = timed || expected.keys().any(|class| is_bad(class));
    let has = |is_send: bool| {
        let mut ok = calls.iter().filter(|call| call.kind == Kind::Ok);
        ok.any(|call| call.moves().any(|step| step.is_send == is_send))
    };
    let verdict = match (is_broken, has(true) && has(false), expected.contains_key("unseen")) {
        (true, ..) => Verdict::Broken,
        (_, false, _) => Verdict::NotExercised,
        (_, _, true) => Verdict::Unknown,
        (_, _, false) => Verdict::Held,
    };
    assert_eq!(outcome.verdict, verdict, "{}", text());
    is_broken
}

/// A change somewhere, of any kind.
fn lie(calls: &mut [Call], chance: &mut Chance) {
    let at = chance.below(calls.len());
    let call = &mut calls[at];
    let values = chance.below(4);
    if let Act::Moves(mops) = &mut call.act {
        let polled: Vec<usize> = (0..mops.len())
            .filter(|&mop| mops[mop].first().is_some_and(|step| !step.is_send))
            .collect();
        if let Some(&mop) = polled.first() {
            let mop = &mut mops[mop];
            let step = chance.below(mop.len());
            match chance.below(4) {
                0 => drop(mop.remove(step)),
                1 => mop.insert(0, mop[step].clone()),
                2 => {
                    let other = chance.below(mop.len());
                    mop.swap(step, other);
                }
                _ => mop[step].value = i64::try_from(values).expect("small") * 7 % 5 + 1,
            }
        }
    }
    let mut moves = call.moves_mut();
    let count = moves.len();
    match chance.below(5) {
        0 if count > 0 => {
            let step = chance.below(count);
            moves[step].offset = match chance.below(6) {
                0 => None,
                offset => Some(i64::try_from(offset).expect("small")),
            };
        }
        1 => call.kind = Kind::Fail,
        2 => call.kind = Kind::Ok,
        _ => {}
    }
}

const SMALL: Shape = Shape { keys: 2, ops: 9, has_faults: true, has_end: false };

#[test]
fn every_class_agrees_with_its_rule() {
    let mut broken_count = 0;
    let mut seen = BTreeSet::new();
    for seed in 0..2_500 {
        let chance = &mut Chance(seed);
        let shape = Shape { has_end: seed % 4 < 2, ..SMALL };
        let mut calls = right(chance, shape);
        let is_right = seed % 2 == 0;
        if !is_right {
            (0..4 + chance.below(12)).for_each(|_| lie(&mut calls, chance));
        }
        let is_broken = agrees(&calls, seed);
        assert!(!is_broken || !is_right, "seed {seed}: a right log");
        broken_count += u64::from(is_broken);
        seen.extend(counts(&check(&history(&calls), &Options::default())).into_keys());
    }
    assert!((500..1_250).contains(&broken_count), "{broken_count} of 2500 are broken");
    let all = "G1a G1c G1c-realtime duplicate inconsistent-offsets int-nonmonotonic-poll \
               int-nonmonotonic-send int-poll-skip int-send-skip lost-write nonmonotonic-poll \
               nonmonotonic-send phantom poll-skip precommitted-read unseen";
    let missing: Vec<&str> = all.split(' ').filter(|class| !seen.contains(class)).collect();
    assert_eq!(missing, ["G1c"], "which has a test of its own");
}

const LARGE: Shape = Shape { keys: 2, ops: 30, has_faults: true, has_end: true };

/// A message that at least two operations polled, and its place among those of its log.
fn polled(calls: &[Call], chance: &mut Chance) -> Option<Move> {
    let all: Vec<&Move> =
        calls.iter().filter(|c| c.kind == Kind::Ok).flat_map(Call::polls).collect();
    (!all.is_empty()).then(|| all[chance.below(all.len())].clone())
}

/// Applies a change to many right histories: the class must be named in at least 95 % of those it
/// finds a place in, which must be more than 70 %.
fn is_named(class: &str, change: impl Fn(&mut Vec<Call>, &mut Chance) -> Option<()>) {
    let (mut tried, mut discarded, mut named) = (0, 0, 0);
    for seed in 0..400 {
        let chance = &mut Chance(seed);
        let mut calls = right(chance, LARGE);
        let before = check(&history(&calls), &Options::default());
        assert_eq!(before.verdict, Verdict::Held, "seed {seed}: {before:?}");
        tried += 1;
        if change(&mut calls, chance).is_none() {
            discarded += 1;
            continue;
        }
        let outcome = check(&history(&calls), &Options::default());
        let is_there = outcome.verdict == Verdict::Broken && counts(&outcome).contains_key(class);
        named += i32::from(is_there);
    }
    assert!(discarded * 100 < tried * 30, "{class}: {discarded} of {tried} are discarded");
    assert!(named * 100 >= (tried - discarded) * 95, "{class}: {named} of {}", tried - discarded);
}

fn is(step: &Move, other: &Move) -> bool {
    (step.key, step.value) == (other.key, other.value)
}

fn polls_of(calls: &mut [Call]) -> impl Iterator<Item = &mut Vec<Move>> {
    let mops = calls.iter_mut().filter_map(|call| match &mut call.act {
        Act::Moves(mops) if call.kind == Kind::Ok => Some(mops),
        Act::Moves(_) | Act::Assign(_) | Act::Crash => None,
    });
    mops.flatten().filter(|mop| mop.first().is_some_and(|step| !step.is_send))
}

#[test]
fn a_message_removed_from_all_polls() {
    is_named("lost-write", |calls, chance| {
        // Not the last of its key: then nobody knows better.
        let last = |key: i64| {
            calls.iter().flat_map(Call::polls).filter(|s| s.key == key).map(|s| s.offset).max()
        };
        let message = (0..20).find_map(|_| {
            polled(calls, chance).filter(|step| Some(step.offset) < last(step.key))
        })?;
        polls_of(calls).for_each(|mop| mop.retain(|step| !is(step, &message)));
        for call in calls.iter_mut().filter(|call| call.kind != Kind::Ok) {
            if let Act::Moves(mops) = &mut call.act {
                mops.iter_mut().for_each(|mop| mop.retain(|s| s.is_send || !is(s, &message)));
            }
        }
        let writer = calls.iter().find(|call| call.sends().any(|step| is(step, &message)))?;
        (writer.kind == Kind::Ok).then_some(())
    });
}

#[test]
fn an_offset_that_moved() {
    is_named("duplicate", |calls, chance| {
        let message = polled(calls, chance)?;
        let mop = polls_of(calls).find(|mop| mop.iter().any(|step| is(step, &message)))?;
        let step = mop.iter_mut().find(|step| is(step, &message))?;
        step.offset = step.offset.map(|offset| offset + 1_000);
        Some(())
    });
}

#[test]
fn an_offset_used_again() {
    is_named("inconsistent-offsets", |calls, chance| {
        let (one, other) = (0..20).find_map(|_| {
            let (one, other) = (polled(calls, chance)?, polled(calls, chance)?);
            (one.key == other.key && one.value != other.value).then_some((one, other))
        })?;
        let sends = calls.iter_mut().flat_map(Call::moves_mut);
        let all: Vec<_> = sends.filter(|step| is(step, &one)).collect();
        all.into_iter().for_each(|step| step.offset = other.offset);
        Some(())
    });
}

#[test]
fn a_poll_repeated() {
    is_named("nonmonotonic-poll", |calls, chance| {
        // What a process polled once more, by its next poll of the key.
        let polls: Vec<(usize, Move)> = (0..calls.len())
            .filter(|&at| calls[at].kind == Kind::Ok)
            .flat_map(|at| calls[at].polls().last().cloned().map(|step| (at, step)))
            .collect();
        let (at, step) = polls.get(chance.below(polls.len().max(1)))?.clone();
        let process = calls[at].process;
        let place = calls.iter().map(|call| call.end).filter(|end| *end != usize::MAX).max()?;
        // It stays with its key: the process polls it again at the end.
        let keeps = |call: &Call| match &call.act {
            Act::Assign(keys) => call.process != process || keys.contains(&step.key),
            Act::Moves(_) | Act::Crash => true,
        };
        let goes_on = calls[at + 1..].iter().all(|c| c.process != process || c.kind != Kind::Info);
        if !goes_on || !calls[at + 1..].iter().all(keeps) {
            return None;
        }
        let act = Act::Moves(vec![vec![step]]);
        let (start, end) = (place + 1, place + 2);
        calls.push(Call { process, act, kind: Kind::Ok, start, end, is_final: false });
        Some(())
    });
}

#[test]
fn a_poll_in_another_order() {
    is_named("int-nonmonotonic-poll", |calls, chance| {
        let pairs = |mop: &Vec<Move>| mop.windows(2).any(|pair| pair[0].key == pair[1].key);
        let mut mops: Vec<_> = polls_of(calls).filter(|mop| pairs(mop)).collect();
        let count = mops.len();
        let mop = mops.get_mut(chance.below(count.max(1)))?;
        let at = mop.windows(2).position(|pair| pair[0].key == pair[1].key)?;
        mop.swap(at, at + 1);
        Some(())
    });
}

#[test]
fn a_send_that_failed_and_was_polled() {
    is_named("G1a", |calls, chance| {
        let message = polled(calls, chance)?;
        let writer = calls.iter_mut().find(|call| call.sends().any(|step| is(step, &message)))?;
        writer.kind = Kind::Fail;
        Some(())
    });
}

#[test]
fn two_sends_of_a_process_reversed() {
    is_named("nonmonotonic-send", |calls, _| {
        let is_send = |at: &usize| calls[*at].kind == Kind::Ok && calls[*at].sends().count() == 1;
        let sends: Vec<usize> = (0..calls.len()).filter(is_send).collect();
        let step = |at: usize| calls[at].sends().next().cloned().expect("a send");
        let follows = |one: usize, other: usize| {
            let is_between = |call: &&Call| call.process == calls[one].process;
            let mut between = calls[one + 1..other].iter().filter(is_between);
            let key = step(one).key;
            let keeps =
                |call: &Call| !matches!(&call.act, Act::Assign(keys) if !keys.contains(&key));
            calls[one].process == calls[other].process
                && key == step(other).key
                && between.all(keeps)
        };
        let pairs = sends.iter().enumerate().find_map(|(at, &one)| {
            let other = sends[at + 1..].iter().find(|&&other| follows(one, other))?;
            Some((step(one), step(*other)))
        });
        let (one, other) = pairs?;
        for step in calls.iter_mut().flat_map(Call::moves_mut) {
            if is(step, &one) {
                step.offset = other.offset;
            } else if is(step, &other) {
                step.offset = one.offset;
            }
        }
        Some(())
    });
}
