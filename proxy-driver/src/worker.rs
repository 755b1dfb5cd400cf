use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use proxy_balance::{Key, Nanos, Pool};
use proxy_metrics::Shard;
use proxy_proto::{Instant, Lanes};
use uuid::Uuid;

use crate::runtime::{Runtime, Socket};
use crate::upstream::{Connection, Upstream};

/// What the connections of one worker share: free lanes, idle upstream connections, trace ids and
/// a metrics shard. Under a runtime with one thread a worker its locks are never contended, save
/// when another worker looks for an idle connection to take.
pub(crate) struct Worker<R: Runtime> {
    pub(crate) number: usize,
    pub(crate) runtime: R,
    pub(crate) shard: Arc<Shard>,
    /// Connections being served: the acceptor gives a new one to the worker with the fewest.
    pub(crate) load: AtomicUsize,
    supplies: Mutex<Supplies>,
    idle: Mutex<IdleConnections<R::Socket>>,
}

/// A connection's part in a worker's load, from the moment it is given to that worker: were it
/// counted only when it is first served, a burst would all go to one.
pub(crate) struct Seat<R: Runtime>(Arc<Worker<R>>);

impl<R: Runtime> Seat<R> {
    pub(crate) fn on(worker: &Arc<Worker<R>>) -> Self {
        worker.load.fetch_add(1, Relaxed);
        Self(Arc::clone(worker))
    }
}

impl<R: Runtime> Deref for Seat<R> {
    type Target = Worker<R>;

    fn deref(&self) -> &Worker<R> {
        &self.0
    }
}

impl<R: Runtime> Drop for Seat<R> {
    fn drop(&mut self) {
        self.0.load.fetch_sub(1, Relaxed);
    }
}

struct Supplies {
    #[expect(clippy::vec_box, reason = "lanes move between sessions and this list as one pointer")]
    lanes: Vec<Box<Lanes>>,
    large: Vec<Box<[u8]>>,
    /// Large windows that exist, free or lent.
    made: usize,
    traces: Traces,
}

struct IdleConnections<S> {
    pool: Pool<Box<Connection<S>>>,
    /// Set while the housekeeper sleeps because there was nothing to keep.
    housekeeper: Option<Waker>,
}

impl<R: Runtime> Worker<R> {
    pub(crate) fn new(number: usize, runtime: R, shard: Arc<Shard>) -> Self {
        Self {
            number,
            runtime,
            shard,
            load: AtomicUsize::new(0),
            supplies: Mutex::new(Supplies {
                lanes: Vec::new(),
                large: Vec::new(),
                made: 0,
                traces: Traces { state: R::entropy() },
            }),
            idle: Mutex::new(IdleConnections { pool: Pool::new(0), housekeeper: None }),
        }
    }

    /// Memory for one exchange, with windows of at least `capacity` bytes.
    pub(crate) fn take_lanes(&self, capacity: usize) -> Box<Lanes> {
        let free = self.supplies().lanes.pop();
        match free {
            Some(lanes) if lanes.capacity() == capacity => lanes,
            // The first one, or a reload has changed the size.
            Some(_) | None => Box::new(Lanes::lazy(capacity)),
        }
    }

    /// Gives memory back for the next exchange.
    pub(crate) fn return_lanes(&self, mut lanes: Box<Lanes>) {
        lanes.clear();
        self.reclaim(&mut lanes);
        let mut supplies = self.supplies();
        if supplies.lanes.len() < FREE_LANES {
            supplies.lanes.push(lanes);
        }
    }

    /// Memory for a window through which bulk goes, unless all that there may be is lent.
    pub(crate) fn take_large(&self) -> Option<Box<[u8]>> {
        let mut supplies = self.supplies();
        if let Some(free) = supplies.large.pop() {
            return Some(free);
        }
        if supplies.made == LARGE_WINDOWS {
            return None;
        }
        supplies.made += 1;
        drop(supplies);
        Some(vec![0; Lanes::LARGE].into_boxed_slice())
    }

    /// Takes back what [`take_large`](Self::take_large) lent to these lanes, if it is out of use.
    pub(crate) fn reclaim(&self, lanes: &mut Lanes) {
        while let Some(memory) = lanes.reclaim() {
            self.return_large(memory);
        }
    }

    pub(crate) fn next_trace(&self) -> Uuid {
        self.supplies().traces.next()
    }

    /// The idle connection to this upstream that was used last, if it is still sound.
    pub(crate) fn check_out(
        &self,
        upstream: &Upstream<R::Socket>,
        now: Instant,
    ) -> Option<Box<Connection<R::Socket>>> {
        loop {
            let mut connection = self.idle().pool.check_out(upstream.key, now.as_nanos())?;
            if connection.socket.is_quiet() {
                return Some(connection);
            }
        }
    }

