mod addresses;
mod members;
mod places;

use std::io;
use std::net::Ipv4Addr;
use std::task::Waker;
use std::time::Duration;

use proxy_config::Config;
use proxy_metrics::Format;

use super::answers::GRACE;
use super::*;
use crate::log::captured;
use crate::service::metrics;
use crate::virtual_runtime::{Virtual, VirtualSocket, accept, pair, pass, refuse, silence};

/// A proxy in a world of its own, and one client of it.
struct Scene {
    proxy: Arc<Proxy<Virtual>>,
    session: Pin<Box<Session<Virtual>>>,
    client: VirtualSocket,
}

impl Scene {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.upstreams.truncate(1);
        change(&mut config);
        let metrics = metrics::<Virtual>(1, std::time::SystemTime::UNIX_EPOCH);
        // No test asks the system what a name means.
        let look_up = Box::new(|_: &str, _| Err(io::ErrorKind::NotFound.into()));
        let proxy = Proxy::with_look_up(&config, metrics, vec![Virtual], look_up);
        let (session, client) = Self::connect(&proxy);
        Self { proxy, session, client }
    }

    fn connect(proxy: &Arc<Proxy<Virtual>>) -> (Pin<Box<Session<Virtual>>>, VirtualSocket) {
        let (near, client) = pair();
        let Poll::Ready(place) = proxy.clients.poll_place(0, Waker::noop()) else {
            panic!("no place for the client");
        };
        let from = (Ipv4Addr::LOCALHOST, 5000).into();
        let worker = Seat::on(&proxy.workers[0]);
        (Box::pin(Session::proxied(near, from, place, Arc::clone(proxy), worker)), client)
    }

    fn runs(&mut self) -> Poll<()> {
        run(&mut self.session)
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        self.proxy.metrics.render(Format::Text004, &mut text);
        text
    }
}

