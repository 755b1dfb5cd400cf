//! Upgraded connections: bytes both ways after a 101.

use proxy_tests::{
    Binary, Client, Config, Connection, Ending, PATIENCE, Pattern, Proxy, Upstream, ok, passes,
    proxy_test,
};

proxy_test!(bytes_pass_both_ways_after_a_101, |binary| {
    let (_proxy, mut client, mut connection) = upgraded(binary, "");
    for _ in 0..3 {
        client.sends("ping");
        assert_eq!(connection.reads_exactly(4), b"ping");
        connection.answers(b"\0pong\xff");
        assert_eq!(client.reads_exactly(6), b"\0pong\xff");
    }
});

proxy_test!(bytes_sent_with_the_handshake_are_not_lost, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    client.sends([UPGRADE, "early"].concat());
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers([SWITCHING, "at once"].concat());
    assert_eq!(client.reads_head().status(), 101);
    assert_eq!(client.reads_exactly(7), b"at once");
    assert_eq!(connection.reads_exactly(5), b"early");
});

proxy_test!(each_side_may_close_its_half, |binary| {
    let (_proxy, mut client, mut connection) = upgraded(binary, "");
    client.sends("last").half_closes();
    let end = connection.reads_to_end();
    assert_eq!((end.received.as_slice(), end.ending), (b"last".as_slice(), Ending::Closed));
    connection.answers("still here");
    assert_eq!(client.reads_exactly(10), b"still here");
    connection.closes();
    assert!(client.is_closed_within(PATIENCE));

    let (_proxy, mut client, mut connection) = upgraded(binary, "");
    connection.answers("last").half_closes();
    let end = client.reads_to_end();
    assert_eq!((end.received.as_slice(), end.ending), (b"last".as_slice(), Ending::Closed));
    client.sends("still here");
    assert_eq!(connection.reads_exactly(10), b"still here");
    client.half_closes();
    assert!(connection.is_closed_within(PATIENCE));
});

proxy_test!(a_reset_of_one_side_ends_the_other, |binary| {
    let (_proxy, mut client, connection) = upgraded(binary, "");
    connection.resets();
    assert!(client.is_closed_within(PATIENCE));
});

proxy_test!(bulk_passes_whole_both_ways_at_once, |binary| {
    let (_proxy, mut client, mut connection) = upgraded(binary, "");
    let (mut out, mut back) = (client.twin(), connection.twin());
    std::thread::scope(|scope| {
        scope.spawn(|| Pattern::of(BULK).writes_to(&mut out).unwrap());
        scope.spawn(|| Pattern::of(BULK).writes_to(&mut back).unwrap());
        scope.spawn(|| Pattern::of(BULK).reads_from(&mut *connection));
        Pattern::of(BULK).reads_from(&mut *client);
    });
});

proxy_test!(a_tunnel_outlives_the_timeouts_of_requests, |binary| {
    let short =
        "timeouts: { read_ms: 1000, total_ms: 1000, client_idle_ms: 1000, client_body_ms: 1000 }";
    let (_proxy, mut client, mut connection) = upgraded(binary, short);
    passes(std::time::Duration::from_millis(1500));
    client.sends("ping");
    assert_eq!(connection.reads_exactly(4), b"ping");
});

proxy_test!(a_silent_tunnel_is_closed, |binary| {
    let (_proxy, mut client, mut connection) =
        upgraded(binary, "timeouts: { tunnel_idle_ms: 300 }");
    assert!(client.is_closed_within(PATIENCE));
    assert!(connection.is_closed_within(PATIENCE));
});

proxy_test!(an_upgrade_may_be_declined, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    client.sends(UPGRADE);
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers(ok("no"));
    let response = client.reads_response();
    assert_eq!((response.text(), response.header("Connection")), ("no", Some("close")));
    // What the client may have sent on the strength of its upgrade is no request.
    assert!(client.is_closed_within(PATIENCE));
});

/// A client and an upstream that have agreed to leave HTTP.
fn upgraded(binary: Binary, setting: &str) -> (Proxy, Client, Connection) {
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]).with(setting));
    let mut client = proxy.client();
    client.sends(UPGRADE);
    let mut connection = upstream.accepts();
    let request = connection.reads_request();
    assert_eq!(request.header("Upgrade"), Some("websocket"));
    assert!(request.lists("Connection", "Upgrade"), "{request:?}");
    assert_eq!(request.header("Sec-WebSocket-Key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    connection.answers(SWITCHING);
    let head = client.reads_head();
    assert_eq!(head.status(), 101);
    assert_eq!(head.header("Upgrade"), Some("websocket"));
    assert!(head.lists("Connection", "Upgrade"), "{head:?}");
    (proxy, client, connection)
}

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: test\r\n\
                       Connection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       Sec-WebSocket-Version: 13\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\n\
                         Connection: Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const BULK: u64 = 20_000_000;
