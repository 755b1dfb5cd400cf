//! What of the bytes that come is head, chunk framing or content, and what of that is secret.
//!
//! The sieve follows both directions of a connection by rules of its own, stricter than the
//! core's: what it cannot follow is content. It keeps the bytes of heads and framing as they are,
//! and beside them the ranges that are masked when a recording is taken:
//!
//! ```text
//!   line 1 ─▶ fields ─▶ empty line ─┬▶ length ─────────────────────▶ line 1 of the next request
//!                                   ├▶ size ─▶ data ─▶ … ─▶ trailers ▶     "
//!                                   └▶ content, to the end (a tunnel, until close, malformed)
//! ```
//!
//! A line is masked until it is whole and has been understood.

mod chunks;
mod line;
mod mask;

use std::collections::VecDeque;

use proxy_proto::Peer;

use self::chunks::Chunks;
use self::line::{Asked, Facts, FirstLine};
use self::mask::{Hidden, Masks};
use crate::{Entry, Event, Piece};

#[derive(Debug)]
pub(crate) struct Sieve {
    request: Stream,
    response: Stream,
    /// The requests whose heads have come and whose responses have not, oldest first.
    asked: VecDeque<Asked>,
}

/// One direction.
#[derive(Debug)]
struct Stream {
    peer: Peer,
    place: Place,
    /// What there is of the line in hand.
    line: Vec<u8>,
    facts: Facts,
    /// How many bytes have been kept: ranges count from the first of them.
    kept: usize,
    /// From here on bytes are masked for now.
    open: Option<usize>,
    hidden: Vec<Hidden>,
    /// No message came before: what comes cannot be the rest of one.
    is_first: bool,
    /// No message comes behind the one in hand.
    is_last: bool,
}

#[derive(Debug)]
enum Place {
    FirstLine { skipped: bool },
    Fields,
    Length(u64),
    Chunks(Chunks),
    Trailers,
    Content,
}

impl Sieve {
    /// For a connection just accepted.
    pub(crate) fn new() -> Self {
        Self {
            request: Stream::new(Peer::Client, Place::FirstLine { skipped: false }),
            response: Stream::new(Peer::Upstream, Place::Content),
            asked: VecDeque::new(),
        }
    }

    /// The connection is idle, and what was kept is dropped.
    pub(crate) fn rewind(&mut self) {
        *self = Self::new();
        self.request.is_first = false;
    }

    /// A connection to an upstream is there: its bytes answer the oldest request.
    pub(crate) fn begin_upstream(&mut self) {
        let asked = self.asked.front();
        self.response.begin(asked.map_or(Place::Content, |_| Place::FirstLine { skipped: true }));
    }

    /// The driver answers: all of its bytes are content.
    pub(crate) fn begin_local(&mut self) {
        self.response.begin(Place::Content);
    }

    /// The oldest request is over.
    pub(crate) fn finish(&mut self, routed: bool) {
        self.asked.pop_front();
        if !routed {
            // The core has refused it: where it ends nobody knows.
            self.request.place = Place::Content;
        }
    }

    /// What to keep of bytes that came from the peer.
    pub(crate) fn sift(&mut self, peer: Peer, mut bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let stream = match peer {
                Peer::Client => &mut self.request,
                Peer::Upstream => &mut self.response,
            };
            let (n, is_kept) = stream.step(bytes);
            let (taken, rest) = bytes.split_at(n);
            bytes = rest;
            if is_kept {
                keep(taken, &mut pieces);
            } else {
                match pieces.last_mut() {
                    Some(Piece::Content(length)) => *length += n,
                    Some(Piece::Bytes(_)) | None => pieces.push(Piece::Content(n)),
                }
            }
            if let Some(facts) = stream.take_head() {
                self.end_head(peer, &facts);
            }
        }
        pieces
    }

    /// Masks what is secret in a copy of the entries since the last `rewind`.
    pub(crate) fn mask(&self, entries: &mut [Entry]) {
        let (mut client, mut upstream) = (self.request.masks(), self.response.masks());
        for entry in entries {
            let Event::Received(peer, pieces) = &mut entry.event else { continue };
            let masks = match peer {
                Peer::Client => &mut client,
                Peer::Upstream => &mut upstream,
            };
            for piece in pieces {
                match piece {
                    Piece::Bytes(bytes) => masks.apply(bytes),
                    Piece::Content(_) => {}
                }
            }
        }
    }

    fn end_head(&mut self, peer: Peer, facts: &Facts) {
        match peer {
            Peer::Client => {
                self.asked.push_back(facts.asked());
                self.request.is_last = facts.is_last();
                self.request.place = facts.request_body();
            }
            Peer::Upstream => {
                // Behind a 101 the request's side is content already: it had asked.
                self.response.place = facts.response_body(self.asked.front());
            }
        }
    }
}

impl Stream {
    fn new(peer: Peer, place: Place) -> Self {
        Self {
            peer,
            place,
            line: Vec::new(),
            facts: Facts::new(),
            kept: 0,
            open: None,
            hidden: Vec::new(),
            is_first: true,
            is_last: peer == Peer::Upstream,
        }
    }

    fn begin(&mut self, place: Place) {
        self.close();
        self.line.clear();
        self.facts = Facts::new();
        self.place = place;
    }

