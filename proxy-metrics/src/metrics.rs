//! The process-wide registry.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::counter::Counter;
use crate::format::Format;
use crate::name::NameMetrics;
use crate::shard::Shard;
use crate::text;
use crate::upstream::UpstreamMetrics;

/// The metrics of the process.
///
/// [`shard`](Self::shard) and [`upstream`](Self::upstream) are asked once, when a worker starts
/// and when a configuration is loaded; what they return is what the request path adds to.
#[derive(Debug)]
pub struct Metrics {
    state: Arc<State>,
    openmetrics: Registry,
}

/// What `proxy_build_info` tells.
#[derive(Debug, Clone, Copy)]
pub struct BuildInfo {
    /// The label `version`.
    pub version: &'static str,
    /// The label `runtime`.
    pub runtime: &'static str,
}

/// The places for client connections, over all workers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ClientGauges {
    /// How many may be open.
    pub limit: u64,
    /// Clients accepted that wait for a place: one a listening socket at most, since it accepts no
    /// further one meanwhile.
    pub waiting: u64,
}

impl Metrics {
    /// The metrics of a process of `workers` workers, all of them 0.
    ///
    /// `causes` is the closed vocabulary of `proxy_failures_total`; `started` is when the process
    /// did, which counts as the first successful load of its configuration.
    pub fn new(
        workers: usize,
        build: BuildInfo,
        causes: &'static [&'static str],
        started: SystemTime,
    ) -> Self {
        let state = Arc::new(State {
            build,
            causes,
            started,
            shards: (0..workers.max(1)).map(|_| Arc::new(Shard::new(causes.len()))).collect(),
            clients: Mutex::default(),
            upstreams: Mutex::default(),
            names: Mutex::default(),
            reloads: Reloads {
                succeeded: Counter::default(),
                failed: Counter::default(),
                last_succeeded: AtomicBool::new(true),
                last_success: AtomicU64::new(unix_seconds(started)),
            },
            log_lines_dropped: Counter::default(),
            draining: AtomicBool::new(false),
        });
        let mut openmetrics = Registry::default();
        openmetrics.register_collector(Box::new(Arc::clone(&state)));
        Self { state, openmetrics }
    }

    /// The shard of one worker. Numbers beyond the count of workers share the shards in rotation.
    pub fn shard(&self, worker: usize) -> Arc<Shard> {
        let shards = &self.state.shards;
        Arc::clone(&shards[worker % shards.len()])
    }

    /// Asks `probe` for the gauges of the clients at each scrape, in place of an earlier probe.
    /// Without one they are 0.
    pub fn observe_clients_with(&self, probe: impl Fn() -> ClientGauges + Send + Sync + 'static) {
        let mut clients = self.state.clients.lock().unwrap_or_else(PoisonError::into_inner);
        *clients = Some(ClientProbe(Box::new(probe)));
    }

    /// The metrics of the upstream that is called `name` (`host:port`). The same name gives the
    /// same series for as long as they are shown, so that counters survive a reload.
    pub fn upstream(&self, name: &str) -> Arc<UpstreamMetrics> {
        let workers = self.state.shards.len();
        let is_it = |upstream: &UpstreamMetrics| upstream.name() == name;
        find_or_add(&self.state.upstreams, is_it, || UpstreamMetrics::new(name, workers))
    }

    /// The metrics of the name that is called `name` (`host:port`). The same name gives the same
    /// series for as long as somebody holds them.
    pub fn name(&self, name: &str) -> Arc<NameMetrics> {
        find_or_add(&self.state.names, |known| known.name() == name, || NameMetrics::new(name))
    }

    /// Counts a configuration that was re-read and applied.
    pub fn reload_succeeded(&self, at: SystemTime) {
        let reloads = &self.state.reloads;
        reloads.succeeded.inc();
        reloads.last_succeeded.store(true, Ordering::Relaxed);
        reloads.last_success.store(unix_seconds(at), Ordering::Relaxed);
    }

    /// Counts a configuration that was re-read and not applied.
    pub fn reload_failed(&self) {
        let reloads = &self.state.reloads;
        reloads.failed.inc();
        reloads.last_succeeded.store(false, Ordering::Relaxed);
    }

    /// Log lines given up because stdout did not take them: `proxy_log_lines_dropped_total`.
    pub fn log_lines_dropped(&self) -> &Counter {
        &self.state.log_lines_dropped
    }

    /// Says that the process was told to stop and is about to end: `proxy_draining`.
    pub fn set_draining(&self) {
        self.state.draining.store(true, Ordering::Relaxed);
    }

    /// Appends every family, as a scraper that asked for `format` reads it.
    pub fn render(&self, format: Format, out: &mut String) {
        const INFALLIBLE: &str = "a String takes everything";
        match format {
            Format::OpenMetrics100 => encode(out, &self.openmetrics).expect(INFALLIBLE),
            Format::Text004 => {
                let mut openmetrics = String::new();
                encode(&mut openmetrics, &self.openmetrics).expect(INFALLIBLE);
                text::append_from_openmetrics(&openmetrics, out);
            }
        }
    }
}

/// Everything that is counted, shared with the registry's collector.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) build: BuildInfo,
    pub(crate) causes: &'static [&'static str],
    pub(crate) started: SystemTime,
    pub(crate) shards: Box<[Arc<Shard>]>,
    clients: Mutex<Option<ClientProbe>>,
    /// In the order in which they were first named, which is the order of the file.
    upstreams: Mutex<Vec<Arc<UpstreamMetrics>>>,
    names: Mutex<Vec<Arc<NameMetrics>>>,
    pub(crate) reloads: Reloads,
    pub(crate) log_lines_dropped: Counter,
    pub(crate) draining: AtomicBool,
}

impl State {
    pub(crate) fn clients(&self) -> ClientGauges {
        let probe = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        probe.as_ref().map_or_else(ClientGauges::default, |ClientProbe(probe)| probe())
    }

    /// The upstreams that someone still uses; forgets the others.
    pub(crate) fn upstreams_in_use(&self) -> Vec<Arc<UpstreamMetrics>> {
        in_use(&self.upstreams)
    }

    /// The names that are still looked up; forgets the others.
    pub(crate) fn names_in_use(&self) -> Vec<Arc<NameMetrics>> {
        in_use(&self.names)
    }
}

struct ClientProbe(Box<dyn Fn() -> ClientGauges + Send + Sync>);

impl fmt::Debug for ClientProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientProbe")
    }
}

/// How re-reading the configuration went.
#[derive(Debug)]
pub(crate) struct Reloads {
    pub(crate) succeeded: Counter,
    pub(crate) failed: Counter,
    pub(crate) last_succeeded: AtomicBool,
    /// In seconds since the Unix epoch.
    pub(crate) last_success: AtomicU64,
}

fn find_or_add<T>(
    known: &Mutex<Vec<Arc<T>>>,
    is_it: impl Fn(&T) -> bool,
    make: impl FnOnce() -> T,
) -> Arc<T> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.iter().find(|one| is_it(one)) {
        return Arc::clone(found);
    }
    // Where nobody scrapes, those that come and go must not add up.
    forget_unused(&mut known);
    let new = Arc::new(make());
    known.push(Arc::clone(&new));
    new
}

fn in_use<T>(known: &Mutex<Vec<Arc<T>>>) -> Vec<Arc<T>> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    forget_unused(&mut known);
    known.clone()
}

/// `known` is locked: a count of one cannot grow, only the registry could hand out another.
fn forget_unused<T>(known: &mut Vec<Arc<T>>) {
    known.retain(|one| Arc::strong_count(one) > 1);
}

fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
