//! Upstreams that are names.

use proxy_tests::{Config, Server, eventually, ok, proxy_test};

proxy_test!(a_name_is_one_upstream_whatever_its_addresses, |binary| {
    // `localhost` may be ::1 too, where nobody listens: its addresses are tried in turn.
    let server = Server::serving(|request| ok(request.header("Host").unwrap()));
    let name = format!("localhost:{}", server.addr().port());
    let proxy = binary.starts(Config::of([&name]));
    let mut client = proxy.client();
    for _ in 0..5 {
        assert_eq!(client.gets("/").text(), "test", "the client's Host, not the upstream's name");
    }
    proxy.wait_log(&format!("Selected upstream {name} for GET / (round-robin)"));
    proxy.wait_metric(&format!("proxy_upstream_requests_total{{upstream=\"{name}\"}}"), 5);
});

proxy_test!(a_name_that_does_not_resolve_stops_nothing, |binary| {
    let server = Server::answering("hello");
    let upstreams = ["no-such-host.invalid:80".to_owned(), server.addr().to_string()];
    let proxy = binary.starts(Config::of(upstreams));
    let mut client = proxy.client();
    eventually("requests to the name get 502 that names it", || {
        let (missing, other) = (client.gets("/"), client.gets("/"));
        assert_eq!(other.text(), "hello");
        missing.status() == 502 && missing.text().contains("no-such-host.invalid")
    });
});

proxy_test!(a_name_that_a_reload_brings_answers_from_the_first_request_on, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    for round in 0..5 {
        proxy.reloads(&Config::of([format!("localhost:{}", server.addr().port())]));
        assert_eq!(client.gets("/").text(), "hello", "round {round}");
        proxy.reloads(&Config::of([server.addr()]));
    }
});
