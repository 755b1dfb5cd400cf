//! Memory per connection, at its worst: what docs/limits.md states.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use proxy_tests::{Binary, Client, Config, PATIENCE, Proxy, Server, eventually, proxy_test};

use crate::alone;

proxy_test!(an_idle_client_costs_next_to_nothing, |binary| {
    let _turn = alone();
    let server = Server::answering("hello");
    let proxy = starts(binary, server.addr());
    let visit = || {
        let mut client = proxy.client();
        assert_eq!(client.gets("/").status(), 200);
        client
    };
    let _warm_up: Vec<Client> = (0..100).map(|_| visit()).collect();
    let before = proxy.rss_bytes();
    let clients: Vec<Client> = (0..IDLE).map(|_| visit()).collect();
    let each = proxy.rss_bytes().saturating_sub(before) / clients.len();
    assert!(each <= IDLE_BYTES, "{each} bytes for each idle client");
});

proxy_test!(a_connection_at_its_worst_stays_within_what_is_stated, |binary| {
    let _turn = alone();
    let upstream = Talker::listens();
    let proxy = starts(binary, upstream.addr);
    let before = proxy.rss_bytes();
    let long = "x".repeat(HEAD - 400);
    // A head, a chunk and trailers, each as large as it may be; the response is as bad.
    let request = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nX: {long}\r\n\r\n\
         5\r\nhello\r\n0\r\nX: {long}\r\n\r\n"
    );
    let clients: Vec<Client> = (0..WORST)
        .map(|_| {
            let mut client = proxy.client();
            client.sends(&request);
            client
        })
        .collect();
    eventually("all are being answered", || proxy.open_sockets() >= 2 * WORST);
    // Nothing more is taken in when the memory no longer grows.
    let mut last = 0;
    eventually("all that fits has come", || {
        let now = proxy.rss_bytes();
        std::mem::replace(&mut last, now) == now
    });
    let each = proxy.peak_rss_bytes().saturating_sub(before) / clients.len();
    assert!(each <= WORST_BYTES, "{each} bytes for each connection at its worst");
});

fn starts(binary: Binary, upstream: SocketAddr) -> Proxy {
    binary.starts(
        Config::of([upstream])
            .with("workers: 1")
            // The backlog of an upstream of the tests is short.
            .with("timeouts: { connect_ms: 60000 }")
            .with("limits: { max_client_conns: 10000, max_conns_per_upstream: 10000 }"),
    )
}

/// An upstream that answers without listening: a large head, and more body than anybody takes.
struct Talker {
    addr: SocketAddr,
}

impl Talker {
    fn listens() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                thread::spawn(|| talk(stream));
            }
        });
        Self { addr }
    }
}

/// Until the proxy is gone.
fn talk(mut stream: TcpStream) {
    stream.set_write_timeout(Some(PATIENCE)).expect("TCP");
    let long = "x".repeat(HEAD - 200);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\nX: {long}\r\n\r\n");
    // The end of the test is the end of the connection.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&vec![b'.'; BODY]);
}

const HEAD: usize = 16 * 1024;
const BODY: usize = 20_000_000;
const IDLE: usize = 2000;
const IDLE_BYTES: usize = 4 * 1024;
const WORST: usize = 200;
/// Six times `max_head_bytes` and 16 KiB: see docs/limits.md.
const WORST_BYTES: usize = 6 * HEAD + 16 * 1024;
