//! Hostile messages, made from the rules rather than from a list: each rule, with each byte that
//! breaks it, at each place where it can be broken, behind different neighbours, whole and byte by
//! byte. What must hold is checked with the reference reader, which shares nothing with the core.

mod chunks;
mod connections;
mod expectations;
mod fields;
mod http11probe;
mod interim;
mod known;
mod limits;
mod request_lines;
mod requests;
mod responses;
mod suites;
mod trailers;

use proxy_reference::{Body, Request, Response, body, request_head, response_head};

use crate::wire::{GET, OK, Wire};

/// What stands behind every hostile request: whoever finds the wrong end of that takes this for a
/// request.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
/// Stands in every hostile response, where the client must not see it.
const MARK: &str = "EVIL";
/// What may have been asked before on the same connection.
const NEIGHBOURS: [&[&str]; 4] = [
    &[],
    &[GET],
    &["POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"],
    &[GET, "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"],
];

/// Hostile requests, and how many ways of sending them have been tried.
#[derive(Default)]
struct Tally {
    requests: usize,
    played: usize,
}

impl Tally {
    /// This request gets this status, and its connection is closed: alone and behind one of the
    /// neighbours, in turn, and with every other request byte by byte behind yet another.
    #[track_caller]
    fn refuses(&mut self, request: impl AsRef<[u8]>, status: u16) {
        let request = request.as_ref();
        let nth = |n: usize| NEIGHBOURS[n % NEIGHBOURS.len()];
        refuse(request, status, nth(0), usize::MAX);
        refuse(request, status, nth(self.requests), usize::MAX);
        self.played += 2;
        if self.requests.is_multiple_of(2) {
            refuse(request, status, nth(self.requests / 2 + 1), 1);
            self.played += 1;
        }
        self.requests += 1;
    }

    #[track_caller]
    fn reaches(&self, requests: usize) {
        let Self { requests: made, played } = self;
        assert!(*made >= requests, "only {made} requests were made, and {played} times played");
    }
}

/// Plays a hostile request behind its neighbours: those get their answers, it gets its status and
/// the end of the connection, and no upstream gets a whole request beyond those of the neighbours.
#[track_caller]
fn refuse(request: &[u8], status: u16, neighbours: &[&str], grain: usize) {
    let shown = request.escape_ascii();
    let mut wire = Wire::new();
    wire.grain = grain;
    let before = neighbours.concat();
    wire.client_sends([before.as_bytes(), request, SMUGGLED.as_bytes()].concat());
    for _ in neighbours {
        wire.upstream_sends(OK);
    }
    assert_eq!(whole_requests(&wire).len(), neighbours.len(), "{shown} reached the upstream");
    let mut asked = vec!["GET"; neighbours.len()];
    asked.push(if request.starts_with(b"HEAD ") { "HEAD" } else { "GET" });
    let answers = answers(&wire, &asked);
    assert_eq!(answers.len(), asked.len(), "answers, with one to {shown}");
    for (answer, _) in &answers[..neighbours.len()] {
        assert_eq!(answer.status, 200, "a neighbour of {shown}");
    }
    let (refusal, _) = &answers[neighbours.len()];
    assert_eq!(refusal.status, status, "{shown} with grain {grain}");
    assert_eq!(refusal.field("Connection"), Some(&b"close"[..]), "{shown}");
    assert!(wire.client.saw_shutdown || wire.was_closed().is_some(), "open after {shown}");
}

/// All whole requests that upstreams got. Whatever they got beyond is part of one.
#[track_caller]
fn whole_requests(wire: &Wire) -> Vec<(Request, Body)> {
    let mut whole = Vec::new();
    for mut got in wire.before.iter().chain([&wire.upstream.got]).map(|got| &got[..]) {
        assert!(!String::from_utf8_lossy(got).contains("/smuggled"), "{}", got.escape_ascii());
        while let Some((head, length)) = request_head(got).expect("a valid request head") {
            let body = body(head.framing, &got[length..]).expect("a valid request body");
            got = &got[length + body.len..];
            if !body.whole {
                assert!(got.is_empty());
                break;
            }
            whole.push((head, body));
        }
    }
    whole
}

/// All final responses that the client got, to requests with these methods.
#[track_caller]
fn answers(wire: &Wire, methods: &[&str]) -> Vec<(Response, Body)> {
    let mut answers = Vec::new();
    let mut got = &wire.client.got[..];
    for method in methods {
        loop {
            let head = response_head(got, method).expect("a valid response head");
            let Some((head, length)) = head else { return answers };
            got = &got[length..];
            if head.status >= 200 {
                let body = body(head.framing, got).expect("a valid response body");
                got = &got[body.len..];
                answers.push((head, body));
                break;
            }
        }
    }
    assert_eq!(got.escape_ascii().to_string(), "", "nobody asked for this");
    answers
}
