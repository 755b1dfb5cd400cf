//! The invariants.

use proxy_proto::{Action, Peer, Summary};
use proxy_reference::{Framing, Response, body, request_head};

use super::ends::{Routed, Turn};
use super::readings::{self, Asked};
use super::world::{WINDOW, World};
use crate::expected::{self, Origin};
use crate::wire::{CLIENT, UPSTREAM};

/// What waits for the client and for an upstream, and for which one.
pub(super) struct HandedOut {
    to_client: Vec<u8>,
    to_upstream: Vec<u8>,
    serving: Option<usize>,
}

impl HandedOut {
    /// So many of the bytes were sent.
    pub(super) fn advance(&mut self, peer: Peer, n: usize) {
        match peer {
            Peer::Client => self.to_client.drain(..n),
            Peer::Upstream => self.to_upstream.drain(..n),
        };
    }
}

/// After each event.
impl World {
    pub(super) fn handed_out(&self) -> HandedOut {
        let offered = |peer| self.exchange.transmit(peer, &self.lanes).slices.concat();
        HandedOut {
            to_client: offered(Peer::Client),
            to_upstream: offered(Peer::Upstream),
            serving: self.serving,
        }
    }

    pub(super) fn check_levels(&self, before: &HandedOut) {
        let now = self.handed_out();
        let interests = Peer::BOTH.map(|peer| self.exchange.interest(peer, &self.lanes));
        assert_eq!(
            interests.map(|interest| interest.send),
            [!now.to_client.is_empty(), !now.to_upstream.is_empty()]
        );
        assert!(now.to_client.len() <= MOST_OFFERED && now.to_upstream.len() <= MOST_OFFERED);
        let waits_for_peer = interests.iter().any(|interest| interest.recv || interest.send);
        let deadline = self.exchange.deadline();
        if self.end.is_some() {
            assert!(self.exchange.is_closed() && !waits_for_peer && deadline.is_none());
            return;
        }
        assert!(!self.exchange.is_closed(), "closed, and nobody was told");
        assert!(waits_for_peer || deadline.is_some() || self.asked.is_some(), "stuck: {self:?}");
        assert!(!self.is_shut || now.to_client.is_empty(), "bytes behind the last");
        assert!(now.to_client.starts_with(&before.to_client), "bytes handed out have changed");
        if now.serving.is_some() && now.serving == before.serving && !self.is_deaf {
            assert!(now.to_upstream.starts_with(&before.to_upstream), "bytes handed out changed");
        }
    }
}

/// When all is over.
impl World {
    pub(super) fn check_all(&self) {
        let sent = readings::requests(&self.client.sent);
        assert!(self.requests.len() <= sent.len(), "a request that nobody sent");
        let mut routed = self.requests.iter().zip(&sent);
        let mut rest = &self.client.got[..];
        for (at, summary) in self.finished.iter().enumerate() {
            let own = usize::try_from(summary.bytes_sent).expect("in memory");
            let (own, others) = rest.split_at_checked(own).expect("bytes that the client got");
            rest = others;
            let is_last = at + 1 == self.finished.len();
            if summary.routed {
                let (request, asked) = routed.next().expect("one summary a request");
                self.check_sent(request, asked, summary);
                self.check_answer(Some((request, asked)), own, summary, is_last);
            } else {
                assert!(is_last, "nothing is read behind a head that is none");
                self.check_answer(None, own, summary, is_last);
            }
        }
        assert!(routed.next().is_none_or(|(_, _)| self.finished.len() == self.requests.len()));
        assert!(rest.is_empty(), "bytes that no summary counts");
        let received: u64 = self.finished.iter().map(|summary| summary.bytes_received).sum();
        assert!(received <= self.client.sent.len() as u64);
    }

