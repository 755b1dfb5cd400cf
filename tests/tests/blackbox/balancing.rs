//! Strict rotation, and upstreams that are down.

use std::thread;

use proxy_tests::{Client, Config, Refusing, Server, get, ok, proxy_test};

proxy_test!(three_requests_go_to_the_first_the_second_and_the_first, |binary| {
    let servers = ["first", "second"].map(Server::answering);
    let proxy = binary.starts(Config::of(servers.each_ref().map(Server::addr)));
    let mut client = proxy.client();
    let answers = [(); 3].map(|()| client.gets("/").text().to_owned());
    assert_eq!(answers, ["first", "second", "first"]);

    proxy.wait_logs("Selected upstream", 3);
    let selected = proxy.lines_with("Selected upstream");
    for (line, server) in selected.iter().zip([&servers[0], &servers[1], &servers[0]]) {
        let message = format!("Selected upstream {} for GET / (round-robin)", server.addr());
        assert!(line.contains(&message), "{line}");
    }
});

proxy_test!(the_rotation_goes_on_across_clients, |binary| {
    let servers = ["1", "2", "3"].map(Server::answering);
    let proxy = binary.starts(Config::of(servers.each_ref().map(Server::addr)));
    let answers: String = (0..12).map(|_| proxy.client().gets("/").text().to_owned()).collect();
    assert_eq!(answers, "123123123123");
});

proxy_test!(the_rotation_is_strict_under_concurrency, |binary| {
    let servers = ["1", "2", "3"].map(Server::answering);
    let proxy = binary.starts(Config::of(servers.each_ref().map(Server::addr)));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut client = proxy.client();
                for _ in 0..50 {
                    assert_eq!(client.gets("/").status(), 200);
                }
            });
        }
    });
    assert_eq!(servers.each_ref().map(Server::requests), [100, 100, 100]);
});

proxy_test!(an_upstream_that_refuses_is_answered_for_at_once, |binary| {
    let refusing = Refusing::new();
    let proxy = binary.starts(Config::of([refusing.addr()]));
    let response = proxy.client().gets("/");
    assert_eq!(response.status(), 502);
    assert_eq!(response.header("Content-Type"), Some("text/plain"));
    assert_eq!(response.header("X-Proxy-Error"), Some("connect_refused"));
    let body = format!("Upstream unavailable: connection refused ({})", refusing.addr());
    assert_eq!(response.text(), body);
    let labels = format!("upstream=\"{}\",type=\"connection_refused\"", refusing.addr());
    proxy.wait_metric(&format!("proxy_upstream_errors_total{{{labels}}}"), 1);
    proxy.wait_metric("proxy_responses_total{status_class=\"5xx\"}", 1);
});

proxy_test!(an_upstream_that_is_down_keeps_its_turn, |binary| {
    let (server, refusing) = (Server::answering("up"), Refusing::new());
    let proxy = binary.starts(Config::of([server.addr(), refusing.addr()]));
    let mut client = proxy.client();
    let statuses = [(); 4].map(|()| client.gets("/").status());
    assert_eq!(statuses, [200, 502, 200, 502]);
});

proxy_test!(an_upstream_that_comes_back_is_used, |binary| {
    let refusing = Refusing::new();
    let proxy = binary.starts(Config::of([refusing.addr()]));
    let mut client = proxy.client();
    assert_eq!(client.gets("/").status(), 502);
    let upstream = refusing.listens();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers(ok("back"));
    assert_eq!(client.reads_response().text(), "back");
});

proxy_test!(clients_do_not_wait_for_each_other, |binary| {
    let (slow, quick) = (Server::answering("slow"), Server::answering("quick"));
    slow.holds();
    let proxy = binary.starts(Config::of([slow.addr(), quick.addr()]));
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..10 {
        let mut held = proxy.client();
        held.sends(get("/"));
        slow.wait_in_service(clients.len() + 1);
        clients.push(held);
        assert_eq!(proxy.client().gets("/").text(), "quick");
    }
    slow.releases();
    for mut client in clients {
        assert_eq!(client.reads_response().text(), "slow");
    }
});
