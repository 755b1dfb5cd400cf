//! What a scraper sees of what the workers counted.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use proxy_metrics::{
    BuildInfo, ClientGauges, Format, Metrics, PoolGauges, StatusClass, TimeoutKind,
    UpstreamErrorKind,
};

#[test]
fn every_series_of_the_contract_is_there_at_zero_from_the_start() {
    let metrics = started();
    let _upstream = metrics.upstream("127.0.0.1:9001");
    for format in [Format::Text004, Format::OpenMetrics100] {
        let text = scrape(&metrics, format);
        for series in CONTRACT {
            assert!(text.contains(&format!("\n{series} 0")), "{series} in {format:?}:\n{text}");
        }
        assert!(!text.contains("1xx"), "{text}");
    }
}

#[test]
fn a_family_has_the_metadata_that_each_format_asks_for() {
    let metrics = started();
    let _upstream = metrics.upstream("127.0.0.1:9001");

    let text = scrape(&metrics, Format::Text004);
    assert!(text.contains("# HELP proxy_requests_total Requests received from clients.\n"));
    assert!(text.contains("# TYPE proxy_requests_total counter\n"));
    assert!(text.contains("# TYPE proxy_request_duration_seconds histogram\n"));
    assert!(text.contains("# TYPE proxy_build_info gauge\n"));
    assert!(!text.contains("# EOF"));

    let text = scrape(&metrics, Format::OpenMetrics100);
    assert!(text.contains("# HELP proxy_requests Requests received from clients.\n"));
    assert!(text.contains("# TYPE proxy_requests counter\n"));
    assert!(text.contains("# TYPE proxy_request_duration_seconds histogram\n"));
    assert!(text.contains("# TYPE proxy_build info\n"));
    assert!(text.ends_with("\n# EOF\n"));
}

#[test]
fn both_formats_have_the_same_series() {
    let metrics = started();
    let _upstream = metrics.upstream("127.0.0.1:9001");
    let names = |format| -> BTreeSet<String> {
        let text = scrape(&metrics, format);
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
    };
    assert_eq!(names(Format::Text004), names(Format::OpenMetrics100));
}

#[test]
fn what_the_workers_counted_is_summed() {
    let metrics = started();
    for (worker, n) in [(0, 1), (1, 10)] {
        let shard = metrics.shard(worker);
        shard.requests.add(n);
        shard.parse_errors.add(n);
        shard.bytes_sent.add(1000 * n);
        shard.bytes_received.add(100 * n);
        shard.response(StatusClass::of(404)).add(n);
        shard.response(StatusClass::of(101)).add(n);
        shard.timeout(TimeoutKind::Write).add(n);
        shard.failure(1).add(n);
        shard.connections_opened.add(3 * n);
        shard.connections_closed.add(n);
        shard.duration.observe(Duration::from_millis(n));
    }
    let text = scrape(&metrics, Format::Text004);
    for sample in [
        "proxy_requests_total 11",
        "proxy_requests_parse_errors_total 11",
        "proxy_bytes_sent_total 11000",
        "proxy_bytes_received_total 1100",
        "proxy_responses_total{status_class=\"1xx\"} 11",
        "proxy_responses_total{status_class=\"2xx\"} 0",
        "proxy_responses_total{status_class=\"4xx\"} 11",
        "proxy_timeout_errors_total{type=\"write\"} 11",
        "proxy_failures_total{cause=\"connect_refused\"} 0",
        "proxy_failures_total{cause=\"read_timeout\"} 11",
        "proxy_client_connections 22",
        "proxy_request_duration_seconds_bucket{le=\"0.001\"} 1",
        "proxy_request_duration_seconds_bucket{le=\"0.005\"} 1",
        "proxy_request_duration_seconds_bucket{le=\"0.01\"} 2",
        "proxy_request_duration_seconds_bucket{le=\"60.0\"} 2",
        "proxy_request_duration_seconds_bucket{le=\"+Inf\"} 2",
        "proxy_request_duration_seconds_sum 0.011",
        "proxy_request_duration_seconds_count 2",
    ] {
        assert!(text.contains(&format!("\n{sample}\n")), "{sample}:\n{text}");
    }
}

