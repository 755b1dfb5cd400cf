//! Names of which each address is an upstream, as these join and leave.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use proxy_tests::{Client, Config, Names, Proxy, Server, eventually, get, ok, proxy_test};

/// `app.test` before servers on 127.0.0.1, 127.0.0.2 and so on, all on one port.
struct Scene {
    names: Names,
    servers: Vec<Server>,
}

impl Scene {
    fn of(count: u8) -> Option<Self> {
        let names = Names::new()?;
        let mut servers = vec![Server::serving(|_| ok("1"))];
        let port = servers[0].addr().port();
        servers.extend((2..=count).map(|last| {
            Server::serving_on(&format!("127.0.0.{last}:{port}"), move |_| ok(&last.to_string()))
        }));
        Some(Self { names, servers })
    }

    fn config(&self) -> Config {
        Config::of([self.name()]).resolving(100)
    }

    fn name(&self) -> String {
        format!("app.test:{}", self.servers[0].addr().port())
    }

    /// The name means 127.0.0.N for each of these.
    fn resolves(&self, members: &[u8]) {
        let address = |last: &u8| IpAddr::V4(Ipv4Addr::new(127, 0, 0, *last));
        self.names.mean("app.test", &members.iter().map(address).collect::<Vec<_>>());
    }

    /// The name means these from now on, and the proxy has noticed.
    #[track_caller]
    fn moves(&self, proxy: &Proxy, members: &[u8]) {
        let name = self.name();
        self.resolves(members);
        let count = u32::try_from(members.len()).expect("a few");
        proxy.wait_metric(&format!("proxy_resolve_addresses{{name=\"{name}\"}}"), count);
    }

    fn label(&self, last: u8) -> String {
        format!("127.0.0.{last}:{}", self.servers[0].addr().port())
    }
}

/// Who answers this client's next requests.
fn answers(client: &mut Client, count: usize) -> Vec<String> {
    (0..count).map(|_| client.gets("/").text().to_owned()).collect()
}

proxy_test!(each_address_of_a_name_is_an_upstream, |binary| {
    let Some(scene) = Scene::of(3) else { return };
    scene.resolves(&[2, 1]);
    let proxy = scene.names.starts(binary, scene.config());
    let mut client = proxy.client();
    assert_eq!(answers(&mut client, 4), ["1", "2", "1", "2"]);
    let [one, three] = [1, 3].map(|last| scene.label(last));
    proxy.wait_log(&format!("Selected upstream {one} for GET / (round-robin)"));
    proxy.wait_metric(&format!("proxy_upstream_requests_total{{upstream=\"{one}\"}}"), 2);

    scene.resolves(&[2, 3]);
    let name = scene.name();
    proxy.wait_log(&format!("proxy.resolver - INFO - {three} joined {name}"));
    proxy.wait_log(&format!("proxy.resolver - INFO - {one} left {name}"));
    scene.servers[0].wait_open(0);
    assert_eq!(answers(&mut client, 4), ["2", "3", "2", "3"]);
    // Nobody remembers it but this client, who has asked since.
    eventually("the one that left has no series", || {
        !proxy.metrics().has(&format!("proxy_upstream_requests_total{{upstream=\"{one}\"}}"))
    });
});

proxy_test!(the_last_good_members_stay_when_the_name_means_nothing, |binary| {
    let Some(scene) = Scene::of(2) else { return };
    scene.resolves(&[1, 2]);
    let proxy = scene.names.starts(binary, scene.config());
    scene.resolves(&[]);
    let line = proxy.wait_log(&format!("{} does not resolve: ", scene.name()));
    assert!(line.ends_with("; its last addresses are kept"), "{line}");
    let errors = format!("proxy_resolve_errors_total{{name=\"{}\"}}", scene.name());
    eventually("each failure is counted", || proxy.metrics().value(&errors) > 1.0);
    assert_eq!(answers(&mut proxy.client(), 3), ["1", "2", "1"]);
    scene.resolves(&[2]);
    proxy.wait_log(&format!("{} resolves again", scene.name()));
    assert_eq!(answers(&mut proxy.client(), 2), ["2", "2"]);
    assert_eq!(proxy.lines_with("does not resolve").len(), 1, "it is said once");
});

