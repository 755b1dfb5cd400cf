//! What the fuzz targets check, and what they start from.
//!
//! | target | its invariants stand in |
//! |---|---|
//! | `request_head`, `response_head`, `chunked`, `session` | the modules of `proxy_oracle` of these names, which the tests of the core call, too |
//! | `differential`, `config` | the modules of this crate of these names |

#![forbid(unsafe_code)]

use arbitrary::{Arbitrary, Unstructured};
use proxy_oracle::session::Event;

pub mod config;
pub mod differential;
pub mod seeds;

/// Each target: its name, its check, and its seeds.
pub const TARGETS: [Target; 6] = [
    Target {
        name: "request_head",
        check: |bytes| {
            proxy_oracle::request_head::check(bytes);
        },
        seeds: seeds::request_heads,
    },
    Target {
        name: "response_head",
        check: |bytes| {
            proxy_oracle::response_head::check(bytes);
        },
        seeds: seeds::response_heads,
    },
    Target {
        name: "chunked",
        check: |bytes| {
            proxy_oracle::chunked::check(bytes);
        },
        seeds: seeds::chunked_bodies,
    },
    Target { name: "session", check: session, seeds: seeds::sessions },
    Target { name: "differential", check: differential::check, seeds: seeds::messages },
    Target { name: "config", check: config::check, seeds: seeds::configs },
];

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As cargo-fuzz calls it.
    pub name: &'static str,
    /// Panics if an invariant does not hold for these bytes.
    pub check: fn(&[u8]),
    /// Inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

fn session(bytes: &[u8]) {
    proxy_oracle::session::check(&events(bytes));
}

/// An input of the target `session`, read as libFuzzer's macro reads it.
pub fn events(bytes: &[u8]) -> Vec<Event> {
    Vec::arbitrary_take_rest(Unstructured::new(bytes)).unwrap_or_default()
}
