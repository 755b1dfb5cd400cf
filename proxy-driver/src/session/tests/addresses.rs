//! A name that is one upstream, as connections try its addresses.

use super::*;

#[test]
fn each_connection_tries_each_address_whatever_others_find_meanwhile() {
    let mut scene = Scene::new(|config| {
        config.upstreams = vec!["two.invalid:9001".parse().expect("a name")];
    });
    let addresses = [1, 2].map(|last| (Ipv4Addr::new(127, 0, 0, last), 9001).into());
    scene.proxy.snapshot().upstreams[0].set_addresses(addresses.to_vec());
    silence(addresses[0]);
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
    let mut scene = Scene::new(|config| {
        config.upstreams = vec!["two.invalid:9001".parse().expect("a name")];
    });
    let [one, two, three] = [1, 2, 3].map(|last| (Ipv4Addr::new(127, 0, 0, last), 9001).into());
    let upstream = Arc::clone(&scene.proxy.snapshot().upstreams[0]);
    upstream.set_addresses(vec![one, two]);
    silence(one);
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
