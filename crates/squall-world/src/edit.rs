//! Edits of a plan: what is done to single messages.
//!
//! A message is named by its link, its name and its count there, as people do: "the third
//! `append` from n1 to n2". In a run that was changed elsewhere that is still the same message.

use serde::{Deserialize, Serialize};

use crate::plan::check_actor;

/// A change of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Edit {
    /// It is lost.
    Drop(Which),
    /// It is under way for longer.
    Delay(Longer),
}

/// One message of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Its sender.
    pub from: String,
    /// Its receiver.
    pub to: String,
    /// Its name.
    pub name: String,
    /// How many messages of this name went from this sender to this receiver before: `link` in the
    /// trace.
    pub k: u64,
}

/// One message of a run, and how much longer it is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Longer {
    /// As in [`Which`].
    pub from: String,
    /// As in [`Which`].
    pub to: String,
    /// As in [`Which`].
    pub name: String,
    /// As in [`Which`].
    pub k: u64,
    /// How much longer, µs.
    pub by_us: u64,
}

/// A message as it leaves its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leaving<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) name: &'a str,
    pub(crate) k: u64,
}

impl Edit {
    /// Whether it is about this message.
    pub(crate) fn is_about(&self, message: Leaving<'_>) -> bool {
        self.named() == message
    }

    /// Looks whether there can be such a message.
    pub(crate) fn check(&self, nodes: &[String]) -> Result<(), String> {
        let Leaving { from, to, .. } = self.named();
        check_actor(from, nodes)?;
        check_actor(to, nodes)
    }

    fn named(&self) -> Leaving<'_> {
        let (Self::Drop(Which { from, to, name, k })
        | Self::Delay(Longer { from, to, name, k, by_us: _ })) = self;
        Leaving { from, to, name, k: *k }
    }
}
