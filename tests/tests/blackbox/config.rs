//! The configuration file: what it may say, and how it is told what is wrong.

use proxy_tests::{Binary, Config, Process, Server, proxy_test};

proxy_test!(all_errors_are_told_at_once_with_their_place, |binary| {
    let text = "\
listen: \"127.0.0.1:0\"
upstreams:
  - host: \"127.0.0.1\"
    port: 70000
limits:
  max_client_con: 5
  max_conns_per_upstream: 0
timeouts: { read_ms: soon }
";
    let refused = refuses(binary, text);
    let said = refused.text();
    for part in [
        "config.yaml:4:11",
        "65535",
        "config.yaml:6:3",
        "max_client_conns",
        "config.yaml:7:27",
        "config.yaml:8:22",
        "timeouts: { read_ms: soon }",
    ] {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
});

proxy_test!(each_mistake_is_refused_with_its_line, |binary| {
    for (mistake, line) in [
        ("listen: \"nonsense\"", 1),
        ("listen: \"127.0.0.1:65536\"", 1),
        ("listen: 8080x", 1),
        ("metrics_listen: []", 1),
        ("colour: red", 1),
        ("logging: { level: loud }", 1),
        ("logging: [info]", 1),
        ("workers: 0", 1),
        ("limits: { max_client_conns: -1 }", 1),
        ("limits: { max_client_conns: 0 }", 1),
        ("limits: { max_client_conns: 1.5 }", 1),
        ("limits: { max_head_bytes: 0 }", 1),
        ("timeouts: { connect_ms: 0 }", 1),
        ("timeouts: { read_ms: -5 }", 1),
        ("timeouts: { write_ms: 0 }", 1),
        ("upstreams: []", 1),
        ("upstreams: 127.0.0.1", 1),
        ("upstreams:\n  - host: a\n    port: 0", 3),
        ("upstreams:\n  - host: a\n    port: \"http\"", 3),
        ("upstreams:\n  - host: a", 2),
        ("upstreams:\n  - port: 9001", 2),
        ("upstreams:\n  - { host: a, port: 1 }\n  - { host: a, port: 1 }", 3),
        ("upstreams:\n  - { host: a, port: 1, weight: 2 }", 2),
        ("listen: \"127.0.0.1:0\"\nlisten: \"127.0.0.1:0\"", 2),
        ("listen: \"127.0.0.1:0", 1),
    ] {
        let said = refuses(binary, mistake).text();
        assert!(said.contains(&format!("config.yaml:{line}:")), "{mistake}\nwas answered\n{said}");
    }
});

proxy_test!(a_wrong_variable_is_refused, |binary| {
    for (variable, value) in [
        ("UPSTREAM_HOSTS", "nonsense"),
        ("UPSTREAM_HOSTS", "127.0.0.1:0"),
        ("PROXY_LISTEN_PORT", "http"),
        ("METRICS_LISTEN_PORT", "70000"),
        ("LOG_LEVEL", "loud"),
    ] {
        let mut process = binary.launch().env(variable, value).exits();
        assert_eq!(process.exit_code(), 78, "{variable}={value}\n{}", process.text());
        assert!(process.text().contains(variable), "{}", process.text());
    }
});

proxy_test!(scalars_may_name_variables, |binary| {
    let server = Server::answering("hello");
    let config = "\
listen: \"${HOST:-127.0.0.1}:${PORT}\"
metrics_listen: \"127.0.0.1:0\"
upstreams:
  - host: \"${UNSET:-127.0.0.1}\"
    port: ${UPSTREAM_PORT}
";
    let launch = binary.launch().writes("config.yaml", config).env("PORT", "0");
    let launch = launch.env("UPSTREAM_PORT", server.addr().port().to_string());
    assert_eq!(launch.starts().client().gets("/").text(), "hello");
});

proxy_test!(zero_switches_three_timeouts_off, |binary| {
    let server = Server::answering("hello");
    let off = "timeouts: { total_ms: 0, tunnel_idle_ms: 0, upstream_idle_ms: 0 }";
    let proxy = binary.starts(Config::of([server.addr()]).with(off));
    assert_eq!(proxy.client().gets("/").text(), "hello");
});

fn refuses(binary: Binary, text: &str) -> Process {
    let mut process = binary.launch().writes("config.yaml", text).exits();
    let said = process.text();
    assert_eq!(process.exit_code(), 78, "{text}\nwas answered\n{said}");
    assert!(!said.contains("Listening on"), "it opened a port:\n{said}");
    process
}
