//! What the crate `pyroscope` says through `log` when a push fails: it has no other way.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use log::{Level, LevelFilter, Log, Metadata, Record};

/// Begins to listen, unless the program has a logger already, which then hears it all.
pub(crate) fn listen() {
    if log::set_logger(&COMPLAINTS).is_ok() {
        log::set_max_level(LevelFilter::Error);
    }
}

/// Says what has failed, once until it has been well for a while: a push fails every ten seconds
/// for as long as the server is away.
pub(crate) fn complain(error: &dyn std::fmt::Display) {
    COMPLAINTS.hear(&error.to_string(), now());
}

struct Complaints {
    last: Mutex<Option<Instant>>,
}

impl Complaints {
    fn hear(&self, text: &str, now: Instant) {
        if self.is_news(now) {
            tracing::warn!(target: "proxy.profiling", "Profiles do not arrive: {}", told(text));
        }
    }

    fn is_news(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let former = last.replace(now);
        former.is_none_or(|former| now.saturating_duration_since(former) > QUIET)
    }
}

impl Log for Complaints {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        metadata.level() == Level::Error
            && (target.starts_with("pyroscope") || target.starts_with("Pyroscope"))
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.hear(&record.args().to_string(), now());
        }
    }

    fn flush(&self) {}
}

/// What is fit for a log: one line of it, without the URL, which may have a password in it.
fn told(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(" for url ").next().unwrap_or_default();
    line.chars().filter(|char| !char.is_control()).take(LONGEST).collect()
}

#[expect(clippy::disallowed_methods, reason = "profiling threads belong to no runtime")]
fn now() -> Instant {
    Instant::now()
}

static COMPLAINTS: Complaints = Complaints { last: Mutex::new(None) };
/// Several pushes, and their timeouts of ten seconds.
const QUIET: Duration = Duration::from_secs(60);
/// In characters; arbitrary.
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_once_until_it_has_been_well_for_a_while() {
        let complaints = Complaints { last: Mutex::new(None) };
        let start = now();
        let heard: Vec<_> = [0, 10, 20, 80, 141, 150]
            .map(|second| complaints.is_news(start + Duration::from_secs(second)))
            .into();
        assert_eq!(heard, [true, false, false, false, true, false]);
    }

    #[test]
    fn no_url_is_told() {
        let error = "Failed to send: error sending request for url (http://a:secret@b/)\nmore";
        assert_eq!(told(error), "Failed to send: error sending request");
    }
}
