//! SIGHUP: what changes, what does not, and that nobody notices.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use proxy_tests::{Client, Config, Fifo, Server, Signal, eventually, proxy_test};

proxy_test!(a_new_list_of_upstreams_is_used, |binary| {
    let (old, new) = (Server::answering("old"), Server::answering("new"));
    let proxy = binary.starts(Config::of([old.addr()]));
    let mut client = proxy.client();
    assert_eq!(client.gets("/").text(), "old");
    proxy.reloads(&Config::of([new.addr()]));
    assert_eq!(client.gets("/").text(), "new", "the client's connection is kept");
    assert_eq!(proxy.client().gets("/").text(), "new", "and the listener");
    old.wait_open(0);
});

proxy_test!(a_new_log_level_is_used_and_said, |binary| {
    let server = Server::answering("hello");
    let config = Config::of([server.addr()]);
    let proxy = binary.starts(config.clone());
    proxy.client().gets("/");
    assert_eq!(proxy.lines_with(" - DEBUG - "), [""; 0]);

    proxy.reloads(&config.clone().level("debug"));
    let path = proxy.path("proxy.yaml");
    proxy.wait_log(&format!("Config reloaded from {} (logging level=debug)", path.display()));
    proxy.client().gets("/");
    proxy.wait_log(" - DEBUG - ");

    proxy.rewrites_config(config.level("error"));
    proxy.signal(Signal::HUP);
    eventually("nothing more is said of requests", || {
        let before = proxy.log_lines().len();
        proxy.client().gets("/quiet");
        proxy.wait_metric("proxy_timeout_errors_total{type=\"total\"}", 0);
        proxy.log_lines().len() == before
    });
});

proxy_test!(new_timeouts_and_limits_are_used, |binary| {
    let server = Server::answering("hello");
    server.holds();
    let config = Config::of([server.addr()]);
    let proxy = binary.starts(config.clone());
    let short = "timeouts: { read_ms: 300 }";
    proxy.reloads(&config.with(short).with("limits: { max_headers: 1 }"));
    let mut client = proxy.client();
    assert_eq!(client.gets("/").status(), 504);
    client.sends("GET / HTTP/1.1\r\nHost: test\r\nX-More: 1\r\n\r\n");
    assert_eq!(client.reads_response().status(), 431);
    server.releases();
});

proxy_test!(a_request_in_progress_keeps_its_values, |binary| {
    let (old, new) = (Server::answering("old"), Server::answering("new"));
    old.holds();
    let proxy = binary.starts(Config::of([old.addr()]));
    let mut client = proxy.client();
    client.sends(proxy_tests::get("/"));
    old.wait_in_service(1);
    proxy.reloads(&Config::of([new.addr()]));
    assert_eq!(proxy.client().gets("/").text(), "new");
    old.releases();
    assert_eq!(client.reads_response().text(), "old");
});

proxy_test!(a_broken_file_changes_nothing_and_is_explained, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    for (broken, place) in [
        ("listen: \"127.0.0.1:0\"\nlimits: { max_client_conns: 0 }\n", "proxy.yaml:2:"),
        ("listen: \"127.0.0.1:0\"\n\ncolour: red\n", "proxy.yaml:3:"),
        ("listen: \"127.0.0.1:0", "proxy.yaml:1:"),
    ] {
        proxy.rewrites_config(broken);
        proxy.signal(Signal::HUP);
        proxy.wait_log(place);
        assert_eq!(client.gets("/").text(), "hello");
    }
    std::fs::remove_file(proxy.path("proxy.yaml")).unwrap();
    proxy.signal(Signal::HUP);
    eventually("the missing file is reported", || proxy.lines_with(" - ERROR - ").len() >= 4);
    assert_eq!(client.gets("/").text(), "hello");
    assert_eq!(proxy.lines_with("Config reloaded"), [""; 0]);
    proxy.wait_metric("proxy_config_reloads_total{result=\"failure\"}", 4);
    proxy.wait_metric("proxy_config_last_reload_successful", 0);
    proxy.reloads(&Config::of([server.addr()]));
    proxy.wait_metric("proxy_config_reloads_total{result=\"success\"}", 1);
    proxy.wait_metric("proxy_config_last_reload_successful", 1);
});

