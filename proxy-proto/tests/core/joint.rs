//! The rules that join the two sides: retries, early responses, broken ones, upgrades.

use crate::wire::{Connecting, GET, OK, Wire, body_of};
use proxy_proto::{Cause, CloseReason, Fault, Peer};

const POST: &str = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";

fn reused() -> Wire {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Reused;
    wire
}

#[test]
fn retries_once_when_a_reused_connection_was_dead() {
    let mut wire = reused();
    wire.client_sends(GET).upstream_closes();
    assert_eq!(wire.before[0], wire.upstream.got, "the same request, again");
    wire.upstream_sends(OK);
    assert_eq!(wire.status(), Some(200));
    assert!(wire.finished[0].retried);
    let mut twice = reused();
    twice.client_sends(GET).breaks(Peer::Upstream).breaks(Peer::Upstream);
    assert_eq!((twice.status(), twice.cause()), (Some(502), Some("upstream_reset")));
}

#[test]
fn retries_a_body_that_still_lies_in_its_window() {
    let mut wire = reused();
    wire.client_sends(POST.replace("POST", "PUT")).breaks(Peer::Upstream);
    assert_eq!(body_of(&wire.upstream_got()), "hello");
    let mut large = reused();
    large.client_sends(format!(
        "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n{}",
        "x".repeat(20_000)
    ));
    large.breaks(Peer::Upstream);
    assert_eq!(large.cause(), Some("upstream_reset"));
}

#[test]
fn does_not_send_twice_what_may_have_been_executed() {
    let mut wire = reused();
    wire.client_sends(POST).upstream_closes();
    assert_eq!((wire.status(), wire.cause()), (Some(502), Some("upstream_eof")));
    let mut begun = reused();
    begun.client_sends(GET).upstream_sends("HTTP").breaks(Peer::Upstream);
    assert_eq!(begun.cause(), Some("upstream_reset"), "a response had begun");
    let mut fresh = Wire::new();
    fresh.client_sends(GET).upstream_closes();
    assert_eq!(fresh.cause(), Some("upstream_eof"), "a new connection was not stale");
}

#[test]
fn retries_any_method_when_nothing_was_sent() {
    let mut wire = reused();
    wire.stalls(Peer::Upstream).client_sends(POST).refuses_bytes(Peer::Upstream);
    wire.upstream_closes().resumes(Peer::Upstream);
    assert_eq!(body_of(&wire.upstream_got()), "hello");
}

#[test]
fn takes_no_bytes_that_were_there_before_the_request() {
    let mut wire = reused();
    wire.stalls(Peer::Upstream).client_sends(GET).upstream_sends(OK).resumes(Peer::Upstream);
    assert!(wire.client_got().is_empty(), "not one of them reaches the client");
    wire.upstream_sends(OK.replace("hi", "me"));
    assert_eq!(body_of(&wire.client_got()), "me");
}

#[test]
fn reads_a_refusal_from_an_upstream_that_takes_no_more() {
    let mut wire = Wire::new();
    wire.client_sends("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\nabc");
    wire.refuses_bytes(Peer::Upstream);
    wire.upstream_sends("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").upstream_closes();
    assert!(wire.takes().starts_with("HTTP/1.1 413"));
    assert_eq!(wire.was_discarded(), Some(CloseReason::EarlyResponse));
}

#[test]
fn drains_a_body_whose_answer_came_early_and_keeps_the_client() {
    let mut wire = Wire::new();
    wire.client_sends("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
        .upstream_sends(OK);
    assert_eq!(wire.was_discarded(), Some(CloseReason::EarlyResponse));
    assert_eq!(wire.finished.len(), 1);
    assert!(!wire.exchange.is_idle());
    wire.client_sends(format!("defghij{GET}"));
    assert!(
        wire.upstream_got().starts_with("GET /a "),
        "what follows the body is the next request"
    );
}

#[test]
fn closes_when_too_much_of_a_refused_body_remains() {
    let mut wire = Wire::new();
    wire.client_sends("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\nabc")
        .upstream_sends(OK);
    wire.client_sends("x".repeat(300_000));
    assert!(wire.client.saw_shutdown);
}

#[test]
fn never_ends_a_message_that_broke_off() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel";
    let mut wire = Wire::new();
    wire.client_sends(GET).upstream_sends(chunked).upstream_closes();
    assert!(wire.client_got().ends_with("5\r\nhel"));
    assert_eq!(wire.was_closed(), Some(CloseReason::Failed(Cause::UpstreamEof)));
    assert_eq!(wire.cause(), Some("upstream_eof"));
    // A client that reads until close would take it for whole.
    let mut old = Wire::new();
    old.client_sends("GET / HTTP/1.0\r\n\r\n").upstream_sends(chunked).upstream_closes();
    assert_eq!(old.was_aborted(), Some(CloseReason::Failed(Cause::UpstreamEof)));
}

