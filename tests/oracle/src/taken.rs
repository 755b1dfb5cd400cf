//! What the core takes for messages, for comparison with other readers.

use proxy_proto::Peer;
use proxy_reference::{Request, body, request_head, response_head};

use crate::expected;
use crate::wire::Wire;

/// A message as one reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// `GET /path`, or `200`.
    pub start: String,
    /// The content, as far as it came.
    pub data: Vec<u8>,
    /// Whether its end came; `None`: it breaks a rule before that.
    pub whole: Option<bool>,
}

impl Taken {
    /// Panics if the other reader sees another message.
    pub fn must_agree_with(&self, other: &Self, name: &str) {
        assert_eq!(self.start, other.start, "{name} disagrees");
        match (self.whole, other.whole) {
            (Some(true), _) => {
                assert_eq!(self.data, other.data, "{name} disagrees");
                assert_eq!(other.whole, Some(true), "to {name} it is not whole");
            }
            (Some(false), Some(true)) => panic!("to {name} the body ends: {self:?} {other:?}"),
            (Some(false), Some(false)) => {
                let (a, b) = (&self.data, &other.data);
                assert!(a.starts_with(b) || b.starts_with(a), "{name} reads other data");
            }
            // Refused, be it by the other alone: nothing of it was taken for whole.
            (None, _) | (Some(false), None) => {}
        }
    }
}

/// Method and target, as they are forwarded.
pub fn start_of(request: &Request) -> String {
    format!("{} {}", request.method, expected::target(request).0)
}

/// The requests that the core takes from a client that sends these bytes, each answered at once.
pub fn requests(bytes: &[u8]) -> Vec<Taken> {
    let mut wire = Wire::new();
    wire.sends(Peer::Client, bytes);
    let mut taken = Vec::new();
    let mut at = 0;
    while let Some((method, target)) = wire.routed.get(taken.len()) {
        let start = format!("{method} {target}");
        let Ok(Some((head, length))) = request_head(&wire.upstream[at..]) else {
            // It broke a rule before it could be forwarded.
            taken.push(Taken { start, data: Vec::new(), whole: None });
            return taken;
        };
        at += length;
        let body = body(head.framing, &wire.upstream[at..]).expect("a valid body");
        at += body.len;
        let is_refused = wire.finished.len() > taken.len();
        let whole = if is_refused { None } else { Some(body.whole) };
        taken.push(Taken { start, data: body.data, whole });
        if whole != Some(true) {
            return taken;
        }
        wire.sends(Peer::Upstream, b"HTTP/1.1 204 No Content\r\n\r\n");
    }
    taken
}

/// The final response that it takes from an upstream that sends these bytes, and then closes, in
/// answer to a GET. `None`: it takes them for no response.
pub fn response(bytes: &[u8]) -> Option<Taken> {
    let mut wire = Wire::new();
    wire.sends(Peer::Client, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wire.sends(Peer::Upstream, bytes);
    wire.ends(Peer::Upstream);
    let mut rest = &wire.client[..];
    loop {
        let (head, length) =
            response_head(rest, "GET").expect("a valid response").expect("a whole head");
        rest = &rest[length..];
        if head.status < 200 {
            continue;
        }
        let summary = wire.finished.last();
        let fault = summary.and_then(|summary| summary.fault);
        if fault.is_some_and(|fault| fault.cause.status() == head.status)
            && head.field("X-Proxy-Error").is_some()
        {
            return None;
        }
        let body = body(head.framing, rest).expect("a valid body");
        let whole = if fault.is_some() { None } else { Some(body.whole) };
        assert!(fault.is_none() || !body.whole, "the end of a body that has none");
        return Some(Taken { start: head.status.to_string(), data: body.data, whole });
    }
}
