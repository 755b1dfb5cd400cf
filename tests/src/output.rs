//! What a process writes, line by line.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::PATIENCE;

/// The lines a process has written to stdout and stderr, together.
#[derive(Default)]
pub(crate) struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    reading: Reading,
    /// Pipes that have not reached their end.
    open: usize,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Reading {
    #[default]
    On,
    Paused,
    Over,
}

impl Output {
    /// Collects what comes out of `pipe` on a thread of its own.
    pub(crate) fn collects(self: &Arc<Self>, pipe: impl Read + Send + 'static) {
        self.state.lock().unwrap().open += 1;
        let output = Arc::clone(self);
        thread::spawn(move || output.reads(BufReader::new(pipe)));
    }

    fn reads(&self, mut pipe: impl BufRead) {
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
            line.clear();
            let mut state = self.state.lock().unwrap();
            state.lines.push(text);
            self.changed.notify_all();
            state =
                self.changed.wait_while(state, |state| state.reading == Reading::Paused).unwrap();
            if state.reading == Reading::Over {
                break;
            }
        }
        // The pipe is closed before anyone learns that it is.
        drop(pipe);
        self.state.lock().unwrap().open -= 1;
        self.changed.notify_all();
    }

    /// Leaves what comes from now on in the pipe, until that is full.
    pub(crate) fn pauses(&self) {
        self.state.lock().unwrap().reading = Reading::Paused;
    }

    /// Closes the pipes at the next line.
    pub(crate) fn stops(&self) {
        self.state.lock().unwrap().reading = Reading::Over;
        self.changed.notify_all();
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.state.lock().unwrap().lines.clone()
    }

    /// Waits for the `count`th line with `part` in it. Fails at the deadline, or as soon as no line
    /// can come.
    #[track_caller]
    pub(crate) fn wait(&self, part: &str, count: usize) -> String {
        let found = |state: &State| {
            state.lines.iter().filter(|line| line.contains(part)).nth(count - 1).cloned()
        };
        let state = self.state.lock().unwrap();
        let unfinished = |state: &mut State| found(state).is_none() && state.open > 0;
        let (state, _) = self.changed.wait_timeout_while(state, PATIENCE, unfinished).unwrap();
        let line = found(&state);
        let all = state.lines.join("\n");
        drop(state);
        line.unwrap_or_else(|| panic!("no line {count} with {part:?} in:\n{all}"))
    }

    /// Waits until the process has closed its ends.
    #[track_caller]
    pub(crate) fn wait_end(&self) {
        let state = self.state.lock().unwrap();
        let open = |state: &mut State| state.open > 0 && state.reading == Reading::On;
        let (_state, timeout) = self.changed.wait_timeout_while(state, PATIENCE, open).unwrap();
        assert!(!timeout.timed_out(), "the output does not end");
    }
}

/// A line of the log, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// `server` of `proxy.server`.
    pub component: String,
    /// `DEBUG`, `INFO`, `WARNING` or `ERROR`.
    pub level: String,
    /// The text, without the trace id.
    pub message: String,
    /// The UUID, where there is a request.
    pub trace_id: Option<String>,
}

impl LogLine {
    /// `2026-11-22 21:34:05,123 - proxy.server - INFO - message trace_id=uuid`; `None` if it has
    /// another shape.
    pub fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(4, " - ");
        let time = parts.next()?;
        let component = parts.next()?.strip_prefix("proxy.")?;
        let level = parts.next()?;
        let text = parts.next()?;
        let levels = ["DEBUG", "INFO", "WARNING", "ERROR"];
        if shape(time) != "0000-00-00 00:00:00,000" || !levels.contains(&level) {
            return None;
        }
        let (message, trace_id) = match text.rsplit_once(" trace_id=") {
            Some((_, id)) if !is_uuid(id) => return None,
            Some((message, id)) => (message, Some(id.to_owned())),
            None => (text, None),
        };
        let (component, level, message) = (component.into(), level.into(), message.into());
        Some(Self { component, level, message, trace_id })
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
        && text.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// The text with each digit as 0.
fn shape(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_is_taken_apart() {
        let id = "123e4567-e89b-42d3-a456-426614174000";
        let line = format!("2026-11-22 21:34:05,123 - proxy.server - INFO - a - b trace_id={id}");
        let parsed = LogLine::parse(&line).unwrap();
        assert_eq!(parsed.component, "server");
        assert_eq!(parsed.level, "INFO");
        assert_eq!(parsed.message, "a - b");
        assert_eq!(parsed.trace_id.as_deref(), Some(id));
    }

    #[test]
    fn another_shape_is_refused() {
        for line in [
            "2026-11-22 21:34:05.123 - proxy.server - INFO - point for comma",
            "2026-11-22 21:34:05,123 - server - INFO - no prefix",
            "2026-11-22 21:34:05,123 - proxy.server - WARN - not Python's name",
            "2026-11-22 21:34:05,123 - proxy.server - INFO - no uuid trace_id=1",
        ] {
            assert_eq!(LogLine::parse(line), None, "{line}");
        }
    }
}
