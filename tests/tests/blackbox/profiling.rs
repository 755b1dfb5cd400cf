//! CPU profiles: pushed to a server, and taken from the metrics port.

use std::collections::HashSet;
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proxy_tests::{
    Client, Config, Message, Profile, Proxy, Pushed, Refusing, Server, Signal, Stopwatch, Upstream,
    eventually, get, ok, proxy_test, within,
};

proxy_test!(profiles_are_pushed_by_component, |binary| {
    let (pyroscope, pushed) = receiver();
    let server = Server::answering("hello");
    let url = format!("http://me:secret@{}/base", pyroscope.addr());
    let profiling = format!("profiling: {{ server: \"{url}\", application: edge }}");
    let proxy = binary.starts(Config::of([server.addr()]).with(profiling));
    proxy.wait_log(&format!("Pushing CPU profiles to http://{}/base", pyroscope.addr()));
    proxy.wait_log(SAMPLING);
    under_load(&proxy, || {
        let mut seen = Seen::default();
        within(ENOUGH, "requests are seen", || {
            let read = |request| seen.adds(&Pushed::read(request).profile);
            pushed.lock().unwrap().iter().for_each(read);
            seen.has_requests()
        });
    });

    for request in &*pushed.lock().unwrap() {
        assert_eq!(request.start, "POST /base/push.v1.PusherService/Push HTTP/1.1");
        assert_eq!(request.header("authorization"), Some("Basic bWU6c2VjcmV0"));
        let Pushed { labels, profile } = Pushed::read(request);
        assert_eq!(labels["__name__"], "process_cpu");
        assert_eq!(labels["service_name"], "edge");
        assert!(labels["binary"].starts_with("proxy-"), "{labels:?}");
        assert!(!labels["instance"].is_empty(), "{labels:?}");
        assert_eq!(profile.counts(), ("cpu", "nanoseconds"));
    }
    assert!(!proxy.text().contains("secret"), "{}", proxy.text());
});

proxy_test!(a_reload_starts_and_stops_pushing, |binary| {
    let (pyroscope, pushed) = receiver();
    let server = Server::answering("hello");
    let off = Config::of([server.addr()]);
    let on = off.clone().with(format!("profiling: {{ server: \"http://{}\" }}", pyroscope.addr()));
    let proxy = binary.starts(&off);
    proxy.reloads(&on);
    proxy.wait_log(SAMPLING);
    uses_cpu(&proxy);
    proxy.reloads(&off);
    proxy.wait_log("No longer pushing CPU profiles to ");
    eventually("what there is is pushed", || !pushed.lock().unwrap().is_empty());

    // Somebody else may take profiles now.
    eventually("a profile can be taken", || profile(&proxy, 1).status() == 200);
    assert_eq!(proxy.client().gets("/").status(), 200);
});

proxy_test!(a_server_that_refuses_is_told_of_and_harms_nobody, |binary| {
    let (refusing, server) = (Refusing::new(), Server::answering("hello"));
    let url = format!("http://me:secret@{}", refusing.addr());
    let off = Config::of([server.addr()]);
    let on = off.clone().with(format!("profiling: {{ server: \"{url}\" }}"));
    let mut proxy = binary.starts(on);
    proxy.wait_log(SAMPLING);
    assert_eq!(proxy.client().gets("/").status(), 200);
    // What there is is pushed then, and not given up for an end that would not wait for it.
    proxy.reloads(&off);
    proxy.wait_log("Profiles do not arrive: ");
    assert_eq!(proxy.client().gets("/").status(), 200);
    assert_eq!(proxy.terminates(), 0);
    let told = proxy.lines_with("Profiles do not arrive: ");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(!proxy.text().contains("secret"), "{}", proxy.text());
});

proxy_test!(the_end_does_not_wait_for_a_server_that_is_silent, |binary| {
    let (silent, server) = (Upstream::listen(), Server::answering("hello"));
    let profiling = format!("profiling: {{ server: \"http://{}\" }}", silent.addr());
    let mut proxy = binary.starts(Config::of([server.addr()]).with(profiling));
    assert_eq!(proxy.client().gets("/").status(), 200);
    let watch = Stopwatch::start();
    assert_eq!(proxy.terminates(), 0);
    // The last push has a second.
    watch.has_run(1000);
});

proxy_test!(the_metrics_port_gives_a_profile, |binary| {
    let server = Server::answering("hello");
    // Longer than any request to the upstream may take.
    let proxy = binary.starts(Config::of([server.addr()]).with("timeouts: { total_ms: 200 }"));
    let mut first = begins(&proxy, 1);
    // Others are served meanwhile.
    assert_eq!(metrics_client(&proxy).gets("/metrics").status(), 200);
    let second = profile(&proxy, 1);
    assert_eq!((second.status(), second.text()), (503, "another profile is being taken\n"));
    let response = first.reads_response();
    assert_eq!(response.status(), 200);
    assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    assert_eq!(Profile::read(&response.body).counts(), ("cpu", "nanoseconds"));
    assert_eq!(first.gets("/metrics").status(), 200);

    under_load(&proxy, || {
        let mut seen = Seen::default();
        within(ENOUGH, "requests are seen", || {
            seen.adds(&Profile::read(&profile(&proxy, 1).body));
            seen.has_requests() && seen.has_function_in("proxy_proto::")
        });
    });
});

