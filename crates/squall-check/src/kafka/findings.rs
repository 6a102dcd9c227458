//! The rules that look at one message, one offset or one key.

use squall_history::Value;

use super::columns::{Columns, Step};
use super::committed;
use super::orders::{Entry, Orders};
use super::report::{Findings, Teller};
use super::walks::{self, Along, Jump, Jumps};
use crate::anomaly::{
    Anomaly, COMMITTED_REGRESSION, Class, DUPLICATE, G1A, INCONSISTENT_OFFSETS,
    INT_NONMONOTONIC_POLL, INT_NONMONOTONIC_SEND, INT_POLL_SKIP, INT_SEND_SKIP, LOST_WRITE,
    NONMONOTONIC_POLL, NONMONOTONIC_SEND, OpRef, PHANTOM, POLL_SKIP, PRECOMMITTED_READ,
    REQUEST_MISMATCH, UNSEEN,
};
use crate::isolation::{Fate, NONE, number};
use crate::requests;

/// Cases that are kept of contradictions about offsets, which are about the log as a whole.
const OFFSETS_SHOWN_MAX: usize = 32;
/// Values that one case lists.
const VALUES_MAX: usize = 32;
/// Skipped values that one case lists.
const SKIPPED_MAX: usize = 8;

/// Applies them all.
pub(super) fn find(columns: &Columns<'_>, orders: &Orders, found: &mut Findings) {
    let teller = Teller { columns, orders };
    found.tell(&REQUEST_MISMATCH, &columns.mismatches, |&op| {
        requests::mismatch(&columns.ops[op as usize])
    });
    teller.inconsistent_offsets(found);
    teller.duplicates(found);
    teller.strange_reads(found);
    teller.own_reads(found);
    teller.lost_writes(found);
    teller.movements(found);
    teller.unseen(found);
    teller.regressions(found);
}

impl Teller<'_, '_> {
    /// Offsets with more than one message.
    fn inconsistent_offsets(&self, found: &mut Findings) {
        let keys = 0..number(self.columns.keys_count());
        let offsets = keys.flat_map(|key| (0..self.orders.len(key)).map(move |at| (key, at)));
        let cases: Vec<(u32, u32)> =
            offsets.filter(|&(key, index)| self.orders.at(key, index).len() > 1).collect();
        found.tell_most(&INCONSISTENT_OFFSETS, &cases, OFFSETS_SHOWN_MAX, |&(key, index)| {
            let entries = self.orders.at(key, index);
            let name = self.columns.key_name(key);
            let offset = entries[0].offset;
            let values = entries.iter().take(VALUES_MAX).map(|entry| self.value(entry.message));
            let title = format!(
                "offset {offset} of key {} holds {} to client {}, and {} to client {}",
                name.to_edn(),
                self.value(entries[0].message).to_edn(),
                self.client(entries[0].op),
                self.value(entries[1].message).to_edn(),
                self.client(entries[1].op)
            );
            let details = [
                ("key", name.clone()),
                ("offset", Value::uint(offset)),
                ("index", Value::uint(index.into())),
                ("values", values.collect()),
            ];
            let ops = entries.iter().take(VALUES_MAX).map(|entry| entry.op);
            self.about(&INCONSISTENT_OFFSETS, title, ops, &details)
        });
    }

    /// Messages at more than one offset.
    fn duplicates(&self, found: &mut Findings) {
        let is_double =
            |&message: &u32| self.orders.first_index(message) != self.orders.last_index(message);
        let cases: Vec<u32> = self.messages().filter(is_double).collect();
        found.tell_most(&DUPLICATE, &cases, OFFSETS_SHOWN_MAX, |&message| {
            let (key, value) = self.key_and_value(message);
            let places =
                self.orders.offsets_of(self.columns.messages[message as usize].key, message);
            let places: Vec<Entry> = places.take(VALUES_MAX).collect();
            let offsets = places.iter().map(|entry| Value::uint(entry.offset));
            let title = format!(
                "{} is in key {} at offset {} and again at offset {}",
                value.to_edn(),
                key.to_edn(),
                places[0].offset,
                places[1].offset
            );
            let details = [("key", key), ("value", value), ("offsets", offsets.collect())];
            self.about(&DUPLICATE, title, places.iter().map(|entry| entry.op), &details)
        });
    }

