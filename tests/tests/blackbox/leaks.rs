//! After each way in which a request can end, the sockets and threads are as many as before.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use proxy_tests::{
    Binary, Client, Config, Connection, Ending, FullBacklog, PATIENCE, Pattern, Proxy, Refusing,
    Upstream, eventually, get, ok, passes, post, proxy_test,
};

proxy_test!(nothing_is_left_of_a_request_that_went_well, |binary| {
    leaves_nothing(binary, |proxy, upstream| {
        let (mut client, mut connection) = asked(proxy, upstream, &post("/", "hello"));
        connection.answers(ok("hello"));
        client.reads_response();
    });
});

proxy_test!(nothing_is_left_of_a_client_that_went, |binary| {
    leaves_nothing(binary, |proxy, upstream| {
        let (client, _connection) = asked(proxy, upstream, &get("/"));
        client.resets();
    });
    leaves_nothing(binary, |proxy, upstream| {
        let (mut client, mut connection) = asked(proxy, upstream, &get("/"));
        connection.answers("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        client.reads_head();
        client.closes();
        let error = Pattern::of(100_000_000).writes_to(&mut *connection).unwrap_err();
        assert_ne!(error.kind(), ErrorKind::WouldBlock, "the upstream is told");
    });
    leaves_nothing(binary, |proxy, _| {
        proxy.client().sends("GET / HT");
        proxy.client();
    });
});

proxy_test!(nothing_is_left_of_an_upstream_that_went, |binary| {
    for ends in [Connection::closes, Connection::resets] {
        for answer in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"] {
            let upstream = Upstream::listen();
            let proxy = starts(binary, upstream.addr(), "");
            settles(&proxy, || {
                let (mut client, mut connection) = asked(&proxy, &upstream, &post("/", "once"));
                connection.answers(answer);
                ends(connection);
                match client.try_response("POST") {
                    Ok(response) => assert_eq!(response.status(), 502),
                    Err(broken) => assert_ne!(broken.ending, Ending::Silent),
                }
            });
        }
    }
});

proxy_test!(nothing_is_left_of_a_timeout, |binary| {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), "read_ms: 100");
    settles(&proxy, || {
        let (mut client, _connection) = asked(&proxy, &upstream, &get("/"));
        assert_eq!(client.reads_response().status(), 504);
    });

    let proxy = starts(binary, upstream.addr(), "client_body_ms: 100");
    settles(&proxy, || {
        let mut client = proxy.client();
        client.sends("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\n");
        let _connection = upstream.accepts();
        assert_eq!(client.reads_response().status(), 408);
    });
});

proxy_test!(nothing_is_left_where_no_connection_was_made, |binary| {
    let refusing = Refusing::new();
    let proxy = starts(binary, refusing.addr(), "");
    settles(&proxy, || {
        assert_eq!(proxy.client().gets("/").status(), 502);
    });

    let full = FullBacklog::new();
    let proxy = starts(binary, full.addr(), "connect_ms: 100");
    settles(&proxy, || {
        assert_eq!(proxy.client().gets("/").status(), 504);
    });
});

proxy_test!(nothing_is_left_of_a_refused_request, |binary| {
    leaves_nothing(binary, |proxy, _| {
        let mut client = proxy.client();
        client.sends("nonsense\r\n\r\n");
        assert_eq!(client.reads_response().status(), 400);
    });
});

proxy_test!(nothing_is_left_of_an_early_answer, |binary| {
    leaves_nothing(binary, |proxy, upstream| {
        let mut client = proxy.client();
        client.sends(
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        );
        let mut connection = upstream.accepts();
        connection.reads_head();
        connection.answers("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(client.reads_response().status(), 403);
    });
});

proxy_test!(nothing_is_left_of_a_tunnel, |binary| {
    leaves_nothing(binary, |proxy, upstream| {
        let upgrade = "GET / HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
        let (mut client, mut connection) = asked(proxy, upstream, upgrade);
        connection.answers("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
        assert_eq!(client.reads_head().status(), 101);
        client.closes();
        assert!(connection.is_closed_within(PATIENCE));
    });
});

proxy_test!(nothing_is_left_of_a_reload, |binary| {
    let upstream = Upstream::listen();
    let config = Config::of([upstream.addr()]);
    let proxy = binary.starts(config.clone());
    settles(&proxy, || {
        proxy.reloads(&config.clone().listen("127.0.0.2:0"));
        proxy.reloads(&config);
    });
});

/// Runs a scenario several times against one proxy, and looks for what is left.
#[track_caller]
fn leaves_nothing(binary: Binary, scenario: impl Fn(&Proxy, &Upstream)) {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), "");
    settles(&proxy, || scenario(&proxy, &upstream));
}

/// A proxy that keeps no idle upstream connection for long.
fn starts(binary: Binary, upstream: SocketAddr, timeouts: &str) -> Proxy {
    let timeouts = format!("timeouts: {{ upstream_idle_ms: {IDLE_MS}, {timeouts} }}");
    binary.starts(Config::of([upstream]).with(timeouts))
}

#[track_caller]
fn settles(proxy: &Proxy, scenario: impl Fn()) {
    // What is opened once and kept for good is opened by the first round.
    scenario();
    passes(Duration::from_millis(4 * IDLE_MS));
    let (sockets, threads) = (proxy.open_sockets(), proxy.threads());
    for _ in 0..ROUNDS {
        scenario();
    }
    eventually("the sockets are as many as before", || proxy.open_sockets() <= sockets);
    eventually("the threads are as many as before", || proxy.threads() <= threads);
}

/// A client whose request an upstream has read.
fn asked(proxy: &Proxy, upstream: &Upstream, request: &str) -> (Client, Connection) {
    let mut client = proxy.client();
    client.sends(request);
    let mut connection = upstream.accepts();
    connection.reads_request();
    (client, connection)
}

const ROUNDS: usize = 5;
const IDLE_MS: u64 = 100;
