//! What a driver relies on: what its inputs do, and what the exchange says of itself.

use std::sync::Arc;
use std::time::Duration;

use proxy_proto::{Action, Cause, CloseReason, Instant, Peer, Reply, Settings, Uuid};

use crate::wire::{Connecting, GET, OK, Wire, body_of, seconds};

#[test]
fn cuts_what_is_in_progress() {
    let mut wire = Wire::new();
    wire.client_sends(GET).upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi");
    wire.cuts();
    assert_eq!(wire.cause(), Some(Cause::Draining.word()));
    assert_eq!(wire.was_discarded(), Some(CloseReason::Failed(Cause::Draining)));
    assert_eq!(wire.was_aborted(), Some(CloseReason::Failed(Cause::Draining)));
    let mut idle = Wire::new();
    idle.cuts();
    assert!(idle.exchange.is_closed());
}

#[test]
fn takes_new_settings_from_the_next_request_on() {
    let mut wire = Wire::new();
    let mut settings = Settings::default();
    settings.limits.max_head_bytes = 1024;
    wire.exchange.configure(&Arc::new(settings));
    wire.client_sends(format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(1024)));
    assert_eq!(wire.cause(), Some(Cause::TargetTooLong.word()));
}

#[test]
fn shows_the_request_in_hand_until_the_next_one() {
    let mut wire = Wire::new();
    assert_eq!(wire.exchange.request(&wire.lanes), None);
    wire.client_sends("PUT http://h/a?b HTTP/1.1\r\nHost: x\r\nACCEPT:  text/x \r\n\r\n");
    let request = wire.exchange.request(&wire.lanes).expect("a request in hand");
    assert_eq!((request.method, request.target), ("PUT", "/a?b"));
    assert_eq!(request.field("accept"), Some("text/x"));
    assert_eq!(request.field("host"), Some("h"));
    assert_eq!(request.field("accept-encoding"), None);
    wire.upstream_sends(OK);
    assert_eq!(wire.exchange.request(&wire.lanes), None);
}

#[test]
fn is_idle_only_while_no_byte_is_here() {
    let mut wire = Wire::new();
    assert!(wire.exchange.is_idle());
    wire.client_sends("G");
    assert!(!wire.exchange.is_idle());
    wire.client_sends(&GET[1..]);
    assert!(!wire.exchange.is_idle());
    wire.upstream_sends(OK);
    assert!(wire.exchange.is_idle());
    wire.client_closes();
    assert!(!wire.exchange.is_idle() && wire.exchange.is_closed());
}

#[test]
fn sums_up_what_became_of_a_request() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Hangs;
    let start = wire.now;
    wire.client_sends(GET).passes(Duration::from_millis(200)).connects();
    wire.passes(seconds(1));
    wire.upstream_sends(OK);
    let summary = wire.finished[0];
    assert_eq!((summary.started, summary.trace), (start, Uuid::from_u128(1)));
    assert_eq!(summary.elapsed, Duration::from_millis(1200));
    assert_eq!(summary.upstream_elapsed, Some(seconds(1)));
    assert_eq!(summary.bytes_received, GET.len() as u64);
    assert_eq!(summary.bytes_sent, wire.client_got().len() as u64);
    assert!(summary.routed && !summary.retried);
    assert_eq!(wire.exchange.trace(), Uuid::from_u128(2));
}

#[test]
fn says_when_a_request_was_sent_again() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Reused;
    wire.client_sends(GET).upstream_closes().upstream_sends(OK);
    assert!(wire.finished[0].retried);
}

#[test]
fn ignores_what_names_an_older_attempt() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Reused;
    wire.client_sends(GET);
    let Some(Action::Connect { attempt: old }) =
        wire.actions.iter().rev().find(|action| matches!(action, Action::Connect { .. })).copied()
    else {
        panic!("nobody connects");
    };
    wire.upstream_closes();
    assert!(wire.actions.iter().any(|action| matches!(action, Action::Reconnect { .. })));
    let fault = proxy_proto::Fault::new(Cause::ConnectRefused, "too late");
    wire.reply(Reply::Failed { attempt: old, fault });
    assert!(wire.finished.is_empty(), "the new attempt goes on");
    wire.upstream_sends(OK);
    assert_eq!(wire.status(), Some(200));
}

#[test]
fn waits_for_the_attempt_in_hand_only() {
    let mut wire = Wire::new();
    (wire.connecting, wire.reconnecting) = (Connecting::Reused, Connecting::Waits);
    wire.client_sends(GET);
    let asked = wire.actions.iter().find_map(|action| match action {
        Action::Connect { attempt } => Some(*attempt),
        _ => None,
    });
    let old = asked.expect("it was connected");
    wire.upstream_closes().reply(Reply::Dialing(old));
    wire.reply(Reply::Connected { attempt: old, reused: false }).passes(seconds(2));
    let fault = proxy_proto::Fault::new(Cause::ConnectRefused, "too late");
    wire.reply(Reply::Failed { attempt: old, fault });
    assert!(wire.finished.is_empty(), "it still waits for a place, which is not connecting");
    assert_eq!(wire.upstream_got(), "");
}

