//! The text form, as it is written. One line per event, its actions indented beneath:
//!
//! ```text
//! proxy-replay 1
//! version 0.1.0
//! mode masked
//! client 127.0.0.1
//! trace 0056e7c0-a1ae-40f5-a7e6-8b61b3633376
//! start 8003512
//! window 16384
//! settings max_head_bytes 16384 max_headers 100 …
//! fault read_timeout "it sends no bytes"
//! dropped 0
//! +81102 recv client "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n" content 5
//!   route
//! +81102 upstream "127.0.0.1:9001"
//! +81102 reply routed
//!   connect 0
//! end
//! ```
//!
//! `start` counts nanoseconds from the recorder's epoch; a time with a sign counts from `start`,
//! and the times in `settings`, `elapsed` and the like are spans, all in nanoseconds. `-` is none.
//! Bytes are escaped as in Rust: `\r`, `\n`, `\t`, `\'`, `\"`, `\\`, and `\x00` for the rest that
//! is not printable ASCII. Empty lines and lines that begin with `#` mean nothing.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use proxy_proto::{Action, Fault, Instant, Reply, Settings, Summary};

use crate::words::{self, yes_or_no};
use crate::{Entry, Event, Header, Piece, Recording};

/// The first line: what kind of file this is, and the version of its form.
pub(crate) const MAGIC: &str = "proxy-replay 1";

impl Display for Recording {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Header { version, mode, client, trace, start, window, settings, fault, dropped } =
            &self.header;
        writeln!(f, "{MAGIC}")?;
        writeln!(f, "version {}", Quoted(version.as_bytes()))?;
        writeln!(f, "mode {}", words::mode(*mode))?;
        writeln!(f, "client {client}")?;
        writeln!(f, "trace {trace}")?;
        writeln!(f, "start {}", start.as_nanos())?;
        writeln!(f, "window {window}")?;
        writeln!(f, "settings {}", SettingsText(settings))?;
        writeln!(f, "fault {}", Optional(fault.map(FaultText)))?;
        writeln!(f, "dropped {dropped}")?;
        for Entry { at, event, actions } in &self.entries {
            writeln!(f, "{} {event}", Since { start: *start, at: *at })?;
            for action in actions {
                writeln!(f, "  {}", ActionText { action, start: *start })?;
            }
        }
        writeln!(f, "end")
    }
}

/// As it stands in a recording, less its time.
impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received(peer, pieces) => {
                write!(f, "recv {}", words::peer(*peer))?;
                pieces.iter().try_for_each(|piece| match piece {
                    Piece::Bytes(bytes) => write!(f, " {}", Quoted(bytes)),
                    Piece::Content(length) => write!(f, " content {length}"),
                })
            }
            Self::Sent(peer, n) => write!(f, "sent {} {n}", words::peer(*peer)),
            Self::Eof(peer) => write!(f, "eof {}", words::peer(*peer)),
            Self::SendFailed(peer) => write!(f, "send_failed {}", words::peer(*peer)),
            Self::Broken(peer) => write!(f, "broken {}", words::peer(*peer)),
            Self::Upstream(name) => write!(f, "upstream {}", Quoted(name.as_bytes())),
            Self::Reply(reply) => write!(f, "reply {}", ReplyText(reply)),
            Self::Timeout => f.write_str("timeout"),
            Self::Drain => f.write_str("drain"),
            Self::Cut => f.write_str("cut"),
            Self::Configure(settings) => write!(f, "configure {}", SettingsText(settings)),
            Self::Spare(peer) => write!(f, "spare {}", words::peer(*peer)),
            Self::Enlarge(peer, size) => write!(f, "enlarge {} {size}", words::peer(*peer)),
            Self::Shrink(peer) => write!(f, "shrink {}", words::peer(*peer)),
        }
    }
}

/// An action as it stands in a recording that began at `start`.
pub(crate) struct ActionText<'a> {
    pub(crate) action: &'a Action,
    pub(crate) start: Instant,
}

