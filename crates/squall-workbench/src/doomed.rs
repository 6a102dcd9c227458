//! The law-breaker `panic`: the law is that squall has no defects. The run ends in a panic of ours
//! while everything still lives, so that it can be seen what is said then, and what is left.

use squall_node::{ActorId, Moment};
use squall_world::{Host, HostInput, Life, Output, Outputs, Phase, Progress};

use crate::clients::Clients;

/// Clients that do not survive the main phase.
#[derive(Debug)]
pub(crate) struct Doomed(pub(crate) Clients);

impl Host for Doomed {
    fn step(&mut self, at: Moment, input: HostInput<'_>, out: &mut Outputs) -> Progress {
        let progress = self.0.step(at, input, out);
        let is_over = |output: &Output| matches!(output, Output::Phase(Phase::Heal));
        assert!(!out.list.iter().any(is_over), "the law-breaker panic is at work");
        progress
    }

    fn life(&mut self, at: Moment, actor: ActorId, change: Life, out: &mut Outputs) -> Progress {
        self.0.life(at, actor, change, out)
    }

    fn fork(&self) -> Option<Box<dyn Host>> {
        None
    }
}
