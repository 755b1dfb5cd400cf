//! A client's place, as others come to want it.

use super::*;

impl Scene {
    fn with_a_request_in_the_only_place() -> Self {
        let mut scene = Self::new(|config| config.limits.max_client_conns = 1);
        scene.client.sends(GET);
        let _pending = scene.runs();
        scene
    }
}

fn says_close(got: &[u8]) -> bool {
    got.windows(17).any(|text| text == b"Connection: close")
}

#[test]
fn the_longest_idle_client_leaves_when_its_place_is_wanted() {
    let mut scene = Scene::new(|config| config.limits.max_client_conns = 2);
    pass(GRACE);
    let _pending = scene.runs();
    let (mut younger, _other) = Scene::connect(&scene.proxy);
    let _pending = run(&mut younger);
    pass(GRACE);
    let _pending = run(&mut younger);
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    assert!(run(&mut younger).is_pending());
    assert!(scene.runs().is_ready(), "it was idle for longer");
    // The acceptor may ask again before the place is free, on another thread.
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    assert!(run(&mut younger).is_pending(), "one place is enough");
    drop(std::mem::replace(&mut scene.session, younger));
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_ready());
}

#[test]
fn a_client_that_is_just_connecting_keeps_its_place_for_a_while() {
    let mut scene = Scene::new(|config| config.limits.max_client_conns = 1);
    let _pending = scene.runs();
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    assert!(scene.runs().is_pending(), "its request may be on its way");
    pass(GRACE);
    let _pending = scene.runs();
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    assert!(scene.runs().is_ready(), "it asks for nothing");
}

#[test]
fn a_request_that_is_here_is_served_though_its_place_is_wanted() {
    let mut scene = Scene::new(|config| config.limits.max_client_conns = 1);
    pass(GRACE);
    let _pending = scene.runs();
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    scene.client.sends(GET);
    assert!(scene.runs().is_pending());
    accept().expect("connected").sends(OK);
    let _done = scene.runs();
    let mut got = Vec::new();
    scene.client.takes(&mut got);
    assert!(got.ends_with(b"hello"));
}

#[test]
fn a_request_that_is_on_its_way_when_the_place_is_wanted_is_answered_and_is_the_last() {
    let mut scene = Scene::with_a_request_in_the_only_place();
    let upstream = accept().expect("connected");
    upstream.sends(OK);
    let _pending = scene.runs();
    let mut got = Vec::new();
    scene.client.takes(&mut got);
    assert!(!says_close(&got));
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    pass(GRACE / 2);
    assert!(scene.runs().is_pending(), "its next request may be on its way");
    scene.client.sends(GET);
    let _pending = scene.runs();
    upstream.sends(OK);
    assert!(scene.runs().is_ready());
    scene.client.takes(&mut got);
    assert!(says_close(&got));
    assert!(got.ends_with(b"hello"));
}

#[test]
fn a_response_is_the_last_where_others_wait_and_nobody_is_idle() {
    let mut scene = Scene::with_a_request_in_the_only_place();
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    accept().expect("connected").sends(OK);
    assert!(scene.runs().is_ready());
    let mut got = Vec::new();
    scene.client.takes(&mut got);
    assert!(says_close(&got));
}

#[test]
fn a_response_that_has_begun_promises_nothing() {
    let mut scene = Scene::with_a_request_in_the_only_place();
    let upstream = accept().expect("connected");
    upstream.sends(&OK[..OK.len() - 1]);
    let _pending = scene.runs();
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    upstream.sends(&OK[OK.len() - 1..]);
    assert!(scene.runs().is_pending(), "its next request may be on its way");
}

#[test]
fn a_client_that_asks_nothing_more_leaves_after_a_while() {
    let mut scene = Scene::with_a_request_in_the_only_place();
    accept().expect("connected").sends(OK);
    let _pending = scene.runs();
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    assert!(scene.runs().is_pending());
    pass(GRACE);
    assert!(scene.runs().is_ready());
}

#[test]
fn another_client_is_asked_if_the_last_request_of_one_takes_long() {
    let mut scene = Scene::new(|config| config.limits.max_client_conns = 2);
    pass(GRACE);
    let _pending = scene.runs();
    let (mut younger, _other) = Scene::connect(&scene.proxy);
    pass(GRACE);
    let _pending = run(&mut younger);
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    scene.client.sends(GET);
    let _silent = scene.runs();
    assert!(run(&mut younger).is_pending(), "one place is enough");
    pass(SOON);
    let _silent = scene.runs();
    assert!(scene.proxy.clients.poll_place(0, Waker::noop()).is_pending());
    assert!(run(&mut younger).is_ready());
}
