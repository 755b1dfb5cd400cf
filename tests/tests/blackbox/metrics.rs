//! The metrics: their names, their formats, what they count and what they do not.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proxy_tests::{Client, Config, Proxy, Refusing, Server, get, ok, post, proxy_test};

proxy_test!(each_metric_is_there_by_its_name, |binary| {
    let (server, refusing) = (Server::answering("hello"), Refusing::new());
    let proxy = binary.starts(Config::of([server.addr(), refusing.addr()]));
    let mut client = proxy.client();
    client.gets("/");
    client.gets("/");
    proxy.wait_metric("proxy_requests_total", 2);
    let series = proxy.metrics();
    for name in [
        "proxy_requests_total",
        "proxy_requests_parse_errors_total",
        "proxy_responses_total",
        "proxy_request_duration_seconds_sum",
        "proxy_request_duration_seconds_count",
        "proxy_request_duration_seconds_bucket",
        "proxy_bytes_sent_total",
        "proxy_upstream_requests_total",
        "proxy_upstream_errors_total",
        "proxy_timeout_errors_total",
    ] {
        assert!(series.has(name), "no {name} in {series:?}");
    }
    for class in ["2xx", "3xx", "4xx", "5xx"] {
        assert!(
            series.has(&format!("proxy_responses_total{{status_class=\"{class}\"}}")),
            "{class}"
        );
    }
    for kind in ["connect", "read", "write", "total"] {
        assert!(series.has(&format!("proxy_timeout_errors_total{{type=\"{kind}\"}}")), "{kind}");
    }
});

proxy_test!(requests_and_responses_are_counted, |binary| {
    let server = Server::serving(|request| {
        let code = request.target().trim_start_matches('/');
        format!("HTTP/1.1 {code} Some\r\nContent-Length: 0\r\n\r\n")
    });
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    for code in ["200", "201", "302", "404", "404", "404", "500"] {
        client.gets(&format!("/{code}"));
    }
    client.sends("nonsense\r\n\r\n");
    client.reads_response();

    proxy.wait_metric("proxy_requests_parse_errors_total", 1);
    for (class, count) in [("2xx", 2), ("3xx", 1), ("5xx", 1)] {
        proxy.wait_metric(&format!("proxy_responses_total{{status_class=\"{class}\"}}"), count);
    }
    proxy.wait_metric("proxy_request_duration_seconds_count", 7);
    let upstream = format!("proxy_upstream_requests_total{{upstream=\"{}\"}}", server.addr());
    proxy.wait_metric(&upstream, 7);
});

proxy_test!(the_bytes_sent_are_those_received, |binary| {
    let server = Server::serving(|request| ok(request.text()));
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    for size in [0, 10, 100_000] {
        client.sends(post("/", &"x".repeat(size)));
        client.reads_response();
    }
    proxy.wait_metric("proxy_request_duration_seconds_count", 3);
    let sent = proxy.metrics().value("proxy_bytes_sent_total");
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let received = client.received() as f64;
    assert!((100_010.0..=received).contains(&sent), "{sent} of {received}");
});

proxy_test!(durations_are_summed, |binary| {
    let server = Server::answering("hello");
    server.holds();
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    client.sends(get("/"));
    server.wait_in_service(1);
    proxy_tests::passes(std::time::Duration::from_millis(200));
    server.releases();
    client.reads_response();
    proxy.wait_metric("proxy_request_duration_seconds_count", 1);
    let series = proxy.metrics();
    let sum = series.value("proxy_request_duration_seconds_sum");
    assert!((0.2..20.0).contains(&sum), "{sum} s");
    let all = series.value("proxy_request_duration_seconds_bucket{le=\"+Inf\"}");
    assert!((all - 1.0).abs() < f64::EPSILON, "{all}");
});

proxy_test!(the_format_is_the_scrapers_choice, |binary| {
    let proxy = binary.starts(Config::of(["127.0.0.1:1"]));
    let mut client = metrics_client(&proxy);
    let plain = client.gets("/metrics");
    assert_eq!(plain.status(), 200);
    let content_type = plain.header("Content-Type").unwrap();
    assert!(content_type.starts_with("text/plain; version=0.0.4"), "{content_type}");
    assert!(plain.text().contains("# TYPE proxy_requests_total counter\n"), "{}", plain.text());

    client.sends("GET /metrics HTTP/1.1\r\nHost: test\r\n");
    client.sends("Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n");
    let open = client.reads_response();
    let content_type = open.header("Content-Type").unwrap();
    assert!(
        content_type.starts_with("application/openmetrics-text; version=1.0.0"),
        "{content_type}"
    );
    assert!(open.text().contains("# TYPE proxy_requests counter\n"), "{}", open.text());
    assert!(open.text().ends_with("# EOF\n"), "{}", open.text());
});

