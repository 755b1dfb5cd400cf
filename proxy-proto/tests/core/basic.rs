//! One request, one response: what each side sees.

use crate::wire::{Connecting, GET, OK, Routing, Wire, body_of, seconds};
use proxy_proto::{Action, Cause, CloseReason, Fault, LocalHead, Peer};

#[test]
fn forwards_a_request_with_its_origin_and_the_response_with_its_trace() {
    let mut wire = Wire::new();
    wire.client_sends("GET /a?b HTTP/1.1\r\nHost: h\r\nX-Case: Kept\r\nAccept: */*\r\n\r\n");
    assert_eq!(
        wire.upstream_got(),
        "GET /a?b HTTP/1.1\r\nHost: h\r\nX-Case: Kept\r\nAccept: */*\r\n\
         X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: h\r\nX-Forwarded-Proto: http\r\n\
         Via: 1.1 proxy\r\nX-Trace-ID: 00000000-0000-0000-0000-000000000001\r\n\r\n"
    );
    wire.upstream_sends("HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nServer: s\r\n\r\nhi");
    assert_eq!(
        wire.client_got(),
        "HTTP/1.1 200 Fine\r\nServer: s\r\nContent-Length: 2\r\n\
         X-Trace-ID: 00000000-0000-0000-0000-000000000001\r\n\r\nhi"
    );
    assert!(wire.was_recycled());
    assert!(wire.exchange.is_idle());
    let summary = wire.finished[0];
    assert_eq!((summary.status, summary.fault, summary.routed), (Some(200), None, true));
    assert_eq!(summary.bytes_sent, wire.client.got.len() as u64);
}

#[test]
fn removes_hop_by_hop_fields_both_ways_but_none_that_frames_or_routes() {
    let mut wire = Wire::new();
    wire.client_sends(
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: close, X-Mine, Content-Length, Host, X-Forwarded-For\r\n\
         X-Mine: 1\r\nKeep-Alive: 1\r\nTE: trailers\r\nProxy-Connection: x\r\nUpgrade: x\r\n\
         HTTP2-Settings: x\r\nContent-Length: 2\r\nX-Forwarded-For: 10.0.0.1\r\nX-Trace-ID: forged\r\n\
         Cookie: c\r\n\r\nhi",
    );
    assert_eq!(
        wire.upstream_got(),
        "POST / HTTP/1.1\r\nHost: h\r\nCookie: c\r\nContent-Length: 2\r\n\
         X-Forwarded-For: 10.0.0.1, 192.0.2.7\r\nX-Forwarded-Host: h\r\nX-Forwarded-Proto: http\r\n\
         Via: 1.1 proxy\r\nX-Trace-ID: 00000000-0000-0000-0000-000000000001\r\n\r\nhi"
    );
    wire.upstream_sends(
        "HTTP/1.1 200 OK\r\nConnection: X-Theirs\r\nX-Theirs: 1\r\nKeep-Alive: x\r\n\
         Upgrade: h2c\r\nX-Trace-ID: other\r\nContent-Length: 0\r\nSet-Cookie: d\r\n\r\n",
    );
    assert_eq!(
        wire.client_got(),
        "HTTP/1.1 200 OK\r\nSet-Cookie: d\r\nContent-Length: 0\r\nConnection: close\r\n\
         X-Trace-ID: 00000000-0000-0000-0000-000000000001\r\n\r\n"
    );
    assert_eq!(wire.was_closed(), Some(CloseReason::NotPersistent));
}

#[test]
fn answers_for_an_upstream_that_refuses() {
    let mut wire = Wire::new();
    wire.connecting = Connecting::Fails(Fault::new(Cause::ConnectRefused, "connection refused"));
    wire.client_sends(GET);
    assert_eq!(
        wire.takes(),
        "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nContent-Length: 57\r\n\
         X-Proxy-Error: connect_refused\r\nX-Trace-ID: 00000000-0000-0000-0000-000000000001\r\n\r\n\
         Upstream unavailable: connection refused (127.0.0.1:9001)"
    );
    assert_eq!(wire.cause(), Some("connect_refused"));
    assert!(wire.exchange.is_idle(), "the request was read whole: the connection stays");
    wire.connecting = Connecting::New;
    wire.client_sends(GET).upstream_sends(OK);
    assert!(wire.takes().starts_with("HTTP/1.1 200"));
}

