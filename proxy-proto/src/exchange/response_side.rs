//! The rules of what the upstream sends.

use super::Exchange;
use super::settle::Moved;
use crate::flow::{Body, BodyError, Emit, Recv};
use crate::framing::Framing;
use crate::head::request::RequestFacts;
use crate::head::response::{self, Asked, ResponseFacts};
use crate::head::scan;
use crate::pace::Pace;
use crate::state::{Edge, HeadSent, Route, Stage};
use crate::{Attempt, Cause, Fault, Instant, Lanes};

impl Exchange {
    pub(super) fn read_response(&mut self, lanes: &mut Lanes, now: Instant) -> Moved {
        match lanes.response.flow.recv {
            Recv::Idle | Recv::Head if self.route.is_connected() => {
                self.read_response_head(lanes, now)
            }
            Recv::Body(body) => self.read_response_body(body, lanes),
            Recv::Idle | Recv::Head | Recv::Done | Recv::Cut => Moved::No,
        }
    }

    pub(super) fn read_response_head(&mut self, lanes: &mut Lanes, now: Instant) -> Moved {
        let lane = &mut lanes.response;
        if lane.window.is_empty() {
            if !lane.flow.eof {
                return Moved::No;
            }
            let fault = Fault::new(Cause::UpstreamEof, "closed without a response");
            self.lose_upstream(fault, lanes);
            return Moved::Yes;
        }
        // The interim response before this one has to go out first: memory stays bounded.
        if !lane.is_flushed() {
            return Moved::No;
        }
        if !lanes.request.has_sent() {
            self.lose_upstream(Fault::bad_response("bytes before the request was sent"), lanes);
            return Moved::Yes;
        }
        let known = lane.window.len().min(PROTOCOL.len());
        if lane.window.bytes()[..known] != PROTOCOL[..known] {
            self.lose_upstream(Fault::bad_response("it does not speak HTTP"), lanes);
            return Moved::Yes;
        }
        lane.flow.recv = Recv::Head;
        // Bytes of a response are the end of every replay.
        lanes.request.release();
        lane.clear_before();
        let Some(facts) = lanes.current.facts else {
            return Moved::No;
        };
        let limit = self.settings.limits.max_head_bytes.min(lane.window.capacity());
        let has = lane.window.len();
        // As with requests: the end of a head is looked for only if it does not come whole.
        let at_first_sight = match lane.flow.searched {
            0 => self.translate_response(has.min(limit), facts, lanes).ok(),
            _ => None,
        };
        let translated = match at_first_sight {
            Some(translated) => Ok(translated),
            None => {
                let bytes = lanes.response.window.bytes();
                let end = match scan::find_end(bytes, &mut lanes.response.flow.searched) {
                    Ok(None) if has < limit && lanes.response.flow.eof => {
                        let fault =
                            Fault::new(Cause::UpstreamEof, "closed within the response head");
                        self.lose_upstream(fault, lanes);
                        return Moved::Yes;
                    }
                    Ok(None) if has < limit => return Moved::No,
                    Ok(Some(end)) if end <= limit => end,
                    Ok(None | Some(_)) => {
                        let fault = Fault::bad_response("the response head is too large");
                        self.lose_upstream(fault, lanes);
                        return Moved::Yes;
                    }
                    Err(scan::BareLf) => {
                        let fault = Fault::bad_response("a line does not end with CRLF");
                        self.lose_upstream(fault, lanes);
                        return Moved::Yes;
                    }
                };
                self.translate_response(end, facts, lanes)
            }
        };
        match translated {
            Ok((end, (kind, head))) => {
                lanes.response.window.consume(end);
                self.begin_response(kind, head, facts, lanes, now);
            }
            Err(fault) => self.lose_upstream(fault, lanes),
        }
        Moved::Yes
    }

    /// Parses the head at the start of the window, within so many bytes, and renders it. Nothing
    /// is changed if that fails.
    fn translate_response(
        &mut self,
        within: usize,
        facts: RequestFacts,
        lanes: &mut Lanes,
    ) -> Result<(usize, (Kind, ResponseFacts)), Fault> {
        let Lanes { request, response: lane, current, .. } = lanes;
        let asked = Asked {
            version_1_1: facts.version_1_1,
            by_head: current.is_to_head(),
            trace: self.trace,
        };
        let request_is_through = request.is_through();
        let limits = self.settings.limits;
        let (bytes, out) = (&lane.window.bytes()[..within], &mut lane.before);
        response::parse(bytes, &limits, asked, |head| {
            let status = head.facts.status;
            let kind = match status {
                101 if facts.wants_upgrade && request_is_through => Kind::Switch,
                101 => return Err(Fault::bad_response("a 101 that nobody asked for")),
                100..=199 if self.interims >= MAX_INTERIMS => {
                    return Err(Fault::bad_response("too many interim responses"));
                }
                100..=199 => Kind::Interim,
                _ => Kind::Final,
            };
            if kind == Kind::Final {
                self.persists = self.may_persist(request, current)
                    && (facts.version_1_1 || head.has_known_length());
            }
            // RFC 9110 section 15.2: no interim response to an HTTP/1.0 client.
            if facts.version_1_1 || kind == Kind::Final {
                head.render(asked, self.persistence(current), out);
            }
            Ok((kind, head.facts))
        })
    }

