//! The harness of the black-box tests: it starts a real proxy binary on free ports, between clients
//! and upstreams that a test scripts by hand, byte by byte.
//!
//! A test is a scenario that reads from top to bottom on one thread, with a verb for each step:
//! `client.sends(..)`, `upstream.accepts().reads_request()`, `connection.answers(..)`. Each step
//! waits for its condition up to [`PATIENCE`], and fails with what it has seen by then; none sleeps
//! and hopes.

#![allow(
    clippy::needless_pass_by_value,
    reason = "a scenario reads better without an & on each text"
)]

mod binary;
mod canned;
mod client;
mod config;
mod curl;
mod echo;
mod message;
mod output;
mod pattern;
mod process;
mod proxy;
mod series;
mod server;
mod upstream;
mod waiting;
mod wire;

pub use binary::{Binary, Launch};
pub use canned::{get, ok, post};
pub use client::Client;
pub use config::Config;
pub use curl::curl;
pub use echo::Echo;
pub use message::{Head, Message};
pub use output::LogLine;
pub use pattern::Pattern;
pub use process::{Process, Signal};
pub use proxy::Proxy;
pub use series::Series;
pub use server::Server;
pub use upstream::{Connection, FullBacklog, Refusing, Upstream};
pub use waiting::{PATIENCE, Stopwatch, eventually, passes};
pub use wire::{Broken, Ending, Wire};

/// Makes a test of each binary from one scenario. The binaries are listed here and nowhere else:
/// another joins as one more line.
///
/// ```ignore
/// proxy_test!(a_get_is_answered, |binary| {
///     let server = Server::answering("hello");
///     let proxy = binary.starts(Config::of([server.addr()]));
///     assert_eq!(proxy.client().gets("/").status(), 200);
/// });
/// ```
#[macro_export]
macro_rules! proxy_test {
    ($name:ident, $scenario:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "a scenario names what it needs of its file")]
            use super::*;

            fn scenario(binary: $crate::Binary) {
                let scenario: fn($crate::Binary) = $scenario;
                scenario(binary);
            }

            #[test]
            fn proxy_tokio() {
                scenario($crate::Binary::named("proxy-tokio"));
            }

            #[test]
            fn proxy_async_std() {
                scenario($crate::Binary::named("proxy-async-std"));
            }
        }
    };
}
