//! What is said about a configuration file that is wrong.

use proxy_config::parse;

fn env(name: &str) -> Option<String> {
    (name == "PORT").then(|| "9009".to_owned())
}

/// The errors, a line each.
fn refused(text: &str) -> Vec<String> {
    match parse(text, "config.yaml", &env) {
        Ok(config) => panic!("{text}\n{config:?}"),
        Err(errors) => errors.lines().collect(),
    }
}

#[test]
fn all_errors_are_shown_at_once_where_they_are() {
    let text = "\
listen: 8080             # Schlüssel
upstreams:
  - host: \"127.0.0.1\"
    port: 9001
  - host: 127.0.0.1
    port: 9001
timeouts:
  conect_ms: 1000
  read_ms: \"15000\"
limits:
  max_headers: ${HEADERS}
";
    let expected = "\
error: `listen` must be host:port, such as \"127.0.0.1:8080\"
 --> config.yaml:1:9
  |
1 | listen: 8080             # Schlüssel
  |         ^^^^ this is 8080
  |
  = help: where clients connect; port 0: any free port (default 127.0.0.1:8080)

error: the upstream 127.0.0.1:9001 is given twice
 --> config.yaml:5:5
  |
3 |   - host: \"127.0.0.1\"
  |     ----------------- first here
4 |     port: 9001
5 |   - host: 127.0.0.1
  |     ^^^^^^^^^^^^^^^ here again
  |
  = help: keep one of them

error: unknown key `conect_ms` in `timeouts`
 --> config.yaml:8:3
  |
8 |   conect_ms: 1000
  |   ^^^^^^^^^
  |
  = help: did you mean `connect_ms`?

error: `timeouts.read_ms` must be a whole number from 1 to 86400000
 --> config.yaml:9:12
  |
9 |   read_ms: \"15000\"
  |            ^^^^^^^ this is the text \"15000\": remove the quotes
  |
  = help: each wait for bytes that the upstream owes; 504 (default 15000)

error: the variable `HEADERS` is not set
  --> config.yaml:11:16
   |
11 |   max_headers: ${HEADERS}
   |                ^^^^^^^^^^
   |
   = help: set it, or give a default: `${HEADERS:-default}`";
    let errors = parse(text, "config.yaml", &env).unwrap_err();
    assert_eq!(errors.to_string(), expected);
    assert!(errors.render(true).contains("\u{1b}["));
}

