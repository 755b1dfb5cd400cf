//! Responses that break a rule: 502 while nothing has gone out, else a break that the client sees.
//! The connection is not used again, and none of its bytes gets into another response.

use proxy_proto::{Cause, CloseReason, Peer, Settings};

use super::chunks::bad_bodies;
use super::fields::{bad_codings, bad_lengths, bad_lines, controls};
use super::{MARK, answers};
use crate::wire::{GET, OK, Wire, seconds};

/// The lines of a response with a body.
const LINES: [&str; 3] = ["Server: s", "Content-Length: 5", "X: y"];

#[derive(Default)]
struct Tally {
    responses: usize,
}

impl Tally {
    /// Nothing of this response gets to the client, which is told 502.
    #[track_caller]
    fn spoils(&mut self, response: impl AsRef<[u8]>) {
        let response = response.as_ref();
        for grain in self.grains() {
            let wire = answered(response, grain);
            let answers = answers(&wire, &["GET", "GET"]);
            let shown = response.escape_ascii();
            assert_eq!(answers.len(), 2, "the connection is kept behind {shown}");
            assert_eq!(answers[0].0.status, 502, "{shown}");
            let cause = wire.finished[0].fault.map(|fault| fault.cause);
            assert!(matches!(cause, Some(Cause::BadResponse | Cause::UpstreamEof)), "{shown}");
            assert_eq!(answers[1].1.data, b"hi");
        }
    }

    /// The client sees that this response broke off, or gets 502 instead.
    #[track_caller]
    fn breaks(&mut self, response: impl AsRef<[u8]>) {
        let response = response.as_ref();
        for grain in self.grains() {
            let wire = answered(response, grain);
            breaks_off(&wire, &response.escape_ascii().to_string());
        }
    }

    /// Each is played whole, every other one byte by byte, too.
    fn grains(&mut self) -> impl Iterator<Item = usize> + use<> {
        self.responses += 1;
        [usize::MAX, 1].into_iter().take(1 + self.responses % 2)
    }

    #[track_caller]
    fn reaches(&self, responses: usize) {
        assert!(self.responses >= responses, "only {} responses were made", self.responses);
    }
}

/// Nothing of this response gets to the client, whole or byte by byte.
#[track_caller]
pub(super) fn is_spoiled(response: &str) {
    Tally::default().spoils(response);
}

/// A client asks, an upstream answers so and closes, and the client asks again, if it still can.
#[track_caller]
fn answered(response: &[u8], grain: usize) -> Wire {
    let mut wire = Wire::new();
    wire.grain = grain;
    wire.client_sends(GET);
    wire.upstream_sends([response, MARK.as_bytes()].concat()).upstream_closes();
    let shown = response.escape_ascii();
    assert!(!wire.was_recycled(), "{shown} with grain {grain}");
    wire.client_sends(GET).upstream_sends(OK);
    assert!(!wire.client_got().contains(MARK), "{shown} with grain {grain}");
    wire
}

/// What the client got is no whole response of the upstream's.
#[track_caller]
pub(super) fn breaks_off(wire: &Wire, shown: &str) {
    match &answers(wire, &["GET", "GET"])[..] {
        [] => assert!(wire.exchange.is_closed(), "{shown}"),
        [(head, body)] if !body.whole => {
            assert_eq!(head.status, 200, "{shown}");
            assert!(wire.exchange.is_closed(), "{shown}");
        }
        [(first, _), (second, _)] => {
            assert!(matches!(first.status, 502 | 504), "{shown}");
            assert_eq!(second.status, 200, "{shown}");
        }
        other => panic!("{shown}: {other:?}"),
    }
}

fn with_line(line: &[u8], at: usize) -> Vec<u8> {
    let mut response = b"HTTP/1.1 200 OK\r\n".to_vec();
    for (number, known) in LINES.iter().enumerate() {
        if number == at {
            response.extend([line, b"\r\n"].concat());
        }
        response.extend([known.as_bytes(), b"\r\n"].concat());
    }
    if at == LINES.len() {
        response.extend([line, b"\r\n"].concat());
    }
    response.extend(b"\r\nhello");
    response
}

fn ok(field: impl AsRef<[u8]>) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n", field.as_ref(), b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"].concat()
}

