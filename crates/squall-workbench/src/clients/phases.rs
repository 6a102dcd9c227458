//! How the clients lead a run from `init` to its last operation.

use squall_node::{ActorId, Duration, Lineage, Moment, draw_key, quoted};
use squall_world::{Finding, Output, Outputs, Phase as Told};

use super::{
    Call, Clients, DOMAIN_INIT, DOMAIN_SLOT, Due, LAST_WORDS, Phase, Purpose, SETUP_TIMEOUT,
    slot_gap, slot_random,
};
use crate::workloads::{Request, Turn};

impl Clients {
    /// Nodes have been started: each is told who it is.
    pub(super) fn begin(&mut self, at: Moment, out: &mut Outputs) {
        self.pending_setup = self.nodes.len();
        for node in self.nodes.clone() {
            self.init(at, node, Purpose::Init, out);
        }
        // Some may have ended before they were told anything.
        for node in self.gone.clone() {
            self.exited(node, out);
        }
    }

    /// Tells a node who it is and who the others are.
    pub(super) fn init(&mut self, at: Moment, node: ActorId, purpose: Purpose, out: &mut Outputs) {
        let client = self.open(out);
        let ids: Vec<_> = self.plan.nodes.iter().map(|name| quoted(name)).collect();
        let me = quoted(self.node_name(node));
        let fields = format!("\"node_id\":{me},\"node_ids\":[{}]", ids.join(","));
        let request = Request { f: "init", value: String::new(), fields };
        let life = self.starts.entry(node).or_insert(0);
        *life += 1;
        let key = draw_key(self.plan.seed, DOMAIN_INIT, u64::from(node.0), *life);
        let call = Call { node, msg_id: 1, request, purpose };
        self.ask(at, client, call, (Lineage(key), self.timeouts.init), out);
    }

    /// Every node knows who it is; now it learns what the workload wants it to know.
    pub(super) fn setup(&mut self, at: Moment, out: &mut Outputs) {
        self.phase = Phase::Setup;
        self.pending_setup = 0;
        for (place, node) in self.nodes.clone().into_iter().enumerate() {
            let client = self.open(out);
            let Some(request) = self.machine.setup(place) else { continue };
            self.pending_setup += 1;
            let key = draw_key(self.plan.seed, DOMAIN_INIT, u64::from(node.0), u64::MAX);
            let call = Call { node, msg_id: 1, request, purpose: Purpose::Setup };
            self.ask(at, client, call, (Lineage(key), SETUP_TIMEOUT), out);
        }
        if self.pending_setup == 0 {
            self.work(out);
        }
    }

    /// Operations and faults begin.
    pub(super) fn work(&mut self, out: &mut Outputs) {
        self.phase = Phase::Main;
        out.list.push(Output::Phase(Told::Main));
        let root = Lineage(draw_key(self.plan.seed, DOMAIN_SLOT, u64::MAX, 0));
        let length = Duration::from_millis(self.plan.phases.main_ms);
        self.arm(length, Due::MainOver, root, out);
        self.arm_slot(self.plan.ops.from, out);
    }

    fn arm_slot(&mut self, slot: u64, out: &mut Outputs) {
        if slot < self.plan.ops.to {
            let gap = slot_gap(self.plan.seed, slot, self.plan.ops.gap_max_ns);
            let lineage = Lineage(draw_key(self.plan.seed, DOMAIN_SLOT, slot, 0));
            self.arm(gap, Due::Slot(slot), lineage, out);
        }
    }

    /// A timer is due.
    pub(super) fn timer(&mut self, at: Moment, due: Due, out: &mut Outputs) {
        match due {
            // The next operation, by the worker whose turn it is or the next free one. If none
            // is free, the slot waits; there is no burst to catch up.
            Due::Slot(slot) if self.phase == Phase::Main => self.slot(at, slot, out),
            Due::Slot(_) => out.stale = true,
            Due::MainOver => {
                self.phase = Phase::Ending;
                self.waiting = None;
                self.maybe_heal(out);
            }
            Due::Recovered => self.ask_last(at, out),
            Due::Timeout(client, msg_id) => self.timeout(at, client, msg_id, out),
            Due::LastWords(client) => self.silent_to_the_end(client, out),
        }
    }

    fn slot(&mut self, at: Moment, slot: u64, out: &mut Outputs) {
        if !self.plan.ops.has(slot) {
            self.arm_slot(slot + 1, out);
            return;
        }
        let count = self.workers.len();
        let first = usize::try_from(slot % count.max(1) as u64).unwrap_or(0);
        let free = (0..count).map(|i| (first + i) % count).find(|&w| !self.workers[w].is_busy);
        let Some(worker) = free else {
            self.waiting = Some(slot);
            out.stale = out.list.is_empty();
            return;
        };
        let turn = Turn { slot, worker, process: self.workers[worker].process };
        let mut random = slot_random(self.plan.seed, slot);
        if let Some(request) = self.machine.next(turn, &mut random) {
            self.invoke(at, turn, request, out);
        }
        self.arm_slot(slot + 1, out);
    }

