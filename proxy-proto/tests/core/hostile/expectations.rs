//! `Expect` (RFC 9110 section 10.1.1): nobody waits for somebody who waits for him.

use super::{SMUGGLED, Tally, answers, whole_requests};
use crate::wire::{GET, OK, Wire, seconds};

const EXPECTS: &str =
    "POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

#[test]
fn other_expectations_are_refused() {
    let mut tally = Tally::default();
    for value in [
        "",
        "100",
        "100-continu",
        "100-continuex",
        "x100-continue",
        "100-continue, x",
        "x, 100-continue",
        "100-continue, 100-continue",
        "100-continue;q=1",
        "\"100-continue\"",
        "200-ok",
        "100-continue\r\nExpect: 100-continue",
        "100-continue\r\nX: y\r\nexpect: x",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            for rest in ["", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
                let head =
                    format!("{method} / HTTP/1.1\r\nHost: h\r\nExpect: {value}\r\n{rest}\r\n");
                tally.refuses(head, 417);
            }
        }
    }
    tally.reaches(100);
    let folded =
        "OPTIONS / HTTP/1.1\r\nHost: h\r\nExpect:\r\n 100-continue\r\nContent-Length: 5\r\n\r\n";
    tally.refuses(folded, 400);
}

#[test]
fn an_expectation_without_content_goes_no_further() {
    for framing in ["", "Content-Length: 0\r\n"] {
        let mut wire = Wire::new();
        wire.client_sends(format!(
            "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n{framing}\r\n"
        ));
        assert!(!wire.upstream_got().contains("Expect"));
        wire.upstream_sends(OK);
        assert!(wire.exchange.is_idle(), "nothing is waited for");
    }
}

#[test]
fn an_http_1_0_client_expects_nothing_and_gets_no_interim_response() {
    let mut wire = Wire::new();
    wire.client_sends(EXPECTS.replace("1.1", "1.0"));
    assert!(!wire.upstream_got().contains("Expect"));
    wire.upstream_sends("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(wire.client_got(), "");
    wire.client_sends("hello").upstream_sends(OK);
    assert_eq!(answers(&wire, &["POST"])[0].0.status, 200);
}

#[test]
fn a_client_that_does_not_wait_is_not_waited_for() {
    let mut wire = Wire::new();
    wire.client_sends(EXPECTS).passes(seconds(5)).client_sends("hello");
    assert_eq!(whole_requests(&wire)[0].1.data, b"hello", "though nobody said 100");
    wire.upstream_sends(format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"));
    assert_eq!(answers(&wire, &["POST"])[0].0.status, 200);
    assert!(wire.exchange.is_idle());
}

#[test]
fn an_upstream_that_never_answers_an_expectation_is_given_up() {
    let mut wire = Wire::new();
    wire.client_sends(EXPECTS).passes(seconds(15));
    assert_eq!((wire.status(), wire.cause()), (Some(504), Some("read_timeout")));
}

/// 0.CL and CL.0: the body that was held back, or not, is never taken for a request.
#[test]
fn what_follows_a_refused_expectation_is_no_request() {
    for (early, late, whole) in [("", SMUGGLED, 0), ("hello", GET, 2)] {
        let mut wire = Wire::new();
        wire.client_sends(format!("{EXPECTS}{early}"));
        wire.upstream_sends("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").client_sends(late);
        assert_eq!(whole_requests(&wire).len(), whole, "{early:?}");
        assert_eq!(wire.was_recycled(), whole > 0, "{early:?}");
    }
}