proxy_test!(a_query_that_cannot_be_meant_is_refused, |binary| {
    let proxy = binary.starts(Config::of(["127.0.0.1:1"]));
    for query in ["seconds=0", "seconds=301", "seconds=x"] {
        let refused = metrics_client(&proxy).gets(&format!("/debug/pprof/profile?{query}"));
        assert_eq!(refused.status(), 400, "{query}");
        assert_eq!(refused.text(), "Bad Request: seconds is a whole number from 1 to 300");
    }
});

proxy_test!(while_profiles_are_pushed_none_can_be_taken, |binary| {
    let (pyroscope, _pushed) = receiver();
    let profiling = format!("profiling: {{ server: \"http://{}\" }}", pyroscope.addr());
    let proxy = binary.starts(Config::of(["127.0.0.1:1"]).with(profiling));
    proxy.wait_log(SAMPLING);
    let refused = profile(&proxy, 1);
    let why = "profiles are pushed to profiling.server already\n";
    assert_eq!((refused.status(), refused.text()), (503, why));
});

proxy_test!(the_end_does_not_wait_for_a_profile, |binary| {
    let mut proxy = binary.starts(Config::of(["127.0.0.1:1"]));
    let _client = begins(&proxy, 300);
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.exit_code(), 0);
});

proxy_test!(a_profile_that_nobody_waits_for_ends, |binary| {
    let proxy = binary.starts(Config::of(["127.0.0.1:1"]));
    begins(&proxy, 300).closes();
    eventually("another can be taken", || profile(&proxy, 1).status() == 200);
});

/// A server that takes profiles, and what was pushed to it.
fn receiver() -> (Server, Arc<Mutex<Vec<Message>>>) {
    let pushed = Arc::new(Mutex::new(Vec::new()));
    let pushes = Arc::clone(&pushed);
    let server = Server::serving(move |request| {
        pushes.lock().unwrap().push(request.clone());
        ok("")
    });
    (server, pushed)
}

/// Makes requests until the proxy has used 0.7 s of CPU time for them: some 70 samples.
fn uses_cpu(proxy: &Proxy) {
    let used = || proxy.metrics().value("process_cpu_seconds_total");
    let (mut client, before) = (proxy.client(), used());
    eventually("CPU time is used", || {
        for _ in 0..100 {
            client.gets("/");
        }
        used() - before > 0.7
    });
}

/// Makes requests, of which much is to be parsed, for as long as `steps` takes.
fn under_load(proxy: &Proxy, steps: impl FnOnce()) {
    thread::scope(|scope| {
        // Dropped by a step that fails as well: the load ends with it.
        let (_until, over) = mpsc::channel::<()>();
        scope.spawn(move || {
            let mut client = proxy.client();
            let fields = "Accept-Language: en\r\n".repeat(50);
            let request = format!("GET / HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
            while over.try_recv() == Err(TryRecvError::Empty) {
                client.sends(&request);
                client.reads_response();
            }
        });
        steps();
    });
}

/// Asks for a profile, and waits until it is being taken.
fn begins(proxy: &Proxy, seconds: u32) -> Client {
    let mut taken = None;
    eventually("a profile is being taken", || {
        let mut client = metrics_client(proxy);
        client.sends(get(&format!("/debug/pprof/profile?seconds={seconds}")));
        // Another one that came first is taken instead.
        let is_taken = profile(proxy, 1).status() == 503;
        taken = is_taken.then_some(client);
        is_taken
    });
    taken.expect("a client that waits")
}

fn profile(proxy: &Proxy, seconds: u32) -> Message {
    metrics_client(proxy).gets(&format!("/debug/pprof/profile?seconds={seconds}"))
}

fn metrics_client(proxy: &Proxy) -> Client {
    Client::connect(proxy.metrics_addr())
}

/// What is in any of some profiles: what a single one of them sees is chance.
#[derive(Default)]
struct Seen {
    components: HashSet<String>,
    functions: HashSet<String>,
}

impl Seen {
    fn adds(&mut self, profile: &Profile) {
        self.components.extend(profile.components().into_keys().map(str::to_owned));
        self.functions.extend(profile.functions().into_iter().map(str::to_owned));
    }

    fn has_requests(&self) -> bool {
        ["forward", "parse"].iter().all(|component| self.components.contains(*component))
    }

    fn has_function_in(&self, module: &str) -> bool {
        self.functions.iter().any(|name| name.contains(module))
    }
}

/// There is a push every ten seconds only.
const ENOUGH: Duration = Duration::from_secs(60);
const SAMPLING: &str = "CPU time is being sampled";
