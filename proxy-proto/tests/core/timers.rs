//! Each timer of the table: when it runs, when it does not, and what it does.

use std::time::Duration;

use crate::wire::{Connecting, GET, OK, Wire, seconds};
use proxy_proto::{Action, CloseReason, Deadline, Instant, Peer, Settings, Timer};

fn patient() -> Settings {
    let mut settings = Settings::default();
    settings.timeouts.total = None;
    settings
}

#[test]
fn closes_an_idle_client_silently() {
    let mut wire = Wire::new();
    assert_eq!(wire.timer(), Some(Timer::ClientIdle));
    wire.passes(seconds(59));
    assert!(!wire.exchange.is_closed());
    wire.passes(seconds(1));
    assert_eq!(wire.was_closed(), Some(CloseReason::Idle));
    assert_eq!((wire.client_got().as_str(), wire.finished.len()), ("", 0));
}

#[test]
fn restarts_the_idle_time_behind_each_response() {
    let mut wire = Wire::new();
    wire.passes(seconds(59)).client_sends(GET).upstream_sends(OK).passes(seconds(59));
    assert!(wire.exchange.is_idle());
    wire.passes(seconds(1));
    assert_eq!(wire.was_closed(), Some(CloseReason::Idle));
}

#[test]
fn gives_a_head_ten_seconds_however_it_trickles() {
    let mut wire = Wire::new();
    for byte in GET.bytes().take(20) {
        wire.client_sends([byte]).passes(Duration::from_millis(500));
    }
    assert!(wire.takes().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    assert_eq!(wire.cause(), Some("client_head_timeout"));
    assert!(!wire.finished[0].routed);
}

#[test]
fn gives_a_body_time_between_its_bytes() {
    let mut wire = Wire::with(patient());
    wire.client_sends("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n");
    for _ in 0..8 {
        wire.passes(seconds(14)).client_sends("x");
    }
    assert_eq!(wire.timer(), Some(Timer::ClientBody));
    wire.passes(seconds(15));
    assert!(wire.takes().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    assert_eq!(wire.cause(), Some("client_body_timeout"));
}

#[test]
fn gives_up_on_a_client_that_takes_nothing() {
    let mut wire = Wire::with(patient());
    wire.client_sends(GET).stalls(Peer::Client).upstream_sends(OK);
    assert_eq!(wire.timer(), Some(Timer::ClientSend));
    wire.passes(seconds(15));
    assert_eq!(wire.cause(), Some("client_send_timeout"));
    assert!(wire.was_aborted().is_some());
}

#[test]
fn answers_504_when_connecting_takes_too_long() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Hangs;
    wire.client_sends(GET);
    assert_eq!(wire.timer(), Some(Timer::Connect));
    wire.passes(Duration::from_millis(999));
    assert!(wire.finished.is_empty());
    wire.passes(Duration::from_millis(1));
    assert_eq!((wire.status(), wire.cause()), (Some(504), Some("connect_timeout")));
    assert!(wire.was_discarded().is_some());
    assert!(wire.exchange.is_idle());
}

#[test]
fn does_not_count_the_wait_for_a_place_as_connecting() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Waits;
    wire.client_sends(GET).passes(seconds(20));
    assert_eq!(wire.timer(), Some(Timer::Total));
    wire.gets_a_place();
    assert_eq!(wire.timer(), Some(Timer::Connect));
    wire.connects().upstream_sends(OK);
    assert_eq!(wire.status(), Some(200));
}

#[test]
fn ends_the_wait_for_a_place_by_the_total_time() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Waits;
    wire.client_sends(GET).passes(seconds(30));
    assert_eq!((wire.status(), wire.cause()), (Some(504), Some("queue_timeout")));
}

#[test]
fn answers_504_when_the_upstream_accepts_nothing() {
    let mut wire = Wire::with(patient());
    wire.stalls(Peer::Upstream).client_sends(GET);
    assert_eq!(wire.timer(), Some(Timer::UpstreamSend));
    wire.passes(seconds(15));
    assert_eq!((wire.status(), wire.cause()), (Some(504), Some("write_timeout")));
}

