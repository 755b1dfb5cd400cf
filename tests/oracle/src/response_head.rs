//! The head of a response, and the interim ones before it, in any bytes that an upstream sends in
//! answer to a GET, and to a HEAD, a GET in HTTP/1.0 or a request to upgrade:
//!
//! * What reaches the client is, to the reference reader, a sequence of valid heads: those that the
//!   upstream sent, with the documented changes, and at most one final one.
//! * What that reader refuses does not reach the client. It gets 502 instead, the upstream's
//!   connection is dropped, and not one byte of the bad head leaks.
//! * A 101 passes only if the request asked for it. HTTP/1.0 gets no interim response.
//! * A head that is whole and valid is forwarded or refused, and never waited on.
//! * In how many pieces it comes changes nothing.

use proxy_proto::Peer;
use proxy_reference::{Response, body, response_head};

use crate::expected::{self, Asked};
use crate::split;
use crate::wire::{TRACE, Wire};

/// What became of a final response head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It went to the client with this status.
    Forwarded(u16),
    /// The client got a 502.
    Refused,
    /// More bytes are needed to tell.
    Waits,
}

/// Panics unless all of the above holds for these bytes. Returns what became of them in answer to
/// the GET.
pub fn check(bytes: &[u8]) -> Verdict {
    let [get, others @ ..] = REQUESTS;
    // All of them for each input would make the search slow.
    check_answer_to(others[split::place(bytes) % others.len()], bytes);
    check_answer_to(get, bytes)
}

fn check_answer_to(request: &Asking, bytes: &[u8]) -> Verdict {
    let Reading { heads, result, end } = read(bytes, request);
    let heads_alone = if result == Ok(Ended::Final) { &bytes[..end] } else { bytes };
    let (first, second) = heads_alone.split_at(split::place(heads_alone));
    let outcome = play(request, &[heads_alone]);
    assert_eq!(play(request, &[first, second]), outcome, "it came in two pieces");

    let Outcome { got, faulty } = outcome;
    let mut rest = &got[..];
    let mut sent = heads.iter();
    while let Some((head, length)) =
        response_head(rest, request.asked.method).expect("a valid response")
    {
        rest = &rest[length..];
        if faulty && head.status >= 200 {
            assert_eq!(head.status, 502);
            let text = body(head.framing, rest).expect("a valid body");
            assert!(text.whole && text.len == rest.len(), "bytes behind the answer");
            return Verdict::Refused;
        }
        let is_interim = head.status < 200 && head.status != 101;
        assert!(!is_interim || request.asked.minor == 1, "an interim response to HTTP/1.0");
        let sent = sent
            .find(|sent| request.asked.minor == 1 || sent.status >= 200)
            .unwrap_or_else(|| panic!("nobody sent {head:?}; to others it is {result:?}"));
        check_forwarded(sent, head.clone(), request);
        if !is_interim {
            assert_eq!(result, Ok(Ended::Final));
            assert!(rest.is_empty(), "bytes behind the head");
            return Verdict::Forwarded(head.status);
        }
    }
    assert!(rest.is_empty(), "a part of a head");
    assert!(!faulty, "the client is not told");
    assert_ne!(result, Ok(Ended::Final), "it waits for more than the head");
    Verdict::Waits
}

/// What the reference reader makes of the bytes: the heads, interim ones first.
struct Reading {
    heads: Vec<Response>,
    result: Result<Ended, &'static str>,
    /// Where the last of them ends.
    end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Final,
    /// More bytes are needed.
    Short,
}

fn read(bytes: &[u8], request: &Asking) -> Reading {
    let mut reading = Reading { heads: Vec::new(), result: Ok(Ended::Short), end: 0 };
    loop {
        match response_head(&bytes[reading.end..], request.asked.method) {
            Ok(None) => return reading,
            Err(why) => return Reading { result: Err(why), ..reading },
            Ok(Some((head, length))) => {
                let status = head.status;
                reading.heads.push(head);
                reading.end += length;
                if status == 101 && !request.upgrades {
                    return Reading { result: Err("a 101 that nobody asked for"), ..reading };
                }
                if status >= 200 || status == 101 {
                    return Reading { result: Ok(Ended::Final), ..reading };
                }
            }
        }
    }
}

fn check_forwarded(sent: &Response, mut read: Response, request: &Asking) {
    let expected = expected::response(sent, request.asked);
    let connection = match sent.status {
        101 => Some(&b"upgrade"[..]),
        ..200 => None,
        _ => request.connection,
    };
    assert_eq!(read.field("Connection"), connection);
    read.fields.retain(|field| field.name != "Connection");
    assert_eq!(read, expected);
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    got: Vec<u8>,
    faulty: bool,
}

fn play(request: &Asking, pieces: &[&[u8]]) -> Outcome {
    let mut wire = Wire::new();
    wire.sends(Peer::Client, request.text);
    assert_eq!(wire.connects, 1);
    for piece in pieces {
        wire.sends(Peer::Upstream, piece);
    }
    assert!(wire.connects == 1 && wire.finished.len() <= 1);
    let faulty = wire.is_faulty();
    assert!(!faulty || wire.discards.len() == 1 && wire.parks == 0, "a bad upstream is kept");
    Outcome { got: std::mem::take(&mut wire.client), faulty }
}

struct Asking {
    text: &'static [u8],
    asked: Asked<'static>,
    upgrades: bool,
    /// What a final response to it says in `Connection`.
    connection: Option<&'static [u8]>,
}

const REQUESTS: [&Asking; 4] = [
    &Asking {
        text: b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        asked: Asked { method: "GET", minor: 1, trace: TRACE },
        upgrades: false,
        connection: None,
    },
    &Asking {
        text: b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
        asked: Asked { method: "HEAD", minor: 1, trace: TRACE },
        upgrades: false,
        connection: None,
    },
    &Asking {
        text: b"GET / HTTP/1.0\r\nHost: h\r\n\r\n",
        asked: Asked { method: "GET", minor: 0, trace: TRACE },
        upgrades: false,
        connection: Some(b"close"),
    },
    &Asking {
        text: b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        asked: Asked { method: "GET", minor: 1, trace: TRACE },
        upgrades: true,
        connection: Some(b"close"),
    },
];