    /// Messages of failed operations, and of nobody, that were polled.
    fn strange_reads(&self, found: &mut Findings) {
        let message = |message: u32| &self.columns.messages[message as usize];
        let is_aborted = |&m: &u32| {
            self.columns.writer_fate(m) == Some(Fate::Failed) && message(m).reader != NONE
        };
        let aborted: Vec<u32> = self.messages().filter(is_aborted).collect();
        found.tell(&G1A, &aborted, |&m| {
            let (writer, reader) = (message(m).writer, message(m).reader);
            let title = format!(
                "client {} polled {} of {}, which client {} failed to send",
                self.client(reader),
                self.value(m).to_edn(),
                self.place(m, reader),
                self.client(writer)
            );
            self.about_message(&G1A, title, [writer, reader], m, &[])
        });
        if self.columns.is_unreadable {
            // Somebody sent what nobody can read.
            return;
        }
        let is_phantom = |&m: &u32| message(m).writer == NONE && message(m).poller != NONE;
        let phantoms: Vec<u32> = self.messages().filter(is_phantom).collect();
        found.tell(&PHANTOM, &phantoms, |&m| {
            let poller = message(m).poller;
            let title = format!(
                "client {} polled {} of {}, which nobody sent",
                self.client(poller),
                self.value(m).to_edn(),
                self.place(m, poller)
            );
            self.about_message(&PHANTOM, title, [poller], m, &[])
        });
    }

    /// Operations that polled what they sent themselves.
    fn own_reads(&self, found: &mut Findings) {
        let is_own = |&(op, step): &(u32, Step)| {
            let mut steps = self.columns.steps_of(op).iter();
            let has_both = self.columns.messages[step.message as usize].writer == op;
            !step.is_send
                && has_both
                && steps.any(|sent| sent.is_send && sent.message == step.message)
        };
        let mut cases: Vec<(u32, u32)> =
            self.columns.all_steps().filter(is_own).map(|(op, step)| (op, step.message)).collect();
        cases.sort_unstable();
        cases.dedup();
        found.tell(&PRECOMMITTED_READ, &cases, |&(op, message)| {
            let title = format!(
                "client {} polled {} of {} in the operation that sent it",
                self.client(op),
                self.value(message).to_edn(),
                self.place(message, op)
            );
            self.about_message(&PRECOMMITTED_READ, title, [op], message, &[])
        });
    }

    /// Messages that nobody polled, although somebody polled what comes after them.
    fn lost_writes(&self, found: &mut Findings) {
        let messages = &self.columns.messages;
        // By key: the highest index that was polled, by its first occurrence, and of what.
        let mut bounds: Vec<Option<(u32, u32)>> = vec![None; self.columns.keys_count()];
        for message in self.messages().filter(|&m| messages[m as usize].reader != NONE) {
            let bound = &mut bounds[messages[message as usize].key as usize];
            let index = self.orders.first_index(message).map(|index| (index, message));
            *bound = (*bound).max(index);
        }
        let bound = |m: u32| bounds[messages[m as usize].key as usize];
        let is_lost = |&m: &u32| {
            let message = &messages[m as usize];
            let is_before = match (self.orders.last_index(m), bound(m)) {
                (Some(index), Some((bound, _))) => index <= bound,
                _ => false,
            };
            is_before
                && message.reader == NONE
                && message.writer != NONE
                && self.columns.is_proven(message.writer)
        };
        let cases: Vec<u32> = self.messages().filter(is_lost).collect();
        found.tell(&LOST_WRITE, &cases, |&m| {
            let writer = messages[m as usize].writer;
            let (index, last) = bound(m).unwrap_or_default();
            let reader = messages[last as usize].reader;
            let title = format!(
                "client {} sent {} to {}; client {} polled {} of {}, and nobody polled the {}",
                self.client(writer),
                self.value(m).to_edn(),
                self.place(m, NONE),
                self.client(reader),
                self.value(last).to_edn(),
                self.place(last, reader),
                self.value(m).to_edn()
            );
            let own_index = self.orders.last_index(m).unwrap_or_default();
            let details = [
                ("index", Value::uint(own_index.into())),
                ("max-read-index", Value::uint(index.into())),
            ];
            self.about_message(&LOST_WRITE, title, [writer, reader], m, &details)
        });
    }

