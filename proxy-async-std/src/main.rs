//! The proxy on async-std: one global executor for all workers.
//!
//! async-std is discontinued in favour of smol (RUSTSEC-2025-0052, 2025-08-24). It is served here
//! for those whose programs are built on it. Only what it shares with smol is used: the sockets of
//! `async-io`, which is the reactor of both, a spawned task, a sleep.

mod runtime;
mod source;
mod timer;

use std::process::ExitCode;

fn main() -> ExitCode {
    proxy_driver::main::<runtime::AsyncStd>()
}