    /// The head of a response has come whole and been rendered.
    fn begin_response(
        &mut self,
        kind: Kind,
        head: ResponseFacts,
        facts: RequestFacts,
        lanes: &mut Lanes,
        now: Instant,
    ) {
        let version_1_1 = facts.version_1_1;
        lanes.response.flow.searched = 0;
        match kind {
            Kind::Interim => {
                self.interims += 1;
                self.continued |= head.status == 100;
                lanes.response.flow.recv = Recv::Idle;
            }
            Kind::Switch => {
                lanes.current.status = Some(head.status);
                self.persists = false;
                self.head = HeadSent::Offered;
                self.stage = Stage::Tunnel;
                lanes.current.marks.upstream_done = Some(now);
                lanes.request.flow.recv = Recv::Body(Body::Tunnel);
                lanes.response.flow.recv = Recv::Body(Body::Tunnel);
            }
            Kind::Final => {
                lanes.current.status = Some(head.status);
                self.head = HeadSent::Rendered;
                self.upstream_persists = head.persists;
                let emit = match head.framing {
                    Framing::UntilClose if version_1_1 => Emit::Chunked,
                    Framing::Chunked if !version_1_1 => Emit::Unchunked,
                    Framing::Length(_) | Framing::Chunked | Framing::UntilClose => Emit::AsIs,
                };
                self.ends_by_close =
                    !version_1_1 && matches!(head.framing, Framing::Chunked | Framing::UntilClose);
                lanes.response.begin_body(head.framing, emit);
                lanes.response.flow.pace = Pace::unproven(match head.framing {
                    Framing::Length(length) => Some(length),
                    Framing::Chunked | Framing::UntilClose => None,
                });
            }
        }
    }

    pub(super) fn read_response_body(&mut self, body: Body, lanes: &mut Lanes) -> Moved {
        let lane = &mut lanes.response;
        if let Err(error) = lane.follow(&self.settings.limits) {
            let reason = match error {
                BodyError::Malformed(reason) => reason,
                BodyError::TrailersTooLarge => "the trailers are too large",
            };
            self.fail(Fault::bad_response(reason), lanes);
            return Moved::Yes;
        }
        let (Recv::Body(_), true) = (lane.flow.recv, lane.flow.eof) else {
            return Moved::No;
        };
        if body == Body::UntilClose {
            lane.end_at_close();
            return Moved::No;
        }
        if lane.is_held_up() {
            return Moved::No;
        }
        let fault = Fault::new(Cause::UpstreamEof, "closed within the response body");
        self.fail(fault, lanes);
        Moved::Yes
    }

    /// The upstream's connection is dead or speaks nonsense. A reused one may have been closed
    /// before our request came, in which case the request is sent once more on a new one.
    pub(super) fn lose_upstream(&mut self, fault: Fault, lanes: &mut Lanes) {
        if !self.may_retry(lanes) {
            self.fail(fault, lanes);
            return;
        }
        lanes.response.window.clear();
        lanes.response.flow.eof = false;
        self.deaf = false;
        lanes.request.rewind();
        self.attempt = Attempt(self.attempt.0 + 1);
        self.route = Route::Waiting;
        self.push(Edge::Reconnect);
    }

    /// Nothing can have been executed twice: no byte of a response came, the request is still here
    /// whole, and either none of it was sent or its method is idempotent (RFC 9110 section 9.2.2).
    pub(super) fn may_retry(&self, lanes: &Lanes) -> bool {
        let method_allows = lanes.current.facts.is_some_and(|facts| facts.method.is_idempotent())
            || !lanes.request.has_sent();
        self.route == Route::Connected { reused: true }
            && lanes.response.flow.recv == Recv::Idle
            && self.interims == 0
            && lanes.request.flow.keeps
            && method_allows
    }
}

/// What a response head is to the exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Interim,
    Switch,
    Final,
}

/// Real upstreams send one 100, some 102 and 103. Arbitrary, and far above that: a flood of them
/// must end.
const MAX_INTERIMS: u8 = 32;
/// How every response begins (RFC 9112 section 4). Known from the first byte, so that an upstream
/// of another protocol is named at once and not after `read_ms`.
const PROTOCOL: &[u8] = b"HTTP/";
