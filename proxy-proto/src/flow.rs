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

impl Flow {
    /// Starts on a body behind a head that was rendered into `before`.
    pub(crate) fn begin_body(&mut self, framing: Framing, emit: Emit) {
        self.searched = 0;
        self.emit = emit;
        self.recv = match framing {
            Framing::Length(0) => Recv::Done,
            Framing::Length(left) => Recv::Body(Body::Length { left }),
            Framing::Chunked => Recv::Body(Body::Chunked(Walker::new())),
            Framing::UntilClose => Recv::Body(Body::UntilClose),
        };
    }

    /// Room for more bytes from the peer: behind those in the window, and in front of them too as
    /// long as none of them is being sent or kept.
    pub(crate) const fn room(&self, lane: &Lane) -> usize {
        if lane.is_enlarged() && self.pace.is_behind() && self.sent < self.ready {
            // What a slow reader has not taken is all that it keeps of memory that others wait for.
            0
        } else if self.pinned() == 0 {
            lane.window.capacity() - lane.window.len()
        } else {
            lane.window.tail_room()
        }
    }

    /// The room itself. Fragments move to the front of the window if that makes room; bytes that
    /// are being sent never move.
    pub(crate) fn spare<'a>(&self, lane: &'a mut Lane) -> &'a mut [u8] {
        let window = &mut lane.window;
        if self.pinned() == 0 && window.tail_room() < window.capacity() / 2 {
            window.compact();
        }
        window.tail()
    }

    /// Whether a larger window pays: what is to come fills more than this one, whoever gets it has
    /// kept up, and no byte would have to be moved.
    pub(crate) const fn is_bulk(&self, lane: &Lane) -> bool {
        let fills = match self.recv {
            Recv::Body(Body::Length { left }) => left > lane.window.capacity() as u64,
            // How much is to come nobody knows: it goes by what came last.
            Recv::Body(Body::Chunked(_) | Body::UntilClose | Body::Tunnel) => self.pace.is_filled(),
            Recv::Idle | Recv::Head | Recv::Done | Recv::Cut => false,
        };
        let may_move = lane.window.is_empty() && !lane.is_enlarged() && !self.keeps;
        fills && may_move && self.pace.is_trusted()
    }

    /// Bytes came from the peer.
    pub(crate) fn handle_received(&mut self, n: usize, lane: &mut Lane, now: Instant) {
        lane.window.commit(n);
        self.pace.handle_received(lane.window.tail_room() == 0, !self.is_flushed(lane), now);
    }

    /// The bytes that wait to be sent.
    pub(crate) fn transmit<'a>(&self, lane: &'a Lane) -> Transmit<'a> {
        Transmit {
            slices: [
                &lane.before[self.before_sent..],
                &lane.window.bytes()[self.sent..self.ready],
                &lane.after[self.after_sent..],
            ],
        }
    }

    /// Whether all that there is to send has been sent.
    pub(crate) fn is_flushed(&self, lane: &Lane) -> bool {
        self.before_sent == lane.before.len()
            && self.sent == self.ready
            && self.after_sent == lane.after.len()
    }

    /// Whether the message has come and gone, whole.
    pub(crate) fn is_through(&self, lane: &Lane) -> bool {
        self.recv == Recv::Done && self.is_flushed(lane)
    }

    /// Whether a byte has been sent since the head was rendered.
    pub(crate) const fn has_sent(&self) -> bool {
        self.before_sent > 0
    }

    pub(crate) fn handle_sent(&mut self, n: usize, lane: &mut Lane, now: Instant) {
        let before = n.min(lane.before.len() - self.before_sent);
        let run = (n - before).min(self.ready - self.sent);
        let after = n - before - run;
        assert!(after <= lane.after.len() - self.after_sent, "more bytes sent than were offered");
        self.before_sent += before;
        self.sent += run;
        self.after_sent += after;
        self.pace.handle_sent(n, !self.is_flushed(lane), now);
        if !self.keeps {
            self.release(lane);
        }
    }

    /// Ends keeping sent bytes: the message can no longer be sent again.
    pub(crate) fn release(&mut self, lane: &mut Lane) {
        self.keeps = false;
        lane.window.consume(self.sent);
        self.ready -= self.sent;
        self.sent = 0;
        if self.ready == 0 {
            lane.window.consume(self.replaced);
            self.replaced = 0;
        }
    }

    /// Goes back to the first byte of a message that has been kept.
    pub(crate) fn rewind(&mut self) {
        debug_assert!(self.keeps, "a message that was not kept is gone");
        self.sent = 0;
        self.before_sent = 0;
        self.after_sent = 0;
    }

    /// Turns what is left of the body into waste: it is followed to its end and dropped.
    pub(crate) fn sink(&mut self, lane: &mut Lane) {
        self.sinks = true;
        self.before_sent = lane.before.len();
        self.sent = self.ready;
        self.after_sent = lane.after.len();
        self.release(lane);
    }

    /// Clears the way for an answer of ours: what has come of a response is dropped, with its head
    /// if that was `unseen`. An interim response that is on its way still goes first.
    pub(crate) fn begin_answer(&mut self, unseen: bool, lane: &mut Lane) {
        if unseen || self.before_sent == lane.before.len() {
            lane.before.clear();
            self.before_sent = 0;
        }
        lane.window.clear();
        self.clear_after(lane);
        self.ready = 0;
        self.sent = 0;
        self.replaced = 0;
        self.recv = Recv::Done;
    }

    /// Whether bytes came that do not belong to the message.
    pub(crate) const fn has_bytes_behind(&self, lane: &Lane) -> bool {
        lane.window.len() > self.pinned()
    }

    /// Whether whoever gets the message holds it up: until more has been sent, bytes that came
    /// cannot be followed, none can come, or the end that came cannot be told.
    pub(crate) fn is_held_up(&self, lane: &Lane) -> bool {
        let is_full = self.room(lane) == 0;
        !self.is_flushed(lane) && (is_full || self.eof || self.has_bytes_behind(lane))
    }

    /// Forgets all that was rendered and sent, to begin on the next head.
    pub(crate) fn reset(&mut self, lane: &mut Lane) {
        debug_assert_eq!(self.pinned(), 0, "bytes still wait to be sent");
        lane.before.clear();
        lane.after.clear();
        lane.shrink();
        let eof = self.eof;
        *self = Self { eof, ..Self::default() };
    }

    /// Makes room in `before` for another head, once what it held has gone out.
    pub(crate) fn clear_before(&mut self, lane: &mut Lane) {
        debug_assert_eq!(self.before_sent, lane.before.len(), "a head would be lost");
        lane.before.clear();
        self.before_sent = 0;
    }

    /// Follows the body through the bytes that have come.
    pub(crate) fn follow(&mut self, lane: &mut Lane, limits: &Limits) -> Result<(), BodyError> {
        while let Recv::Body(body) = self.recv {
            let progress = match self.emit {
                Emit::Chunked => self.follow_in_chunks(lane),
                Emit::AsIs | Emit::Unchunked => self.follow_as_framed(body, lane, limits)?,
            };
            if self.sinks {
                self.sink(lane);
            }
            if !progress {
                break;
            }
        }
        Ok(())
    }

    /// The peer has closed: the end of a body that is delimited so.
    pub(crate) fn end_at_close(&mut self, lane: &mut Lane) {
        match self.emit {
            Emit::AsIs | Emit::Unchunked => self.recv = Recv::Done,
            Emit::Chunked if lane.window.is_empty() && self.is_flushed(lane) => {
                self.clear_before(lane);
                self.clear_after(lane);
                lane.after.extend_from_slice(b"0\r\n\r\n");
                self.recv = Recv::Done;
            }
            // The last data have to go out first, in a chunk of their own.
            Emit::Chunked => {}
        }
    }

    fn follow_as_framed(
        &mut self,
        body: Body,
        lane: &mut Lane,
        limits: &Limits,
    ) -> Result<bool, BodyError> {
        let bytes = &lane.window.bytes()[self.ready..];
        match body {
            Body::Length { left } => {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                self.ready += n;
                let left = left - n as u64;
                self.recv = if left == 0 { Recv::Done } else { Recv::Body(Body::Length { left }) };
                Ok(false)
            }
            Body::UntilClose | Body::Tunnel => {
                self.ready += bytes.len();
                Ok(false)
            }
            Body::Chunked(mut walker) => {
                let unchunked = self.emit == Emit::Unchunked;
                // Without framing between them, data form one run only within one chunk.
                if unchunked && self.ready > 0 {
                    return Ok(false);
                }
                let piece =
                    walker.step(bytes).map_err(|error| BodyError::Malformed(error.reason()))?;
                self.recv = Recv::Body(Body::Chunked(walker));
                match piece {
                    None => return Ok(false),
                    Some(Piece::Framing(n)) if unchunked => lane.window.consume(n),
                    Some(Piece::Framing(n) | Piece::Data(n)) => self.ready += n,
                    Some(Piece::Last(line)) => return self.follow_trailers(line, lane, limits),
                }
                Ok(true)
            }
        }
    }

    /// The last chunk and the trailer section behind it, once they have come whole.
    fn follow_trailers(
        &mut self,
        line: usize,
        lane: &mut Lane,
        limits: &Limits,
    ) -> Result<bool, BodyError> {
        let bytes = &lane.window.bytes()[self.ready..];
        if self.emit == Emit::AsIs && bytes.starts_with(NO_TRAILERS) {
            self.ready += NO_TRAILERS.len();
            self.recv = Recv::Done;
            return Ok(true);
        }
        let section = &bytes[line..];
        let end = scan::find_end(section, &mut self.searched)
            .map_err(|_bare_lf| BodyError::Malformed("invalid trailers"))?;
        let limit = limits.max_head_bytes.min(lane.window.capacity() - line);
        let Some(end) = end else {
            let too_large = section.len() >= limit;
            return if too_large { Err(BodyError::TrailersTooLarge) } else { Ok(false) };
        };
        if end > limit {
            return Err(BodyError::TrailersTooLarge);
        }
        let whole = line + end;
        let section = &bytes[line..whole];
        self.after_sent = 0;
        lane.after.clear();
        trailers::render(section, limits, &mut lane.after).map_err(|bad| match bad {
            BadTrailers::Malformed => BodyError::Malformed("invalid trailers"),
            BadTrailers::TooMany => BodyError::TrailersTooLarge,
        })?;
        if self.emit == Emit::Unchunked {
            lane.after.clear();
        }
        self.recv = Recv::Done;
        self.replaced = whole;
        if self.ready == 0 {
            lane.window.consume(whole);
            self.replaced = 0;
        }
        Ok(true)
    }

    /// Puts what has come into one chunk, once the chunk before it has gone out.
    fn follow_in_chunks(&mut self, lane: &mut Lane) -> bool {
        let n = lane.window.len();
        let chunk_is_out = self.ready == 0 && self.after_sent == lane.after.len();
        if n == 0 || !chunk_is_out {
            return false;
        }
        // The head may still wait in `before`; the size line goes behind it.
        if self.before_sent == lane.before.len() {
            self.clear_before(lane);
        }
        push_fmt(&mut lane.before, format_args!("{n:x}\r\n"));
        self.ready = n;
        self.clear_after(lane);
        lane.after.extend_from_slice(b"\r\n");
        true
    }

    fn clear_after(&mut self, lane: &mut Lane) {
        lane.after.clear();
        self.after_sent = 0;
    }

    /// Bytes at the start of the window that must stay where they are.
    const fn pinned(&self) -> usize {
        self.ready + self.replaced
    }
}

/// The end of nearly every chunked body: it passes as it came.
const NO_TRAILERS: &[u8] = b"0\r\n\r\n";