#[test]
fn a_line_that_is_no_field_is_answered_with_502_wherever_it_stands() {
    let mut tally = Tally::default();
    for (number, line) in bad_lines().iter().enumerate() {
        tally.spoils(with_line(line, number % (LINES.len() + 1)));
    }
    for line in bad_lines().iter().step_by(37) {
        for at in 0..=LINES.len() {
            tally.spoils(with_line(line, at));
        }
    }
    let response = String::from_utf8(with_line(b"X: y", 0)).expect("text");
    for at in response.match_indices("\r\n").map(|(at, _)| at) {
        for end in ["\n", "\r", "\n\r", "\r\r\n", "\r\0\n"] {
            tally.spoils([&response[..at], end, &response[at + 2..]].concat());
        }
    }
    tally.reaches(700);
}

#[test]
fn framing_that_cannot_be_trusted_is_answered_with_502() {
    let mut tally = Tally::default();
    for value in bad_lengths() {
        tally.spoils(ok([b"Content-Length: ", &value[..]].concat()));
    }
    for (value, _) in bad_codings() {
        tally.spoils(ok([b"Transfer-Encoding: ", &value[..]].concat()));
    }
    for second in ["5", "6", "0", "", "x"] {
        for between in ["", "X: y\r\n"] {
            tally.spoils(ok(format!("Content-Length: 5\r\n{between}content-length: {second}")));
            tally.spoils(ok(format!("content-length: {second}\r\n{between}Content-Length: 5")));
        }
    }
    for other in ["Content-Length: 5", "content-length: 0", "Transfer-Encoding: chunked"] {
        for between in ["", "X: y\r\n"] {
            tally.spoils(ok(format!("Transfer-Encoding: chunked\r\n{between}{other}")));
            tally.spoils(ok(format!("{other}\r\n{between}Transfer-Encoding: chunked")));
        }
    }
    tally.spoils("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    tally.reaches(1800);
}

#[test]
fn a_status_line_that_is_none_is_answered_with_502() {
    let mut tally = Tally::default();
    let line = |line: &str| format!("{line}\r\nContent-Length: 5\r\n\r\nhello");
    for status in (0..100).chain(600..1000) {
        tally.spoils(line(&format!("HTTP/1.1 {status:03} OK")));
    }
    for status in
        ["2", "20", "2000", "20000000200", "+200", "-200", "0x8", "2 0", "20a", "", "200OK", "٢٠٠"]
    {
        tally.spoils(line(&format!("HTTP/1.1 {status} OK")));
    }
    for (major, minor) in (0..=9).flat_map(|major| (0..=9).map(move |minor| (major, minor))) {
        if major != 1 || minor > 1 {
            tally.spoils(line(&format!("HTTP/{major}.{minor} 200 OK")));
        }
    }
    for start in [
        "HTTP/1.1200",
        "HTTP/1.1\t200",
        "HTTP/1.1  200",
        "HTTP/1 200",
        "HTTP/01.1 200",
        "HTTP/1.01 200",
        "HTTP 200",
        "HTTP/1.1",
        "HTTP/",
        "http/1.1 200",
        "HTTPS/1.1 200",
        "ICY 200",
        "RTSP/1.0 200",
        " HTTP/1.1 200",
        "\r\nHTTP/1.1 200",
        "\nHTTP/1.1 200",
    ] {
        tally.spoils(line(&format!("{start} OK")));
    }
    for byte in controls() {
        for (before, after) in [("", "OK"), ("O", "K"), ("OK", "")] {
            let line = [b"HTTP/1.1 200 ", before.as_bytes(), &[byte], after.as_bytes()].concat();
            tally.spoils([&line[..], b"\r\nContent-Length: 5\r\n\r\nhello"].concat());
        }
    }
    tally.reaches(680);
}

#[test]
fn what_does_not_begin_like_http_is_answered_at_once() {
    for byte in (0..=0xff).filter(|byte| *byte != b'H') {
        let mut wire = Wire::new();
        wire.client_sends(GET).upstream_sends([byte]);
        assert_eq!((wire.status(), wire.cause()), (Some(502), Some("bad_response")), "{byte:#x}");
    }
}

#[test]
fn heads_are_taken_up_to_the_limits_and_no_further() {
    let head = "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 0\r\n\r\n";
    let cases = [
        (head.len() - 1, 100, 502),
        (head.len(), 100, 200),
        (head.len() + 1, 100, 200),
        (16_384, 1, 502),
        (16_384, 2, 200),
    ];
    for (max_head_bytes, max_headers, status) in cases {
        let mut settings = Settings::default();
        settings.limits.max_head_bytes = max_head_bytes.max(GET.len());
        settings.limits.max_headers = max_headers;
        let mut wire = Wire::with(settings);
        wire.client_sends(GET).upstream_sends(head);
        assert_eq!(wire.status(), Some(status), "{max_head_bytes} bytes, {max_headers} fields");
    }
    let mut tally = Tally::default();
    tally.spoils(format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(16_384)));
    tally.spoils(format!("HTTP/1.1 200 {}", "y".repeat(16_384)));
    tally.spoils(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(101)));
    tally.spoils(format!("HTTP/1.1 200 OK\r\nConnection: {}\r\n\r\n", vec!["a"; 33].join(",")));
}

