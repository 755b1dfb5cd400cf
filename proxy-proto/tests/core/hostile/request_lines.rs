//! Request lines and hosts that break a rule.

use super::Tally;
use super::fields::{controls, is_tchar};
use crate::wire::Wire;

#[test]
fn a_host_that_is_none_is_refused() {
    let mut tally = Tally::default();
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=".contains(&byte);
    for byte in (0..=0xff).filter(|byte| !is_host(*byte)) {
        tally.refuses(host([b"a", &[byte][..], b"b"].concat()), 400);
        if !matches!(byte, b' ' | b'\t') {
            tally.refuses(host([&[byte][..], b"a"].concat()), 400);
            if byte != b':' {
                tally.refuses(host([b"a", &[byte][..]].concat()), 400);
            }
        }
    }
    for value in [
        "",
        " ",
        "a@b",
        "u:p@a",
        "a/b",
        "http://a",
        "a b",
        "a, b",
        "a,b",
        "a:80x",
        "a:-1",
        "a:0",
        "a:65536",
        "a:99999",
        "a:1:2",
        ":80",
        "[::1",
        "::1",
        "[]",
        "[::1]x",
        "[::1%25lo]",
        "[v1.a]",
        "[1.2.3.4]",
        "%",
        "%4",
        "a%zz",
        "a%00",
        "..",
        "a..b",
        "a?b",
        "a#b",
        "a\\b",
    ] {
        tally.refuses(host(value), 400);
        tally.refuses(format!("GET / HTTP/1.0\r\nHost: {value}\r\n\r\n"), 400);
    }
    tally.reaches(560);
}

#[test]
fn a_request_without_exactly_one_host_is_refused() {
    let mut tally = Tally::default();
    for method in ["GET", "HEAD", "POST", "OPTIONS", "get", "X"] {
        for target in ["/", "/a?b", "http://h/"] {
            tally.refuses(format!("{method} {target} HTTP/1.1\r\n\r\n"), 400);
            tally.refuses(format!("{method} {target} HTTP/1.1\r\nX-Host: h\r\n\r\n"), 400);
            for version in ["1.0", "1.1"] {
                for second in ["h", "other", ""] {
                    let lines = format!("Host: h\r\nX: y\r\nhOST: {second}\r\n\r\n");
                    tally.refuses(format!("{method} {target} HTTP/{version}\r\n{lines}"), 400);
                }
            }
        }
    }
    tally.reaches(100);
}

#[test]
fn a_target_with_a_byte_that_it_may_not_have_is_refused() {
    let mut tally = Tally::default();
    let in_query =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?[]|^%\\`{}".contains(&byte);
    let in_path = |byte: u8| in_query(byte) && !b"%\\`{}".contains(&byte);
    for byte in 0..=0xff {
        for (target, is_fine) in
            [("/", in_path(byte)), ("http://h/", in_path(byte)), ("/?", in_query(byte))]
        {
            if !is_fine {
                for rest in ["x", ""] {
                    let start = format!("GET {target}a");
                    let end = format!("{rest} HTTP/1.1");
                    let line = [start.as_bytes(), &[byte], end.as_bytes()].concat();
                    tally.refuses(get(line), 400);
                }
            }
        }
    }
    for target in ["/%", "/%4", "/%4g", "/%g4", "/%00", "/a%00b", "/%0", "http://h/%zz", "/\u{e9}"]
    {
        tally.refuses(get(format!("GET {target} HTTP/1.1")), 400);
    }
    tally.reaches(900);
}

#[test]
fn a_target_of_another_form_is_refused() {
    let mut tally = Tally::default();
    for method in ["GET", "HEAD", "POST", "TRACE", "options"] {
        for target in [
            "*",
            "admin",
            "a:443",
            "http:/a",
            "http:a",
            "http://",
            "http:///a",
            "http://?a",
            "http://u@h/",
            "http://u:p@h/",
            "http://h:x/",
            "http://h:65536/",
            "http://[::1/",
            "ftp://h/",
            "ws://h/",
            "h/",
            "?a",
            "#a",
            "%2f",
            "../a",
            "**",
            "*/",
        ] {
            tally.refuses(get(format!("{method} {target} HTTP/1.1")), 400);
        }
    }
    for target in ["h:443", "/", "*", "http://h/", ""] {
        let status = if target.is_empty() { 400 } else { 405 };
        tally.refuses(get(format!("CONNECT {target} HTTP/1.1")), status);
    }
    tally.reaches(110);
}

#[test]
fn a_request_line_of_another_shape_is_refused() {
    let mut tally = Tally::default();
    for byte in (0..=0xff).filter(|byte| !is_tchar(*byte)) {
        tally.refuses(get([b"G", &[byte][..], b"T / HTTP/1.1"].concat()), 400);
        tally.refuses(get([&[byte][..], b"GET / HTTP/1.1"].concat()), 400);
    }
    for blank in ["\t", "  ", " \t", "\x0b", "\x0c", "\r", "\u{a0}", ""] {
        tally.refuses(get(format!("GET{blank}/ HTTP/1.1")), 400);
        tally.refuses(get(format!("GET /{blank}HTTP/1.1")), 400);
    }
    for line in [
        "GET",
        "GET /",
        "GET / ",
        "GET HTTP/1.1",
        "/ HTTP/1.1",
        "GET / HTTP/1.1 x",
        "HTTP/1.1 200 OK",
    ] {
        tally.refuses(get(line), 400);
    }
    for byte in controls() {
        let line = [b"GET / HTTP/1.1", &[byte][..]].concat();
        tally.refuses(get(line), 400);
    }
    tally.reaches(400);
}

#[test]
fn versions_other_than_1_0_and_1_1_are_refused() {
    let mut tally = Tally::default();
    for (major, minor) in (0..=9).flat_map(|major| (0..=9).map(move |minor| (major, minor))) {
        if major != 1 || minor > 1 {
            tally.refuses(get(format!("GET / HTTP/{major}.{minor}")), 505);
        }
    }
    for at in 0.."HTTP/1.1".len() {
        for wrong in [" ", "x", "\t", "", "-", "HH", "11"] {
            let mut version = "HTTP/1.1".to_owned();
            version.replace_range(at..=at, wrong);
            tally.refuses(get(format!("GET / {version}")), 400);
        }
    }
    for version in
        ["http/1.1", "HTTP/1.1 ", "HTTP/1", "HTTP/1.", "HTTP/1.1.1", "HTTP/01.1", "HTTP/1.01"]
    {
        tally.refuses(get(format!("GET / {version}")), 400);
    }
    tally.refuses("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    tally.reaches(160);
}

#[test]
fn what_does_not_begin_with_a_method_is_refused_from_its_first_byte() {
    let is_first = |byte: u8| is_tchar(byte) || byte == b'\r';
    for byte in (0..=0xff).filter(|byte| !is_first(*byte)) {
        let mut wire = Wire::new();
        wire.client_sends([byte]);
        assert_eq!(wire.status(), Some(400), "{byte:#x}");
        assert!(wire.client.saw_shutdown);
    }
}

fn host(value: impl AsRef<[u8]>) -> Vec<u8> {
    [b"GET /hostile HTTP/1.1\r\nHost: ", value.as_ref(), b"\r\n\r\n"].concat()
}

pub(super) fn get(line: impl AsRef<[u8]>) -> Vec<u8> {
    [line.as_ref(), b"\r\nHost: h\r\n\r\n"].concat()
}
