//! Each timeout: its status, its counters and its time.

use std::io::ErrorKind;
use std::time::Duration;

use proxy_tests::{
    Binary, Config, Ending, FullBacklog, Message, PATIENCE, Pattern, Proxy, Server, Stopwatch,
    Upstream, get, ok, passes, proxy_test,
};

proxy_test!(connecting_takes_connect_ms_at_most, |binary| {
    let upstream = FullBacklog::new();
    let proxy = starts(binary, upstream.addr(), "connect_ms: 300");
    let mut client = proxy.client();
    let watch = Stopwatch::start();
    let response = client.gets("/");
    watch.has_run(300);
    is_timeout(&proxy, &response, "connect", upstream.addr());
});

proxy_test!(an_upstream_is_silent_for_read_ms_at_most, |binary| {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), "read_ms: 300");
    let mut client = proxy.client();
    let watch = Stopwatch::start();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    let response = client.reads_response();
    watch.has_run(300);
    is_timeout(&proxy, &response, "read", upstream.addr());
    assert!(connection.is_closed_within(PATIENCE));
});

proxy_test!(read_ms_counts_within_a_response_too, |binary| {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), AMPLE_READ);
    let mut client = proxy.client();
    // A session reads the clock as it wakes, which can be before what it then finds to read.
    let watch = Stopwatch::start();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(client.reads_head().status(), 200);
    let end = client.reads_to_end();
    watch.has_run(1000);
    assert_eq!(end.received, b"hello");
    assert_ne!(end.ending, Ending::Silent, "the connection is cut");
    is_counted(&proxy, "read", upstream.addr());
});

proxy_test!(read_ms_is_each_wait_not_their_sum, |binary| {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), "read_ms: 1500");
    let mut client = proxy.client();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    for _ in 0..4 {
        passes(Duration::from_millis(500));
        connection.answers(".");
    }
    assert_eq!(client.reads_response().text(), "....");
});

proxy_test!(a_slow_client_is_no_upstream_timeout, |binary| {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), "read_ms: 100, write_ms: 100");
    let mut client = proxy.client();
    client.sends("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello");
    let mut connection = upstream.accepts();
    connection.reads_head();
    passes(Duration::from_millis(400));
    client.sends("world");
    // From here on the upstream has to answer in time, which no test can promise.
    assert_eq!(connection.reads_exactly(10), b"helloworld");
});

proxy_test!(an_upstream_accepts_nothing_for_write_ms_at_most, |binary| {
    let upstream = Upstream::with_small_buffers();
    let proxy = starts(binary, upstream.addr(), "write_ms: 300");
    let mut client = proxy.client();
    let watch = Stopwatch::start();
    client.sends("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\r\n");
    let mut upload = client.twin();
    std::thread::scope(|scope| {
        // The proxy closes the connection under it.
        scope.spawn(|| drop(Pattern::of(100_000_000).writes_to(&mut upload)));
        let _stalled = upstream.accepts();
        let response = client.reads_response();
        watch.has_run(300);
        is_timeout(&proxy, &response, "write", upstream.addr());
        client.half_closes();
    });
});

proxy_test!(a_request_takes_total_ms_at_most, |binary| {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), "total_ms: 300");
    let mut client = proxy.client();
    let watch = Stopwatch::start();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    let response = client.reads_response();
    watch.has_run(300);
    is_timeout(&proxy, &response, "total", upstream.addr());
    assert!(connection.is_closed_within(PATIENCE));
});

proxy_test!(total_ms_cuts_a_response_that_never_ends, |binary| {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), "total_ms: 1500");
    let mut client = proxy.client();
    let watch = Stopwatch::start();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::thread::scope(|scope| {
        // Never silent for long, and after ten seconds it has failed anyway.
        scope.spawn(move || {
            for _ in 0..500 {
                if connection.is_closed_within(Duration::from_millis(20)) {
                    break;
                }
                connection.answers("1\r\n.\r\n");
            }
        });
        assert_eq!(client.reads_head().status(), 200);
        let end = client.reads_to_end();
        watch.has_run(1500);
        assert!(!end.received.ends_with(b"0\r\n\r\n"), "it is cut, not ended");
    });
    proxy.wait_metric("proxy_timeout_errors_total{type=\"total\"}", 1);
});

