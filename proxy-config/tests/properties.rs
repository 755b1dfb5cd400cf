//! What holds for every configuration and for every text.

use std::collections::HashSet;
use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proxy_config::{
    Config, Debug, Host, Level, Limits, Listen, Logging, Record, Resolve, Shutdown, Timeouts,
    UpstreamAddress, UpstreamEntry, parse,
};

proptest! {
    #[test]
    fn a_configuration_in_the_form_of_the_file_means_itself(config in configs()) {
        let text = serde_yaml::to_string(&config).unwrap();
        prop_assert_eq!(parse(&text, "config.yaml", &|_| None), Ok(config), "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), value in option::of(any::<String>())) {
        survives(&text, value.as_deref());
    }

    #[test]
    fn no_text_of_yaml_like_pieces_makes_it_panic(pieces in vec(piece(), 0..40)) {
        survives(&pieces.concat(), Some("value"));
    }

    #[test]
    fn no_edit_of_the_example_makes_it_panic(
        edits in vec((any::<prop::sample::Index>(), 0..20_usize, piece()), 1..4),
    ) {
        let mut text: Vec<char> = include_str!("../../config.example.yaml").chars().collect();
        for (at, length, piece) in edits {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.chars());
        }
        survives(&text.into_iter().collect::<String>(), Some("1"));
    }
}

/// Parses, and shows the errors, which point into the text.
fn survives(text: &str, value: Option<&str>) {
    if let Err(errors) = parse(text, "config.yaml", &|_| value.map(str::to_owned)) {
        assert!(!errors.to_string().is_empty());
        assert!(errors.lines().next().is_some());
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop::sample::select(PIECES).prop_map(str::to_owned)
}

fn configs() -> impl Strategy<Value = Config> {
    let upstreams = vec(upstream(), 1..5).prop_map(|mut upstreams| {
        let mut seen = HashSet::new();
        upstreams.retain(|upstream| seen.insert(upstream.to_string().to_lowercase()));
        upstreams
    });
    let rest = (
        option::of(1..=1024_usize),
        option::of("[a-z0-9 #:.'\"{}é-]{1,12}"),
        option::of(time()).prop_map(Option::unwrap_or_default),
        time(),
        option::of(record()),
    );
    (listen(1..100), listen(100..200), upstreams, timeouts(), limits(), level(), rest).prop_map(
        |(
            listen,
            metrics_listen,
            upstreams,
            timeouts,
            limits,
            level,
            (workers, pid_file, delay, deadline, record),
        )| {
            Config {
                listen,
                metrics_listen,
                upstreams,
                timeouts,
                limits,
                logging: Logging { level },
                workers: workers.and_then(NonZeroUsize::new),
                pid_file: pid_file.map(Into::into),
                shutdown: Shutdown { delay, deadline },
                // What a program takes depends on how it was built.
                profiling: None,
                debug: Debug { record },
            }
        },
    )
}

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        any::<std::net::IpAddr>().prop_map(Host::Address),
        "[a-z0-9]([a-z0-9_-]{0,8}[A-Z0-9])?(\\.[a-z]{1,5}){1,2}\\.?".prop_map(Host::Name),
    ]
}

fn listen(ports: std::ops::Range<u16>) -> impl Strategy<Value = Listen> {
    (host(), ports).prop_map(|(host, port)| Listen { host, port })
}

fn upstream() -> impl Strategy<Value = UpstreamEntry> {
    let interval = (100..=86_400_000_u64).prop_map(Duration::from_millis);
    (host(), any::<NonZeroU16>(), option::of(interval)).prop_map(|(host, port, interval)| {
        let is_name = matches!(host, Host::Name(_));
        let resolve = interval.filter(|_| is_name).map(|interval| Resolve { interval });
        UpstreamEntry { address: UpstreamAddress { host, port }, resolve }
    })
}

fn time() -> impl Strategy<Value = Duration> {
    (1..=86_400_000_u64).prop_map(Duration::from_millis)
}

fn timeouts() -> impl Strategy<Value = Timeouts> {
    (vec(time(), 7), vec(option::of(time()), 3)).prop_map(|(times, optional)| Timeouts {
        connect: times[0],
        read: times[1],
        write: times[2],
        total: optional[0],
        client_head: times[3],
        client_idle: times[4],
        client_body: times[5],
        client_send: times[6],
        tunnel_idle: optional[1],
        upstream_idle: optional[2],
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let connections = || 1..=1_000_000_usize;
    (connections(), connections(), 1024..=65536_usize, 1..=500_usize).prop_map(
        |(max_client_conns, max_conns_per_upstream, max_head_bytes, max_headers)| Limits {
            max_client_conns,
            max_conns_per_upstream,
            max_head_bytes,
            max_headers,
        },
    )
}

fn record() -> impl Strategy<Value = Record> {
    let on = vec(prop::sample::select(Record::CAUSES).prop_map(str::to_owned), 0..4);
    ("[a-z/ ]{0,8}[a-z]", on, 1..=100_000_usize).prop_map(|(dir, on, max_files)| Record {
        dir: dir.into(),
        on,
        max_files,
    })
}

fn level() -> impl Strategy<Value = Level> {
    prop::sample::select(&[Level::Debug, Level::Info, Level::Warning, Level::Error][..])
}

const PIECES: &[&str] = &[
    "listen",
    "upstreams",
    "timeouts",
    "read_ms",
    "host",
    "port",
    "resolve",
    "interval_ms",
    "level",
    "pid_file",
    ": ",
    ":",
    "- ",
    "-",
    "\n",
    "\n  ",
    "\t",
    "\r\n",
    " ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "?",
    "&a",
    "*a",
    "!t",
    "\"",
    "'",
    "|",
    ">",
    "#",
    "---",
    "...",
    "%",
    "$",
    "${",
    "${A}",
    "${A:-b}",
    "é",
    "\u{feff}",
    "\u{2028}",
    "\u{0}",
    "字",
    "0",
    "-1",
    "1e9",
    "0x1f",
    "~",
];