#[test]
fn the_places_of_clients_are_asked_for_at_a_scrape() {
    let metrics = started();
    metrics.observe_clients_with(|| ClientGauges { limit: 1000, waiting: 1 });
    let text = scrape(&metrics, Format::Text004);
    for sample in ["proxy_client_connections_limit 1000", "proxy_waiting_clients 1"] {
        assert!(text.contains(&format!("\n{sample}\n")), "{sample}:\n{text}");
    }
}

#[test]
fn what_the_workers_counted_of_an_upstream_is_summed() {
    let metrics = started();
    let upstream = metrics.upstream("[::1]:9001");
    for (worker, n) in [(0, 1), (1, 10)] {
        let shard = upstream.shard(worker);
        shard.requests.add(n);
        shard.retries.add(n);
        shard.connects.add(n);
        shard.error(UpstreamErrorKind::ConnectionRefused).add(n);
        shard.duration.observe(Duration::from_secs(100 * n));
    }
    upstream.observe_with(|| PoolGauges { open: 0, idle: 0, limit: 0, waiting: 99 });
    upstream.observe_with(|| PoolGauges { open: 7, idle: 3, limit: 8, waiting: 2 });

    let text = scrape(&metrics, Format::Text004);
    for sample in [
        "proxy_upstream_requests_total{upstream=\"[::1]:9001\"} 11",
        "proxy_upstream_errors_total{upstream=\"[::1]:9001\",type=\"timeout\"} 0",
        "proxy_upstream_errors_total{upstream=\"[::1]:9001\",type=\"connection_refused\"} 11",
        "proxy_upstream_retries_total{upstream=\"[::1]:9001\"} 11",
        "proxy_upstream_connects_total{upstream=\"[::1]:9001\"} 11",
        "proxy_upstream_request_duration_seconds_bucket{le=\"60.0\",upstream=\"[::1]:9001\"} 0",
        "proxy_upstream_request_duration_seconds_bucket{le=\"+Inf\",upstream=\"[::1]:9001\"} 2",
        "proxy_upstream_request_duration_seconds_sum{upstream=\"[::1]:9001\"} 1100.0",
        "proxy_upstream_connections{upstream=\"[::1]:9001\",state=\"active\"} 4",
        "proxy_upstream_connections{upstream=\"[::1]:9001\",state=\"idle\"} 3",
        "proxy_upstream_connections_limit{upstream=\"[::1]:9001\"} 8",
        "proxy_upstream_waiting_requests{upstream=\"[::1]:9001\"} 2",
    ] {
        assert!(text.contains(&format!("\n{sample}\n")), "{sample}:\n{text}");
    }
}

#[test]
fn upstreams_that_come_and_go_do_not_add_up_where_nobody_scrapes() {
    let metrics = started();
    let stays = Arc::downgrade(&metrics.upstream("gone:80"));
    let _another = metrics.upstream("another:80");
    assert!(stays.upgrade().is_none());
}

#[test]
fn a_name_shows_its_addresses_and_errors_as_long_as_it_is_looked_up() {
    let metrics = started();
    let name = metrics.name("app.internal:9001");
    name.set_addresses(5);
    name.errors.inc();
    metrics.name("app.internal:9001").errors.inc();
    let text = scrape(&metrics, Format::Text004);
    for sample in [
        "proxy_resolve_addresses{name=\"app.internal:9001\"} 5",
        "proxy_resolve_errors_total{name=\"app.internal:9001\"} 2",
    ] {
        assert!(text.contains(&format!("\n{sample}\n")), "{sample}:\n{text}");
    }
    drop(name);
    assert!(!scrape(&metrics, Format::Text004).contains("app.internal"));
}