#[test]
fn each_rule_has_its_error() {
    let cases = [
        // keys
        ("listn: x", "1:1: unknown key `listn`; did you mean `listen`?"),
        (
            "timeouts: { read: 5 }",
            "1:13: unknown key `read` in `timeouts`; did you mean `read_ms`?",
        ),
        ("level: info", "1:1: unknown key `level`; `level` belongs in `logging`"),
        (
            "logging: {verbose: 1}",
            "1:11: unknown key `verbose` in `logging`; the keys here are `level`",
        ),
        ("? [a]\n: 1", "1:3: a key must be a word; the keys here are `listen`"),
        ("listen: a:1\nlisten: b:1", "2:1: `listen` is given twice: here again"),
        // types
        ("[]", "1:1: the file must be a section with the keys `listen`,"),
        ("nonsense", "1:1: the file must be a section"),
        ("timeouts: 5", "1:11: `timeouts` must be a section with the keys `connect_ms`,"),
        ("limits: []", "`limits` must be a section with the keys `max_client_conns`,"),
        (
            "upstreams: {host: a, port: 1}",
            "1:12: `upstreams` must be a list of entries with `host`",
        ),
        (
            "upstreams: ['a:1']",
            "1:13: `upstreams[0]` must be a section with the keys `host`, `port`",
        ),
        (
            "upstreams: [{host: a, port: '1'}]",
            "`upstreams[0].port` must be a whole number from 1 to",
        ),
        (
            "listen: {host: a}",
            "`listen` must be host:port, such as \"127.0.0.1:8080\": this is a section",
        ),
        ("pid_file: true", "`pid_file` must be a path without control characters: this is true"),
        (
            "pid_file: ''",
            "`pid_file` must be a path without control characters: this is an empty text",
        ),
        (
            "timeouts: {read_ms: 1.5}",
            "`timeouts.read_ms` must be a whole number from 1 to 86400000: this is 1.5",
        ),
        (
            "timeouts:\n  read_ms:\n",
            "`timeouts.read_ms` must be a whole number from 1 to 86400000: this is empty",
        ),
        ("timeouts: {read_ms: 1s}", "this is the text `1s`"),
        // bounds
        (
            "timeouts: {connect_ms: 0}",
            "1:24: `timeouts.connect_ms` must be a whole number from 1 to 86400000: this is 0",
        ),
        (
            "timeouts: {total_ms: -1}",
            "`timeouts.total_ms` must be a whole number from 0 to 86400000: this is -1",
        ),
        ("timeouts: {total_ms: 86400001}", "`timeouts.total_ms` must be a whole number from 0"),
        (
            "limits: {max_client_conns: 0}",
            "`limits.max_client_conns` must be a whole number from 1 to 1000000",
        ),
        (
            "limits: {max_conns_per_upstream: 1000001}",
            "`limits.max_conns_per_upstream` must be a whole",
        ),
        (
            "limits: {max_head_bytes: 1023}",
            "`limits.max_head_bytes` must be a whole number from 1024 to 65536",
        ),
        (
            "limits: {max_headers: 1001}",
            "`limits.max_headers` must be a whole number from 1 to 500",
        ),
        ("shutdown: {deadline_ms: 0}", "`shutdown.deadline_ms` must be a whole number from 1"),
        ("workers: 0", "`workers` must be a whole number from 1 to 1024: this is 0"),
        ("workers: 99999999999999999999999", "`workers` must be a whole number from 1 to 1024"),
        (
            "upstreams: [{host: a, port: 0}]",
            "`upstreams[0].port` must be a whole number from 1 to 65535: this is 0",
        ),
        // upstreams
        ("upstreams: []", "1:12: there is no upstream"),
        ("upstreams:", "there is no upstream"),
        ("upstreams: [{}]", "`upstreams[0]` has no `host` and no `port`"),
        ("upstreams: [~]", "`upstreams[0]` has no `host` and no `port`"),
        ("upstreams: [{port: 1}]", "`upstreams[0]` has no `host`"),
        (
            "upstreams: [{host: ::1, port: 1}, {host: '[0::1]', port: 1}]",
            "the upstream [::1]:1 is given twice",
        ),
        ("upstreams: [{host: a, port: 1}, {host: A, port: 1}]", "the upstream A:1 is given twice"),
        (
            "upstreams: [{host: 'a b', port: 1}]",
            "`upstreams[0].host`: `a b` is neither an IP address nor",
        ),
        ("upstreams: [{host: 127.0.0.256, port: 1}]", "`127.0.0.256` is neither an IP address nor"),
        (
            "upstreams: [{host: '::1', port: 1, resolve: {interval_ms: 100}}]",
            "1:45: `upstreams[0].resolve` needs a name; write a host name, or remove `resolve`",
        ),
        (
            "upstreams: [{host: a, port: 1, resolve: {}}]",
            "`upstreams[0].resolve` has no `interval_ms`",
        ),
        (
            "upstreams: [{host: a, port: 1, resolve: {interval_ms: 99}}]",
            "`upstreams[0].resolve.interval_ms` must be a whole number from 100 to 86400000: this is",
        ),
        (
            "upstreams: [{host: a, port: 1, resolve: {interval_ms: 100, interval: 1}}]",
            "1:60: unknown key `interval` in `upstreams[0].resolve`; did you mean `interval_ms`?",
        ),
        (
            "upstreams: [{host: a, port: 1, resolve: 5}]",
            "`upstreams[0].resolve` must be a section with the keys `interval_ms`: this is 5",
        ),
        ("upstreams: [{host: a, port: 1, resole: ~}]", "did you mean `resolve`?"),
        (
            "upstreams: [{resolve: {interval_ms: 100}}]",
            "`upstreams[0]` has no `host` and no `port`",
        ),
        (
            "upstreams: [{host: a, port: 1}, {host: a, port: 1, resolve: {interval_ms: 100}}]",
            "the upstream a:1 is given twice",
        ),
        ("upstreams: [{host: -a, port: 1}]", "`-a` is neither an IP address nor"),
        // places to listen on
        ("listen: localhost", "`listen`: `localhost` has no port; write host:port"),
        ("listen: a:65536", "`listen`: `65536` is not a port; write a number from 0 to 65535"),
        ("listen: a:-1", "`listen`: `-1` is not a port"),
        ("listen: a:+1", "`listen`: `+1` is not a port"),
        ("listen: ::1:80", "`listen`: `::1:80` has an IPv6 address without brackets"),
        ("listen: 'http://a:80'", "`listen`: `http://a` is neither an IP address nor a host name"),
        ("listen: '*:80'", "`listen`: `*` is neither an IP address nor a host name"),
        ("listen: ':80'", "`listen`: an empty text is neither an IP address nor a host name"),
        (
            "metrics_listen: 127.0.0.1:8080",
            "1:17: `listen` (127.0.0.1:8080) and `metrics_listen` (127.0.0.1:8080) cannot",
        ),
        (
            "listen: 0.0.0.0:8081",
            "1:9: `listen` (0.0.0.0:8081) and `metrics_listen` (127.0.0.1:8081) cannot",
        ),
        (
            "logging: {level: loud}",
            "`logging.level`: `loud` is not a log level; write debug, info, warning or error",
        ),
        // recordings
        ("debug: {record: {on: []}}", "1:17: `debug.record` has no `dir`"),
        (
            "debug: {record: {dir: ''}}",
            "`debug.record.dir` must be a path without control characters",
        ),
        (
            "debug: {record: {dir: a, on: [bad_respones]}}",
            "1:31: `debug.record.on[0]`: `bad_respones` is not known; did you mean `bad_response`?",
        ),
        (
            "debug: {record: {dir: a, on: [everything]}}",
            "`everything` is not known; the causes, as in docs/errors.md",
        ),
        ("debug: {record: {dir: a, on: [[]]}}", "`debug.record.on[0]` must be a list of words"),
        ("debug: {record: {dir: a, on: bad_response}}", "`debug.record.on` must be a list of"),
        (
            "debug: {record: {dir: a, max_files: 0}}",
            "`debug.record.max_files` must be a whole number from 1 to 100000: this is 0",
        ),
        // profiling
        ("profiling: {sample_rate: 100}", "1:12: `profiling` has no `server`"),
        (
            "profiling: {server: 'pyroscope:4040'}",
            "1:21: `profiling.server`: this is not an http:// URL; write it such as http://",
        ),
        (
            "profiling: {server: 'https://pyroscope'}",
            "`profiling.server`: profiles are pushed without TLS; name an http:// server near",
        ),
        ("profiling: {server: [a]}", "`profiling.server` must be a URL, such as"),
        (
            "profiling: {server: '', sample_rate: 1001}",
            "`profiling.sample_rate` must be a whole number from 1 to 1000: this is 1001",
        ),
        (
            "profiling: {server: '', application: ''}",
            "`profiling.application` must be a name without control characters",
        ),
        // variables
        ("pid_file: ${UNSET}", "1:11: the variable `UNSET` is not set"),
        ("pid_file: a ${X", "1:13: `${` without `}`"),
        ("pid_file: ${1X}", "`${1X}` is not a variable"),
        ("pid_file: ${X-y}", "`${X-y}` is not a variable"),
        ("pid_file: ${X:-${Y}}", "`${X:-${Y}` is not a variable"),
        ("timeouts: {read_ms: \"${PORT}\"}", "this is the text \"9009\": remove the quotes"),
        // YAML
        ("timeouts:\n\tread_ms: 5", "not valid YAML"),
        ("timeouts:\n\tread_ms: 5", "indent with spaces"),
        ("listen: [::1]:80", "not valid YAML"),
        ("listen: 'a", "not valid YAML"),
        ("limits: &a {}", "1:9: a configuration cannot have an anchor"),
        ("limits: !a {}", "a configuration cannot have a tag"),
        ("a: &a 1\nb: *a", "1:4: a configuration cannot have an anchor"),
        ("limits:\n---\nlimits:\n", "2:1: there is more than one document"),
        (&"[".repeat(100), "nested too deeply"),
        (&"- ".repeat(100_000), "nested too deeply"),
    ];
    for (text, expected) in cases {
        let errors = refused(text);
        assert!(errors[0].contains(expected), "{text:.80}\n{errors:#?}\n{expected}");
        assert_eq!(errors.len(), 1, "{text:.80}\n{errors:#?}");
    }
}

