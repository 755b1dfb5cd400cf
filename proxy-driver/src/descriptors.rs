use proxy_config::Config;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets the process open as many file descriptors as its hard limit allows.
///
/// The soft limit is 1,024 by tradition, for programs that use `select`; this one does not.
pub(crate) fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where that is forbidden the limit stays, and `complain` says when it is too low.
    let _stays = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Warns when the configured limits allow more connections than the process may open.
pub(crate) fn complain(config: &Config) {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return };
    let needed = needed(config);
    if needed > limit {
        tracing::warn!(
            target: "proxy.config",
            "limits.max_client_conns and limits.max_conns_per_upstream may take {needed} file \
             descriptors, and the process may open {limit}: raise its limit (ulimit -n, \
             LimitNOFILE) or lower them"
        );
    }
}

/// Each client and each connection to an upstream is one.
fn needed(config: &Config) -> u64 {
    let limits = &config.limits;
    let upstreams = config.upstreams.len().saturating_mul(limits.max_conns_per_upstream);
    limits.max_client_conns.saturating_add(upstreams).saturating_add(OTHERS) as u64
}

/// Listeners, the log, a reactor per worker, the metrics port's clients.
const OTHERS: usize = 64;