#[test]
fn an_upstream_keeps_its_series_over_a_reload_and_loses_them_when_removed() {
    let metrics = started();
    let before = metrics.upstream("127.0.0.1:9001");
    before.shard(0).requests.add(5);
    let after = metrics.upstream("127.0.0.1:9001");
    assert!(Arc::ptr_eq(&before, &after));

    drop(before);
    let series = "proxy_upstream_requests_total{upstream=\"127.0.0.1:9001\"} 5\n";
    assert!(scrape(&metrics, Format::Text004).contains(series));

    drop(after);
    assert!(!scrape(&metrics, Format::Text004).contains("127.0.0.1:9001"));
    assert_eq!(metrics.upstream("127.0.0.1:9001").shard(0).requests.value(), 0);
}

#[test]
fn a_pool_is_asked_once_per_scrape() {
    let metrics = started();
    let upstream = metrics.upstream("127.0.0.1:9001");
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    upstream.observe_with(move || {
        count.fetch_add(1, Ordering::Relaxed);
        PoolGauges::default()
    });
    scrape(&metrics, Format::Text004);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn label_values_are_escaped() {
    let metrics = started();
    let _upstream = metrics.upstream("a\"b\\c\nd");
    for format in [Format::Text004, Format::OpenMetrics100] {
        let series = r#"proxy_upstream_requests_total{upstream="a\"b\\c\nd"} 0"#;
        assert!(scrape(&metrics, format).contains(&format!("\n{series}\n")));
    }
}

#[test]
fn a_reload_is_told_with_its_result() {
    let metrics = started();
    let contains = |sample: &str| {
        let text = scrape(&metrics, Format::Text004);
        assert!(text.contains(&format!("\n{sample}\n")), "{sample}:\n{text}");
    };
    contains("process_start_time_seconds 1700000000.25");
    contains("proxy_config_last_reload_successful 1");
    contains("proxy_config_last_reload_success_timestamp_seconds 1700000000");

    metrics.reload_failed();
    contains("proxy_config_reloads_total{result=\"success\"} 0");
    contains("proxy_config_reloads_total{result=\"failure\"} 1");
    contains("proxy_config_last_reload_successful 0");
    contains("proxy_config_last_reload_success_timestamp_seconds 1700000000");

    metrics.reload_succeeded(start_time() + Duration::from_mins(1));
    contains("proxy_config_reloads_total{result=\"success\"} 1");
    contains("proxy_config_last_reload_successful 1");
    contains("proxy_config_last_reload_success_timestamp_seconds 1700000060");
}

#[test]
fn the_process_tells_of_itself() {
    let metrics = started();
    metrics.log_lines_dropped().add(3);
    metrics.set_draining();
    let text = scrape(&metrics, Format::Text004);
    assert!(text.contains("\nproxy_build_info{version=\"1.2.3\",runtime=\"tokio\"} 1\n"));
    assert!(text.contains("\nproxy_log_lines_dropped_total 3\n"));
    assert!(text.contains("\nproxy_draining 1\n"));
    if cfg!(target_os = "linux") {
        assert!(text.contains("\nprocess_cpu_seconds_total "));
        assert!(text.contains("\nprocess_resident_memory_bytes "));
        assert!(text.contains("\nprocess_open_fds "));
    }
}

#[test]
fn no_addition_is_lost_between_threads() {
    const ROUNDS: u64 = 10_000;
    let metrics = started();
    let upstream = metrics.upstream("127.0.0.1:9001");
    thread::scope(|scope| {
        // Twice the workers, so that each shard has two writers, and a scraper beside them.
        for worker in 0..4 {
            let (shard, upstream) = (metrics.shard(worker), &upstream);
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    shard.requests.inc();
                    shard.duration.observe(Duration::from_micros(1));
                    upstream.shard(worker).requests.inc();
                }
            });
        }
        scope.spawn(|| scrape(&metrics, Format::Text004));
    });
    let text = scrape(&metrics, Format::Text004);
    assert!(text.contains("\nproxy_requests_total 40000\n"));
    assert!(text.contains("\nproxy_request_duration_seconds_count 40000\n"));
    assert!(text.contains("\nproxy_request_duration_seconds_sum 0.04\n"));
    assert!(text.contains("\nproxy_upstream_requests_total{upstream=\"127.0.0.1:9001\"} 40000\n"));
}

