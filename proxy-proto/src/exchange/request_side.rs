//! The rules of what the client sends.

use super::Exchange;
use super::settle::Moved;
use crate::flow::{BodyError, Emit, Recv};
use crate::head::field::is_tchar;
use crate::head::request::{self, Origin};
use crate::head::scan;
use crate::state::{Edge, HeadSent, Route, Stage};
use crate::{Cause, CloseReason, Fault, Instant, Lanes};

impl Exchange {
    pub(super) fn read_request_head(&mut self, lanes: &mut Lanes, now: Instant) -> Moved {
        let lane = &mut lanes.request;
        if self.stage == Stage::Idle {
            // RFC 9112 section 2.2: one empty line before a request is ignored. More would be a
            // way to send for ever.
            if !self.skipped_empty_line && lane.window.bytes().starts_with(b"\r\n") {
                self.skipped_empty_line = true;
                lane.window.consume(2);
            }
            if lane.window.is_empty() {
                lane.shrink();
                let reason = match (lane.flow.eof, self.drains) {
                    (true, _) => CloseReason::Idle,
                    (false, true) => CloseReason::Draining,
                    (false, false) => return Moved::No,
                };
                return self.close(reason);
            }
            self.stage = Stage::Head;
            lane.flow.recv = Recv::Head;
            lanes.current.marks.started = now;
        }
        let bytes = lane.window.bytes();
        if !self.skipped_empty_line && bytes == b"\r" {
            return self.lose_client_at_eof(lanes, now);
        }
        if !self.skipped_empty_line && bytes.starts_with(b"\r\n") {
            self.skipped_empty_line = true;
            self.stage = Stage::Idle;
            lane.flow.recv = Recv::Idle;
            lane.flow.searched = 0;
            lane.window.consume(2);
            return Moved::Yes;
        }
        // Known from the first byte on: TLS, or what is left of a body, gets its answer at once.
        if !is_tchar(bytes[0]) {
            let fault = Fault::bad_request("the request does not begin with a method");
            return self.refuse(fault, lanes);
        }
        let settings = &*self.settings;
        let limit = settings.limits.max_head_bytes.min(lane.window.capacity());
        let origin = Origin {
            client: self.client,
            trace: self.trace,
            upstream_keep_alive: settings.upstream_keep_alive,
        };
        let before = &mut lane.before;
        let mut translate =
            |bytes: &[u8]| request::translate(bytes, &settings.limits, origin, before);
        // Nearly every head comes whole and is as it should be: its end is where the parser finds
        // it. Only for others is it looked for, byte by byte as they come.
        let at_first_sight = match lane.flow.searched {
            0 => translate(&bytes[..bytes.len().min(limit)]).ok(),
            _ => None,
        };
        let (end, facts) = match at_first_sight {
            Some(translated) => translated,
            None => {
                let end = match scan::find_end(bytes, &mut lane.flow.searched) {
                    Err(scan::BareLf) => {
                        let fault = Fault::bad_request("a line does not end with CRLF");
                        return self.refuse(fault, lanes);
                    }
                    Ok(None) if bytes.len() < limit => return self.lose_client_at_eof(lanes, now),
                    Ok(Some(end)) if end <= limit => end,
                    Ok(None | Some(_)) => {
                        let fault = if bytes[..limit].contains(&b'\n') {
                            Fault::new(Cause::HeadTooLarge, "the request head is too large")
                        } else {
                            Fault::new(Cause::TargetTooLong, "the request line is too long")
                        };
                        return self.refuse(fault, lanes);
                    }
                };
                match translate(&bytes[..end]) {
                    Ok(translated) => translated,
                    Err(fault) => return self.refuse(fault, lanes),
                }
            }
        };
        lane.window.consume(end);
        lane.begin_body(facts.framing, Emit::AsIs);
        self.continued = !lane.window.is_empty();
        lanes.current.facts = Some(facts);
        self.stage = Stage::Serving;
        self.route = Route::Asked;
        self.push(Edge::Route);
        Moved::Yes
    }

    /// The head breaks a rule. Where the message ends is not known, so nothing behind it is read.
    pub(super) fn refuse(&mut self, fault: Fault, lanes: &mut Lanes) -> Moved {
        self.stage = Stage::Serving;
        self.fail(fault, lanes);
        self.route = Route::Over;
        Moved::Yes
    }

    pub(super) fn lose_client_at_eof(&mut self, lanes: &mut Lanes, now: Instant) -> Moved {
        if !lanes.request.flow.eof {
            return Moved::No;
        }
        self.end_at_once(Cause::ClientGone, CloseReason::Idle, lanes, now);
        Moved::Yes
    }

    pub(super) fn read_request_body(&mut self, lanes: &mut Lanes, now: Instant) -> Moved {
        let Recv::Body(_) = lanes.request.flow.recv else {
            return Moved::No;
        };
        // A replay is possible only while the request lies whole in its window.
        if lanes.request.flow.keeps && lanes.request.room() == 0 {
            lanes.request.release();
        }
        if let Err(error) = lanes.request.follow(&self.settings.limits) {
            let fault = match error {
                BodyError::Malformed(reason) => Fault::bad_request(reason),
                BodyError::TrailersTooLarge => {
                    Fault::new(Cause::HeadTooLarge, "the trailers are too large")
                }
            };
            lanes.request.flow.recv = Recv::Cut;
            if self.head == HeadSent::Offered && lanes.response.flow.recv == Recv::Done {
                // The response is whole: it goes out, and the connection ends with it.
                self.persists = false;
                return Moved::Yes;
            }
            self.fail(fault, lanes);
            return Moved::Yes;
        }
        match lanes.request.flow.recv {
            // Nobody waits for the rest any more; the answer still goes out.
            Recv::Body(_) if lanes.request.flow.eof && lanes.request.flow.sinks => {
                lanes.request.flow.recv = Recv::Cut;
                self.persists = false;
                Moved::Yes
            }
            Recv::Body(_) => self.lose_client_at_eof(lanes, now),
            Recv::Idle | Recv::Head | Recv::Done | Recv::Cut => Moved::No,
        }
    }
}
