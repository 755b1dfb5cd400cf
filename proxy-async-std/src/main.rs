//! The proxy on async-std: one global executor for all workers.
//!
//! async-std is discontinued in favour of smol (RUSTSEC-2025-0052, 2025-08-24). It is served here
//! for those whose programs are built on it. Only what it shares with smol is used, sockets of
//! `net` through the traits of `futures-io`, a spawned task and a sleep, so that the adapter for
//! smol differs from this one in its imports.

mod listener;
mod runtime;
mod socket;
mod timer;

use std::process::ExitCode;

fn main() -> ExitCode {
    proxy_driver::main::<runtime::AsyncStd>()
}
