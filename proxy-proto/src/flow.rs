use crate::chunked::{Piece, Walker};
use crate::framing::Framing;
use crate::head::render::push_fmt;
use crate::head::scan;
use crate::head::trailers::{self, BadTrailers};
use crate::lanes::Lane;
use crate::pace::Pace;
use crate::{Instant, Limits, Transmit};

/// One direction of an exchange: what is received from one peer and sent to the other.
///
/// The receiving half is [`Recv`]; the sending half is how much of the lane has been sent. The
/// offsets below refer to the start of the lane's window:
///
/// ```text
///  window  ┌──────────────┬───────────────┬────────────┬─────────────────────┐
///          │ sent, kept   │ run, unsent   │ replaced   │ not looked at       │
///          │ for a replay │               │ by `after` │                     │
///          └──────────────┴───────────────┴────────────┴─────────────────────┘
///          0            sent            ready     ready + replaced
/// ```
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    pub(crate) recv: Recv,
    /// The peer has closed its sending half.
    pub(crate) eof: bool,
    /// Sent bytes are kept, so that the request can be sent again.
    pub(crate) keeps: bool,
    /// The body goes nowhere: its bytes are checked and dropped.
    pub(crate) sinks: bool,
    emit: Emit,
    /// How far the window has been searched for the end of a head or of trailers.
    pub(crate) searched: usize,
    ready: usize,
    sent: usize,
    replaced: usize,
    before_sent: usize,
    after_sent: usize,
    pub(crate) pace: Pace,
}

/// The receiving half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Recv {
    /// No byte of a message has come.
    #[default]
    Idle,
    /// Part of a head has come.
    Head,
    /// The head has been dealt with.
    Body(Body),
    /// The message has come whole.
    Done,
    /// The message broke off: what came is still forwarded, its end never will be.
    Cut,
}

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Length {
        left: u64,
    },
    Chunked(Walker),
    UntilClose,
    /// Bytes of an upgraded connection.
    Tunnel,
}

/// How a body is framed for the peer that gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Emit {
    /// As it came; only trailers are written anew.
    #[default]
    AsIs,
    /// Chunks around what is delimited by close.
    Chunked,
    /// The data of chunks without their framing, for HTTP/1.0.
    Unchunked,
}

/// Why a body cannot be followed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    Malformed(&'static str),
    TrailersTooLarge,
}

impl Lane {
    /// Starts on a body behind a head that was rendered into `before`.
    pub(crate) fn begin_body(&mut self, framing: Framing, emit: Emit) {
        self.flow.searched = 0;
        self.flow.emit = emit;
        self.flow.recv = match framing {
            Framing::Length(0) => Recv::Done,
            Framing::Length(left) => Recv::Body(Body::Length { left }),
            Framing::Chunked => Recv::Body(Body::Chunked(Walker::new())),
            Framing::UntilClose => Recv::Body(Body::UntilClose),
        };
    }

    /// Room for more bytes from the peer: behind those in the window, and in front of them too as
    /// long as none of them is being sent or kept.
    pub(crate) const fn room(&self) -> usize {
        if self.is_enlarged() && self.flow.pace.is_behind() && self.flow.sent < self.flow.ready {
            // What a slow reader has not taken is all that it keeps of memory that others wait for.
            0
        } else if self.pinned() == 0 {
            self.window.capacity() - self.window.len()
        } else {
            self.window.tail_room()
        }
    }