#[test]
fn answers_504_when_the_upstream_sends_nothing() {
    let mut wire = Wire::with(patient());
    wire.client_sends(GET);
    assert_eq!(wire.timer(), Some(Timer::UpstreamRead));
    wire.passes(seconds(15));
    assert_eq!((wire.status(), wire.cause()), (Some(504), Some("read_timeout")));
    assert!(wire.exchange.is_idle(), "the request was read whole: the connection stays");
}

#[test]
fn cuts_the_response_when_the_upstream_stops_within_it() {
    let mut wire = Wire::with(patient());
    wire.client_sends(GET).upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    for _ in 0..3 {
        wire.passes(seconds(14)).upstream_sends("d");
    }
    wire.passes(seconds(15));
    assert_eq!((wire.status(), wire.cause()), (Some(200), Some("read_timeout")));
    assert!(wire.exchange.is_closed());
    assert!(wire.client_got().ends_with("abcddd"));
}

#[test]
fn does_not_blame_the_upstream_for_a_slow_client() {
    let mut wire = Wire::with(patient());
    wire.client_sends(GET).stalls(Peer::Client);
    wire.upstream_sends(
        "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n".to_owned() + &"x".repeat(50_000),
    );
    assert_eq!(wire.timer(), Some(Timer::ClientSend));
    let mut upload = Wire::with(patient());
    upload.client_sends("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc");
    assert_eq!(upload.timer(), Some(Timer::ClientBody));
}

