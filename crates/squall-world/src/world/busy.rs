//! Reading from a disk takes time, and the step that reads takes it. Meanwhile its node is busy,
//! and what comes for it waits in the node's inbox, in the order in which it came.

use squall_node::{ActorId, Effect, Lineage, Position, draw_key, scale, word};

use super::{Event, World};
use crate::queue::Slot;
use crate::trigger::Happening;

const DOMAIN_READ: u64 = 0x7265_6164_0000_0001;

impl World {
    /// A step has read from its disk. What it has written, found wrong or remarked stands; what it
    /// says leaves, and its sync begins, once the reads are over.
    #[cold]
    pub(super) fn charge_reads(&mut self, id: ActorId, cause: u64) {
        let reads = std::mem::take(&mut self.out.effects.reads);
        let [min, max] = self.plan.disk.read_us.map(|us| us.saturating_mul(1_000));
        if max == 0 {
            return;
        }
        let key = draw_key(self.plan.seed, DOMAIN_READ, self.out.lineage.0, 0);
        let latency = |nth: u32| min + scale(word(key, u64::from(nth), 0), max - min + 1);
        let charge = (0..reads.calls).fold(0_u64, |sum, nth| sum.saturating_add(latency(nth)));
        let free = self.now.saturating_add(charge);
        self.hash.fold(charge);
        self.disk_line(id, cause, "read", |line| {
            line.bytes = Some(reads.bytes);
            line.due = Some(free);
        });
        let mut effects = Vec::new();
        for mut effect in std::mem::take(&mut self.out.effects.list) {
            match effect {
                Effect::Send(_) | Effect::Sync { .. } | Effect::Halt { .. } => effects.push(effect),
                _ => self.effect(id, &mut effect, cause),
            }
        }
        let actor = &mut self.actors[id.index()];
        actor.is_busy = true;
        let incarnation = actor.incarnation;
        self.queue.push(free, Event::Read { actor: id, incarnation, effects, cause });
    }

    /// The reads of a step are over.
    #[cold]
    pub(super) fn has_read(&mut self, id: ActorId, slot: &Slot, cause: u64) {
        let Event::Read { effects, .. } = self.queue.event_mut(slot) else { return };
        let effects = std::mem::take(effects);
        self.out.clear();
        (self.out.from, self.out.effects.list) = (id, effects);
        self.actors[id.index()].is_busy = false;
        self.fold(7, id, 0);
        self.interpret(cause);
    }

    /// A node that was busy takes in what has come meanwhile, until it is busy again.
    #[cold]
    pub(super) fn empty_inbox(&mut self, id: ActorId) {
        while self.end.is_none() && !self.actors[id.index()].is_busy {
            let Some(slot) = self.actors[id.index()].inbox.pop_front() else { return };
            // Nothing that waits in an inbox makes anybody free.
            self.handle(slot, self.now);
        }
    }

    /// Whoever is killed takes nothing in any more.
    pub(super) fn lose_inbox(&mut self, id: ActorId, why: &'static str) {
        for slot in std::mem::take(&mut self.actors[id.index()].inbox) {
            if let Event::Deliver { envelope, sent, .. } = self.queue.event(&slot) {
                let (message, sent) = (envelope.id, *sent);
                self.network.body_bytes -= envelope.body.len();
                self.lose((id, message), sent, why);
            }
            self.queue.release(slot);
        }
    }

    /// A sync is over while its node is busy: what it covers is durable now, and the node hears of
    /// it later.
    #[cold]
    pub(super) fn sync_ends_behind(&mut self, id: ActorId, upto: Position, slot: &Slot) {
        let Some(host) = self.host_of(id) else { return };
        self.hosts[host].end_sync();
        let e = self.journal.next();
        if let Event::Synced { cause, told, .. } = self.queue.event_mut(slot) {
            *told = Some(e);
            let cause = *cause;
            self.tell_synced(id, upto, (e, cause));
        }
    }

    pub(super) fn tell_synced(&mut self, id: ActorId, upto: Position, (e, cause): (u64, u64)) {
        self.disk_line(id, cause, "synced", |line| line.position = Some(upto.0));
        if self.triggers.is_armed() {
            let node = &self.actors[id.index()].name;
            self.triggers.see(Happening::SyncEnd { node }, e);
        }
    }

    pub(super) fn synced(
        &mut self,
        (id, upto): (ActorId, Position),
        (cause, lineage): (u64, Lineage),
        told: Option<u64>,
    ) {
        let Some(host) = self.host_of(id) else { return };
        let e = told.unwrap_or_else(|| self.journal.next());
        let input = crate::host::HostInput::Synced { actor: id, upto };
        if self.ask(host, input, e, lineage) {
            return;
        }
        if told.is_none() {
            self.tell_synced(id, upto, (e, cause));
        }
        self.fold(2, id, upto.0);
        self.interpret(e);
    }
}