    /// Parks a connection, or gives it to somebody who waits for one.
    pub(crate) fn check_in(
        &self,
        upstream: &Upstream<R::Socket>,
        connection: Box<Connection<R::Socket>>,
        now: Instant,
    ) {
        if upstream.places.over_limit() {
            return;
        }
        let connection = if upstream.places.waiting() > 0 {
            match upstream.places.hand_over(connection) {
                Ok(()) => return,
                Err(unwanted) => unwanted,
            }
        } else {
            connection
        };
        let mut idle = self.idle();
        let refused = idle.pool.check_in(upstream.key, connection, now.as_nanos());
        let housekeeper = idle.housekeeper.take();
        drop(idle);
        drop(refused);
        if let Some(housekeeper) = housekeeper {
            housekeeper.wake();
        }
        // Whoever began to wait meanwhile may not have found it: see the law in proxy-balance.
        self.give_up_idle(upstream);
    }

    /// Gives idle connections of this worker to those who wait for one.
    pub(crate) fn give_up_idle(&self, upstream: &Upstream<R::Socket>) {
        while upstream.places.waiting() > 0 {
            let Some(connection) = self.idle().pool.take_oldest(upstream.key) else { return };
            if let Err(unwanted) = upstream.places.hand_over(connection) {
                drop(unwanted);
                return;
            }
        }
    }

    /// Drops idle connections that have expired or were closed. Returns when the next one expires;
    /// without any, `waker` is woken when there is one again.
    pub(crate) fn tidy(&self, now: Instant, waker: &Waker) -> Option<Nanos> {
        let mut idle = self.idle();
        let mut gone = idle.pool.sweep(|connection| !connection.socket.is_quiet());
        while let Some(expired) = idle.pool.pop_expired(now.as_nanos()) {
            gone.push(expired);
        }
        let next = idle.pool.deadline();
        if next.is_none() {
            idle.housekeeper = Some(waker.clone());
        }
        drop(idle);
        drop(gone);
        next
    }

    /// Keeps idle connections to these, too, and all of them for so long.
    pub(crate) fn admit(&self, idle_timeout: Duration, upstreams: &[Key]) {
        let mut idle = self.idle();
        idle.pool.set_idle_timeout(Nanos::try_from(idle_timeout.as_nanos()).unwrap_or(Nanos::MAX));
        for upstream in upstreams {
            idle.pool.add_upstream(*upstream);
        }
    }

    /// Closes the idle connections to these, and keeps none to them from now on.
    pub(crate) fn dismiss(&self, upstreams: &[Key]) {
        let mut idle = self.idle();
        let gone: Vec<_> =
            upstreams.iter().flat_map(|upstream| idle.pool.remove_upstream(*upstream)).collect();
        drop(idle);
        drop(gone);
    }

    /// Closes all idle connections and keeps none from now on.
    pub(crate) fn drain_idle(&self) {
        let gone: Vec<_> = self.idle().pool.drain().collect();
        drop(gone);
    }

    /// How many connections to this upstream are idle here.
    pub(crate) fn idle_count(&self, upstream: Key) -> usize {
        self.idle().pool.len(upstream)
    }

    fn return_large(&self, memory: Box<[u8]>) {
        self.supplies().large.push(memory);
    }

    fn supplies(&self) -> MutexGuard<'_, Supplies> {
        self.supplies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, IdleConnections<R::Socket>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Trace ids: version 4 UUIDs (RFC 9562 section 5.4) from a generator seeded once, so that no
/// request asks the system for entropy. Ids must not collide; they are no secrets.
struct Traces {
    state: [u64; 4],
}

impl Traces {
    fn next(&mut self) -> Uuid {
        let (high, low) = (self.next_u64(), self.next_u64());
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// xoshiro256++ (Blackman and Vigna, 2019): 256 bits of state, so that even many replicas with
    /// many workers do not meet.
    const fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }
}

/// Lanes kept for reuse: what a burst used beyond these is freed.
const FREE_LANES: usize = 256;
/// A transfer has one while the worker is at it, and keeps it only as long as bytes in it wait for
/// whoever reads them: 4 MiB serve many more transfers than 16.
const LARGE_WINDOWS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::virtual_runtime::Virtual;

    #[test]
    fn large_windows_are_so_many_and_no_more() {
        let metrics = crate::service::metrics::<Virtual>(1, std::time::SystemTime::UNIX_EPOCH);
        let worker = Worker::new(0, Virtual, metrics.shard(0));
        let lent: Vec<_> = (0..LARGE_WINDOWS).map_while(|_| worker.take_large()).collect();
        assert_eq!(lent.len(), LARGE_WINDOWS);
        assert!(lent.iter().all(|memory| memory.len() == Lanes::LARGE));
        assert!(worker.take_large().is_none());
        for memory in lent {
            worker.return_large(memory);
        }
        assert!(worker.take_large().is_some());
    }
}