#[test]
fn waits_for_the_upstream_while_an_expectation_is_open() {
    let mut wire = Wire::with(patient());
    wire.client_sends(
        "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    );
    assert_eq!(wire.timer(), Some(Timer::UpstreamRead));
    wire.upstream_sends("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(wire.timer(), Some(Timer::ClientBody));
}

#[test]
fn bounds_the_whole_request_whatever_moves() {
    let mut wire = Wire::new();
    wire.client_sends(GET).upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    for _ in 0..30 {
        wire.passes(seconds(1)).upstream_sends("x");
    }
    assert_eq!((wire.status(), wire.cause()), (Some(200), Some("total_timeout")));
    assert!(wire.exchange.is_closed());
    let mut silent = Wire::new();
    silent.client_sends(GET).passes(seconds(14)).client_sends("x").passes(seconds(1));
    assert_eq!(silent.cause(), Some("read_timeout"), "the shorter one names it");
}

#[test]
fn lets_a_tunnel_live_as_long_as_bytes_pass() {
    let mut wire = Wire::new();
    wire.client_sends("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    wire.upstream_sends(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    );
    assert_eq!(wire.timer(), Some(Timer::TunnelIdle));
    for _ in 0..3 {
        wire.passes(seconds(299)).client_sends("a").passes(seconds(299)).upstream_sends("b");
    }
    wire.passes(seconds(300));
    assert_eq!(wire.cause(), Some("tunnel_idle"));
}

#[test]
fn ends_a_lingering_close() {
    let mut wire = Wire::new();
    wire.client_sends("BAD\r\n\r\n");
    assert_eq!(wire.timer(), Some(Timer::Linger));
    wire.client_sends("more").passes(seconds(2));
    assert_eq!(wire.was_closed(), Some(CloseReason::NotPersistent));
}

#[test]
fn fires_nothing_early() {
    let mut wire = Wire::new();
    wire.client_sends(GET);
    let before = wire.exchange.deadline();
    let now = wire.now;
    wire.exchange.handle_timeout(&mut wire.lanes, now);
    assert_eq!(wire.exchange.deadline(), before);
    assert_eq!(wire.exchange.poll_action(&wire.lanes), None);
}

#[test]
fn names_the_earliest_deadline() {
    let mut wire = Wire::new();
    wire.client_sends(GET);
    let at = Instant::EPOCH + seconds(1) + seconds(15);
    assert_eq!(wire.exchange.deadline(), Some(Deadline { at, timer: Timer::UpstreamRead }));
}

#[test]
fn says_finish_once_for_each_request_that_times_out() {
    let mut wire = Wire::new();
    wire.client_sends(GET).passes(seconds(100));
    let finishes = wire.actions.iter().filter(|a| matches!(a, Action::Finish(_))).count();
    assert_eq!(finishes, 1);
}

#[test]
fn does_not_wait_for_bytes_of_an_upstream_that_has_sent_them_all() {
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    for (request, response, closes) in [
        // Framed in chunks, whose last one waits for those before it.
        (GET, "HTTP/1.1 200 OK\r\n\r\nabcde", true),
        // Unwrapped chunk by chunk.
        ("GET / HTTP/1.0\r\n\r\n", chunked, false),
        // Behind an interim response.
        (GET, &format!("HTTP/1.1 102 Processing\r\n\r\n{OK}"), false),
    ] {
        let mut wire = Wire::with(patient());
        wire.client_sends(request).stalls(Peer::Client).upstream_sends(response);
        if closes {
            wire.upstream_closes();
        }
        wire.grain = 1;
        for _ in 0..4 {
            wire.passes(seconds(8)).takes_one_piece();
        }
        wire.resumes(Peer::Client);
        assert_eq!((wire.status(), wire.cause()), (Some(200), None), "{response:?}");
    }
}

#[test]
fn does_not_blame_an_upstream_that_a_slow_client_holds_up() {
    let mut wire = Wire::with(patient());
    wire.client_sends("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\nabc");
    wire.upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n");
    wire.stalls(Peer::Client).upstream_sends("x".repeat(50_000));
    wire.stalls(Peer::Upstream).client_sends("y".repeat(50_000));
    for _ in 0..4 {
        wire.grain = 1;
        wire.passes(seconds(8)).takes_one_piece();
    }
    assert_eq!(wire.timer(), Some(Timer::ClientSend));
    assert_eq!(wire.was_discarded(), None, "the upstream waits for the client, too");
}

#[test]
fn does_not_drain_a_trickle_for_ever() {
    let mut wire = Wire::new();
    wire.client_sends("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999\r\n\r\nabc");
    wire.upstream_sends(OK);
    assert_eq!(wire.timer(), Some(Timer::ClientBody));
    for _ in 0..5 {
        wire.passes(seconds(4)).client_sends("x");
    }
    assert!(wire.exchange.is_closed());
}

#[test]
fn renews_a_tunnel_for_each_byte_either_way() {
    let upgrade = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    let tunnel = || {
        let mut wire = Wire::new();
        wire.client_sends(upgrade).upstream_sends(switch).passes(seconds(200));
        wire
    };
    let lives = |mut wire: Wire, what| {
        wire.passes(seconds(200));
        assert!(!wire.exchange.is_closed(), "{what}");
        wire.passes(seconds(101));
        assert!(wire.exchange.is_closed(), "{what}");
    };
    let mut from_client = tunnel();
    from_client.stalls(Peer::Upstream).client_sends("x");
    lives(from_client, "the client sends");
    let mut from_upstream = tunnel();
    from_upstream.stalls(Peer::Client).upstream_sends("x");
    lives(from_upstream, "the upstream sends");
    for (from, to) in [(Peer::Client, Peer::Upstream), (Peer::Upstream, Peer::Client)] {
        let mut wire = tunnel();
        wire.stalls(to);
        match from {
            Peer::Client => wire.client_sends("x"),
            Peer::Upstream => wire.upstream_sends("x"),
        };
        wire.passes(seconds(200)).resumes(to);
        lives(wire, "bytes that waited are taken");
    }
    let mut silent = tunnel();
    silent.passes(seconds(101));
    assert!(silent.exchange.is_closed());
}

#[test]
fn bounds_a_body_that_nobody_waits_for_without_blaming_the_client() {
    let mut wire = Wire::new();
    wire.client_sends("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab")
        .upstream_sends(OK);
    wire.passes(seconds(16));
    assert_eq!((wire.finished.len(), wire.cause()), (1, None));
    assert!(wire.client.saw_shutdown);
}
