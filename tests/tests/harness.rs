//! The harness itself, without a proxy: what the black-box tests rely on holds.

#![cfg(target_os = "linux")]

use std::thread;
use std::time::Duration;

use proxy_tests::{
    Client, Config, Echo, Ending, FullBacklog, Pattern, Refusing, Server, Upstream, curl, get, ok,
};

#[test]
fn a_full_backlog_neither_accepts_nor_refuses() {
    let full = FullBacklog::new();
    let time = Duration::from_millis(500);
    let error = std::net::TcpStream::connect_timeout(&full.addr(), time).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn a_refusing_port_refuses_until_it_listens() {
    let refusing = Refusing::new();
    let addr = refusing.addr();
    assert!(Client::is_refused(addr));
    let _upstream = refusing.listens();
    assert!(!Client::is_refused(addr));
}

#[test]
fn a_server_counts_what_it_serves() {
    let server = Server::serving(|request| ok(request.target()));
    server.holds();
    let mut clients = [(); 3].map(|()| Client::connect(server.addr()));
    for client in &mut clients {
        client.sends(get("/held"));
    }
    server.wait_in_service(3);
    server.releases();
    for client in &mut clients {
        assert_eq!(client.reads_response().text(), "/held");
    }
    assert_eq!(clients[0].gets("/more").text(), "/more");
    let mut requests = server.requests_by_connection();
    requests.sort_unstable();
    assert_eq!(requests, [1, 1, 2]);
    assert_eq!((server.connections(), server.most_in_service()), (3, 3));
    drop(clients);
    server.wait_open(0);
}

#[test]
fn a_server_that_is_dropped_closes_and_refuses() {
    let server = Server::answering("hello");
    let addr = server.addr();
    let mut client = Client::connect(addr);
    client.gets("/");
    drop(server);
    assert!(client.is_closed_within(Duration::from_secs(5)));
    proxy_tests::eventually("it refuses", || Client::is_refused(addr));
}

#[test]
fn a_close_a_reset_and_silence_are_told_apart() {
    let upstream = Upstream::listen();
    let mut client = Client::connect(upstream.addr());
    client.waits_at_most(Duration::from_millis(50));
    let mut connection = upstream.accepts();
    assert_eq!(client.reads_to_end().ending, Ending::Silent);
    connection.answers("bye");
    connection.closes();
    let end = client.reads_to_end();
    assert_eq!((end.received.as_slice(), end.ending), (b"bye".as_slice(), Ending::Closed));

    let mut client = Client::connect(upstream.addr());
    upstream.accepts().resets();
    assert_eq!(client.reads_to_end().ending, Ending::Reset);
    assert!(upstream.is_left_alone_for(Duration::from_millis(50)));
}

#[test]
fn a_truncated_response_is_no_response() {
    let upstream = Upstream::listen();
    for start in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let mut client = Client::connect(upstream.addr());
        let mut connection = upstream.accepts();
        connection.answers(start);
        connection.closes();
        assert_eq!(client.try_response("GET").unwrap_err().ending, Ending::Closed);
    }
}

#[test]
#[should_panic(expected = "ambiguous framing")]
fn ambiguous_framing_fails_a_test() {
    let upstream = Upstream::listen();
    let mut client = Client::connect(upstream.addr());
    client.sends("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    upstream.accepts().reads_request();
}

#[test]
#[should_panic(expected = "other bytes near")]
fn a_lost_byte_fails_a_test() {
    let mut bytes = Vec::new();
    Pattern::of(100_000).writes_to(&mut bytes).unwrap();
    bytes.remove(70_000);
    Pattern::of(99_999).reads_from(&mut bytes.as_slice());
}

#[test]
fn a_pattern_passes_a_connection_whole() {
    let upstream = Upstream::listen();
    let mut client = Client::connect(upstream.addr());
    let mut connection = upstream.accepts();
    thread::scope(|scope| {
        scope.spawn(|| Pattern::of(SIZE).writes_to(&mut *connection).unwrap());
        Pattern::of(SIZE).reads_from(&mut *client);
    });
}

#[test]
fn a_small_buffer_stalls_its_sender() {
    let upstream = Upstream::with_small_buffers();
    let mut client = Client::connect(upstream.addr());
    let _connection = upstream.accepts();
    client.waits_at_most(Duration::from_millis(300));
    assert!(Pattern::of(SIZE).writes_to(&mut *client).is_err());
}

#[test]
fn a_configuration_is_written_as_yaml() {
    let text = Config::of(["[::1]:80"]).with("workers: 1").to_string();
    assert!(text.contains("\nworkers: 1\nupstreams:\n  - host: \"::1\"\n    port: 80\n"), "{text}");
}

#[test]
fn the_echo_upstream_answers_as_it_says() {
    let echo = Echo::starts();
    let said = |path: &str| {
        let url = format!("http://{}{path}", echo.addr());
        String::from_utf8(curl(&["-i", "-H", "X-Some: thing", &url]).stdout).unwrap()
    };
    let described = said("/a?b");
    assert!(described.contains(&format!("x-upstream: {}", echo.addr())), "{described}");
    assert!(described.contains("\r\n\r\nGET /a?b\n"), "{described}");
    assert!(described.contains("\nx-some: thing\n"), "{described}");
    assert_eq!(said("/bytes/100000").split_once("\r\n\r\n").unwrap().1.len(), 100_000);
    assert!(said("/delay/20").ends_with("after 20 ms\n"));
    assert!(said("/status/503").starts_with("HTTP/1.1 503 "));
    assert_eq!(said("/sse").matches("data: event ").count(), 10);

    let url = format!("http://{}/delay/x", echo.addr());
    let echoed = curl(&["-i", "-d", "hello", "-H", "Content-Type: a/b", &url]);
    let echoed = String::from_utf8(echoed.stdout).unwrap();
    assert!(echoed.contains("content-type: a/b") && echoed.ends_with("\r\n\r\nhello"), "{echoed}");
}

const SIZE: u64 = 100_000_000;
