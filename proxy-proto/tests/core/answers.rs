//! Answers of the proxy's own: the status, its phrase, and what a human is told.

use proxy_proto::{Cause, CloseReason, Fault, LocalHead, Peer};

use crate::wire::{Connecting, GET, Routing, Wire, body_of};

#[test]
fn tells_each_cause_with_its_status_and_phrase() {
    for cause in Cause::ALL {
        let mut wire = Wire::new();
        wire.routing = Routing::Refuse(Fault::new(cause, "so it is"));
        wire.client_sends(GET);
        let answer = wire.client_got();
        let phrase = PHRASES.iter().find(|(status, _)| *status == cause.status());
        let (status, phrase) = phrase.expect("a status of the table");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} {phrase}\r\n")), "{answer}");
        assert!(answer.contains(&format!("X-Proxy-Error: {}\r\n", cause.word())), "{answer}");
        assert!(body_of(&answer).contains(": so it is"), "{answer}");
        let allows = answer.contains("Allow: GET, HEAD\r\n");
        assert_eq!(allows, cause == Cause::MethodNotAllowed, "{answer}");
    }
}

#[test]
fn gives_a_page_its_status_and_phrase() {
    let mut wire = Wire::new();
    wire.routing = Routing::Local(LocalHead { status: 404, content_type: "text/plain", length: 0 });
    wire.client_sends(GET);
    assert!(wire.client_got().starts_with("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain"));
}

#[test]
fn names_the_methods_that_upstreams_are_asked_with() {
    let mut wire = Wire::new();
    wire.client_sends("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
    assert!(wire.client_got().contains("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
}

#[test]
fn says_what_exactly_is_wrong_with_a_request() {
    for (fields, reason) in [
        ("Content-Length: x", "invalid Content-Length"),
        ("Content-Length: 1\r\nContent-Length: 1", "several Content-Length fields"),
        ("Transfer-Encoding: chunked, chunked", "invalid Transfer-Encoding"),
        ("Transfer-Encoding: br", "unknown Transfer-Encoding"),
        (
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "both Content-Length and Transfer-Encoding",
        ),
    ] {
        let mut wire = Wire::new();
        wire.client_sends(format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n"));
        assert!(wire.client_got().ends_with(&format!(": {reason}")), "{}", wire.client_got());
    }
    let mut old = Wire::new();
    old.client_sends("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert!(old.client_got().ends_with(": Transfer-Encoding in HTTP/1.0"));
}

#[test]
fn says_what_exactly_is_wrong_with_a_chunk() {
    for (chunk, reason) in [
        ("x", "invalid chunk size"),
        ("1;\0", "invalid or oversized chunk extension"),
        ("1\r\nab", "chunk data does not end where its size says"),
    ] {
        let mut wire = Wire::new();
        let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        wire.client_sends(head).client_sends(chunk);
        assert!(wire.client_got().ends_with(&format!(": {reason}")), "{}", wire.client_got());
    }
}

#[test]
fn explains_the_end_of_a_connection() {
    for (reason, text) in [
        (CloseReason::NotPersistent, "a peer wanted no further message"),
        (CloseReason::Idle, "no request was in progress"),
        (CloseReason::Draining, "the proxy drains"),
        (CloseReason::EarlyResponse, "answered before the request was whole"),
        (CloseReason::StrayBytes, "bytes that belong to no message"),
        (CloseReason::TunnelEnded, "the upgraded connection ended"),
        (CloseReason::Failed(Cause::UpstreamEof), "upstream_eof"),
    ] {
        assert_eq!(reason.to_string(), text);
    }
}

#[test]
fn does_not_blame_an_upstream_that_was_not_connected() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Waits;
    wire.client_sends(GET).breaks(Peer::Upstream);
    assert!(wire.finished.is_empty(), "nothing has happened to the request");
    wire.connects();
    wire.upstream_sends(crate::wire::OK);
    assert_eq!(wire.status(), Some(200));
}

/// RFC 9110 section 15.
const PHRASES: [(u16, &str); 12] = [
    (400, "Bad Request"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (408, "Request Timeout"),
    (414, "URI Too Long"),
    (417, "Expectation Failed"),
    (431, "Request Header Fields Too Large"),
    (501, "Not Implemented"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
    (504, "Gateway Timeout"),
    (505, "HTTP Version Not Supported"),
];
