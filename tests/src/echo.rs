//! The echo upstream: an HTTP stack that is not ours.

use crate::{Binary, Process};

/// A running echo upstream.
pub struct Echo {
    _process: Process,
    addr: String,
}

impl Echo {
    /// Starts one on a free port of 127.0.0.1.
    #[track_caller]
    pub fn starts() -> Self {
        let process = Binary::named("echo").launch().arg("127.0.0.1:0").spawns();
        let line = process.wait_log("Listening on ");
        let addr = line.trim_start_matches("Listening on ").to_owned();
        Self { _process: process, addr }
    }

    /// Where it listens, as `X-Upstream` names it.
    pub fn addr(&self) -> &str {
        &self.addr
    }
}
