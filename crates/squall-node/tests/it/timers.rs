//! Timers: the value is the key, the token is the generation.

use squall_node::{Duration, Input, Stepped};

use crate::rig::{CLIENT, puppet, word};

#[test]
fn a_timer_that_was_replaced_or_disarmed_never_fires() {
    let mut rig = puppet(|ctx, input| match input {
        Input::Message { body, .. } if body.0 == "arm" => {
            ctx.arm(Duration::from_millis(5), u32::try_from(body.1).unwrap());
        }
        Input::Message { body, .. } => ctx.disarm(u32::try_from(body.1).unwrap()),
        Input::Timer(timer) => ctx.send(CLIENT, &word("fired", u64::from(*timer))),
        _ => {}
    });
    rig.start();
    assert_eq!(rig.hear(CLIENT, None, ("arm", 7)), ["arm 1 5ms"]);
    assert_eq!(rig.hear(CLIENT, None, ("arm", 8)), ["arm 2 5ms"]);
    assert_eq!(rig.hear(CLIENT, None, ("arm", 7)), ["arm 3 5ms"]);
    assert!(rig.timer(1).is_empty());
    assert_eq!(rig.last, Stepped::Stale);
    assert_eq!(rig.timer(3), ["@3 fired 7"]);
    assert!(rig.timer(3).is_empty(), "a token is good once");
    rig.hear(CLIENT, None, ("disarm", 8));
    assert!(rig.timer(2).is_empty());
    assert_eq!(rig.last, Stepped::Stale);
    assert!(rig.timer(99).is_empty(), "a token of another life");
}

#[test]
fn a_timer_may_be_armed_again_by_its_own_handler() {
    let mut rig = puppet(|ctx, input| match input {
        Input::Start | Input::Timer(_) => ctx.arm(Duration::from_millis(1), 0),
        _ => {}
    });
    assert_eq!(rig.start(), ["arm 1 1ms"]);
    for token in 1..10 {
        assert_eq!(rig.timer(token), [format!("arm {} 1ms", token + 1)]);
    }
}
