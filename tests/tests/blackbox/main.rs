//! What a user is promised, checked on the real binaries: one module per theme, one test per
//! promise and binary.

#![cfg(target_os = "linux")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "a scenario reads better without an & on each text"
)]

mod balancing;
mod bodies;
mod checks;
mod config;
mod demo;
mod health;
mod interim;
mod keepalive;
mod large;
mod leaks;
mod limits;
mod logs;
mod members;
mod metrics;
mod names;
mod profiling;
mod proxying;
mod recording;
mod refusals;
mod reload;
mod responses;
mod service_manager;
mod shutdown;
mod stale;
mod starting;
mod timeouts;
mod tunnels;
