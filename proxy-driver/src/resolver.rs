use std::collections::HashSet;
use std::net::ToSocketAddrs;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use proxy_config::Host;

use crate::upstream::Upstream;

/// Looks up the names of upstreams with the system's resolver, again and again, on a thread of its
/// own: the system's resolver blocks. When a look-up fails, the last good addresses stay.
///
/// The thread starts with the first name, and lives as long as the process.
pub(crate) struct Resolver<S> {
    shared: Arc<Shared<S>>,
    started: Once,
}

impl<S> Default for Resolver<S> {
    fn default() -> Self {
        let state = State { watched: Vec::new(), asked: 0, answered: 0 };
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new() };
        Self { shared: Arc::new(shared), started: Once::new() }
    }
}

struct Shared<S> {
    state: Mutex<State<S>>,
    changed: Condvar,
}

struct State<S> {
    watched: Vec<Weak<Upstream<S>>>,
    /// Counts what is to be looked at; the thread has looked at everything when both agree.
    asked: u64,
    answered: u64,
}

impl<S: Send + 'static> Resolver<S> {
    /// From now on the names among these are looked up.
    pub(crate) fn watch(&self, upstreams: &[Arc<Upstream<S>>]) {
        let mut state = self.shared.lock();
        state.watched = upstreams
            .iter()
            .filter(|upstream| matches!(upstream.address.host, Host::Name(_)))
            .map(Arc::downgrade)
            .collect();
        state.asked += 1;
        let has_names = !state.watched.is_empty();
        if !has_names {
            state.answered = state.asked;
        }
        drop(state);
        self.shared.changed.notify_all();
        if has_names {
            self.started.call_once(|| self.start());
        }
    }

    fn start(&self) {
        let theirs = Arc::clone(&self.shared);
        let spawned = thread::Builder::new()
            .name("resolver".into())
            .spawn(move || Self::resolve_for_ever(&theirs));
        if let Err(error) = spawned {
            tracing::error!(target: "proxy.resolver", "No thread for name resolution: {error}");
        }
    }

    /// Waits until each watched name has been looked up once, at most for `patience`.
    pub(crate) fn wait(&self, patience: Duration) {
        let _timed_out = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), patience, |state| state.answered < state.asked)
            .unwrap_or_else(PoisonError::into_inner);
    }

    fn resolve_for_ever(shared: &Shared<S>) {
        let mut failing = HashSet::new();
        loop {
            let state = shared.lock();
            let (watched, asked) = (state.watched.clone(), state.asked);
            drop(state);
            for upstream in watched.iter().filter_map(Weak::upgrade) {
                resolve(&upstream, &mut failing);
            }
            let mut state = shared.lock();
            state.answered = asked;
            shared.changed.notify_all();
            let pause = if failing.is_empty() { REFRESH } else { RETRY };
            let pause = if state.watched.is_empty() { Duration::MAX } else { pause };
            let _timed_out = shared
                .changed
                .wait_timeout_while(state, pause, |state| state.asked == asked)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn resolve<S: Send + 'static>(upstream: &Upstream<S>, failing: &mut HashSet<String>) {
    let Host::Name(name) = &upstream.address.host else { return };
    let found = (name.as_str(), upstream.address.port.get()).to_socket_addrs();
    let error = match found.map(Iterator::collect::<Vec<_>>) {
        Ok(addresses) if !addresses.is_empty() => {
            upstream.set_addresses(addresses);
            if failing.remove(&upstream.name) {
                tracing::info!(target: "proxy.resolver", "{} resolves again", upstream.name);
            }
            return;
        }
        Ok(_) => "no addresses".to_owned(),
        Err(error) => error.to_string(),
    };
    // Once per failure, not once per attempt.
    if failing.insert(upstream.name.clone()) {
        let kept = if upstream.is_resolved() { "; its last addresses are kept" } else { "" };
        tracing::warn!(
            target: "proxy.resolver",
            "{} does not resolve: {error}{kept}", upstream.name
        );
    }
}

/// How long addresses are trusted. The system's resolver does not tell their time to live; nginx
/// and Envoy (5 s) are of the same order.
const REFRESH: Duration = Duration::from_secs(10);
/// How soon a name that fails is tried again.
const RETRY: Duration = Duration::from_secs(1);
