//! Which upstreams the entries of a configuration are, as far as their names are resolved.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use crate::address::{Host, UpstreamAddress};
use crate::upstream::UpstreamEntry;

/// The upstreams behind the entries of a configuration: one for each, save that a name with
/// `resolve` stands for its addresses.
///
/// ```text
///   entries                 found                         upstreams, in turn
///   10.0.0.9:80                                           10.0.0.9:80
///   app:80, resolve         10.0.0.2:80, 10.0.0.1:80      10.0.0.1:80, 10.0.0.2:80
///   db:80                   10.0.1.1:80, 10.0.1.2:80      db:80
///   new:80, resolve         nothing yet                   new:80
/// ```
#[derive(Debug, Default)]
pub struct Members {
    entries: Vec<UpstreamEntry>,
    /// By name; never nothing, so that the last good addresses stay.
    found: HashMap<UpstreamAddress, Vec<SocketAddr>>,
    /// What each name with `resolve` stood for when somebody last asked.
    settled: HashMap<UpstreamAddress, BTreeSet<IpAddr>>,
}

/// How a name with `resolve` stands for other upstreams than before. Lists are in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The name.
    pub name: UpstreamAddress,
    /// What it did not stand for before.
    pub joined: Vec<UpstreamAddress>,
    /// What it does not stand for any more. It may still be an upstream, by another entry.
    pub left: Vec<UpstreamAddress>,
}

impl Members {
    /// Takes other entries. What is known of names that stay is kept.
    pub fn configure(&mut self, entries: &[UpstreamEntry]) {
        self.entries = entries.to_vec();
        let named: HashSet<_> = entries.iter().map(|entry| &entry.address).collect();
        self.found.retain(|name, _| named.contains(name));
    }

    /// Takes what a name was found to be, which may be asked before it is an entry. Returns whether
    /// that is news: an answer without an address is not, the last good one stays.
    pub fn learn(&mut self, name: &UpstreamAddress, addresses: Vec<SocketAddr>) -> bool {
        let is_news = !addresses.is_empty() && self.addresses(name) != Some(&addresses);
        if is_news {
            self.found.insert(name.clone(), addresses);
        }
        is_news
    }

    /// What this name was last found to be, in the resolver's order.
    pub fn addresses(&self, name: &UpstreamAddress) -> Option<&[SocketAddr]> {
        self.found.get(name).map(Vec::as_slice)
    }

    /// The upstreams, no two alike, in the order of their turns: that of the entries, and within a
    /// name that of the addresses, whatever the order of an answer. A name with `resolve` that has
    /// never resolved stands for itself, so that requests fail by its name.
    pub fn upstreams(&self) -> Vec<UpstreamAddress> {
        let mut seen = HashSet::new();
        let mut upstreams = Vec::new();
        for entry in &self.entries {
            let address = &entry.address;
            let members = self.members(entry);
            if members.is_empty() {
                upstreams.push(address.clone());
            }
            upstreams.extend(members.into_iter().map(|member| upstream(address, member)));
        }
        upstreams.retain(|upstream| seen.insert(upstream.clone()));
        upstreams
    }

    /// What has moved since the last call, in the order of the entries. A name that is new, or new
    /// with `resolve`, did not stand for anything before.
    pub fn settle(&mut self) -> Vec<Moved> {
        let mut former = std::mem::take(&mut self.settled);
        let mut moved = Vec::new();
        let groups = self.entries.iter().filter(|entry| entry.group().is_some());
        for entry in groups {
            let name = &entry.address;
            let before = former.remove(name).unwrap_or_default();
            let now = self.members(entry);
            if before != now {
                let only = |a: &BTreeSet<IpAddr>, b: &BTreeSet<IpAddr>| {
                    a.difference(b).map(|member| upstream(name, *member)).collect()
                };
                let (joined, left) = (only(&now, &before), only(&before, &now));
                moved.push(Moved { name: name.clone(), joined, left });
            }
            self.settled.insert(name.clone(), now);
        }
        moved
    }

    /// Nothing for an entry that is one upstream.
    fn members(&self, entry: &UpstreamEntry) -> BTreeSet<IpAddr> {
        let found = entry.group().and_then(|_| self.found.get(&entry.address));
        found.into_iter().flatten().map(SocketAddr::ip).collect()
    }
}

fn upstream(name: &UpstreamAddress, member: IpAddr) -> UpstreamAddress {
    UpstreamAddress { host: Host::Address(member), port: name.port }
}
