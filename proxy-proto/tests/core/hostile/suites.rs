//! What the public suites ask of a server, written anew from what each is about: where they leave a
//! choice, this is ours.

use super::{NEIGHBOURS, refuse, whole_requests};
use crate::wire::{OK, Wire};

/// What becomes of a request.
pub(super) enum Verdict {
    Refused(u16),
    /// One valid request reaches the upstream, and the connection lives on.
    Passes,
}

pub(super) use Verdict::{Passes, Refused};

#[track_caller]
pub(super) fn check(cases: Vec<(&str, String, Verdict)>) {
    for (name, request, verdict) in cases {
        // Shown with a failure.
        println!("{name}");
        match verdict {
            Refused(status) => {
                for (number, neighbours) in NEIGHBOURS.iter().enumerate() {
                    let grain = if number % 2 == 0 { usize::MAX } else { 1 };
                    refuse(request.as_bytes(), status, neighbours, grain);
                }
            }
            Passes => {
                for grain in [usize::MAX, 1] {
                    let mut wire = Wire::new();
                    wire.grain = grain;
                    wire.client_sends(&request);
                    assert_eq!(whole_requests(&wire).len(), 1, "{name}: {request:?}");
                    wire.upstream_sends(OK);
                    assert_eq!(wire.status(), Some(200), "{name}");
                    assert!(wire.exchange.is_idle() || wire.exchange.is_closed(), "{name}");
                }
            }
        }
    }
}

/// `GET / HTTP/1.1` with a Host and these lines.
pub(super) fn with(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n")
}

pub(super) fn line(line: &str) -> String {
    format!("{line}\r\nHost: h\r\n\r\n")
}

pub(super) fn host(value: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost:{value}\r\n\r\n")
}

/// A POST with these framing fields and five bytes.
pub(super) fn framed(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\nhello")
}

pub(super) fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

