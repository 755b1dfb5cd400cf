//! Defects that others had, each under its identifier: what triggered it there, and what happens
//! here. Those of whole processes and sockets are in the black-box tests.

use proxy_proto::{Cause, CloseReason, Peer};

use super::chunks::in_chunks;
use super::responses::{breaks_off, is_spoiled};
use super::{MARK, NEIGHBOURS, SMUGGLED, answers, refuse, whole_requests};
use crate::wire::{Connecting, GET, OK, Wire};

/// Refused with 400, alone and behind others, whole and byte by byte.
#[track_caller]
fn is_refused(request: impl AsRef<[u8]>) {
    for neighbours in NEIGHBOURS {
        for grain in [usize::MAX, 1] {
            refuse(request.as_ref(), 400, neighbours, grain);
        }
    }
}

/// A POST with these fields and a body that some take for a request.
fn post(fields: &str) -> String {
    format!("POST /hostile HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n")
}

/// Pingora: the body of a request that was answered early was not drained, and the next client of
/// the connection's bytes was that body.
#[test]
fn cve_2025_4366_an_unread_body_taken_for_a_request() {
    for method in ["GET", "POST", "OPTIONS"] {
        for early in [0, 1, SMUGGLED.len() - 1] {
            let length = SMUGGLED.len();
            let mut wire = Wire::new();
            let head =
                format!("{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
            wire.client_sends([&head, &SMUGGLED[..early]].concat()).upstream_sends(OK);
            assert_eq!(wire.was_discarded(), Some(CloseReason::EarlyResponse));
            wire.client_sends([&SMUGGLED[early..], GET].concat()).upstream_sends(OK);
            assert_eq!(answers(&wire, &[method, "GET"]).len(), 2);
            let asked = String::from_utf8_lossy(&wire.before[1]).into_owned();
            assert!(asked.starts_with("GET /a "), "the body was drained: {asked}");
        }
    }
}

/// Pingora: the connection became a tunnel as soon as a request said `Upgrade`.
#[test]
fn cve_2026_2833_a_tunnel_before_the_101() {
    let upgrade = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n";
    for answer in [OK, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"] {
        let mut wire = Wire::new();
        wire.client_sends([upgrade, SMUGGLED].concat());
        assert_eq!(whole_requests(&wire).len(), 1, "no byte behind it goes out before the 101");
        wire.upstream_sends(answer).client_sends(SMUGGLED);
        assert_eq!(whole_requests(&wire).len(), 1, "nor is it a request of its own");
        assert!(wire.client.saw_shutdown);
    }
}

/// Pingora: HTTP/1.0 requests with bodies until close, and codings in a list.
#[test]
fn cve_2026_2835_transfer_encoding_in_http_1_0() {
    for coding in ["chunked", "identity, chunked", "chunked, identity", "chunked, chunked"] {
        let head = post(&format!("Transfer-Encoding: {coding}"));
        is_refused(head.replace("HTTP/1.1", "HTTP/1.0"));
        if coding != "chunked" {
            is_refused(head);
        }
    }
    let mut wire = Wire::new();
    wire.client_sends("POST / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").upstream_sends(OK);
    wire.client_sends(GET).upstream_sends(OK);
    assert_eq!(whole_requests(&wire).len(), 2, "no body until close: what follows is a request");
}

/// hyper: the body of a GET was ignored, and then read as a request.
#[test]
fn rustsec_2020_0008_the_body_of_a_get() {
    let length = SMUGGLED.len();
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        let head = format!("{method} / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
        let mut wire = Wire::new();
        wire.client_sends([&head, SMUGGLED].concat())
            .upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(wire.before.len(), 1);
        assert!(wire.before[0].ends_with(SMUGGLED.as_bytes()), "it is the body");
        assert!(wire.exchange.is_idle());
    }
}

/// tiny_http: a coding that was none was overlooked.
#[test]
fn rustsec_2020_0031_an_obfuscated_transfer_encoding() {
    is_refused(post("Transfer-Encoding : chunked"));
    is_refused(post("Transfer-Encoding:\x0bchunked"));
    is_refused(post("Transfer-Encoding\t: chunked"));
}

/// async-h1: a long body that nobody had read became a request.
#[test]
fn rustsec_2020_0093_an_unread_long_body() {
    let length = 300_000;
    let mut wire = Wire::new();
    wire.client_sends(post(&format!("Content-Length: {length}"))).upstream_sends(OK);
    wire.client_sends(SMUGGLED.repeat(length / SMUGGLED.len() + 1)).client_sends(SMUGGLED);
    assert_eq!(whole_requests(&wire).len(), 0);
    assert_eq!(wire.finished.len(), 1);
    assert!(wire.client.saw_shutdown, "what is left of it is more than is worth reading");
}

/// hyper: of several `Transfer-Encoding` only one counted.
#[test]
fn rustsec_2021_0020_several_transfer_encodings() {
    is_refused(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"));
    is_refused(post("Transfer-Encoding: chunked\r\nX: y\r\ntransfer-encoding: identity"));
    is_refused(post("Transfer-Encoding: chunked\r\nTransfer-Encoding:"));
}

/// hyper: a length with a sign was taken.
#[test]
fn rustsec_2021_0078_a_length_with_a_sign() {
    is_refused(post("Content-Length: +3"));
    is_refused(post("Content-Length: -0"));
    is_spoiled("HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc");
}

/// hyper: a chunk size of more than 64 bits wrapped around to a small one.
#[test]
fn rustsec_2021_0079_a_chunk_size_that_wraps() {
    is_refused(in_chunks(b"f0000000000000003\r\nabc\r\n0\r\n\r\n"));
    is_refused(in_chunks(b"10000000000000003\r\nabc\r\n0\r\n\r\n"));
}

/// actix-http: both kinds of framing at once.
#[test]
fn rustsec_2021_0081_length_and_chunks_at_once() {
    is_refused(post("Content-Length: 5\r\nTransfer-Encoding: chunked"));
    is_refused(post("Transfer-Encoding: chunked\r\nContent-Length: 5"));
}

/// HAProxy: a name of 270 bytes overflowed the byte that held its length, and hid the
/// `Content-Length` behind it.
#[test]
fn cve_2021_40346_a_name_that_hides_a_length() {
    let lengths = (250..280).chain([510, 511, 512, 513]).chain(4090..4100);
    for length in lengths {
        let hidden = format!("Content-Length0{}:", "a".repeat(length));
        is_refused(post(&format!("{hidden}\r\nContent-Length: 5\r\nContent-Length: 6")));
        let mut wire = Wire::new();
        wire.client_sends(format!(
            "{}{SMUGGLED}",
            post(&format!("{hidden}\r\nContent-Length: 34"))
        ));
        let request = String::from_utf8_lossy(&wire.upstream.got).into_owned();
        assert!(request.contains(&format!("\r\n{hidden}\r\n")), "it passes whole");
        assert!(request.contains("\r\nContent-Length: 34\r\n"), "and hides nothing");
    }
}

/// HAProxy: an empty name ended the list of fields.
#[test]
fn cve_2023_25725_an_empty_field_name() {
    is_refused(post(": x\r\nContent-Length: 5"));
    is_refused(post("Content-Length: 5\r\n:"));
    is_spoiled("HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 5\r\n\r\nhello");
}

/// HAProxy: an empty length was forwarded.
#[test]
fn cve_2023_40225_an_empty_length() {
    is_refused(post("Content-Length:"));
    is_refused(post("Content-Length: \t "));
    is_spoiled("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n");
}

/// HAProxy: `#` passed rules about paths.
#[test]
fn cve_2023_45539_a_fragment_in_a_target() {
    is_refused(GET.replace("/a", "/a#.png"));
    is_refused(GET.replace("/a", "/a?b#c"));
    is_refused(GET.replace("/a", "http://h/#"));
}

/// HAProxy: a control character before a coding hid it from one side.
#[test]
fn cve_2019_18277_a_coding_behind_a_control_character() {
    for byte in ['\x0b', '\x0c', '\0', '\x1f', '\x7f'] {
        is_refused(post(&format!("Transfer-Encoding:{byte}chunked\r\nContent-Length: 6")));
        is_refused(post(&format!("Transfer-Encoding: chunked{byte}")));
    }
}

/// HAProxy: a message whose stated length was never met went on with the next one's bytes.
#[test]
fn cve_2026_33555_a_length_that_is_not_met() {
    let mut wire = Wire::new();
    wire.client_sends(post("Content-Length: 10")).client_sends("abc").client_closes();
    assert_eq!(wire.was_discarded(), Some(CloseReason::Failed(Cause::ClientGone)));
    assert!(!wire.was_recycled());
    let mut answered = Wire::new();
    answered.client_sends(GET);
    answered.upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").upstream_closes();
    assert_eq!(answered.was_closed(), Some(CloseReason::Failed(Cause::UpstreamEof)));
}

/// nginx: a chunk size that is negative when read as signed.
#[test]
fn cve_2013_2028_a_negative_chunk_size() {
    is_refused(in_chunks(b"FFFFFFFFFFFFFFEC\r\nhello\r\n0\r\n\r\n"));
    is_refused(in_chunks(b"8000000000000000\r\nhello\r\n0\r\n\r\n"));
    is_refused(post("Content-Length: 18446744073709551596"));
}

/// nginx: a space before a NUL in a target.
#[test]
fn cve_2013_4547_a_space_and_a_nul_in_a_target() {
    is_refused(GET.replace("/a", "/foo \0bar.php"));
    is_refused(GET.replace("/a", "/foo\0bar.php"));
    is_refused(GET.replace("/a", "/foo%00bar.php"));
}

/// nginx: what followed a request that was answered by an error page was read as a request.
#[test]
fn cve_2019_20372_the_body_of_a_request_answered_by_an_error() {
    let body = SMUGGLED;
    let request = format!("{}{body}", post(&format!("Content-Length: {}", body.len())));
    for connecting in [
        Connecting::Fails(proxy_proto::Fault::new(Cause::ConnectRefused, "refused")),
        Connecting::New,
    ] {
        let mut wire = Wire::new();
        wire.connecting = connecting;
        wire.client_sends(&request);
        if connecting == Connecting::New {
            wire.breaks(Peer::Upstream);
        }
        assert_eq!(wire.status(), Some(502));
        assert_eq!(wire.finished.len(), 1, "the body is not a second request");
        assert!(wire.exchange.is_idle());
    }
}

/// nginx: bytes that an upstream had sent before it was asked answered the request. On an idle
/// connection the driver finds them (`stale::bytes_of_an_idle_connection_reach_nobody`); what
/// comes in between, the core does.
#[test]
fn cve_2026_1642_an_answer_that_was_there_before_the_request() {
    for connecting in [Connecting::New, Connecting::Reused] {
        let mut wire = Wire::new();
        wire.connecting = connecting;
        wire.stalls(Peer::Upstream).client_sends(GET);
        wire.upstream_sends(OK.replace("hi", MARK).replace(": 2", ": 4")).resumes(Peer::Upstream);
        assert!(!wire.client_got().contains(MARK));
        assert!(!wire.was_recycled());
    }
}

/// Envoy: NUL in a value passed its rules.
#[test]
fn cve_2019_9900_a_nul_in_a_value() {
    is_refused(post("X: a\0b\r\nContent-Length: 5"));
    is_refused(post("Cookie: \0"));
    is_spoiled("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n");
}

/// Envoy: a long path overflowed the head that was written for the upstream.
#[test]
fn cve_2019_18801_a_head_that_grows_while_it_is_rendered() {
    let path = "/x".repeat(8_000);
    let mut wire = Wire::new();
    wire.client_sends(format!(
        "GET http://h{path} HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n"
    ));
    let requests = whole_requests(&wire);
    assert_eq!(requests[0].0.target, path);
    assert_eq!(requests[0].0.field("X-Forwarded-For"), Some(&b"10.0.0.1, 192.0.2.7"[..]));
}

/// Envoy: the more fields there were, the longer each took.
#[test]
fn cve_2019_15226_many_small_fields() {
    refuse(post(&"a:\r\n".repeat(4000)).as_bytes(), 431, NEIGHBOURS[0], 1);
    let names = (0..97).map(|n| format!("X{n}: y\r\n")).collect::<Vec<_>>().concat();
    let mut wire = Wire::new();
    wire.client_sends(post(&format!("{names}Connection: X1, X96")));
    assert_eq!(whole_requests(&wire)[0].0.fields.iter().filter(|f| f.value == b"y").count(), 95);
}

/// Envoy: of a field that was repeated, rules saw only one.
#[test]
fn cve_2021_32777_repeated_fields() {
    let mut wire = Wire::new();
    wire.client_sends(post(
        "Connection: X-A\r\nX-A: 1\r\nConnection: X-B\r\nX-B: 2\r\nX-A: 3\r\n\
         X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2",
    ));
    let request = &whole_requests(&wire)[0].0;
    assert!(request.field("X-A").or(request.field("X-B")).is_none());
    let origin: Vec<_> = request.fields_named("X-Forwarded-For").collect();
    assert_eq!(origin, [&b"10.0.0.1, 10.0.0.2, 192.0.2.7"[..]], "all, in order, and once");
}

/// Envoy: a 200 was taken for the answer to an upgrade.
#[test]
fn cve_2024_23326_an_upgrade_by_200() {
    let mut wire = Wire::new();
    wire.client_sends("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    wire.upstream_sends(
        "HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\n",
    );
    wire.client_sends(SMUGGLED);
    assert_eq!(whole_requests(&wire).len(), 1);
    assert!(!wire.client_got().contains("pgrade"));
}

/// Envoy: bytes that came while a connection was closing under flow control.
#[test]
fn cve_2025_62409_bytes_for_a_connection_that_closes() {
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(50_000));
    for end in [Peer::Client, Peer::Upstream] {
        for again in Peer::BOTH {
            let mut wire = Wire::new();
            wire.client_sends(GET).stalls(Peer::Client).upstream_sends(&large);
            wire.breaks(end).upstream_sends("x".repeat(50_000)).client_sends(GET);
            wire.breaks(again).upstream_closes().client_closes().resumes(Peer::Client);
            assert!(wire.exchange.is_closed(), "{end:?}, {again:?}");
            assert_eq!(wire.finished.len(), 1);
        }
    }
}

/// Kestrel: a line feed within a chunk extension ended the line for one side only.
#[test]
fn cve_2025_55315_a_line_feed_in_a_chunk_extension() {
    for extension in ["a\nb", "\n", "a=\"\n\"", "a\rb", "\r", "a=\"\r\"", "a\r\r", "a\n"] {
        is_refused(in_chunks(format!("5;{extension}\r\nhello\r\n0\r\n\r\n").as_bytes()));
        is_refused(in_chunks(format!("0;{extension}\r\n\r\n").as_bytes()));
    }
}

/// Go: a chunk line that ends with a line feed alone.
#[test]
fn cve_2025_22871_a_chunk_line_that_ends_with_a_line_feed() {
    is_refused(in_chunks(b"5\nhello\r\n0\r\n\r\n"));
    is_refused(in_chunks(b"5\r\nhello\n0\r\n\r\n"));
    is_refused(in_chunks(b"5\r\nhello\r\n0\n\r\n"));
    is_refused(in_chunks(b"5\r\nhello\r\n0\r\n\n"));
}

/// Go: bytes of chunk extensions without end.
#[test]
fn cve_2023_39326_a_flood_of_chunk_extensions() {
    let chunk = format!("1;{}\r\nx\r\n", "a".repeat(100));
    is_refused(in_chunks(chunk.repeat(6).as_bytes()));
    is_refused(in_chunks(format!("1;{}", "a".repeat(20_000)).as_bytes()));
}

/// Node: the same, within one line.
#[test]
fn cve_2024_22019_an_endless_chunk_extension() {
    is_refused(in_chunks(format!("0;{}", "a".repeat(20_000)).as_bytes()));
}

/// Node: codings that were not delimited, fields that did not end with CRLF.
#[test]
fn cve_2022_32213_to_32215_and_35256_lenient_fields() {
    is_refused(post("Transfer-Encoding: chunkedchunked, identity"));
    is_refused(post("Transfer-Encoding: chunked\n , identity"));
    is_refused(post("Transfer-Encoding: chunked\r\n , identity"));
    is_refused(post("Transfer-Encoding: chunked\r\n\tidentity"));
    is_refused(post("X: y\nContent-Length: 5"));
    is_refused(post("X: y\rTransfer-Encoding: chunked"));
}

/// Node: CR alone ended a field.
#[test]
fn cve_2023_30589_a_carriage_return_that_ends_a_field() {
    is_refused("GET / HTTP/1.1\r\nHost: h\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n");
    is_refused("GET / HTTP/1.1\r\nHost: h\r\n\rTransfer-Encoding: chunked\r\n\r\n");
}

/// Node: a space before the name of the length.
#[test]
fn cve_2024_27982_a_space_before_a_name() {
    is_refused(post(" Content-Length: 5"));
    is_refused("POST / HTTP/1.1\r\n Host: h\r\nContent-Length: 5\r\n\r\n");
    is_refused(post("X: y\r\n Content-Length: 5"));
}

/// netty: a space before the colon.
#[test]
fn cve_2019_16869_a_space_before_the_colon() {
    is_refused(post("Content-Length : 5"));
    is_refused(post("Transfer-Encoding\t: chunked"));
}

/// Tomcat: a trailer over the limit was skipped, and what followed was a request.
#[test]
fn cve_2023_46589_a_trailer_over_the_limit() {
    for trailer in [format!("X: {}", "y".repeat(17_000)), "X: y\r\n".repeat(101)] {
        let body = format!("5\r\nhello\r\n0\r\n{trailer}\r\n\r\n");
        for grain in [usize::MAX, 1] {
            refuse(&in_chunks(body.as_bytes()), 431, NEIGHBOURS[1], grain);
        }
    }
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut wire = Wire::new();
    wire.client_sends(GET).upstream_sends(format!("{head}5\r\nhello\r\n"));
    wire.upstream_sends(format!("0\r\nX: {}", "y".repeat(17_000)));
    breaks_off(&wire, "an oversized trailer");
    assert!(!wire.was_recycled());
}

/// aiohttp: trailers were not parsed at all.
#[test]
fn cve_2025_53643_trailers_that_are_none() {
    is_refused(in_chunks(b"0\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
    is_refused(in_chunks(b"0\r\nX\r\n\r\n"));
}

/// Akamai: `Connection: Transfer-Encoding` took the framing away on the way out.
#[test]
fn cve_2026_26365_framing_named_by_connection() {
    for option in ["Transfer-Encoding", "transfer-encoding", "Host", "Content-Length"] {
        let mut wire = Wire::new();
        let fields = format!("Connection: {option}\r\nTransfer-Encoding: chunked");
        wire.client_sends(format!("{}5\r\nhello\r\n0\r\n\r\n", post(&fields)));
        let (request, body) = &whole_requests(&wire)[0];
        assert_eq!(request.framing, proxy_reference::Framing::Chunked, "{option}");
        assert_eq!(request.field("Host"), Some(&b"h"[..]));
        assert_eq!(body.data, b"hello");
    }
    let mut wire = Wire::new();
    wire.client_sends(GET)
        .upstream_sends(OK.replace("\r\n\r\n", "\r\nConnection: Content-Length\r\n\r\n"));
    assert_eq!(answers(&wire, &["GET"])[0].1.data, b"hi");
}

/// Akamai: an expectation in a fold, with OPTIONS.
#[test]
fn cve_2025_32094_a_folded_expectation() {
    let head =
        "OPTIONS / HTTP/1.1\r\nHost: h\r\nExpect:\r\n 100-continue\r\nContent-Length: 34\r\n\r\n";
    is_refused([head, SMUGGLED].concat());
}

/// httparse: its own reader of chunk sizes takes these for the last chunk.
#[test]
fn httparse_1_10_an_empty_chunk_size() {
    for line in ["", ";x", " ", "\t", ";"] {
        is_refused(in_chunks(format!("5\r\nhello\r\n{line}\r\n\r\n").as_bytes()));
        is_refused(in_chunks(format!("{line}\r\n\r\n").as_bytes()));
    }
}
