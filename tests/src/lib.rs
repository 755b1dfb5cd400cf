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
mod fifo;
mod message;
mod names;
mod output;
mod pattern;
mod process;
mod profile;
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
pub use fifo::Fifo;
pub use message::{Head, Message};
pub use names::Names;
pub use output::LogLine;
pub use pattern::Pattern;
pub use process::{Process, Signal};
pub use profile::{Profile, Pushed};
pub use proxy::Proxy;
pub use series::Series;
pub use server::Server;
pub use upstream::{Connection, FullBacklog, Refusing, Upstream};
pub use waiting::{PATIENCE, Stopwatch, eventually, passes, within};
pub use wire::{Broken, Ending, Wire};

/// Every binary under test.
pub const BINARIES: &[Binary] = with_binaries!(list_of_binaries);

/// The binaries, listed here and nowhere else: another joins as one more line. Each is the name of
/// its tests and that of its package; the macro named `$then` gets them all, and what else there
/// is.
#[doc(hidden)]
#[macro_export]
macro_rules! with_binaries {
    ($then:ident $($argument:tt)*) => {
        $crate::$then! {
            [
                proxy_tokio "proxy-tokio",
                proxy_async_std "proxy-async-std",
                proxy_smol "proxy-smol",
            ]
            $($argument)*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! list_of_binaries {
    ([$($test:ident $package:literal,)*]) => { &[$($crate::Binary::named($package)),*] };
}

/// Makes a test of each binary from one scenario.
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

            $crate::with_binaries!(tests_of_binaries scenario);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! tests_of_binaries {
    ([$($test:ident $package:literal,)*] $scenario:ident) => {
        $(
            #[test]
            fn $test() {
                $scenario($crate::Binary::named($package));
            }
        )*
    };
}
