//! The one table of what a configuration file may say. Defaults are [`crate::Config`]'s.

use crate::config::Record;

/// A key of the file: the checker's rule, and the line of documentation that the example file and
/// the error messages share.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) meaning: &'static str,
}

/// What the value of a key must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Keys of its own; left out or empty, all of them have their defaults.
    Section(&'static [Key]),
    /// Keys of its own, of which the one that is named must be there. Left out or empty, the whole
    /// is off.
    Feature { keys: &'static [Key], needs: &'static str },
    /// At least one entry, each with all of these keys that are no [`Kind::Feature`].
    Upstreams(&'static [Key]),
    /// An address or name, and a port.
    Listen,
    /// An address or name.
    Host,
    /// A log level.
    Level,
    /// A list of some of these words.
    Words(&'static [&'static str]),
    /// A word or several.
    Name,
    /// An `http` URL. Empty is the default, none. Refused by a program that has no use for it.
    Server,
    /// A path. Empty is the default, none.
    Path,
    /// Within these bounds.
    Integer { min: u64, max: u64 },
    /// Within these bounds. Empty is the default, which the machine decides.
    OptionalInteger { min: u64, max: u64 },
}

impl Kind {
    /// What would be right, as it follows "must be".
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Section(keys) | Self::Feature { keys, .. } => {
                format!("a section with the keys {}", names(keys))
            }
            Self::Upstreams(keys) => format!("a list of entries with {}", names(keys)),
            Self::Listen => "host:port, such as \"127.0.0.1:8080\"".to_owned(),
            Self::Host => "an IP address or a host name".to_owned(),
            Self::Level => "debug, info, warning or error".to_owned(),
            Self::Words(_) => "a list of words".to_owned(),
            Self::Name => "a name without control characters".to_owned(),
            Self::Server => "a URL, such as \"http://pyroscope:4040\"".to_owned(),
            Self::Path => "a path without control characters".to_owned(),
            Self::Integer { min, max } | Self::OptionalInteger { min, max } => {
                format!("a whole number from {min} to {max}")
            }
        }
    }
}

/// The names of some keys, for a message.
pub(crate) fn names(keys: &[Key]) -> String {
    keys.iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ")
}

/// The top level of the file, in the order of the example file.
pub(crate) const FILE: &[Key] = &[
    key("listen", Kind::Listen, "where clients connect; port 0: any free port"),
    key("metrics_listen", Kind::Listen, "where GET /metrics is answered"),
    key("upstreams", Kind::Upstreams(UPSTREAM), "the servers behind the proxy, each in its turn"),
    key("timeouts", Kind::Section(TIMEOUTS), "how long to wait, in milliseconds"),
    key("limits", Kind::Section(LIMITS), "how much, and how many at once"),
    key("logging", Kind::Section(LOGGING), "what is logged"),
    key("workers", Kind::OptionalInteger { min: 1, max: 1024 }, "worker threads; one per core"),
    key("pid_file", Kind::Path, "where the process id is written, removed at exit"),
    key("shutdown", Kind::Section(SHUTDOWN), "how the proxy stops"),
    key(
        "profiling",
        Kind::Feature { keys: PROFILING, needs: "server" },
        "pushes CPU profiles; docs/profiling.md",
    ),
    key("debug", Kind::Section(DEBUG), "what helps to find a bug"),
];

const UPSTREAM: &[Key] = &[
    key("host", Kind::Host, "an address or a name"),
    key("port", Kind::Integer { min: 1, max: 65535 }, "where it listens"),
    key(
        RESOLVE,
        Kind::Feature { keys: RESOLVE_KEYS, needs: "interval_ms" },
        "each address of the name is an upstream; docs/upstreams.md",
    ),
];

/// The key of an upstream that makes each address of its name one.
pub(crate) const RESOLVE: &str = "resolve";

const RESOLVE_KEYS: &[Key] = &[key(
    "interval_ms",
    Kind::Integer { min: SOONEST, max: LONGEST },
    "how often the name is looked up",
)];

const TIMEOUTS: &[Key] = &[
    key("connect_ms", TIME, "opening a connection to an upstream; 504"),
    key("read_ms", TIME, "each wait for bytes that the upstream owes; 504"),
    key("write_ms", TIME, "each wait for the upstream to accept bytes; 504"),
    key("total_ms", TIME_OR_ZERO, "the whole of one request; 504; 0: off"),
    key("client_head_ms", TIME, "a request head, from its first byte to its end; 408"),
    key("client_idle_ms", TIME, "a client connection with no request in progress; closed"),
    key("client_body_ms", TIME, "no progress while the client owes body bytes; 408"),
    key("client_send_ms", TIME, "no progress while the client accepts no bytes; reset"),
    key("tunnel_idle_ms", TIME_OR_ZERO, "an upgraded connection with no byte either way; 0: never"),
    key("upstream_idle_ms", TIME_OR_ZERO, "an upstream connection kept for reuse; 0: never kept"),
];

