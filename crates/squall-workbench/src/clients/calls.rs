//! Requests, answers, and what they mean for an operation.

use squall_node::{ActorId, Bytes, Duration, Form, Lineage, Moment, Outgoing, draw_key, quoted};
use squall_world::{Envelope, Finding, Op, Output, Outputs, Stage};

use super::{Call, Clients, DOMAIN_SLOT, Due, Past, Phase, Purpose, Worker};
use crate::body::Body;
use crate::errors;
use crate::workloads::{Request, Turn, shown};

impl Clients {
    /// Sends a request from a client that has none open.
    pub(super) fn ask(
        &mut self,
        at: Moment,
        client: ActorId,
        call: Call,
        (lineage, timeout): (Lineage, Duration),
        out: &mut Outputs,
    ) {
        let body = call.request.body(call.msg_id);
        let message = Outgoing {
            to: call.node,
            msg_id: Some(call.msg_id),
            in_reply_to: None,
            name: call.request.f.into(),
            form: Form::Json,
            body: Bytes::from(body.as_bytes()),
            cause: at.event,
            lineage: lineage.child(0),
            held_from: None,
        };
        out.list.push(Output::Send { from: client, message });
        self.arm(timeout, Due::Timeout(client, call.msg_id), lineage, out);
        self.pasts.entry(client).or_default().asked = call.msg_id;
        self.calls.insert(client, call);
    }

    /// A worker begins an operation.
    pub(super) fn invoke(&mut self, at: Moment, turn: Turn, request: Request, out: &mut Outputs) {
        let client = match self.workers[turn.worker].client {
            Some(client) => client,
            None => self.open(out),
        };
        let worker = &mut self.workers[turn.worker];
        worker.client = Some(client);
        worker.is_busy = true;
        worker.msg_ids += 1;
        let msg_id = worker.msg_ids;
        let node = self.nodes[turn.worker % self.nodes.len()];
        let call = Call { node, msg_id, request, purpose: Purpose::Work(turn.worker) };
        self.tell(client, &call, (Stage::Invoke, None, None), out);
        let lineage = Lineage(draw_key(self.plan.seed, DOMAIN_SLOT, turn.slot, 0));
        self.ask(at, client, call, (lineage, self.timeouts.rpc), out);
    }

    /// Tells the history about the operation of a call.
    fn tell(
        &self,
        client: ActorId,
        call: &Call,
        (stage, value, error): (Stage, Option<String>, Option<String>),
        out: &mut Outputs,
    ) {
        let Purpose::Work(worker) = call.purpose else { return };
        let Worker { process, is_final, .. } = self.workers[worker];
        out.list.push(Output::Op(Op {
            actor: client,
            stage,
            process,
            f: call.request.f.into(),
            value: value.unwrap_or_else(|| call.request.value.clone()).into(),
            error: error.map(Into::into),
            is_final,
            node: Some(call.node),
        }));
    }

    /// A message for a client: the answer to its request, or something else.
    pub(super) fn message(
        &mut self,
        at: Moment,
        client: ActorId,
        envelope: &Envelope,
        name: &str,
        out: &mut Outputs,
    ) {
        let Some(call) = self.calls.get(&client) else {
            self.nobody_asked(client, envelope, None, out);
            return;
        };
        if envelope.in_reply_to != Some(call.msg_id) {
            let waits = (call.node, call.msg_id);
            self.nobody_asked(client, envelope, Some(waits), out);
            return;
        }
        let Some(call) = self.calls.remove(&client) else { return };
        let past = self.pasts.entry(client).or_default();
        past.answered.insert(call.msg_id);
        past.last_answer = Some((call.msg_id, envelope.body.clone()));
        match call.purpose {
            Purpose::Init | Purpose::InitAgain => self.init_answered(at, client, &call, name, out),
            Purpose::Setup => self.setup_answered(&call, name, out),
            Purpose::Work(worker) => {
                let answer = self.judge(&call, envelope, name);
                if let Answer::Malformed(what) = &answer {
                    self.malformed(&call, envelope, what.clone(), out);
                }
                self.answered(at, (client, worker), &call, answer, out);
            }
        }
    }

