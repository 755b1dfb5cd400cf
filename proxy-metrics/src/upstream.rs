//! What is counted of one upstream.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::counter::Counter;
use crate::histogram::Histogram;
use crate::labels::UpstreamErrorKind;

/// What is counted of one upstream: a shard per worker, and its pool's gauges.
///
/// Its series are shown while someone besides the registry holds the `Arc`.
pub struct UpstreamMetrics {
    name: Box<str>,
    shards: Box<[UpstreamShard]>,
    pool: Mutex<Option<PoolProbe>>,
}

impl UpstreamMetrics {
    pub(crate) fn new(name: &str, workers: usize) -> Self {
        Self {
            name: name.into(),
            shards: (0..workers).map(|_| UpstreamShard::default()).collect(),
            pool: Mutex::new(None),
        }
    }

    /// The label `upstream`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shard of one worker. Numbers beyond the count of workers share the shards in rotation.
    pub fn shard(&self, worker: usize) -> &UpstreamShard {
        &self.shards[worker % self.shards.len()]
    }

    /// Asks `probe` for the pool's gauges at each scrape, in place of an earlier probe. Without
    /// one the gauges are 0.
    ///
    /// The probe must hold the pool weakly if the pool holds these metrics, or neither is freed.
    pub fn observe_with(&self, probe: impl Fn() -> PoolGauges + Send + Sync + 'static) {
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(probe));
    }

    pub(crate) fn shards(&self) -> &[UpstreamShard] {
        &self.shards
    }

    pub(crate) fn pool(&self) -> PoolGauges {
        let probe = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        probe.as_ref().map_or_else(PoolGauges::default, |probe| probe())
    }
}

impl fmt::Debug for UpstreamMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamMetrics").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What one worker counts of one upstream, on cache lines that no other worker writes.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct UpstreamShard {
    /// Requests given to this upstream: `proxy_upstream_requests_total`.
    pub requests: Counter,
    /// Requests tried once more: `proxy_upstream_retries_total`.
    pub retries: Counter,
    /// Connections opened to it: `proxy_upstream_connects_total`. Requests beyond these reused
    /// one.
    pub connects: Counter,
    /// From a connection in hand to the end of the response:
    /// `proxy_upstream_request_duration_seconds`.
    pub duration: Histogram,
    errors: [Counter; UpstreamErrorKind::ALL.len()],
}

impl UpstreamShard {
    /// Requests that this upstream failed: `proxy_upstream_errors_total`.
    pub fn error(&self, kind: UpstreamErrorKind) -> &Counter {
        &self.errors[kind as usize]
    }
}

/// The state of one upstream's connection pool, over all workers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct PoolGauges {
    /// Connections open or being opened, idle ones included.
    pub open: u64,
    /// Connections open and waiting for a request, at most `open`.
    pub idle: u64,
    /// How many may be open.
    pub limit: u64,
    /// Requests waiting for a connection.
    pub waiting: u64,
}

type PoolProbe = Box<dyn Fn() -> PoolGauges + Send + Sync>;
