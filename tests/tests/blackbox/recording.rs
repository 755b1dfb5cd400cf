//! Sessions that fail, found in files, and replayed.

use std::fs;
use std::path::PathBuf;

use proxy_replay::{Player, Recording};
use proxy_tests::{Config, Proxy, Upstream, get, proxy_test};

proxy_test!(a_bad_response_is_recorded_without_secrets_and_bodies, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(config(&upstream).with(RECORD));
    let mut client = proxy.client();
    client.sends(POST);
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection
        .answers("HTTP/1.1 200 OK\r\nSet-Cookie: s=hunter2\r\nContent-Length: x\r\n\r\nprivate");
    assert_eq!(client.reads_response().status(), 502);
    let text = only_recording(&proxy, "bad_response");
    assert!(text.contains("POST /path?q=1 HTTP/1.1\\r\\n"), "{text}");
    assert!(text.contains("HTTP/1.1 200 OK\\r\\nSet-Cookie: *********\\r\\n"), "{text}");
    assert!(text.contains(" content 7"), "{text}");
    for secret in ["hunter2", "private"] {
        assert!(!text.contains(secret), "{text}");
    }
    replays(&text);
});

proxy_test!(a_timeout_is_recorded_from_the_last_idle_moment_on, |binary| {
    let upstream = Upstream::listen();
    let short = config(&upstream).with("timeouts: { read_ms: 300 }");
    let proxy = binary.starts(short.with(RECORD));
    let mut client = proxy.client();
    client.sends(get("/first"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client.reads_response();
    client.sends(POST);
    connection.reads_request();
    assert_eq!(client.reads_response().status(), 504);
    let text = only_recording(&proxy, "read_timeout");
    assert!(text.contains("/path?q=1") && !text.contains("/first"), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("private"), "{text}");
    replays(&text);
});

proxy_test!(other_causes_are_not_recorded, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(config(&upstream).with(RECORD));
    let mut client = proxy.client();
    client.sends("nonsense\r\n\r\n");
    assert_eq!(client.reads_response().status(), 400);
    proxy.wait_metric("proxy_failures_total{cause=\"bad_request\"}", 1);
    assert_eq!(recordings(&proxy).len(), 0);
});

proxy_test!(nothing_is_recorded_where_it_is_off, |binary| {
    let upstream = Upstream::listen();
    let on = config(&upstream).with("debug: { record: { dir: recordings, on: [bad_request] } }");
    let proxy = binary.starts(on);
    proxy.reloads(&config(&upstream));
    let mut client = proxy.client();
    client.sends("nonsense\r\n\r\n");
    assert_eq!(client.reads_response().status(), 400);
    proxy.wait_metric("proxy_failures_total{cause=\"bad_request\"}", 1);
    assert_eq!(recordings(&proxy).len(), 0);
});

proxy_test!(a_client_that_stays_is_recorded_from_a_reload_on, |binary| {
    let upstream = Upstream::listen();
    let proxy = binary.starts(config(&upstream));
    let mut client = proxy.client();
    client.sends(get("/first"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    client.reads_response();
    proxy.reloads(&config(&upstream).with(RECORD));
    client.sends(POST);
    connection.reads_request();
    connection.answers("nonsense, and hunter2\r\n\r\n");
    assert_eq!(client.reads_response().status(), 502);
    let text = only_recording(&proxy, "bad_response");
    assert!(!text.contains("/first") && !text.contains("hunter2"), "{text}");
    replays(&text);
});

fn config(upstream: &Upstream) -> Config {
    Config::of([upstream.addr()])
}

/// The text of the recording that there is, once it is written.
#[track_caller]
fn only_recording(proxy: &Proxy, cause: &str) -> String {
    let line = proxy.wait_log("Recorded a session that ended in ");
    assert!(line.contains(cause), "{line}");
    let files = recordings(proxy);
    let [file] = &files[..] else { panic!("{files:?}") };
    assert!(file.to_string_lossy().ends_with(&format!("-{cause}.replay")), "{files:?}");
    fs::read_to_string(file).expect("a file of the proxy")
}

fn recordings(proxy: &Proxy) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(proxy.path("recordings")) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[track_caller]
fn replays(text: &str) {
    let recording: Recording = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    let played = Player::new(&recording).run();
    let played = played.unwrap_or_else(|divergence| panic!("{divergence}\n{text}"));
    assert_eq!(played, recording.entries.len());
}

const RECORD: &str =
    "debug: { record: { dir: recordings, on: [bad_response, read_timeout], max_files: 5 } }";
const POST: &str = "POST /path?q=1 HTTP/1.1\r\nHost: test\r\nAuthorization: Basic hunter2\r\n\
                    Content-Length: 7\r\n\r\nprivate";
