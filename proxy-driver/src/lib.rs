//! The poll loop over sockets and timers that every runtime shares, and the process around it.
//!
//! A [`Runtime`] brings sockets, listeners, timers and tasks. Everything else is here and is the
//! same for all of them: the loop that drives an [`Exchange`](proxy_proto::Exchange) over two
//! sockets, workers and their idle connections, accepting, name resolution, logs, the pages of the
//! metrics port, start, reload and drain. A binary is [`main`] with a runtime filled in; a program
//! that embeds the proxy starts a [`Service`].
//!
//! ```text
//!   main ── the file, the kernel's listeners, signals
//!     │
//!   Service ── configure, drain
//!     │
//!     ├── Proxy   what all workers share: the current Snapshot, limits, rotation, metrics
//!     │
//!     ├── Acceptor ──▶ the worker with the fewest connections
//!     │
//!     └── Worker (one per core)  free lanes, idle upstream connections, a metrics shard
//!           ├── Session   one client connection: an Exchange, a socket, a Link to an upstream
//!           ├── Session
//!           └── Housekeeper   idle upstream connections that expire or are closed
//! ```
//!
//! Nothing here knows an executor: futures are written by hand over wakers and spawned through the
//! [`Runtime`].

mod acceptor;
mod activation;
mod agenda;
mod alarm;
pub mod clock;
mod demo;
mod descriptors;
mod echo;
mod healthcheck;
mod housekeeper;
mod link;
mod listen;
mod local;
mod log;
mod notice;
mod pages;
mod phase;
mod pid_file;
mod profiling;
mod proxy;
mod record;
mod registry;
mod reload;
mod report;
mod resolver;
mod run;
mod runtime;
mod service;
mod session;
mod signals;
mod snapshot;
mod supervisor;
pub mod tcp;
mod upstream;
mod watched;
mod worker;

#[cfg(test)]
mod virtual_runtime;

pub use run::main;
pub use runtime::{Listener, Runtime, Socket, Timer};
pub use service::{Counts, Port, Service, UpstreamCounts, metrics};
pub use watched::{Watched, WatchedListener, WatchedSocket};
