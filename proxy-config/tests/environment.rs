//! What the environment variables mean where there is no file.

use proxy_config::{Config, Diagnostics, Level, Overrides, Source, load};

fn started(variables: &[(&str, &str)]) -> Result<Config, Diagnostics> {
    let env = |name: &str| {
        let set = variables.iter().find(|(variable, _)| *variable == name);
        set.map(|(_, value)| (*value).to_owned())
    };
    load(&Source::Environment, &Overrides::default(), &env)
}

#[test]
fn what_is_not_set_or_empty_has_its_default() {
    assert_eq!(started(&[]), Ok(Config::default()));
    assert_eq!(started(&[("UPSTREAM_HOSTS", ""), ("LOG_LEVEL", "")]), Ok(Config::default()));
}

#[test]
fn each_variable_is_used() {
    let config = started(&[
        ("UPSTREAM_HOSTS", " upstream1:9001, [::1]:9002 ,"),
        ("PROXY_LISTEN_HOST", "::"),
        ("PROXY_LISTEN_PORT", "0"),
        ("METRICS_LISTEN_HOST", "localhost"),
        ("METRICS_LISTEN_PORT", "9"),
        ("LOG_LEVEL", "WARNING"),
    ])
    .unwrap();
    let upstreams: Vec<_> = config.upstreams.iter().map(ToString::to_string).collect();
    assert_eq!(upstreams, ["upstream1:9001", "[::1]:9002"]);
    assert_eq!(config.listen.to_string(), "[::]:0");
    assert_eq!(config.metrics_listen.to_string(), "localhost:9");
    assert_eq!(config.logging.level, Level::Warning);
}

#[test]
fn all_errors_are_shown_at_once_with_their_variables() {
    let errors = started(&[
        ("UPSTREAM_HOSTS", "a:1, b:0,a:1,c"),
        ("PROXY_LISTEN_HOST", "a b"),
        ("METRICS_LISTEN_PORT", "8080"),
        ("LOG_LEVEL", "loud"),
    ])
    .unwrap_err();
    let expected = "\
error: `UPSTREAM_HOSTS`: `0` is not a port
 --> environment:1:21
  |
1 | UPSTREAM_HOSTS=a:1, b:0,a:1,c
  |                     ^^^
  |
  = help: write a number from 1 to 65535

error: the upstream a:1 is given twice
 --> environment:1:25
  |
1 | UPSTREAM_HOSTS=a:1, b:0,a:1,c
  |                ---      ^^^ here again
  |                |
  |                first here
  |
  = help: keep one of them

error: `UPSTREAM_HOSTS`: `c` has no port
 --> environment:1:29
  |
1 | UPSTREAM_HOSTS=a:1, b:0,a:1,c
  |                             ^
  |
  = help: write host:port, such as 127.0.0.1:8080

error: `PROXY_LISTEN_HOST`: `a b` is neither an IP address nor a host name
 --> environment:2:19
  |
2 | PROXY_LISTEN_HOST=a b
  |                   ^^^
  |
  = help: write an address such as 127.0.0.1 or ::1, or a name such as upstream1

error: `LOG_LEVEL`: `loud` is not a log level
 --> environment:4:11
  |
4 | LOG_LEVEL=loud
  |           ^^^^
  |
  = help: write debug, info, warning or error";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn a_list_of_nothing_has_no_upstream() {
    let errors = started(&[("UPSTREAM_HOSTS", " , ")]).unwrap_err();
    let expected = "environment:1:16: there is no upstream: the list is empty; \
                    write host:port,host:port";
    assert_eq!(errors.lines().collect::<Vec<_>>(), [expected]);
}

#[test]
fn both_listeners_cannot_have_one_port() {
    let errors = started(&[("METRICS_LISTEN_PORT", "8080")]).unwrap_err();
    let expected = "environment: `listen` (127.0.0.1:8080) and `metrics_listen` \
                    (127.0.0.1:8080) cannot both be bound; give one of them another port";
    assert_eq!(errors.lines().collect::<Vec<_>>(), [expected]);
}
