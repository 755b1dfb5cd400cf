use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use proxy_config::{Config, Listen, Overrides, Source, load};

use crate::acceptor::{Acceptor, Kind, Stop};
use crate::descriptors;
use crate::listen::{BindError, bind};
use crate::log::Log;
use crate::proxy::Proxy;
use crate::run::{env, wall_clock};
use crate::runtime::Runtime;

/// The running service: a configuration, and the listeners and workers that follow it.
pub(crate) struct Service<R: Runtime> {
    pub(crate) proxy: Arc<Proxy<R>>,
    pub(crate) config: Config,
    proxied: Open,
    metrics: Open,
    /// Listeners that a reload has replaced and that are being emptied.
    closing: Vec<Arc<Stop>>,
}

/// The open listeners of one configured address.
struct Open {
    listen: Listen,
    addresses: Vec<SocketAddr>,
    stops: Vec<Arc<Stop>>,
}

/// Listening sockets that are bound and not yet accepted from.
pub(crate) struct Bound {
    listen: Listen,
    listeners: Vec<TcpListener>,
}

impl Bound {
    pub(crate) fn to(listen: &Listen) -> Result<Self, BindError> {
        Ok(Self { listen: listen.clone(), listeners: bind(listen)? })
    }
}

impl<R: Runtime> Service<R> {
    /// Begins to accept on what was bound.
    pub(crate) fn start(
        proxy: Arc<Proxy<R>>,
        config: Config,
        proxied: Bound,
        metrics: Bound,
    ) -> Self {
        let metrics = open(metrics, Kind::Metrics, &proxy);
        let proxied = open(proxied, Kind::Proxy, &proxy);
        Self { proxy, config, proxied, metrics, closing: Vec::new() }
    }

    /// Where the proxy is reached.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.proxied.addresses.first().copied()
    }

    /// Where the metrics are.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.addresses.first().copied()
    }

    /// Reads the file again and applies it as a whole, or changes nothing and says why.
    pub(crate) fn reload(&mut self, source: &Source, overrides: &Overrides, log: &Log) {
        let Source::File { path, .. } = source else {
            tracing::warn!(target: "proxy.config", "There is no configuration file to re-read");
            return;
        };
        let former = self.config.logging.level;
        match self.try_reload(source, overrides) {
            Ok(()) => {
                let level = self.config.logging.level;
                // Said at whichever level lets it through.
                log.set_level(level.min(former));
                self.proxy.metrics.reload_succeeded(wall_clock());
                tracing::info!(
                    target: "proxy.config",
                    "Config reloaded from {} (logging level={level})",
                    path.display()
                );
                log.set_level(level);
            }
            Err(reasons) => {
                self.proxy.metrics.reload_failed();
                for reason in reasons {
                    tracing::error!(target: "proxy.config", "Config not reloaded: {reason}");
                }
            }
        }
    }

    /// Everything that can fail comes first: parse, validate, bind. Then nothing can.
    fn try_reload(&mut self, source: &Source, overrides: &Overrides) -> Result<(), Vec<String>> {
        let config = load(source, overrides, &env)
            .map_err(|diagnostics| diagnostics.lines().collect::<Vec<_>>())?;
        let bind = |open: &Open, listen: &Listen| -> Result<Option<Bound>, Vec<String>> {
            if open.listen == *listen {
                return Ok(None);
            }
            Bound::to(listen).map(Some).map_err(|error| vec![error.to_string()])
        };
        let proxied = bind(&self.proxied, &config.listen)?;
        let metrics = bind(&self.metrics, &config.metrics_listen)?;
        if config.workers != self.config.workers || config.pid_file != self.config.pid_file {
            tracing::warn!(
                target: "proxy.config",
                "workers and pid_file take effect at the next start"
            );
        }
        descriptors::complain(&config);
        self.proxy.configure(&config);
        self.proxy.wait_for_names(NAMES);
        for (bound, kind) in [(proxied, Kind::Proxy), (metrics, Kind::Metrics)] {
            if let Some(bound) = bound {
                self.replace(bound, kind);
            }
        }
        self.config = config;
        Ok(())
    }

    fn replace(&mut self, bound: Bound, kind: Kind) {
        let new = open(bound, kind, &self.proxy);
        let old = match kind {
            Kind::Proxy => std::mem::replace(&mut self.proxied, new),
            Kind::Metrics => std::mem::replace(&mut self.metrics, new),
        };
        self.closing.retain(|stop| !stop.has_ended());
        for stop in old.stops {
            stop.stop();
            self.closing.push(stop);
        }
    }

    /// Closes the proxy's listeners, once what waits in them is accepted, and lets the clients
    /// finish what they are at. The metrics port stays open to the end.
    pub(crate) fn drain(&mut self) {
        for stop in self.proxied.stops.drain(..) {
            stop.stop();
            self.closing.push(stop);
        }
        self.proxy.drain();
    }

    /// Whether nothing is left to be finished.
    pub(crate) fn is_drained(&self) -> bool {
        self.closing.iter().all(|stop| stop.has_ended()) && self.proxy.clients.is_empty()
    }
}

fn open<R: Runtime>(bound: Bound, kind: Kind, proxy: &Arc<Proxy<R>>) -> Open {
    let name = match kind {
        Kind::Proxy => "Listening",
        Kind::Metrics => "Metrics",
    };
    let Bound { listen, listeners } = bound;
    let mut addresses = Vec::with_capacity(listeners.len());
    let mut stops = Vec::with_capacity(listeners.len());
    for listener in listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(target: "proxy.server", "{name} on {address}");
            addresses.push(address);
        }
        let stop = Arc::new(Stop::default());
        stops.push(Arc::clone(&stop));
        let proxy = Arc::clone(proxy);
        // The first worker accepts for all. With one worker, nothing changes threads.
        let Some(worker) = proxy.workers.first().map(Arc::clone) else { continue };
        worker.runtime.clone().spawn(async move {
            match R::listen(listener) {
                Ok(listener) => Acceptor::new(listener, kind, proxy, worker.number, stop).await,
                Err(error) => {
                    tracing::error!(target: "proxy.server", "Cannot accept connections: {error}");
                    stop.end();
                }
            }
        });
    }
    Open { listen, addresses, stops }
}

/// How long a start or a reload waits for the first look-up of names. Later ones are answered with
/// 502 until they resolve.
pub(crate) const NAMES: std::time::Duration = std::time::Duration::from_secs(1);
