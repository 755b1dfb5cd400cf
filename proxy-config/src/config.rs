//! The configuration, and its defaults.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::{Host, Invalid, Listen, UpstreamAddress, quoted};
use crate::server_url::ServerUrl;
use crate::upstream::UpstreamEntry;

/// Everything a user can set. The defaults are those of the example file.
///
/// Serialised, it has the form of the configuration file. Deserialised, it is checked for types
/// only: a file goes through [`crate::load`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where clients connect.
    pub listen: Listen,
    /// Where the metrics and the admin pages are served; never where clients connect.
    pub metrics_listen: Listen,
    /// At least one, no two alike, in the order of their turns.
    pub upstreams: Vec<UpstreamEntry>,
    /// How long to wait, and for what.
    pub timeouts: Timeouts,
    /// How much, and how many.
    pub limits: Limits,
    /// What is logged.
    pub logging: Logging,
    /// Worker threads, 1 to 1024; `None`: one per core.
    pub workers: Option<NonZeroUsize>,
    /// Where the process id is written; `None`: nowhere.
    pub pid_file: Option<PathBuf>,
    /// How the proxy stops.
    pub shutdown: Shutdown,
    /// Where CPU profiles go; `None`: nowhere, and that costs nothing.
    pub profiling: Option<Profiling>,
    /// What helps to find a bug.
    pub debug: Debug,
}

impl Default for Config {
    fn default() -> Self {
        let loopback = Host::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let listen = |port| Listen { host: loopback.clone(), port };
        let upstream = |port| UpstreamAddress { host: loopback.clone(), port }.into();
        Self {
            listen: listen(8080),
            metrics_listen: listen(8081),
            upstreams: vec![
                upstream(const { NonZeroU16::new(9001).unwrap() }),
                upstream(const { NonZeroU16::new(9002).unwrap() }),
            ],
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            logging: Logging::default(),
            workers: None,
            pid_file: None,
            shutdown: Shutdown::default(),
            profiling: None,
            debug: Debug::default(),
        }
    }
}

/// Each of 1 ms to a day. Where a timeout is optional, the file says 0 for `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Opening a connection to an upstream, all its addresses together.
    #[serde(rename = "connect_ms", with = "millis")]
    pub connect: Duration,
    /// Each wait for bytes that the upstream owes.
    #[serde(rename = "read_ms", with = "millis")]
    pub read: Duration,
    /// Each wait for the upstream to accept bytes.
    #[serde(rename = "write_ms", with = "millis")]
    pub write: Duration,
    /// The whole of one request; `None`: no limit.
    #[serde(rename = "total_ms", with = "millis_or_zero")]
    pub total: Option<Duration>,
    /// A request head, from its first byte to its end.
    #[serde(rename = "client_head_ms", with = "millis")]
    pub client_head: Duration,
    /// A client connection with no request in progress.
    #[serde(rename = "client_idle_ms", with = "millis")]
    pub client_idle: Duration,
    /// No progress while the client owes body bytes.
    #[serde(rename = "client_body_ms", with = "millis")]
    pub client_body: Duration,
    /// No progress while the client accepts no bytes.
    #[serde(rename = "client_send_ms", with = "millis")]
    pub client_send: Duration,
    /// An upgraded connection with no byte either way; `None`: no limit.
    #[serde(rename = "tunnel_idle_ms", with = "millis_or_zero")]
    pub tunnel_idle: Option<Duration>,
    /// How long an upstream connection is kept for reuse; `None`: it is never kept.
    #[serde(rename = "upstream_idle_ms", with = "millis_or_zero")]
    pub upstream_idle: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            read: Duration::from_secs(15),
            write: Duration::from_secs(15),
            total: Some(Duration::from_secs(30)),
            client_head: Duration::from_secs(10),
            client_idle: Duration::from_mins(1),
            client_body: Duration::from_secs(15),
            client_send: Duration::from_secs(15),
            tunnel_idle: Some(Duration::from_mins(5)),
            // Below the 5 s of common application servers, so that we close first.
            upstream_idle: Some(Duration::from_secs(4)),
        }
    }
}