fn run(session: &mut Pin<Box<Session<Virtual>>>) -> Poll<()> {
    session.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

const GET: &[u8] = b"GET /path HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: s\r\n\r\nhello";

#[test]
fn a_keep_alive_request_allocates_nothing_its_log_lines_included() {
    let mut scene = Scene::new(|_| {});
    let mut upstream = None;
    let mut got = Vec::with_capacity(4096);
    let mut exchange = || {
        scene.client.sends(GET);
        let _pending = scene.runs();
        let upstream = upstream.get_or_insert_with(|| accept().expect("connected"));
        upstream.takes(&mut got);
        assert!(got.starts_with(b"GET /path HTTP/1.1\r\n"));
        upstream.sends(OK);
        let _pending = scene.runs();
        scene.client.takes(&mut got);
        assert!(got.ends_with(b"hello"));
    };
    let (allocated, text) = captured::at_info(|| {
        (0..10).for_each(|_| exchange());
        allocation_counter::measure(|| (0..1000).for_each(|_| exchange()))
    });
    assert_eq!(allocated.count_total, 0, "{allocated:?}");
    assert_eq!(text.matches("Selected upstream 127.0.0.1:9001 for GET /path").count(), 1010);
    assert_eq!(text.matches("Finished GET /path 200 in 0.0 ms").count(), 1010);
}

#[test]
fn a_tape_runs_only_where_sessions_are_recorded() {
    let scene = Scene::new(|_| {});
    assert!(scene.session.exchange.tape().is_none());
    let directory = tempfile::tempdir().expect("a directory");
    let dir = directory.path().to_owned();
    let record = proxy_config::Record { dir, on: vec!["read_timeout".to_owned()], max_files: 1 };
    let scene = Scene::new(|config| config.debug.record = Some(record));
    assert!(scene.session.exchange.tape().is_some());
}

#[test]
fn an_idle_connection_of_a_client_holds_no_lanes() {
    let mut scene = Scene::new(|_| {});
    let _pending = scene.runs();
    assert!(scene.session.lanes.is_none());
    scene.client.sends(b"GET");
    let _pending = scene.runs();
    assert!(scene.session.lanes.is_some());
}

#[test]
fn a_connection_goes_to_whoever_waits_for_one() {
    let mut scene = Scene::new(|config| config.limits.max_conns_per_upstream = 1);
    let (mut second, other) = Scene::connect(&scene.proxy);
    let ((), text) = captured::at_info(|| {
        scene.client.sends(GET);
        let _pending = scene.runs();
        other.sends(GET);
        let _pending = run(&mut second);
    });
    assert!(text.contains("Waiting for a connection to 127.0.0.1:9001 (limit 1)"));
    let upstream = accept().expect("connected");
    assert!(accept().is_none(), "one connection, not two");
    upstream.sends(OK);
    let _pending = scene.runs();
    let _pending = run(&mut second);
    upstream.sends(OK);
    let _pending = run(&mut second);
    let mut got = Vec::new();
    other.takes(&mut got);
    assert!(got.ends_with(b"hello"));
}

#[test]
fn an_idle_connection_is_given_up_to_whoever_waits() {
    let mut scene = Scene::new(|config| config.limits.max_conns_per_upstream = 1);
    scene.client.sends(GET);
    let _pending = scene.runs();
    let upstream = accept().expect("connected");
    upstream.sends(OK);
    let _pending = scene.runs();
    assert_eq!(scene.proxy.workers[0].idle_count(0), 1);
    // Another worker cannot see it in its own pool, only wait for a place.
    let snapshot = scene.proxy.snapshot();
    let mut ticket = snapshot.upstreams[0].places.queue();
    scene.proxy.give_up_idle(&snapshot.upstreams[0]);
    assert!(ticket.poll(Waker::noop()).is_ready());
    assert_eq!(scene.proxy.workers[0].idle_count(0), 0);
}

#[test]
fn a_dead_idle_connection_is_not_used() {
    let mut scene = Scene::new(|_| {});
    scene.client.sends(GET);
    let _pending = scene.runs();
    let upstream = accept().expect("connected");
    upstream.sends(OK);
    let _pending = scene.runs();
    drop(upstream);
    scene.client.sends(GET);
    let _pending = scene.runs();
    assert!(accept().is_some(), "a new connection");
}

#[test]
fn a_refusal_is_answered_and_counted() {
    let mut scene = Scene::new(|_| {});
    refuse(true);
    scene.client.sends(GET);
    let _pending = scene.runs();
    refuse(false);
    let mut got = Vec::new();
    scene.client.takes(&mut got);
    assert!(got.ends_with(b"Upstream unavailable: connection refused (127.0.0.1:9001)"));
    let metrics = scene.metrics();
    for line in [
        "proxy_upstream_errors_total{upstream=\"127.0.0.1:9001\",type=\"connection_refused\"} 1",
        "proxy_responses_total{status_class=\"5xx\"} 1",
        "proxy_failures_total{cause=\"connect_refused\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing");
    }
}

#[test]
fn a_new_configuration_holds_from_the_next_request_on() {
    let mut scene = Scene::new(|_| {});
    let _pending = scene.runs();
    let mut config = Config::default();
    config.upstreams.remove(0);
    scene.proxy.configure(&config);
    scene.client.sends(GET);
    let ((), text) = captured::at_info(|| {
        let _pending = scene.runs();
    });
    assert!(text.contains("Selected upstream 127.0.0.1:9002"), "{text}");
}

#[test]
fn a_drain_closes_idle_clients_and_lets_others_finish() {
    let mut scene = Scene::new(|_| {});
    let (mut busy, other) = Scene::connect(&scene.proxy);
    pass(GRACE);
    let _pending = scene.runs();
    other.sends(GET);
    let _pending = run(&mut busy);
    scene.proxy.drain();
    assert!(scene.runs().is_ready());
    assert!(run(&mut busy).is_pending());
    accept().expect("connected").sends(OK);
    assert!(run(&mut busy).is_ready());
    let mut got = Vec::new();
    other.takes(&mut got);
    assert!(String::from_utf8_lossy(&got).contains("Connection: close\r\n"));
}

#[test]
fn a_timeout_fires_by_the_virtual_clock() {
    let mut scene = Scene::new(|_| {});
    scene.client.sends(GET);
    let _pending = scene.runs();
    pass(Duration::from_secs(15));
    let _pending = scene.runs();
    let mut got = Vec::new();
    scene.client.takes(&mut got);
    assert!(got.starts_with(b"HTTP/1.1 504 Gateway Timeout\r\n"));
    let upstream = accept().expect("connected");
    upstream.takes(&mut got);
    assert!(upstream.is_closed());
    assert!(scene.metrics().contains("proxy_timeout_errors_total{type=\"read\"} 1"));
}

