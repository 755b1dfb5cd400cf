//! Interim responses: 100 when a client waits for it, 103 and the others whenever an upstream sends
//! them.

use proxy_tests::{Config, PATIENCE, Upstream, get, ok, proxy_test};

proxy_test!(an_expectation_is_met_by_the_upstream, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends(EXPECTING);
    let mut connection = upstream.accepts();
    assert_eq!(connection.reads_head().header("Expect"), Some("100-continue"));
    connection.answers("HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(client.reads_response().status(), 100);
    client.sends("hello");
    assert_eq!(connection.reads_exactly(5), b"hello");
    connection.answers(ok("thanks"));
    assert_eq!(client.reads_response().text(), "thanks");

    client.sends(get("/2"));
    assert_eq!(connection.reads_request().target(), "/2", "both connections are kept");
});

proxy_test!(an_expectation_may_be_refused, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends(EXPECTING);
    let mut connection = upstream.accepts();
    connection.reads_head();
    connection.answers("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
    let response = client.reads_response();
    assert_eq!((response.status(), response.text()), (417, "no"));
    assert!(client.is_closed_within(PATIENCE), "whether the body comes is the client's choice");
    assert!(connection.is_closed_within(PATIENCE), "no request can follow on it");
});

proxy_test!(a_client_need_not_wait_for_the_100, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends(EXPECTING).sends("hello");
    let mut connection = upstream.accepts();
    assert_eq!(connection.reads_request().text(), "hello");
    connection.answers(ok("thanks"));
    assert_eq!(client.reads_response().text(), "thanks");
});

proxy_test!(an_upstream_that_ignores_an_expectation_is_timed, |binary| {
    let upstream = Upstream::listen();
    let config = Config::of([upstream.addr()]).with("timeouts: { read_ms: 300 }");
    let proxy = binary.starts(config);
    let mut client = proxy.client();

    client.sends(EXPECTING);
    let mut connection = upstream.accepts();
    connection.reads_head();
    assert_eq!(client.reads_response().status(), 504);
    proxy.wait_metric("proxy_timeout_errors_total{type=\"read\"}", 1);
});

proxy_test!(early_hints_are_relayed, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    for number in 1..=5 {
        connection.answers(format!("HTTP/1.1 103 Early Hints\r\nLink: </{number}>\r\n\r\n"));
        let hint = client.reads_response();
        assert_eq!(hint.status(), 103);
        assert_eq!(hint.header("Link"), Some(format!("</{number}>").as_str()));
    }
    connection.answers(ok("at last"));
    assert_eq!(client.reads_response().text(), "at last");
});

proxy_test!(http_1_0_knows_no_interim_response, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends("GET / HTTP/1.0\r\n\r\n");
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers("HTTP/1.1 103 Early Hints\r\n\r\n").answers(ok("at last"));
    let response = client.reads_response();
    assert_eq!((response.status(), response.text()), (200, "at last"));
});

proxy_test!(a_101_that_nobody_asked_for_is_no_tunnel, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection
        .answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
    assert_eq!(client.reads_response().status(), 502);
    assert!(connection.is_closed_within(PATIENCE));
});

const EXPECTING: &str =
    "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
