//! A running proxy.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::{Client, Config, Process, Series, Signal, eventually};

/// A proxy that listens.
pub struct Proxy {
    process: Process,
    addr: SocketAddr,
    metrics_addr: SocketAddr,
}

impl Proxy {
    #[track_caller]
    pub(crate) fn new(process: Process) -> Self {
        let addr = address_in(&process.wait_log(LISTENING), LISTENING);
        let metrics_addr = address_in(&process.wait_log(METRICS), METRICS);
        Self { process, addr, metrics_addr }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where its metrics are.
    pub fn metrics_addr(&self) -> SocketAddr {
        self.metrics_addr
    }

    /// A new connection to it.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::connect(self.addr)
    }

    /// Asks it again and again, until it is `over`, and counts the answers, each of which has to be
    /// 200; over one connection, or over another one each time.
    #[track_caller]
    pub fn serves_until(&self, over: &AtomicBool, served: &AtomicUsize, keeps_alive: bool) {
        let mut client = self.client();
        while !over.load(Ordering::Relaxed) {
            assert_eq!(client.gets("/").status(), 200);
            served.fetch_add(1, Ordering::Relaxed);
            if !keeps_alive {
                client = self.client();
            }
        }
    }

    /// What its metrics say now.
    #[track_caller]
    pub fn metrics(&self) -> Series {
        let mut client = Client::connect(self.metrics_addr);
        Series::parse(client.gets("/metrics").text())
    }

    /// Waits until a series has this value. Counts may come shortly after the bytes they count.
    #[track_caller]
    pub fn wait_metric(&self, series: &str, value: u32) {
        let expected = f64::from(value);
        eventually(&format!("{series} is {value}"), || {
            (self.metrics().value(series) - expected).abs() < f64::EPSILON
        });
    }

    /// Writes the configuration file anew.
    pub fn rewrites_config(&self, config: impl ToString) {
        std::fs::write(self.path("proxy.yaml"), config.to_string()).expect("a file of the test");
    }

    /// Writes the configuration file anew, asks to re-read it, and waits until it is applied.
    #[track_caller]
    pub fn reloads(&self, config: &Config) {
        self.rewrites_config(config);
        let before = self.lines_with(RELOADED).len();
        self.signal(Signal::HUP);
        self.wait_logs(RELOADED, before + 1);
    }

    /// Asks for an orderly end and waits for it.
    #[track_caller]
    pub fn terminates(&mut self) -> i32 {
        self.signal(Signal::TERM);
        self.exit_code()
    }
}

impl Deref for Proxy {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Proxy {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

const LISTENING: &str = "proxy.server - INFO - Listening on ";
const METRICS: &str = "proxy.server - INFO - Metrics on ";
const RELOADED: &str = "Config reloaded from ";

#[track_caller]
fn address_in(line: &str, before: &str) -> SocketAddr {
    let (_, address) = line.split_once(before).expect("the line that was waited for");
    address.parse().unwrap_or_else(|_| panic!("no address at the end of {line:?}"))
}