#[test]
fn serves_pipelined_requests_in_order() {
    let mut wire = Wire::new();
    wire.client_sends(format!("{GET}{}{GET}", GET.replace("/a", "/b")));
    assert!(wire.upstream_got().starts_with("GET /a "));
    wire.upstream_sends(OK);
    assert!(wire.upstream_got().starts_with("GET /b "), "one at a time, in order");
    wire.upstream_sends(OK.replace("hi", "ho"));
    wire.upstream_sends(OK);
    let got = wire.takes();
    let bodies: Vec<_> =
        got.match_indices("\r\n\r\nh").map(|(at, _)| &got[at + 4..at + 6]).collect();
    assert_eq!(bodies, ["hi", "ho", "hi"]);
    let traces: Vec<_> = wire.finished.iter().map(|summary| summary.trace.as_u128()).collect();
    assert_eq!(traces, [1, 2, 3]);
}

#[test]
fn does_not_let_a_bad_second_request_harm_the_first() {
    let mut wire = Wire::new();
    wire.client_sends(format!("{GET}BAD\r\n\r\n"));
    wire.upstream_sends(OK);
    let got = wire.takes();
    assert!(got.starts_with("HTTP/1.1 200 OK"));
    assert!(got.contains("hiHTTP/1.1 400 Bad Request"));
    assert_eq!(wire.before.len(), 1, "the second one reached nobody");
}

