//! The proxy on smol: one executor a worker, one reactor for all.
//!
//! smol is what async-std became: the reactor, and with it the sockets, are `proxy-async-std`'s.
//! Its executors can be had one by one, so that here a worker is a thread, as it is with tokio.

mod runtime;
mod source;
mod timer;

use std::process::ExitCode;

fn main() -> ExitCode {
    proxy_driver::main::<runtime::Smol>()
}
