//! The proxy on tokio: one current-thread runtime a worker.

mod listener;
mod runtime;
mod socket;
mod timer;

use std::process::ExitCode;

fn main() -> ExitCode {
    proxy_driver::main::<runtime::Tokio>()
}