    /// The room itself. Fragments move to the front of the window if that makes room; bytes that
    /// are being sent never move.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        let pinned = self.pinned();
        let window = &mut self.window;
        if pinned == 0 && window.tail_room() < window.capacity() / 2 {
            window.compact();
        }
        window.tail()
    }

    /// Whether a larger window pays: what is to come fills more than this one, whoever gets it has
    /// kept up, and no byte would have to be moved.
    pub(crate) const fn is_bulk(&self) -> bool {
        let fills = match self.flow.recv {
            Recv::Body(Body::Length { left }) => left > self.window.capacity() as u64,
            // How much is to come nobody knows: it goes by what came last.
            Recv::Body(Body::Chunked(_) | Body::UntilClose | Body::Tunnel) => {
                self.flow.pace.is_filled()
            }
            Recv::Idle | Recv::Head | Recv::Done | Recv::Cut => false,
        };
        let may_move = self.window.is_empty() && !self.is_enlarged() && !self.flow.keeps;
        fills && may_move && self.flow.pace.is_trusted()
    }

    /// Bytes came from the peer.
    pub(crate) fn handle_received(&mut self, n: usize, now: Instant) {
        self.window.commit(n);
        self.flow.pace.handle_received(self.window.tail_room() == 0, !self.is_flushed(), now);
    }

    /// The bytes that wait to be sent.
    pub(crate) fn transmit(&self) -> Transmit<'_> {
        Transmit {
            slices: [
                &self.before[self.flow.before_sent..],
                &self.window.bytes()[self.flow.sent..self.flow.ready],
                &self.after[self.flow.after_sent..],
            ],
        }
    }

    /// Whether all that there is to send has been sent.
    pub(crate) fn is_flushed(&self) -> bool {
        self.flow.before_sent == self.before.len()
            && self.flow.sent == self.flow.ready
            && self.flow.after_sent == self.after.len()
    }

    /// Whether the message has come and gone, whole.
    pub(crate) fn is_through(&self) -> bool {
        self.flow.recv == Recv::Done && self.is_flushed()
    }

    /// Whether a byte has been sent since the head was rendered.
    pub(crate) const fn has_sent(&self) -> bool {
        self.flow.before_sent > 0
    }

    pub(crate) fn handle_sent(&mut self, n: usize, now: Instant) {
        let before = n.min(self.before.len() - self.flow.before_sent);
        let run = (n - before).min(self.flow.ready - self.flow.sent);
        let after = n - before - run;
        assert!(
            after <= self.after.len() - self.flow.after_sent,
            "more bytes sent than were offered"
        );
        self.flow.before_sent += before;
        self.flow.sent += run;
        self.flow.after_sent += after;
        self.flow.pace.handle_sent(n, !self.is_flushed(), now);
        if !self.flow.keeps {
            self.release();
        }
    }

    /// Ends keeping sent bytes: the message can no longer be sent again.
    pub(crate) fn release(&mut self) {
        self.flow.keeps = false;
        self.window.consume(self.flow.sent);
        self.flow.ready -= self.flow.sent;
        self.flow.sent = 0;
        if self.flow.ready == 0 {
            self.window.consume(self.flow.replaced);
            self.flow.replaced = 0;
        }
    }

    /// Goes back to the first byte of a message that has been kept.
    pub(crate) fn rewind(&mut self) {
        debug_assert!(self.flow.keeps, "a message that was not kept is gone");
        self.flow.sent = 0;
        self.flow.before_sent = 0;
        self.flow.after_sent = 0;
    }

    /// Turns what is left of the body into waste: it is followed to its end and dropped.
    pub(crate) fn sink(&mut self) {
        self.flow.sinks = true;
        self.flow.before_sent = self.before.len();
        self.flow.sent = self.flow.ready;
        self.flow.after_sent = self.after.len();
        self.release();
    }

    /// Clears the way for an answer of ours: what has come of a response is dropped, with its head
    /// if that was `unseen`. An interim response that is on its way still goes first.
    pub(crate) fn begin_answer(&mut self, unseen: bool) {
        if unseen || self.flow.before_sent == self.before.len() {
            self.before.clear();
            self.flow.before_sent = 0;
        }
        self.window.clear();
        self.clear_after();
        self.flow.ready = 0;
        self.flow.sent = 0;
        self.flow.replaced = 0;
        self.flow.recv = Recv::Done;
    }

    /// Whether bytes came that do not belong to the message.
    pub(crate) const fn has_bytes_behind(&self) -> bool {
        self.window.len() > self.pinned()
    }

    /// Whether whoever gets the message holds it up: until more has been sent, bytes that came
    /// cannot be followed, none can come, or the end that came cannot be told.
    pub(crate) fn is_held_up(&self) -> bool {
        let is_full = self.room() == 0;
        !self.is_flushed() && (is_full || self.flow.eof || self.has_bytes_behind())
    }

    /// Forgets all that was rendered and sent, to begin on the next head.
    pub(crate) fn reset(&mut self) {
        debug_assert_eq!(self.pinned(), 0, "bytes still wait to be sent");
        self.before.clear();
        self.after.clear();
        self.shrink();
        self.flow = Flow { eof: self.flow.eof, ..Flow::default() };
    }

    /// Makes room in `before` for another head, once what it held has gone out.
    pub(crate) fn clear_before(&mut self) {
        debug_assert_eq!(self.flow.before_sent, self.before.len(), "a head would be lost");
        self.before.clear();
        self.flow.before_sent = 0;
    }

    /// Follows the body through the bytes that have come.
    pub(crate) fn follow(&mut self, limits: &Limits) -> Result<(), BodyError> {
        while let Recv::Body(body) = self.flow.recv {
            let progress = match self.flow.emit {
                Emit::Chunked => self.follow_in_chunks(),
                Emit::AsIs | Emit::Unchunked => self.follow_as_framed(body, limits)?,
            };
            if self.flow.sinks {
                self.sink();
            }
            if !progress {
                break;
            }
        }
        Ok(())
    }

    /// The peer has closed: the end of a body that is delimited so.
    pub(crate) fn end_at_close(&mut self) {
        match self.flow.emit {
            Emit::AsIs | Emit::Unchunked => self.flow.recv = Recv::Done,
            Emit::Chunked if self.window.is_empty() && self.is_flushed() => {
                self.clear_before();
                self.clear_after();
                self.after.extend_from_slice(b"0\r\n\r\n");
                self.flow.recv = Recv::Done;
            }
            // The last data have to go out first, in a chunk of their own.
            Emit::Chunked => {}
        }
    }

    fn follow_as_framed(&mut self, body: Body, limits: &Limits) -> Result<bool, BodyError> {
        let bytes = &self.window.bytes()[self.flow.ready..];
        match body {
            Body::Length { left } => {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                self.flow.ready += n;
                let left = left - n as u64;
                self.flow.recv =
                    if left == 0 { Recv::Done } else { Recv::Body(Body::Length { left }) };
                Ok(false)
            }
            Body::UntilClose | Body::Tunnel => {
                self.flow.ready += bytes.len();
                Ok(false)
            }
            Body::Chunked(mut walker) => {
                let unchunked = self.flow.emit == Emit::Unchunked;
                // Without framing between them, data form one run only within one chunk.
                if unchunked && self.flow.ready > 0 {
                    return Ok(false);
                }
                let piece =
                    walker.step(bytes).map_err(|error| BodyError::Malformed(error.reason()))?;
                self.flow.recv = Recv::Body(Body::Chunked(walker));
                match piece {
                    None => return Ok(false),
                    Some(Piece::Framing(n)) if unchunked => self.window.consume(n),
                    Some(Piece::Framing(n) | Piece::Data(n)) => self.flow.ready += n,
                    Some(Piece::Last(line)) => return self.follow_trailers(line, limits),
                }
                Ok(true)
            }
        }
    }

    /// The last chunk and the trailer section behind it, once they have come whole.
    fn follow_trailers(&mut self, line: usize, limits: &Limits) -> Result<bool, BodyError> {
        let bytes = &self.window.bytes()[self.flow.ready..];
        if self.flow.emit == Emit::AsIs && bytes.starts_with(NO_TRAILERS) {
            self.flow.ready += NO_TRAILERS.len();
            self.flow.recv = Recv::Done;
            return Ok(true);
        }
        let section = &bytes[line..];
        let end = scan::find_end(section, &mut self.flow.searched)
            .map_err(|_bare_lf| BodyError::Malformed("invalid trailers"))?;
        let limit = limits.max_head_bytes.min(self.window.capacity() - line);
        let Some(end) = end else {
            let too_large = section.len() >= limit;
            return if too_large { Err(BodyError::TrailersTooLarge) } else { Ok(false) };
        };
        if end > limit {
            return Err(BodyError::TrailersTooLarge);
        }
        let whole = line + end;
        let section = &bytes[line..whole];
        self.flow.after_sent = 0;
        self.after.clear();
        trailers::render(section, limits, &mut self.after).map_err(|bad| match bad {
            BadTrailers::Malformed => BodyError::Malformed("invalid trailers"),
            BadTrailers::TooMany => BodyError::TrailersTooLarge,
        })?;
        if self.flow.emit == Emit::Unchunked {
            self.after.clear();
        }
        self.flow.recv = Recv::Done;
        self.flow.replaced = whole;
        if self.flow.ready == 0 {
            self.window.consume(whole);
            self.flow.replaced = 0;
        }
        Ok(true)
    }

    /// Puts what has come into one chunk, once the chunk before it has gone out.
    fn follow_in_chunks(&mut self) -> bool {
        let n = self.window.len();
        let chunk_is_out = self.flow.ready == 0 && self.flow.after_sent == self.after.len();
        if n == 0 || !chunk_is_out {
            return false;
        }
        // The head may still wait in `before`; the size line goes behind it.
        if self.flow.before_sent == self.before.len() {
            self.clear_before();
        }
        push_fmt(&mut self.before, format_args!("{n:x}\r\n"));
        self.flow.ready = n;
        self.clear_after();
        self.after.extend_from_slice(b"\r\n");
        true
    }

    fn clear_after(&mut self) {
        self.after.clear();
        self.flow.after_sent = 0;
    }

    /// Bytes at the start of the window that must stay where they are.
    const fn pinned(&self) -> usize {
        self.flow.ready + self.flow.replaced
    }
}

/// The end of nearly every chunked body: it passes as it came.
const NO_TRAILERS: &[u8] = b"0\r\n\r\n";