#[test]
fn a_bad_chunk_breaks_the_response_off() {
    let mut tally = Tally::default();
    for body in bad_bodies() {
        tally
            .breaks([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &body[..]].concat());
    }
    for line in bad_lines() {
        let trailers = [b"3\r\nabc\r\n0\r\n", &line[..], b"\r\n\r\n"].concat();
        tally.breaks(
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &trailers[..]].concat(),
        );
    }
    for trailers in ["X: y\r\n".repeat(101), format!("X: {}\r\n", "y".repeat(16_384))] {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        tally.breaks(format!("{head}3\r\nabc\r\n0\r\n{trailers}\r\n"));
    }
    tally.reaches(2900);
}

#[test]
fn a_response_that_is_cut_anywhere_by_anything_is_seen_to_break_off() {
    let mut played = 0;
    for response in [
        "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 10\r\n\r\n0123456789",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1",
    ] {
        for (end, grain) in (0..response.len()).flat_map(|end| [(end, usize::MAX), (end, 1)]) {
            for cut in [cut_by_close, cut_by_reset, cut_by_silence] {
                let mut wire = Wire::new();
                wire.grain = grain;
                wire.client_sends(GET).upstream_sends(&response[..end]);
                cut(&mut wire);
                assert!(!wire.was_recycled());
                wire.client_sends(GET).upstream_sends(OK);
                breaks_off(&wire, &response[..end]);
                let mut old = Wire::new();
                old.client_sends(GET.replace("HTTP/1.1", "HTTP/1.0"));
                old.upstream_sends(&response[..end]);
                cut(&mut old);
                let answered = matches!(old.status(), Some(502 | 504));
                assert!(answered || old.was_closed().is_some() || old.was_aborted().is_some());
                let length = answers(&old, &["GET"]).first().map(|(head, _)| head.framing);
                let by_close = length == Some(proxy_reference::Framing::UntilClose);
                assert!(!by_close || old.was_aborted().is_some(), "it would seem whole");
                played += 2;
            }
        }
    }
    assert!(played >= 3000, "only {played} cuts");
}

fn cut_by_close(wire: &mut Wire) {
    wire.upstream_closes();
}

fn cut_by_reset(wire: &mut Wire) {
    wire.breaks(Peer::Upstream);
}

fn cut_by_silence(wire: &mut Wire) {
    wire.passes(seconds(15));
}

#[test]
fn bytes_behind_a_response_reach_nobody() {
    let mut tally = 0;
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        for byte in 0..=0xff {
            for extra in [vec![byte], [&[byte], MARK.as_bytes()].concat()] {
                let (head, _) = leaks_nothing("GET", response, &extra);
                assert!(!head.contains("Transfer-Encoding: chunked") || response.contains("hi"));
                tally += 1;
            }
        }
        let second = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL";
        for extra in
            ["\r\n", second, "0\r\n\r\n", "4\r\nEVIL\r\n0\r\n\r\n", "HTTP/1.1 100 EVIL\r\n\r\n"]
        {
            leaks_nothing("GET", response, extra.as_bytes());
            leaks_nothing("HEAD", response, extra.as_bytes());
            leaks_nothing("HEAD", &response.replace("hi", ""), extra.as_bytes());
        }
    }
    assert!(tally >= 4000, "only {tally} responses");
}

/// The head and the body that the client got instead of all that.
#[track_caller]
fn leaks_nothing(method: &str, response: &str, extra: &[u8]) -> (String, String) {
    let mut wire = Wire::new();
    wire.client_sends(GET.replace("GET", method));
    wire.upstream_sends([response.as_bytes(), extra].concat());
    let shown = extra.escape_ascii();
    assert!(!wire.was_recycled(), "{response:?} and {shown}");
    assert_eq!(wire.was_discarded(), Some(CloseReason::StrayBytes), "{response:?} and {shown}");
    let got = wire.client_got();
    wire.client_sends(GET).upstream_sends(OK);
    let answers = answers(&wire, &[method, "GET"]);
    assert!(!wire.client_got().contains(MARK), "{response:?} and {shown}");
    let last = &answers.last().expect("an answer").1;
    assert_eq!((answers.len(), &last.data[..]), (2, &b"hi"[..]), "{response:?} and {shown}");
    let (head, body) = got.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}
