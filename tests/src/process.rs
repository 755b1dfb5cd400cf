//! A child process: its output, its signals, its end, and what the kernel knows of it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, kill_process, prlimit};
use tempfile::TempDir;

use crate::eventually;
use crate::output::Output;

pub use rustix::process::Signal;

/// A running process in a directory of its own. Killed when dropped; a panic in it fails the test.
pub struct Process {
    child: Child,
    output: Arc<Output>,
    directory: TempDir,
    ended: Option<ExitStatus>,
}

impl Process {
    #[track_caller]
    pub(crate) fn spawn(mut command: Command, directory: TempDir) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the process starts");
        let output = Arc::new(Output::default());
        output.collects(child.stdout.take().expect("a pipe"));
        output.collects(child.stderr.take().expect("a pipe"));
        Self { child, output, directory, ended: None }
    }

    /// The path of a file in the working directory.
    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// Waits for a line of output with `part` in it.
    #[track_caller]
    pub fn wait_log(&self, part: &str) -> String {
        self.output.wait(part, 1)
    }

    /// Waits until `count` lines have `part` in them, and gives the last.
    #[track_caller]
    pub fn wait_logs(&self, part: &str, count: usize) -> String {
        self.output.wait(part, count)
    }

    /// All lines of output so far.
    pub fn log_lines(&self) -> Vec<String> {
        self.output.lines()
    }

    /// The lines of output so far with `part` in them.
    pub fn lines_with(&self, part: &str) -> Vec<String> {
        self.log_lines().into_iter().filter(|line| line.contains(part)).collect()
    }

    /// All output so far, as one text.
    pub fn text(&self) -> String {
        self.log_lines().join("\n")
    }

    /// From now on nobody reads the output: its pipes fill.
    pub fn is_not_read(&self) {
        self.output.pauses();
    }

    /// From now on the output has nowhere to go: its pipes are closed.
    pub fn is_not_heard(&self) {
        self.output.stops();
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there");
    }

    /// Waits for the end, and gives the exit code as a shell does: 128 + the signal where one
    /// killed it.
    #[track_caller]
    pub fn exit_code(&mut self) -> i32 {
        eventually("the process exits", || {
            self.ended = self.ended.or_else(|| self.child.try_wait().expect("it is our child"));
            self.ended.is_some()
        });
        self.output.wait_end();
        let status = self.ended.expect("it has ended");
        status.code().unwrap_or_else(|| 128 + status.signal().expect("neither code nor signal"))
    }

    /// Whether it is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Sockets it holds open.
    pub fn open_sockets(&self) -> usize {
        let links = self.descriptors().filter_map(|entry| fs::read_link(entry.path()).ok());
        links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
    }

    /// Threads it runs.
    pub fn threads(&self) -> usize {
        self.kernel_says("Threads:")
    }

    /// Memory it holds now, in bytes.
    pub fn rss_bytes(&self) -> usize {
        self.kernel_says("VmRSS:") * 1024
    }

    /// The most memory it has held, in bytes.
    pub fn peak_rss_bytes(&self) -> usize {
        self.kernel_says("VmHWM:") * 1024
    }

    /// Lets it open `more` descriptors beyond those it has, and then none.
    pub fn may_open(&self, more: usize) {
        let current = Some((self.descriptors().count() + more) as u64);
        self.limits_descriptors(Rlimit { current, ..getrlimit(Resource::Nofile) });
    }

    /// Lets it open as many descriptors as when it started.
    pub fn may_open_many(&self) {
        self.limits_descriptors(getrlimit(Resource::Nofile));
    }

    fn limits_descriptors(&self, limit: Rlimit) {
        let pid = Some(Pid::from_child(&self.child));
        prlimit(pid, Resource::Nofile, limit).expect("a process of our own");
    }

    fn descriptors(&self) -> impl Iterator<Item = fs::DirEntry> {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it runs, on Linux").flatten()
    }

    fn kernel_says(&self, field: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("it runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect(field);
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect(field)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is what a kill is for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- output of process {}:\n{}\n---", self.pid(), self.text());
            return;
        }
        let panicked = self.lines_with("panicked");
        assert!(panicked.is_empty(), "the process panicked:\n{}", self.text());
    }
}