/// Bounds on what is held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Client connections served at once, 1 to 1,000,000; further ones wait.
    pub max_client_conns: usize,
    /// Connections open to each upstream, idle ones included, 1 to 1,000,000.
    pub max_conns_per_upstream: usize,
    /// Bytes of a message head, 1024 to 65536; never more than the window it is read into.
    pub max_head_bytes: usize,
    /// Header lines of a message head, 1 to 1000.
    pub max_headers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_client_conns: 1000,
            max_conns_per_upstream: 100,
            max_head_bytes: 16384,
            max_headers: 100,
        }
    }
}

/// What is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// The least severe level that is logged.
    pub level: Level,
}

/// Severity, the least severe first. Taken in any case, displayed in lower case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum Level {
    /// Every step of every request.
    Debug,
    /// A request's beginning and end.
    #[default]
    Info,
    /// What an operator should look at.
    Warning,
    /// What an operator must look at.
    Error,
}

impl Level {
    const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warning, Self::Error];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl FromStr for Level {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let is_meant = |level: &Self| text.eq_ignore_ascii_case(&level.to_string());
        Self::ALL.into_iter().find(is_meant).ok_or_else(|| Invalid {
            what: format!("{} is not a log level", quoted(text)),
            right: "write debug, info, warning or error".to_owned(),
        })
    }
}

impl TryFrom<String> for Level {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

/// How the proxy stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// How long clients are served on while `/readyz` says 503, before the listener closes: 0 to a
    /// day.
    #[serde(rename = "delay_ms", with = "millis")]
    pub delay: Duration,
    /// How long the requests in flight may take to finish, 1 ms to a day.
    #[serde(rename = "deadline_ms", with = "millis")]
    pub deadline: Duration,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { delay: Duration::ZERO, deadline: Duration::from_secs(30) }
    }
}

/// CPU profiles, pushed to a server. A program that cannot profile refuses them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiling {
    /// A Pyroscope server.
    pub server: ServerUrl,
    /// The name that the profiles have there.
    #[serde(default = "Profiling::proxy")]
    pub application: String,
    /// Samples for each second of CPU time, 1 to 1000.
    #[serde(default = "Profiling::hundred")]
    pub sample_rate: u32,
}

impl Profiling {
    fn proxy() -> String {
        "proxy".to_owned()
    }

    /// What Go's and Pyroscope's profilers have.
    fn hundred() -> u32 {
        100
    }
}

/// What helps to find a bug.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Debug {
    /// Sessions that are recorded; `None`: none are, and that costs nothing.
    pub record: Option<Record>,
}

/// Which sessions are recorded, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// A directory, made when it is needed.
    pub dir: PathBuf,
    /// The causes for which a session is recorded, each one of [`Record::CAUSES`].
    #[serde(default = "Record::upstream_failures")]
    pub on: Vec<String>,
    /// Files kept, 1 to 100,000; the oldest go first.
    #[serde(default = "Record::hundred")]
    pub max_files: usize,
}

impl Record {
    /// Every word that `on` may name: the causes of the core, which the driver compares.
    pub const CAUSES: &[&str] = &[
        "bad_request",
        "head_too_large",
        "target_too_long",
        "method_not_allowed",
        "expectation_failed",
        "not_implemented",
        "version_not_supported",
        "not_found",
        "client_head_timeout",
        "client_body_timeout",
        "client_send_timeout",
        "client_gone",
        "connect_refused",
        "connect_timeout",
        "connect_failed",
        "unresolved",
        "write_timeout",
        "read_timeout",
        "upstream_reset",
        "upstream_eof",
        "bad_response",
        "queue_timeout",
        "total_timeout",
        "tunnel_idle",
        "draining",
    ];

    /// Failures of an upstream that had the request: what an operator looks for first. Those of
    /// clients would fill the directory wherever the Internet can reach the proxy.
    fn upstream_failures() -> Vec<String> {
        let words =
            ["bad_response", "upstream_eof", "upstream_reset", "read_timeout", "write_timeout"];
        words.map(str::to_owned).to_vec()
    }

    /// Some 6 MB at most. Arbitrary.
    fn hundred() -> usize {
        100
    }
}

pub(crate) mod millis {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        time.as_millis().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

mod millis_or_zero {
    use serde::{Deserializer, Serializer};
    use std::time::Duration;

    #[expect(clippy::ref_option, reason = "the signature that serde's `with` asks for")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        super::millis::serialize(&time.unwrap_or_default(), to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let time = super::millis::deserialize(from)?;
        Ok((!time.is_zero()).then_some(time))
    }
}
