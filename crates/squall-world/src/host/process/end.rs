//! How the life of a process ends: by itself, or by us.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::child::{Loan, Process, Stdout, Turn, lock};
use super::linux;
use crate::host::Output;

/// So much is still read when a process has ended: more than a pipe holds.
const LAST_READS_MAX: usize = 64;
/// So long a killed process may take to die, where nothing can go on without its death.
pub(super) const DEATH: Duration = Duration::from_secs(5);
/// So long the World waits for a process that a fault kills; the poller sees to the rest. A process
/// with much memory takes long.
pub(super) const FAULT: Duration = Duration::from_millis(2);
/// Between two looks at a dying process: from here …
const PAUSE_MIN: Duration = Duration::from_micros(50);
/// … to here.
const PAUSE_MAX: Duration = Duration::from_millis(5);
/// So many lines of stderr tell of its end.
const LAST_LINES: usize = 10;

/// How far the end of a life is.
#[derive(Debug)]
pub(super) struct End {
    child: Child,
    group: Pid,
    /// Readable once the process has ended; `None` where there is no such thing.
    pub(super) handle: Option<OwnedFd>,
    was_killed: bool,
    input_was_closed: bool,
    is_over: bool,
}

impl End {
    pub(super) fn new(child: Child) -> Self {
        let group = Pid::from_child(&child);
        Self {
            handle: linux::handle(group),
            child,
            group,
            was_killed: false,
            input_was_closed: false,
            is_over: false,
        }
    }

    /// Whether the process has ended. It stays a zombie, so its number belongs to nobody else.
    fn has_ended(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(waitid(WaitId::Pid(self.group), look), Ok(Some(_)))
    }

    /// Kills the whole group, unless it is gone.
    fn kill(&mut self) {
        if !self.is_over {
            // That nobody is left to be killed is what is wanted.
            kill_process_group(self.group, Signal::KILL).ok();
        }
    }

    /// Waits until the process is dead, but not for longer than this.
    fn reap(&mut self, patience: Duration) -> Option<ExitStatus> {
        let (mut waited, mut pause) = (Duration::ZERO, PAUSE_MIN);
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if waited < patience => {
                    std::thread::sleep(pause);
                    waited += pause;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.is_over {
            self.kill();
            self.reap(DEATH);
        }
    }
}

impl Process {
    pub(super) fn group(&self) -> Pid {
        lock(&self.end).group
    }

    /// Stops the whole group in its tracks, or lets it go on.
    pub(super) fn signal(&self, signal: Signal) {
        let end = lock(&self.end);
        if !end.is_over {
            kill_process_group(end.group, signal).ok();
        }
    }

    /// Closes the input; if the process ends then, nothing is wrong with it.
    pub(super) fn close_input(&self) {
        lock(&self.end).input_was_closed = true;
        lock(&self.stdin).close();
    }

    /// Kills the group. A process that had ended before did so by itself.
    pub(super) fn condemn(&self) {
        let mut end = lock(&self.end);
        if !end.is_over && !end.was_killed {
            end.was_killed = !end.has_ended();
            end.kill();
        }
    }

    /// The process has ended by itself, which the poller noticed. Says whether its life is over.
    pub(super) fn ended(&self, loan: &mut Loan<'_>) -> bool {
        let mut end = lock(&self.end);
        // What was killed has nothing to say any more.
        if !end.is_over && end.was_killed {
            end.is_over = end.reap(Duration::ZERO).is_some();
        }
        if end.is_over || !end.has_ended() {
            return end.is_over;
        }
        let status = self.bury(&mut end, DEATH, loan);
        let status = status.map_or_else(|| "unknown".to_owned(), told);
        loan.outputs.push(Output::Exit { actor: self.speaker.actor, status });
        self.tell(loan.outputs, 0);
        true
    }

    /// Kills the process and waits for its death. What it had printed before counts. Says whether
    /// it is dead; it is cut off in any case.
    pub(super) fn finish(&self, patience: Duration, loan: &mut Loan<'_>) -> bool {
        self.condemn();
        let mut end = lock(&self.end);
        if !end.is_over {
            self.bury(&mut end, patience, loan);
            self.tell(loan.outputs, 0);
        }
        end.is_over
    }

    /// Reads what is left in the pipes, then closes everything.
    fn bury(&self, end: &mut End, patience: Duration, loan: &mut Loan<'_>) -> Option<ExitStatus> {
        // Children of a process that has ended are not this node.
        end.kill();
        let status = end.reap(patience);
        end.is_over = status.is_some();
        let is_own_end = !end.was_killed;
        self.last_words(is_own_end, loan);
        let last_told = {
            let mut stdin = lock(&self.stdin);
            stdin.end();
            stdin.last()
        };
        if let Some(status) = status
            && is_own_end
        {
            let finding = self.death(status, &last_told);
            if !end.input_was_closed {
                loan.outputs.push(finding);
            }
        }
        if status.is_none() && patience == DEATH {
            let text = "(the process could not be killed in 5 s)".to_owned();
            loan.outputs.push(self.speaker.remark(text));
        }
        lock(&self.log).flush();
        status
    }

    /// Hears what the pipes still hold.
    fn last_words(&self, is_own_end: bool, loan: &mut Loan<'_>) {
        let mut stdout = lock(&self.stdout);
        for _ in 0..LAST_READS_MAX {
            let (read, turn) = stdout.mouth.read(loan);
            stdout.hear(read, loan);
            if turn == Turn::Dry {
                break;
            }
        }
        let has_more = !stdout.lines.partial().is_empty();
        if is_own_end && has_more && !stdout.finish_line(loan) {
            let Stdout { lines, speech, .. } = &mut *stdout;
            speech.cut_off(lines.partial(), lines.partial_no(), loan.outputs);
        }
        stdout.lines.forget();
        stdout.speech.summary(loan.outputs);
        stdout.mouth.close();
        drop(stdout);
        for _ in 0..LAST_READS_MAX {
            if self.read_stderr(loan) == Turn::Dry {
                break;
            }
        }
        let (mouth, stderr) = &mut *lock(&self.stderr);
        stderr.end();
        mouth.close();
    }

    /// What there is to say about an end that nobody asked for.
    fn death(&self, status: ExitStatus, last_told: &str) -> Output {
        let status = told(status);
        let stdout = lock(&self.stdout).speech.tail.all();
        let stderr = lock(&self.stderr).1.tail.last(LAST_LINES);
        let note = format!("squall: the process ended by itself: {status}\n");
        let last = format!("squall: the last lines of its stdout were:\n{stdout}\n");
        let mut log = lock(&self.log);
        log.write(note.as_bytes());
        log.write(last.as_bytes());
        drop(log);
        let when = if last_told.is_empty() {
            "before it was told anything".to_owned()
        } else {
            format!("the last message to it was {last_told}")
        };
        let what = format!("the process ended by itself: {status}; {when}");
        let help = if stderr.is_empty() {
            "it printed nothing to stderr; start it by hand and give it that line"
        } else {
            "read the last lines of its stderr; its log has all of them"
        };
        self.speaker.finding("SQ06", stderr, what, help)
    }
}

/// Signals by their names.
const SIGNALS: [(i32, &str); 12] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
];

/// How a process ended, in words.
fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => match SIGNALS.iter().find(|(known, _)| *known == signal) {
            Some((_, name)) => format!("signal {signal} ({name})"),
            None => format!("signal {signal}"),
        },
        (None, None) => status.to_string(),
    }
}
