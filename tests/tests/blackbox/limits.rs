//! The limits on connections, seen from both sides, and what happens when descriptors run out.

use std::thread;
use std::time::Duration;

use proxy_tests::{
    Config, PATIENCE, Server, Stopwatch, Upstream, eventually, get, ok, passes, proxy_test,
};

proxy_test!(an_upstream_never_has_more_connections_than_its_limit, |binary| {
    let server = Server::answering("hello");
    let limits = "limits: { max_conns_per_upstream: 3 }";
    // Nothing that is idle expires, so a connection too many would stay to be seen.
    let idle = "timeouts: { upstream_idle_ms: 60000 }";
    let proxy = binary.starts(Config::of([server.addr()]).with(limits).with(idle));
    server.holds();
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let mut client = proxy.client();
                for _ in 0..20 {
                    assert_eq!(client.gets("/").text(), "hello");
                }
            });
        }
        server.wait_in_service(3);
        proxy.wait_logs(&format!("Waiting for a connection to {} (limit 3)", server.addr()), 9);
        server.releases();
    });
    assert_eq!(server.requests(), 12 * 20);
    assert_eq!(server.most_in_service(), 3);
    eventually("idle ones count towards the limit", || server.open() <= 3);
});

proxy_test!(those_who_wait_are_served_in_order, |binary| {
    let upstream = Upstream::listen();
    let limits = "limits: { max_conns_per_upstream: 1 }";
    let proxy = binary.starts(Config::of([upstream.addr()]).with(limits));
    let mut clients = [(); 6].map(|()| proxy.client());
    clients[0].sends(get("/0"));
    let mut connection = upstream.accepts();
    for (number, client) in clients.iter_mut().enumerate().skip(1) {
        client.sends(get(&format!("/{number}")));
        proxy.wait_logs("Waiting for a connection to", number);
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let target = format!("/{number}");
        assert_eq!(connection.reads_request().target(), target);
        connection.answers(ok(&target));
        assert_eq!(client.reads_response().text(), target);
    }
});