    fn init_answered(
        &mut self,
        at: Moment,
        client: ActorId,
        call: &Call,
        name: &str,
        out: &mut Outputs,
    ) {
        let is_late = self.silent.contains(&client);
        self.close(client, out);
        let node = call.node;
        if is_late {
            self.kept_back(node, call, out);
            return;
        }
        if name != "init_ok" {
            let what = format!("init was answered with {name:?} instead of \"init_ok\"");
            let help = "answer init with {\"type\":\"init_ok\",\"in_reply_to\":1}";
            self.setup_failed(node, ("SQ03", what, help), call, out);
            return;
        }
        if call.purpose == Purpose::InitAgain {
            out.list.push(Output::Ready { node });
        } else if self.phase == Phase::Init {
            self.pending_setup -= 1;
            if self.pending_setup == 0 {
                self.setup(at, out);
            }
        }
    }

    fn setup_answered(&mut self, call: &Call, name: &str, out: &mut Outputs) {
        let expected = format!("{}_ok", call.request.f);
        if name != expected {
            let what = format!("{} was answered with {name:?}", call.request.f);
            let help = format!("answer it with {{\"type\":\"{expected}\",\"in_reply_to\":1}}");
            self.setup_failed(call.node, ("SQ03", what, &help), call, out);
            return;
        }
        self.pending_setup -= 1;
        if self.pending_setup == 0 && self.phase == Phase::Setup {
            self.work(out);
        }
    }

    /// What an answer says about its operation.
    fn judge(&self, call: &Call, envelope: &Envelope, name: &str) -> Answer {
        let body = match Body::parse(&envelope.body) {
            Ok(body) => body,
            Err(what) => return Answer::Malformed(what),
        };
        if let Some(id) = body.field("msg_id")
            && !crate::workloads::is_integer(id.get())
        {
            return Answer::Malformed(format!("msg_id must be an integer, got {}", id.get()));
        }
        if name == "error" {
            return Answer::Error(errors::read(&body));
        }
        let expected = format!("{}_ok", call.request.f);
        if body.field("type").is_none() {
            return Answer::Malformed(format!(
                "the key \"type\" is missing, expected {expected:?}"
            ));
        }
        if name != expected {
            return Answer::Malformed(format!("expected type {expected:?}, got {name:?}"));
        }
        match self.machine.reply(&call.request, &body) {
            Ok(value) => Answer::Ok(value),
            Err(what) => Answer::Malformed(what),
        }
    }

    fn answered(
        &mut self,
        at: Moment,
        (client, worker): (ActorId, usize),
        call: &Call,
        answer: Answer,
        out: &mut Outputs,
    ) {
        match answer {
            Answer::Ok(value) => {
                self.tell(client, call, (Stage::Ok, Some(value), None), out);
                self.end(at, (client, worker), Stage::Ok, out);
            }
            Answer::Error(error) => {
                let is_definite = error.refusal.is_definite() && error.wrong.is_none();
                let stage = self.stage_of_failure(call, is_definite);
                let text = format!("[{},{}]", quoted(error.name), quoted(&error.refusal.text));
                self.tell(client, call, (stage, None, Some(text)), out);
                if let Some(wrong) = error.wrong {
                    self.wrong_code(call, wrong, out);
                }
                self.end(at, (client, worker), stage, out);
            }
            Answer::Malformed(what) => {
                let text = format!("[\"malformed-reply\",{}]", quoted(&what));
                self.tell(client, call, (Stage::Info, None, Some(text)), out);
                self.end(at, (client, worker), Stage::Info, out);
            }
        }
    }

    /// A request has had its time.
    pub(super) fn timeout(&mut self, at: Moment, client: ActorId, msg_id: u64, out: &mut Outputs) {
        let is_open = self.calls.get(&client).is_some_and(|call| call.msg_id == msg_id);
        if !is_open {
            out.stale = true;
            return;
        }
        let Some(call) = self.calls.get(&client).cloned() else { return };
        match call.purpose {
            Purpose::Init | Purpose::InitAgain => self.no_init(client, call.node, out),
            Purpose::Setup => {
                let what = format!("no answer to {} within 5 s", call.request.f);
                let help = format!(
                    "answer it with {{\"type\":\"{}_ok\",\"in_reply_to\":1}}",
                    call.request.f
                );
                self.setup_failed(call.node, ("SQ03", what, &help), &call, out);
            }
            Purpose::Work(worker) => {
                self.calls.remove(&client);
                let stage = self.stage_of_failure(&call, false);
                let error = Some("\"net-timeout\"".to_owned());
                self.tell(client, &call, (stage, None, error), out);
                self.end(at, (client, worker), stage, out);
            }
        }
    }

