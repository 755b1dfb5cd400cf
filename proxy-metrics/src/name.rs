//! What is counted of one name that is looked up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::counter::Counter;

/// What is counted of the name of an upstream that is looked up again and again.
///
/// Its series are shown while someone besides the registry holds the `Arc`.
#[derive(Debug)]
pub struct NameMetrics {
    name: Box<str>,
    /// Look-ups that gave no address: `proxy_resolve_errors_total`.
    pub errors: Counter,
    addresses: AtomicU64,
}

impl NameMetrics {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), errors: Counter::default(), addresses: AtomicU64::new(0) }
    }

    /// The label `name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets how many addresses the last good look-up gave: `proxy_resolve_addresses`.
    pub fn set_addresses(&self, count: usize) {
        self.addresses.store(count as u64, Relaxed);
    }

    /// How many addresses the last good look-up gave.
    pub fn addresses(&self) -> u64 {
        self.addresses.load(Relaxed)
    }
}
