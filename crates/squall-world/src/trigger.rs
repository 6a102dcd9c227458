//! Triggers: what a fault waits for, if it has no time of its own.
//!
//! They name what happens as people do, by names of actors, messages, notes and files, and by
//! counts; never by numbers of events, which move with every change of a run.

use serde::{Deserialize, Serialize};

use crate::plan::check_actor;

/// What a fault waits for: the n-th time that something happens after the main phase has begun.
///
/// Exactly one of the first six says what; the others say where and which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trigger {
    /// A message of this name leaves its sender, whatever becomes of it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// A message of this name is handed to its receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
    /// A node tells a note of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// An embedded node writes to its file of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<String>,
    /// This embedded node begins a sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_start: Option<String>,
    /// A sync of this embedded node is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_end: Option<String>,
    /// Only messages of this sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only messages to this receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Only notes and writes of this node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Which of those that match, from 1. The first, if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
}

/// Something that a trigger may wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening<'a> {
    Sent { name: &'a str, from: &'a str, to: &'a str },
    Received { name: &'a str, from: &'a str, to: &'a str },
    Note { name: &'a str, node: &'a str },
    Write { file: &'a str, node: &'a str },
    SyncStart { node: &'a str },
    SyncEnd { node: &'a str },
}

impl Trigger {
    /// Whether this is what it waits for, the count aside.
    pub(crate) fn matches(&self, happening: Happening<'_>) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref() == Some(found);
        let may_be = |wanted: &Option<String>, found: &str| wanted.is_none() || is(wanted, found);
        match happening {
            Happening::Sent { name, from, to } => {
                is(&self.sent, name) && may_be(&self.from, from) && may_be(&self.to, to)
            }
            Happening::Received { name, from, to } => {
                is(&self.received, name) && may_be(&self.from, from) && may_be(&self.to, to)
            }
            Happening::Note { name, node } => is(&self.note, name) && may_be(&self.node, node),
            Happening::Write { file, node } => is(&self.write, file) && may_be(&self.node, node),
            Happening::SyncStart { node } => is(&self.sync_start, node),
            Happening::SyncEnd { node } => is(&self.sync_end, node),
        }
    }

    /// Looks whether it can ever match.
    pub(crate) fn check(&self, nodes: &[String]) -> Result<(), String> {
        let messages = [("sent", &self.sent), ("received", &self.received)];
        let marks = [("note", &self.note), ("write", &self.write)];
        let syncs = [("sync_start", &self.sync_start), ("sync_end", &self.sync_end)];
        let all = messages.iter().chain(&marks).chain(&syncs);
        let said: Vec<_> = all.filter(|(_, name)| name.is_some()).map(|(what, _)| *what).collect();
        let [what] = said[..] else {
            let got = if said.is_empty() { "none of them".to_owned() } else { said.join(" and ") };
            return Err(format!(
                "\"when\" waits for one of sent, received, note, write, sync_start and sync_end, \
                 and here is {got}"
            ));
        };
        let is_message = messages.iter().any(|(known, _)| *known == what);
        let is_sync = syncs.iter().any(|(known, _)| *known == what);
        for (word, name) in [("from", &self.from), ("to", &self.to)] {
            let Some(name) = name else { continue };
            if !is_message {
                return Err(format!("{word:?} is about messages, and {what:?} is none"));
            }
            check_actor(name, nodes)?;
        }
        if self.node.is_some() && (is_message || is_sync) {
            return Err(format!("{what:?} knows no \"node\", only notes and writes do"));
        }
        let of_node = [&self.node, &self.sync_start, &self.sync_end];
        for name in of_node.into_iter().flatten() {
            if !nodes.contains(name) {
                return Err(format!("there is no node {name}"));
            }
        }
        match self.nth {
            Some(0) => Err("\"nth\" counts from 1".to_owned()),
            Some(_) | None => Ok(()),
        }
    }
}
