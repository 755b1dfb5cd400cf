use std::cell::RefCell;
use std::fmt::{self, Write};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::stamp::Stamp;

/// Formats an event and hands the line, its line feed included, to `write`, with the time that it
/// shows. The memory is the thread's own and is used again.
pub(super) fn with_line(event: &Event<'_>, colour: bool, write: impl FnOnce(Timestamp, &str)) {
    LINE.with_borrow_mut(|Line { text, trace, stamp }| {
        let now = Timestamp::now();
        let metadata = event.metadata();
        text.clear();
        trace.clear();
        text.push_str(stamp.at(now));
        text.push_str(" - ");
        text.push_str(metadata.target());
        text.push_str(" - ");
        text.push_str(level_name(*metadata.level(), colour));
        text.push_str(" - ");
        let start = text.len();
        event.record(&mut Fields { text, trace });
        make_printable(text, start);
        if !trace.is_empty() {
            text.push_str(" trace_id=");
            text.push_str(trace);
        }
        text.push('\n');
        write(now, text);
    });
}

thread_local! {
    static LINE: RefCell<Line> = const { RefCell::new(Line::new()) };
}

struct Line {
    text: String,
    trace: String,
    stamp: Stamp,
}

impl Line {
    const fn new() -> Self {
        Self { text: String::new(), trace: String::new(), stamp: Stamp::new() }
    }
}

/// Python's level names.
const fn level_name(level: Level, colour: bool) -> &'static str {
    match (level, colour) {
        (Level::ERROR, false) => "ERROR",
        (Level::ERROR, true) => "\x1b[31mERROR\x1b[0m",
        (Level::WARN, false) => "WARNING",
        (Level::WARN, true) => "\x1b[33mWARNING\x1b[0m",
        (Level::INFO, false) => "INFO",
        (Level::INFO, true) => "\x1b[32mINFO\x1b[0m",
        (Level::DEBUG | Level::TRACE, false) => "DEBUG",
        (Level::DEBUG | Level::TRACE, true) => "\x1b[36mDEBUG\x1b[0m",
    }
}

/// The message goes straight into the line; the trace id is kept for its end.
struct Fields<'a> {
    text: &'a mut String,
    trace: &'a mut String,
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _infallible = match field.name() {
            "message" => write!(self.text, "{value:?}"),
            "trace_id" => write!(self.trace, "{value:?}"),
            name => write!(self.text, " {name}={value:?}"),
        };
    }
}

/// Escapes control characters from `start` on, so that no request can write a line of its own or
/// move a terminal's cursor (the class of RUSTSEC-2025-0055).
fn make_printable(text: &mut String, start: usize) {
    // Nearly all text is plain; a look without a way out in its middle is done by vectors.
    let is_plain = |plain, byte: u8| plain & matches!(byte, b' '..=b'~');
    if text[start..].bytes().fold(true, is_plain) {
        return;
    }
    let raw = text.split_off(start);
    for character in raw.chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let mut text = String::from("\n - a\nb\x1b[31mc \u{e9}\u{85}");
        make_printable(&mut text, 4);
        assert_eq!(text, "\n - a\\nb\\u{1b}[31mc \u{e9}\\u{85}");
    }
}
