//! A node that says exactly what the test tells it to say, and a run with it.

use std::sync::Arc;

use squall_node::{ActorId, Bytes, Form, Moment, Outgoing};
use squall_workbench::{Build, Judged, Settings, header, judge};
use squall_world::{Bounds, Host, HostInput, Life, Output, Outputs, Plan, Progress};

use crate::bench::{Sink, plan_of};

/// The answers to a request: its name, its id and its body, and how many came before it.
pub(crate) type Say = Arc<dyn Fn(&str, u64, &str, u64) -> Vec<String>>;

#[derive(Clone)]
struct Liar {
    me: ActorId,
    say: Say,
    asked: u64,
    /// Whether the test also decides about `init` and `topology`.
    is_odd: bool,
}

impl Host for Liar {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        let HostInput::Message { envelope, name, .. } = input else { return Progress::Quiescent };
        let id = envelope.msg_id.unwrap_or(0);
        let replies = match name {
            "init" | "topology" if !self.is_odd => {
                vec![format!(r#"{{"type":"{name}_ok","in_reply_to":{id}}}"#)]
            }
            _ => {
                self.asked += 1;
                let body = std::str::from_utf8(&envelope.body).unwrap();
                (self.say)(name, id, body, self.asked - 1)
            }
        };
        for (ordinal, body) in (0..).zip(replies) {
            let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
            let message = Outgoing {
                to: envelope.src,
                msg_id: parsed["msg_id"].as_u64(),
                in_reply_to: parsed["in_reply_to"].as_u64(),
                name: parsed["type"].as_str().unwrap_or("").to_owned().into(),
                form: Form::Json,
                body: Bytes::from(body.as_bytes()),
                cause: at.event,
                lineage: at.lineage.child(ordinal),
                held_from: None,
            };
            out.list.push(Output::Send { from: self.me, message });
        }
        Progress::Quiescent
    }

    fn life(&mut self, _: Moment, _: ActorId, _: Life, _: &mut Outputs) -> Progress {
        Progress::Quiescent
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        Some(Box::new(self.clone()))
    }
}

/// A run whose nodes are all liars: what was judged, and its trace.
pub(crate) struct Lied {
    pub(crate) judged: Judged,
    pub(crate) trace: Vec<serde_json::Value>,
}

pub(crate) fn lie(
    settings: &Settings,
    say: impl Fn(&str, u64, &str, u64) -> Vec<String> + 'static,
) -> Lied {
    play(&plan_of(settings, 1), Arc::new(say), false)
}

/// The same by nodes that lie from the very first message on.
pub(crate) fn lie_from_birth(
    settings: &Settings,
    say: impl Fn(&str, u64, &str, u64) -> Vec<String> + 'static,
) -> Lied {
    play(&plan_of(settings, 1), Arc::new(say), true)
}

fn play(plan: &Arc<Plan>, say: Say, is_odd: bool) -> Lied {
    let mut build = Build::new(plan, Bounds::SWARM).unwrap();
    for at in 0..plan.nodes.len() {
        let me = ActorId(u32::try_from(at).unwrap());
        let liar = Liar { me, say: Arc::clone(&say), asked: 0, is_odd };
        build.world.settle(me, Box::new(liar));
    }
    let sink = Sink::default();
    build.world.record(Box::new(sink.clone()), &header(plan));
    let judged = judge(plan, build.world.run());
    Lied { judged, trace: sink.lines() }
}

impl Lied {
    /// The operations of the history: time in ns, process, stage, function, value, error.
    pub(crate) fn ops(&self) -> Vec<serde_json::Value> {
        self.trace.iter().filter(|line| line["k"] == "op").cloned().collect()
    }

    /// The ends of all operations: stage and error, as one text each.
    pub(crate) fn ends(&self) -> Vec<String> {
        let ends = self.ops().into_iter().filter(|op| op["do"] != "invoke");
        ends.map(|op| format!("{} {}", op["do"].as_str().unwrap(), op["error"])).collect()
    }

    /// Codes of the findings, each with how often.
    pub(crate) fn codes(&self) -> Vec<(&'static str, u64)> {
        self.judged.findings.iter().map(|(finding, count)| (finding.code, *count)).collect()
    }
}
