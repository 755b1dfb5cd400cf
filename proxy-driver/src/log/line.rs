use std::cell::RefCell;
use std::fmt::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// Formats an event and hands the line, its line feed included, to `write`. The memory is the
/// thread's own and is used again.
pub(super) fn with_line(event: &Event<'_>, colour: bool, write: impl FnOnce(&str)) {
    LINE.with_borrow_mut(|line| {
        line.text.clear();
        line.push_time();
        let metadata = event.metadata();
        let _infallible = write!(line.text, " - {} - ", metadata.target());
        push_level(&mut line.text, *metadata.level(), colour);
        line.text.push_str(" - ");
        let mut fields = Fields { text: &mut line.text, trace: Trace { text: [0; 36], length: 0 } };
        event.record(&mut fields);
        let Trace { text, length } = fields.trace;
        if length > 0 {
            line.text.push_str(" trace_id=");
            line.text.push_str(std::str::from_utf8(&text[..length]).unwrap_or_default());
        }
        line.text.push('\n');
        write(&line.text);
    });
}

thread_local! {
    static LINE: RefCell<Line> = const { RefCell::new(Line::new()) };
}

struct Line {
    text: String,
    /// The date and time up to the second, which changes rarely.
    second: String,
    of: i64,
}

impl Line {
    const fn new() -> Self {
        Self { text: String::new(), second: String::new(), of: i64::MIN }
    }

    /// Local time as Python's logging writes it: `2026-11-22 21:34:05,123`.
    fn push_time(&mut self) {
        let now = Timestamp::now();
        if now.as_second() != self.of {
            self.of = now.as_second();
            self.second.clear();
            let local = now.to_zoned(TimeZone::system());
            let _infallible = write!(self.second, "{}", local.strftime("%Y-%m-%d %H:%M:%S"));
        }
        self.text.push_str(&self.second);
        let _infallible = write!(self.text, ",{:03}", now.subsec_millisecond());
    }
}

/// Python's level names.
fn push_level(text: &mut String, level: Level, colour: bool) {
    let (name, code) = match level {
        Level::ERROR => ("ERROR", 31),
        Level::WARN => ("WARNING", 33),
        Level::INFO => ("INFO", 32),
        Level::DEBUG | Level::TRACE => ("DEBUG", 36),
    };
    let _infallible =
        if colour { write!(text, "\x1b[{code}m{name}\x1b[0m") } else { text.write_str(name) };
}

/// The message goes straight into the line; the trace id is kept for its end.
struct Fields<'a> {
    text: &'a mut String,
    trace: Trace,
}

struct Trace {
    text: [u8; 36],
    length: usize,
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _infallible = match field.name() {
            "message" => write!(Printable(self.text), "{value:?}"),
            "trace_id" => write!(self.trace, "{value:?}"),
            name => write!(Printable(self.text), " {name}={value:?}"),
        };
    }
}

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.text.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Escapes control characters, so that no request can write a line of its own or move a
/// terminal's cursor (the class of RUSTSEC-2025-0055).
struct Printable<'a>(&'a mut String);

impl Write for Printable<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !text.chars().any(char::is_control) {
            self.0.push_str(text);
            return Ok(());
        }
        for character in text.chars() {
            if character.is_control() {
                self.0.extend(character.escape_default());
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let mut text = String::new();
        write!(Printable(&mut text), "a\nb\x1b[31mc").expect("infallible");
        assert_eq!(text, "a\\nb\\u{1b}[31mc");
    }
}