#[test]
fn does_nothing_once_it_is_closed() {
    let mut wire = Wire::new();
    wire.client_closes();
    assert!(wire.exchange.is_closed());
    let before = format!("{:?}", wire.exchange);
    let actions = wire.actions.len();
    wire.exchange.handle_received(Peer::Client, 5, &mut wire.lanes, wire.now);
    wire.exchange.handle_sent(Peer::Upstream, 5, &mut wire.lanes, wire.now);
    wire.exchange.handle_eof(Peer::Upstream, &mut wire.lanes, wire.now);
    wire.reply(Reply::Routed).drains().cuts();
    wire.breaks(Peer::Upstream).refuses_bytes(Peer::Client).passes(seconds(1000));
    assert_eq!(wire.actions.len(), actions);
    assert_eq!(format!("{:?}", wire.exchange), before);
}

#[test]
fn takes_nothing_sent_for_no_progress() {
    let mut wire = Wire::new();
    wire.client_sends(GET).stalls(Peer::Client).upstream_sends(OK).passes(seconds(10));
    wire.exchange.handle_sent(Peer::Client, 0, &mut wire.lanes, wire.now);
    wire.passes(seconds(6));
    assert_eq!(wire.cause(), Some(Cause::ClientSendTimeout.word()));
}

#[test]
fn forgets_everything_but_the_memory_in_lanes_that_are_cleared() {
    let mut wire = Wire::new();
    wire.stalls(Peer::Client).client_sends(GET).upstream_sends(OK);
    let capacity = wire.lanes.capacity();
    wire.lanes.clear();
    let mut fresh = Wire::new();
    std::mem::swap(&mut fresh.lanes, &mut wire.lanes);
    fresh.client_sends(GET);
    let head = fresh.upstream_got();
    assert!(head.starts_with("GET /a HTTP/1.1\r\n"), "{head}");
    fresh.upstream_sends(OK);
    assert_eq!(body_of(&fresh.client_got()), "hi");
    assert_eq!(fresh.lanes.capacity(), capacity);
}

#[test]
fn counts_time_from_the_epoch_that_the_driver_chose() {
    let at = Instant::EPOCH + seconds(2);
    assert_eq!(at.as_nanos(), 2_000_000_000);
    assert_eq!(Instant::from_nanos(5) - at, Duration::ZERO, "never less than nothing");
    assert_eq!(Instant::from_nanos(u64::MAX) + seconds(1), Instant::from_nanos(u64::MAX));
}

#[test]
fn counts_what_stands_behind_a_request_for_the_next_one() {
    let mut wire = Wire::new();
    wire.client_sends(format!("{GET}{GET}{GET}"));
    for n in 1..=3 {
        wire.upstream_sends(OK);
        assert_eq!(wire.finished.len(), n);
        assert_eq!(wire.finished[n - 1].bytes_received, GET.len() as u64);
    }
}

#[test]
fn says_finish_for_a_head_that_broke_off_and_for_nothing_else() {
    let mut idle = Wire::new();
    idle.breaks(Peer::Client);
    assert_eq!((idle.finished.len(), idle.was_aborted()), (0, Some(CloseReason::Idle)));
    let mut begun = Wire::new();
    begun.client_sends("GET").breaks(Peer::Client);
    assert_eq!(begun.cause(), Some(Cause::ClientGone.word()));
    assert!(!begun.finished[0].routed);
}

#[test]
fn shows_its_state_at_a_glance() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Waits;
    let mut seen = Vec::new();
    let mut looks = |wire: &Wire| {
        let glance = wire.exchange.glance(&wire.lanes);
        let message = (glance.request.message, glance.response.message);
        seen.push((glance.stage, glance.route, message));
    };
    looks(&wire);
    wire.client_sends("POST / HTTP/1.1\r\n");
    looks(&wire);
    wire.client_sends("Host: h\r\nContent-Length: 3\r\n\r\na");
    looks(&wire);
    wire.gets_a_place();
    looks(&wire);
    wire.connects().upstream_sends("HTTP/1.1 200 OK\r\n");
    looks(&wire);
    wire.upstream_sends("Content-Length: 1\r\n\r\nx");
    looks(&wire);
    wire.client_sends("bc");
    looks(&wire);
    wire.connecting = Connecting::Reused;
    wire.client_sends(GET);
    looks(&wire);
    wire.upstream_sends(OK).client_sends("BAD\r\n\r\n");
    looks(&wire);
    wire.client_closes();
    looks(&wire);
    assert_eq!(
        seen,
        [
            ("idle", "none", ("idle", "idle")),
            ("head", "none", ("head", "idle")),
            ("serving", "waiting", ("body", "idle")),
            ("serving", "dialing", ("body", "idle")),
            ("serving", "connected", ("body", "head")),
            ("winding_up", "over", ("body", "done")),
            ("idle", "none", ("idle", "idle")),
            ("serving", "reused", ("done", "idle")),
            ("lingering", "over", ("cut", "done")),
            ("closed", "over", ("cut", "done")),
        ]
    );
    let mut tunnel = Wire::new();
    tunnel.client_sends("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    tunnel.upstream_sends("HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n");
    let glance = tunnel.exchange.glance(&tunnel.lanes);
    assert_eq!((glance.stage, glance.route), ("tunnel", "connected"));
}
