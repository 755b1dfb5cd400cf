//! Whether the process is alive and takes clients: pages of the metrics port, and who asks for them.

use proxy_tests::{
    Client, Config, PATIENCE, Proxy, Refusing, Server, Signal, Stopwatch, Upstream, eventually,
    get, proxy_test,
};

proxy_test!(who_answers_is_alive_and_who_serves_is_ready, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    assert_eq!(page(&proxy, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(page(&proxy, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(page(&proxy, "/readyz?verbose").0, 200);
    let mut client = Client::connect(proxy.metrics_addr());
    client.sends("HEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(client.reads_response_to("HEAD").status(), 200);
    client.sends("POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    let response = client.reads_response();
    assert_eq!((response.status(), response.header("Allow")), (405, Some("GET, HEAD")));
    assert_eq!(page(&proxy, "/ready").0, 404);
    proxy.wait_metric("proxy_requests_total", 0);
});

proxy_test!(for_delay_ms_it_serves_on_and_says_that_it_is_not_ready, |binary| {
    let server = Server::answering("hello");
    let config = Config::of([server.addr()]).with("shutdown: { delay_ms: 60000 }");
    let mut proxy = binary.starts(config);
    let mut early = proxy.client();
    early.gets("/");
    proxy.signal(Signal::TERM);
    proxy.wait_log("Shutting down in 60000 ms: no longer ready");
    eventually("it is not ready", || page(&proxy, "/readyz").0 == 503);
    assert_eq!(page(&proxy, "/readyz"), (503, "draining\n".to_owned()));
    assert_eq!(page(&proxy, "/healthz").0, 200);
    proxy.wait_metric("proxy_draining", 1);

    // Whoever is served is told to come back by another connection, which may lead elsewhere.
    let mut late = proxy.client();
    for client in [&mut early, &mut late] {
        let response = client.gets("/");
        assert_eq!(response.status(), 200);
        assert!(response.lists("Connection", "close"), "{response:?}");
        assert!(client.is_closed_within(PATIENCE));
    }
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.exit_code(), 143, "a second signal is not delayed");
});

proxy_test!(after_delay_ms_it_drains, |binary| {
    let server = Server::answering("hello");
    let config = Config::of([server.addr()]).with("shutdown: { delay_ms: 300 }");
    let mut proxy = binary.starts(config);
    let mut idle = proxy.client();
    idle.gets("/");
    let watch = Stopwatch::start();
    proxy.signal(Signal::TERM);
    let mut served = 0;
    // The last one may meet the listener as it closes.
    while let Ok(mut client) = Client::try_connect(proxy.addr()) {
        client.sends(get("/"));
        let Ok(response) = client.try_response("GET") else { break };
        assert_eq!(response.status(), 200);
        served += 1;
    }
    watch.has_run(300);
    assert!(served > 0);
    assert!(idle.is_closed_within(PATIENCE));
    assert_eq!(proxy.exit_code(), 0);
});

proxy_test!(a_health_check_finds_the_proxy_by_its_configuration, |binary| {
    let server = Server::answering("hello");
    let config = Config::of([server.addr()]).with("shutdown: { delay_ms: 60000 }");
    let mut proxy = binary.starts(config);
    let described = format!("metrics_listen: \"0.0.0.0:{}\"", proxy.metrics_addr().port());
    let check = || {
        let launch = binary.launch().writes("config.yaml", &described).arg("healthcheck");
        let mut process = launch.exits();
        (process.exit_code(), process.text())
    };
    assert_eq!(check(), (0, String::new()));
    proxy.signal(Signal::TERM);
    eventually("it is not ready", || page(&proxy, "/readyz").0 == 503);
    let (code, text) = check();
    assert_eq!(code, 1);
    assert!(text.contains("/readyz: the answer is \"HTTP/1.1 503 Service Unavailable\""), "{text}");
    proxy.signal(Signal::TERM);
    proxy.exit_code();
    let (code, text) = check();
    assert_eq!(code, 1);
    assert!(text.contains("Connection refused"), "{text}");
});

proxy_test!(a_health_check_asks_for_any_page, |binary| {
    let (server, refusing) = (Server::answering("hello"), Refusing::new());
    let check = |url: &str| binary.launch().args(&["healthcheck", url]).exits().exit_code();
    assert_eq!(check(&format!("http://{}/", server.addr())), 0);
    assert_eq!(check(&format!("http://{}", server.addr())), 0);
    assert_eq!(check(&format!("http://{}/", refusing.addr())), 1);
    for wrong in ["https://127.0.0.1/", "127.0.0.1:9001", "http:///x", "http://host:1/a b"] {
        assert_eq!(check(wrong), 2, "{wrong}");
    }
    let proxy = binary.starts(Config::of([server.addr()]));
    assert_eq!(check(&format!("http://{}/nothing", proxy.metrics_addr())), 1, "404");
});

proxy_test!(a_health_check_of_who_hangs_says_so, |binary| {
    let silent = Upstream::listen();
    let mut process =
        binary.launch().args(&["healthcheck", &format!("http://{}/", silent.addr())]).exits();
    assert_eq!(process.exit_code(), 1);
    let text = process.text();
    assert!(text.contains("no answer within 2 s"), "{text}");
});

proxy_test!(a_broken_file_does_not_make_a_running_proxy_sick, |binary| {
    let launch = binary.launch().writes("config.yaml", "lisen: nowhere").arg("healthcheck");
    let mut process = launch.exits();
    let text = process.text();
    assert!(text.contains("lisen") && text.contains("so 127.0.0.1:8081 is asked"), "{text}");
    // By what listens there on the machine of the test, if anything does.
    assert!([0, 1].contains(&process.exit_code()));
});

fn page(proxy: &Proxy, path: &str) -> (u16, String) {
    let response = Client::connect(proxy.metrics_addr()).gets(path);
    (response.status(), response.text().to_owned())
}
