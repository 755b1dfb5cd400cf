use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use proxy_balance::Clients;
use proxy_config::{Config, UpstreamAddress};
use proxy_metrics::{ClientGauges, Metrics, PoolGauges};

use crate::phase::{Life, Phase};
use crate::record::Tap;
use crate::resolver::Resolver;
use crate::runtime::Runtime;
use crate::service::UpstreamCounts;
use crate::snapshot::{Snapshot, narrow};
use crate::upstream::Upstream;
use crate::worker::Worker;

/// What all workers share.
pub(crate) struct Proxy<R: Runtime> {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) workers: Vec<Arc<Worker<R>>>,
    pub(crate) clients: Arc<Clients>,
    /// Clients that acceptors hold, since there is no place for them.
    pub(crate) waiting_clients: Arc<AtomicUsize>,
    snapshot: ArcSwap<Snapshot<R::Socket>>,
    generation: AtomicU64,
    pub(crate) life: Life,
    resolver: Resolver<R::Socket>,
    registry: Mutex<Registry<R::Socket>>,
    tap: OnceLock<Arc<Tap>>,
}

/// The upstreams there are, by name.
struct Registry<S> {
    /// Those of the current configuration.
    known: HashMap<UpstreamAddress, Arc<Upstream<S>>>,
    /// Those of former ones, as long as they still serve somebody. One that comes back has its
    /// connections counted, so that its limit holds.
    retired: HashMap<UpstreamAddress, Weak<Upstream<S>>>,
    next_key: u32,
}

impl<S> Default for Registry<S> {
    fn default() -> Self {
        Self { known: HashMap::new(), retired: HashMap::new(), next_key: 0 }
    }
}

impl<R: Runtime> Proxy<R> {
    pub(crate) fn new(config: &Config, metrics: Arc<Metrics>, runtimes: Vec<R>) -> Arc<Self> {
        let workers = runtimes
            .into_iter()
            .enumerate()
            .map(|(number, runtime)| Arc::new(Worker::new(number, runtime, metrics.shard(number))))
            .collect();
        let proxy = Arc::new(Self {
            metrics,
            workers,
            clients: Arc::new(Clients::new(narrow(config.limits.max_client_conns))),
            waiting_clients: Arc::default(),
            snapshot: ArcSwap::from_pointee(Snapshot::new(0, config, Vec::new(), None, None)),
            generation: AtomicU64::new(0),
            life: Life::new(),
            resolver: Resolver::default(),
            registry: Mutex::default(),
            tap: OnceLock::new(),
        });
        let (clients, waiting) = (Arc::clone(&proxy.clients), Arc::clone(&proxy.waiting_clients));
        proxy.metrics.observe_clients_with(move || ClientGauges {
            limit: clients.limit() as u64,
            waiting: waiting.load(Relaxed) as u64,
        });
        proxy.configure(config);
        proxy
    }

