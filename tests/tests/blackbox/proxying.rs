//! What reaches the upstream and the client: start lines, headers, methods, versions.

use proxy_tests::{Config, Server, Upstream, get, ok, proxy_test};

proxy_test!(a_request_arrives_with_its_headers_in_case_and_order, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends("GET /a?b=%20c&d HTTP/1.1\r\nX-First: 1\r\nHost: example.org:81\r\n");
    client.sends("x-SECOND:two\r\nAccept: a\r\nAccept: b\r\nX-Empty:\r\n\r\n");
    let request = upstream.accepts().reads_request();

    assert_eq!(request.start, "GET /a?b=%20c&d HTTP/1.1");
    let names = ["X-First", "Host", "x-SECOND", "Accept", "X-Empty"];
    let kept = request.headers.iter().filter(|(name, _)| names.contains(&name.as_str()));
    let kept: Vec<_> = kept.map(|(name, value)| format!("{name}: {value}")).collect();
    let sent = ["X-First: 1", "Host: example.org:81", "x-SECOND: two"];
    assert_eq!(kept[..3], sent);
    assert_eq!(kept[3..], ["Accept: a", "Accept: b", "X-Empty: "]);
});

proxy_test!(a_request_says_where_it_came_through, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));

    proxy.client().sends(get("/"));
    let request = upstream.accepts().reads_request();
    assert_eq!(request.header("X-Forwarded-For"), Some("127.0.0.1"));
    assert_eq!(request.header("X-Forwarded-Proto"), Some("http"));
    assert_eq!(request.header("X-Forwarded-Host"), Some("test"));
    assert!(request.header("Via").unwrap().starts_with("1.1 "), "{request:?}");

    let before = "X-Forwarded-For: 10.0.0.1\r\nVia: 1.0 first";
    proxy.client().sends(format!("GET / HTTP/1.1\r\nHost: test\r\n{before}\r\n\r\n"));
    let request = upstream.accepts().reads_request();
    assert_eq!(request.values("X-Forwarded-For").join(", "), "10.0.0.1, 127.0.0.1");
    assert!(request.values("Via").join(", ").starts_with("1.0 first, 1.1 "), "{request:?}");
});

proxy_test!(hop_by_hop_headers_of_a_request_stay_behind, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));

    let hops = "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
                Proxy-Connection: keep-alive\r\nConnection: TE\r\nTE: trailers";
    proxy.client().sends(format!("GET / HTTP/1.1\r\nHost: test\r\n{hops}\r\nX-End: 2\r\n\r\n"));
    let request = upstream.accepts().reads_request();

    for name in ["X-Hop", "Keep-Alive", "Proxy-Connection", "TE"] {
        assert_eq!(request.header(name), None, "{request:?}");
    }
    assert!(!request.lists("Connection", "X-Hop"), "{request:?}");
    assert_eq!(request.header("X-End"), Some("2"));
});

proxy_test!(a_response_arrives_with_its_headers_in_case_and_order, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers(
        "HTTP/1.1 299 Quite Fine\r\nX-b: 1\r\nset-cookie: one\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\
         Keep-Alive: timeout=5\r\nSET-COOKIE: two\r\nX-a: 2\r\nContent-Length: 5\r\n\r\nhello",
    );
    let response = client.reads_response();

    assert_eq!(response.start, "HTTP/1.1 299 Quite Fine");
    assert_eq!(response.text(), "hello");
    let names = ["X-b", "set-cookie", "SET-COOKIE", "X-a"];
    let kept = response.headers.iter().map(|(name, _)| name.as_str());
    let kept: Vec<_> = kept.filter(|name| names.contains(name)).collect();
    assert_eq!(kept, names);
    for name in ["X-Hop", "Keep-Alive"] {
        assert_eq!(response.header(name), None, "{response:?}");
    }
});

proxy_test!(a_trace_id_of_ours_goes_both_ways, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    client.sends("GET / HTTP/1.1\r\nHost: test\r\nX-Trace-ID: forged\r\n\r\n");
    let mut connection = upstream.accepts();
    let sent = connection.reads_request().header("X-Trace-ID").unwrap().to_owned();
    connection.answers(ok(""));
    assert_eq!(client.reads_response().header("X-Trace-ID"), Some(sent.as_str()));
    assert_ne!(sent, "forged");

    client.sends(get("/"));
    let next = connection.reads_request().header("X-Trace-ID").unwrap().to_owned();
    assert_ne!(next, sent, "a new id for each request");
});