    /// What becomes of an operation that did not succeed. One without an effect has certainly
    /// not happened.
    fn stage_of_failure(&self, call: &Call, is_definite: bool) -> Stage {
        let function = self.workload.functions.iter().find(|f| f.name == call.request.f);
        let is_idempotent = function.is_some_and(|f| f.is_idempotent);
        if is_definite || is_idempotent { Stage::Fail } else { Stage::Info }
    }

    /// An operation has ended; its worker is free, perhaps as another process.
    fn end(
        &mut self,
        at: Moment,
        (client, worker): (ActorId, usize),
        stage: Stage,
        out: &mut Outputs,
    ) {
        let concurrency = i64::try_from(self.workers.len()).unwrap_or(i64::MAX);
        let row = &mut self.workers[worker];
        row.is_busy = false;
        row.has_finished |= row.is_final;
        if stage == Stage::Info {
            row.process += concurrency;
            if !self.workload.keeps_client {
                row.client = None;
                row.msg_ids = 0;
                self.close(client, out);
            }
        }
        self.freed(at, out);
    }

    /// A message that answers nothing that is open.
    fn nobody_asked(
        &self,
        client: ActorId,
        envelope: &Envelope,
        waits: Option<(ActorId, u64)>,
        out: &mut Outputs,
    ) {
        let nothing = Past::default();
        let past = self.pasts.get(&client).unwrap_or(&nothing);
        let body = shown_body(envelope);
        let first = match &past.last_answer {
            Some((id, first)) if Some(*id) == envelope.in_reply_to => {
                Some(shown(&String::from_utf8_lossy(first)))
            }
            _ => None,
        };
        let (code, what, help) = match envelope.in_reply_to {
            Some(id) if past.answered.contains(&id) => (
                "SQ05",
                format!("request {id} was answered twice; the second answer was ignored"),
                "answer every request exactly once".to_owned(),
            ),
            // The answer to a request that has timed out.
            Some(id) if (1..=past.asked).contains(&id) => return,
            Some(id) => (
                "SQ04",
                format!("the message answers request {id}, which was never made{}", open(waits)),
                EXPECTED.to_owned(),
            ),
            None => (
                "SQ04",
                format!("the message to a client has no integer in_reply_to{}", open(waits)),
                EXPECTED.to_owned(),
            ),
        };
        let finding = Finding {
            code,
            node: self.node_name(envelope.src).to_owned(),
            line_no: None,
            column: None,
            raw: first.map_or(body.clone(), |first| format!("first  {first}\nsecond {body}")),
            what,
            help,
        };
        self.find(envelope.src, finding, out);
    }

    /// What was asked and what came, side by side.
    fn malformed(&self, call: &Call, envelope: &Envelope, what: String, out: &mut Outputs) {
        let asked = call.request.body(call.msg_id);
        let finding = Finding {
            code: "SQ04",
            node: self.node_name(call.node).to_owned(),
            line_no: None,
            column: None,
            raw: format!("request {}\nanswer  {}", shown(&asked), shown_body(envelope)),
            what: format!("wrong answer to {}: {what}", call.request.f),
            help: format!("the protocol of {}: {}", self.workload.name, self.workload.rpcs),
        };
        self.find(call.node, finding, out);
    }

    fn wrong_code(&self, call: &Call, what: String, out: &mut Outputs) {
        let help = "definite (certainly did not happen): 1 10 11 12 14 20 21 22 30; indefinite: \
                    0, 13; codes from 1000 on are free, and indefinite";
        self.call_finding(call, "SQ10", what, help.to_owned(), out);
    }

    fn call_finding(
        &self,
        call: &Call,
        code: &'static str,
        what: String,
        help: String,
        out: &mut Outputs,
    ) {
        let finding = Finding {
            code,
            node: self.node_name(call.node).to_owned(),
            line_no: None,
            column: None,
            raw: shown(&call.request.body(call.msg_id)),
            what,
            help,
        };
        self.find(call.node, finding, out);
    }
}

/// Without the id: equal findings are told once.
const EXPECTED: &str = "set in_reply_to to the msg_id of the request";

fn open(waits: Option<(ActorId, u64)>) -> String {
    waits.map_or_else(String::new, |(_, id)| format!("; the open request is {id}"))
}

fn shown_body(envelope: &Envelope) -> String {
    shown(&String::from_utf8_lossy(&envelope.body))
}

/// What an answer says.
enum Answer {
    Ok(String),
    Error(errors::Error),
    Malformed(String),
}
