//! Peers that send more than anybody wants.

use std::io::{ErrorKind, Write};
use std::thread;
use std::time::Duration;

use proxy_tests::{
    Client, Config, Echo, PATIENCE, Server, Upstream, eventually, get, ok, proxy_test,
};

use crate::alone;

proxy_test!(a_flood_of_pipelined_requests_waits_for_its_reader, |binary| {
    let _turn = alone();
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    proxy.client().gets("/");
    let before = proxy.rss_bytes();
    let mut client = proxy.client();
    client.waits_at_most(Duration::from_secs(2));
    // Large, because the kernel's buffers on the way hold megabytes of them.
    let request = get(&format!("/{}", "x".repeat(8000)));
    let (mut sent, mut part) = (0, 0);
    // One more each time until the proxy, whose answers nobody reads, takes no more.
    let error = loop {
        match client.write(&request.as_bytes()[part..]) {
            Ok(n) => part += n,
            Err(error) => break error,
        }
        if part == request.len() {
            (sent, part) = (sent + 1, 0);
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "it stalls, and no more");
    assert!(proxy.peak_rss_bytes().saturating_sub(before) < MODEST);
    client.waits_at_most(PATIENCE);
    for _ in 0..sent {
        assert_eq!(client.reads_response().text(), "hello");
    }
    assert!(server.requests() >= sent);
});

proxy_test!(a_body_of_one_byte_chunks_passes_in_little_memory, |binary| {
    let _turn = alone();
    let upstream = Upstream::listen();
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let before = proxy.rss_bytes();
    let mut client = proxy.client();
    let mut sending = client.twin();
    thread::scope(|scope| {
        scope.spawn(move || {
            sending.sends("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
            let some = b"1\r\nx\r\n".repeat(1000);
            for _ in 0..CHUNKS / 1000 {
                sending.sends(&some);
            }
            sending.sends("0\r\n\r\n");
        });
        let mut connection = upstream.accepts();
        assert_eq!(connection.reads_request().body.len(), CHUNKS);
        connection.answers(ok("all of it"));
    });
    assert_eq!(client.reads_response().text(), "all of it");
    assert!(proxy.peak_rss_bytes().saturating_sub(before) < MODEST);
});

proxy_test!(a_flood_of_header_bytes_ends_at_the_limit, |binary| {
    let _turn = alone();
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    let before = proxy.rss_bytes();
    thread::scope(|scope| {
        for line in ["X: y\r\n", "X: ", "Xy", "\r\n"] {
            let proxy = &proxy;
            scope.spawn(move || {
                for _ in 0..25 {
                    let mut client = proxy.client();
                    let flood = line.repeat(200_000 / line.len());
                    client.sends(format!("GET / HTTP/1.1\r\nHost: h\r\n{flood}"));
                    // A reset may take the answer with it: the client is still sending.
                    if let Ok(answer) = client.try_response("GET") {
                        let expected = if line == "\r\n" { 200 } else { 431 };
                        assert_eq!(answer.status(), expected, "{line:?}");
                    }
                }
            });
        }
    });
    assert!(proxy.peak_rss_bytes().saturating_sub(before) < MODEST);
    assert_eq!(proxy.client().gets("/").text(), "hello");
});

proxy_test!(a_flood_of_connections_leaves_nothing_behind, |binary| {
    let _turn = alone();
    let echo = Echo::starts();
    let proxy = binary.starts(Config::of([echo.addr()]));
    let mut steady = proxy.client();
    steady.gets("/bytes/1");
    let sockets = proxy.open_sockets();
    thread::scope(|scope| {
        for n in 0..4 {
            let proxy = &proxy;
            scope.spawn(move || {
                for _ in 0..500 {
                    let mut client = Client::connect(proxy.addr());
                    if n % 2 == 0 {
                        client.sends("GET /");
                    }
                    if n < 2 { client.resets() } else { client.closes() }
                }
            });
        }
        for _ in 0..200 {
            assert_eq!(steady.gets("/bytes/1").status(), 200);
        }
    });
    eventually("nothing is left of them", || proxy.open_sockets() <= sockets + 1);
});

proxy_test!(idle_connections_cannot_lock_out_those_who_ask_for_something, |binary| {
    let _turn = alone();
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]).with("limits: { max_client_conns: 50 }"));
    let _squatters: Vec<Client> = (0..100).map(|_| proxy.client()).collect();
    assert_eq!(proxy.client().gets("/").text(), "hello");
});

const CHUNKS: usize = 500_000;
/// Far above what one connection may take, far below what was sent.
const MODEST: usize = 4_000_000;