    /// Goes over bytes of one kind: how many, and whether they are kept.
    fn step(&mut self, bytes: &[u8]) -> (usize, bool) {
        match &mut self.place {
            Place::FirstLine { .. } | Place::Fields | Place::Trailers => {
                (self.read_line(bytes), true)
            }
            Place::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= n as u64;
                if *left == 0 {
                    self.end_message();
                }
                (n, false)
            }
            Place::Chunks(chunks) => {
                let step = chunks.step(bytes);
                let (n, is_kept) = (step.n, step.is_kept);
                let from = self.kept;
                self.kept += if is_kept { n } else { 0 };
                match step.then {
                    chunks::Then::On => self.close_extension(),
                    chunks::Then::Hide => {
                        self.open.get_or_insert(from);
                    }
                    chunks::Then::Trailers => {
                        self.close();
                        self.place = Place::Trailers;
                    }
                    chunks::Then::Lost => {
                        // The byte that is wrong shows only what kind of byte it is.
                        self.open.get_or_insert(from);
                        self.close();
                        self.place = Place::Content;
                    }
                }
                (n, is_kept)
            }
            Place::Content => (bytes.len(), false),
        }
    }

    /// Ends a range that was masked for now: it stays so.
    fn close(&mut self) {
        if let Some(from) = self.open.take() {
            self.hidden.push(Hidden::value(from..self.kept));
        }
    }

    /// The same behind chunk extensions, whose grammar the core checks.
    fn close_extension(&mut self) {
        if let Some(from) = self.open.take() {
            self.hidden.push(Hidden::extension(from..self.kept));
        }
    }

    /// Up to the end of a line, which is understood as soon as it is whole.
    fn read_line(&mut self, bytes: &[u8]) -> usize {
        let n = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
        let start = self.kept - self.line.len();
        self.line.extend_from_slice(&bytes[..n]);
        self.kept += n;
        self.open = Some(start);
        let line = std::mem::take(&mut self.line);
        if line.ends_with(b"\n") {
            self.open = None;
            self.end_line(&line, start);
        } else {
            self.open = Some(start + self.protocol(&line));
            self.line = line;
        }
        n
    }

    fn end_line(&mut self, line: &[u8], start: usize) {
        let Some(text) = line.strip_suffix(b"\r\n") else {
            // A bare LF: refused at once, and whatever follows is anything.
            let shown = self.protocol(line);
            self.facts.hide_unknown(&line[shown..], start + shown, &mut self.hidden);
            self.place = Place::Content;
            return;
        };
        match self.place {
            Place::FirstLine { skipped: false } if text.is_empty() => {
                self.place = Place::FirstLine { skipped: true };
            }
            Place::FirstLine { .. } => {
                let first = match self.peer {
                    Peer::Client => FirstLine::of_request(text),
                    Peer::Upstream => FirstLine::of_response(text),
                };
                self.place = Place::Fields;
                let shown = match (&first, self.peer) {
                    (Some(FirstLine { odd_method, userinfo, .. }), Peer::Client) => {
                        if !self.is_first {
                            let method = start + odd_method.start..start + odd_method.end;
                            self.hidden.push(Hidden::value(method));
                        }
                        let secret = start + userinfo.start..start + userinfo.end;
                        self.hidden.push(Hidden::value(secret));
                        text.len()
                    }
                    (Some(_), Peer::Upstream) => LONGEST_STATUS,
                    (None, Peer::Client) if self.is_first && line::is_harmless(text) => {
                        LONGEST_UNKNOWN
                    }
                    (None, Peer::Client) => line::head_method(text),
                    (None, Peer::Upstream) => line::protocol(text),
                };
                // A bare CR may hide a line of its own.
                let sound = text.iter().position(u8::is_ascii_control).unwrap_or(text.len());
                let shown = shown.min(sound);
                // The name of a version says nothing, and where it is decides how a line is wrong.
                let version = line::version(&text[shown..]).unwrap_or(text.len() - shown..0);
                let at = start + shown;
                self.hidden.push(Hidden::unknown(at..at + version.start));
                if !version.is_empty() {
                    self.hidden.push(Hidden::unknown(at + version.end..start + text.len()));
                }
                self.facts = Facts::begin(first);
                self.is_first = false;
            }
            Place::Fields if text.is_empty() => self.facts.ends = true,
            Place::Trailers if text.is_empty() => self.end_message(),
            Place::Fields => self.facts.add(text, start, &mut self.hidden),
            Place::Trailers => self.facts.add_trailer(text, start, &mut self.hidden),
            Place::Length(_) | Place::Chunks(_) | Place::Content => {}
        }
    }

    /// How much of a first line is shown in any case: the core looks at a status line byte by byte,
    /// and answers HEAD without content, however that goes on.
    fn protocol(&self, line: &[u8]) -> usize {
        match (self.peer, &self.place) {
            (Peer::Upstream, Place::FirstLine { .. }) => line::protocol(line),
            (Peer::Client, Place::FirstLine { .. }) => line::head_method(line),
            _ => 0,
        }
    }

    /// The facts of a head that has come whole.
    fn take_head(&mut self) -> Option<Facts> {
        self.facts.ends.then(|| std::mem::replace(&mut self.facts, Facts::new()))
    }

    fn end_message(&mut self) {
        let is_over = self.is_last || self.facts.is_broken;
        self.place = if is_over { Place::Content } else { Place::FirstLine { skipped: false } };
    }

    fn masks(&self) -> Masks<'_> {
        Masks::new(&self.hidden, self.open)
    }
}

fn keep(bytes: &[u8], pieces: &mut Vec<Piece>) {
    match pieces.last_mut() {
        Some(Piece::Bytes(kept)) => kept.extend_from_slice(bytes),
        Some(Piece::Content(_)) | None => pieces.push(Piece::Bytes(bytes.to_vec())),
    }
}

/// How much is shown of a status line. Arbitrary.
const LONGEST_STATUS: usize = 64;
/// How much is shown of the first line that a client ever sends, if it is none of HTTP: enough to
/// see what it is. Arbitrary.
const LONGEST_UNKNOWN: usize = 256;
