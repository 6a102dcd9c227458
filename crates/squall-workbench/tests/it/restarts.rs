//! Lives of nodes that need a while to start, and kills that come meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;

use squall_node::{ActorId, Bytes, Duration, Form, Lineage, Moment, Outgoing, Token};
use squall_workbench::{Build, Judged, Settings, judge};
use squall_world::{Bounds, EventPlan, Host, HostInput, Life, Output, Outputs, Plan, Progress};

use crate::bench::{plan_of, settings, with_nodes};

/// A right node of `echo` and `unique-ids` that needs a while to start, and hears nothing before.
#[derive(Clone, Default)]
struct Slow {
    me: ActorId,
    life: u32,
    /// Lives in which it never starts.
    silent: BTreeSet<u32>,
    /// Whether it gives the same id each time.
    is_constant: bool,
    init: Option<(ActorId, u64)>,
    is_deaf: bool,
}

const STARTS_IN: Duration = Duration::from_millis(300);

impl Slow {
    fn say(&self, at: Moment, to: ActorId, id: u64, name: &str, rest: &str) -> Output {
        let body = format!(r#"{{"type":"{name}","in_reply_to":{id}{rest}}}"#);
        Output::Send {
            from: self.me,
            message: Outgoing {
                to,
                msg_id: None,
                in_reply_to: Some(id),
                name: name.to_owned().into(),
                form: Form::Json,
                body: Bytes::from(body.as_bytes()),
                cause: at.event,
                lineage: at.lineage.child(0),
                held_from: None,
            },
        }
    }
}

impl Host for Slow {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        match input {
            HostInput::Message { envelope, name: "init", .. } => {
                (self.init, self.is_deaf) = (Some((envelope.src, envelope.msg_id.unwrap())), true);
                out.list.push(Output::Arm {
                    actor: self.me,
                    token: Token(u64::from(self.life)),
                    after: STARTS_IN,
                    lineage: Lineage(1),
                    name: None,
                });
            }
            HostInput::Message { envelope, name, .. } if !self.is_deaf => {
                let id = envelope.msg_id.unwrap();
                let body: serde_json::Value = serde_json::from_slice(&envelope.body).unwrap();
                let n = if self.is_constant { 7 } else { u64::from(envelope.src.0) << 32 | id };
                let (reply, rest) = match name {
                    "echo" => ("echo_ok", format!(r#","echo":{}"#, body["echo"])),
                    _ => ("generate_ok", format!(r#","id":{n}"#)),
                };
                out.list.push(self.say(at, envelope.src, id, reply, &rest));
            }
            HostInput::Timer { .. } => {
                if let Some((client, id)) = self.init.take()
                    && !self.silent.contains(&self.life)
                {
                    self.is_deaf = false;
                    out.list.push(self.say(at, client, id, "init_ok", ""));
                }
            }
            _ => {}
        }
        Progress::Quiescent
    }

    fn life(&mut self, _: Moment, _: ActorId, change: Life, _: &mut Outputs) -> Progress {
        match change {
            Life::Start { incarnation, .. } => {
                (self.life, self.init) = (incarnation, None);
            }
            // A process reads the end of its input, and hears nothing more.
            Life::CloseInput => self.is_deaf = true,
            _ => {}
        }
        Progress::Quiescent
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        Some(Box::new(self.clone()))
    }
}

fn kill(id: u64, at_ms: u64, for_ms: u64) -> EventPlan {
    let words = serde_json::json!({ "kind": "one", "nodes": ["n0"], "power": false });
    let serde_json::Value::Object(words) = words else { unreachable!() };
    EventPlan { id, what: "kill".into(), words, ..EventPlan::at(at_ms * 1_000, for_ms * 1_000) }
}

fn play(plan: &Arc<Plan>, slow: &Slow) -> Judged {
    let mut build = Build::new(plan, Bounds::SWARM).unwrap();
    for at in 0..plan.nodes.len() {
        let me = ActorId(u32::try_from(at).unwrap());
        build.world.settle(me, Box::new(Slow { me, ..slow.clone() }));
    }
    judge(plan, build.world.run())
}

fn with_kills(node: &str, kills: Vec<EventPlan>) -> Arc<Plan> {
    let settings = Settings {
        time_limit_ms: 6_000,
        init_timeout_ms: 2_000,
        rpc_timeout_ms: Some(1_000),
        ..with_nodes(2, settings(node))
    };
    let mut plan = (*plan_of(&settings, 1)).clone();
    plan.events = kills;
    Arc::new(plan)
}

/// The verdict, and what is told of the nodes.
fn told(judged: &Judged) -> (&'static str, Vec<String>) {
    let findings = judged.findings.iter().map(|(finding, _)| finding.to_string());
    (judged.word.as_str(), findings.collect())
}

#[test]
fn a_node_that_is_killed_while_it_starts_owes_nothing_for_that_life() {
    let plan = with_kills("echo", vec![kill(1, 500, 500), kill(2, 1_100, 500)]);
    assert_eq!(told(&play(&plan, &Slow::default())), ("held", vec![]));
}

#[test]
fn a_kill_takes_the_last_words_of_a_silent_life() {
    // Its time is up at 3.0 s, its last words would be at 3.3 s, and the kill is between them.
    let plan = with_kills("echo", vec![kill(1, 500, 500), kill(2, 3_100, 500)]);
    let slow = Slow { silent: [1].into(), ..Slow::default() };
    assert_eq!(told(&play(&plan, &slow)), ("held", vec![]));
}

#[test]
fn the_time_to_start_again_belongs_to_the_kill() {
    let mut plan = (*with_kills("echo", vec![kill(1, 500, 500)])).clone();
    plan.knobs.insert("rpc_timeout_ms".to_owned(), 100.into());
    assert_eq!(told(&play(&Arc::new(plan.clone()), &Slow::default())), ("held", vec![]));
    // But not longer than a node may take over it.
    plan.knobs.insert("init_timeout_ms".to_owned(), 500.into());
    let slow = Slow { silent: [1].into(), ..Slow::default() };
    assert_eq!(play(&Arc::new(plan), &slow).word.as_str(), "broken");
}

/// The exit code of a node error is for runs in which no promise was found broken.
#[test]
fn a_node_that_does_not_come_back_hides_no_broken_promise() {
    let plan = with_kills("unique-ids", vec![kill(1, 500, 500)]);
    let silent: BTreeSet<_> = [1].into();
    let constant = Slow { silent: silent.clone(), is_constant: true, ..Slow::default() };
    let judged = play(&plan, &constant);
    assert_eq!(judged.promises[0].1.verdict.as_str(), "broken", "an id was given twice");
    assert_eq!(judged.word.as_str(), "broken");
    assert_eq!(judged.findings[0].0.code, "SQ03", "and what is wrong with the node is told");
    let right = Slow { silent, ..Slow::default() };
    assert_eq!(play(&plan, &right).word.as_str(), "node error");
    // An assertion is a promise, too.
    let mut plan = (*plan).clone();
    plan.knobs.insert("asserts".to_owned(), vec!["ok-fraction==100%"].into());
    assert_eq!(play(&Arc::new(plan), &right).word.as_str(), "broken");
}
