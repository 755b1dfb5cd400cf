//! Reused connections that turn out to be closed: hidden from the client where nothing can have
//! been executed twice.

use proxy_tests::{Config, Connection, PATIENCE, Proxy, Upstream, get, ok, post, proxy_test};

proxy_test!(a_connection_closed_while_idle_is_not_used, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    for _ in 0..5 {
        client.sends(get("/"));
        let mut connection = upstream.accepts();
        connection.reads_request();
        connection.answers(ok("hello"));
        connection.closes();
        assert_eq!(client.reads_response().text(), "hello");
    }
    assert_eq!(proxy.lines_with(" 502 in "), [""; 0]);
});

proxy_test!(a_get_is_sent_again_unseen, |binary| {
    for ends in [Connection::closes, Connection::resets] {
        let upstream = Upstream::listen();
        let (proxy, mut client, mut connection) = warm(binary, &upstream);
        client.sends(get("/again"));
        let first = connection.reads_request();
        ends(connection);
        let mut fresh = upstream.accepts();
        let second = fresh.reads_request();
        assert_eq!(second, first, "the same request, trace id included");
        fresh.answers(ok("hello"));
        let response = client.reads_response();
        assert_eq!((response.status(), response.text()), (200, "hello"));
        proxy.wait_metric("proxy_responses_total{status_class=\"2xx\"}", 2);
        proxy.wait_metric("proxy_responses_total{status_class=\"5xx\"}", 0);
        proxy.wait_metric("proxy_requests_total", 2);
        let upstream = upstream.addr();
        proxy.wait_metric(&format!("proxy_upstream_retries_total{{upstream=\"{upstream}\"}}"), 1);
    }
});

proxy_test!(a_get_is_sent_again_once_only, |binary| {
    let upstream = Upstream::listen();
    let (_proxy, mut client, mut connection) = warm(binary, &upstream);
    client.sends(get("/again"));
    connection.reads_request();
    connection.closes();
    let mut fresh = upstream.accepts();
    fresh.reads_request();
    fresh.closes();
    assert_eq!(client.reads_response().status(), 502);
});

proxy_test!(a_post_is_not_sent_again, |binary| {
    let upstream = Upstream::listen();
    let (_proxy, mut client, mut connection) = warm(binary, &upstream);
    client.sends(post("/", "pay"));
    assert_eq!(connection.reads_request().text(), "pay");
    connection.closes();
    let response = client.reads_response();
    assert_eq!(response.status(), 502);
    assert_eq!(response.header("X-Proxy-Error"), Some("upstream_eof"));
    assert!(upstream.is_left_alone_for(std::time::Duration::from_millis(200)));
});

proxy_test!(a_response_begun_is_never_begun_again, |binary| {
    let upstream = Upstream::listen();
    let (_proxy, mut client, mut connection) = warm(binary, &upstream);
    client.sends(get("/"));
    connection.reads_request();
    connection.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(client.reads_head().status(), 200);
    connection.closes();
    client.reads_exactly(5);
    assert!(client.is_closed_within(PATIENCE));
    assert!(upstream.is_left_alone_for(std::time::Duration::from_millis(200)));
});

proxy_test!(a_fresh_connection_that_dies_is_an_error, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    client.sends(post("/", "pay"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.closes();
    let response = client.reads_response();
    assert_eq!(response.status(), 502);
    assert_eq!(response.header("X-Proxy-Error"), Some("upstream_eof"));
    let series =
        format!("proxy_upstream_errors_total{{upstream=\"{}\",type=\"other\"}}", upstream.addr());
    proxy.wait_metric(&series, 1);
});

// CVE-2026-1642 of nginx: what an upstream says before it is asked is no answer.
proxy_test!(bytes_of_an_idle_connection_reach_nobody, |binary| {
    for stray in ["H", "\r\n", &ok("EVIL"), "HTTP/1.1 100 Continue\r\n\r\n", &"EVIL".repeat(10_000)]
    {
        let upstream = Upstream::listen();
        let (_proxy, mut client, mut connection) = warm(binary, &upstream);
        connection.answers(stray);
        assert!(connection.is_closed_within(PATIENCE), "{stray:.20?} is noticed without a request");
        client.sends(get("/next"));
        let mut fresh = upstream.accepts();
        fresh.reads_request();
        fresh.answers(ok("hello"));
        assert_eq!(client.reads_response().text(), "hello");
    }
});

/// One request done, and its connection parked for the next.
fn warm(
    binary: proxy_tests::Binary,
    upstream: &Upstream,
) -> (Proxy, proxy_tests::Client, Connection) {
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    client.sends(get("/first"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers(ok("first"));
    client.reads_response();
    (proxy, client, connection)
}
