//! Names whose addresses are upstreams of their own, as these change.

use std::net::SocketAddr;
use std::time::Duration;

use proxy_config::{Resolve, UpstreamEntry};

use super::*;

/// A scene in front of these upstreams, the names among which resolve to members.
fn scene(upstreams: &[&str]) -> Scene {
    Scene::new(|config| config.upstreams = upstreams.iter().map(|address| group(address)).collect())
}

fn group(address: &str) -> UpstreamEntry {
    let resolve = Some(Resolve { interval: Duration::from_secs(1) });
    let entry: UpstreamEntry = address.parse().expect("host:port");
    let is_name = address.starts_with(char::is_alphabetic);
    UpstreamEntry { resolve: resolve.filter(|_| is_name), ..entry }
}

impl Scene {
    /// `app:80` is 10.0.0.N:80 for each of these.
    fn resolves(&self, members: &[u8]) {
        let name = "app:80".parse().expect("a name");
        let address = |member: &u8| SocketAddr::from(([10, 0, 0, *member], 80));
        self.proxy.learn(&name, members.iter().map(address).collect());
    }

    /// Asks and is answered, so many times; says which upstreams were selected.
    fn asks(&mut self, times: usize) -> Vec<String> {
        let mut open = Vec::new();
        let ((), text) = captured::at_info(|| {
            for _ in 0..times {
                self.client.sends(GET);
                let _pending = self.runs();
                open.extend(accept());
                answer_all(&open);
                let _pending = self.runs();
                let mut got = Vec::new();
                self.client.takes(&mut got);
                assert!(got.ends_with(b"hello"), "{}", String::from_utf8_lossy(&got));
            }
        });
        selected(&text)
    }
}

/// Answers on each connection on which there is a request.
fn answer_all(open: &[VirtualSocket]) {
    for upstream in open {
        let mut got = Vec::new();
        upstream.takes(&mut got);
        if !got.is_empty() {
            upstream.sends(OK);
        }
    }
}

fn selected(text: &str) -> Vec<String> {
    let after = text.split("Selected upstream ").skip(1);
    after.filter_map(|rest| rest.split(' ').next()).map(ToOwned::to_owned).collect()
}

#[test]
fn each_address_of_a_name_has_its_turn() {
    let mut scene = scene(&["10.0.0.9:80", "app:80"]);
    scene.resolves(&[2, 1]);
    let turn = ["10.0.0.9:80", "10.0.0.1:80", "10.0.0.2:80"];
    assert_eq!(scene.asks(6), [turn, turn].concat());
    let metrics = scene.metrics();
    for upstream in turn {
        let series = format!("proxy_upstream_requests_total{{upstream=\"{upstream}\"}} 2\n");
        assert!(metrics.contains(&series), "{series}\n{metrics}");
    }
}

#[test]
fn the_rotation_goes_on_when_members_change() {
    let mut scene = scene(&["app:80"]);
    scene.resolves(&[1, 2, 3]);
    assert_eq!(scene.asks(2), ["10.0.0.1:80", "10.0.0.2:80"]);
    scene.resolves(&[2, 3, 4]);
    assert_eq!(scene.asks(4), ["10.0.0.3:80", "10.0.0.4:80", "10.0.0.2:80", "10.0.0.3:80"]);
}

#[test]
fn a_change_of_members_is_said_once() {
    let scene = scene(&["app:80"]);
    let ((), text) = captured::at_info(|| {
        scene.resolves(&[1, 2]);
        scene.resolves(&[2, 1]);
        scene.resolves(&[2, 3]);
        scene.resolves(&[]);
    });
    let said: Vec<_> = text.lines().filter_map(|line| line.split(" - INFO - ").nth(1)).collect();
    assert_eq!(
        said,
        [
            "10.0.0.1:80 joined app:80",
            "10.0.0.2:80 joined app:80",
            "10.0.0.3:80 joined app:80",
            "10.0.0.1:80 left app:80",
        ]
    );
}

