//! A number that only grows.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows, safe to add to from any thread.
///
/// Additions are relaxed: a scrape needs each total to be exact, not an order between totals.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`, wrapping at 2⁶⁴.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// What has been added so far.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
