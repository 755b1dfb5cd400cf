//! The checks a user runs, by the tools a user has.

use std::fs;
use std::process::{Command, Output, Stdio};

use proxy_tests::{Config, Echo, Proxy, Refusing, curl, proxy_test};

proxy_test!(a_get_is_answered_and_rotates, |binary| {
    let (first, second, proxy) = between_two(binary);
    let seen = [(); 3].map(|()| {
        let answer = said(&curl(&["-v", &url(&proxy, "/")]));
        assert!(answer.starts_with("GET /\n"), "{answer}");
        let headers = said(&curl(&["-o", "/dev/null", "-D", "-", &url(&proxy, "/")]));
        assert!(headers.starts_with("HTTP/1.1 200 OK\r\n"), "{headers}");
        headers.contains(second.addr())
    });
    assert_eq!(seen, [true; 3], "each second request is the second upstream's");
    proxy.wait_logs("Selected upstream", 6);
    for (number, line) in proxy.lines_with("Selected upstream").iter().enumerate() {
        let upstream = if number % 2 == 0 { &first } else { &second };
        assert!(
            line.contains(&format!("Selected upstream {} for GET / ", upstream.addr())),
            "{line}"
        );
    }
});

proxy_test!(a_text_is_echoed_with_its_type, |binary| {
    let (_first, _second, proxy) = between_two(binary);
    let url = url(&proxy, "/test");
    let sent = ["-X", "POST", &url, "-H", "Content-Type: text/plain", "-d", "hello world"];
    let answer = said(&curl(&[&["-i"], sent.as_slice()].concat()));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains("content-type: text/plain"), "{head}");
    assert_eq!(body, "hello world");
});

proxy_test!(a_large_text_is_echoed_twice, |binary| {
    let (_first, _second, proxy) = between_two(binary);
    shell(&proxy, "head -c 1000000 /dev/urandom | base64 > large.txt");
    let large = fs::read_to_string(proxy.path("large.txt")).unwrap().replace('\n', "");
    for _ in 0..2 {
        let script = format!("curl -sS -X POST {} -d @large.txt", url(&proxy, "/echo"));
        assert!(said(&shell(&proxy, &script)) == large, "the echo differs");
    }
});

proxy_test!(a_pipe_is_echoed, |binary| {
    let (_first, _second, proxy) = between_two(binary);
    let script = format!(
        "head -c 100000 /dev/urandom | base64 | tee sent.txt | \
         curl -sS -X POST {} --data-binary @-",
        url(&proxy, "/echo")
    );
    let answer = said(&shell(&proxy, &script));
    assert!(answer == fs::read_to_string(proxy.path("sent.txt")).unwrap(), "the echo differs");
});

proxy_test!(a_chunked_upload_by_curl_is_echoed, |binary| {
    let (_first, _second, proxy) = between_two(binary);
    shell(&proxy, "head -c 3000000 /dev/urandom > large.bin");
    let script = format!("curl -sS -T - {} < large.bin | cmp - large.bin", url(&proxy, "/echo"));
    said(&shell(&proxy, &script));
});

proxy_test!(metrics_are_shown, |binary| {
    let (_first, _second, proxy) = between_two(binary);
    said(&curl(&[&url(&proxy, "/")]));
    proxy.wait_metric("proxy_requests_total", 1);
    let metrics = said(&curl(&[&format!("http://{}/metrics", proxy.metrics_addr())]));
    assert!(metrics.contains("\nproxy_requests_total 1\n"), "{metrics}");
});

proxy_test!(without_upstreams_curl_shows_502, |binary| {
    let refusing = Refusing::new();
    let proxy = binary.starts(Config::of([refusing.addr()]));
    let answer = said(&curl(&["-i", &url(&proxy, "/")]));
    assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer}");
    let body = format!("Upstream unavailable: connection refused ({})", refusing.addr());
    assert!(answer.ends_with(&body), "{answer}");
});

proxy_test!(the_other_paths_of_the_echo_upstream_pass, |binary| {
    let (_first, _second, proxy) = between_two(binary);
    assert_eq!(said(&curl(&[&url(&proxy, "/bytes/1000000")])).len(), 1_000_000);
    assert_eq!(said(&curl(&[&url(&proxy, "/delay/50")])), "after 50 ms\n");
    let code = ["-o", "/dev/null", "-w", "%{http_code}"];
    assert_eq!(said(&curl(&[&code[..], &[&url(&proxy, "/status/418")]].concat())), "418");
    let events = said(&curl(&["-N", &url(&proxy, "/sse")]));
    assert_eq!(events.matches("data: event").count(), 10, "{events}");
    assert!(said(&curl(&["-I", &url(&proxy, "/")])).starts_with("HTTP/1.1 200 OK\r\n"));
});

fn between_two(binary: proxy_tests::Binary) -> (Echo, Echo, Proxy) {
    let (first, second) = (Echo::starts(), Echo::starts());
    let proxy = binary.starts(Config::of([first.addr(), second.addr()]));
    (first, second, proxy)
}

fn url(proxy: &Proxy, path: &str) -> String {
    format!("http://{}{path}", proxy.addr())
}

/// Runs a script in the proxy's directory.
fn shell(proxy: &Proxy, script: &str) -> Output {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).current_dir(proxy.path(".")).env("no_proxy", "*");
    shell.stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn said(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{errors}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}
