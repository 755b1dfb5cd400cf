//! YAML file, environment and command line, made into one validated configuration.
//!
//! ```text
//! arguments ── cli ──▶ Source, Overrides ── load ──▶ Config, or every error at once (Diagnostics)
//!
//! file:         text ─ tree ─▶ nodes with positions ─ check, against the table in keys ─▶ values ─ serde ─▶ Config
//! environment:  variables ─ environment ─────────────────────────────────────────────────────────────────▶ Config
//! ```
//!
//! A [`Config`] that came from here is valid: whoever holds one checks nothing again.

mod address;
mod check;
pub mod cli;
mod config;
mod diagnostics;
mod environment;
mod expand;
mod keys;
mod load;
mod members;
mod server_url;
mod tree;
mod upstream;

pub use address::{Host, Invalid, Listen, UpstreamAddress};
pub use config::{Config, Debug, Level, Limits, Logging, Profiling, Record, Shutdown, Timeouts};
pub use diagnostics::Diagnostics;
pub use load::{NamedBy, Overrides, Source, load, parse};
pub use members::{Members, Moved};
pub use server_url::ServerUrl;
pub use upstream::{Resolve, UpstreamEntry};