proxy_test!(total_ms_includes_waiting_for_a_place, |binary| {
    let upstream = Upstream::listen();
    let one = "limits: { max_conns_per_upstream: 1 }";
    let config = Config::of([upstream.addr()]).with("timeouts: { total_ms: 1000 }").with(one);
    let proxy = binary.starts(config);
    let (mut first, mut second) = (proxy.client(), proxy.client());
    // It keeps the only place: total_ms is not for an upgraded connection.
    first.sends(UPGRADE);
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers(SWITCHING);
    assert_eq!(first.reads_head().status(), 101);
    let watch = Stopwatch::start();
    second.sends(get("/second"));
    proxy.wait_log("Waiting for a connection to");
    let response = second.reads_response();
    watch.has_run(1000);
    assert_eq!(response.status(), 504);
    assert_eq!(response.header("X-Proxy-Error"), Some("queue_timeout"));
    proxy.wait_metric("proxy_failures_total{cause=\"queue_timeout\"}", 1);
    proxy.wait_metric("proxy_timeout_errors_total{type=\"total\"}", 1);
    let errors = proxy.metrics().of(|family| family == "proxy_upstream_errors_total");
    assert!(errors.iter().all(|series| series.ends_with(" 0")), "no upstream's fault: {errors:?}");
});

proxy_test!(a_head_takes_client_head_ms_at_most, |binary| {
    let proxy = starts(binary, "127.0.0.1:1", "client_head_ms: 600");
    let mut client = proxy.client();
    let watch = Stopwatch::start();
    // Each byte is progress, and none of them buys time.
    for byte in "GET / HTTP/1.1\r\nHo".bytes() {
        client.sends([byte]);
        passes(Duration::from_millis(10));
    }
    let response = client.reads_response();
    watch.has_run(600);
    assert_eq!(response.status(), 408);
    assert!(client.is_closed_within(PATIENCE));
});

proxy_test!(an_idle_client_is_closed_silently, |binary| {
    let server = Server::answering("hello");
    let proxy = starts(binary, server.addr(), "client_idle_ms: 1000");
    let mut fresh = proxy.client();
    assert!(fresh.is_closed_within(PATIENCE), "one that never asked");
    let mut client = proxy.client();
    client.gets("/");
    let watch = Stopwatch::start();
    assert!(client.is_closed_within(PATIENCE), "one that asked");
    // The response may have been a while in reaching this thread.
    assert!(watch.elapsed() < Duration::from_secs(8));
    assert_eq!(proxy.lines_with("ERROR"), [""; 0]);
});

proxy_test!(a_body_may_stall_for_client_body_ms, |binary| {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), "client_body_ms: 300");
    let mut client = proxy.client();
    let watch = Stopwatch::start();
    client.sends("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello");
    let mut connection = upstream.accepts();
    connection.reads_head();
    let response = client.reads_response();
    watch.has_run(300);
    assert_eq!(response.status(), 408);
    assert!(client.is_closed_within(PATIENCE));
    connection.reads_exactly(5);
    assert!(connection.is_closed_within(PATIENCE));
});

proxy_test!(a_client_may_take_nothing_for_client_send_ms, |binary| {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), "client_send_ms: 300");
    let mut client = proxy.client();
    let watch = Stopwatch::start();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
    let error = Pattern::of(100_000_000).writes_to(&mut *connection).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::WouldBlock, "nobody reads, so the proxy gives up");
    watch.has_run(300);
});

proxy_test!(a_timed_out_client_may_ask_again, |binary| {
    let upstream = Upstream::listen();
    let proxy = starts(binary, upstream.addr(), AMPLE_READ);
    let mut client = proxy.client();
    client.sends(get("/"));
    let mut late = upstream.accepts();
    late.reads_request();
    assert_eq!(client.reads_response().status(), 504);
    client.sends(get("/again"));
    let mut connection = upstream.accepts();
    assert_eq!(connection.reads_request().target(), "/again");
    connection.answers(ok("hello"));
    assert_eq!(client.reads_response().text(), "hello");
});

fn starts(binary: Binary, upstream: impl ToString, timeouts: &str) -> Proxy {
    binary.starts(Config::of([upstream]).with(format!("timeouts: {{ {timeouts} }}")))
}

#[track_caller]
fn is_timeout(proxy: &Proxy, response: &Message, kind: &str, upstream: impl ToString) {
    assert_eq!(response.status(), 504, "{response:?}");
    assert_eq!(response.header("Content-Type"), Some("text/plain"));
    assert_eq!(response.header("X-Proxy-Error"), Some(format!("{kind}_timeout").as_str()));
    is_counted(proxy, kind, upstream);
    proxy.wait_metric("proxy_responses_total{status_class=\"5xx\"}", 1);
}

#[track_caller]
fn is_counted(proxy: &Proxy, kind: &str, upstream: impl ToString) {
    for other in ["connect", "read", "write", "total"] {
        let series = format!("proxy_timeout_errors_total{{type=\"{other}\"}}");
        proxy.wait_metric(&series, u32::from(other == kind));
    }
    let upstream = upstream.to_string();
    let series = format!("proxy_upstream_errors_total{{upstream=\"{upstream}\",type=\"timeout\"}}");
    proxy.wait_metric(&series, 1);
}

/// Where a test has to answer within it too.
const AMPLE_READ: &str = "read_ms: 1000";

const UPGRADE: &str =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