#[test]
fn cuts_the_upstream_off_when_the_request_breaks_within_its_body() {
    let mut wire = Wire::new();
    wire.client_sends("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello");
    wire.client_sends("XX0\r\n\r\n");
    let got = String::from_utf8_lossy(&wire.before[0]).into_owned();
    assert_eq!(body_of(&got), "5\r\nhello", "and no last chunk");
    assert!(wire.takes().starts_with("HTTP/1.1 400"));
    assert_eq!(wire.was_discarded(), Some(CloseReason::Failed(Cause::BadRequest)));
}

#[test]
fn answers_502_for_a_bad_body_that_came_with_its_head() {
    let mut wire = Wire::new();
    wire.client_sends(GET)
        .upstream_sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz");
    assert_eq!((wire.status(), wire.cause()), (Some(502), Some("bad_response")));
    assert!(wire.takes().starts_with("HTTP/1.1 502"));
}

#[test]
fn does_not_reuse_what_said_more_than_its_response() {
    let mut wire = Wire::new();
    wire.client_sends(GET)
        .upstream_sends(format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    assert_eq!(wire.was_discarded(), Some(CloseReason::StrayBytes));
    wire.client_sends(GET).upstream_sends(OK);
    assert!(!wire.client_got().contains("evil"));
}

#[test]
fn does_not_reuse_what_said_close() {
    for head in ["HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK"] {
        let mut wire = Wire::new();
        wire.client_sends(GET).upstream_sends(format!("{head}\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(wire.was_discarded(), Some(CloseReason::NotPersistent));
        assert!(wire.exchange.is_idle());
    }
}

const UPGRADE: &str =
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

#[test]
fn tunnels_once_the_upstream_has_switched() {
    let mut wire = Wire::new();
    wire.client_sends(UPGRADE);
    assert!(wire.upstream_got().contains("Upgrade: websocket\r\nConnection: upgrade\r\n"));
    wire.upstream_sends(format!("{SWITCH}hello"));
    assert!(wire.takes().contains("Upgrade: websocket\r\nConnection: upgrade\r\n"));
    wire.client_sends("\x00\x01\r\n\r\n").upstream_sends("\x02");
    assert!(wire.upstream_got().ends_with("\x00\x01\r\n\r\n"));
    assert!(wire.client_got().ends_with('\x02'));
    wire.client_closes();
    assert!(wire.upstream.saw_shutdown && !wire.client.saw_shutdown, "half-closed");
    wire.upstream_sends("still");
    assert!(wire.client_got().ends_with("still"));
    wire.upstream_closes();
    assert_eq!(wire.was_closed(), Some(CloseReason::TunnelEnded));
    assert_eq!(wire.finished[0].status, Some(101));
}

#[test]
fn does_not_tunnel_before_the_upstream_has_switched() {
    let mut wire = Wire::new();
    wire.client_sends(format!("{UPGRADE}GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert!(!wire.upstream_got().contains("smuggled"));
    wire.upstream_sends(OK);
    assert!(wire.takes().contains("Connection: close\r\n"));
    assert!(!wire.upstream_got().contains("smuggled"), "nor is it a request of its own");
    assert_eq!(wire.before.len(), 1);
}

#[test]
fn refuses_a_switch_that_nobody_asked_for() {
    let mut wire = Wire::new();
    wire.client_sends(GET).upstream_sends(SWITCH);
    assert_eq!((wire.status(), wire.cause()), (Some(502), Some("bad_response")));
}

#[test]
fn does_not_offer_http_2_in_clear_text() {
    let mut wire = Wire::new();
    wire.client_sends("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n");
    assert!(!wire.upstream_got().contains("pgrade"));
}

#[test]
fn ignores_replies_that_come_too_late() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Hangs;
    wire.client_sends(GET).passes(crate::wire::seconds(2));
    assert_eq!(wire.status(), Some(504));
    wire.connects();
    assert!(wire.exchange.is_idle());
}

#[test]
fn does_not_parse_what_follows_an_upgrade_that_failed() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Fails(Fault::new(Cause::ConnectRefused, "connection refused"));
    wire.client_sends(format!("{UPGRADE}{GET}"));
    assert_eq!(wire.finished.len(), 1, "bytes sent on the strength of an upgrade are no request");
    assert!(wire.takes().contains("Connection: close\r\n"));
}

#[test]
fn ends_a_tunnel_whose_upstream_accepts_nothing() {
    let mut wire = Wire::new();
    wire.client_sends(UPGRADE).upstream_sends(SWITCH).stalls(Peer::Upstream);
    wire.client_sends("lost").refuses_bytes(Peer::Upstream);
    wire.upstream_sends("last words").upstream_closes();
    assert!(wire.client_got().ends_with("last words"));
    assert_eq!(wire.was_closed(), Some(CloseReason::TunnelEnded));
}

#[test]
fn unwraps_all_chunks_that_came_before_the_upstream_closed() {
    let chunks = "3\r\nabc\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n";
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut wire = Wire::new();
    wire.client_sends("GET / HTTP/1.0\r\n\r\n").stalls(Peer::Client);
    wire.upstream_sends(format!("{head}{chunks}")).upstream_closes().resumes(Peer::Client);
    assert_eq!((body_of(&wire.client_got()), wire.cause()), ("abcdef", None));
    let mut broken = Wire::new();
    broken.client_sends("GET / HTTP/1.0\r\n\r\n").stalls(Peer::Client);
    broken.upstream_sends(format!("{head}{}", &chunks[..18])).upstream_closes();
    broken.resumes(Peer::Client);
    assert_eq!((body_of(&broken.client_got()), broken.cause()), ("abcde", Some("upstream_eof")));
    assert!(broken.was_aborted().is_some());
}

#[test]
fn answers_a_client_that_gives_up_the_rest_of_a_refused_body() {
    let mut wire = Wire::new();
    wire.client_sends("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    wire.stalls(Peer::Client).upstream_sends(OK).client_closes().resumes(Peer::Client);
    assert_eq!(body_of(&wire.client_got()), "hi");
    assert_eq!((wire.status(), wire.cause()), (Some(200), None));
    assert!(wire.exchange.is_closed());
}

#[test]
fn keeps_a_client_that_did_not_wait_for_its_100() {
    let expects = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let mut wire = Wire::new();
    wire.client_sends(expects).client_sends("ab").upstream_sends(OK);
    assert!(!wire.takes().contains("Connection: close"), "its body is on its way");
    wire.client_sends(format!("cd{GET}"));
    assert!(wire.upstream_got().starts_with("GET /a "));
}

#[test]
fn does_not_take_the_request_behind_for_the_body_that_is_awaited() {
    let expects = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let mut wire = Wire::new();
    // What came before the request says nothing about its body.
    wire.client_sends(GET).client_sends(expects);
    wire.upstream_sends(OK).upstream_sends("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    assert!(wire.takes().contains("Connection: close"));
}

#[test]
fn lets_a_whole_response_go_out_though_the_request_breaks_off() {
    let post = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut late = Wire::new();
    late.grain = 5;
    late.client_sends(post).stalls(Peer::Client).upstream_sends(OK).takes_one_piece();
    late.client_sends("no size").resumes(Peer::Client);
    assert_eq!(body_of(&late.client_got()), "hi");
    assert_eq!((late.status(), late.cause()), (Some(200), None));
    assert!(late.client.saw_shutdown, "and nothing more is read");
    // One that is not whole yet breaks off instead.
    let mut part = Wire::new();
    part.client_sends(post);
    part.upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi").client_sends("no size");
    assert_eq!(part.cause(), Some("bad_request"));
    assert!(part.was_aborted().is_some() || part.was_closed().is_some());
    // And one of which nothing has gone out gives way to the answer that tells.
    let mut early = Wire::new();
    early.client_sends(post).stalls(Peer::Client).upstream_sends(OK);
    early.client_sends("no size").resumes(Peer::Client);
    assert!(!early.client_got().is_empty());
}

#[test]
fn drains_as_much_of_a_refused_body_as_is_stated_and_no_more() {
    const MOST: usize = 256 * 1024;
    for (length, keeps) in [(MOST, true), (MOST + 1, false)] {
        let mut wire = Wire::new();
        wire.client_sends(format!(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n"
        ))
        .upstream_sends(OK);
        wire.client_sends("x".repeat(length)).client_sends(GET);
        assert_eq!(wire.upstream_got().starts_with("GET /a "), keeps, "{length}");
        assert_eq!(wire.exchange.is_closed(), !keeps);
    }
}
