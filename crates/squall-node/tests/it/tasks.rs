//! The `async` style says what handler style says, and never waits for anything but its node.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use squall_node::task::{Async, AsyncNode, Cx};
use squall_node::{
    Ctx, Duration, Input, Need, Node, Policy, QuorumOutcome, QuorumResult, Rules, Sender, View,
};

use crate::rig::{CLIENT, ME, N1, N2, Rig, Word, word};

const POLICY: Policy = Policy { retries: 1, ..Policy::once(Duration::from_millis(10)) };

fn rig<A: AsyncNode>(state: A) -> Rig<Async<A>> {
    let mut rig = Rig::new(Async::new(state), 0, Rules::default());
    rig.start();
    rig
}

/// A write: keep it, have a majority keep it, answer.
struct Writer;

impl AsyncNode for Writer {
    type Message = Word;

    async fn handle(cx: Cx<Self>, from: Sender, body: Word) {
        if body.0 != "write" {
            return;
        }
        cx.put("value", &body.1.to_le_bytes()).await.unwrap();
        let need = Need::Majority(vec![ME, N1, N2]);
        let outcome = cx.call_quorum(&[N1, N2], word("keep", body.1), need, POLICY).await;
        match outcome.result {
            QuorumResult::Reached => cx.reply(from, word("done", cx.random().below(1000))),
            QuorumResult::Impossible | QuorumResult::TimedOut => cx.refuse(from, 11, "no quorum"),
        }
    }
}

/// The same in handler style.
struct Twin;

impl Node for Twin {
    type Message = Word;
    type Timer = u32;
    type Pending = Sender;

    fn handle(&mut self, ctx: &mut Ctx<'_, Self>, input: Input<Self>) {
        match input {
            Input::Message { from, body } if body.0 == "write" => {
                ctx.disk().put("value", &body.1.to_le_bytes()).unwrap();
                let need = Need::Majority(vec![ME, N1, N2]);
                ctx.call_quorum(&[N1, N2], &word("keep", body.1), need, POLICY, from);
            }
            Input::Quorum { pending, outcome: QuorumOutcome { result, .. } } => match result {
                QuorumResult::Reached => {
                    let draw = ctx.random().below(1000);
                    ctx.reply(pending, &word("done", draw));
                }
                QuorumResult::Impossible | QuorumResult::TimedOut => {
                    ctx.refuse(pending, 11, "no quorum");
                }
            },
            _ => {}
        }
    }
}

/// Two writes, answers, a failure, a retry, a time-out: everything that was said.
fn journal<N: Node>(node: N) -> Vec<Vec<String>> {
    let mut rig = Rig::new(node, 3, Rules::default());
    let id = |n: u64| (3 << 32) + n;
    let mut said = vec![rig.start()];
    said.push(rig.hear(CLIENT, Some(1), ("write", 5)));
    said.push(rig.flush());
    said.push(rig.hear(CLIENT, Some(2), ("write", 6)));
    said.push(rig.synced(1));
    said.push(rig.flush());
    said.push(rig.answer(N2, id(1), ("kept", 0)));
    said.push(rig.synced(2));
    said.push(rig.answer(N1, id(2), ("error", 14)));
    said.push(rig.timer(2));
    said.push(rig.timer(3));
    said.push(rig.hear(CLIENT, Some(3), ("write", 7)));
    said.push(rig.flush());
    said.push(rig.synced(3));
    said.push(rig.answer(N1, id(0), ("kept", 0)));
    said
}

#[test]
fn both_styles_say_the_same() {
    let said = journal(Twin);
    assert_eq!(journal(Async::new(Writer)), said);
    let all = said.concat();
    assert!(all.iter().any(|it| it.contains("done")), "{all:#?}");
    assert!(all.iter().any(|it| it.contains("error 11")), "{all:#?}");
}

/// One task for each name of a message.
#[derive(Default)]
struct Tasks {
    events: Vec<String>,
}

impl Tasks {
    fn log(cx: &Cx<Self>, event: impl Into<String>) {
        cx.with(|it| it.events.push(event.into()));
    }
}

impl AsyncNode for Tasks {
    type Message = Word;

    async fn handle(cx: Cx<Self>, from: Sender, body: Word) {
        match &*body.0 {
            "sleep" => {
                cx.sleep(Duration::from_millis(body.1)).await;
                cx.reply(from, word("slept", cx.now().0 / 1_000_000));
            }
            "disk" => {
                cx.put("a", b"1").await.unwrap();
                let index = cx.append("log", 0, 0, b"22").await.unwrap();
                let value = cx.get("a").await.unwrap().unwrap();
                let records = cx.read_all("log").await.unwrap();
                let bytes = value.len() + records[0].payload.len();
                cx.reply(from, word("disk", index + bytes as u64));
            }
            "later" => {
                // Asked in one step, looked at in another.
                let call = cx.call(N1, word("ask", 1), POLICY);
                cx.sleep(Duration::from_millis(1)).await;
                let (_, answer) = call.await.unwrap();
                cx.reply(from, answer);
            }
            "drop" => {
                drop(cx.call(N1, word("ask", 1), POLICY));
                drop(cx.sleep(Duration::from_millis(1)));
                cx.reply(from, word("dropped", 0));
            }
            "spawn" => {
                let child = cx.clone();
                cx.spawn(async move {
                    Self::log(&child, "child");
                    child.sleep(Duration::from_millis(1)).await;
                    child.reply(from, word("child", 0));
                });
                Self::log(&cx, "parent");
            }
            "join" => {
                let one = cx.call(N1, word("ask", 1), POLICY);
                let two = cx.call(N2, word("ask", 2), POLICY);
                let (one, two) = join(one, two).await;
                cx.reply(from, word("sum", one.unwrap().1.1 + two.unwrap().1.1));
            }
            "loop" => {
                for _ in 0..body.1 {
                    cx.put("a", b"1").await.unwrap();
                }
                cx.reply(from, word("looped", body.1));
            }
            other => Self::log(&cx, other),
        }
    }

