use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use proxy_config::{Config, UpstreamAddress};
use proxy_metrics::{BuildInfo, Metrics};
use proxy_proto::Cause;
use proxy_replay::Recording;

use crate::acceptor::{Acceptor, Stop};
use crate::housekeeper::Housekeeper;
use crate::phase::Phase;
use crate::proxy::Proxy;
use crate::runtime::Runtime;

/// The running proxy, for a program that embeds it: workers that follow a configuration, and the
/// listeners that it was given. The binaries' [`main`](crate::main) is one such program: it adds
/// the command line, the file, the kernel's listeners and the signals.
///
/// Dropping it stops nothing: what was spawned runs until it is [drained](Self::drain), or until
/// its runtime ends.
pub struct Service<R: Runtime> {
    pub(crate) proxy: Arc<Proxy<R>>,
    config: Config,
    clients: Vec<Arc<Stop>>,
    metrics: Vec<Arc<Stop>>,
    /// Listeners that others have replaced and that are being emptied.
    closing: Vec<Arc<Stop>>,
}

/// What is served on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The proxy.
    Clients,
    /// The metrics and the admin pages.
    Metrics,
}

/// What a proxy has open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Client connections that have a place.
    pub clients: usize,
    /// In the order of their turns.
    pub upstreams: Vec<UpstreamCounts>,
}

/// What a proxy has open to one upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamCounts {
    /// Which one.
    pub address: UpstreamAddress,
    /// Places taken: by connections that are open, opening or idle.
    pub open: u32,
    /// Idle connections among them.
    pub idle: usize,
    /// Requests that wait for a place.
    pub waiting: u32,
}

impl<R: Runtime> Service<R> {
    /// Starts to serve on these workers, at least one, which is no more than looking after idle
    /// connections and looking up names until there is a listener.
    ///
    /// `config.listen`, `config.metrics_listen`, `config.workers`, `config.pid_file`,
    /// `config.logging` and `config.profiling` are for the program to act on.
    pub fn start(config: Config, metrics: Arc<Metrics>, workers: Vec<R>) -> Self {
        let proxy = Proxy::new(&config, metrics, workers);
        for worker in &proxy.workers {
            let theirs = Arc::clone(worker);
            worker.runtime.spawn(async move { Housekeeper::new(theirs).await });
        }
        Self { proxy, config, clients: Vec::new(), metrics: Vec::new(), closing: Vec::new() }
    }

    /// Waits until each name has been looked up once, a second at most. Requests to those that do
    /// not resolve by then are answered with 502 until they do.
    pub fn wait_for_names(&self) {
        self.proxy.wait_for_names(NAMES);
    }

    /// Says on the metrics port that clients may come: `/readyz`.
    pub fn set_ready(&self) {
        self.proxy.life.enter(Phase::Ready);
    }

    /// Accepts from one more listener. `open` is called on the worker that will poll it.
    pub fn listen(
        &mut self,
        port: Port,
        open: impl FnOnce() -> io::Result<R::Listener> + Send + 'static,
    ) {
        let stop = Arc::new(Stop::default());
        self.stops(port).push(Arc::clone(&stop));
        let proxy = Arc::clone(&self.proxy);
        // The first worker accepts for all. With one worker, nothing changes threads.
        let Some(worker) = proxy.workers.first().map(Arc::clone) else { return };
        worker.runtime.clone().spawn(async move {
            match open() {
                Ok(listener) => Acceptor::new(listener, port, proxy, worker.number, stop).await,
                Err(error) => {
                    tracing::error!(target: "proxy.server", "Cannot accept connections: {error}");
                    stop.end();
                }
            }
        });
    }

    /// Closes the listeners there are on this port, once what waits in them is accepted. Others
    /// may take their place.
    pub fn stop_listening(&mut self, port: Port) {
        self.closing.retain(|stop| !stop.has_ended());
        for stop in std::mem::take(self.stops(port)) {
            stop.stop();
            self.closing.push(stop);
        }
    }

    /// Applies a validated configuration, from each connection's next request on. What it does not
    /// change is not touched. Waits up to a second for its names to be looked up first.
    pub fn configure(&mut self, config: Config) {
        // Before it is applied, so that no request meets a new name whose addresses are to be had.
        self.proxy.watch_names(&config);
        self.wait_for_names();
        self.proxy.configure(&config);
        self.config = config;
    }

    /// The configuration in force.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Records all sessions from now on, with all their bytes, instead of what the configuration
    /// says: `tap` gets a recording at the end of each request, and of each session, which begins
    /// at the latest moment at which its connection was idle. For tests: it costs time and memory.
    /// Only the first tap counts.
    pub fn tap(&mut self, tap: impl Fn(Recording) + Send + Sync + 'static) {
        self.proxy.tap(Arc::new(tap));
        self.proxy.configure(&self.config);
    }

    /// Takes the readiness back: `/readyz` says 503, and every connection is closed after its next
    /// response. Clients are served on, as those come that have not heard yet that this instance is
    /// about to [drain](Self::drain).
    pub fn leave(&self) {
        self.proxy.leave();
    }

    /// Stops listening for clients, and lets those there are finish what they are at. The metrics
    /// port stays open to the end.
    pub fn drain(&mut self) {
        self.stop_listening(Port::Clients);
        self.proxy.drain();
    }

    /// Whether nothing is left to be finished.
    pub fn is_drained(&self) -> bool {
        self.closing.iter().all(|stop| stop.has_ended()) && self.proxy.clients.is_empty()
    }

    /// Ends what a drain has left, without an answer.
    pub fn cut(&self) {
        self.proxy.cut();
    }

    /// What is open now.
    pub fn counts(&self) -> Counts {
        Counts { clients: self.proxy.clients.len(), upstreams: self.proxy.upstream_counts() }
    }

    const fn stops(&mut self, port: Port) -> &mut Vec<Arc<Stop>> {
        match port {
            Port::Clients => &mut self.clients,
            Port::Metrics => &mut self.metrics,
        }
    }
}

/// The metrics of a proxy with so many workers, that starts now, at `started`.
pub fn metrics<R: Runtime>(workers: usize, started: SystemTime) -> Arc<Metrics> {
    // The binary's name less what all of them are.
    let runtime = R::NAME.strip_prefix("proxy-").unwrap_or(R::NAME);
    let build = BuildInfo { version: env!("CARGO_PKG_VERSION"), runtime };
    Arc::new(Metrics::new(workers, build, &CAUSES, started))
}

/// The words for causes, in the order of `Cause`.
pub(crate) static CAUSES: [&str; Cause::ALL.len()] = {
    let mut words = [""; Cause::ALL.len()];
    let mut n = 0;
    while n < words.len() {
        words[n] = Cause::ALL[n].word();
        n += 1;
    }
    words
};

/// How long a start or a reload waits for the first look-up of names. Later ones are answered with
/// 502 until they resolve.
const NAMES: std::time::Duration = std::time::Duration::from_secs(1);
