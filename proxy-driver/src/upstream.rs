use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use arc_swap::ArcSwap;
use proxy_balance::{Key, Lease, Places};
use proxy_config::{Host, UpstreamAddress};
use proxy_metrics::{Metrics, UpstreamMetrics};

/// One upstream: as configured, or an address of a name that resolves to members. It lives on
/// through reloads and answers that keep it, with its connections, its queue and its counters.
pub(crate) struct Upstream<S> {
    pub(crate) address: UpstreamAddress,
    /// `host:port`, for logs, labels and error texts.
    pub(crate) name: String,
    /// Its number in the pools of idle connections.
    pub(crate) key: Key,
    pub(crate) places: Arc<Places<Box<Connection<S>>>>,
    pub(crate) metrics: Arc<UpstreamMetrics>,
    addresses: ArcSwap<Vec<SocketAddr>>,
    /// Which of the addresses is tried first: the one that worked last.
    preferred: AtomicUsize,
}

/// An open connection to an upstream. It goes from hand to hand in a box, so that a client's
/// connection has room for a pointer to one only, of which it has none while it is idle.
pub(crate) struct Connection<S> {
    pub(crate) socket: S,
    /// The worker whose reactor knows the socket.
    pub(crate) home: usize,
    pub(crate) lease: Lease<Box<Self>>,
}

impl<S: Send + 'static> Upstream<S> {
    pub(crate) fn new(
        address: &UpstreamAddress,
        key: Key,
        limit: u32,
        metrics: &Metrics,
    ) -> Arc<Self> {
        let name = address.to_string();
        let known = match &address.host {
            Host::Address(ip) => vec![SocketAddr::new(*ip, address.port.get())],
            Host::Name(_) => Vec::new(),
        };
        Arc::new(Self {
            address: address.clone(),
            metrics: metrics.upstream(&name),
            name,
            key,
            places: Arc::new(Places::new(limit)),
            addresses: ArcSwap::from_pointee(known),
            preferred: AtomicUsize::new(0),
        })
    }

    /// Sets what its name resolves to. Never to nothing: the last good set stays. What is tried
    /// first stays, too, if it is among them: many servers of names change the order each time.
    pub(crate) fn set_addresses(&self, addresses: Vec<SocketAddr>) {
        debug_assert!(!addresses.is_empty(), "the last good addresses would be lost");
        if **self.addresses.load() != addresses {
            let first = self.addresses().current();
            let first = addresses.iter().position(|address| Some(*address) == first);
            self.preferred.store(first.unwrap_or(0), Relaxed);
            self.addresses.store(Arc::new(addresses));
        }
    }

    pub(crate) fn is_resolved(&self) -> bool {
        !self.addresses.load().is_empty()
    }

    /// The addresses that a new connection tries, from the one that worked last on.
    pub(crate) fn addresses(&self) -> Addresses {
        Addresses { all: self.addresses.load_full(), first: self.preferred.load(Relaxed), nth: 0 }
    }

    /// The address that is tried works or, if there is none any more, is left for last by those
    /// who come next. Of those who tried the same ones at the same time only the first is heard:
    /// what the others add would lead past it again.
    pub(crate) fn prefer(&self, tried: &Addresses) {
        let found = tried.first + tried.nth;
        let _heard = self.preferred.compare_exchange(tried.first, found, Relaxed, Relaxed);
    }
}

/// One connection's way through the addresses of its upstream: to each of them once, whatever
/// others prefer meanwhile, and whatever the name means by then.
pub(crate) struct Addresses {
    all: Arc<Vec<SocketAddr>>,
    first: usize,
    nth: usize,
}

impl Addresses {
    /// The one to try now. `None`: all have been.
    pub(crate) fn current(&self) -> Option<SocketAddr> {
        let count = self.all.len();
        (self.nth < count).then(|| self.all[(self.first + self.nth) % count])
    }

    pub(crate) const fn advance(&mut self) {
        self.nth += 1;
    }

    /// Whether none is left after the one to try now.
    pub(crate) fn is_last(&self) -> bool {
        self.nth + 1 >= self.all.len()
    }

    /// How many there are, tried or not.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }
}
