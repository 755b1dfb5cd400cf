//! Bodies far larger than the memory the proxy may take for them.

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use proxy_tests::{Binary, Config, Pattern, Proxy, Upstream, get, ok, proxy_test};

proxy_test!(a_hundred_megabytes_go_up, |binary| {
    let upstream = Upstream::listen();
    let (proxy, before) = starts(binary, &upstream);
    let mut client = proxy.client();
    client.sends(upload());
    let mut connection = upstream.accepts();
    connection.reads_head();
    let mut uploading = client.twin();
    thread::scope(|scope| {
        scope.spawn(|| Pattern::of(SIZE).writes_to(&mut uploading).unwrap());
        Pattern::of(SIZE).reads_from(&mut *connection);
    });
    connection.answers(ok("whole"));
    assert_eq!(client.reads_response().text(), "whole");
    is_modest(&proxy, before);
});

proxy_test!(a_hundred_megabytes_come_down, |binary| {
    let upstream = Upstream::listen();
    let (proxy, before) = starts(binary, &upstream);
    let mut client = proxy.client();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers(download());
    thread::scope(|scope| {
        scope.spawn(|| Pattern::of(SIZE).writes_to(&mut *connection).unwrap());
        assert_eq!(client.reads_head().status(), 200);
        Pattern::of(SIZE).reads_from(&mut *client);
    });
    is_modest(&proxy, before);
});

proxy_test!(a_client_that_does_not_read_stalls_its_upstream, |binary| {
    let upstream = Upstream::listen();
    let (proxy, before) = starts(binary, &upstream);
    let mut client = proxy.client();
    client.sends(get("/"));
    let mut connection = upstream.accepts();
    connection.reads_request();
    connection.answers(download());

    let mut pattern = Pattern::of(SIZE);
    connection.waits_at_most(STALLED);
    let error = pattern.writes_to(&mut *connection).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "it stalls, and no more");
    assert!(pattern.at() < SIZE / 2, "{} bytes were taken, and nobody read them", pattern.at());
    is_modest(&proxy, before);

    connection.waits_at_most(proxy_tests::PATIENCE);
    thread::scope(|scope| {
        scope.spawn(|| pattern.writes_to(&mut *connection).unwrap());
        assert_eq!(client.reads_head().status(), 200);
        Pattern::of(SIZE).reads_from(&mut *client);
    });
});

proxy_test!(an_upstream_that_does_not_read_stalls_its_client, |binary| {
    let upstream = Upstream::listen();
    let (proxy, before) = starts(binary, &upstream);
    let mut client = proxy.client();
    client.sends(upload());
    let mut connection = upstream.accepts();

    let mut pattern = Pattern::of(SIZE);
    client.waits_at_most(STALLED);
    let error = pattern.writes_to(&mut *client).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "it stalls, and no more");
    assert!(pattern.at() < SIZE / 2, "{} bytes were taken, and nobody read them", pattern.at());
    is_modest(&proxy, before);

    client.waits_at_most(proxy_tests::PATIENCE);
    connection.reads_head();
    let mut uploading = client.twin();
    thread::scope(|scope| {
        scope.spawn(|| pattern.writes_to(&mut uploading).unwrap());
        Pattern::of(SIZE).reads_from(&mut *connection);
    });
    connection.answers(ok("whole"));
    assert_eq!(client.reads_response().text(), "whole");
});

/// A proxy, and the memory it starts with.
fn starts(binary: Binary, upstream: &Upstream) -> (Proxy, usize) {
    let proxy = binary.starts(Config::of([upstream.addr()]));
    let before = proxy.rss_bytes();
    (proxy, before)
}

#[track_caller]
fn is_modest(proxy: &Proxy, before: usize) {
    let growth = proxy.peak_rss_bytes().saturating_sub(before);
    assert!(growth < CEILING, "grew by {growth} bytes");
}

fn upload() -> String {
    format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {SIZE}\r\n\r\n")
}

fn download() -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")
}

const SIZE: u64 = 100_000_000;
/// The kernel's buffers of the connections are not the proxy's memory; its own windows are far
/// below this.
const CEILING: usize = 20_000_000;
/// No loopback connection that is read from is without progress for so long, and no default timeout
/// is shorter.
const STALLED: Duration = Duration::from_secs(2);
