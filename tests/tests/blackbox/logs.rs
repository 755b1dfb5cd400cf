//! The shape of the log, and that it never holds the proxy up.

use std::process::Command;

use proxy_tests::{Config, LogLine, Proxy, Refusing, Server, eventually, get, proxy_test};

proxy_test!(each_line_has_the_shape_of_pythons_log, |binary| {
    let (server, refusing) = (Server::answering("hello"), Refusing::new());
    let upstreams = [server.addr(), refusing.addr()];
    let mut proxy = binary.starts(Config::of(upstreams).level("debug"));
    let mut client = proxy.client();
    client.gets("/");
    client.gets("/");
    client.sends("nonsense\r\n\r\n");
    client.reads_response();
    proxy.terminates();
    for line in proxy.log_lines() {
        assert!(LogLine::parse(&line).is_some(), "another shape: {line:?}");
    }
});

proxy_test!(lines_have_the_time_of_the_zone_that_tz_names, |binary| {
    // Half an hour off, lest a whole number of hours be luck.
    let zone = "Asia/Kolkata";
    let now_there = || {
        let date = Command::new("date").env("TZ", zone).arg("+%F %T").output().expect("date");
        String::from_utf8(date.stdout).expect("text").trim().to_owned()
    };
    let before = now_there();
    let launch = binary.launch().env("TZ", zone).env("METRICS_LISTEN_PORT", "0");
    let process = launch.args(&["127.0.0.1", "0"]).spawns();
    let line = process.wait_log("Listening on ");
    let (time, _) = line.split_once(',').expect("milliseconds");
    assert!((before.as_str()..=now_there().as_str()).contains(&time), "{before} … {line}");
});

proxy_test!(a_request_is_logged_twice_under_its_trace_id, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    let response = proxy.client().gets("/path");
    let trace_id = response.header("X-Trace-ID").unwrap();

    let selected = logged(&proxy, "Selected upstream");
    let message = format!("Selected upstream {} for GET /path (round-robin)", server.addr());
    assert_eq!(selected.message, message);

    let finished = logged(&proxy, "Finished");
    let words: Vec<&str> = finished.message.split(' ').collect();
    let ["Finished", "GET", "/path", "200", "in", time, "ms", bytes, "bytes)"] = words[..] else {
        panic!("another shape: {:?}", finished.message)
    };
    let (whole, tenths) = time.split_once('.').expect("milliseconds with a decimal");
    assert!(whole.parse::<u64>().is_ok() && tenths.len() == 1, "{time}");
    let bytes: u64 = bytes.strip_prefix('(').unwrap().parse().unwrap();
    assert!(bytes >= 5, "{bytes}");

    for line in [selected, finished] {
        assert_eq!(line.level, "INFO");
        assert_eq!(line.trace_id.as_deref(), Some(trace_id));
    }
});

proxy_test!(waiting_is_logged_under_the_trace_id, |binary| {
    let server = Server::answering("hello");
    server.holds();
    let limits = "limits: { max_conns_per_upstream: 1 }";
    let proxy = binary.starts(Config::of([server.addr()]).with(limits));
    let (mut first, mut second) = (proxy.client(), proxy.client());
    first.sends(get("/"));
    server.wait_in_service(1);
    second.sends(get("/"));
    let line = logged(&proxy, "Waiting for a connection");
    let message = format!("Waiting for a connection to {} (limit 1)", server.addr());
    assert_eq!((line.message, line.level.as_str()), (message, "INFO"));
    server.releases();
    let response = second.reads_response();
    assert_eq!(response.header("X-Trace-ID"), line.trace_id.as_deref());
});

proxy_test!(the_start_is_logged, |binary| {
    let proxy = binary.starts(Config::of(["127.0.0.1:1"]));
    let line = logged(&proxy, "Listening on");
    assert_eq!((line.component.as_str(), line.level.as_str()), ("server", "INFO"));
    assert_eq!(line.message, format!("Listening on {}", proxy.addr()));
    assert_eq!(line.trace_id, None);
    let line = logged(&proxy, "Metrics on");
    assert_eq!(line.message, format!("Metrics on {}", proxy.metrics_addr()));
});

proxy_test!(no_colour_reaches_a_pipe, |binary| {
    let server = Server::answering("hello");
    let mut proxy = binary.starts(Config::of([server.addr()]).level("debug"));
    proxy.client().gets("/");
    proxy.terminates();
    assert!(!proxy.text().contains('\x1b'));
});

proxy_test!(a_pipe_that_nobody_reads_holds_nobody_up, |binary| {
    let server = Server::answering("hello");
    let mut proxy = binary.starts(Config::of([server.addr()]).level("debug"));
    proxy.is_not_read();
    let mut client = proxy.client();
    // Two lines of a hundred bytes each, so several times what a pipe holds.
    for _ in 0..1500 {
        assert_eq!(client.gets("/").status(), 200);
    }
    assert_eq!(proxy.terminates(), 0);
});

proxy_test!(a_dropped_line_is_counted_while_nobody_reads, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    proxy.is_not_read();
    let mut client = proxy.client();
    let target = format!("/{}", "x".repeat(12_000));
    eventually("a line is dropped", || {
        for _ in 0..50 {
            assert_eq!(client.gets(&target).status(), 200);
        }
        proxy.metrics().value("proxy_log_lines_dropped_total") > 0.0
    });
});

proxy_test!(a_pipe_that_is_closed_ends_nothing, |binary| {
    let server = Server::answering("hello");
    let mut proxy = binary.starts(Config::of([server.addr()]));
    proxy.is_not_heard();
    let mut client = proxy.client();
    for _ in 0..100 {
        assert_eq!(client.gets("/").status(), 200);
    }
    eventually("their lines are counted as lost", || {
        proxy.metrics().value("proxy_log_lines_dropped_total") > 0.0
    });
    assert_eq!(proxy.terminates(), 0);
});

fn logged(proxy: &Proxy, part: &str) -> LogLine {
    let line = proxy.wait_log(part);
    LogLine::parse(&line).unwrap_or_else(|| panic!("another shape: {line:?}"))
}
