//! Requests that no upstream gets to see, and what they are told.

use proxy_tests::{Binary, Client, Config, PATIENCE, Proxy, Upstream, get, proxy_test};

proxy_test!(ambiguous_framing_is_refused, |binary| {
    let proxy = without_upstream(binary);
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length:",
        "Content-Length: 99999999999999999999999",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding:",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: \x0bchunked",
        "Content-Length: 5\r\nTransfer_Encoding: chunked",
        "Content-Length: 5\r\nContent_Length: 6",
        "Content-Length: 9223372036854775808",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: test\r\n{headers}\r\n\r\nhello");
        refuses(&proxy, &request, &[400, 501]);
    }
    refuses(&proxy, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", &[400]);
});

proxy_test!(malformed_heads_are_refused, |binary| {
    let proxy = without_upstream(binary);
    for request in [
        "nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET / \r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: test\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET / http/1.1\r\nHost: test\r\n\r\n",
        "G@T / HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET nowhere HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /a\\b HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /\u{e9} HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\nX-Forwarded_For: 10.0.0.1\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi",
        "\x16\x03\x01\x02",
        "GET / HTTP/1.1\r\nHost: test\r\nX-Space : 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\n X-Folded: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\nX-Fold: 1\r\n 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\nX-Nul: \0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\nX-Bell: \x07\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\nX-CR: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\nX-LF: 1\nX-More: 2\r\n\r\n",
        "GET / HTTP/1.1\nHost: test\n\n",
        "GET / HTTP/1.1\r\nHost: test\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: test\r\n: no name\r\n\r\n",
    ] {
        refuses(&proxy, request, &[400]);
    }
});

proxy_test!(the_more_exact_statuses_are_used, |binary| {
    let proxy = without_upstream(binary);
    let long = "x".repeat(20_000);
    let many = "X-N: 1\r\n".repeat(101);
    refuses(&proxy, "CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n", &[405]);
    let counted = "OPTIONS / HTTP/1.1\r\nHost: test\r\nMax-Forwards: 0\r\n\r\n";
    refuses(&proxy, counted, &[405]);
    refuses(&proxy, &format!("{} / HTTP/1.1\r\nHost: test\r\n\r\n", "M".repeat(33)), &[501]);
    refuses(&proxy, &get(&format!("/{long}")), &[414]);
    refuses(&proxy, &format!("GET / HTTP/1.1\r\nHost: test\r\nX-Long: {long}\r\n\r\n"), &[431]);
    refuses(&proxy, &format!("GET / HTTP/1.1\r\nHost: test\r\n{many}\r\n"), &[431]);
    refuses(&proxy, "GET / HTTP/2.0\r\nHost: test\r\n\r\n", &[505]);
    refuses(&proxy, "GET / HTTP/1.1\r\nHost: test\r\nExpect: miracles\r\n\r\n", &[417]);
});

proxy_test!(the_limits_of_a_head_are_configured, |binary| {
    let upstream = Upstream::listen();
    let limits = "limits: { max_head_bytes: 1024, max_headers: 3 }";
    let proxy = binary.starts(Config::of([upstream.addr()]).with(limits));
    refuses(&proxy, &get(&"/x".repeat(512)), &[414]);
    refuses(&proxy, "GET / HTTP/1.1\r\nHost: test\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", &[431]);
    proxy.client().sends("GET / HTTP/1.1\r\nHost: test\r\nA: 1\r\nB: 2\r\n\r\n");
    assert_eq!(upstream.accepts().reads_request().header("B"), Some("2"));
});

proxy_test!(a_bad_chunk_ends_the_request, |binary| {
    for chunk in [
        "5 \r\nhello\r\n",
        "5\nhello\n",
        "+5\r\nhello\r\n",
        "x\r\n",
        "5\r\nhelloX\r\n",
        "\r\n",
        ";x\r\n",
        "5;\r\nhello\r\n",
        "5;a\nb\r\nhello\r\n",
        "8000000000000000\r\nhello\r\n",
        "0\r\nno colon\r\n\r\n",
    ] {
        let upstream = Upstream::listen();
        let proxy = binary.starts(Config::of([upstream.addr()]));
        let mut client = proxy.client();
        client.sends("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut connection = upstream.accepts();
        connection.reads_head();
        client.sends(chunk);
        assert_eq!(client.reads_response().status(), 400, "{chunk:?}");
        assert!(client.is_closed_within(PATIENCE));
        let end = connection.reads_to_end();
        assert!(!end.received.ends_with(b"0\r\n\r\n"), "the upstream must not take it as whole");
    }
});

proxy_test!(what_follows_a_refusal_is_not_read_as_a_request, |binary| {
    let proxy = without_upstream(binary);
    let mut client = proxy.client();
    client.sends("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
    client.sends(get("/smuggled"));
    assert_eq!(client.reads_response().status(), 400);
    assert!(client.is_closed_within(PATIENCE));
    assert_eq!(proxy.lines_with("smuggled"), [""; 0]);
});

proxy_test!(a_long_refused_request_does_not_eat_its_answer, |binary| {
    let proxy = without_upstream(binary);
    let mut client = proxy.client();
    client.sends("POST / HTTP/9.9\r\nHost: test\r\nContent-Length: 300000\r\n\r\n");
    client.sends(vec![b'x'; 300_000]);
    assert_eq!(client.reads_response().status(), 505);
});

fn without_upstream(binary: Binary) -> Proxy {
    binary.starts(Config::of(["127.0.0.1:1"]))
}

/// The request is answered with one of these statuses and a line of text, counted as a parse error,
/// and the connection is closed.
#[track_caller]
fn refuses(proxy: &Proxy, request: &str, statuses: &[u16]) {
    let counter = "proxy_requests_parse_errors_total";
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    let before = proxy.metrics().value(counter) as u32;
    let mut client = Client::connect(proxy.addr());
    client.sends(request);
    let response = client.reads_response();
    let shown = &request[..request.len().min(200)];
    assert!(statuses.contains(&response.status()), "{shown:?} was answered {response:?}");
    assert_eq!(response.header("Content-Type"), Some("text/plain"), "{response:?}");
    assert_eq!(response.text().trim_end().lines().count(), 1, "{response:?}");
    assert!(client.is_closed_within(PATIENCE), "open after {shown:?}");
    proxy.wait_metric(counter, before + 1);
}
