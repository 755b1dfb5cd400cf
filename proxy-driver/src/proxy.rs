use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use proxy_balance::{Clients, Key};
use proxy_config::{Config, UpstreamAddress};
use proxy_metrics::{ClientGauges, Metrics, PoolGauges};

use crate::phase::{Life, Phase};
use crate::record::Tap;
use crate::registry::{Registry, Turnover};
use crate::report;
use crate::resolver::{LookUp, Resolver, Tell, look_up};
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
    resolver: Resolver,
    registry: Mutex<Registry<R::Socket>>,
    tap: OnceLock<Arc<Tap>>,
}

impl<R: Runtime> Proxy<R> {
    pub(crate) fn new(config: &Config, metrics: Arc<Metrics>, runtimes: Vec<R>) -> Arc<Self> {
        Self::with_look_up(config, metrics, runtimes, Box::new(look_up))
    }

    /// As [`new`](Self::new), with another way to find the addresses of a name.
    pub(crate) fn with_look_up(
        config: &Config,
        metrics: Arc<Metrics>,
        runtimes: Vec<R>,
        look_up: LookUp,
    ) -> Arc<Self> {
        let workers = runtimes
            .into_iter()
            .enumerate()
            .map(|(number, runtime)| Arc::new(Worker::new(number, runtime, metrics.shard(number))))
            .collect();
        let proxy = Arc::new_cyclic(|proxy: &Weak<Self>| {
            let proxy = Weak::clone(proxy);
            let tell: Tell = Box::new(move |name, addresses| {
                if let Some(proxy) = proxy.upgrade() {
                    proxy.learn(name, addresses);
                }
            });
            Self {
                resolver: Resolver::new(Arc::clone(&metrics), look_up, tell),
                metrics,
                workers,
                clients: Arc::new(Clients::new(narrow(config.limits.max_client_conns))),
                waiting_clients: Arc::default(),
                snapshot: ArcSwap::from_pointee(Snapshot::new(0, config, Vec::new(), None, None)),
                generation: AtomicU64::new(0),
                life: Life::new(),
                registry: Mutex::new(Registry::new(config.clone())),
                tap: OnceLock::new(),
            }
        });
        let (clients, waiting) = (Arc::clone(&proxy.clients), Arc::clone(&proxy.waiting_clients));
        proxy.metrics.observe_clients_with(move || ClientGauges {
            limit: clients.limit() as u64,
            waiting: waiting.load(Relaxed) as u64,
        });
        proxy.configure(config);
        proxy.watch_names(config);
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
        let mut registry = self.registry();
        registry.config = config.clone();
        registry.members.configure(&config.upstreams);
        let moved = registry.members.settle();
        self.turn_over(&mut registry);
        report::moved(&moved);
        drop(registry);
        self.clients.set_limit(narrow(config.limits.max_client_conns));
    }

    /// Takes what a name was found to be. Requests in progress stay where they are, further ones
    /// go to the upstreams that there are now.
    pub(crate) fn learn(self: &Arc<Self>, name: &UpstreamAddress, addresses: Vec<SocketAddr>) {
        let mut registry = self.registry();
        if !registry.members.learn(name, addresses) {
            return;
        }
        let moved = registry.members.settle();
        if moved.is_empty() {
            registry.readdress(name);
        } else {
            self.turn_over(&mut registry);
            report::moved(&moved);
        }
    }

    /// Publishes the upstreams there are now. Whoever sees that an idle connection to one that has
    /// gone is closed, or reads that it has left, can rely on its having no turns any more.
    fn turn_over(self: &Arc<Self>, registry: &mut Registry<R::Socket>) {
        let limit = narrow(registry.config.limits.max_conns_per_upstream);
        let Turnover { upstreams, added, removed } =
            registry.turn_over(|address, key| self.new_upstream(address, key, limit));
        let config = &registry.config;
        let idle_timeout = config.timeouts.upstream_idle.unwrap_or(Duration::ZERO);
        // A drain has closed what was idle, and keeps nothing, of new upstreams neither.
        if !self.life.has_reached(Phase::Draining) {
            for worker in &self.workers {
                worker.admit(idle_timeout, &added);
            }
        }
        let generation = self.generation.load(Relaxed) + 1;
        let former = self.snapshot.load();
        let tap = self.tap.get();
        let snapshot = Snapshot::new(generation, config, upstreams, Some(&former), tap);
        self.snapshot.store(Arc::new(snapshot));
        self.generation.store(generation, Relaxed);
        for worker in &self.workers {
            worker.dismiss(&removed);
        }
    }

    fn new_upstream(
        self: &Arc<Self>,
        address: &UpstreamAddress,
        key: Key,
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

    /// From now on the names of this configuration are looked up, beginning now.
    pub(crate) fn watch_names(&self, config: &Config) {
        self.resolver.watch(&config.upstreams);
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

    /// What is open to each upstream, in the order of their turns.
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

    fn registry(&self) -> MutexGuard<'_, Registry<R::Socket>> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
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