proxy_test!(a_place_is_handed_on_when_its_connection_dies, |binary| {
    let upstream = Upstream::listen();
    let limits = "limits: { max_conns_per_upstream: 1 }";
    let proxy = binary.starts(Config::of([upstream.addr()]).with(limits));
    let (mut first, mut second) = (proxy.client(), proxy.client());
    first.sends(get("/1"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    second.sends(get("/2"));
    proxy.wait_log("Waiting for a connection to");
    connection.answers("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let mut connection = upstream.accepts();
    assert_eq!(connection.reads_request().target(), "/2");
    connection.answers(ok("two"));
    assert_eq!(second.reads_response().text(), "two");
});

proxy_test!(who_leaves_the_queue_holds_nobody_up, |binary| {
    let upstream = Upstream::listen();
    let limits = "limits: { max_conns_per_upstream: 1 }";
    let proxy = binary.starts(Config::of([upstream.addr()]).with(limits));
    let (mut first, mut gone, mut third) = (proxy.client(), proxy.client(), proxy.client());
    first.sends(get("/1"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    gone.sends(get("/gone"));
    proxy.wait_logs("Waiting for a connection to", 1);
    gone.resets();
    third.sends(get("/3"));
    proxy.wait_logs("Waiting for a connection to", 2);
    // The first response is held back until the proxy has had time to see the reset; it need not
    // have.
    passes(Duration::from_millis(100));
    connection.answers(ok("one"));
    assert_eq!(connection.reads_request().target(), "/3");
    connection.answers(ok("three"));
    assert_eq!(third.reads_response().text(), "three");
});

proxy_test!(a_full_upstream_holds_up_no_other, |binary| {
    let (full, free) = (Server::answering("full"), Server::answering("free"));
    full.holds();
    let limits = "limits: { max_conns_per_upstream: 1 }";
    let proxy = binary.starts(Config::of([full.addr(), free.addr()]).with(limits));
    let mut in_service = proxy.client();
    in_service.sends(get("/"));
    full.wait_in_service(1);
    assert_eq!(proxy.client().gets("/").text(), "free");
    let mut waiting = proxy.client();
    waiting.sends(get("/"));
    proxy.wait_log(&format!("Waiting for a connection to {}", full.addr()));
    assert_eq!(proxy.client().gets("/").text(), "free");
    full.releases();
    assert_eq!(in_service.reads_response().text(), "full");
    assert_eq!(waiting.reads_response().text(), "full");
});

proxy_test!(further_clients_wait_for_a_place, |binary| {
    let server = Server::answering("hello");
    server.holds();
    let limits = "limits: { max_client_conns: 2 }";
    let proxy = binary.starts(Config::of([server.addr()]).with(limits));
    let mut served = [proxy.client(), proxy.client()];
    for client in &mut served {
        client.sends("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    }
    server.wait_in_service(2);
    let mut waiting = [proxy.client(), proxy.client(), proxy.client()];
    for client in &mut waiting {
        client.sends(get("/"));
    }
    passes(Duration::from_millis(300));
    assert_eq!(server.requests(), 2, "nobody is served beyond the limit");
    server.releases();
    for client in served.iter_mut().chain(&mut waiting) {
        assert_eq!(client.reads_response().text(), "hello", "and nobody is refused");
    }
});

proxy_test!(never_more_clients_are_served_than_the_limit, |binary| {
    let server = Server::answering("hello");
    let limits = "limits: { max_client_conns: 3 }";
    let proxy = binary.starts(Config::of([server.addr()]).with(limits));
    server.holds();
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(proxy.client().gets("/").text(), "hello");
                }
            });
        }
        server.wait_in_service(3);
        // As many as will be: the others have long connected.
        passes(Duration::from_millis(300));
        server.releases();
    });
    assert_eq!(server.most_in_service(), 3);
});

proxy_test!(the_longest_idle_client_gives_up_its_place, |binary| {
    let server = Server::answering("hello");
    let limits = "limits: { max_client_conns: 2 }";
    let proxy = binary.starts(Config::of([server.addr()]).with(limits));
    let (mut longest, mut recent) = (proxy.client(), proxy.client());
    longest.gets("/");
    // Longer by more than two threads can be out of step.
    passes(Duration::from_millis(300));
    recent.gets("/");
    let mut third = proxy.client();
    assert_eq!(third.gets("/").text(), "hello");
    assert!(longest.is_closed_within(PATIENCE));
    assert_eq!(recent.gets("/").text(), "hello", "one place was enough");
});

proxy_test!(clients_at_work_lose_nothing_to_others_that_wait, |binary| {
    let server = Server::answering("hello");
    let limits = "limits: { max_client_conns: 3 }";
    let proxy = binary.starts(Config::of([server.addr()]).with(limits));
    thread::scope(|scope| {
        for _ in 0..9 {
            scope.spawn(|| {
                let mut client = proxy.client();
                let mut before = Stopwatch::start();
                let mut answers = 0;
                while answers < 30 {
                    let sent = Stopwatch::start();
                    client.sends(get("/"));
                    let Ok(response) = client.try_response("GET") else {
                        // On a machine so slow it has not been at work.
                        assert!(before.elapsed() >= GRACE, "its request was on its way");
                        (client, before) = (proxy.client(), Stopwatch::start());
                        continue;
                    };
                    assert_eq!(response.text(), "hello");
                    answers += 1;
                    before = sent;
                    if response.header("Connection") == Some("close") {
                        (client, before) = (proxy.client(), Stopwatch::start());
                    }
                }
            });
        }
    });
    assert_eq!(server.requests(), 9 * 30);
});

proxy_test!(a_client_that_never_asks_gives_up_its_place, |binary| {
    let server = Server::answering("hello");
    let limits = "limits: { max_client_conns: 1 }";
    let proxy = binary.starts(Config::of([server.addr()]).with(limits));
    let mut mute = proxy.client();
    assert_eq!(proxy.client().gets("/").text(), "hello");
    assert!(mute.is_closed_within(PATIENCE));
});

proxy_test!(two_clients_that_just_came_are_both_served_in_one_place, |binary| {
    let server = Server::answering("hello");
    let limits = "limits: { max_client_conns: 1 }";
    let proxy = binary.starts(Config::of([server.addr()]).with(limits));
    let mut judged = 0;
    while judged < 10 {
        let watch = Stopwatch::start();
        let (mut holder, mut other) = (proxy.client(), proxy.client());
        other.sends(get("/"));
        holder.sends(get("/"));
        let at_once = watch.elapsed() < AT_ONCE;
        let held = holder.try_response("GET");
        // On a machine so slow, the holder has not asked at once, and its place may be given away.
        if at_once {
            assert_eq!(held.expect("who has the place is heard").text(), "hello");
            judged += 1;
        }
        assert_eq!(other.reads_response().text(), "hello", "who waits is not turned away");
    }
});

proxy_test!(a_want_of_descriptors_passes, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.starts(Config::of([server.addr()]));
    proxy.client().gets("/");
    let said = || proxy.lines_with(" - ERROR - ").len() + proxy.lines_with(" - WARNING - ").len();
    assert_eq!(said(), 0);

    proxy.may_open(0);
    // More than fit into the gaps that closed descriptors have left.
    let mut clients: Vec<_> = (0..16).map(|_| proxy.client()).collect();
    eventually("it says that it cannot accept", || said() > 0);
    passes(Duration::from_millis(300));
    assert!(said() <= 3, "it goes on and on about it:\n{}", proxy.text());

    proxy.may_open_many();
    for client in &mut clients {
        assert_eq!(client.gets("/").text(), "hello");
    }
});

/// How long a client whose place is wanted has for its next request, or a new one for its first.
const GRACE: Duration = Duration::from_secs(1);
/// Well within that.
const AT_ONCE: Duration = Duration::from_millis(500);

proxy_test!(the_soft_limit_on_descriptors_is_raised_and_a_hard_one_warned_about, |binary| {
    let upstream = Upstream::listen();
    let starts = |hard| {
        let config = Config::of([upstream.addr()]).with("limits: { max_client_conns: 300 }");
        let launch = binary.launch_with_descriptors(100, hard).writes("config.yaml", config);
        launch.starts()
    };
    let generous = starts(500);
    let _clients: Vec<_> = (0..200).map(|_| generous.client()).collect();
    eventually("all are accepted", || generous.open_sockets() >= 200);
    assert!(generous.lines_with("file descriptors").is_empty());
    let scant = starts(400);
    scant.wait_log("may take 464 file descriptors, and the process may open 400");
});
