//! Counters per worker, summed and written as Prometheus text at a scrape.
//!
//! The request path touches only its worker's [`Shard`] and [`UpstreamShard`]: relaxed additions
//! to atomics on cache lines of their own, with no lock, no allocation and no lookup. Everything
//! else (the sum over workers, label values, text) happens in [`Metrics::render`], at a scrape.
//!
//! ```text
//!   worker 0 ──► Shard ──────┐
//!   worker 1 ──► Shard ──────┤                        ┌─► OpenMetrics 1.0.0
//!                            ├─► sum ──► families ────┤
//!   worker 0 ──► UpstreamShard ┐ │                    └─► text 0.0.4
//!   worker 1 ──► UpstreamShard ┴─┘
//! ```
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use proxy_metrics::{BuildInfo, Format, Metrics, StatusClass};
//!
//! let build = BuildInfo { version: "0.1.0", runtime: "tokio" };
//! let metrics = Metrics::new(2, build, &["connect_refused"], SystemTime::UNIX_EPOCH);
//! let shard = metrics.shard(0);
//! shard.requests.inc();
//! shard.response(StatusClass::of(200)).inc();
//! shard.duration.observe(Duration::from_millis(3));
//!
//! let mut text = String::new();
//! metrics.render(Format::Text004, &mut text);
//! assert!(text.contains("\nproxy_responses_total{status_class=\"2xx\"} 1\n"));
//! ```

mod counter;
mod exposition;
mod format;
mod histogram;
mod labels;
mod metrics;
mod name;
mod process;
mod shard;
mod text;
mod upstream;

pub use counter::Counter;
pub use format::Format;
pub use histogram::Histogram;
pub use labels::{StatusClass, TimeoutKind, UpstreamErrorKind};
pub use metrics::{BuildInfo, ClientGauges, Metrics};
pub use name::NameMetrics;
pub use shard::Shard;
pub use upstream::{PoolGauges, UpstreamMetrics, UpstreamShard};
