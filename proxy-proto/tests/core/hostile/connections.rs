//! What ends with a connection and what goes beyond it: `close`, hop-by-hop fields, and all the
//! rest, which passes as it came.

use super::{NEIGHBOURS, SMUGGLED, answers, whole_requests};
use crate::wire::{GET, OK, Wire};

const HOP_BY_HOP: [&str; 6] =
    ["Keep-Alive", "Proxy-Connection", "TE", "HTTP2-Settings", "Upgrade", "X-Mine"];
/// What no client may take from the upstream by naming it, and no upstream from the client.
const KEPT: [&str; 11] = [
    "Content-Length",
    "Expect",
    "Host",
    "Max-Forwards",
    "Trailer",
    "Transfer-Encoding",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Trace-ID",
];

#[test]
fn bytes_behind_a_last_request_are_no_request() {
    for (head, close) in [
        ("GET / HTTP/1.1\r\nHost: h\r\n", "Connection: close"),
        ("GET / HTTP/1.1\r\nHost: h\r\n", "connection: x, CLOSE"),
        ("GET / HTTP/1.1\r\nHost: h\r\n", "Connection: ,,close,"),
        ("GET / HTTP/1.1\r\nHost: h\r\n", "Connection: keep-alive\r\nConnection: close"),
        ("GET / HTTP/1.0\r\nHost: h\r\n", "Connection: x"),
        ("GET / HTTP/1.0\r\nHost: h\r\n", "Connection: keep-alive, close"),
        ("GET / HTTP/1.0\r\nHost: h\r\n", "Proxy-Connection: keep-alive"),
    ] {
        for neighbours in NEIGHBOURS {
            for grain in [usize::MAX, 1] {
                let mut wire = Wire::new();
                wire.grain = grain;
                wire.client_sends(format!(
                    "{}{head}{close}\r\n\r\n{SMUGGLED}",
                    neighbours.concat()
                ));
                for _ in 0..=neighbours.len() {
                    wire.upstream_sends(OK);
                }
                assert_eq!(whole_requests(&wire).len(), neighbours.len() + 1, "{close}");
                let asked = vec!["GET"; neighbours.len() + 1];
                let answers = answers(&wire, &asked);
                let last = &answers.last().expect("an answer").0;
                assert_eq!(last.field("Connection"), Some(&b"close"[..]), "{close}");
                assert!(wire.client.saw_shutdown || wire.exchange.is_closed());
            }
        }
    }
}

#[test]
fn hop_by_hop_fields_go_no_further_either_way() {
    let lines = HOP_BY_HOP.map(|name| format!("{name}: value\r\n")).concat();
    for connection in ["X-Mine", "x-mine, keep-alive", "q, ,X-MINE", "x\r\nConnection: X-Mine"] {
        let fields = format!("A: 1\r\nConnection: {connection}\r\n{lines}B: 2\r\n");
        let mut wire = Wire::new();
        wire.client_sends(GET.replace("\r\n\r\n", &format!("\r\n{fields}\r\n")));
        wire.upstream_sends(OK.replace("\r\n\r\n", &format!("\r\n{fields}\r\n")));
        let (request, _) = &whole_requests(&wire)[0];
        let (response, _) = &answers(&wire, &["GET"])[0];
        for name in HOP_BY_HOP.into_iter().chain(["Connection"]) {
            assert_eq!(request.field(name), None, "{name} with {connection:?}");
            assert_eq!(response.field(name), None, "{name} with {connection:?}");
        }
        for (name, value) in [("A", b"1"), ("B", b"2")] {
            assert_eq!(request.field(name), Some(&value[..]));
            assert_eq!(response.field(name), Some(&value[..]));
        }
    }
}

#[test]
fn fields_that_frame_route_or_trace_are_kept_whoever_names_them() {
    for name in KEPT {
        for option in [name.to_lowercase(), name.to_uppercase()] {
            let lines = format!(
                "Connection: {option}\r\nExpect: 100-continue\r\nTrailer: X\r\nVia: 1.1 a\r\n"
            );
            let request = format!(
                "OPTIONS / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 3\r\nContent-Length: 5\r\n{lines}\r\nhello"
            );
            let mut wire = Wire::new();
            wire.client_sends(&request);
            wire.client_sends(
                request
                    .replace("Content-Length: 5", "Transfer-Encoding: chunked")
                    .replace("hello", "0\r\n\r\n"),
            );
            let ok = OK.replace("\r\n\r\n", &format!("\r\n{lines}\r\n"));
            wire.upstream_sends(&ok).upstream_sends(
                ok.replace("Content-Length: 2", "Transfer-Encoding: chunked")
                    .replace("hi", "2\r\nhi\r\n0\r\n\r\n"),
            );
            let requests = whole_requests(&wire);
            let answers = answers(&wire, &["OPTIONS", "OPTIONS"]);
            assert_eq!((requests.len(), answers.len()), (2, 2), "{option}");
            assert_eq!(requests[0].1.data, b"hello", "{option}");
            for (answer, body) in &answers {
                assert_eq!(body.data, b"hi", "{option}");
                assert!(answer.field("X-Trace-ID").is_some(), "{option}");
            }
            for (request, _) in &requests {
                let framing = ["Content-Length", "Transfer-Encoding"];
                let count = framing.iter().filter(|name| request.field(name).is_some()).count();
                assert_eq!(count, 1, "{option}");
                for name in KEPT.iter().filter(|name| !framing.contains(name)) {
                    assert!(request.field(name).is_some(), "{name} with {option}");
                }
            }
        }
    }
}

