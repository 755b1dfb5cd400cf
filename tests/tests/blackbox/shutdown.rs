//! SIGTERM, SIGINT and SIGQUIT: what is in flight is finished, unless they insist.

use proxy_tests::{
    Client, Config, Fifo, PATIENCE, Server, Signal, Stopwatch, Upstream, eventually, get, ok,
    proxy_test,
};

proxy_test!(what_is_in_flight_is_finished, |binary| {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let (server, upstream) = (Server::answering("hello"), Upstream::listen());
        let mut proxy = binary.starts(Config::of([server.addr(), upstream.addr()]));
        let (mut idle, mut busy) = (proxy.client(), proxy.client());
        idle.gets("/");
        busy.sends(get("/"));
        let mut connection = upstream.accepts();
        connection.reads_request();

        proxy.signal(signal);
        assert!(idle.is_closed_within(PATIENCE), "who asks nothing is let go");
        eventually("new connections are refused", || Client::is_refused(proxy.addr()));
        assert!(proxy.is_running());
        connection.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        connection.answers("world");
        let response = busy.reads_response();
        assert_eq!(response.text(), "helloworld");
        assert!(response.lists("Connection", "close"), "{response:?}");
        assert!(busy.is_closed_within(PATIENCE));
        assert_eq!(proxy.exit_code(), 0);
    }
});

proxy_test!(an_idle_proxy_ends_at_once, |binary| {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let server = Server::answering("hello");
        let mut proxy = binary.starts(Config::of([server.addr()]));
        let mut client = proxy.client();
        client.gets("/");
        proxy.signal(signal);
        assert_eq!(proxy.exit_code(), 0);
        assert!(client.is_closed_within(PATIENCE));
        server.wait_open(0);
    }
});

proxy_test!(a_second_signal_ends_it_at_once, |binary| {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::QUIT, 131)] {
        let server = Server::answering("hello");
        server.holds();
        let mut proxy = binary.starts(Config::of([server.addr()]));
        let mut client = proxy.client();
        client.sends(get("/"));
        server.wait_in_service(1);
        proxy.signal(signal);
        eventually("it drains", || Client::is_refused(proxy.addr()));
        assert!(proxy.is_running());
        proxy.signal(signal);
        assert_eq!(proxy.exit_code(), code);
        server.releases();
    }
});

proxy_test!(a_file_that_never_comes_does_not_hold_it_up, |binary| {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::QUIT, 131)] {
        let launch = binary.launch();
        let file = launch.path("proxy.yaml");
        let fifo = Fifo::new(file.clone());
        let mut process = launch.arg("-c").arg(file).spawns();
        let _never_written = fifo.wait_read();
        process.signal(signal);
        assert_eq!(process.exit_code(), code);
    }
});

proxy_test!(a_drain_takes_its_deadline_at_most, |binary| {
    let server = Server::answering("hello");
    server.holds();
    let config = Config::of([server.addr()]).with("shutdown: { deadline_ms: 300 }");
    let mut proxy = binary.starts(config);
    let mut client = proxy.client();
    client.sends(get("/"));
    server.wait_in_service(1);
    let watch = Stopwatch::start();
    assert_eq!(proxy.terminates(), 0, "the operator chose the deadline");
    watch.has_run(300);
    assert_eq!(proxy.lines_with(" - WARNING - ").len(), 1, "{}", proxy.text());
    assert!(client.is_closed_within(PATIENCE));
    server.releases();
});

proxy_test!(a_pipelined_request_is_not_begun_in_a_drain, |binary| {
    let upstream = Upstream::listen();
    let mut proxy = binary.starts(Config::of([upstream.addr()]));
    let mut client = proxy.client();
    client.sends([get("/1"), get("/2")].concat());
    let mut connection = upstream.accepts();
    connection.reads_request();
    proxy.signal(Signal::TERM);
    eventually("it drains", || Client::is_refused(proxy.addr()));
    connection.answers(ok("one"));
    let response = client.reads_response();
    assert!(response.lists("Connection", "close"), "{response:?}");
    assert!(client.is_closed_within(PATIENCE));
    assert_eq!(proxy.exit_code(), 0);
});
