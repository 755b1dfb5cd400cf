//! The proxy's log lines, taken where they are made.

use std::fmt::{self, Write};
use std::rc::Rc;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::record::Play;
use crate::trace;

thread_local! {
    static PLAY: std::cell::RefCell<Option<Rc<Play>>> = const { std::cell::RefCell::new(None) };
}

/// While `act` runs, this thread's log lines go into the play's record and into the trace.
pub(crate) fn taken<T>(play: &Rc<Play>, act: impl FnOnce() -> T) -> T {
    PLAY.set(Some(Rc::clone(play)));
    let result = tracing::subscriber::with_default(Lines, act);
    PLAY.set(None);
    result
}

struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("proxy.")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        trace::log(&line.0);
        if event.metadata().target() == "proxy.access" {
            PLAY.with_borrow(|play| {
                if let Some(play) = play {
                    play.record.borrow_mut().log(&line.0);
                }
            });
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _infallible = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            _ => Ok(()),
        };
    }
}
