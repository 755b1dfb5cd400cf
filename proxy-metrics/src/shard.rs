//! What one worker counts.

use crate::counter::Counter;
use crate::histogram::Histogram;
use crate::labels::{StatusClass, TimeoutKind};

/// What one worker counts, on cache lines that no other worker writes.
///
/// Each field and method is named after the series that it feeds. Adding from another thread is
/// correct too, only slower.
// 128 bytes: x86 fetches lines of 64 in pairs, and several arm64 cores have lines of 128.
#[derive(Debug)]
#[repr(align(128))]
pub struct Shard {
    /// Requests received: `proxy_requests_total`.
    pub requests: Counter,
    /// Requests rejected before routing: `proxy_requests_parse_errors_total`.
    pub parse_errors: Counter,
    /// Bytes sent to clients, heads included: `proxy_bytes_sent_total`.
    pub bytes_sent: Counter,
    /// Bytes received from clients, heads included: `proxy_bytes_received_total`.
    pub bytes_received: Counter,
    /// How long each request took: `proxy_request_duration_seconds`.
    pub duration: Histogram,
    /// Client connections accepted. `proxy_client_connections` is these less the closed ones.
    pub connections_opened: Counter,
    /// Client connections closed, each of them counted as opened before.
    pub connections_closed: Counter,
    responses: [Counter; StatusClass::ALL.len()],
    timeouts: [Counter; TimeoutKind::ALL.len()],
    // Failures are rare, so this allocation may share its first and last line with a neighbour.
    failures: Box<[Counter]>,
}

impl Shard {
    pub(crate) fn new(causes: usize) -> Self {
        Self {
            requests: Counter::default(),
            parse_errors: Counter::default(),
            bytes_sent: Counter::default(),
            bytes_received: Counter::default(),
            duration: Histogram::default(),
            connections_opened: Counter::default(),
            connections_closed: Counter::default(),
            responses: Default::default(),
            timeouts: Default::default(),
            failures: (0..causes).map(|_| Counter::default()).collect(),
        }
    }

    /// Responses to clients, the proxy's own included: `proxy_responses_total`.
    pub fn response(&self, class: StatusClass) -> &Counter {
        &self.responses[class as usize]
    }

    /// Requests that ran into a time limit: `proxy_timeout_errors_total`.
    pub fn timeout(&self, kind: TimeoutKind) -> &Counter {
        &self.timeouts[kind as usize]
    }

    /// Failures by cause, an index into the causes that [`Metrics::new`](crate::Metrics::new) was
    /// given: `proxy_failures_total`. Panics where there is no such cause.
    pub fn failure(&self, cause: usize) -> &Counter {
        &self.failures[cause]
    }
}
