//! How the processes of a run are known, whatever group they are in, and whoever their parent is.
//!
//! Children inherit two marks:
//!
//! - `SQUALL_RUN=…` in the environment, which a program may clear when it starts another;
//! - a bound on resources, which no change of program and no new session takes away. It is the
//!   soft bound on time spent as a process in real time, RLIMIT_RTTIME, of some hundred thousand
//!   years: nothing ever reaches it, and its number is that of the run. Linux only.
//!
//! What takes off both is not found: a process that clears its environment and then lifts this
//! very bound. Nor is one that was begun by somebody else on behalf of a node, as by `systemd-run`.
//! A node has the second mark from its first moment if this program starts nothing else meanwhile:
//! see [`Births`].

use rustix::process::Pid;

use super::linux;

/// The variable that marks every process of a run.
pub(super) const RUN_VARIABLE: &str = "SQUALL_RUN";
/// Bounds of this size are marks: 2^62 µs are 146,000 years.
const BOUND_BITS: u32 = 62;

/// What else this program may start while it starts a node. It decides when the node gets its
/// second mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Births {
    /// Nothing. The node has both marks from its first moment: while it is started this program
    /// has them itself.
    Alone,
    /// Something, perhaps: it must not get a mark, for it would be killed at the end of the run.
    /// The node has its second mark a moment after its start, and what leaves it before with a
    /// cleared environment is not found.
    AmongOthers,
}

/// What the processes of a run have, and nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    entry: Vec<u8>,
    pub(super) bound: u64,
}

impl Mark {
    /// The mark of a run, whose name ends with a random number: `1a2b-00c0ffee00c0ffee`.
    pub(super) fn of(run: &str) -> Self {
        let digits = run.rsplit('-').next().unwrap_or_default();
        let number = u64::from_str_radix(digits, 16).unwrap_or_default();
        let bound = 1 << BOUND_BITS | number & ((1 << BOUND_BITS) - 1);
        Self { entry: format!("{RUN_VARIABLE}={run}").into_bytes(), bound }
    }

    /// Whether a bound of this size is the mark of some run.
    pub(super) const fn is_bound(micros: u64) -> bool {
        micros >> BOUND_BITS == 1
    }

    /// Starts something that has the bound from its first moment.
    pub(super) fn start<T>(&self, start: impl FnOnce() -> T) -> T {
        linux::start_bound(self.bound, start)
    }

    /// Marks a process that was just started with the variable in its environment. What it may
    /// have started since then has the variable only.
    pub(super) fn put_on(&self, pid: Pid) {
        linux::bound(pid, self.bound);
    }

    pub(super) fn is_in(&self, environment: &[u8]) -> bool {
        environment.split(|&byte| byte == 0).any(|entry| entry == self.entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_marks_of_its_own() {
        let (one, other) = (Mark::of("1a2b-00c0ffee00c0ffee"), Mark::of("1a2b-ffffffffffffffff"));
        assert_eq!(one.bound, 0x40c0_ffee_00c0_ffee);
        assert_eq!(other.bound, 0x7fff_ffff_ffff_ffff);
        assert!(Mark::is_bound(one.bound) && Mark::is_bound(other.bound));
        assert!(!Mark::is_bound(200_000) && !Mark::is_bound(u64::MAX));
        assert!(one.is_in(b"A=1\0SQUALL_RUN=1a2b-00c0ffee00c0ffee\0"));
        assert!(!one.is_in(b"XSQUALL_RUN=1a2b-00c0ffee00c0ffee\0") && !one.is_in(b""));
    }
}