#[test]
fn promtool_has_nothing_to_say() {
    let metrics = started();
    let _upstreams = [metrics.upstream("127.0.0.1:9001"), metrics.upstream("a\"b\\c\nd")];
    metrics.shard(0).duration.observe(Duration::from_micros(1));
    for text in [scrape(&metrics, Format::Text004), scrape(&started(), Format::Text004)] {
        let promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut promtool = match promtool {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("SKIPPED: promtool is not on the PATH");
                return;
            }
            started => started.unwrap(),
        };
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert_eq!(String::from_utf8_lossy(&said), "", "{text}");
        assert!(output.status.success(), "{text}");
    }
}

fn started() -> Metrics {
    let build = BuildInfo { version: "1.2.3", runtime: "tokio" };
    Metrics::new(2, build, &["connect_refused", "read_timeout"], start_time())
}

fn start_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250)
}

fn scrape(metrics: &Metrics, format: Format) -> String {
    let mut text = String::new();
    metrics.render(format, &mut text);
    text
}

/// The series that users rely on, literally, and those of the fixed label sets beside them.
const CONTRACT: [&str; 32] = [
    "proxy_requests_total",
    "proxy_requests_parse_errors_total",
    "proxy_responses_total{status_class=\"2xx\"}",
    "proxy_responses_total{status_class=\"3xx\"}",
    "proxy_responses_total{status_class=\"4xx\"}",
    "proxy_responses_total{status_class=\"5xx\"}",
    "proxy_request_duration_seconds_sum",
    "proxy_request_duration_seconds_count",
    "proxy_request_duration_seconds_bucket{le=\"0.001\"}",
    "proxy_request_duration_seconds_bucket{le=\"+Inf\"}",
    "proxy_bytes_sent_total",
    "proxy_bytes_received_total",
    "proxy_upstream_requests_total{upstream=\"127.0.0.1:9001\"}",
    "proxy_upstream_errors_total{upstream=\"127.0.0.1:9001\",type=\"timeout\"}",
    "proxy_upstream_errors_total{upstream=\"127.0.0.1:9001\",type=\"connection_refused\"}",
    "proxy_upstream_errors_total{upstream=\"127.0.0.1:9001\",type=\"other\"}",
    "proxy_timeout_errors_total{type=\"connect\"}",
    "proxy_timeout_errors_total{type=\"read\"}",
    "proxy_timeout_errors_total{type=\"write\"}",
    "proxy_timeout_errors_total{type=\"total\"}",
    "proxy_failures_total{cause=\"connect_refused\"}",
    "proxy_failures_total{cause=\"read_timeout\"}",
    "proxy_client_connections",
    "proxy_client_connections_limit",
    "proxy_waiting_clients",
    "proxy_upstream_connections{upstream=\"127.0.0.1:9001\",state=\"active\"}",
    "proxy_upstream_connections{upstream=\"127.0.0.1:9001\",state=\"idle\"}",
    "proxy_upstream_connections_limit{upstream=\"127.0.0.1:9001\"}",
    "proxy_upstream_waiting_requests{upstream=\"127.0.0.1:9001\"}",
    "proxy_upstream_retries_total{upstream=\"127.0.0.1:9001\"}",
    "proxy_upstream_connects_total{upstream=\"127.0.0.1:9001\"}",
    "proxy_upstream_request_duration_seconds_count{upstream=\"127.0.0.1:9001\"}",
];
