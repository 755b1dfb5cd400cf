use std::collections::{BTreeMap, VecDeque};

use crate::{Key, Nanos};

/// The idle upstream connections of one worker, each for at most the idle timeout.
///
/// The newest connection is reused first, so that those a burst left behind expire. Nothing is
/// allocated once an upstream has had as many idle connections as it has now.
///
/// `now` never runs backwards from call to call.
///
/// ```text
///   take_oldest, pop_expired ◄── oldest … newest ◄──► check_in, check_out
/// ```
#[derive(Debug)]
pub struct Pool<C> {
    idle_timeout: Nanos,
    idle: BTreeMap<Key, VecDeque<Idle<C>>>,
    /// Over all upstreams, so that a check-in need not ask each whether the pool is empty.
    len: usize,
}

impl<C> Pool<C> {
    /// An empty pool that knows no upstream. With an `idle_timeout` of 0 nothing is ever kept.
    pub const fn new(idle_timeout: Nanos) -> Self {
        Self { idle_timeout, idle: BTreeMap::new(), len: 0 }
    }

    /// Changes the timeout, also for the connections there are. The [`deadline`](Self::deadline)
    /// may now be earlier.
    pub fn set_idle_timeout(&mut self, idle_timeout: Nanos) {
        self.idle_timeout = idle_timeout;
    }

    /// From now on connections to this upstream are kept.
    pub fn add_upstream(&mut self, upstream: Key) {
        self.idle.entry(upstream).or_default();
    }

    /// From now on connections to this upstream are not kept. Those there are come out.
    pub fn remove_upstream(&mut self, upstream: Key) -> impl Iterator<Item = C> + use<C> {
        let removed = self.idle.remove(&upstream).unwrap_or_default();
        self.len -= removed.len();
        removed.into_iter().map(|idle| idle.connection)
    }

    /// Keeps a connection for reuse, or gives it back when it is not to be kept: the timeout is 0,
    /// or the upstream is unknown, removed by a reload, say, while the connection was in use.
    ///
    /// The deadline becomes earlier by it only if the pool was [empty](Self::is_empty).
    pub fn check_in(&mut self, upstream: Key, connection: C, now: Nanos) -> Result<(), C> {
        match self.idle.get_mut(&upstream) {
            Some(idle) if self.idle_timeout > 0 => {
                idle.push_back(Idle { connection, since: now });
                self.len += 1;
                Ok(())
            }
            Some(_) | None => Err(connection),
        }
    }

    /// The connection to this upstream that was used last, unless it has expired.
    pub fn check_out(&mut self, upstream: Key, now: Nanos) -> Option<C> {
        let idle_timeout = self.idle_timeout;
        let idle = self.idle.get_mut(&upstream)?;
        // If the newest has expired, all have.
        let newest = idle.pop_back_if(|newest| now < newest.expiry(idle_timeout))?;
        self.len -= 1;
        Some(newest.connection)
    }

    /// The connection to this upstream that has been idle for longest, to be given up to another
    /// worker. It may have expired; take those out first.
    pub fn take_oldest(&mut self, upstream: Key) -> Option<C> {
        let oldest = self.idle.get_mut(&upstream)?.pop_front()?;
        self.len -= 1;
        Some(oldest.connection)
    }

    /// The connection, of all, that has been idle for longest, if it has expired. Ask until `None`.
    pub fn pop_expired(&mut self, now: Nanos) -> Option<C> {
        let idle_timeout = self.idle_timeout;
        let oldest = self
            .idle
            .values_mut()
            .filter(|idle| !idle.is_empty())
            .min_by_key(|idle| idle.front().map(|oldest| oldest.since))?
            .pop_front_if(|oldest| oldest.expiry(idle_timeout) <= now)?;
        self.len -= 1;
        Some(oldest.connection)
    }

    /// When the next one expires.
    pub fn deadline(&self) -> Option<Nanos> {
        let oldest = self.idle.values().filter_map(|idle| idle.front());
        oldest.map(|oldest| oldest.expiry(self.idle_timeout)).min()
    }

    /// Takes out the connections of which `is_dead` says so: closed by the upstream, or with bytes
    /// that no request asked for.
    pub fn sweep(&mut self, mut is_dead: impl FnMut(&mut C) -> bool) -> Vec<C> {
        let mut dead = Vec::new();
        for idle in self.idle.values_mut() {
            // Once around: what lives goes to the back again, in its old order.
            for _ in 0..idle.len() {
                let Some(mut one) = idle.pop_front() else {
                    break;
                };
                if is_dead(&mut one.connection) {
                    dead.push(one.connection);
                } else {
                    idle.push_back(one);
                }
            }
        }
        self.len -= dead.len();
        dead
    }

    /// Takes out everything, and forgets the upstreams, so that nothing more is kept: the drain.
    pub fn drain(&mut self) -> impl Iterator<Item = C> + use<C> {
        self.len = 0;
        let idle = std::mem::take(&mut self.idle);
        idle.into_values().flatten().map(|idle| idle.connection)
    }

    /// How many connections to this upstream are idle here.
    pub fn len(&self, upstream: Key) -> usize {
        self.idle.get(&upstream).map_or(0, VecDeque::len)
    }

    /// Whether none is idle, of any upstream.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[derive(Debug)]
struct Idle<C> {
    connection: C,
    since: Nanos,
}

impl<C> Idle<C> {
    fn expiry(&self, idle_timeout: Nanos) -> Nanos {
        self.since.saturating_add(idle_timeout)
    }
}
