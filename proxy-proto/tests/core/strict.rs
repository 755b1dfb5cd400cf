//! What is refused, on both sides. Nothing of a refused message reaches the other side.

use crate::wire::{GET, Wire};
use proxy_proto::Settings;

fn refused(request: &str) -> Option<u16> {
    let mut wire = Wire::new();
    wire.client_sends(request);
    let nobody_asked = wire.before.is_empty() && wire.upstream.got.is_empty();
    assert!(nobody_asked, "{request:?} reached the upstream");
    assert!(wire.client.got.is_empty() || wire.client.saw_shutdown, "{request:?} kept the client");
    wire.status()
}

#[test]
fn refuses_requests_that_two_parsers_could_read_in_two_ways() {
    for field in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5_0",
        "Content-Length:",
        "Content-Length: 18446744073709551616",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding:",
        "Transfer-Encoding : chunked",
        "Content-Length : 5",
        "Content-Length\t: 5",
        "X: a\r\n folded",
        "X: a\0b",
        "X: a\rb",
        "X: a\nb",
        ": x",
        "No colon",
        "Host: other",
        "N\x7fme: x",
    ] {
        assert_eq!(
            refused(&format!("POST / HTTP/1.1\r\nHost: h\r\n{field}\r\n\r\nhello")),
            Some(400),
            "{field:?}"
        );
    }
}

#[test]
fn refuses_codings_that_it_does_not_have() {
    for coding in ["gzip", "xchunked", "identity"] {
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: {coding}\r\n\r\n");
        assert_eq!(refused(&request), Some(501));
    }
    assert_eq!(
        refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        Some(400)
    );
}

#[test]
fn refuses_requests_without_exactly_one_valid_host() {
    assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), Some(400));
    for host in ["", "a@b", "a/b", "a b", "a, b", "a:80x"] {
        assert_eq!(
            refused(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")),
            Some(400),
            "{host:?}"
        );
    }
}

#[test]
fn refuses_request_lines_with_the_status_that_fits() {
    for (line, status) in [
        ("GET  / HTTP/1.1", 400),
        ("GET /\t HTTP/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        ("GET /", 400),
        ("GET /a b HTTP/1.1", 400),
        ("GET", 400),
        ("GET / http/1.1", 400),
        ("GET / HTTP/1.2", 505),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/0.9", 505),
        ("GET / HTTP/11", 400),
        ("GET * HTTP/1.1", 400),
        ("GET admin HTTP/1.1", 400),
        ("GET /a#b HTTP/1.1", 400),
        ("GET /\u{e9} HTTP/1.1", 400),
        ("CONNECT a:443 HTTP/1.1", 405),
        ("G@T / HTTP/1.1", 400),
        (" GET / HTTP/1.1", 400),
    ] {
        assert_eq!(refused(&format!("{line}\r\nHost: h\r\n\r\n")), Some(status), "{line:?}");
    }
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n"), Some(417));
}

#[test]
fn refuses_heads_beyond_the_limits() {
    let long = "x".repeat(17_000);
    assert_eq!(refused(&format!("GET /{long}")), Some(414));
    assert_eq!(refused(&format!("GET / HTTP/1.1\r\nHost: h\r\nX: {long}")), Some(431));
    let many = "X: y\r\n".repeat(101);
    assert_eq!(refused(&format!("GET / HTTP/1.1\r\nHost: h\r\n{many}\r\n")), Some(431));
    let names = ["a", "b", "c", "d"].repeat(10).join(", ");
    assert_eq!(
        refused(&format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: {names}\r\n\r\n")),
        Some(400)
    );
    let mut settings = Settings::default();
    settings.limits.max_head_bytes = 1024;
    let mut small = Wire::with(settings);
    small.client_sends(format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(1024)));
    assert_eq!(small.status(), Some(431));
}

#[test]
fn refuses_line_feeds_at_once() {
    for bytes in ["GET / HTTP/1.1\n", "\n", "GET / HTTP/1.1\r\nHost: h\n"] {
        assert_eq!(refused(bytes), Some(400), "{bytes:?}");
    }
}

#[test]
fn cuts_bodies_whose_chunks_are_malformed() {
    for body in [
        "\r\n",
        ";x\r\n",
        "+5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        "5 5\r\nhello\r\n",
        "5\nhello\r\n",
        "5\rhello\r\n",
        "5\r\nhello0\r\n\r\n",
        "5;\0\r\nhello\r\n",
        "11111111111111111\r\n",
        "5;a\nb\r\nhello\r\n",
        "0\r\nBad Name: x\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\n folded\r\n\r\n",
    ] {
        let mut wire = Wire::new();
        wire.client_sends(format!(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        ));
        assert_eq!(wire.status(), Some(400), "{body:?}");
        let got = wire.before.concat();
        assert!(!String::from_utf8_lossy(&got).ends_with("0\r\n\r\n"), "{body:?} was ended");
    }
}

fn answered(response: &str) -> (Option<u16>, Option<&'static str>) {
    let mut wire = Wire::new();
    wire.client_sends(GET).upstream_sends(response).upstream_closes();
    assert!(!wire.was_recycled(), "{response:?} was reused");
    (wire.status(), wire.cause())
}

#[test]
fn answers_502_for_responses_that_break_the_rules() {
    for response in [
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/1.1 20 Short\r\n\r\n",
        "HTTP/1.1 2000 Long\r\n\r\n",
        "HTTP/1.1 999 High\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        "HTTP/1.1 200 OK\r\n X: a\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        assert_eq!(answered(response), (Some(502), Some("bad_response")), "{response:?}");
    }
    for response in
        ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nX: y\r\n", "HTTP/1.1 100 Continue\r\n\r\n"]
    {
        assert_eq!(answered(response), (Some(502), Some("upstream_eof")), "{response:?}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(20_000));
    assert_eq!(answered(&endless), (Some(502), Some("bad_response")));
}

#[test]
fn drops_bytes_that_a_response_may_not_have() {
    for (method, response) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\nevil"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil"),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nevil"),
    ] {
        let mut wire = Wire::new();
        wire.client_sends(GET.replace("GET", method)).upstream_sends(response);
        assert!(!wire.client_got().contains("evil"), "{response:?}");
        assert!(!wire.was_recycled());
        wire.client_sends(GET).upstream_sends(crate::wire::OK);
        assert!(!wire.client_got().contains("evil"), "{response:?}");
    }
}