impl Display for ActionText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.action {
            Action::Route => f.write_str("route"),
            Action::Connect { attempt } => write!(f, "connect {}", u32::from(*attempt)),
            Action::Reconnect { attempt } => write!(f, "reconnect {}", u32::from(*attempt)),
            Action::Recycle => f.write_str("recycle"),
            Action::Discard(reason) => write!(f, "discard {}", words::close_reason(*reason)),
            Action::Shutdown(peer) => write!(f, "shutdown {}", words::peer(*peer)),
            Action::Finish(summary) => self.finish(summary, f),
            Action::Close(reason) => write!(f, "close {}", words::close_reason(*reason)),
            Action::Abort(reason) => write!(f, "abort {}", words::close_reason(*reason)),
        }
    }
}

impl ActionText<'_> {
    fn finish(&self, summary: &Summary, f: &mut Formatter<'_>) -> fmt::Result {
        let Summary {
            status,
            fault,
            routed,
            started,
            elapsed,
            upstream_elapsed,
            bytes_sent,
            bytes_received,
            retried,
            trace,
        } = summary;
        write!(f, "finish status {} routed {}", Optional(*status), yes_or_no(*routed))?;
        write!(f, " started {}", Since { start: self.start, at: *started })?;
        write!(f, " elapsed {}", nanos(*elapsed))?;
        write!(f, " upstream_elapsed {}", Optional(upstream_elapsed.map(nanos)))?;
        write!(f, " sent {bytes_sent} received {bytes_received} retried {}", yes_or_no(*retried))?;
        write!(f, " trace {trace} fault {}", Optional(fault.map(FaultText)))
    }
}

struct ReplyText<'a>(&'a Reply);

impl Display for ReplyText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reply::Routed => f.write_str("routed"),
            Reply::Local(head) => {
                let media = Quoted(head.content_type.as_bytes());
                write!(f, "local {} {media} {}", head.status, head.length)
            }
            Reply::Refused(fault) => write!(f, "refused {}", FaultText(*fault)),
            Reply::Dialing(attempt) => write!(f, "dialing {}", u32::from(*attempt)),
            Reply::Connected { attempt, reused } => {
                let what = if *reused { "reused" } else { "new" };
                write!(f, "connected {} {what}", u32::from(*attempt))
            }
            Reply::Failed { attempt, fault } => {
                write!(f, "failed {} {}", u32::from(*attempt), FaultText(*fault))
            }
            Reply::Next(trace) => write!(f, "next {trace}"),
        }
    }
}

struct SettingsText<'a>(&'a Settings);

impl Display for SettingsText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Settings { limits, timeouts, upstream_keep_alive } = self.0;
        write!(f, "max_head_bytes {}", limits.max_head_bytes)?;
        write!(f, " max_headers {}", limits.max_headers)?;
        write!(f, " client_head {}", nanos(timeouts.client_head))?;
        write!(f, " client_idle {}", nanos(timeouts.client_idle))?;
        write!(f, " client_body {}", nanos(timeouts.client_body))?;
        write!(f, " client_send {}", nanos(timeouts.client_send))?;
        write!(f, " connect {}", nanos(timeouts.connect))?;
        write!(f, " write {}", nanos(timeouts.write))?;
        write!(f, " read {}", nanos(timeouts.read))?;
        write!(f, " total {}", Optional(timeouts.total.map(nanos)))?;
        write!(f, " tunnel_idle {}", Optional(timeouts.tunnel_idle.map(nanos)))?;
        write!(f, " upstream_keep_alive {}", yes_or_no(*upstream_keep_alive))
    }
}

struct FaultText(Fault);

impl Display for FaultText {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.cause.word(), Quoted(self.0.reason.as_bytes()))
    }
}

/// A point in time, counted from the start of the recording. Clocks that jump go before it.
struct Since {
    start: Instant,
    at: Instant,
}

impl Display for Since {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (at, start) = (self.at.as_nanos(), self.start.as_nanos());
        let sign = if at < start { '-' } else { '+' };
        write!(f, "{sign}{}", at.abs_diff(start))
    }
}

struct Quoted<'a>(&'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

struct Optional<T>(Option<T>);

impl<T: Display> Display for Optional<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// The core's spans come from the difference of two of its instants or from a configuration, and
/// so fit.
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
