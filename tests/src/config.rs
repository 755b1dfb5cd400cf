//! Configuration files.

use std::fmt::{self, Display, Formatter};

/// A configuration file: any free ports, and what the test sets.
#[derive(Clone, Debug)]
pub struct Config {
    listen: String,
    level: &'static str,
    upstreams: Vec<String>,
    resolve_ms: Option<u32>,
    settings: Vec<String>,
}

impl Config {
    /// In front of these upstreams, each `host:port`; listens on any free ports of 127.0.0.1; logs
    /// at info.
    pub fn of<A: ToString>(upstreams: impl IntoIterator<Item = A>) -> Self {
        Self {
            listen: "127.0.0.1:0".into(),
            level: "info",
            upstreams: upstreams.into_iter().map(|upstream| upstream.to_string()).collect(),
            resolve_ms: None,
            settings: Vec::new(),
        }
    }

    /// Listens here instead.
    #[must_use]
    pub fn listen(mut self, listen: impl ToString) -> Self {
        self.listen = listen.to_string();
        self
    }

    /// Logs at this level instead.
    #[must_use]
    pub fn level(mut self, level: &'static str) -> Self {
        self.level = level;
        self
    }

    /// Makes each address of its upstreams, which are names, an upstream; looks them up so often.
    #[must_use]
    pub fn resolving(mut self, interval_ms: u32) -> Self {
        self.resolve_ms = Some(interval_ms);
        self
    }

    /// Adds a line at the top level: `timeouts: { read_ms: 300 }`.
    #[must_use]
    pub fn with(mut self, setting: impl ToString) -> Self {
        self.settings.push(setting.to_string());
        self
    }
}

impl Display for Config {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "listen: \"{}\"", self.listen)?;
        writeln!(f, "metrics_listen: \"127.0.0.1:0\"")?;
        writeln!(f, "logging: {{ level: \"{}\" }}", self.level)?;
        for setting in &self.settings {
            writeln!(f, "{setting}")?;
        }
        writeln!(f, "upstreams:")?;
        for upstream in &self.upstreams {
            let (host, port) = upstream.rsplit_once(':').expect("an upstream is host:port");
            let host = host.trim_start_matches('[').trim_end_matches(']');
            writeln!(f, "  - host: \"{host}\"\n    port: {port}")?;
            if let Some(interval) = self.resolve_ms {
                writeln!(f, "    resolve: {{ interval_ms: {interval} }}")?;
            }
        }
        Ok(())
    }
}