#[test]
fn a_wrong_listen_is_not_said_to_collide() {
    assert_eq!(refused("listen: nine\nmetrics_listen: 127.0.0.1:8080").len(), 1);
}

#[test]
fn nonsense_does_not_flood_the_log() {
    let text = "key: 1\n".repeat(10_000);
    let errors = parse(&text, "config.yaml", &env).unwrap_err();
    assert_eq!(errors.lines().count(), 33);
    assert!(errors.to_string().ends_with("\n\nand 9968 more"));
}

#[test]
fn a_line_of_the_log_is_one_line() {
    for line in refused("\"a\\nb\\e[31m\": 1\npid_file: \"${\\n}\"") {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn a_path_that_the_system_would_not_take_is_refused() {
    for path in ["a\\0b", "a\\nb", "\\x7f"] {
        let errors = refused(&format!("pid_file: \"{path}\"\n"));
        assert!(errors[0].contains("`pid_file` must be a path without control characters"));
        assert_eq!(errors.len(), 1);
    }
}

#[test]
fn a_password_in_a_url_is_not_shown() {
    let text = "profiling: {server: \"https://me:secret@pyroscope\"}";
    let errors = parse(text, "config.yaml", &env).unwrap_err();
    assert!(errors.lines().all(|line| !line.contains("secret")), "{errors}");
    assert!(!errors.to_string().contains("secret"), "{errors}");
}
