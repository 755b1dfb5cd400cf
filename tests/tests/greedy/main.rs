//! Slow and greedy peers: what they take is bounded, and the others do not notice them.
//!
//! One test at a time: each measures memory or time, and opens thousands of connections.

#![cfg(target_os = "linux")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "a scenario reads better without an & on each text"
)]

mod crowd;
mod floods;
mod memory;
mod slow;
mod slowhttptest;

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Waits until no other test runs, and lets this process open many descriptors.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    assert!(maximum.is_none_or(|most| most >= 16_384), "too few descriptors: ulimit -Hn");
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("a lower limit");
    turn
}
