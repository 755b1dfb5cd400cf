//! Processes that end with the runner, whatever ends it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::clock;
use crate::proc;

/// A running process, on certain cores.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    unread: Vec<u8>,
}

/// Where the output of a process goes.
#[derive(Debug)]
pub(crate) enum Output {
    /// To the runner, which reads it by the line.
    Lines,
    /// To a file, errors too.
    File(File),
}

/// Set by SIGINT and SIGTERM.
pub(crate) type Interrupted = Arc<AtomicBool>;

/// Becomes `command`, on `cores`, with a SIGTERM to come when the parent dies.
pub(crate) fn become_pinned(cores: &[usize], command: &[impl AsRef<OsStr>]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    sched_setaffinity(None, &set)?;
    set_parent_process_death_signal(Some(Signal::TERM))?;
    let (program, arguments) = command.split_first().ok_or(ErrorKind::InvalidInput)?;
    Err(Command::new(program).args(arguments).exec())
}

impl Process {
    /// Starts `command` on `cores`.
    pub(crate) fn start(
        cores: &[usize],
        command: &[String],
        environment: &[(&str, &str)],
        output: Output,
    ) -> io::Result<Self> {
        let cores = cores.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let (stdout, stderr) = match output {
            Output::Lines => (Stdio::piped(), Stdio::inherit()),
            Output::File(file) => (file.try_clone()?.into(), file.into()),
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(["pin", &cores, "--"])
            .args(command)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        Ok(Self { child, stdin, stdout, unread: Vec::new() })
    }

    /// The process and all that it has started.
    pub(crate) fn pids(&self) -> Vec<u32> {
        proc::with_descendants(self.child.id())
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// The next line of its output, which has to come within `limit`.
    pub(crate) fn line(&mut self, limit: Duration, stop: &Interrupted) -> Result<String, String> {
        let end = clock::now() + limit;
        let stdout = self.stdout.as_mut().ok_or("its output goes to a file")?;
        loop {
            if let Some(at) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line = self.unread.drain(..=at).collect::<Vec<_>>();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if stop.load(Ordering::Relaxed) {
                return Err("interrupted".to_owned());
            }
            if clock::now() > end {
                return Err(format!("silent for {limit:?}"));
            }
            let mut wait = [PollFd::new(&*stdout, PollFlags::IN)];
            if matches!(poll(&mut wait, Some(&STEP)), Ok(1)) {
                let mut part = [0; 4096];
                match stdout.read(&mut part) {
                    Ok(0) => return Err("ended without a result".to_owned()),
                    Ok(count) => self.unread.extend_from_slice(&part[..count]),
                    Err(error) => return Err(error.to_string()),
                }
            }
        }
    }

    /// Tells it to go on.
    pub(crate) fn go_on(&mut self) -> Result<(), String> {
        let stdin = self.stdin.as_mut().ok_or("its input is closed")?;
        stdin.write_all(b"go\n").map_err(|error| error.to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let pids = self.pids();
        // The first one ends the others.
        signal(&pids[..1], Signal::TERM);
        let end = clock::now() + GRACE;
        while !self.has_ended() {
            if clock::now() > end {
                signal(&pids, Signal::KILL);
                // A killed process ends: there is nothing more to do if it cannot be waited for.
                let _ = self.child.wait();
                return;
            }
            clock::pause(Duration::from_millis(5));
        }
    }
}

fn signal(pids: &[u32], signal: Signal) {
    for pid in pids {
        let pid = i32::try_from(*pid).ok().and_then(Pid::from_raw);
        // One that has ended already needs no signal.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }
}

const STEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// How long a process may take to end after a SIGTERM.
const GRACE: Duration = Duration::from_secs(3);
