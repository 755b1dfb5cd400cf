use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use proxy_config::{Host, UpstreamAddress, UpstreamEntry};
use proxy_metrics::{Metrics, NameMetrics};

use crate::agenda::{Agenda, News};
use crate::clock;
use crate::link::{EMFILE, ENFILE};

/// Looks up the names of upstreams, again and again, on threads of its own, because the system's
/// resolver blocks; on several, so that a name whose server does not answer holds up no other. A
/// failure is logged and counted, and changes nothing.
///
/// The threads start with the names, and end with the resolver.
pub(crate) struct Resolver {
    shared: Arc<Shared>,
    metrics: Arc<Metrics>,
}

/// Finds the addresses of a name, for a port.
pub(crate) type LookUp = Box<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// Is told the addresses of a name, at least one.
pub(crate) type Tell = Box<dyn Fn(&UpstreamAddress, Vec<SocketAddr>) + Send + Sync>;

struct Shared {
    look_up: LookUp,
    tell: Tell,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    agenda: Agenda,
    counts: HashMap<UpstreamAddress, Arc<NameMetrics>>,
    threads: usize,
    has_ended: bool,
}

impl Resolver {
    pub(crate) fn new(metrics: Arc<Metrics>, look_up: LookUp, tell: Tell) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { look_up, tell, state, changed });
        Self { shared, metrics }
    }

    /// From now on the names among these are looked up, beginning now.
    pub(crate) fn watch(&self, entries: &[UpstreamEntry]) {
        let is_name = |entry: &&UpstreamEntry| matches!(entry.address.host, Host::Name(_));
        let names: Vec<_> = entries.iter().filter(is_name).collect();
        let mut state = self.shared.lock();
        let interval =
            |entry: &UpstreamEntry| entry.group().map_or(REFRESH, |group| group.interval);
        let items = names.iter().map(|entry| (entry.address.clone(), interval(entry)));
        state.agenda.set(items, clock::now());
        let counts = |entry: &&UpstreamEntry| self.metrics.name(&entry.to_string());
        state.counts = names.iter().map(|entry| (entry.address.clone(), counts(entry))).collect();
        while state.threads < names.len().min(THREADS) {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("resolver".into());
            if let Err(error) = thread.spawn(move || shared.resolve()) {
                tracing::error!(target: "proxy.resolver", "No thread for name resolution: {error}");
                break;
            }
            state.threads += 1;
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until each watched name has been looked up once, at most for `patience`.
    pub(crate) fn wait(&self, patience: Duration) {
        let is_unanswered = |state: &mut State| !state.agenda.is_answered();
        let _timed_out = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), patience, is_unanswered)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.shared.lock().has_ended = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn resolve(&self) {
        while let Some(name) = self.wait_for_next() {
            self.resolve_one(&name);
            self.changed.notify_all();
        }
    }

    /// The name that is due. `None`: there is nobody left who asks.
    fn wait_for_next(&self) -> Option<UpstreamAddress> {
        let mut state = self.lock();
        while !state.has_ended {
            let now = clock::now();
            if let Some(name) = state.agenda.begin(now) {
                return Some(name);
            }
            let pause = state.agenda.due().map_or(Duration::MAX, |due| due - now);
            let waited = self.changed.wait_timeout(state, pause);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        None
    }

    fn resolve_one(&self, name: &UpstreamAddress) {
        let found = (self.look_up)(&name.host.to_string(), name.port.get());
        let (found, error) = match found {
            Ok(found) if found.is_empty() => (found, Some("no addresses".to_owned())),
            Ok(found) => (found, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let count = found.len();
        if error.is_none() {
            (self.tell)(name, found);
        }
        let mut state = self.lock();
        let news = state.agenda.answer(name, error.is_none(), clock::now());
        let Some(counts) = state.counts.get(name) else { return };
        match &error {
            Some(_) => counts.errors.inc(),
            None => counts.set_addresses(count),
        }
        let kept = if counts.addresses() > 0 { "; its last addresses are kept" } else { "" };
        drop(state);
        match (news, error) {
            (News::Fails, Some(error)) => tracing::warn!(
                target: "proxy.resolver",
                "{name} does not resolve: {error}{kept}"
            ),
            (News::ResolvesAgain, _) => {
                tracing::info!(target: "proxy.resolver", "{name} resolves again");
            }
            (News::Fails, None) | (News::None, _) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the system's resolver.
pub(crate) fn look_up(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    (name, port).to_socket_addrs().map(|found| usable(found.collect()))
}

/// Leaves out addresses to which no way leads from here, IPv6 ones on most machines that have
/// none, unless that is all of them. The system's resolver puts them last for those who try one
/// after another (RFC 6724 section 6, rule 1), but each member has its turn.
fn usable(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (usable, others): (Vec<_>, Vec<_>) = found.into_iter().partition(has_route);
    if usable.is_empty() { others } else { usable }
}

/// Asks the kernel, which sends nothing for it.
fn has_route(address: &SocketAddr) -> bool {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let connected = UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(address));
    // A want of descriptors says nothing of the way.
    let error = connected.err().map(|error| error.raw_os_error());
    matches!(error, None | Some(Some(EMFILE | ENFILE)))
}

/// How long the addresses of a name that is one upstream are trusted. The system's resolver does
/// not tell their time to live; nginx and Envoy (5 s) are of the same order.
const REFRESH: Duration = Duration::from_secs(10);

/// Names that are looked up at once. More than zones of names fail at a time; arbitrary.
const THREADS: usize = 8;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
    use std::time::SystemTime;

    use proxy_config::Resolve;
    use proxy_metrics::{BuildInfo, Format};

    use super::*;

    /// A resolver whose look-ups end when the test says how.
    struct Scene {
        resolver: Resolver,
        answers: Sender<io::Result<Vec<SocketAddr>>>,
        told: Receiver<(UpstreamAddress, Vec<SocketAddr>)>,
        metrics: Arc<Metrics>,
    }

    impl Scene {
        fn new() -> Self {
            let build = BuildInfo { version: "0", runtime: "none" };
            let metrics = Arc::new(Metrics::new(1, build, &[], SystemTime::UNIX_EPOCH));
            let (answers, to_give) = channel();
            let to_give = Mutex::new(to_give);
            let look_up = Box::new(move |_: &str, _| {
                let answer = to_give.lock().expect("one thread").recv();
                answer.unwrap_or_else(|_| Err(io::ErrorKind::NotFound.into()))
            });
            let (tell, told) = channel();
            let tell = Box::new(move |name: &UpstreamAddress, found| {
                let _over = tell.send((name.clone(), found));
            });
            let resolver = Resolver::new(Arc::clone(&metrics), look_up, tell);
            Self { resolver, answers, told, metrics }
        }

        fn watches(&self, entries: &[UpstreamEntry]) {
            self.resolver.watch(entries);
        }

        fn answers(&self, found: &[SocketAddr]) {
            self.answers.send(Ok(found.to_vec())).expect("it asks");
        }

        fn told(&self) -> (String, Vec<SocketAddr>) {
            let (name, found) = self.told.recv_timeout(PATIENCE).expect("it tells");
            (name.to_string(), found)
        }

        fn metrics(&self) -> String {
            let mut text = String::new();
            self.metrics.render(Format::Text004, &mut text);
            text
        }
    }

    fn group(name: &str) -> UpstreamEntry {
        let resolve = Some(Resolve { interval: Duration::from_millis(1) });
        UpstreamEntry { resolve, ..name.parse().expect("host:port") }
    }

    const ONE: SocketAddr = address(1);
    const TWO: SocketAddr = address(2);

    const fn address(last: u8) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), 80)
    }

    /// Longer than any machine takes.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_name_is_looked_up_again_and_again_and_an_address_never() {
        let scene = Scene::new();
        scene.watches(&["10.0.0.9:80".parse().expect("host:port"), group("app:80")]);
        scene.answers(&[ONE]);
        scene.answers(&[ONE, TWO]);
        assert_eq!(scene.told(), ("app:80".to_owned(), vec![ONE]));
        assert_eq!(scene.told(), ("app:80".to_owned(), vec![ONE, TWO]));
    }

    #[test]
    fn a_failure_and_an_empty_answer_are_counted_and_not_told() {
        let scene = Scene::new();
        scene.watches(&[group("app:80")]);
        scene.answers(&[ONE, TWO]);
        scene.answers.send(Err(io::ErrorKind::TimedOut.into())).expect("it asks");
        scene.answers(&[]);
        scene.answers(&[TWO]);
        assert_eq!(scene.told().1, [ONE, TWO]);
        assert_eq!(scene.told().1, [TWO]);
        let metrics = scene.metrics();
        assert!(metrics.contains("proxy_resolve_errors_total{name=\"app:80\"} 2\n"), "{metrics}");
    }

    #[test]
    fn a_wait_lasts_until_each_name_was_asked_for_and_no_longer_than_it_may() {
        let scene = Scene::new();
        scene.resolver.wait(PATIENCE);
        // Neither is looked up again before the other has its answer.
        scene.watches(&["app:80", "db:80"].map(|name| name.parse().expect("host:port")));
        scene.resolver.wait(Duration::from_millis(1));
        scene.answers(&[ONE]);
        scene.answers(&[TWO]);
        scene.resolver.wait(PATIENCE);
        let mut told = [scene.told().0, scene.told().0];
        told.sort();
        assert_eq!(told, ["app:80", "db:80"]);
        assert!(scene.metrics().contains("proxy_resolve_addresses{name=\"db:80\"} 1\n"));
    }

    #[test]
    fn an_address_that_cannot_be_reached_is_left_out_unless_all_are() {
        let loopback = (Ipv4Addr::LOCALHOST, 80).into();
        // Nobody may connect to it who has not asked for that.
        let broadcast = (Ipv4Addr::BROADCAST, 80).into();
        assert_eq!(usable(vec![broadcast, loopback]), [loopback]);
        assert_eq!(usable(vec![broadcast]), [broadcast]);
    }

    #[test]
    fn a_name_whose_server_does_not_answer_holds_up_no_other() {
        let (_never_answers, waits) = channel::<()>();
        let waits = Mutex::new(waits);
        let look_up = Box::new(move |name: &str, _| {
            if name == "slow" {
                let _over = waits.lock().expect("one thread").recv();
            }
            Ok(vec![ONE])
        });
        let (tell, told) = channel();
        let tell = Box::new(move |name: &UpstreamAddress, _| {
            let _over = tell.send(name.to_string());
        });
        let build = BuildInfo { version: "0", runtime: "none" };
        let metrics = Arc::new(Metrics::new(1, build, &[], SystemTime::UNIX_EPOCH));
        let resolver = Resolver::new(metrics, look_up, tell);
        resolver.watch(&[group("slow:80"), group("app:80")]);
        for _ in 0..2 {
            assert_eq!(told.recv_timeout(PATIENCE).expect("it tells"), "app:80");
            resolver.watch(&[group("slow:80"), group("app:80")]);
        }
    }

    #[test]
    fn the_threads_end_with_the_resolver() {
        let scene = Scene::new();
        scene.watches(&[group("app:80")]);
        scene.answers(&[ONE]);
        scene.told();
        drop((scene.resolver, scene.answers));
        assert_eq!(scene.told.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
    }
}
