//! What a configuration file means, and what becomes of one that cannot be read.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proxy_config::{Config, Diagnostics, Level, NamedBy, Overrides, Source, load, parse};

fn env(name: &str) -> Option<String> {
    let value = match name {
        "PORT" => "9009",
        "NAME" => "backend",
        "EMPTY" => "",
        "YAML" => "a: [b, *c] # d",
        _ => return None,
    };
    Some(value.to_owned())
}

fn accepted(text: &str) -> Config {
    parse(text, "config.yaml", &env).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

#[test]
fn the_example_file_says_the_defaults() {
    assert_eq!(accepted(include_str!("../../config.example.yaml")), Config::default());
}

#[test]
fn the_container_file_names_the_containers() {
    let config = accepted(include_str!("../../config.docker.yaml"));
    let upstreams: Vec<_> = config.upstreams.iter().map(ToString::to_string).collect();
    assert_eq!(upstreams, ["upstream1:9001", "upstream2:9002"]);
    let listen = "0.0.0.0:8080".parse().unwrap();
    let metrics_listen = "0.0.0.0:8081".parse().unwrap();
    let upstreams = config.upstreams;
    assert_eq!(
        Config { listen, metrics_listen, upstreams, ..Config::default() },
        accepted(include_str!("../../config.docker.yaml"))
    );
}

#[test]
fn what_is_left_out_has_its_default() {
    for text in [
        "",
        "\n",
        "# nothing\n",
        "---\n",
        "---\n...\n",
        "{}",
        "\u{feff}# a byte order mark\n",
        "timeouts:\nlimits: ~\nlogging: {}\nworkers:\npid_file: null\n",
    ] {
        assert_eq!(accepted(text), Config::default(), "{text:?}");
    }
    let config = accepted("timeouts: {read_ms: 7}");
    assert_eq!(config.timeouts.read, Duration::from_millis(7));
    assert_eq!(config.timeouts.write, Duration::from_secs(15));
}

#[test]
fn zero_switches_off_what_may_be_off() {
    let timeouts =
        accepted("timeouts: {total_ms: 0, tunnel_idle_ms: 0, upstream_idle_ms: 0}").timeouts;
    assert_eq!(timeouts.total, None);
    assert_eq!(timeouts.tunnel_idle, None);
    assert_eq!(timeouts.upstream_idle, None);
}

#[test]
fn hosts_are_addresses_or_names() {
    let config = accepted(
        "listen: localhost:0\nmetrics_listen: '[0:0::1]:0'\nupstreams:\n\
         - {host: ::1, port: 80}\n- {host: '[::2]', port: 80}\n\
         - {host: my_service, port: 80}\n- {host: a.example., port: 80}\n",
    );
    assert_eq!(config.listen.to_string(), "localhost:0");
    assert_eq!(config.metrics_listen.to_string(), "[::1]:0");
    let names: Vec<_> = config.upstreams.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["[::1]:80", "[::2]:80", "my_service:80", "a.example.:80"]);
}

#[test]
fn a_name_is_resolved_to_members_only_where_that_is_said() {
    let config = accepted(
        "upstreams:\n- {host: a, port: 1}\n- {host: b, port: 1, resolve: {interval_ms: 500}}\n\
         - {host: c, port: 1, resolve: }\n- {host: 127.0.0.1, port: 1, resolve: ~}\n",
    );
    let intervals = config.upstreams.iter().map(|entry| entry.group().map(|group| group.interval));
    let half_a_second = Some(Duration::from_millis(500));
    assert_eq!(intervals.collect::<Vec<_>>(), [None, half_a_second, None, None]);
}

#[test]
fn variables_are_expanded_after_parsing() {
    let config = accepted(
        "upstreams:\n- host: ${NAME}-1.${UNSET:-example}\n  port: ${PORT}\n- host: x\n  \
         port: ${UNSET:-9001}\npid_file: $${NAME}/${YAML}$\nlogging:\n  level: ${EMPTY:-error}\n\
         workers: ${UNSET:-}\nlimits: ${EMPTY}\n",
    );
    let names: Vec<_> = config.upstreams.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["backend-1.example:9009", "x:9001"]);
    assert_eq!(config.pid_file, Some(PathBuf::from("${NAME}/a: [b, *c] # d$")));
    assert_eq!(config.logging.level, Level::Error);
    assert_eq!(config.workers, None);
}

#[test]
fn profiling_is_off_until_a_server_is_named() {
    for off in ["profiling:", "profiling: {server: }", "profiling: {server: \"\"}"] {
        assert_eq!(accepted(off).profiling, None, "{off}");
    }
    assert_eq!(accepted("profiling: {server: \"${SERVER:-}\", sample_rate: 7}").profiling, None);
}

