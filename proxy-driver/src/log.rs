//! Log lines as the Python proxy wrote them, through a bounded queue that never blocks a request.
//!
//! `2026-11-22 21:34:05,123 - proxy.balancer - INFO - message trace_id=…`

mod batch;
mod line;
mod queue;
mod sink;
mod stamp;
mod subscriber;
mod writer;

#[cfg(test)]
pub(crate) use subscriber::captured;
pub(crate) use subscriber::{Log, start};
pub(crate) use writer::PATIENCE;
