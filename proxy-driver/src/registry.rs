use std::collections::HashMap;
use std::sync::{Arc, Weak};

use proxy_balance::Key;
use proxy_config::{Config, Members, UpstreamAddress};

use crate::snapshot::narrow;
use crate::upstream::Upstream;

/// The upstreams there are, by address, and what decides which these are.
pub(crate) struct Registry<S> {
    /// The one in force.
    pub(crate) config: Config,
    pub(crate) members: Members,
    /// Those that have their turns.
    known: HashMap<UpstreamAddress, Arc<Upstream<S>>>,
    /// Those that had, as long as they still serve somebody. One that comes back has its
    /// connections counted, so that its limit holds.
    retired: HashMap<UpstreamAddress, Weak<Upstream<S>>>,
    next_key: Key,
}

/// Those who have their turns from now on, and the keys of those who had none before, or have none
/// any more.
pub(crate) struct Turnover<S> {
    pub(crate) upstreams: Vec<Arc<Upstream<S>>>,
    pub(crate) added: Vec<Key>,
    pub(crate) removed: Vec<Key>,
}

impl<S: Send + 'static> Registry<S> {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            members: Members::default(),
            known: HashMap::new(),
            retired: HashMap::new(),
            next_key: 0,
        }
    }

    /// Follows the configuration and the members. Upstreams that stay keep their connections,
    /// their queue and their counters; `make` makes the others.
    pub(crate) fn turn_over(
        &mut self,
        make: impl Fn(&UpstreamAddress, Key) -> Arc<Upstream<S>>,
    ) -> Turnover<S> {
        let limit = narrow(self.config.limits.max_conns_per_upstream);
        let mut former = std::mem::take(&mut self.known);
        let mut added = Vec::new();
        let mut upstreams = Vec::new();
        for address in self.members.upstreams() {
            let stays = former.remove(&address);
            let is_added = stays.is_none();
            let upstream = stays.or_else(|| self.retired.remove(&address)?.upgrade());
            let upstream = upstream.unwrap_or_else(|| {
                let key = self.next_key;
                self.next_key += 1;
                make(&address, key)
            });
            upstream.places.set_limit(limit);
            if is_added {
                added.push(upstream.key);
            }
            self.known.insert(address.clone(), Arc::clone(&upstream));
            self.readdress(&address);
            upstreams.push(upstream);
        }
        let mut removed: Vec<_> = former.values().map(|upstream| upstream.key).collect();
        // The map's order is chance, and connections close in this one.
        removed.sort_unstable();
        self.retired.retain(|_, upstream| upstream.strong_count() > 0);
        let retired = former.into_iter().map(|(address, gone)| (address, Arc::downgrade(&gone)));
        self.retired.extend(retired);
        Turnover { upstreams, added, removed }
    }

    /// Tells an upstream that is called by a name which addresses that has.
    pub(crate) fn readdress(&self, address: &UpstreamAddress) {
        let found = self.members.addresses(address);
        if let (Some(upstream), Some(found)) = (self.known.get(address), found) {
            upstream.set_addresses(found.to_vec());
        }
    }
}