#[cfg(feature = "profiling")]
#[test]
fn a_program_that_can_profile_takes_a_server() {
    let text = "profiling: {server: \"http://me:secret@pyroscope:4040\"}";
    let profiling = accepted(text).profiling.unwrap();
    assert_eq!(profiling.server.to_string(), "http://pyroscope:4040");
    assert_eq!((&*profiling.application, profiling.sample_rate), ("proxy", 100));
    let text = "profiling: {server: http://a, application: edge, sample_rate: 19}";
    let profiling = accepted(text).profiling.unwrap();
    assert_eq!((&*profiling.application, profiling.sample_rate), ("edge", 19));
}

#[cfg(not(feature = "profiling"))]
#[test]
fn a_program_that_cannot_profile_says_what_to_do() {
    let text = "profiling: {server: \"http://pyroscope:4040\"}";
    let errors = parse(text, "config.yaml", &|_| None).unwrap_err();
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(
        lines,
        ["config.yaml:1:21: `profiling.server`: this program was built without profiling; build \
          it with `--features profiling`, or leave this empty"]
    );
}

#[test]
fn recording_is_off_until_a_directory_is_named() {
    assert_eq!(accepted("debug: {record: }").debug.record, None);
    let record = accepted("debug: {record: {dir: a, on: , max_files: 7}}").debug.record.unwrap();
    assert_eq!((record.dir, record.max_files), (PathBuf::from("a"), 7));
    assert!(record.on.contains(&"bad_response".to_owned()), "{:?}", record.on);
    let record = accepted("debug: {record: {dir: a, on: [bad_request]}}").debug.record.unwrap();
    assert_eq!((record.on, record.max_files), (vec!["bad_request".to_owned()], 100));
}

#[test]
fn listeners_of_port_0_or_of_another_host_do_not_collide() {
    accepted("listen: 127.0.0.1:0\nmetrics_listen: 127.0.0.1:0");
    accepted("listen: 127.0.0.1:80\nmetrics_listen: 127.0.0.2:80");
}

fn loaded(path: &Path, named_by: NamedBy, overrides: &Overrides) -> Result<Config, Diagnostics> {
    load(&Source::File { path: path.to_owned(), named_by }, overrides, &env)
}

fn load_error(path: &Path, named_by: NamedBy) -> String {
    loaded(path, named_by, &Overrides::default()).unwrap_err().to_string()
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.yaml");
    let name = file.display();

    assert_eq!(
        load_error(&file, NamedBy::ConfigPath),
        format!(
            "error: there is no such file\n--> {name}\n = help: the variable CONFIG_PATH names it"
        )
    );
    assert!(load_error(&file, NamedBy::Argument).contains("an argument names it"));
    assert!(load_error(directory.path(), NamedBy::Default).contains("this is a directory"));

    fs::write(&file, " \n").unwrap();
    assert!(load_error(&file, NamedBy::Argument).contains("the file is empty"));

    fs::write(&file, b"# caf\xe9\nlisten: 1").unwrap();
    let error = load_error(&file, NamedBy::Argument);
    assert!(error.contains("the file is not UTF-8"), "{error}");
    assert!(error.contains("a.yaml:1:6"), "{error}");

    fs::write(&file, "#".repeat(1024 * 1024)).unwrap();
    assert!(loaded(&file, NamedBy::Argument, &Overrides::default()).is_ok());
    fs::write(&file, "#".repeat(1024 * 1024 + 1)).unwrap();
    assert!(load_error(&file, NamedBy::Argument).contains("larger than 1 MiB"));
}

#[test]
fn arguments_win_over_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.yaml");
    fs::write(&file, "listen: a:1\npid_file: a\nmetrics_listen: c:3\n").unwrap();
    let listen = "b:2".parse().unwrap();
    let overrides = Overrides { listen: Some(listen), pid_file: Some("b".into()) };
    let config = loaded(&file, NamedBy::Argument, &overrides).unwrap();
    assert_eq!(config.listen.to_string(), "b:2");
    assert_eq!(config.pid_file, Some("b".into()));

    let overrides = Overrides { listen: Some("c:3".parse().unwrap()), pid_file: None };
    let error = loaded(&file, NamedBy::Argument, &overrides).unwrap_err().to_string();
    assert!(error.contains("`listen` (c:3) and `metrics_listen` (c:3) cannot"), "{error}");

    let colliding = "listen: c:3\nmetrics_listen: c:3\n";
    fs::write(&file, colliding).unwrap();
    let overrides = Overrides { listen: Some("b:2".parse().unwrap()), pid_file: None };
    assert!(loaded(&file, NamedBy::Argument, &overrides).is_ok());
}
