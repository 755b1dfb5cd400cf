//! The text form, as it is read: see `write` for what it looks like.

use std::str::FromStr;
use std::time::Duration;

use proxy_proto::{
    Action, Attempt, Fault, Instant, Limits, LocalHead, Peer, Reply, Settings, Summary, Timeouts,
};

use crate::reason::intern;
use crate::words;
use crate::write::MAGIC;
use crate::{Entry, Event, Header, Mode, Piece, Recording};

/// Why a text is no recording: the first line that is wrong, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}{}", shown(text))]
pub struct Unreadable {
    /// The number of the line; one more than there are if the text ends too early.
    pub line: usize,
    /// What would have been right.
    pub what: &'static str,
    /// The text that is not; empty where it is missing.
    pub text: String,
}

impl FromStr for Recording {
    type Err = Unreadable;

    /// Reads the whole or nothing. Takes memory in proportion to the text.
    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let mut lines = Lines { rest: text.lines().enumerate(), last: 0 };
        let first = lines.next()?;
        if first.rest.trim() != MAGIC {
            return Err(first.wrong(NOT_A_RECORDING, first.rest));
        }
        let header = header(&mut lines)?;
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let mut line = lines.next()?;
            if line.rest.starts_with(' ') {
                let action = line.action(header.start)?;
                line.ends()?;
                let Some(entry) = entries.last_mut() else {
                    return Err(line.wrong("an event comes before its actions", ""));
                };
                entry.actions.push(action);
                continue;
            }
            if line.rest.trim_end() == "end" {
                break;
            }
            let at = line.time(header.start)?;
            let event = line.event()?;
            line.ends()?;
            entries.push(Entry { at, event, actions: Vec::new() });
        }
        match lines.next() {
            Ok(line) => Err(line.wrong("nothing follows `end`", line.rest)),
            Err(_) => Ok(Self { header, entries }),
        }
    }
}

fn header(lines: &mut Lines<'_>) -> Result<Header, Unreadable> {
    let version = lines.field("version", Line::text)?;
    let mode = lines.field("mode", |line| {
        let known = [Mode::Raw, Mode::Masked];
        line.one(|word| known.into_iter().find(|m| words::mode(*m) == word), "raw or masked")
    })?;
    let client = lines.field("client", |line| line.parsed("an IP address"))?;
    let trace = lines.field("trace", |line| line.parsed("a UUID"))?;
    let start = lines.field("start", |line| line.number().map(Instant::from_nanos))?;
    let window = lines.field("window", |line| {
        let fits = |window: &usize| (1..=Recording::LARGEST_WINDOW).contains(window);
        line.one(|word| word.parse().ok().filter(fits), "a size from 1 to 16777216")
    })?;
    let settings = lines.field("settings", Line::settings)?;
    let fault = lines.field("fault", |line| line.optional(Line::fault))?;
    let dropped = lines.field("dropped", Line::number)?;
    Ok(Header { version, mode, client, trace, start, window, settings, fault, dropped })
}

struct Lines<'a> {
    rest: std::iter::Enumerate<std::str::Lines<'a>>,
    last: usize,
}

impl<'a> Lines<'a> {
    /// The next line that means something.
    fn next(&mut self) -> Result<Line<'a>, Unreadable> {
        for (at, text) in self.rest.by_ref() {
            self.last = at + 1;
            if !text.trim().is_empty() && !text.starts_with('#') {
                return Ok(Line { number: at + 1, rest: text });
            }
        }
        let what = if self.last == 0 { NOT_A_RECORDING } else { "the text ends before its `end`" };
        Err(Unreadable { line: self.last + 1, what, text: String::new() })
    }

    /// The line of this name in the header.
    fn field<T>(
        &mut self,
        name: &'static str,
        value: impl FnOnce(&mut Line<'a>) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        let mut line = self.next()?;
        let known = line.word()?;
        if known != name {
            return Err(line.wrong("another line of the header belongs here", known));
        }
        let value = value(&mut line)?;
        line.ends()?;
        Ok(value)
    }
}

