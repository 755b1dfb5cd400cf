//! What is no longer valid does not go through: any change of a valid message is accepted only if
//! the reference reader accepts it, too, and for the same message. `proxy_oracle` compares.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;
use proxy_oracle::{chunked, request_head, response_head};

use crate::grammar;

proptest! {
    // The same cases each time: a test that fails is the fault of what was changed.
    #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_changed_request_head_is_refused_or_agreed_on(
        message in grammar::request(),
        changes in vec(change(), 1..4),
    ) {
        request_head::check(&changed(message.head, &changes));
    }

    #[test]
    fn a_changed_response_head_is_refused_or_agreed_on(
        (message, _) in grammar::response(),
        changes in vec(change(), 1..4),
    ) {
        response_head::check(&changed(message.head, &changes));
    }

    #[test]
    fn a_changed_chunked_body_is_refused_or_agreed_on(
        (framed, _) in grammar::chunked(),
        changes in vec(change(), 1..4),
    ) {
        chunked::check(&changed(framed, &changes));
    }
}

/// Places are drawn in terms of the length that the message then has.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Insert(Index, &'static str),
    Delete(Index, usize),
    Replace(Index, usize, &'static str),
    DuplicateLine(Index),
    SwapLines(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), select(NASTY)).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (at(), 1..8_usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (at(), 1..8_usize, select(NASTY))
            .prop_map(|(at, length, piece)| Change::Replace(at, length, piece)),
        at().prop_map(Change::DuplicateLine),
        (at(), at()).prop_map(|(one, other)| Change::SwapLines(one, other)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if !bytes.is_empty() {
            change.apply(&mut bytes);
        }
    }
    bytes
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Flip(at, bit) => *at.get_mut(bytes) ^= 1 << bit,
            Self::Insert(at, piece) => replace(bytes, *at, 0, piece),
            Self::Delete(at, length) => replace(bytes, *at, *length, ""),
            Self::Replace(at, length, piece) => replace(bytes, *at, *length, piece),
            Self::DuplicateLine(at) => {
                let mut lines = lines(bytes);
                let at = at.index(lines.len());
                lines.insert(at, lines[at].clone());
                *bytes = lines.concat();
            }
            Self::SwapLines(one, other) => {
                let mut lines = lines(bytes);
                let (one, other) = (one.index(lines.len()), other.index(lines.len()));
                lines.swap(one, other);
                *bytes = lines.concat();
            }
        }
    }
}

fn replace(bytes: &mut Vec<u8>, at: Index, length: usize, piece: &str) {
    let start = at.index(bytes.len());
    let end = (start + length).min(bytes.len());
    bytes.splice(start..end, piece.bytes());
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// What readers have disagreed about.
const NASTY: &[&str] = &[
    "\r",
    "\n",
    "\r\n",
    "\r\n\r\n",
    "\0",
    " ",
    "\t",
    "\u{b}",
    "\u{7f}",
    "\u{e9}",
    ":",
    ",",
    ";",
    "+",
    "-",
    "0",
    "0x",
    "_",
    "\"",
    "#",
    "@",
    "*",
    "\r\n ",
    " :",
    " HTTP/1.1\r\n",
    " HTTP/1.0\r\n",
    "HTTP/2.0",
    "Host: h\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: +5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length : 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding:\u{b}chunked\r\n",
    "Connection: Content-Length\r\n",
    "Connection: upgrade\r\nUpgrade: x\r\n",
    "Expect: 100-continue\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 200 OK\r\n",
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    ";a=b",
    "ffffffffffffffff",
];
