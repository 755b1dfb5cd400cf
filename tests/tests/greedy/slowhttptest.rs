//! The attacks of slowhttptest, a program of others. Skipped, and said so, where it is not
//! installed.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use proxy_tests::{Config, Echo, Proxy, Stopwatch, proxy_test};

use crate::alone;

proxy_test!(slowhttptest_finds_the_service_available, |binary| {
    let _turn = alone();
    if Command::new("slowhttptest").arg("-h").stdout(Stdio::null()).status().is_err() {
        eprintln!("slowhttptest is not installed: nothing was tried");
        return;
    }
    let echo = Echo::starts();
    let limits = "limits: { max_client_conns: 10000, max_conns_per_upstream: 10000 }";
    let proxy = binary.starts(Config::of([echo.addr()]).with(limits));
    let attacks: [&[&str]; 4] = [
        // Heads, bodies, readers, and ranges.
        &["-H", "-i", "1", "-x", "24"],
        &["-B", "-i", "1", "-s", "8192", "-x", "10"],
        &["-X", "-w", "10", "-y", "20", "-n", "1", "-z", "32", "-k", "3"],
        &["-R", "-a", "10", "-b", "3000"],
    ];
    thread::scope(|scope| {
        for options in attacks {
            let proxy = &proxy;
            scope.spawn(move || attack(proxy, options));
        }
        let mut client = proxy.client();
        let watch = Stopwatch::start();
        while watch.elapsed() < Duration::from_secs(SECONDS) {
            assert_eq!(client.gets("/bytes/1024").status(), 200);
        }
    });
    assert_eq!(proxy.client().gets("/bytes/1").status(), 200);
});

fn attack(proxy: &Proxy, options: &[&str]) {
    let url = format!("http://{}/bytes/1000000", proxy.addr());
    let report = proxy.path(&format!("attack{}", options[0]));
    let output = Command::new("slowhttptest")
        .args(["-c", "500", "-r", "250", "-p", "3", "-l", &SECONDS.to_string()])
        .args(["-g", "-o"])
        .arg(&report)
        .args(["-u", &url])
        .args(options)
        .output()
        .expect("it was there a moment ago");
    let said = String::from_utf8_lossy(&output.stdout);
    let table = std::fs::read_to_string(report.with_extension("csv"))
        .unwrap_or_else(|error| panic!("{options:?}: {error}\n{said}"));
    // A line a second; the last column says how many probes were answered.
    let mut lines = table.lines();
    assert!(lines.next().is_some_and(|titles| titles.ends_with("Service Available")), "{table}");
    let unavailable = lines.filter(|line| line.ends_with(",0")).count();
    assert_eq!(unavailable, 0, "{options:?}: {table}");
}

const SECONDS: u64 = 8;