const LIMITS: &[Key] = &[
    key("max_client_conns", CONNECTIONS, "clients served at once; further ones wait"),
    key("max_conns_per_upstream", CONNECTIONS, "connections to each; further requests wait"),
    key("max_head_bytes", Kind::Integer { min: 1024, max: 65536 }, "size of a message head; 431"),
    key("max_headers", Kind::Integer { min: 1, max: 500 }, "header lines of a message head; 431"),
];

const LOGGING: &[Key] = &[key("level", Kind::Level, "debug, info, warning or error")];

const SHUTDOWN: &[Key] = &[
    key("delay_ms", TIME_OR_ZERO, "serve on, /readyz saying 503, before the listener closes"),
    key("deadline_ms", TIME, "how long the requests in flight may take to finish"),
];

const PROFILING: &[Key] = &[
    key("server", Kind::Server, "a Pyroscope server; empty: off"),
    key("application", Kind::Name, "the name of the profiles there"),
    key("sample_rate", Kind::Integer { min: 1, max: 1000 }, "samples per second of CPU time"),
];

const DEBUG: &[Key] = &[key(
    "record",
    Kind::Feature { keys: RECORD, needs: "dir" },
    "writes sessions that fail to files; docs/replay.md",
)];

const RECORD: &[Key] = &[
    key("dir", Kind::Path, "where the files go; made when it is needed"),
    key("on", Kind::Words(Record::CAUSES), "the causes, as in docs/errors.md"),
    key("max_files", Kind::Integer { min: 1, max: 100_000 }, "the oldest go first"),
];

/// A day: longer is a slip of the unit. Arbitrary.
const LONGEST: u64 = 24 * 60 * 60 * 1000;
const TIME: Kind = Kind::Integer { min: 1, max: LONGEST };
const TIME_OR_ZERO: Kind = Kind::Integer { min: 0, max: LONGEST };
/// More than one machine has descriptors for. Arbitrary.
const CONNECTIONS: Kind = Kind::Integer { min: 1, max: 1_000_000 };

/// Between two look-ups of a name: more often helps nobody, and burdens whoever answers. Arbitrary.
const SOONEST: u64 = 100;

const fn key(name: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { name, kind, meaning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_file_explains_every_key() {
        let example = include_str!("../../config.example.yaml");
        let mut sections = vec![FILE];
        while let Some(keys) = sections.pop() {
            for key in keys {
                let name = format!("{}:", key.name);
                let comment = format!("# {}", key.meaning);
                assert!(
                    example.lines().any(|line| line.contains(&name) && line.ends_with(&comment)),
                    "no line with `{name}` ends with `{comment}`"
                );
                if let Kind::Section(keys) | Kind::Upstreams(keys) | Kind::Feature { keys, .. } =
                    key.kind
                {
                    sections.push(keys);
                }
            }
        }
    }

    #[test]
    fn the_table_has_the_keys_that_the_types_have() {
        let mut config = crate::Config::default();
        config.debug.record = serde_yaml::from_str("dir: recordings").unwrap();
        config.profiling = serde_yaml::from_str("server: http://pyroscope:4040").unwrap();
        config.upstreams[0].resolve = serde_yaml::from_str("interval_ms: 5000").unwrap();
        let defaults = serde_yaml::to_value(config).unwrap();
        let mut pairs = vec![(FILE, defaults)];
        while let Some((keys, value)) = pairs.pop() {
            let fields: Vec<_> = value.as_mapping().unwrap().keys().cloned().collect();
            let mut names: Vec<serde_yaml::Value> =
                keys.iter().map(|key| key.name.into()).collect();
            assert_eq!(fields.len(), names.len(), "{fields:?} and {names:?}");
            names.retain(|name| !fields.contains(name));
            assert!(names.is_empty(), "no field for {names:?}");
            for key in keys {
                match key.kind {
                    Kind::Section(keys) | Kind::Feature { keys, .. } => {
                        pairs.push((keys, value[key.name].clone()));
                    }
                    Kind::Upstreams(keys) => pairs.push((keys, value[key.name][0].clone())),
                    Kind::Listen
                    | Kind::Host
                    | Kind::Level
                    | Kind::Name
                    | Kind::Server
                    | Kind::Path
                    | Kind::Words(_)
                    | Kind::Integer { .. }
                    | Kind::OptionalInteger { .. } => {}
                }
            }
        }
    }
}
