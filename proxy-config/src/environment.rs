//! The configuration from environment variables, where there is no file.

use std::ops::Range;

use crate::address::{Invalid, Listen, listen_port};
use crate::check::refuse_duplicates;
use crate::config::{Config, Logging};
use crate::diagnostics::Diagnostic;
use crate::expand::Environment;
use crate::upstream::UpstreamEntry;

/// Reads the variables. What is wrong is reported in the list and has its default in the
/// configuration. The errors point into the text: a line `NAME=value` for each variable set.
pub(crate) fn read(env: Environment<'_>) -> (Config, String, Vec<Diagnostic>) {
    let defaults = Config::default();
    let mut reader = Reader { env, text: String::new(), errors: Vec::new() };
    let config = Config {
        upstreams: reader.upstreams().unwrap_or(defaults.upstreams),
        listen: Listen {
            host: reader.read(PROXY_LISTEN_HOST, defaults.listen.host, str::parse),
            port: reader.read(PROXY_LISTEN_PORT, defaults.listen.port, listen_port),
        },
        metrics_listen: Listen {
            host: reader.read(METRICS_LISTEN_HOST, defaults.metrics_listen.host, str::parse),
            port: reader.read(METRICS_LISTEN_PORT, defaults.metrics_listen.port, listen_port),
        },
        logging: Logging { level: reader.read(LOG_LEVEL, defaults.logging.level, str::parse) },
        ..defaults
    };
    (config, reader.text, reader.errors)
}

/// The variables and their meaning, for the help text.
pub(crate) const VARIABLES: [(&str, &str); 6] = [
    (UPSTREAM_HOSTS, "host:port of each upstream, separated by commas"),
    (PROXY_LISTEN_HOST, "where clients connect: an address or a name"),
    (PROXY_LISTEN_PORT, "and its port; 0: any free port"),
    (METRICS_LISTEN_HOST, "where GET /metrics is answered"),
    (METRICS_LISTEN_PORT, "and its port"),
    (LOG_LEVEL, "debug, info, warning or error"),
];

const UPSTREAM_HOSTS: &str = "UPSTREAM_HOSTS";
const PROXY_LISTEN_HOST: &str = "PROXY_LISTEN_HOST";
const PROXY_LISTEN_PORT: &str = "PROXY_LISTEN_PORT";
const METRICS_LISTEN_HOST: &str = "METRICS_LISTEN_HOST";
const METRICS_LISTEN_PORT: &str = "METRICS_LISTEN_PORT";
const LOG_LEVEL: &str = "LOG_LEVEL";

struct Reader<'a> {
    env: Environment<'a>,
    text: String,
    errors: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn read<T>(&mut self, name: &str, default: T, parse: fn(&str) -> Result<T, Invalid>) -> T {
        let Some((value, start)) = self.variable(name) else {
            return default;
        };
        parse(&value).unwrap_or_else(|invalid| {
            self.errors.push(Diagnostic::invalid(name, start..start + value.len(), invalid));
            default
        })
    }

    fn upstreams(&mut self) -> Option<Vec<UpstreamEntry>> {
        let (value, mut start) = self.variable(UPSTREAM_HOSTS)?;
        let whole = start..start + value.len();
        let mut found: Vec<(UpstreamEntry, Range<usize>)> = Vec::new();
        let errors_before = self.errors.len();
        for piece in value.split(',') {
            let entry = piece.trim();
            let at = start + piece.len() - piece.trim_start().len();
            start += piece.len() + 1;
            if entry.is_empty() {
                continue;
            }
            match entry.parse() {
                Ok(upstream) => found.push((upstream, at..at + entry.len())),
                Err(invalid) => self.errors.push(Diagnostic::invalid(
                    UPSTREAM_HOSTS,
                    at..at + entry.len(),
                    invalid,
                )),
            }
        }
        refuse_duplicates(&found, &mut self.errors);
        if found.is_empty() && self.errors.len() == errors_before {
            let error = Diagnostic::at(whole, "there is no upstream", "the list is empty");
            self.errors.push(error.help("write host:port,host:port"));
        }
        Some(found.into_iter().map(|(upstream, _)| upstream).collect())
    }

    /// A variable's value, and where it stands in the text. An empty one counts as not set.
    fn variable(&mut self, name: &str) -> Option<(String, usize)> {
        let value = (self.env)(name).filter(|value| !value.is_empty())?;
        let start = self.text.len() + name.len() + 1;
        self.text.extend([name, "=", &value, "\n"]);
        Some((value, start))
    }
}
