use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use proxy_config::{Config, Listen, Overrides, Source, load};

use crate::listen::{BindError, bind};
use crate::log::Log;
use crate::profiling::Pushing;
use crate::run::{env, wall_clock};
use crate::runtime::Runtime;
use crate::service::{Port, Service};
use crate::{descriptors, supervisor};

/// A service that listens where its configuration says, and reads it again.
pub(crate) struct Process<R: Runtime> {
    pub(crate) service: Service<R>,
    pub(crate) pushing: Pushing,
    clients: Open,
    metrics: Open,
    start: Start,
}

/// What of a configuration takes effect at the start alone.
#[derive(PartialEq, Eq)]
struct Start {
    workers: Option<NonZeroUsize>,
    pid_file: Option<PathBuf>,
}

/// The open listeners of one port.
struct Open {
    opener: Opener,
    addresses: Vec<SocketAddr>,
}

/// Listening sockets that are bound and not yet accepted from.
pub(crate) struct Bound {
    opener: Opener,
    listeners: Vec<TcpListener>,
}

/// Who decides where to listen.
enum Opener {
    /// The configuration, which says this.
    Config(Listen),
    /// The service manager that started the process.
    ServiceManager,
}

impl Bound {
    pub(crate) fn to(listen: &Listen) -> Result<Self, BindError> {
        Ok(Self { opener: Opener::Config(listen.clone()), listeners: bind(listen)? })
    }

    /// Takes what the service manager has opened, if it has, whatever is configured.
    pub(crate) fn by_service_manager_or_to(
        listeners: Vec<TcpListener>,
        listen: &Listen,
    ) -> Result<Self, BindError> {
        if listeners.is_empty() {
            return Self::to(listen);
        }
        Ok(Self { opener: Opener::ServiceManager, listeners })
    }
}

impl Start {
    fn of(config: &Config) -> Self {
        Self { workers: config.workers, pid_file: config.pid_file.clone() }
    }
}

impl<R: Runtime> Process<R> {
    /// Begins to accept on what was bound: first on the metrics port, which can tell that clients
    /// are to wait until the names are looked up.
    pub(crate) fn start(mut service: Service<R>, clients: Bound, metrics: Bound) -> Self {
        let metrics = open(metrics, Port::Metrics, &mut service);
        service.wait_for_names();
        let clients = open(clients, Port::Clients, &mut service);
        service.set_ready();
        let pushing = Pushing::start(R::NAME, service.config().profiling.as_ref());
        let start = Start::of(service.config());
        Self { service, pushing, clients, metrics, start }
    }

    /// Where the proxy is reached.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.clients.addresses.first().copied()
    }

    /// Where the metrics are.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.addresses.first().copied()
    }

    /// Reads the file again and applies it as a whole, or changes nothing and says why.
    pub(crate) fn reload(&mut self, source: &Source, overrides: &Overrides, log: &Log) {
        supervisor::reloading();
        let outcome = self.reload_and_tell(source, overrides, log);
        supervisor::ready(outcome);
    }

    /// Returns what became of it, in a sentence.
    fn reload_and_tell(
        &mut self,
        source: &Source,
        overrides: &Overrides,
        log: &Log,
    ) -> &'static str {
        let Source::File { path, .. } = source else {
            tracing::warn!(target: "proxy.config", "There is no configuration file to re-read");
            return "Serving; there is no configuration file to re-read";
        };
        let former = self.service.config().logging.level;
        match self.try_reload(source, overrides) {
            Ok(()) => {
                let level = self.service.config().logging.level;
                // Said at whichever level lets it through.
                log.set_level(level.min(former));
                self.service.proxy.metrics.reload_succeeded(wall_clock());
                tracing::info!(
                    target: "proxy.config",
                    "Config reloaded from {} (logging level={level})",
                    path.display()
                );
                log.set_level(level);
                "Serving; the configuration was reloaded"
            }
            Err(reasons) => {
                self.service.proxy.metrics.reload_failed();
                for reason in reasons {
                    tracing::error!(target: "proxy.config", "Config not reloaded: {reason}");
                }
                "Serving; the last reload failed, and its log lines say why"
            }
        }
    }

    /// Everything that can fail comes first: parse, validate, bind. Then nothing can.
    fn try_reload(&mut self, source: &Source, overrides: &Overrides) -> Result<(), Vec<String>> {
        let config = load(source, overrides, &env)
            .map_err(|diagnostics| diagnostics.lines().collect::<Vec<_>>())?;
        let bind = |open: &Open, listen: &Listen| -> Result<Option<Bound>, Vec<String>> {
            match &open.opener {
                Opener::Config(former) if former != listen => {}
                Opener::Config(_) | Opener::ServiceManager => return Ok(None),
            }
            Bound::to(listen).map(Some).map_err(|error| vec![error.to_string()])
        };
        let clients = bind(&self.clients, &config.listen)?;
        let metrics = bind(&self.metrics, &config.metrics_listen)?;
        if Start::of(&config) != self.start {
            tracing::warn!(
                target: "proxy.config",
                "workers and pid_file take effect at the next start"
            );
        }
        descriptors::complain(&config);
        self.service.configure(config);
        self.pushing.follow(self.service.config().profiling.as_ref());
        if let Some(bound) = clients {
            self.service.stop_listening(Port::Clients);
            self.clients = open(bound, Port::Clients, &mut self.service);
        }
        if let Some(bound) = metrics {
            self.service.stop_listening(Port::Metrics);
            self.metrics = open(bound, Port::Metrics, &mut self.service);
        }
        Ok(())
    }
}

fn open<R: Runtime>(bound: Bound, port: Port, service: &mut Service<R>) -> Open {
    let name = match port {
        Port::Clients => "Listening",
        Port::Metrics => "Metrics",
    };
    let Bound { opener, listeners } = bound;
    let mut addresses = Vec::with_capacity(listeners.len());
    for listener in listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(target: "proxy.server", "{name} on {address}");
            addresses.push(address);
        }
        service.listen(port, move || R::listen(listener));
    }
    Open { opener, addresses }
}
