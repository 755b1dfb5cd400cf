//! Responses that break a rule: 502, or a break that the client sees, and no byte in the next one.

use proxy_tests::{Binary, Client, Config, Connection, PATIENCE, Upstream, get, ok, proxy_test};

proxy_test!(a_head_that_breaks_a_rule_becomes_502, |binary| {
    for head in [
        "HTTP/1.1 099 Low",
        "HTTP/1.1 2000 High",
        "HTTP/1.1 +20 Sign",
        "HTTP/1.2 200 OK",
        "ICY 200 OK",
        "HTTP/1.1 200 O\0K",
        "HTTP/1.1 200 OK\nX: y",
        "HTTP/1.1 200 OK\r\nX: a\rb",
        "HTTP/1.1 200 OK\r\nX : y",
        "HTTP/1.1 200 OK\r\n X: y",
        "HTTP/1.1 200 OK\r\n: y",
        "HTTP/1.1 200 OK\r\nContent-Length: +4",
        "HTTP/1.1 200 OK\r\nContent-Length: 4, 4",
        "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 4",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x",
        "EVIL",
    ] {
        leaks_nothing(binary, |client, connection| {
            connection.answers(format!("{head}\r\n\r\nEVIL"));
            let response = client.reads_response();
            assert_eq!(response.status(), 502, "{head:?}");
            assert_eq!(response.header("X-Proxy-Error"), Some("bad_response"), "{head:?}");
        });
    }
});

proxy_test!(a_flood_of_interim_responses_becomes_502, |binary| {
    leaks_nothing(binary, |client, connection| {
        connection.answers("HTTP/1.1 102 Processing\r\n\r\n".repeat(33));
        for _ in 0..32 {
            assert_eq!(client.reads_head().status(), 102);
        }
        assert_eq!(client.reads_response().status(), 502);
    });
});

proxy_test!(a_chunk_that_breaks_a_rule_breaks_the_response, |binary| {
    for chunk in
        ["5 \r\n", ";\r\n", "\r\n", "5\nEVIL", "-1\r\n", "5\r\nhelloEVIL", "0\r\nX\r\n\r\n"]
    {
        let upstream = Upstream::listen();
        let proxy = binary.starts(Config::of([upstream.addr()]));
        let mut client = proxy.client();
        client.sends(get("/"));
        let mut connection = upstream.accepts();
        connection.reads_request();
        connection.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        assert_eq!(client.reads_head().status(), 200);
        client.reads_exactly(8);
        connection.answers(chunk);
        let end = client.reads_to_end();
        assert!(!end.received.ends_with(b"0\r\n\r\n"), "it must not seem whole: {end:?}");
        assert!(!end.received.windows(4).any(|part| part == b"EVIL"), "{end:?}");
        assert!(connection.is_closed_within(PATIENCE));
    }
});

proxy_test!(content_that_may_not_be_there_is_dropped, |binary| {
    for (request, status) in [
        ("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n", "200 OK"),
        ("GET / HTTP/1.1\r\nHost: test\r\n\r\n", "204 No Content"),
        ("GET / HTTP/1.1\r\nHost: test\r\n\r\n", "304 Not Modified"),
    ] {
        let upstream = Upstream::listen();
        let proxy = binary.starts(Config::of([upstream.addr()]));
        let mut client = proxy.client();
        client.sends(request);
        let mut connection = upstream.accepts();
        connection.reads_head();
        connection.answers(format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\n\r\nEVIL"));
        client.reads_head();
        assert!(connection.is_closed_within(PATIENCE), "{status}");
        answers_the_next(&mut client, &upstream);
    }
});

/// After what an upstream does to one request, its connection is closed, and the next request of
/// the client is answered by another one.
#[track_caller]
fn leaks_nothing(binary: Binary, plays: impl FnOnce(&mut Client, &mut Connection)) {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    plays(&mut client, &mut connection);
    assert!(connection.is_closed_within(PATIENCE), "it is never reused");
    answers_the_next(&mut client, &upstream);
}

#[track_caller]
fn answers_the_next(client: &mut Client, upstream: &Upstream) {
    client.sends(get("/next"));
    let mut fresh = upstream.accepts();
    fresh.reads_request();
    fresh.answers(ok("hello"));
    assert_eq!(client.reads_response().text(), "hello");
}
