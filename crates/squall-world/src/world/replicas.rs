//! What nodes call replicated must be the same on all of them once the cluster has healed.

use std::collections::BTreeMap;

use squall_history::trace::Role;
use squall_node::ActorId;

use super::{End, State, World};
use crate::host::{Finding, Phase};

/// Who has it so, by digest.
type Digests = BTreeMap<u64, Vec<ActorId>>;

impl World {
    /// Compares the digests of all nodes that are up. A run that was cut off, or whose plan leaves
    /// no time to heal, promises nothing.
    pub(super) fn compare_replicas(&mut self) {
        let has_healed = matches!(self.phase, Some(Phase::Heal | Phase::Final));
        let has_time = self.plan.phases.recovery_ms > 0;
        if self.end != Some(End::Done) || !has_healed || !has_time {
            return;
        }
        for (name, digests) in self.replicas() {
            if digests.len() > 1 {
                self.tell_disagreement(name, &digests);
            }
        }
    }

    /// Who is not back after a restart, or is still busy with it, has not healed yet.
    fn replicas(&mut self) -> BTreeMap<&'static str, Digests> {
        let mut replicas: BTreeMap<_, Digests> = BTreeMap::new();
        for at in 0..self.actors.len() {
            let actor = &self.actors[at];
            let takes_part = actor.state == State::Up && actor.is_back && !actor.is_busy;
            if actor.role != Role::Node || !takes_part {
                continue;
            }
            let Some(host) = self.home(actor) else { continue };
            let id = ActorId(u32::try_from(at).expect("few actors"));
            self.out.clear();
            let view = self.hosts[host].view(&mut self.out);
            self.interpret(super::UNASKED);
            for (name, digest) in view.replicated {
                replicas.entry(name).or_default().entry(digest).or_default().push(id);
            }
        }
        replicas
    }

    /// The finding is at a node of the smallest group: most nodes being wrong is rarer.
    fn tell_disagreement(&mut self, name: &str, digests: &Digests) {
        let mut groups: Vec<_> = digests.iter().collect();
        groups.sort_by_key(|(_, nodes)| (usize::MAX - nodes.len(), nodes[0]));
        let names = |nodes: &[ActorId]| {
            let names: Vec<_> = nodes.iter().map(|&id| self.name(id)).collect();
            names.join(", ")
        };
        let row =
            |(digest, nodes): &(&u64, &Vec<ActorId>)| format!("{digest:016x}  {}", names(nodes));
        let Some((_, odd)) = groups.last() else { return };
        let node = self.name(odd[0]).to_owned();
        let finding = Finding {
            code: "replicated",
            line_no: None,
            column: None,
            raw: groups.iter().map(row).collect::<Vec<_>>().join("\n"),
            what: format!("the nodes do not agree on {name} although all is healed"),
            help: format!("follow {name} in the lines of kind view of {node} in the trace"),
            node,
        };
        self.find(odd[0], finding, None);
    }
}