#[test]
fn all_other_fields_pass_in_order_as_they_came() {
    let fields = "Authorization: Basic eDp5\r\nX-Bin: \u{e9}\u{ff}\r\nSet-Cookie: a=1\r\n\
                  WWW-Authenticate: Basic realm=\"a, b\"\r\nX-Same: 2\r\nSet-Cookie: b=2\r\n\
                  Proxy-Authenticate: Basic\r\nx-same: 1\r\nCache-Control: no-transform\r\nX-Empty:\r\n\
                  Content-Encoding: gzip\r\nRange: bytes=0-1\r\nIf-None-Match: \"a\"\r\nVary: *\r\n\
                  my_name: _\r\nAge: 5\r\nDate: x\r\nProxy-Authorization: y\r\n!#$%&'*+-.^_`|~: z\r\n";
    let mut wire = Wire::new();
    wire.client_sends(GET.replace("\r\n\r\n", &format!("\r\n{fields}\r\n")));
    assert!(wire.upstream_got().starts_with(&format!("GET /a HTTP/1.1\r\nHost: h\r\n{fields}")));
    wire.upstream_sends(format!("HTTP/1.1 599 \u{e9}\r\n{fields}Content-Length: 2\r\n\r\nhi"));
    assert!(
        wire.client_got().starts_with(&format!("HTTP/1.1 599 \r\n{fields}")),
        "{}",
        wire.client_got()
    );
}

#[test]
fn each_status_passes() {
    for status in 200..600 {
        let mut wire = Wire::new();
        wire.client_sends(GET);
        wire.upstream_sends(format!("HTTP/1.1 {status} As It Came\r\nContent-Length: 0\r\n\r\n"));
        assert!(wire.client_got().starts_with(&format!("HTTP/1.1 {status} As It Came\r\n")));
        assert_eq!(wire.status(), Some(status));
        assert!(wire.was_recycled());
    }
}

#[test]
fn a_target_passes_as_it_came() {
    for target in [
        "/",
        "//",
        "/a//b/../c/./d",
        "/%2e%2E/%7e",
        "/a;b=c,d:e@f!g$h&i'j(k)l*m+n=o-p_q~r.s",
        "/a^b|c[d]",
        "/?",
        "/?a?b/c",
        "/?%zz%00`{|}\\^[]'",
        "/a%20b?c+d",
    ] {
        for prefix in ["", "http://other:81", "HTTPS://other"] {
            let mut wire = Wire::new();
            wire.client_sends(GET.replace("/a", &format!("{prefix}{target}")));
            let (request, _) = &whole_requests(&wire)[0];
            assert_eq!(request.target, target);
            let host = prefix.split("//").nth(1).unwrap_or("h");
            assert_eq!(request.field("Host"), Some(host.as_bytes()));
            assert_eq!(request.field("X-Forwarded-Host"), Some(host.as_bytes()));
            assert_eq!(request.fields_named("Host").count(), 1);
        }
    }
}

#[test]
fn a_client_cannot_say_where_it_comes_from() {
    let mut wire = Wire::new();
    wire.client_sends(GET.replace(
        "\r\n\r\n",
        "\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\n\
         X-Trace-ID: forged\r\nVia: 1.0 fred\r\n\r\n",
    ));
    let (request, _) = &whole_requests(&wire)[0];
    let values = |name: &str| {
        let values: Vec<_> = request.fields_named(name).map(<[u8]>::to_vec).collect();
        String::from_utf8(values.join(&b" + "[..])).expect("text")
    };
    assert_eq!(values("X-Forwarded-For"), "10.0.0.1, 192.0.2.7");
    assert_eq!(values("X-Forwarded-Host"), "h");
    assert_eq!(values("X-Forwarded-Proto"), "http");
    assert_eq!(values("X-Trace-ID"), "00000000-0000-0000-0000-000000000001");
    assert_eq!(values("Via"), "1.0 fred + 1.1 proxy");
}