proxy_test!(promtool_finds_nothing_to_complain_of, |binary| {
    let (server, refusing) = (Server::answering("hello"), Refusing::new());
    let proxy = binary.starts(Config::of([server.addr(), refusing.addr()]));
    let mut client = proxy.client();
    client.gets("/");
    client.gets("/");
    client.sends("nonsense\r\n\r\n");
    client.reads_response();
    proxy.wait_metric("proxy_requests_total", 3);

    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut promtool) = promtool.spawn() else {
        eprintln!("SKIPPED: promtool, which comes with Prometheus, is not installed");
        return;
    };
    let page = metrics_client(&proxy).gets("/metrics");
    promtool.stdin.take().expect("a pipe").write_all(&page.body).expect("it reads the page");
    let verdict = promtool.wait_with_output().expect("promtool runs");
    let complaints = String::from_utf8_lossy(&verdict.stderr);
    assert!(verdict.status.success() && complaints.is_empty(), "{complaints}{}", page.text());
});

proxy_test!(the_metrics_port_knows_one_path_and_one_method, |binary| {
    let proxy = binary.starts(Config::of(["127.0.0.1:1"]));
    let mut client = metrics_client(&proxy);
    for path in ["/", "/metricsx", "/metrics/", "/x"] {
        assert_eq!(client.gets(path).status(), 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        client.sends(format!("{method} /metrics HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n"));
        let response = client.reads_response();
        assert_eq!(response.status(), 405, "{method}");
        assert!(response.lists("Allow", "GET"), "{response:?}");
    }
    assert_eq!(client.gets("/metrics?x=1").status(), 200);
});

proxy_test!(scrapes_are_not_counted, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = metrics_client(&proxy);
    for path in ["/metrics", "/metrics", "/x"] {
        client.gets(path);
    }
    client.sends("nonsense\r\n\r\n");
    client.reads_response();
    proxy.client().gets("/");
    proxy.wait_metric("proxy_request_duration_seconds_count", 1);
    let series = proxy.metrics();
    for (name, count) in [
        ("proxy_requests_total", 1.0),
        ("proxy_requests_parse_errors_total", 0.0),
        ("proxy_responses_total{status_class=\"2xx\"}", 1.0),
        ("proxy_responses_total{status_class=\"4xx\"}", 0.0),
    ] {
        assert!((series.value(name) - count).abs() < f64::EPSILON, "{name} in {series:?}");
    }
});

proxy_test!(limits_and_those_who_wait_for_them_are_told, |binary| {
    let server = Server::answering("hello");
    server.holds();
    let config = |clients: u32| {
        let limits = format!("{{ max_client_conns: {clients}, max_conns_per_upstream: 1 }}");
        Config::of([server.addr()]).with(format!("limits: {limits}"))
    };
    let proxy = binary.starts(config(2));
    let mut clients = [(); 3].map(|()| proxy.client());
    for client in &mut clients {
        client.sends(get("/"));
    }
    let of = |name: &str| format!("{name}{{upstream=\"{}\"}}", server.addr());
    proxy.wait_metric("proxy_waiting_clients", 1);
    proxy.wait_metric(&of("proxy_upstream_waiting_requests"), 1);
    proxy.wait_metric("proxy_client_connections_limit", 2);
    proxy.wait_metric(&of("proxy_upstream_connections_limit"), 1);
    proxy.reloads(&config(3));
    proxy.wait_metric("proxy_client_connections_limit", 3);
    proxy.wait_metric("proxy_waiting_clients", 0);
    server.releases();
    for client in &mut clients {
        assert_eq!(client.reads_response().status(), 200);
    }
});

proxy_test!(metrics_are_there_while_the_proxy_is_full, |binary| {
    let server = Server::answering("hello");
    server.holds();
    let limits = "limits: { max_client_conns: 1 }";
    let proxy = binary.starts(Config::of([server.addr()]).with(limits));
    let mut client = proxy.client();
    client.sends(get("/"));
    server.wait_in_service(1);
    assert!(proxy.metrics().has("proxy_requests_total"));
    server.releases();
});

fn metrics_client(proxy: &Proxy) -> Client {
    Client::connect(proxy.metrics_addr())
}
