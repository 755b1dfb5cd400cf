use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use proxy_balance::{Key, RoundRobin};
use proxy_config::Config;
use proxy_proto::{Instant, Limits, Settings, Timeouts, Uuid};
use proxy_replay::{Mode, Recorder};

use crate::record::{Record, Tap};
use crate::service::Port;
use crate::upstream::Upstream;

/// One configuration as the workers see it: immutable, replaced as a whole by a reload.
pub(crate) struct Snapshot<S> {
    /// Counts configurations. A worker that finds a newer one takes it before its next request.
    pub(crate) generation: u64,
    pub(crate) settings: Arc<Settings>,
    /// Those of the metrics port: a profile takes as long as it was asked to.
    pages: Arc<Settings>,
    pub(crate) upstreams: Vec<Arc<Upstream<S>>>,
    /// Shared with the snapshot before it when the upstreams are the same ones; else it goes on
    /// where that one's stood.
    pub(crate) rotation: Arc<RoundRobin>,
    pub(crate) max_conns_per_upstream: u32,
    /// Which sessions are recorded, if any are.
    pub(crate) record: Option<Record>,
}

impl<S: Send + 'static> Snapshot<S> {
    pub(crate) fn new(
        generation: u64,
        config: &Config,
        upstreams: Vec<Arc<Upstream<S>>>,
        former: Option<&Self>,
        tap: Option<&Arc<Tap>>,
    ) -> Self {
        let first = || {
            let count = NonZeroUsize::new(upstreams.len()).unwrap_or(NonZeroUsize::MIN);
            Arc::new(RoundRobin::new(count))
        };
        let rotation = former.map_or_else(first, |former| {
            let same = former.upstreams.len() == upstreams.len()
                && former.upstreams.iter().zip(&upstreams).all(|(a, b)| Arc::ptr_eq(a, b));
            if same {
                return Arc::clone(&former.rotation);
            }
            let [before, now] = [&former.upstreams, &upstreams].map(|upstreams| keys(upstreams));
            Arc::new(former.rotation.succeed(&before, &now))
        });
        let settings = settings(config);
        let mut pages = settings.clone();
        pages.timeouts.total = None;
        Self {
            generation,
            settings: Arc::new(settings),
            pages: Arc::new(pages),
            upstreams,
            rotation,
            max_conns_per_upstream: narrow(config.limits.max_conns_per_upstream),
            record: Record::new(config, former.and_then(|former| former.record.as_ref()), tap),
        }
    }

    /// The exchange of a client that has just connected.
    pub(crate) fn exchange(
        &self,
        port: Port,
        client: IpAddr,
        trace: Uuid,
        now: Instant,
    ) -> Recorder {
        Recorder::new(Arc::clone(self.settings_of(port)), client, trace, now, self.mode())
    }

    /// Between two requests: what was configured for another snapshot is configured for this one.
    pub(crate) fn configure(&self, port: Port, exchange: &mut Recorder) {
        exchange.configure(self.settings_of(port));
        exchange.record(self.mode());
    }

    const fn settings_of(&self, port: Port) -> &Arc<Settings> {
        match port {
            Port::Clients => &self.settings,
            Port::Metrics => &self.pages,
        }
    }

    fn mode(&self) -> Option<Mode> {
        self.record.as_ref().map(Record::mode)
    }

    /// The size of a window in bytes: a whole head must fit.
    pub(crate) fn window(&self) -> usize {
        self.settings.limits.max_head_bytes.max(WINDOW)
    }
}

/// What the protocol core is told of a configuration.
pub(crate) fn settings(config: &Config) -> Settings {
    let timeouts = &config.timeouts;
    Settings {
        limits: Limits {
            max_head_bytes: config.limits.max_head_bytes,
            max_headers: config.limits.max_headers,
        },
        timeouts: Timeouts {
            client_head: timeouts.client_head,
            client_idle: timeouts.client_idle,
            client_body: timeouts.client_body,
            client_send: timeouts.client_send,
            connect: timeouts.connect,
            write: timeouts.write,
            read: timeouts.read,
            total: timeouts.total,
            tunnel_idle: timeouts.tunnel_idle,
        },
        upstream_keep_alive: timeouts.upstream_idle.is_some_and(|idle| idle > Duration::ZERO),
    }
}

fn keys<S>(upstreams: &[Arc<Upstream<S>>]) -> Vec<Key> {
    upstreams.iter().map(|upstream| upstream.key).collect()
}

/// Limits are validated far below 2^32.
pub(crate) fn narrow(limit: usize) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX)
}

/// 16 KiB: nginx's proxy buffers are 8 × 4 to 8 KiB, HAProxy's and Envoy's are 16.
const WINDOW: usize = 16 * 1024;