    fn check_sent(&self, request: &Routed, asked: &Asked, summary: &Summary) {
        let origin = Origin {
            client: CLIENT,
            trace: summary.trace,
            upstream: UPSTREAM,
            upstream_keep_alive: request.keep_alive,
        };
        let expected = expected::request(&asked.head, origin);
        assert_eq!((&request.method, &request.target), (&expected.method, &expected.target));
        let mut before = None;
        for turn in &request.turns {
            let got = self.got(turn);
            assert!(before.is_none_or(|may_repeat| may_repeat), "sent twice");
            let is_idempotent = !matches!(&request.method[..], "POST" | "PATCH");
            before = Some(turn.reused && (is_idempotent || got.is_empty()));
            let Some((head, length)) = request_head(got).expect("a valid request") else {
                assert!(turn.parked.is_none(), "parked within a head");
                continue;
            };
            assert_eq!(head, expected);
            let rest = &got[length..];
            if summary.status == Some(101) {
                assert!(asked.behind.starts_with(rest), "not what the client sent");
                continue;
            }
            let read = body(head.framing, rest).expect("a valid body");
            assert!(asked.body.data.starts_with(&read.data), "not its body");
            assert!(turn.parked.is_none() || read.whole, "parked within a body");
            if read.whole {
                assert!(asked.body.whole, "the end of a body that has none");
                assert_eq!(read.data.len(), asked.body.data.len());
                assert_eq!(read.len, rest.len(), "bytes behind a request");
            }
        }
    }

    fn check_answer(
        &self,
        request: Option<(&Routed, &Asked)>,
        own: &[u8],
        summary: &Summary,
        is_last: bool,
    ) {
        let method = request.map_or("GET", |(request, _)| &request.method[..]);
        let minor = request.map_or(1, |(_, asked)| asked.head.minor);
        let answered = readings::response(own, method).expect("a valid response");
        assert!(answered.interims <= if minor == 0 { 0 } else { 32 }, "a flood of interims");
        let Some(head) = answered.head else {
            assert!(is_last, "a response that breaks off, and another behind it");
            return;
        };
        assert_eq!(summary.status, Some(head.status));
        let closes = head.field("Connection").is_some_and(|value| value == b"close");
        assert!(!closes || is_last, "a response behind the last");
        if head.status == 101 {
            let (_, source) = self.source(request, method);
            assert!(source.behind.starts_with(&answered.behind), "not what the upstream sent");
            return;
        }
        let read = body(head.framing, &answered.behind).expect("a valid body");
        let until_close = head.framing == Framing::UntilClose;
        assert_eq!(read.len, answered.behind.len(), "bytes behind a response");
        let ended_well = is_last && matches!(self.end, Some(Action::Close(_)));
        let whole = read.whole || until_close && ended_well;
        assert!(whole || is_last, "a response that breaks off, and another behind it");
        if head.field("X-Proxy-Error").is_some() && summary.fault.is_some() {
            return;
        }
        if request.is_some_and(|(request, _)| request.is_local) {
            assert!(read.data.iter().all(|byte| *byte == b'L'), "not its page");
            return;
        }
        let (turn, source) = self.source(request, method);
        let sent = source.head.expect("a head to forward");
        let asked = expected::Asked { method, minor, trace: summary.trace };
        check_head(head, &expected::response(&sent, asked));
        let sent_body = readings::response_body(&sent, &source.behind);
        assert!(sent_body.data.starts_with(&read.data), "not its body");
        if whole {
            let ended =
                sent.framing == Framing::UntilClose && self.upstreams[turn.upstream].has_closed();
            assert!(sent_body.whole || ended, "cut, and the client cannot tell");
            assert_eq!(read.data.len(), sent_body.data.len());
        }
        if turn.parked.is_some() {
            assert!(sent_body.whole, "parked within a response");
            assert_eq!(sent_body.len, source.behind.len(), "parked with bytes behind a response");
        }
    }

    fn source(
        &self,
        request: Option<(&Routed, &Asked)>,
        method: &str,
    ) -> (Turn, readings::Answered) {
        let turn = request.and_then(|(request, _)| request.turns.last());
        let turn = *turn.expect("an upstream that answered");
        let end = &self.upstreams[turn.upstream];
        let to = turn.parked.unwrap_or_else(|| end.marks());
        let sent = &end.sent[turn.from.sent..to.sent];
        (turn, readings::response(sent, method).expect("what was forwarded is valid"))
    }

    fn got(&self, turn: &Turn) -> &[u8] {
        let end = &self.upstreams[turn.upstream];
        &end.got[turn.from.got..turn.parked.unwrap_or_else(|| end.marks()).got]
    }
}

fn check_head(mut head: Response, expected: &Response) {
    head.fields.retain(|field| field.name != "Connection");
    assert_eq!(head, *expected);
}

/// The run in a window, a head made of one that fits a window, with its host in it once more and
/// what we say ourselves, and trailers made of some that do.
const MOST_OFFERED: usize = 4 * WINDOW + 512;
