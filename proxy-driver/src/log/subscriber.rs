use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use proxy_config::Level;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber, callsite};

use super::line::with_line;
use super::queue::Queue;
use super::writer::Writer;

/// The handle on the process's log. Dropping it writes out what is queued.
pub(crate) struct Log {
    shared: Arc<Shared>,
    writer: Option<Writer>,
}

struct Shared {
    level: AtomicU8,
    colour: bool,
    queue: Arc<Queue>,
}

/// Starts to log to stdout. `dropped` is told of each line for which there is no room.
pub(crate) fn start(level: Level, dropped: impl Fn() + Send + Sync + 'static) -> Log {
    let queue = Arc::new(Queue::new(dropped));
    let shared = Arc::new(Shared {
        level: AtomicU8::new(level as u8),
        colour: std::io::stdout().is_terminal(),
        queue: Arc::clone(&queue),
    });
    let writer = Some(Writer::start(queue));
    // A process has one log. Where there is one already, as in a test, that one stays.
    let _already_set = tracing::subscriber::set_global_default(Lines(Arc::clone(&shared)));
    Log { shared, writer }
}

impl Log {
    /// Changes the level, from the next line on.
    pub(crate) fn set_level(&self, level: Level) {
        self.shared.level.store(level as u8, Relaxed);
        callsite::rebuild_interest_cache();
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.finish();
        }
    }
}

struct Lines(Arc<Shared>);

impl Lines {
    fn filter(&self) -> LevelFilter {
        match self.0.level.load(Relaxed) {
            level if level == Level::Debug as u8 => LevelFilter::DEBUG,
            level if level == Level::Info as u8 => LevelFilter::INFO,
            level if level == Level::Warning as u8 => LevelFilter::WARN,
            _ => LevelFilter::ERROR,
        }
    }
}

impl Subscriber for Lines {
    /// Only lines of the proxy itself: what libraries have to say is for their developers.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.target().starts_with("proxy.") && self.filter() >= *metadata.level() {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("proxy.") && self.filter() >= *metadata.level()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter())
    }

    fn event(&self, event: &Event<'_>) {
        with_line(event, self.0.colour, |at, line| self.0.queue.push(at, line));
    }

    // There are no spans: a request's id is a field of its lines.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[cfg(test)]
pub(crate) mod captured {
    use super::*;

    /// Runs `scenario` with a log at level info that nobody writes out, and returns its text.
    pub(crate) fn at_info<T>(scenario: impl FnOnce() -> T) -> (T, String) {
        let queue = Arc::new(Queue::new(|| {}));
        let shared = Shared {
            level: AtomicU8::new(Level::Info as u8),
            colour: false,
            queue: Arc::clone(&queue),
        };
        let result = tracing::subscriber::with_default(Lines(Arc::new(shared)), scenario);
        (result, queue.text())
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let ((), text) = at_info(|| tracing::warn!(target: "proxy.x", "a\nb\x1b c"));
        assert!(text.ends_with(" - proxy.x - WARNING - a\\nb\\u{1b} c\n"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