#[test]
fn a_name_that_does_not_resolve_yet_answers_by_its_name() {
    let mut scene = scene(&["app:80"]);
    scene.client.sends(GET);
    let _pending = scene.runs();
    let mut got = Vec::new();
    scene.client.takes(&mut got);
    let got = String::from_utf8_lossy(&got);
    assert!(got.starts_with("HTTP/1.1 502 ") && got.contains("(app:80)"), "{got}");
    scene.resolves(&[1]);
    assert_eq!(scene.asks(1), ["10.0.0.1:80"]);
}

#[test]
fn a_member_that_leaves_finishes_what_it_has_and_keeps_nothing() {
    let mut scene = scene(&["app:80"]);
    scene.resolves(&[1]);
    let (mut other, client) = Scene::connect(&scene.proxy);
    client.sends(GET);
    let _pending = run(&mut other);
    let idle = accept().expect("connected");
    scene.client.sends(GET);
    let _pending = scene.runs();
    let busy = accept().expect("connected");
    idle.sends(OK);
    let _pending = run(&mut other);
    assert_eq!(scene.proxy.upstream_counts()[0].idle, 1);

    scene.resolves(&[2]);
    let mut got = Vec::new();
    idle.takes(&mut got);
    assert!(idle.is_closed(), "nobody asks it again");
    busy.takes(&mut got);
    assert!(!busy.is_closed());
    busy.sends(OK);
    let _pending = scene.runs();
    scene.client.takes(&mut got);
    assert!(got.ends_with(b"hello"), "what it had is finished");
    assert!(busy.is_closed(), "and its connection is not kept");
    assert_eq!(scene.asks(1), ["10.0.0.2:80"]);
}

#[test]
fn who_waits_for_a_member_that_leaves_gets_its_place_in_turn() {
    let mut scene = Scene::new(|config| {
        config.upstreams = vec![group("app:80")];
        config.limits.max_conns_per_upstream = 1;
    });
    scene.resolves(&[1]);
    let (mut second, client) = Scene::connect(&scene.proxy);
    scene.client.sends(GET);
    let _pending = scene.runs();
    client.sends(GET);
    let _pending = run(&mut second);
    let upstream = accept().expect("connected");
    scene.resolves(&[2]);
    upstream.sends(OK);
    let _pending = scene.runs();
    let _pending = run(&mut second);
    upstream.sends(OK);
    let _pending = run(&mut second);
    let mut got = Vec::new();
    client.takes(&mut got);
    assert!(got.ends_with(b"hello"));
    upstream.takes(&mut got);
    assert!(upstream.is_closed(), "nobody else waits");
}

#[test]
fn a_member_that_comes_back_has_its_connections_counted() {
    let mut scene = Scene::new(|config| {
        config.upstreams = vec![group("app:80")];
        config.limits.max_conns_per_upstream = 1;
    });
    scene.resolves(&[1]);
    scene.client.sends(GET);
    let _pending = scene.runs();
    scene.resolves(&[2]);
    scene.resolves(&[2, 3]);
    scene.resolves(&[1]);
    let (mut second, client) = Scene::connect(&scene.proxy);
    client.sends(GET);
    let ((), text) = captured::at_info(|| {
        let _pending = run(&mut second);
    });
    assert!(text.contains("Waiting for a connection to 10.0.0.1:80 (limit 1)"), "{text}");
}

#[test]
fn a_reload_that_leaves_a_name_leaves_its_members() {
    let mut scene = scene(&["app:80"]);
    scene.resolves(&[1, 2]);
    assert_eq!(scene.asks(1), ["10.0.0.1:80"]);
    let mut config = Config { upstreams: vec![group("app:80")], ..Config::default() };
    config.limits.max_conns_per_upstream = 7;
    let ((), text) = captured::at_info(|| scene.proxy.configure(&config));
    assert_eq!(text, "");
    assert_eq!(scene.proxy.upstream_counts()[0].idle, 1, "and their connections");
    assert_eq!(scene.asks(1), ["10.0.0.2:80"]);

    // An upstream that was a member is the same one when it is named, and so are its connections.
    config.upstreams = ["10.0.0.2:80", "10.0.0.3:80"].map(group).to_vec();
    scene.proxy.configure(&config);
    let counts = scene.proxy.upstream_counts();
    assert_eq!(counts.iter().map(|counts| counts.idle).collect::<Vec<_>>(), [1, 0]);
}
