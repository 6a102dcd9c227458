//! Calls to one peer: ids, retries, and the one end that every call has.

use squall_node::{CallError, Duration, Input, Policy, Rules};

use crate::rig::{CLIENT, N1, N2, Puppet, Rig, puppet, word};

const ONCE: Policy = Policy::once(Duration::from_millis(10));

fn caller(policy: fn() -> Policy) -> Rig<Puppet> {
    // The policy is told by the number of the message, since a handler captures nothing.
    let id = if policy() == patient() { "patient" } else { "go" };
    let mut rig = puppet(|ctx, input| match input {
        Input::Message { body, .. } => {
            let policy = match &*body.0 {
                "go" => ONCE,
                "patient" => patient(),
                "hedge" => Policy { hedge_after: Some(Duration::from_millis(2)), ..ONCE },
                _ => Policy::forever(Duration::from_millis(10)),
            };
            if body.1 == 1 {
                ctx.disk().put("x", b"x").unwrap();
            }
            ctx.call(N1, &word("ask", body.1), policy, "question");
        }
        Input::Reply { outcome, .. } => {
            let said = match outcome {
                Ok((_, answer)) => answer.clone(),
                Err(CallError::Timeout) => word("timeout", 0),
                Err(CallError::Refused(refusal)) => word("refused", refusal.code),
                Err(CallError::Malformed(_)) => word("malformed", 0),
            };
            ctx.send(CLIENT, &said);
        }
        _ => {}
    });
    rig.start();
    rig.hear(CLIENT, None, (id, 0));
    rig
}

fn patient() -> Policy {
    Policy {
        retries: 2,
        backoff_min: Duration::from_millis(4),
        backoff_max: Duration::from_millis(6),
        ..ONCE
    }
}

#[test]
fn an_answer_ends_a_call_and_another_one_is_late() {
    let mut rig = caller(|| ONCE);
    assert_eq!(rig.driver.calls_count(), 1);
    assert_eq!(rig.answer(N2, 2, ("ok", 4)), ["late @2 re=2"], "that id was never used");
    assert_eq!(rig.answer(N1, 1, ("ok", 5)), ["@3 ok 5"]);
    assert_eq!(rig.answer(N1, 1, ("ok", 5)), ["late @1 re=1"]);
    assert!(rig.timer(1).is_empty(), "the time-out is off");
    assert_eq!(rig.driver.calls_count(), 0);
    assert_eq!(rig.heard()[2], r#"Reply "question" Ok((@1, Word("ok", 5)))"#);
}

#[test]
fn errors_and_bytes_that_are_no_word_end_a_call() {
    for (name, expected) in [("error", "@3 refused 20"), ("gibberish", "@3 malformed 0")] {
        let effects = caller(|| ONCE).answer(N1, 1, (name, 20));
        assert_eq!(effects.last().unwrap(), expected);
    }
}

#[test]
fn a_call_without_an_answer_times_out() {
    let mut rig = caller(|| ONCE);
    assert_eq!(rig.timer(1), ["@3 timeout 0"]);
    assert_eq!(rig.answer(N1, 1, ("ok", 5)), ["late @1 re=1"]);
}

#[test]
fn retries_pause_longer_and_longer_and_have_fresh_ids() {
    let mut rig = caller(patient);
    let pause = |lines: Vec<String>, from: u64, upto: u64| {
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let (_, ns) = line.split_once(' ').unwrap().1.split_once(' ').unwrap();
        let us: u64 = ns.trim_end_matches("ns").trim_end_matches("us").parse().unwrap();
        let ns = if line.ends_with("ns") { us } else { us * 1000 };
        assert!((from..=upto).contains(&ns), "{line}");
    };
    pause(rig.timer(1), 2_000_000, 4_000_000);
    assert_eq!(rig.timer(2), ["@1 ask 0 id=2", "arm 3 10ms"]);
    // Doubled, but not above the longest.
    pause(rig.timer(3), 3_000_000, 6_000_000);
    assert_eq!(rig.timer(4), ["@1 ask 0 id=3", "arm 5 10ms"]);
    let mut late = Rig::clone(&rig);
    assert_eq!(rig.timer(5), ["@3 timeout 0"]);
    // An answer to any attempt is an answer.
    assert_eq!(late.answer(N1, 1, ("ok", 5)), ["@3 ok 5"]);
    assert_eq!(late.answer(N1, 3, ("ok", 5)), ["late @1 re=3"]);
}

#[test]
fn a_retry_waits_for_what_the_first_attempt_waited_for_and_no_longer() {
    let mut rig = caller(|| ONCE);
    rig.answer(N1, 1, ("ok", 0));
    assert_eq!(rig.hear(CLIENT, None, ("forever", 1)), ["arm 2 10ms"], "the request is held");
    rig.flush();
    // It times out while it is held: the second copy is held as well.
    assert_eq!(rig.timer(2), ["arm 3 10ms"]);
    assert_eq!(rig.synced(1), ["@1 ask 1 id=2 held 4ms", "@1 ask 1 id=3 held 5ms"]);
    // A later write does not hold a retry of an older call.
    assert_eq!(rig.hear(CLIENT, None, ("forever", 1)), ["arm 4 10ms"]);
    assert_eq!(rig.timer(3), ["@1 ask 1 id=5", "arm 5 10ms"]);
}

#[test]
fn a_hedge_is_a_second_copy_beside_the_first() {
    let mut rig = caller(|| ONCE);
    rig.timer(1);
    assert_eq!(rig.hear(CLIENT, None, ("hedge", 0)), ["@1 ask 0 id=2", "arm 2 10ms", "arm 3 2ms"]);
    assert_eq!(rig.timer(3), ["@1 ask 0 id=3"]);
    assert_eq!(rig.answer(N1, 3, ("ok", 1)), ["@3 ok 1"]);
    assert_eq!(rig.answer(N1, 2, ("ok", 1)), ["late @1 re=2"]);
    rig.hear(CLIENT, None, ("hedge", 0));
    assert_eq!(rig.answer(N1, 4, ("ok", 1)), ["@3 ok 1"]);
    assert!(rig.timer(5).is_empty(), "an answered call needs no second copy");
}

#[test]
fn an_answer_to_an_earlier_life_never_matches() {
    for incarnation in [0, 1, 7] {
        let act = caller(|| ONCE).driver.node().clone();
        let mut rig = Rig::new(act, incarnation, Rules::default());
        let id = (u64::from(incarnation) << 32).max(1);
        let effects = rig.hear(CLIENT, None, ("go", 0));
        assert_eq!(effects, [format!("@1 ask 0 id={id}"), "arm 1 10ms".to_owned()]);
        if incarnation > 0 {
            assert_eq!(rig.answer(N1, 1, ("ok", 0)), ["late @1 re=1"]);
        }
    }
}

#[test]
fn calls_without_end_stay_bounded() {
    let mut rig = caller(|| ONCE);
    rig.timer(1);
    rig.hear(CLIENT, None, ("forever", 0));
    for token in 2..1002 {
        let effects = rig.timer(token);
        assert_eq!(effects.len(), 2, "{effects:?}");
    }
    assert_eq!(rig.answer(N1, 2, ("ok", 1)), ["late @1 re=2"], "too old to be remembered");
    assert_eq!(rig.answer(N1, 1000, ("ok", 1)), ["@3 ok 1"]);
}