proxy_test!(a_name_that_does_not_resolve_yet_stops_nothing, |binary| {
    let Some(scene) = Scene::of(1) else { return };
    let proxy = scene.names.starts(binary, scene.config());
    let mut client = proxy.client();
    let missing = client.gets("/");
    assert_eq!(missing.status(), 502);
    assert!(missing.text().contains(&scene.name()), "{}", missing.text());
    scene.moves(&proxy, &[1]);
    assert_eq!(answers(&mut client, 2), ["1", "1"]);
});

proxy_test!(a_request_in_flight_is_finished_by_a_member_that_has_left, |binary| {
    let Some(scene) = Scene::of(2) else { return };
    scene.resolves(&[1]);
    let proxy = scene.names.starts(binary, scene.config());
    scene.servers[0].holds();
    let mut client = proxy.client();
    client.sends(get("/"));
    scene.servers[0].wait_in_service(1);
    scene.resolves(&[2]);
    proxy.wait_log(" left ");
    assert_eq!(answers(&mut proxy.client(), 2), ["2", "2"]);
    scene.servers[0].releases();
    assert_eq!(client.reads_response().text(), "1");
    scene.servers[0].wait_open(0);
});

proxy_test!(a_reload_keeps_members_and_may_change_what_they_are, |binary| {
    let Some(scene) = Scene::of(2) else { return };
    scene.resolves(&[1, 2]);
    let proxy = scene.names.starts(binary, scene.config());
    let mut client = proxy.client();
    assert_eq!(answers(&mut client, 1), ["1"]);
    proxy.reloads(&scene.config().with("limits: { max_conns_per_upstream: 7 }"));
    assert_eq!(answers(&mut client, 2), ["2", "1"], "the rotation goes on");
    assert_eq!(scene.servers[0].connections(), 1, "and so do connections");
    assert_eq!(proxy.lines_with(" joined ").len(), 2);

    // Both ways without a request that fails.
    proxy.reloads(&Config::of([scene.name()]));
    let turns = answers(&mut client, 2);
    assert_eq!(turns[0], turns[1], "one upstream, of which one address is used");
    proxy.reloads(&scene.config());
    let mut turns = answers(&mut client, 2);
    turns.sort();
    assert_eq!(turns, ["1", "2"]);
});

proxy_test!(no_request_fails_while_members_join_and_leave, |binary| {
    let Some(scene) = Scene::of(5) else { return };
    let sets: [&[u8]; 4] = [&[1, 2], &[1, 2, 3, 4, 5], &[4], &[2, 3, 5]];
    scene.resolves(sets[3]);
    let config = scene.config().with("limits: { max_conns_per_upstream: 2 }");
    let proxy = scene.names.starts(binary, config);
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for keeps_alive in [true, true, true, false] {
            let (proxy, over, served) = (&proxy, &over, &served);
            scope.spawn(move || proxy.serves_until(over, served, keeps_alive));
        }
        // A move that fails must end the scope all the same, for the test to fail and not to hang.
        let moves = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for members in sets.iter().cycle().take(MOVES) {
                scene.moves(&proxy, members);
                let before = served.load(Ordering::Relaxed);
                eventually("requests are served", || {
                    served.load(Ordering::Relaxed) >= before + SERVED_BETWEEN
                });
            }
        }));
        over.store(true, Ordering::Relaxed);
        moves.expect("each move is noticed");
    });
    assert!(scene.servers.iter().all(|server| server.requests() > 0), "each had its turns");
    assert!(scene.servers.iter().all(|server| server.most_in_service() <= 2), "within the limit");
});

/// Four times around.
const MOVES: usize = 16;
const SERVED_BETWEEN: usize = 200;