#[test]
fn relays_interim_responses_but_not_to_http_1_0() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n";
    let mut wire = Wire::new();
    wire.client_sends(GET).upstream_sends(early);
    assert_eq!(wire.takes(), early);
    wire.upstream_sends(early).upstream_sends(OK);
    assert!(wire.takes().starts_with(early));
    let mut old = Wire::new();
    old.client_sends("GET / HTTP/1.0\r\n\r\n").upstream_sends(early).upstream_sends(OK);
    assert!(old.takes().starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn bounds_a_flood_of_interim_responses() {
    let mut wire = Wire::new();
    wire.client_sends(GET);
    for _ in 0..40 {
        wire.upstream_sends("HTTP/1.1 102 Processing\r\n\r\n");
    }
    assert_eq!(wire.cause(), Some("bad_response"));
}

#[test]
fn passes_100_continue_on_and_waits_with_the_client() {
    let mut wire = Wire::new();
    wire.client_sends(
        "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    assert!(wire.upstream_got().contains("Expect: 100-continue\r\n"));
    wire.upstream_sends("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(wire.takes(), "HTTP/1.1 100 Continue\r\n\r\n");
    wire.client_sends("hi").upstream_sends(OK);
    assert!(wire.was_recycled());
    assert!(wire.exchange.is_idle());
}

#[test]
fn ends_the_connection_when_an_expected_body_never_comes() {
    let mut wire = Wire::new();
    wire.client_sends(
        "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
    );
    wire.upstream_sends("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    assert!(wire.takes().contains("Connection: close\r\n"));
    assert_eq!(wire.was_discarded(), Some(CloseReason::EarlyResponse));
    assert!(wire.client.saw_shutdown);
}

#[test]
fn gives_a_head_request_no_body_but_the_length_of_one() {
    let mut wire = Wire::new();
    wire.client_sends(GET.replace("GET", "HEAD"));
    wire.upstream_sends("HTTP/1.1 200 OK\r\nContent-Length: 5120\r\n\r\n");
    assert!(wire.takes().contains("Content-Length: 5120\r\n"));
    assert!(wire.was_recycled());
}

#[test]
fn gives_204_and_304_no_body() {
    for (head, length) in [("204 No Content", false), ("304 Not Modified", true)] {
        let mut wire = Wire::new();
        wire.client_sends(GET)
            .upstream_sends(format!("HTTP/1.1 {head}\r\nContent-Length: 5\r\n\r\n"));
        assert_eq!(wire.takes().contains("Content-Length: 5\r\n"), length);
        assert!(wire.was_recycled());
    }
}

#[test]
fn passes_chunks_and_trailers_both_ways() {
    let body = "3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n";
    let kept = "3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nX-Sum: 1\r\n\r\n";
    let mut wire = Wire::new();
    wire.client_sends(format!(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n{body}"
    ));
    assert!(wire.upstream_got().contains("Transfer-Encoding: chunked\r\n"));
    assert_eq!(body_of(&wire.upstream_got()), kept);
    wire.upstream_sends(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
    assert_eq!(body_of(&wire.takes()), kept);
    assert!(wire.was_recycled());
    assert!(wire.exchange.is_idle());
}

#[test]
fn frames_what_ends_by_close_in_chunks() {
    let mut wire = Wire::new();
    wire.client_sends(GET).upstream_sends("HTTP/1.0 200 OK\r\n\r\nfirst").upstream_sends("second");
    assert_eq!(body_of(&wire.client_got()), "5\r\nfirst\r\n6\r\nsecond\r\n");
    wire.upstream_closes();
    assert_eq!(body_of(&wire.client_got()), "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n");
    assert_eq!(wire.was_discarded(), Some(CloseReason::NotPersistent));
    assert!(wire.exchange.is_idle(), "the client's connection lives on");
}

#[test]
fn unwraps_chunks_for_http_1_0() {
    let mut wire = Wire::new();
    wire.client_sends("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert!(wire.upstream_got().contains("Host: 127.0.0.1:9001\r\n"));
    wire.upstream_sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n");
    assert_eq!(body_of(&wire.client_got()), "abcde");
    assert!(wire.client_got().contains("Connection: close\r\n"));
    assert_eq!(wire.was_closed(), Some(CloseReason::NotPersistent));
}

#[test]
fn keeps_an_http_1_0_connection_that_asks_for_it() {
    let mut wire = Wire::new();
    wire.client_sends("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").upstream_sends(OK);
    assert!(wire.takes().contains("Connection: keep-alive\r\n"));
    assert!(wire.exchange.is_idle());
}

#[test]
fn makes_origin_form_of_absolute_form_and_its_host() {
    let mut wire = Wire::new();
    wire.client_sends("GET http://b:81?q HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
    assert!(wire.upstream_got().starts_with("GET /?q HTTP/1.1\r\nX: 1\r\nHost: b:81\r\n"));
}

#[test]
fn streams_more_than_a_window_in_bounded_memory() {
    let mut wire = Wire::new();
    let body = "x".repeat(1_000_000);
    wire.client_sends(format!(
        "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(body_of(&wire.upstream_got()).len(), body.len());
    wire.upstream_sends(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    assert_eq!(body_of(&wire.client_got()).len(), body.len());
    assert_eq!(wire.lanes.capacity(), crate::wire::WINDOW);
}

#[test]
fn slows_the_sender_when_the_reader_is_slow() {
    let mut wire = Wire::new();
    wire.client_sends(GET).stalls(Peer::Client);
    let body = "x".repeat(100_000);
    wire.upstream_sends(format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{body}"));
    assert!(!wire.exchange.interest(Peer::Upstream, &wire.lanes).recv, "no room: no interest");
    wire.resumes(Peer::Client);
    assert_eq!(body_of(&wire.client_got()).len(), 100_000);
}

#[test]
fn frees_the_upstream_before_a_slow_client_has_the_last_bytes() {
    let mut wire = Wire::new();
    wire.client_sends(GET).stalls(Peer::Client).upstream_sends(OK);
    assert!(wire.was_recycled());
    assert!(wire.finished.is_empty());
    wire.resumes(Peer::Client);
    assert_eq!(wire.finished.len(), 1);
}

#[test]
fn answers_from_the_driver_itself() {
    let mut wire = Wire::new();
    wire.routing = Routing::Local(LocalHead { status: 200, content_type: "text/plain", length: 3 });
    wire.client_sends(GET).upstream_sends("abc");
    let got = wire.takes();
    assert!(
        got.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n")
    );
    assert!(got.ends_with("\r\n\r\nabc"));
    wire.client_sends(GET.replace("GET", "HEAD"));
    assert!(wire.takes().contains("Content-Length: 3\r\n"));
    assert!(!wire.actions.iter().any(|a| matches!(a, Action::Connect { .. })));
    wire.routing = Routing::Refuse(Fault::new(Cause::MethodNotAllowed, "only GET and HEAD"));
    wire.client_sends(GET.replace("GET", "POST"));
    assert!(wire.takes().contains("405 Method Not Allowed\r\n"));
}

#[test]
fn drains_after_what_is_in_progress() {
    let mut wire = Wire::new();
    wire.client_sends(GET).drains().upstream_sends(OK);
    assert!(wire.takes().contains("Connection: close\r\n"));
    assert_eq!(wire.was_closed(), Some(CloseReason::NotPersistent));
    let mut idle = Wire::new();
    idle.drains();
    assert_eq!(idle.was_closed(), Some(CloseReason::Draining));
}

#[test]
fn keeps_serving_a_client_that_has_closed_its_half() {
    let mut wire = Wire::new();
    wire.client_sends(GET).client_closes().upstream_sends(OK);
    assert!(wire.takes().ends_with("hi"));
    assert_eq!(wire.was_closed(), Some(CloseReason::NotPersistent));
}

#[test]
fn serves_all_that_came_before_the_client_closed_its_half() {
    let mut wire = Wire::new();
    wire.client_sends(format!("{GET}{GET}")).client_closes();
    wire.upstream_sends(OK).upstream_sends(OK);
    let got = wire.takes();
    assert_eq!(got.matches("HTTP/1.1 200 OK").count(), 2, "{got}");
    assert_eq!(got.matches("Connection: close").count(), 1, "with the last one");
    assert_eq!(wire.was_closed(), Some(CloseReason::NotPersistent));
}

#[test]
fn drops_the_upstream_when_the_client_goes() {
    let mut wire = Wire::new();
    wire.client_sends(GET).breaks(Peer::Client);
    assert_eq!(wire.was_discarded(), Some(CloseReason::Failed(Cause::ClientGone)));
    assert_eq!(wire.cause(), Some("client_gone"));
    let mut body = Wire::new();
    body.client_sends("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc").client_closes();
    assert_eq!(body.was_discarded(), Some(CloseReason::Failed(Cause::ClientGone)));
}

#[test]
fn ignores_one_empty_line_before_a_request() {
    for grain in [1, 1000] {
        let mut wire = Wire::new();
        wire.grain = grain;
        wire.client_sends(format!("\r\n{GET}")).upstream_sends(OK);
        assert!(wire.takes().starts_with("HTTP/1.1 200 OK"));
        wire.client_sends(format!("\r\n\r\n{GET}"));
        assert!(wire.takes().starts_with("HTTP/1.1 400"));
    }
}

#[test]
fn lingers_so_that_its_answer_survives() {
    let mut wire = Wire::new();
    wire.client_sends("BAD\r\n\r\nmore");
    assert!(wire.takes().starts_with("HTTP/1.1 400 Bad Request"));
    assert!(wire.client.saw_shutdown);
    assert!(!wire.exchange.is_closed());
    wire.client_sends("still sending").passes(seconds(1));
    assert!(!wire.exchange.is_closed());
    wire.client_closes();
    assert!(wire.exchange.is_closed());
}

#[test]
fn passes_trailers_as_large_as_a_head() {
    let trailer = format!("X-Sum: {}\r\n", "y".repeat(12_000));
    let body = format!("2\r\nhi\r\n0\r\n{trailer}\r\n");
    let mut wire = Wire::new();
    wire.client_sends(format!(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
    ));
    assert!(wire.upstream_got().ends_with(&body));
    wire.upstream_sends(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
    assert!(wire.client_got().ends_with(&body));
}