    /// The current configuration.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot<R::Socket>> {
        self.snapshot.load_full()
    }

    /// Whether `snapshot` is no longer the current one.
    pub(crate) fn is_outdated(&self, snapshot: &Snapshot<R::Socket>) -> bool {
        self.generation.load(Relaxed) != snapshot.generation
    }

    /// Applies a validated configuration. What it does not change is not touched: upstreams that
    /// stay keep their connections, their queue and their counters.
    pub(crate) fn configure(self: &Arc<Self>, config: &Config) {
        let limit = narrow(config.limits.max_conns_per_upstream);
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut former = std::mem::take(&mut registry.known);
        let mut added = Vec::new();
        let upstreams: Vec<_> = config
            .upstreams
            .iter()
            .map(|address| {
                let stays = former.remove(address);
                let is_added = stays.is_none();
                let back = || registry.retired.remove(address)?.upgrade();
                let upstream = match stays.or_else(back) {
                    Some(upstream) => {
                        upstream.places.set_limit(limit);
                        upstream
                    }
                    None => {
                        let key = registry.next_key;
                        registry.next_key += 1;
                        self.new_upstream(address, key, limit)
                    }
                };
                if is_added {
                    added.push(upstream.key);
                }
                upstream
            })
            .collect();
        registry.known = config.upstreams.iter().cloned().zip(upstreams.iter().cloned()).collect();
        let mut removed: Vec<_> = former.values().map(|upstream| upstream.key).collect();
        // The map's order is chance, and connections close in this one.
        removed.sort_unstable();
        registry.retired.retain(|_, upstream| upstream.strong_count() > 0);
        let retired =
            former.iter().map(|(address, upstream)| (address.clone(), Arc::downgrade(upstream)));
        registry.retired.extend(retired);
        let idle_timeout = config.timeouts.upstream_idle.unwrap_or(Duration::ZERO);
        // A drain has closed what was idle, and keeps nothing, of new upstreams neither.
        if !self.life.has_reached(Phase::Draining) {
            for worker in &self.workers {
                worker.configure(idle_timeout, &added, &removed);
            }
        }
        self.resolver.watch(&upstreams);
        let generation = self.generation.load(Relaxed) + 1;
        let former = self.snapshot.load();
        let tap = self.tap.get();
        let snapshot = Snapshot::new(generation, config, upstreams, Some(&former), tap);
        self.snapshot.store(Arc::new(snapshot));
        self.generation.store(generation, Relaxed);
        self.clients.set_limit(narrow(config.limits.max_client_conns));
    }

    fn new_upstream(
        self: &Arc<Self>,
        address: &UpstreamAddress,
        key: u32,
        limit: u32,
    ) -> Arc<Upstream<R::Socket>> {
        let upstream = Upstream::new(address, key, limit, &self.metrics);
        // Weak, because the metrics keep a series as long as its upstream lives.
        let (proxy, probed) = (Arc::downgrade(self), Arc::downgrade(&upstream));
        upstream.metrics.observe_with(move || gauges(&proxy, &probed));
        upstream
    }

    /// From the next configuration on, `tap` gets all recordings. The first tap stays.
    pub(crate) fn tap(&self, tap: Arc<Tap>) {
        let _first = self.tap.get_or_init(|| tap);
    }

    /// Waits, at most for `patience`, until each name has been looked up once.
    pub(crate) fn wait_for_names(&self, patience: Duration) {
        self.resolver.wait(patience);
    }

    /// From now on this instance is not to be chosen by who has others.
    pub(crate) fn leave(&self) {
        self.life.enter(Phase::Leaving);
        self.metrics.set_draining();
    }

    /// From now on requests in progress are finished and nothing else is begun.
    pub(crate) fn drain(&self) {
        self.leave();
        self.life.enter(Phase::Draining);
        for worker in &self.workers {
            worker.drain_idle();
        }
        self.clients.wake_all();
    }

    /// The time for the drain is over: what is in progress is cut.
    pub(crate) fn cut(&self) {
        self.life.enter(Phase::Cutting);
        self.clients.wake_all();
    }

    /// What is open to each upstream of the current configuration.
    pub(crate) fn upstream_counts(&self) -> Vec<UpstreamCounts> {
        let snapshot = self.snapshot();
        let count = |upstream: &Arc<Upstream<R::Socket>>| UpstreamCounts {
            address: upstream.address.clone(),
            open: upstream.places.open(),
            idle: self.idle_count(upstream),
            waiting: upstream.places.waiting(),
        };
        snapshot.upstreams.iter().map(count).collect()
    }

    fn idle_count(&self, upstream: &Upstream<R::Socket>) -> usize {
        self.workers.iter().map(|worker| worker.idle_count(upstream.key)).sum()
    }

    /// Somebody waits for a connection to this upstream: idle ones of any worker are for him.
    pub(crate) fn give_up_idle(&self, upstream: &Upstream<R::Socket>) {
        for worker in &self.workers {
            worker.give_up_idle(upstream);
        }
    }
}

fn gauges<R: Runtime>(proxy: &Weak<Proxy<R>>, upstream: &Weak<Upstream<R::Socket>>) -> PoolGauges {
    let (Some(proxy), Some(upstream)) = (proxy.upgrade(), upstream.upgrade()) else {
        return PoolGauges::default();
    };
    PoolGauges {
        open: u64::from(upstream.places.open()),
        idle: proxy.idle_count(&upstream) as u64,
        limit: u64::from(upstream.places.limit()),
        waiting: u64::from(upstream.places.waiting()),
    }
}
