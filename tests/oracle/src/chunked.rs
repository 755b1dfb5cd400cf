//! A chunked body, in any bytes, on its way up and on its way down:
//!
//! * As far as it is sound, the data that come out are the data that went in, and none are held
//!   back.
//! * Its last chunk goes out only if the reference reader, too, finds the body whole, and then with
//!   just the trailers that may pass, and not a byte of what follows.
//! * Of a malformed body the last chunk never goes out: the request ends in an error and its
//!   upstream connection is dropped, the response is cut so that the client can tell.
//! * A client of HTTP/1.0 gets the same data without the framing.
//! * In how many pieces it comes changes nothing of that.

use proxy_proto::{CloseReason, Peer};
use proxy_reference::{Body, Field, Framing, body, request_head, response_head};

use crate::split;
use crate::wire::Wire;

/// What became of a chunked request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It reached the upstream to its end.
    Whole,
    /// It was cut off.
    Refused,
    /// It is sound as far as it goes.
    Waits,
}

/// Panics unless all of the above holds for these bytes. Returns what became of them as the body of
/// a request.
pub fn check(bytes: &[u8]) -> Verdict {
    let read = body(Framing::Chunked, bytes);
    let verdict = check_pieces(&[bytes], &read);
    let splits = if bytes.len() <= EVERY_SPLIT { 0..=bytes.len() } else { one_split(bytes) };
    for at in splits {
        let (first, second) = bytes.split_at(at);
        let in_two = check_pieces(&[first, second], &read);
        assert_eq!(in_two, verdict, "it came in two pieces");
    }
    verdict
}

fn one_split(bytes: &[u8]) -> std::ops::RangeInclusive<usize> {
    let at = split::place(bytes);
    at..=at
}

fn check_pieces(pieces: &[&[u8]], read: &Result<Body, &'static str>) -> Verdict {
    let request = check_request(pieces, read);
    let response = check_response(GET, pieces, read);
    assert_eq!(response, request, "another verdict in a response");
    assert_eq!(check_response(GET_OLD, pieces, read), request, "another verdict in HTTP/1.0");
    request
}

fn check_request(pieces: &[&[u8]], read: &Result<Body, &'static str>) -> Verdict {
    let mut wire = Wire::new();
    wire.sends(Peer::Client, POST);
    for piece in pieces {
        wire.sends(Peer::Client, piece);
    }
    let (head, length) =
        request_head(&wire.upstream).expect("a valid request").expect("a whole head");
    assert_eq!(head.framing, Framing::Chunked);
    let sent = body(Framing::Chunked, &wire.upstream[length..]).expect("a valid body");
    let is_faulty = wire.is_faulty();
    if is_faulty {
        let status = wire.finished[0].status;
        assert!(matches!(status, Some(400 | 431)) && wire.closes, "{status:?}");
        assert!(matches!(wire.discards[..], [CloseReason::Failed(_)]));
        assert_eq!((wire.parks, wire.connects), (0, 1));
    }
    if sent.whole {
        assert_eq!(length + sent.len, wire.upstream.len(), "bytes behind the last chunk");
    }
    verdict(&sent, is_faulty, read)
}

fn check_response(request: &[u8], pieces: &[&[u8]], read: &Result<Body, &'static str>) -> Verdict {
    let mut wire = Wire::new();
    wire.sends(Peer::Client, request);
    wire.sends(Peer::Upstream, OK);
    for piece in pieces {
        wire.sends(Peer::Upstream, piece);
    }
    let (head, length) =
        response_head(&wire.client, "GET").expect("a valid response").expect("a whole head");
    assert_eq!(head.status, 200);
    let mut got = body(head.framing, &wire.client[length..]).expect("a valid body");
    let is_faulty = wire.is_faulty();
    if head.framing == Framing::UntilClose {
        got.whole = wire.closes && !is_faulty;
    } else {
        assert_eq!(length + got.len, wire.client.len(), "bytes behind the body");
    }
    assert!(!is_faulty || wire.closes && wire.discards.len() == 1, "it goes on");
    assert!(wire.parks == 0 || got.whole, "parked within a response");
    let mut verdict_of = got;
    if head.framing == Framing::UntilClose
        && let Ok(read) = read
    {
        // There is no room for trailers.
        verdict_of.trailers = may_pass(&read.trailers);
    }
    verdict(&verdict_of, is_faulty, read)
}

/// Compares what came out with what the reference reader makes of what went in.
fn verdict(sent: &Body, is_faulty: bool, read: &Result<Body, &'static str>) -> Verdict {
    match read {
        Ok(read) if sent.whole => {
            assert!(read.whole && !is_faulty, "the end of a body that has none");
            assert_eq!(sent.data, read.data);
            assert_eq!(sent.trailers, may_pass(&read.trailers));
            Verdict::Whole
        }
        // Stricter than the grammar: long extensions, spaces before them, bytes above ASCII.
        Ok(read) if is_faulty => {
            assert!(read.data.starts_with(&sent.data));
            Verdict::Refused
        }
        Ok(read) => {
            assert!(!read.whole, "a body that ends is not ended");
            assert_eq!(sent.data, read.data, "data are held back");
            Verdict::Waits
        }
        Err(why) => {
            assert!(!sent.whole, "ended, but to others it is {why}");
            // What is wrong may still be hidden in a line that has no end.
            if is_faulty { Verdict::Refused } else { Verdict::Waits }
        }
    }
}

/// The trailers that may pass, as far as their names are ours to know.
fn may_pass(trailers: &[Field]) -> Vec<Field> {
    let is = |name: &str, forbidden: &[&str]| {
        forbidden.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden))
    };
    let may_pass = |field: &&Field| {
        let letters = field.name.replace(|byte: char| !byte.is_ascii_alphanumeric(), "");
        !is(&field.name, &FORBIDDEN)
            && !is(&field.name.replace('_', "-"), &VOUCHED)
            && !is(&letters, &["ContentLength", "TransferEncoding"])
    };
    trailers.iter().filter(may_pass).cloned().collect()
}

/// RFC 9110 section 6.5.1: framing, routing, controls, authentication and content description.
const FORBIDDEN: [&str; 28] = [
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Cookie",
    "Expect",
    "Forwarded",
    "Host",
    "HTTP2-Settings",
    "Keep-Alive",
    "Max-Forwards",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Set-Cookie",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "WWW-Authenticate",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Trace-ID",
];
/// What upstreams rely on, also under names with `_`, which some read as `-`.
const VOUCHED: [&str; 6] = [
    "Content-Length",
    "Transfer-Encoding",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Trace-ID",
];
/// Bodies of up to so many bytes are split everywhere. Arbitrary; it decides the speed.
const EVERY_SPLIT: usize = 12;
const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const GET_OLD: &[u8] = b"GET / HTTP/1.0\r\nHost: h\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
