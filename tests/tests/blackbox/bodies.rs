//! Bodies both ways: lengths, chunks, trailers, translation between versions, truncation.

use std::fmt::Write as _;

use proxy_tests::{Config, Connection, Ending, Server, Upstream, get, ok, post, proxy_test};

proxy_test!(a_body_of_known_length_passes, |binary| {
    let server = Server::serving(|request| ok(request.text()));
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    for body in ["", "hello world"] {
        client.sends(post("/", body));
        assert_eq!(client.reads_response().text(), body);
    }
});

proxy_test!(a_chunked_request_passes_with_its_trailers, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n");
    client
        .sends("Trailer: X-Sum\r\n\r\n5;note=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n");
    let mut connection = upstream.accepts();
    let request = connection.reads_request();
    assert_eq!(request.header("Transfer-Encoding"), Some("chunked"));
    assert_eq!(request.text(), "hello world");
    assert_eq!(request.trailers, [("X-Sum".into(), "11".into())]);
    connection.answers(ok("thanks"));
    assert_eq!(client.reads_response().text(), "thanks");
    client.sends(get("/2"));
    assert_eq!(connection.reads_request().target(), "/2", "the connection is reused");
});

proxy_test!(a_chunked_response_passes_with_its_trailers, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n");
    connection.answers("5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n");
    let response = client.reads_response();
    assert_eq!(response.text(), "hello world");
    assert_eq!(response.trailers, [("X-Sum".into(), "11".into())]);
    client.sends(get("/2"));
    assert_eq!(connection.reads_request().target(), "/2", "the connection is reused");
});

proxy_test!(chunks_of_all_sizes_pass_whole, |binary| {
    let server = Server::serving(|request| chunked(request.text()));
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    let text = "0123456789
"
    .repeat(70_000);
    let body = chunked(&text);
    let body = body.split_once("\r\n\r\n").unwrap().1;
    for _ in 0..2 {
        client.sends("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.sends(body);
        assert!(client.reads_response().text() == text, "the text differs");
    }
});

proxy_test!(each_piece_is_passed_on_as_it_comes, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n");
    let mut connection = upstream.accepts();
    connection.reads_head();
    client.sends("hello");
    assert_eq!(connection.reads_exactly(5), b"hello");
    client.sends("world");
    assert_eq!(connection.reads_exactly(5), b"world");

    connection.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.reads_head();
    connection.answers("3\r\none\r\n");
    assert_eq!(client.reads_exactly(8), b"3\r\none\r\n");
    connection.answers("0\r\n\r\n");
    assert_eq!(client.reads_exactly(5), b"0\r\n\r\n");
});

proxy_test!(a_message_may_come_byte_by_byte, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    let request = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n\
                   b\r\nhello world\r\n0\r\nX-T: 1\r\n\r\n";
    for byte in request.bytes() {
        client.sends([byte]);
    }
    let mut connection = upstream.accepts();
    assert_eq!(connection.reads_request().text(), "hello world");
    for byte in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".bytes() {
        connection.answers([byte]);
    }
    assert_eq!(client.reads_response().text(), "hi");
});

proxy_test!(an_answer_may_overtake_the_request, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000\r\n\r\nfirst");
    let mut connection = upstream.accepts();
    connection.reads_head();
    connection.answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let response = client.reads_response();
    assert_eq!((response.status(), response.text()), (403, "no"));
    assert!(client.is_closed_within(proxy_tests::PATIENCE), "what follows is not wanted");
    assert_ne!(connection.reads_to_end().ending, Ending::Silent, "nor is this connection");
});

proxy_test!(a_chunked_response_is_unwrapped_for_http_1_0, |binary| {
    let server = Server::serving(|_| {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"
            .into()
    });
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    client.sends("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let response = client.reads_response();
    assert_eq!(response.header("Transfer-Encoding"), None);
    assert_eq!(response.text(), "hello");
});

proxy_test!(a_response_until_close_keeps_the_client, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        client.sends(get("/"));
        let mut connection = upstream.accepts();
        connection.reads_request();
        connection.answers(format!("{version} 200 OK\r\n\r\nhello")).answers(" world");
        connection.closes();
        let response = client.reads_response();
        assert_eq!(response.header("Transfer-Encoding"), Some("chunked"));
        assert_eq!(response.text(), "hello world");
    }
});

proxy_test!(a_response_until_close_reaches_http_1_0, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    client.sends("GET / HTTP/1.0\r\n\r\n");
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers("HTTP/1.1 200 OK\r\n\r\nhello");
    connection.closes();
    assert_eq!(client.reads_response().text(), "hello");
});

proxy_test!(a_truncated_response_is_seen_to_be, |binary| {
    for start in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
    ] {
        for ends in [Connection::closes, Connection::resets] {
            let upstream = Upstream::listen();
            let proxy = binary.starts(Config::of([upstream.addr()]));
            let mut client = proxy.client();
            client.sends(get("/"));
            let mut connection = upstream.accepts();
            connection.reads_request();
            connection.answers(start);
            assert_eq!(client.reads_head().status(), 200);
            ends(connection);
            let end = client.reads_to_end();
            assert_ne!(end.ending, Ending::Silent, "the client is left waiting");
            assert!(!end.received.ends_with(b"0\r\n\r\n"), "the truth is papered over");
        }
    }
});

proxy_test!(a_truncated_chunked_response_resets_http_1_0, |binary| {
    for ends in [Connection::closes, Connection::resets] {
        let upstream = Upstream::listen();
        let proxy = binary.starts(Config::of([upstream.addr()]));
        let mut client = proxy.client();
        client.sends("GET / HTTP/1.0\r\n\r\n");
        let mut connection = upstream.accepts();
        connection.reads_request();
        connection.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        assert_eq!(client.reads_head().header("Connection"), Some("close"));
        assert_eq!(client.reads_exactly(5), b"hello");
        ends(connection);
        // A mere close is how a whole response ends there.
        assert_eq!(client.reads_to_end().ending, Ending::Reset);
    }
});

proxy_test!(a_malformed_response_becomes_502, |binary| {
    for garbage in [
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: 1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        let upstream = Upstream::listen();
        let proxy = binary.starts(Config::of([upstream.addr()]));
        let mut client = proxy.client();
        client.sends(post("/", "once"));
        let mut connection = upstream.accepts();
        connection.reads_request();
        connection.answers(garbage);
        let response = client.reads_response();
        assert_eq!(response.status(), 502, "{garbage:?}");
        assert_eq!(response.header("X-Proxy-Error"), Some("bad_response"));
        assert!(connection.is_closed_within(proxy_tests::PATIENCE), "it is never reused");
    }
});

/// A response in chunks of very different sizes.
fn chunked(mut text: &str) -> String {
    let mut response = String::from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut sizes = [1, 7, 4096, 2, 70_000, 15, 16, 16_384].into_iter().cycle();
    while !text.is_empty() {
        let (chunk, rest) = text.split_at(sizes.next().unwrap_or(1).min(text.len()));
        write!(response, "{:x}\r\n{chunk}\r\n", chunk.len()).unwrap();
        text = rest;
    }
    response + "0\r\n\r\n"
}