/// What http-desync-guardian calls ambiguous or severe, and what it lets pass.
#[test]
fn desync_guardian_tiers() {
    check(vec![
        ("compliant", with("Accept: */*"), Passes),
        ("acceptable: GET of nothing", with("Content-Length: 0"), Passes),
        ("acceptable: a value of 8 bits", with("Cookie: a=\u{fc}"), Passes),
        ("acceptable: an empty value", with("X:"), Passes),
        ("ambiguous: no colon", with("X"), Refused(400)),
        ("ambiguous: space in the target", line("GET /a HTTP/1.1 HTTP/1.1"), Refused(400)),
        (
            "ambiguous: the same length twice",
            framed("Content-Length: 5\r\ncontent-length: 5"),
            Refused(400),
        ),
        (
            "ambiguous: both, and one void",
            framed("Content-Length: 0\r\nTransfer-Encoding: chunked"),
            Refused(400),
        ),
        (
            "ambiguous: look-alike",
            framed("Transfer_Encoding: chunked\r\nContent-Length: 5"),
            Refused(400),
        ),
        ("ambiguous: quoted name", framed("\"Content-Length\": 5"), Refused(400)),
        ("severe: CR in a name", with("Trans\rfer-Encoding: chunked"), Refused(400)),
        ("severe: CRCR", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n".into(), Refused(400)),
        ("severe: NUL in a name", with("Content-Length\0: 5"), Refused(400)),
        (
            "severe: lengths that differ",
            framed("Content-Length: 5\r\nContent-Length: 3"),
            Refused(400),
        ),
        (
            "severe: codings that differ",
            framed("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip"),
            Refused(400),
        ),
        ("severe: a body in HTTP/0.9", line("GET / HTTP/0.9"), Refused(505)),
    ]);
}

/// llhttp in its strict mode.
#[test]
fn llhttp_strict_mode() {
    check(vec![
        ("ICE protocol", line("SOURCE /music ICE/1.0"), Refused(400)),
        ("IHTTP", line("GET /a IHTTP/1.0"), Refused(400)),
        (
            "no CR between lines",
            "GET / HTTP/1.1\r\nHost: h\r\nA: 1\nB: 2\r\n\r\n".into(),
            Refused(400),
        ),
        (
            "only LF",
            "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1\nA\n0\n\n".into(),
            Refused(400),
        ),
        (
            "space after the first line",
            "GET / HTTP/1.1\r\n \r\nHost: h\r\n\r\n".into(),
            Refused(400),
        ),
        ("corrupted name", with("Fo@: y"), Refused(400)),
        ("Connection\\r\\033", with("Con\rnection\x1b: close"), Refused(400)),
        ("name in brackets", with("Foo]: y"), Refused(400)),
        ("value with a control", with("Foo: b\x01r"), Refused(400)),
        ("fold in Connection", with("Connection: close\r\n , keep-alive"), Refused(400)),
        ("length with a space", framed("Content-Length: 4 2"), Refused(400)),
        (
            "length and identity",
            framed("Content-Length: 5\r\nTransfer-Encoding: identity"),
            Refused(501),
        ),
        ("overlong size", chunked("FFFFFFFFFFFFFFFFFF\r\n"), Refused(400)),
        ("no size", chunked("\r\nhello"), Refused(400)),
        ("invalid end of data", chunked("5\r\nhello\rX0\r\n\r\n"), Refused(400)),
        ("invalid quoting", chunked("5;a=\"b\r\nhello\r\n0\r\n\r\n"), Refused(400)),
        ("quoted pair", chunked("5;a=\"b\\\"c\";d\r\nhello\r\n0\r\n\r\n"), Passes),
        ("two slashes", line("GET //favicon.ico HTTP/1.1"), Passes),
        ("two question marks", line("GET /a?b?c HTTP/1.1"), Passes),
        ("host with an underscore", line("GET http://my_host/ HTTP/1.1"), Passes),
        ("M-SEARCH *", line("M-SEARCH * HTTP/1.1"), Refused(400)),
        ("fragment", line("GET /a?b#c HTTP/1.1"), Refused(400)),
        ("UTF-8 path", line("GET /\u{3b4}\u{b6}/\u{3b4}t/p HTTP/1.1"), Refused(400)),
    ]);
}

/// gunicorn's `invalid` directory.
#[test]
fn gunicorn_invalid() {
    check(vec![
        ("method with brackets", line("GET[] / HTTP/1.1"), Refused(400)),
        ("version HTP", line("GET / HTP/1.1"), Refused(400)),
        ("version HTTP/1.0.1", line("GET / HTTP/1.0.1"), Refused(400)),
        ("version with letters", line("GET / HTTP/1.x"), Refused(400)),
        ("name with a space", with("Bad Name: y"), Refused(400)),
        ("name with a control", with("Bad\x01Name: y"), Refused(400)),
        ("8-bit method", line("G\u{cb}T / HTTP/1.1"), Refused(400)),
        ("digits of another script", framed("Content-Length: \u{665}"), Refused(400)),
        ("superscript", framed("Content-Length: \u{b2}"), Refused(400)),
        ("chunk size of another script", chunked("\u{665}\r\nhello\r\n0\r\n\r\n"), Refused(400)),
        ("chunked before", framed("Transfer-Encoding: chunked, identity"), Refused(400)),
        ("gzip and chunked", framed("Transfer-Encoding: gzip, chunked"), Refused(400)),
        (
            "chunked in two fields",
            framed("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
            Refused(501),
        ),
        ("fold", with("Long: text\r\n more"), Refused(400)),
        (
            "PROXY line",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".into(),
            Refused(400),
        ),
        ("empty first line", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".into(), Refused(400)),
        ("target of a space", line("GET   HTTP/1.1"), Refused(400)),
        ("trailer that is none", chunked("5\r\nhello\r\n0\r\nno colon\r\n\r\n"), Refused(400)),
    ]);
}

/// What the HTTP Garden found two servers to differ about.
#[test]
fn http_garden_trophies() {
    check(vec![
        ("length with NBSP", framed("Content-Length: 5\u{a0}"), Refused(400)),
        ("length with NEL", framed("Content-Length: 5\u{85}"), Refused(400)),
        ("coding with NBSP", framed("Transfer-Encoding: \u{a0}chunked"), Refused(400)),
        ("name with NBSP", framed("Content-Length\u{a0}: 5"), Refused(400)),
        ("sign in a length", framed("Content-Length: -5"), Refused(400)),
        ("any two bytes behind data", chunked("5\r\nhelloXX0\r\n\r\n"), Refused(400)),
        ("any two bytes behind the last chunk", chunked("5\r\nhello\r\n0\r\nXX"), Refused(400)),
        ("size with NUL", chunked("5\0\r\nhello\r\n0\r\n\r\n"), Refused(400)),
        ("size then space and text", chunked("5 x\r\nhello\r\n0\r\n\r\n"), Refused(400)),
        ("negative size", chunked("-1\r\nhello\r\n0\r\n\r\n"), Refused(400)),
        ("LF in a value, folded", with("X: a\n b"), Refused(400)),
        ("CR before the LF of a bare line", with("X: a\r\r\n"), Refused(400)),
        ("empty name and a length", framed(": y\r\nContent-Length: 5"), Refused(400)),
        ("absolute-form without a host", line("GET http:///a HTTP/1.1"), Refused(400)),
        ("port that is none", line("GET http://h:99999/ HTTP/1.1"), Refused(400)),
        ("host with a port that is none", host(" h:a"), Refused(400)),
        ("host within brackets", host(" [h]"), Refused(400)),
        ("IPv6 with a zone", host(" [fe80::1%25eth0]"), Refused(400)),
        ("IPv6", host(" [fe80::1]:80"), Passes),
        ("method with a colon", line("GET: / HTTP/1.1"), Refused(400)),
        ("HTTP/0.9", "GET /\r\n\r\n".into(), Refused(400)),
    ]);
}

#[test]
fn h1spec() {
    check(vec![
        ("no version", line("GET / "), Refused(400)),
        ("no host", "GET / HTTP/1.1\r\n\r\n".into(), Refused(400)),
        ("several hosts", with("Host: i"), Refused(400)),
        ("negative length", framed("Content-Length: -1234567890123456789"), Refused(400)),
        ("length that overflows", framed("Content-Length: 9223372036854775808"), Refused(400)),
        ("length that is no number", framed("Content-Length: abc"), Refused(400)),
        ("both", framed("Content-Length: 5\r\nTransfer-Encoding: chunked"), Refused(400)),
        ("empty value", with("X-Empty:"), Passes),
        ("invalid character in a name", with("X-Bad@: y"), Refused(400)),
        ("control in a value", with("X-Bad: \x1f"), Refused(400)),
        ("prefix of a request", "Extra lineGET / HTTP/1.1\r\nHost: h\r\n\r\n".into(), Refused(400)),
        ("invalid line ending", "GET / HTTP/1.1\r\nHost: h\r\rX\r\n\r\n".into(), Refused(400)),
        ("lower-case version", line("GET / hTTP/1.1"), Refused(400)),
        ("expectation", with("Expect: 100-continue"), Passes),
        ("valid GET", with("Accept: a"), Passes),
        ("query", line("GET /a?b=c&d=%20 HTTP/1.1"), Passes),
        ("valid POST", framed("Content-Length: 5"), Passes),
    ]);
}

/// What nginx's own tests have on hosts, targets, methods and chunks.
#[test]
fn nginx_tests() {
    let mut cases = Vec::new();
    for good in [
        "www.a-b.g02.xyz",
        "www.a-b.g02.xyz:1000",
        "www.a-b.g02.xyz:",
        "www.a-b.g02.xyz.",
        "www.a-b.g02.xyz.:1000",
        "123.40.56.78:9000",
        "123.40.56.78.",
        "[abcd::ef98:0:7654:321]:8080",
        "[abcd::ef98:0:7654:321]:",
    ] {
        cases.push(("host", host(&format!(" {good}")), Passes));
    }
    for bad in
        ["local\0host", "a..b", "..", ".", "[abcd::ef98:0:7654:321", "[::1]a", "a/", "a\tb", "a b"]
    {
        cases.push(("bad host", host(&format!(" {bad}")), Refused(400)));
    }
    for good in ["/foo%20bar", "/foo%2fbar", "/foo/../bar", "/./a", "/foo?a%", "/foo?%00", "/a;b=c"]
    {
        cases.push(("target", line(&format!("GET {good} HTTP/1.1")), Passes));
    }
    for bad in ["/foo%", "/foo%2", "/foo%2x", "/foo%00", "foo", "/foo\u{7f}", "/fo\to", "/foo bar"]
    {
        cases.push(("bad target", line(&format!("GET {bad} HTTP/1.1")), Refused(400)));
    }
    cases.extend([
        ("TRACE", line("TRACE / HTTP/1.1"), Passes),
        ("CONNECT", line("CONNECT / HTTP/1.1"), Refused(405)),
        (
            "chunk and length",
            framed("Transfer-Encoding: chunked\r\nContent-Length: 5"),
            Refused(400),
        ),
        ("chunk size of 2^63", chunked("8000000000000000\r\n0\r\n\r\n"), Refused(400)),
        ("chunk size of letters", chunked("foo\r\nbar\r\n0\r\n\r\n"), Refused(400)),
        (
            "coding in HTTP/1.0",
            framed("Transfer-Encoding: chunked").replace("1.1", "1.0"),
            Refused(400),
        ),
    ]);
    check(cases);
}
