//! Reading from a disk takes time, and the step that reads takes it.

use squall_node::{ActorId, draw_key, scale, word};

use super::{Event, World};
use crate::queue::Slot;

const DOMAIN_READ: u64 = 0x7265_6164_0000_0001;

impl World {
    /// What a step said that has read from its disk takes effect once the reads are over. Until
    /// then its node takes nothing in.
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
        let actor = &mut self.actors[id.index()];
        actor.busy_until = Some(free);
        let incarnation = actor.incarnation;
        let effects = std::mem::take(&mut self.out.effects.list);
        self.queue.push(free, Event::Read { actor: id, incarnation, effects, cause });
    }

    /// The reads of a step are over.
    pub(super) fn has_read(&mut self, id: ActorId, slot: &Slot, cause: u64) {
        let Event::Read { effects, .. } = self.queue.event_mut(slot) else { return };
        let effects = std::mem::take(effects);
        self.out.clear();
        (self.out.from, self.out.effects.list) = (id, effects);
        self.actors[id.index()].busy_until = None;
        self.fold(7, id, 0);
        self.interpret(cause);
    }
}