#[test]
fn a_client_that_came_before_the_drain_is_still_served() {
    let mut scene = Scene::new(|_| {});
    scene.proxy.drain();
    assert!(scene.runs().is_pending(), "its request may be on its way");
    scene.client.sends(GET);
    let _pending = scene.runs();
    accept().expect("connected").sends(OK);
    assert!(scene.runs().is_ready());
    let mut got = Vec::new();
    scene.client.takes(&mut got);
    assert!(got.ends_with(b"hello"));
}

#[test]
fn a_timeout_fires_though_bytes_never_stop_moving() {
    let mut scene = Scene::new(|_| {});
    scene.client.sends(GET);
    let _pending = scene.runs();
    let upstream = accept().expect("connected");
    upstream.sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n");
    let _pending = scene.runs();
    upstream.sends_without_end();
    scene.client.takes_without_end();
    pass(Duration::from_secs(29));
    assert!(scene.runs().is_pending());
    pass(Duration::from_secs(1));
    assert!(scene.runs().is_pending(), "its budget is spent, and it wakes itself");
    assert!(scene.runs().is_ready());
    assert!(scene.metrics().contains("proxy_timeout_errors_total{type=\"total\"} 1"));
}

#[test]
fn a_drain_that_takes_too_long_cuts_what_is_left() {
    let mut scene = Scene::new(|_| {});
    scene.client.sends(GET);
    let _pending = scene.runs();
    scene.proxy.drain();
    assert!(scene.runs().is_pending());
    scene.proxy.cut();
    let (over, text) = captured::at_info(|| scene.runs());
    assert!(over.is_ready());
    assert!(text.contains("Finished GET /path - in 0.0 ms (0 bytes) cause=draining"), "{text}");
}

#[test]
fn a_reload_during_a_drain_keeps_no_connection() {
    let mut scene = Scene::new(|_| {});
    scene.proxy.drain();
    let mut config = Config::default();
    config.upstreams.remove(0);
    scene.proxy.configure(&config);
    scene.client.sends(GET);
    let _pending = scene.runs();
    let upstream = accept().expect("connected");
    upstream.takes(&mut Vec::new());
    upstream.sends(OK);
    assert!(scene.runs().is_ready());
    assert!(upstream.is_closed());
}

#[test]
fn an_idle_client_is_small() {
    // What a runtime adds is rounded up to 128 bytes by tokio: these are 384 there.
    assert!(size_of::<Session<Virtual>>() <= 288, "{}", size_of::<Session<Virtual>>());
}

#[test]
fn the_readiness_follows_the_life_of_the_process() {
    let scene = Scene::new(|_| {});
    let (near, client) = pair();
    let from = (Ipv4Addr::LOCALHOST, 5000).into();
    let worker = Seat::on(&scene.proxy.workers[0]);
    let mut session = Box::pin(Session::admin(near, from, Arc::clone(&scene.proxy), worker));
    let mut answers = |path: &str| {
        let mut got = Vec::new();
        client.sends(format!("GET {path} HTTP/1.1\r\nHost: m\r\n\r\n").as_bytes());
        let _pending = run(&mut session);
        client.takes(&mut got);
        let text = String::from_utf8(got).expect("text");
        let word = text.rsplit("\r\n\r\n").next().expect("a body").trim().to_owned();
        (text["HTTP/1.1 ".len()..][..3].to_owned(), word)
    };
    for (phase, status, word) in [
        (Phase::Starting, "503", "starting"),
        (Phase::Ready, "200", "ready"),
        (Phase::Leaving, "503", "draining"),
        (Phase::Draining, "503", "draining"),
        (Phase::Cutting, "503", "draining"),
    ] {
        scene.proxy.life.enter(phase);
        assert_eq!(answers("/readyz"), (status.to_owned(), word.to_owned()), "{phase:?}");
        assert_eq!(answers("/healthz"), ("200".to_owned(), "ok".to_owned()), "{phase:?}");
    }
    scene.proxy.life.enter(Phase::Ready);
    assert_eq!(scene.proxy.life.phase(), Phase::Cutting, "it never goes back");
}
