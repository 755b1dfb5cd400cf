//! Large windows: who gets one, and when it is given back.

use std::time::Duration;

use proxy_proto::Peer;

use crate::wire::{Connecting, GET, LARGE, OK, WINDOW, Wire};

fn response(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")
}

/// A client that reads nothing yet, and an upstream that has the head of a response out.
fn slow(length: usize) -> Wire {
    let mut wire = Wire::new();
    wire.large = 9;
    wire.client_sends(GET).upstream_sends(response(length)).stalls(Peer::Client);
    wire
}

fn wants_more(wire: &Wire) -> bool {
    wire.exchange.interest(Peer::Upstream, &wire.lanes).recv
}

#[test]
fn a_response_that_fills_one_large_window_passes_through_it() {
    let mut wire = Wire::new();
    wire.large = 1;
    wire.client_sends(GET).upstream_sends(response(LARGE)).upstream_sends("x");
    assert!(!wire.lanes.is_enlarged(Peer::Client) && wire.lanes.is_enlarged(Peer::Upstream));
    assert_eq!(wire.exchange.spare(Peer::Upstream, &mut wire.lanes).len(), LARGE);
    assert_eq!(wire.lanes.capacity(), WINDOW);
    wire.upstream_sends("x".repeat(LARGE - 1));
    assert!(wire.exchange.is_idle() && !wire.lanes.is_enlarged(Peer::Upstream));
    assert_eq!(wire.lanes.reclaim().map(|memory| memory.len()), Some(LARGE));
    assert_eq!(wire.lanes.reclaim(), None);
    assert!(wire.takes().ends_with(&"x".repeat(LARGE)));
}

#[test]
fn a_longer_response_passes_through_one_once_its_reader_is_known_to_be_fast() {
    let mut wire = Wire::new();
    wire.large = 1;
    wire.client_sends(GET).upstream_sends(response(2 * PROOF));
    wire.upstream_sends("x".repeat(PROOF - WINDOW));
    assert!(!wire.lanes.is_enlarged(Peer::Upstream));
    wire.upstream_sends("x".repeat(WINDOW)).upstream_sends("x");
    assert!(wire.lanes.is_enlarged(Peer::Upstream));
}

#[test]
fn a_long_request_passes_through_a_large_window_once_it_is_too_long_to_be_sent_again() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Reused;
    wire.large = 1;
    let head = format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", 2 * LARGE);
    wire.client_sends(head).client_sends("x".repeat(WINDOW - 1));
    assert!(!wire.lanes.is_enlarged(Peer::Client), "it may have to be sent again");
    wire.client_sends("x".repeat(2));
    assert!(wire.lanes.is_enlarged(Peer::Client));
    wire.client_sends("x".repeat(2 * LARGE - WINDOW - 1)).upstream_sends(OK);
    assert!(wire.exchange.is_idle() && wire.lanes.reclaim().is_some());
    let got = wire.before.last().expect("a connection that served");
    assert!(got.ends_with("x".repeat(2 * LARGE).as_bytes()));
}

#[test]
fn what_fits_an_ordinary_window_stays_in_it() {
    let mut wire = Wire::new();
    wire.large = 1;
    wire.client_sends(GET).upstream_sends(response(WINDOW)).upstream_sends("x".repeat(WINDOW));
    assert!(wire.exchange.is_idle() && wire.large == 1);
}

#[test]
fn of_unknown_length_what_filled_the_window_is_taken_for_long() {
    let mut wire = Wire::new();
    wire.client_sends(GET).upstream_sends("HTTP/1.1 200 OK\r\n\r\n");
    wire.upstream_sends("x".repeat(PROOF));
    let is_bulk = |wire: &Wire| wire.exchange.is_bulk(Peer::Upstream, &wire.lanes);
    wire.upstream_sends("x".repeat(WINDOW - 1));
    assert!(!is_bulk(&wire));
    wire.upstream_sends("x".repeat(WINDOW));
    assert!(is_bulk(&wire));
    wire.upstream_sends("x");
    assert!(!is_bulk(&wire));
}

#[test]
fn a_reader_that_falls_behind_gets_no_more_until_it_has_taken_all() {
    let mut wire = slow(LARGE);
    wire.upstream_sends("x".repeat(LARGE / 2));
    assert!(wire.lanes.is_enlarged(Peer::Upstream) && wants_more(&wire));
    wire.grain = 10;
    wire.takes_one_piece();
    assert!(!wants_more(&wire), "the rest of the large window is filled for a slow reader");
    wire.grain = usize::MAX;
    wire.resumes(Peer::Client);
    assert!(wants_more(&wire));
}

#[test]
fn a_slow_reader_gets_an_ordinary_window_next() {
    for (pause, is_large) in [(50, true), (51, false)] {
        let mut wire = slow(LARGE);
        wire.upstream_sends("x".repeat(LARGE / 4));
        wire.grain = 10;
        wire.takes_one_piece().passes(Duration::from_millis(pause));
        wire.grain = usize::MAX;
        wire.resumes(Peer::Client);
        wire.exchange.shrink(Peer::Upstream, &mut wire.lanes);
        assert!(wire.lanes.reclaim().is_some());
        wire.upstream_sends("x".repeat(LARGE / 4)).upstream_sends("x");
        assert_eq!(wire.lanes.is_enlarged(Peer::Upstream), is_large, "after {pause} ms");
    }
}

#[test]
fn bytes_in_a_large_window_keep_it() {
    let mut wire = slow(LARGE);
    wire.upstream_sends("x".repeat(LARGE - 1));
    wire.exchange.shrink(Peer::Upstream, &mut wire.lanes);
    assert!(wire.lanes.is_enlarged(Peer::Upstream) && wire.lanes.reclaim().is_none());
    wire.cuts();
    wire.lanes.clear();
    assert_eq!(wire.lanes.reclaim().map(|memory| memory.len()), Some(LARGE));
}

/// What a reader of a long message has to keep up for.
const PROOF: usize = 6 * 1024 * 1024;
