//! Chunked request bodies that break a rule: the client gets 400, and the upstream is cut off
//! before a last chunk.

use proxy_proto::{Cause, CloseReason};

use super::fields::controls;
use super::{SMUGGLED, Tally, whole_requests};
use crate::wire::Wire;

/// RFC 9112 section 7.1: lines that are no size of a chunk, without their CRLF.
pub(super) fn bad_size_lines() -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    for byte in (0..=0xff).filter(|byte: &u8| !byte.is_ascii_hexdigit()) {
        lines.extend([vec![byte], vec![byte, b'5'], vec![b'5', byte, b'5']]);
        lines.push(vec![b'5', byte]);
    }
    // A valid extension is not bad.
    lines.retain(|line| line != b"5;5");
    for line in ["", ";x", " ;x", "0x5", "5h", "5_0", "5 5", "5 ;x", "5\t", "-0", "+0"] {
        lines.push(line.into());
    }
    for digits in ["8000000000000000", "FFFFFFFFFFFFFFEC", "ffffffffffffffff"] {
        lines.push(digits.into());
    }
    for zeros in [12, 13, 20, 1000] {
        lines.push(format!("{}10000", "0".repeat(zeros)).into());
    }
    lines.push("0".repeat(17).into());
    lines.push(format!("{}5", "f".repeat(16)).into());
    lines
}

/// RFC 9112 section 7.1.1: extensions that are none, without the semicolon before them.
pub(super) fn bad_extensions() -> Vec<Vec<u8>> {
    let mut extensions = Vec::new();
    for byte in controls().chain([0x80, 0xff]) {
        for (before, after) in [("", ""), ("a", "b"), ("a=\"", "\""), ("a=b", ""), ("a=\"\\", "\"")]
        {
            extensions.push([before.as_bytes(), &[byte], after.as_bytes()].concat());
        }
    }
    for byte in b"\"(),/:<>?@[\\]{}" {
        extensions.push([b"a", &[*byte][..]].concat());
        extensions.push([b"a=b", &[*byte][..]].concat());
    }
    for text in
        ["", ";", "a;", "a;;b", "=b", "a=", "a=b c", "a b", "a=\"b", "a=\"b\"c", "a=b=c", "a "]
    {
        extensions.push(text.into());
    }
    extensions.push("x".repeat(600).into());
    extensions
}

/// What may stand where the CRLF behind data belongs.
pub(super) fn bad_ends_of_data() -> Vec<Vec<u8>> {
    let mut ends: Vec<_> =
        (0..=0xff).filter(|byte| *byte != b'\r').map(|byte| vec![byte, b'\n']).collect();
    ends.extend((0..=0xff).filter(|byte| *byte != b'\n').map(|byte| vec![b'\r', byte]));
    ends.extend([b"0\r\n".to_vec(), b"XX".to_vec(), b"hello\r\n".to_vec()]);
    ends
}

/// Each bad line, piece of data or extension, as the first chunk, and each third as a later one.
pub(super) fn bad_bodies() -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    for line in bad_size_lines() {
        bodies.push([&line[..], b"\r\nhello\r\n0\r\n\r\n"].concat());
    }
    for extension in bad_extensions() {
        bodies.push([b"5;", &extension[..], b"\r\nhello\r\n0\r\n\r\n"].concat());
        bodies.push([b"0;", &extension[..], b"\r\n\r\n"].concat());
    }
    for end in bad_ends_of_data() {
        bodies.push([b"5\r\nhello", &end[..], b"0\r\n\r\n"].concat());
    }
    for end in ["\n", "\r", "\n\r", "\r\r\n", "\r\0"] {
        bodies.push(format!("5{end}hello\r\n0\r\n\r\n").into());
        bodies.push(format!("5;a{end}hello\r\n0\r\n\r\n").into());
        bodies.push(format!("0{end}\r\n").into());
        bodies.push(format!("0\r\n{end}X").into());
    }
    let later: Vec<_> =
        bodies.iter().step_by(3).map(|body| [b"3\r\nabc\r\n", &body[..]].concat()).collect();
    bodies.extend(later);
    bodies
}

#[test]
fn a_chunk_that_breaks_a_rule_is_refused_and_the_upstream_cut_off() {
    let mut tally = Tally::default();
    for body in bad_bodies() {
        tally.refuses(in_chunks(&body), 400);
    }
    tally.reaches(2400);
}

#[test]
fn an_upstream_that_got_a_part_is_not_used_again() {
    for body in bad_bodies() {
        let mut wire = Wire::new();
        wire.client_sends(in_chunks(b"")).client_sends([&body[..], SMUGGLED.as_bytes()].concat());
        assert_eq!(whole_requests(&wire).len(), 0);
        let reason = CloseReason::Failed(Cause::BadRequest);
        assert_eq!(wire.was_discarded(), Some(reason), "{}", body.escape_ascii());
        assert!(!wire.was_recycled());
    }
}

#[test]
fn sizes_and_extensions_are_taken_up_to_their_bounds() {
    for (line, is_fine) in [
        ("5;a=\"b c\"".to_owned(), true),
        ("0000000000000005".to_owned(), true),
        ("00000000000000005".to_owned(), false),
        (format!("5;{}", "x".repeat(511)), true),
        (format!("5;{}", "x".repeat(512)), false),
    ] {
        for grain in [usize::MAX, 1] {
            let mut wire = Wire::new();
            wire.grain = grain;
            wire.client_sends(in_chunks(format!("{line}\r\nhello\r\n0\r\n\r\n").as_bytes()));
            assert_eq!(whole_requests(&wire).len(), usize::from(is_fine), "{line}");
            assert_eq!(wire.status(), (!is_fine).then_some(400), "{line}");
        }
    }
    for last in ["0", "00", "0000000000000000", "0;a=b", "000;a"] {
        let mut wire = Wire::new();
        wire.client_sends(in_chunks(format!("5\r\nhello\r\n{last}\r\n\r\n").as_bytes()));
        assert_eq!(whole_requests(&wire)[0].1.data, b"hello", "{last}");
    }
    // The bound is on a whole body, and not on what comes in one piece.
    let many = "1;0123456\r\nx\r\n".repeat(64);
    for (body, is_fine) in [(format!("{many}0\r\n\r\n"), true), (format!("{many}1;a\r\n"), false)] {
        let mut wire = Wire::new();
        wire.client_sends(in_chunks(body.as_bytes()));
        assert_eq!(wire.status(), (!is_fine).then_some(400));
    }
}

pub(super) fn in_chunks(body: &[u8]) -> Vec<u8> {
    [b"POST /hostile HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", body].concat()
}
