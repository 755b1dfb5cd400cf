//! The head of a request, in any bytes:
//!
//! * What asks for a route is, to the reference reader, a valid head that ends at the same byte.
//! * The head that goes to the upstream is, to that reader, the same message with the documented
//!   changes: hop-by-hop fields gone, routing and tracing fields ours, the framing as it was.
//! * Of a head that is refused, not a byte goes to an upstream. The client is told the reason in a
//!   valid response, and its connection ends.
//! * A head that is whole and valid is answered or forwarded, and never waited on.
//! * In how many pieces it comes changes nothing.

use proxy_proto::Peer;
use proxy_reference::{Request, body, request_head, response_head};

use crate::expected::{self, Origin};
use crate::split;
use crate::wire::{CLIENT, TRACE, UPSTREAM, Wire};

/// What became of a request head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The head that the upstream got.
    Forwarded(Vec<u8>),
    /// The status that told the client.
    Refused(u16),
    /// More bytes are needed to tell.
    Waits,
}

/// Panics unless all of the above holds for these bytes.
pub fn check(bytes: &[u8]) -> Verdict {
    // RFC 9112 section 2.2: one empty line before a request is ignored.
    let empty = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
    let read = request_head(&bytes[empty..]);
    let head = match &read {
        // What follows is a body, or another request.
        Ok(Some((_, length))) => &bytes[..empty + length],
        Ok(None) | Err(_) => bytes,
    };
    let (first, second) = head.split_at(split::place(head));
    let verdict = play(&[head]);
    assert_eq!(play(&[first, second]), verdict, "it came in two pieces");
    match (&verdict, read) {
        (Verdict::Forwarded(forwarded), Ok(Some((sent, _)))) => check_forwarded(&sent, forwarded),
        (Verdict::Forwarded(_), read) => panic!("forwarded, but to others it is {read:?}"),
        (Verdict::Waits, Ok(Some(_))) => panic!("it waits for more than the head"),
        (Verdict::Waits, Ok(None) | Err(_)) | (Verdict::Refused(_), _) => {}
    }
    verdict
}

fn play(pieces: &[&[u8]]) -> Verdict {
    let mut wire = Wire::new();
    for piece in pieces {
        wire.sends(Peer::Client, piece);
    }
    let is_routed = !wire.routed.is_empty();
    assert_eq!(is_routed, wire.connects > 0);
    if is_routed {
        assert!(wire.client.is_empty() && !wire.closes, "nothing was wrong with it");
        return Verdict::Forwarded(wire.upstream.clone());
    }
    assert!(wire.upstream.is_empty(), "bytes for nobody");
    if wire.client.is_empty() {
        assert!(!wire.closes && wire.finished.is_empty());
        return Verdict::Waits;
    }
    let sent = pieces.concat();
    let is_head = sent.strip_prefix(b"\r\n").unwrap_or(&sent).starts_with(b"HEAD ");
    Verdict::Refused(check_refusal(&wire, if is_head { "HEAD" } else { "GET" }))
}

fn check_refusal(wire: &Wire, method: &str) -> u16 {
    let (head, length) =
        response_head(&wire.client, method).expect("a valid response").expect("a whole head");
    let body = body(head.framing, &wire.client[length..]).expect("a valid body");
    assert!(body.whole && length + body.len == wire.client.len(), "one response");
    assert!((400..=599).contains(&head.status));
    assert!(head.field("X-Proxy-Error").is_some(), "it says why");
    assert_eq!(head.field("Connection"), Some(&b"close"[..]));
    assert!(wire.closes, "where the request ends is not known");
    let [summary] = wire.finished[..] else { panic!("one summary") };
    assert_eq!(summary.status, Some(head.status));
    assert!(!summary.routed && summary.fault.is_some());
    head.status
}

fn check_forwarded(sent: &Request, forwarded: &[u8]) {
    let origin =
        Origin { client: CLIENT, trace: TRACE, upstream: UPSTREAM, upstream_keep_alive: true };
    let (read, length) =
        request_head(forwarded).expect("a valid request").expect("a whole request head");
    assert_eq!(length, forwarded.len(), "bytes behind the head");
    assert_eq!(read, expected::request(sent, origin));
}