/// A line, of which what has been understood is taken off.
struct Line<'a> {
    number: usize,
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn wrong(&self, what: &'static str, text: &str) -> Unreadable {
        Unreadable { line: self.number, what, text: text.to_owned() }
    }

    fn ends(&self) -> Result<(), Unreadable> {
        let rest = self.rest.trim();
        if rest.is_empty() { Ok(()) } else { Err(self.wrong("the line ends here", rest)) }
    }

    /// The next word; empty at the end of the line.
    fn peek(&self) -> &'a str {
        let rest = self.rest.trim_start();
        rest.split(' ').next().unwrap_or_default()
    }

    fn word(&mut self) -> Result<&'a str, Unreadable> {
        let rest = self.rest.trim_start();
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if word.is_empty() {
            return Err(self.wrong("the line is too short", ""));
        }
        self.rest = rest;
        Ok(word)
    }

    /// This word, which names what follows.
    fn named(&mut self, name: &'static str) -> Result<&mut Self, Unreadable> {
        let word = self.word()?;
        if word == name { Ok(self) } else { Err(self.wrong(name, word)) }
    }

    fn one<T>(
        &mut self,
        find: impl FnOnce(&str) -> Option<T>,
        what: &'static str,
    ) -> Result<T, Unreadable> {
        let word = self.word()?;
        find(word).ok_or_else(|| self.wrong(what, word))
    }

    fn parsed<T: FromStr>(&mut self, what: &'static str) -> Result<T, Unreadable> {
        self.one(|word| word.parse().ok(), what)
    }

    fn number(&mut self) -> Result<u64, Unreadable> {
        self.parsed("a whole number")
    }

    fn size(&mut self) -> Result<usize, Unreadable> {
        self.parsed("a whole number")
    }

    fn span(&mut self) -> Result<Duration, Unreadable> {
        self.number().map(Duration::from_nanos)
    }

    fn yes_or_no(&mut self) -> Result<bool, Unreadable> {
        self.choice("no", "yes", "yes or no")
    }

    /// Whether it is the second of two words.
    fn choice(
        &mut self,
        no: &'static str,
        yes: &'static str,
        what: &'static str,
    ) -> Result<bool, Unreadable> {
        self.one(|word| if word == yes { Some(true) } else { (word == no).then_some(false) }, what)
    }

    fn optional<T>(
        &mut self,
        value: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, Unreadable> {
        if self.peek() == "-" {
            self.word()?;
            return Ok(None);
        }
        value(self).map(Some)
    }

    fn peer(&mut self) -> Result<Peer, Unreadable> {
        let upstream = self.choice("client", "upstream", "client or upstream")?;
        Ok(if upstream { Peer::Upstream } else { Peer::Client })
    }

    fn attempt(&mut self) -> Result<Attempt, Unreadable> {
        self.parsed::<u32>("the number of an attempt").map(Attempt::from)
    }

    /// A point in time, counted from `start`.
    fn time(&mut self, start: Instant) -> Result<Instant, Unreadable> {
        let start = start.as_nanos();
        let at = |word: &str| match word.split_at_checked(1)? {
            ("+", nanos) => start.checked_add(nanos.parse().ok()?),
            ("-", nanos) => start.checked_sub(nanos.parse().ok()?),
            _ => None,
        };
        self.one(at, "a time such as +1500, in nanoseconds from the start").map(Instant::from_nanos)
    }

    /// A text in quotes.
    fn bytes(&mut self) -> Result<Vec<u8>, Unreadable> {
        let quoted = self.rest.trim_start();
        let unquoted = unescape(quoted).ok_or_else(|| self.wrong("a text in quotes", quoted));
        let (bytes, rest) = unquoted?;
        self.rest = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<String, Unreadable> {
        let quoted = self.rest;
        String::from_utf8(self.bytes()?).map_err(|_| self.wrong("a text in UTF-8", quoted))
    }

    fn fault(&mut self) -> Result<Fault, Unreadable> {
        let cause = self.one(words::cause_of, "a cause")?;
        Ok(Fault::new(cause, intern(&self.text()?)))
    }

    fn settings(&mut self) -> Result<Settings, Unreadable> {
        let max_head_bytes = self.named("max_head_bytes")?.size()?;
        let allowed = |count: &usize| *count <= Limits::MAX_HEADERS;
        let max_headers = self
            .named("max_headers")?
            .one(|word| word.parse().ok().filter(allowed), "a number from 0 to 500")?;
        Ok(Settings {
            limits: Limits { max_head_bytes, max_headers },
            timeouts: Timeouts {
                client_head: self.named("client_head")?.span()?,
                client_idle: self.named("client_idle")?.span()?,
                client_body: self.named("client_body")?.span()?,
                client_send: self.named("client_send")?.span()?,
                connect: self.named("connect")?.span()?,
                write: self.named("write")?.span()?,
                read: self.named("read")?.span()?,
                total: self.named("total")?.optional(Line::span)?,
                tunnel_idle: self.named("tunnel_idle")?.optional(Line::span)?,
            },
            upstream_keep_alive: self.named("upstream_keep_alive")?.yes_or_no()?,
        })
    }

    fn event(&mut self) -> Result<Event, Unreadable> {
        let word = self.word()?;
        Ok(match word {
            "recv" => Event::Received(self.peer()?, self.pieces()?),
            "sent" => Event::Sent(self.peer()?, self.size()?),
            "eof" => Event::Eof(self.peer()?),
            "send_failed" => Event::SendFailed(self.peer()?),
            "broken" => Event::Broken(self.peer()?),
            "upstream" => Event::Upstream(self.text()?),
            "reply" => Event::Reply(self.reply()?),
            "timeout" => Event::Timeout,
            "drain" => Event::Drain,
            "cut" => Event::Cut,
            "configure" => Event::Configure(self.settings()?),
            "spare" => Event::Spare(self.peer()?),
            "enlarge" => Event::Enlarge(self.peer()?, self.size()?),
            "shrink" => Event::Shrink(self.peer()?),
            _ => return Err(self.wrong("an event", word)),
        })
    }

    fn pieces(&mut self) -> Result<Vec<Piece>, Unreadable> {
        let mut pieces = Vec::new();
        loop {
            let piece = match self.peek() {
                "" => return Ok(pieces),
                "content" => Piece::Content(self.named("content")?.size()?),
                _ => Piece::Bytes(self.bytes()?),
            };
            pieces.push(piece);
        }
    }

    fn reply(&mut self) -> Result<Reply, Unreadable> {
        let word = self.word()?;
        Ok(match word {
            "routed" => Reply::Routed,
            "local" => Reply::Local(LocalHead {
                status: self.parsed("a status")?,
                content_type: intern(&self.text()?),
                length: self.number()?,
            }),
            "refused" => Reply::Refused(self.fault()?),
            "dialing" => Reply::Dialing(self.attempt()?),
            "connected" => Reply::Connected {
                attempt: self.attempt()?,
                reused: self.choice("new", "reused", "new or reused")?,
            },
            "failed" => Reply::Failed { attempt: self.attempt()?, fault: self.fault()? },
            "next" => Reply::Next(self.parsed("a UUID")?),
            _ => return Err(self.wrong("a reply", word)),
        })
    }

    fn action(&mut self, start: Instant) -> Result<Action, Unreadable> {
        let word = self.word()?;
        let reason = "why a connection ends";
        Ok(match word {
            "route" => Action::Route,
            "connect" => Action::Connect { attempt: self.attempt()? },
            "reconnect" => Action::Reconnect { attempt: self.attempt()? },
            "recycle" => Action::Recycle,
            "discard" => Action::Discard(self.one(words::close_reason_of, reason)?),
            "shutdown" => Action::Shutdown(self.peer()?),
            "finish" => Action::Finish(self.summary(start)?),
            "close" => Action::Close(self.one(words::close_reason_of, reason)?),
            "abort" => Action::Abort(self.one(words::close_reason_of, reason)?),
            _ => return Err(self.wrong("an action", word)),
        })
    }

    fn summary(&mut self, start: Instant) -> Result<Summary, Unreadable> {
        Ok(Summary {
            status: self.named("status")?.optional(|line| line.parsed("a status"))?,
            routed: self.named("routed")?.yes_or_no()?,
            started: self.named("started")?.time(start)?,
            elapsed: self.named("elapsed")?.span()?,
            upstream_elapsed: self.named("upstream_elapsed")?.optional(Line::span)?,
            bytes_sent: self.named("sent")?.number()?,
            bytes_received: self.named("received")?.number()?,
            retried: self.named("retried")?.yes_or_no()?,
            trace: self.named("trace")?.parsed("a UUID")?,
            fault: self.named("fault")?.optional(Line::fault)?,
        })
    }
}

/// The bytes of a text in quotes, and what follows it. The inverse of `escape_ascii`.
fn unescape(quoted: &str) -> Option<(Vec<u8>, &str)> {
    let mut rest = quoted.strip_prefix('"')?;
    let mut bytes = Vec::new();
    loop {
        let plain = rest.find(['"', '\\'])?;
        bytes.extend_from_slice(&rest.as_bytes()[..plain]);
        let mut marks = rest[plain..].chars();
        if marks.next() == Some('"') {
            return Some((bytes, marks.as_str()));
        }
        let byte = match marks.next()? {
            'r' => b'\r',
            'n' => b'\n',
            't' => b'\t',
            mark @ ('\'' | '"' | '\\') => mark as u8,
            'x' => {
                let (digits, rest) = marks.as_str().split_at_checked(2)?;
                marks = rest.chars();
                u8::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        };
        bytes.push(byte);
        rest = marks.as_str();
    }
}

/// The offending text as it follows a message, on one line and cut when it is long.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST_QUOTE).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    if text.is_empty() { String::new() } else { format!(", not {cut:?}{dots}") }
}

const NOT_A_RECORDING: &str = "a recording begins with `proxy-replay 1`";
/// So that a message stays on a line; arbitrary.
const LONGEST_QUOTE: usize = 60;