proxy_test!(each_method_passes, |binary| {
    let server = Server::serving(|request| ok(request.method()));
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "M-SEARCH"] {
        client.sends(format!("{method} / HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!(client.reads_response().text(), method, "without a body, none is waited for");
    }
});

proxy_test!(a_head_has_no_body_whatever_it_says, |binary| {
    let server = Server::serving(|request| match request.method() {
        "HEAD" => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".into(),
        _ => ok("next"),
    });
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    client.sends("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    let response = client.reads_response_to("HEAD");
    assert_eq!(response.header("Content-Length"), Some("1000"));
    assert_eq!(client.gets("/").text(), "next");
    assert_eq!(server.connections(), 1);
});

proxy_test!(statuses_without_a_body_have_none, |binary| {
    let server = Server::serving(|request| match request.target() {
        "/204" => "HTTP/1.1 204 No Content\r\nX-Kept: 1\r\n\r\n".into(),
        "/304" => "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 7\r\n\r\n".into(),
        _ => ok("next"),
    });
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    assert_eq!(client.gets("/204").header("X-Kept"), Some("1"));
    assert_eq!(client.gets("/304").status(), 304);
    assert_eq!(client.gets("/").text(), "next");
    assert_eq!(server.connections(), 1);
});

proxy_test!(an_absolute_target_becomes_origin_form, |binary| {
    let server = Server::serving(|request| {
        ok(&format!("{} {}", request.target(), request.header("Host").unwrap()))
    });
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    for (target, seen) in [
        ("http://other.example/path?q", "/path?q other.example"),
        ("http://other.example:81", "/ other.example:81"),
        ("HTTP://other.example/?q", "/?q other.example"),
    ] {
        client.sends(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        assert_eq!(client.reads_response().text(), seen);
    }
});

proxy_test!(an_asterisk_passes_with_options, |binary| {
    let server = Server::serving(|request| ok(&request.start));
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    client.sends("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.reads_response().text(), "OPTIONS * HTTP/1.1");
});

proxy_test!(pipelined_requests_are_answered_in_order, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();

    let body = "POST /2 HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc";
    client.sends([get("/1"), body.into(), get("/3")].concat());
    let mut connection = upstream.accepts();
    for target in ["/1", "/2", "/3"] {
        assert_eq!(connection.reads_request().target(), target);
        connection.answers(ok(target));
        assert_eq!(client.reads_response().text(), target);
    }
});

proxy_test!(a_http_1_0_client_is_closed_after_its_response, |binary| {
    let server = Server::serving(|request| ok(&request.start));
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    client.sends("GET / HTTP/1.0\r\n\r\n");
    let response = client.reads_response();
    assert_eq!(response.text(), "GET / HTTP/1.1");
    assert!(client.is_closed_within(proxy_tests::PATIENCE));
});

proxy_test!(a_http_1_0_client_may_keep_its_connection, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    for _ in 0..2 {
        client.sends("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let response = client.reads_response();
        assert_eq!(response.text(), "hello");
        assert!(response.lists("Connection", "keep-alive"), "{response:?}");
    }
});

proxy_test!(a_client_may_ask_for_its_last_response, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    client.sends("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let response = client.reads_response();
    assert!(response.lists("Connection", "close"), "{response:?}");
    assert!(client.is_closed_within(proxy_tests::PATIENCE));
});

proxy_test!(a_client_that_half_closes_gets_its_response, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    client.sends(get("/")).half_closes();
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers(ok("hello"));
    assert_eq!(client.reads_response().text(), "hello");
    assert!(client.is_closed_within(proxy_tests::PATIENCE));
});

proxy_test!(both_sides_may_speak_ipv6, |binary| {
    let server =
        Server::serving_on("[::1]:0", |request| ok(&request.values("X-Forwarded-For").join(", ")));
    let proxy = binary.starts(Config::of([server.addr()]).listen("[::1]:0"));
    assert!(proxy.addr().is_ipv6());
    assert_eq!(proxy.client().gets("/").text(), "::1");
    proxy.wait_log(&format!("Selected upstream {} for GET / (round-robin)", server.addr()));
});
