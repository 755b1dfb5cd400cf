//! A name that is one upstream, as connections try its addresses.

use std::net::SocketAddr;

use super::*;

impl Scene {
    /// A name of 127.0.0.1 and 127.0.0.2, of which the first is silent.
    fn of_two_addresses() -> (Self, [SocketAddr; 2]) {
        let scene = Self::new(|config| {
            config.upstreams = vec!["two.invalid:9001".parse().expect("a name")];
        });
        let addresses = [1, 2].map(|last| (Ipv4Addr::new(127, 0, 0, last), 9001).into());
        scene.proxy.snapshot().upstreams[0].set_addresses(addresses.to_vec());
        silence(addresses[0]);
        (scene, addresses)
    }
}

#[test]
fn an_address_that_does_not_answer_leaves_time_for_the_next() {
    let (mut scene, _) = Scene::of_two_addresses();
    scene.client.sends(GET);
    let _pending = scene.runs();
    assert!(accept().is_none());
    pass(Duration::from_millis(500));
    let _pending = scene.runs();
    let upstream = accept().expect("the other address, within connect_ms");
    upstream.sends(OK);
    let _pending = scene.runs();
    let mut got = Vec::new();
    scene.client.takes(&mut got);
    assert!(got.ends_with(b"hello"));
    // Whoever comes next begins with the one that answered.
    let (mut second, other) = Scene::connect(&scene.proxy);
    drop(upstream);
    other.sends(GET);
    let _pending = run(&mut second);
    assert!(accept().is_some());
}

#[test]
fn each_connection_tries_each_address_whatever_others_find_meanwhile() {
    let (mut scene, _) = Scene::of_two_addresses();
    scene.client.sends(GET);
    let _pending = scene.runs();
    pass(Duration::from_millis(100));
    let (mut second, other) = Scene::connect(&scene.proxy);
    other.sends(GET);
    let _pending = run(&mut second);
    pass(Duration::from_millis(400));
    let _pending = scene.runs();
    let _first = accept().expect("the other address");
    pass(Duration::from_millis(100));
    let _pending = run(&mut second);
    let _second = accept().expect("the other address, not the silent one again");
    // Both have found the same, and whoever comes next begins with it.
    let (mut third, other) = Scene::connect(&scene.proxy);
    other.sends(GET);
    let _pending = run(&mut third);
    assert!(accept().is_some());
}

#[test]
fn the_address_that_answered_last_comes_first_in_another_answer_too() {
    let (mut scene, [one, two]) = Scene::of_two_addresses();
    let three = (Ipv4Addr::new(127, 0, 0, 3), 9001).into();
    let upstream = Arc::clone(&scene.proxy.snapshot().upstreams[0]);
    scene.client.sends(GET);
    let _pending = scene.runs();
    pass(Duration::from_millis(500));
    let _pending = scene.runs();
    let _first = accept().expect("the other address");
    upstream.set_addresses(vec![one, three, two]);
    let (mut second, other) = Scene::connect(&scene.proxy);
    other.sends(GET);
    let _pending = run(&mut second);
    assert!(accept().is_some(), "at once");
}