    fn view(&self, out: &mut View) {
        out.show("events", self.events.join(","));
    }
}

/// Waits for both.
async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(move |context: &mut Context<'_>| {
        poll_once(a.as_mut(), &mut first, context);
        poll_once(b.as_mut(), &mut second, context);
        if first.is_none() || second.is_none() {
            return Poll::Pending;
        }
        Poll::Ready(first.take().zip(second.take()).unwrap())
    })
    .await
}

fn poll_once<F: Future>(future: Pin<&mut F>, done: &mut Option<F::Output>, cx: &mut Context<'_>) {
    if done.is_none()
        && let Poll::Ready(value) = future.poll(cx)
    {
        *done = Some(value);
    }
}

#[test]
fn a_sleep_is_a_timer() {
    let mut rig = rig(Tasks::default());
    assert_eq!(rig.hear(CLIENT, Some(1), ("sleep", 5)), ["arm 1 5ms"]);
    assert_eq!(rig.hear(CLIENT, Some(2), ("sleep", 2)), ["arm 2 2ms"]);
    assert_eq!(rig.timer(2), ["@3 slept 4 re=2"]);
    assert_eq!(rig.timer(1), ["@3 slept 5 re=1"]);
    assert!(rig.timer(1).is_empty());
}

#[test]
fn disk_verbs_end_in_the_same_step() {
    let mut rig = rig(Tasks::default());
    assert!(rig.hear(CLIENT, Some(1), ("disk", 0)).is_empty(), "the answer waits for the sync");
    assert_eq!(rig.flush(), ["sync 2"]);
    assert_eq!(rig.synced(2), ["@3 disk 4 re=1 held 2ms"]);
    assert!(rig.hear(CLIENT, Some(1), ("loop", 10_000)).is_empty());
    assert_eq!(rig.flush(), ["sync 10002"]);
}

#[test]
fn a_call_may_be_looked_at_long_after_its_answer() {
    let mut rig = rig(Tasks::default());
    assert_eq!(
        rig.hear(CLIENT, Some(1), ("later", 0)),
        ["@1 ask 1 id=1", "arm 1 10ms", "arm 2 1ms"]
    );
    let mut answer_last = journal_of_later();
    assert_eq!(answer_last.pop().unwrap(), ["@3 ok 9 re=1"]);
    assert!(rig.answer(N1, 1, ("ok", 9)).is_empty(), "it sleeps");
    assert_eq!(rig.timer(2), ["@3 ok 9 re=1"]);
}

fn journal_of_later() -> Vec<Vec<String>> {
    let mut rig = rig(Tasks::default());
    vec![rig.hear(CLIENT, Some(1), ("later", 0)), rig.timer(2), rig.answer(N1, 1, ("ok", 9))]
}

#[test]
fn the_end_of_a_dropped_future_is_ignored() {
    let mut rig = rig(Tasks::default());
    let said = rig.hear(CLIENT, Some(1), ("drop", 0));
    assert_eq!(said, ["@1 ask 1 id=1", "arm 1 10ms", "arm 2 1ms", "@3 dropped 0 re=1"]);
    assert!(rig.answer(N1, 1, ("ok", 9)).is_empty());
    assert!(rig.timer(2).is_empty());
    assert_eq!(format!("{:?}", rig.driver.node()), "Async with 0 tasks");
}

#[test]
fn spawned_tasks_run_in_the_same_step_and_on_their_own() {
    let mut rig = rig(Tasks::default());
    assert_eq!(rig.hear(CLIENT, Some(1), ("spawn", 0)), ["arm 1 1ms"]);
    let mut view = View::default();
    rig.driver.node().view(&mut view);
    assert_eq!(view.fields[0].1, squall_node::Field::from("parent,child"));
    assert_eq!(rig.timer(1), ["@3 child 0 re=1"]);
    assert_eq!(format!("{:?}", rig.driver.node()), "Async with 0 tasks");
}

#[test]
fn two_calls_may_be_waited_for_together() {
    for order in [[1, 2], [2, 1]] {
        let mut rig = rig(Tasks::default());
        rig.hear(CLIENT, Some(1), ("join", 0));
        let mut answer = |id| {
            let (from, n) = if id == 1 { (N1, 10) } else { (N2, 20) };
            rig.answer(from, id, ("ok", n))
        };
        assert!(answer(order[0]).is_empty());
        assert_eq!(answer(order[1]), ["@3 sum 30 re=1"]);
    }
}
