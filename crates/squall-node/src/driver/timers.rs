//! Timers: the value is the key, the token is the generation.

use alloc::format;
use alloc::string::String;

use super::calls::CallId;
use super::core::Core;
use super::{Stepped, Token};
use crate::{Duration, Effect, Effects, Input, Node};

/// What a token stands for.
#[derive(Clone, Copy)]
pub(super) enum Due<T> {
    /// A timer of the node.
    Timer(T),
    /// The current attempt of a call has had its time.
    Attempt(CallId),
    /// The pause before the next attempt of a call is over.
    Retry(CallId),
    /// A call may send a second copy.
    Hedge(CallId),
}

impl<N: Node> Core<N> {
    pub(crate) fn arm(&mut self, after: Duration, timer: N::Timer, fx: &mut Effects) {
        let name = if fx.observing { Some(format!("{timer:?}")) } else { None };
        let token = self.arm_due(after, Due::Timer(timer), name, fx);
        if let Some(replaced) = self.timers.insert(timer, token) {
            self.due.remove(&replaced);
        }
    }

    pub(crate) fn disarm(&mut self, timer: N::Timer) {
        if let Some(token) = self.timers.remove(&timer) {
            self.due.remove(&token);
        }
    }

    pub(super) fn arm_due(
        &mut self,
        after: Duration,
        due: Due<N::Timer>,
        name: Option<String>,
        fx: &mut Effects,
    ) -> Token {
        let (token, lineage) = self.next_token();
        self.due.insert(token, due);
        fx.list.push(Effect::Arm { token, after, lineage, name });
        token
    }

    /// A token came back: it means something only if nothing has replaced it.
    pub(super) fn timer(&mut self, token: Token, fx: &mut Effects) -> Stepped {
        let Some(due) = self.due.remove(&token) else { return Stepped::Stale };
        match due {
            Due::Timer(timer) => {
                self.timers.remove(&timer);
                self.ready.push_back(Input::Timer(timer));
            }
            Due::Attempt(call) => self.attempt_over(call, fx),
            Due::Retry(call) => self.attempt(call, fx),
            Due::Hedge(call) => self.copy(call, fx),
        }
        Stepped::Taken
    }
}
