//! Request heads that break a rule.

use super::Tally;
use super::fields::{bad_codings, bad_lengths, bad_lines};
use crate::wire::Wire;

/// The lines of a request with a body.
const LINES: [&str; 4] = ["Host: h", "Accept: */*", "Content-Length: 5", "Cookie: c"];

/// A request with a body, with one more line in front of line number `at`.
fn with_line(line: &[u8], at: usize) -> Vec<u8> {
    let mut request = b"POST /hostile HTTP/1.1\r\n".to_vec();
    for (number, known) in LINES.iter().enumerate() {
        if number == at {
            request.extend([line, b"\r\n"].concat());
        }
        request.extend([known.as_bytes(), b"\r\n"].concat());
    }
    if at == LINES.len() {
        request.extend([line, b"\r\n"].concat());
    }
    request.extend(b"\r\nhello");
    request
}

fn post(field: impl AsRef<[u8]>) -> Vec<u8> {
    let field = field.as_ref();
    [b"POST /hostile HTTP/1.1\r\nHost: h\r\n", field, b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"].concat()
}

#[test]
fn a_line_that_is_no_field_is_refused_wherever_it_stands() {
    let mut tally = Tally::default();
    for (number, line) in bad_lines().iter().enumerate() {
        tally.refuses(with_line(line, number % (LINES.len() + 1)), 400);
    }
    // Each kind once more, at each place.
    for line in bad_lines().iter().step_by(37) {
        for at in 0..=LINES.len() {
            tally.refuses(with_line(line, at), 400);
        }
    }
    tally.reaches(700);
}

#[test]
fn a_line_that_does_not_end_with_crlf_is_refused() {
    let mut tally = Tally::default();
    let request = String::from_utf8(with_line(b"X: y", 2)).expect("text");
    let ends: Vec<_> = request.match_indices("\r\n").map(|(at, _)| at).collect();
    for at in ends {
        for end in ["\n", "\r", "\n\r", "\r\r\n", "\r\0\n"] {
            tally.refuses([&request[..at], end, &request[at + 2..]].concat(), 400);
        }
    }
    for end in ["\n\n", "\n\r\n"] {
        tally.refuses(format!("GET / HTTP/1.1\r\nHost: h{end}"), 400);
    }
    tally.reaches(30);
}

#[test]
fn a_content_length_that_is_no_number_is_refused() {
    let mut tally = Tally::default();
    for value in bad_lengths() {
        tally.refuses(post([b"Content-Length: ", &value[..]].concat()), 400);
    }
    tally.reaches(900);
}

#[test]
fn a_content_length_that_is_repeated_is_refused() {
    let mut tally = Tally::default();
    for first in ["5", "0", "6", "05"] {
        for second in ["5", "0", "", "+5", "x"] {
            for name in ["Content-Length", "content-length", "CONTENT-LENGTH"] {
                let fields = format!("Content-Length: {first}\r\nX: y\r\n{name}: {second}");
                tally.refuses(post(fields), 400);
            }
        }
    }
    tally.reaches(60);
}

#[test]
fn a_transfer_encoding_other_than_chunked_is_refused() {
    let mut tally = Tally::default();
    for (value, names_a_coding) in bad_codings() {
        let status = if names_a_coding { 501 } else { 400 };
        tally.refuses(post([b"Transfer-Encoding: ", &value[..]].concat()), status);
    }
    tally.reaches(750);
}

#[test]
fn a_transfer_encoding_beside_other_framing_is_refused() {
    let mut tally = Tally::default();
    for coding in ["chunked", "CHUNKED", "\tchunked "] {
        for other in ["Content-Length: 5", "content-length:0", "Transfer-Encoding: chunked"] {
            let coding = format!("Transfer-Encoding:{coding}");
            for between in ["", "X: y\r\n"] {
                tally.refuses(post(format!("{coding}\r\n{between}{other}")), 400);
                tally.refuses(post(format!("{other}\r\n{between}{coding}")), 400);
            }
            let old = format!("POST / HTTP/1.0\r\n{coding}\r\n\r\n0\r\n\r\n");
            tally.refuses(&old, 400);
            tally.refuses(old.replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n"), 400);
        }
    }
    tally.reaches(50);
}

#[test]
fn names_that_read_as_others_are_refused() {
    let mut tally = Tally::default();
    for name in [
        "Content-Length",
        "Transfer-Encoding",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Trace-ID",
    ] {
        let dashes: Vec<_> = name.match_indices('-').map(|(at, _)| at).collect();
        for which in 1..1 << dashes.len() {
            let mut disguised = name.to_owned();
            for (number, at) in dashes.iter().enumerate() {
                if which >> number & 1 == 1 {
                    disguised.replace_range(at..&(at + 1), "_");
                }
            }
            for name in [disguised.to_lowercase(), disguised.to_uppercase(), disguised] {
                tally.refuses(post(format!("Content-Length: 5\r\n{name}: chunked")), 400);
            }
        }
    }
    tally.reaches(42);
    for name in [
        "Transfer---Encoding",
        "Transfer___Encoding",
        "TransferEncoding",
        "Transfer.Encoding",
        "ContentLength",
        "Content-Length-",
        "_Content_Length",
        "C-o-n-t-e-n-t-L-e-n-g-t-h",
    ] {
        tally.refuses(post(format!("Content-Length: 5\r\n{name}: chunked")), 400);
    }
    tally.reaches(50);
    for name in ["my_field", "Keep_Alive", "Conten_-Length", "Content-Lengt_", "X.Forwarded_For"] {
        let mut wire = Wire::new();
        wire.client_sends(format!("GET / HTTP/1.1\r\nHost: h\r\n{name}: 1\r\n\r\n"));
        assert!(wire.upstream_got().contains(&format!("\r\n{name}: 1\r\n")), "others pass");
    }
}

#[test]
fn a_lone_line_feed_is_refused_at_once() {
    let head = "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n";
    for end in 0..=head.len() {
        if !head[..end].ends_with('\r') {
            let mut wire = Wire::new();
            wire.client_sends(format!("{}\n", &head[..end]));
            assert_eq!(wire.status(), Some(400), "{end}");
        }
    }
}
