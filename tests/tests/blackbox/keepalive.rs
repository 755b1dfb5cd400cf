//! Connections that are used again, on both sides, and those that must not be.

use std::time::Duration;

use proxy_tests::{Config, PATIENCE, Refusing, Server, Upstream, get, ok, post, proxy_test};

proxy_test!(many_requests_share_one_connection, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    for _ in 0..50 {
        assert_eq!(client.gets("/").text(), "hello");
    }
    assert_eq!(server.requests_by_connection(), [50]);
});

proxy_test!(an_idle_upstream_connection_is_closed_in_time, |binary| {
    let upstream = Upstream::listen();
    let config = Config::of([upstream.addr()]).with("timeouts: { upstream_idle_ms: 300 }");
    let proxy = binary.starts(config);
    let mut client = proxy.client();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers(ok("hello"));
    client.reads_response();
    assert!(connection.is_closed_within(PATIENCE));
    assert!(!client.is_closed_within(Duration::from_millis(50)), "the client's is another matter");
});

proxy_test!(reuse_may_be_switched_off, |binary| {
    let server = Server::answering("hello");
    let config = Config::of([server.addr()]).with("timeouts: { upstream_idle_ms: 0 }");
    let proxy = binary.starts(config);
    let mut client = proxy.client();
    for _ in 0..3 {
        client.gets("/");
    }
    assert_eq!(server.requests_by_connection(), [1, 1, 1]);
    server.wait_open(0);
});

proxy_test!(an_upstream_may_ask_for_no_reuse, |binary| {
    for start in ["HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK"] {
        let upstream = Upstream::listen();
        let proxy = binary.starts(Config::of([upstream.addr()]));
        let mut client = proxy.client();
        for _ in 0..2 {
            client.sends(get("/"));
            let mut connection = upstream.accepts();
            connection.reads_request();
            connection.answers(format!("{start}\r\nContent-Length: 5\r\n\r\nhello"));
            assert_eq!(client.reads_response().text(), "hello");
            assert!(connection.is_closed_within(PATIENCE));
        }
    }
});

proxy_test!(bytes_after_a_response_spoil_its_connection, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    client.sends(get("/1"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers([ok("one"), ok("forged")].concat());
    assert_eq!(client.reads_response().text(), "one");

    client.sends(get("/2"));
    let mut fresh = upstream.accepts();
    fresh.reads_request();
    fresh.answers(ok("two"));
    assert_eq!(client.reads_response().text(), "two");
});

proxy_test!(an_error_leaves_the_client_its_connection, |binary| {
    let refusing = Refusing::new();
    let proxy = binary.starts(Config::of([refusing.addr()]));
    let mut client = proxy.client();
    assert_eq!(client.gets("/").status(), 502);
    client.sends(post("/", "hello"));
    assert_eq!(client.reads_response().status(), 502);
    assert_eq!(client.gets("/").status(), 502);
});

proxy_test!(a_client_that_leaves_takes_its_upstream_connection_along, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    client.resets();
    assert!(connection.is_closed_within(PATIENCE), "nobody wants the answer");

    let mut client = proxy.client();
    client.sends("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhello");
    let mut connection = upstream.accepts();
    connection.reads_head();
    client.closes();
    assert_eq!(connection.reads_exactly(5), b"hello");
    assert!(connection.is_closed_within(PATIENCE), "the rest will not come");
});