proxy_test!(an_address_that_cannot_be_had_changes_nothing, |binary| {
    let (old, new) = (Server::answering("old"), Server::answering("new"));
    let proxy = binary.starts(Config::of([old.addr()]));
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    proxy.rewrites_config(Config::of([new.addr()]).listen(&taken));
    proxy.signal(Signal::HUP);
    proxy.wait_log(" - ERROR - ");
    assert_eq!(proxy.client().gets("/").text(), "old");
    drop(held);
});

proxy_test!(a_new_address_is_listened_on, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    let mut client = proxy.client();
    assert_eq!(client.gets("/").text(), "hello");
    proxy.reloads(&Config::of([server.addr()]).listen("127.0.0.2:0"));
    let line = proxy.wait_log("Listening on 127.0.0.2:");
    let new = line.rsplit_once(' ').unwrap().1.parse().unwrap();
    assert_eq!(Client::connect(new).gets("/").text(), "hello");
    assert_eq!(client.gets("/").text(), "hello", "a connection made before goes on");
    eventually("the old address is given up", || Client::is_refused(proxy.addr()));
});

proxy_test!(what_takes_a_start_is_told_for_as_long_as_it_differs, |binary| {
    let running = Config::of(["127.0.0.1:1"]).with("workers: 1");
    let other = Config::of(["127.0.0.1:1"]).with("workers: 2");
    let proxy = binary.starts(&running);
    let told = || proxy.lines_with("workers and pid_file take effect at the next start").len();
    for (config, times) in [(&running, 0), (&other, 1), (&other, 2), (&running, 2)] {
        proxy.reloads(config);
        assert_eq!(told(), times, "{config}");
    }
});

proxy_test!(an_address_from_the_arguments_stays, |binary| {
    let (old, new) = (Server::answering("old"), Server::answering("new"));
    let launch = binary.launch().writes("proxy.yaml", Config::of([old.addr()]));
    let launch = launch.env("CONFIG_PATH", "proxy.yaml").arg("127.0.0.2").arg("0");
    let proxy = launch.starts();
    proxy.reloads(&Config::of([new.addr()]).listen("127.0.0.3:0"));
    assert_eq!(proxy.client().gets("/").text(), "new");
    assert_eq!(proxy.lines_with("127.0.0.3"), [""; 0]);
});

proxy_test!(without_a_file_there_is_nothing_to_re_read, |binary| {
    let server = Server::answering("hello");
    let launch = binary.launch().env("UPSTREAM_HOSTS", server.addr().to_string());
    let launch = launch.env("PROXY_LISTEN_PORT", "0").env("METRICS_LISTEN_PORT", "0");
    let proxy = launch.starts();
    proxy.signal(Signal::HUP);
    proxy.wait_log("re-read");
    assert_eq!(proxy.client().gets("/").text(), "hello");
});

proxy_test!(a_signal_that_comes_while_the_file_is_read_has_it_read_again, |binary| {
    let config = Config::of(["127.0.0.1:1"]);
    let launch = binary.launch();
    let file = launch.path("proxy.yaml");
    let fifo = Fifo::new(file.clone());
    let process = launch.arg("-c").arg(file).spawns();
    let mut first = fifo.wait_read();
    process.signal(Signal::HUP);
    first.write_all(config.to_string().as_bytes()).unwrap();
    drop(first);
    process.wait_log("Listening on ");
    let config = config.level("debug").to_string();
    fifo.wait_read().write_all(config.as_bytes()).unwrap();
    process.wait_log("(logging level=debug)");
});

proxy_test!(fifty_reloads_under_load_lose_no_request, |binary| {
    let servers = ["1", "2"].map(Server::answering);
    let [first, second] = servers.each_ref().map(Server::addr);
    let proxy = binary.starts(Config::of([first, second]));
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for keeps_alive in [true, true, false, false] {
            let (proxy, over, served) = (&proxy, &over, &served);
            scope.spawn(move || proxy.serves_until(over, served, keeps_alive));
        }
        let configs = [
            Config::of([second, first]).with("workers: 2"),
            Config::of([first]),
            Config::of([first, second]).with("limits: { max_conns_per_upstream: 2 }"),
        ];
        // A reload that fails must end the scope all the same, for the test to fail and not to
        // hang.
        let reloads = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for config in configs.iter().cycle().take(50) {
                proxy.reloads(config);
            }
        }));
        over.store(true, Ordering::Relaxed);
        reloads.expect("each reload is applied");
    });
    assert!(served.into_inner() >= 50);
    assert_eq!(proxy.lines_with(" - ERROR - "), [""; 0]);
});