    /// A worker is free again.
    pub(super) fn freed(&mut self, at: Moment, out: &mut Outputs) {
        match self.phase {
            Phase::Main => {
                if let Some(slot) = self.waiting.take() {
                    self.slot(at, slot, out);
                }
            }
            Phase::Ending => self.maybe_heal(out),
            Phase::Final if self.workers.iter().all(|worker| worker.has_finished) => {
                self.finish(out);
            }
            Phase::Final | Phase::Init | Phase::Setup | Phase::Heal | Phase::Done => {}
        }
    }

    /// Once no operation is open, faults end and the cluster gets time to recover.
    fn maybe_heal(&mut self, out: &mut Outputs) {
        if self.workers.iter().any(|worker| worker.is_busy) {
            return;
        }
        self.phase = Phase::Heal;
        out.list.push(Output::Phase(Told::Heal));
        if !self.workload.has_final {
            self.finish(out);
            return;
        }
        let root = Lineage(draw_key(self.plan.seed, DOMAIN_SLOT, u64::MAX, 1));
        let length = Duration::from_millis(self.plan.phases.recovery_ms);
        self.arm(length, Due::Recovered, root, out);
    }

    /// Every worker asks once more.
    fn ask_last(&mut self, at: Moment, out: &mut Outputs) {
        self.phase = Phase::Final;
        out.list.push(Output::Phase(Told::Final));
        for worker in 0..self.workers.len() {
            let slot = self.plan.ops.to + worker as u64;
            let turn = Turn { slot, worker, process: self.workers[worker].process };
            let Some(request) = self.machine.last(turn) else { continue };
            self.workers[worker].is_final = true;
            self.invoke(at, turn, request, out);
        }
        if !self.workers.iter().any(|worker| worker.is_busy) {
            self.finish(out);
        }
    }

    pub(super) fn finish(&mut self, out: &mut Outputs) {
        self.phase = Phase::Done;
        out.list.push(Output::Done);
    }

    /// A node did not answer `init` in time: its input is closed, to see whether it kept its
    /// answer back.
    pub(super) fn no_init(&mut self, client: ActorId, node: ActorId, out: &mut Outputs) {
        self.silent.insert(client);
        out.list.push(Output::CloseInput { node });
        self.arm(LAST_WORDS, Due::LastWords(client), Lineage::default(), out);
    }

    /// A fault has ended a life of a node: what that life was still to say, nobody waits for.
    /// Faults begin with the main phase, so this is never the first life's `init`.
    pub(super) fn killed(&mut self, node: ActorId, out: &mut Outputs) {
        if let Some((client, _)) = self.setup_call(node) {
            self.close(client, out);
        }
    }

    /// A request to this node that is no operation, and is still open.
    fn setup_call(&self, node: ActorId) -> Option<(ActorId, Call)> {
        let is_waited_for =
            |call: &Call| call.node == node && !matches!(call.purpose, Purpose::Work(_));
        let found = self.calls.iter().find(|(_, call)| is_waited_for(call));
        found.map(|(client, call)| (*client, call.clone()))
    }

    /// A node has ended by itself. If it was still to be told who it is, nobody has to wait for
    /// what it will never say.
    pub(super) fn exited(&mut self, node: ActorId, out: &mut Outputs) {
        self.gone.insert(node);
        let Some((client, call)) = self.setup_call(node) else { return };
        if self.silent.contains(&client) {
            // It read the end of its input, and had kept nothing back.
            self.silent_to_the_end(client, out);
            return;
        }
        self.calls.remove(&client);
        let f = call.request.f;
        let what = format!("no answer to {f}: the process had ended");
        let help = "look first at why it ended";
        self.setup_failed(node, ("SQ03", what, help), &call, out);
    }

    fn silent_to_the_end(&mut self, client: ActorId, out: &mut Outputs) {
        if !self.silent.remove(&client) {
            out.stale = true;
            return;
        }
        let Some(call) = self.calls.remove(&client) else { return };
        let node = call.node;
        let seconds = self.timeouts.init.as_millis();
        let what = format!("no init_ok within {seconds} ms");
        let help = "answer {\"type\":\"init\"} with {\"type\":\"init_ok\",\"in_reply_to\":1}, \
                    and flush after every line";
        self.setup_failed(node, ("SQ03", what, help), &call, out);
    }

    /// The answer to `init` came only when the input had been closed.
    pub(super) fn kept_back(&mut self, node: ActorId, call: &Call, out: &mut Outputs) {
        let what = "the answer to init came only when the node's input was closed".to_owned();
        let help = "flush after every line: Python print(..., flush=True), Go w.Flush(), \
                    Java System.out.flush(), Rust stdout().flush(), C++ std::flush";
        self.setup_failed(node, ("SQ02", what, help), call, out);
    }

    /// A node cannot take part. Before the first operation that is the end of the run.
    pub(super) fn setup_failed(
        &mut self,
        node: ActorId,
        (code, what, help): (&'static str, String, &str),
        call: &Call,
        out: &mut Outputs,
    ) {
        let sent = call.request.body(call.msg_id);
        let finding = Finding {
            code,
            node: self.node_name(node).to_owned(),
            line_no: None,
            column: None,
            raw: crate::workloads::shown(&sent),
            what,
            help: help.to_owned(),
        };
        self.find(node, finding, out);
        if matches!(self.phase, Phase::Init | Phase::Setup) {
            self.finish(out);
        }
    }
}