    /// Skips and steps back.
    fn movements(&self, found: &mut Findings) {
        let Jumps { inner_skips, inner_backs, skips, backs } =
            walks::jumps(self.columns, self.orders, Along::Polls);
        for (class, jumps) in [
            (&INT_POLL_SKIP, inner_skips),
            (&INT_NONMONOTONIC_POLL, inner_backs),
            (&POLL_SKIP, skips),
            (&NONMONOTONIC_POLL, backs),
        ] {
            found.tell(class, &jumps, |jump| self.jump(class, jump, "polled"));
        }
        let sends = walks::jumps(self.columns, self.orders, Along::Sends);
        for (class, jumps) in [
            (&INT_SEND_SKIP, sends.inner_skips),
            (&INT_NONMONOTONIC_SEND, sends.inner_backs),
            (&NONMONOTONIC_SEND, sends.backs),
        ] {
            found.tell(class, &jumps, |jump| self.jump(class, jump, "sent"));
        }
    }

    fn jump(&self, class: &'static Class, jump: &Jump, did: &str) -> Anomaly {
        let ((first, before), (second, after)) = (jump.from, jump.to);
        let (key, value) = self.key_and_value(after);
        let earlier = self.value(before);
        let how = match jump.delta {
            2.. => format!("passing over {}", jump.delta - 1),
            0 => "once more".to_owned(),
            _ => "which comes before it".to_owned(),
        };
        let when = if first == second { "in one operation " } else { "" };
        let title = format!(
            "client {} {when}{did} {}{} of key {}, and next {}{}, {how}",
            self.client(second),
            earlier.to_edn(),
            self.at_offset(before, first),
            key.to_edn(),
            value.to_edn(),
            self.at_offset(after, second),
        );
        let skipped = walks::skipped(self.columns, self.orders, jump, SKIPPED_MAX);
        let details = [
            ("key", key),
            ("values", Value::list([earlier, value])),
            ("delta", Value::Int(jump.delta)),
            ("skipped", Value::from(skipped)),
        ];
        let ops = if first == second { vec![second] } else { vec![first, second] };
        self.about(class, title, ops, &details)
    }

    /// By key: messages that were acknowledged and never polled.
    fn unseen(&self, found: &mut Findings) {
        let messages = &self.columns.messages;
        let mut by_key: Vec<Vec<u32>> = vec![Vec::new(); self.columns.keys_count()];
        for message in self.messages().filter(|&m| messages[m as usize].reader == NONE) {
            if self.columns.writer_fate(message) == Some(Fate::Ok) {
                by_key[messages[message as usize].key as usize].push(message);
            }
        }
        by_key.retain(|messages| !messages.is_empty());
        found.tell_most(&UNSEEN, &by_key, usize::MAX, |unseen| {
            let (key, value) = self.key_and_value(unseen[0]);
            let count = unseen.len();
            let (them, first) = match count {
                1 => ("message", "was never polled:"),
                _ => ("messages", "were never polled, the first of them"),
            };
            let title = format!(
                "{count} acknowledged {them} of key {} {first} {}, which client {} sent",
                key.to_edn(),
                value.to_edn(),
                self.client(messages[unseen[0] as usize].writer)
            );
            let shown = unseen.iter().take(VALUES_MAX);
            let details = [
                ("key", key),
                ("count", Value::uint(count as u64)),
                ("messages", shown.clone().map(|&m| self.value(m)).collect()),
            ];
            self.about(&UNSEEN, title, shown.map(|&m| messages[m as usize].writer), &details)
        });
    }

    fn regressions(&self, found: &mut Findings) {
        let regressions = committed::regressions(&self.columns.ops);
        found.tell(&COMMITTED_REGRESSION, &regressions, |regression| {
            let client =
                |op: &squall_history::Operation<'_>| op.invocation.process.to_value().to_edn();
            let listed =
                regression.listed.map_or_else(|| "none".to_owned(), |listed| listed.to_string());
            let title = format!(
                "client {} committed offset {} of key {}, and later client {} was told {listed}",
                client(&regression.commit),
                regression.committed,
                regression.key.to_edn(),
                client(&regression.listing)
            );
            let ops = [&regression.commit, &regression.listing].map(OpRef::of);
            let details = Value::record([
                ("key", regression.key.clone()),
                ("committed", Value::uint(regression.committed)),
                ("listed", regression.listed.map_or(Value::Nil, Value::uint)),
            ]);
            Anomaly::new(&COMMITTED_REGRESSION, title, ops.to_vec()).with_details(details)
        });
    }

    fn messages(&self) -> std::ops::Range<u32> {
        0..number(self.columns.messages.len())
    }
}
