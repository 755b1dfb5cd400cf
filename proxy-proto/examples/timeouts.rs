//! Each timer of the core fires, on a virtual clock: `cargo run --example timeouts -p proxy-proto`.
//!
//! Also a first tutorial: [`Driver`] is all that an [`Exchange`] needs around it. The real driver
//! does the same with sockets and a clock; here the scenario says what comes and when.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use proxy_proto::{Action, Exchange, Instant, Lanes, Peer, Reply, Settings, Timer, Uuid};

fn main() {
    print!("{}", table());
}

/// One line for each timer: how long it ran, what the client got, the word for the failure.
pub(crate) fn table() -> String {
    TIMERS.map(|timer| on_the_verge_of(timer).fires(timer)).concat()
}

/// A connection on which `timer` is the next to fire, if nothing else happens.
fn on_the_verge_of(timer: Timer) -> Driver {
    let mut driver = Driver::accepts();
    match timer {
        Timer::ClientIdle => {}
        Timer::ClientHead => {
            driver.receives(Peer::Client, "GET / HT");
            driver.passes(Duration::from_secs(5));
            // More of the head: no new time for it.
            driver.receives(Peer::Client, "TP/1.1\r\n");
        }
        Timer::ClientBody => driver.receives(Peer::Client, UPLOAD),
        Timer::ClientSend => {
            driver.stuck = Stuck::Sending(Peer::Client);
            driver.receives(Peer::Client, GET);
            driver.receives(Peer::Upstream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        }
        Timer::Connect => {
            driver.stuck = Stuck::Connecting;
            driver.receives(Peer::Client, GET);
        }
        Timer::UpstreamSend => {
            driver.stuck = Stuck::Sending(Peer::Upstream);
            driver.receives(Peer::Client, GET);
        }
        Timer::UpstreamRead => driver.receives(Peer::Client, GET),
        Timer::TunnelIdle => {
            driver.receives(Peer::Client, UPGRADE);
            driver.receives(Peer::Upstream, SWITCH);
        }
        // Refused: our half is closed, the client's is not.
        Timer::Linger => driver.receives(Peer::Client, "no request\r\n\r\n"),
        Timer::Total => {
            driver.receives(Peer::Client, UPLOAD);
            // Never slow enough for the timer of the body.
            for byte in ["a", "b"] {
                driver.passes(Duration::from_secs(10));
                driver.receives(Peer::Client, byte);
            }
        }
    }
    driver
}

/// What a driver has: an exchange, memory to lend it, and the time. In place of sockets, this one
/// has notes.
struct Driver {
    exchange: Exchange,
    lanes: Lanes,
    now: Instant,
    stuck: Stuck,
    client_got: String,
    /// The word for what went wrong.
    word: &'static str,
    /// How the client's connection ended.
    end: &'static str,
}

/// What does not move, however long one waits.
#[derive(PartialEq)]
enum Stuck {
    Nothing,
    Connecting,
    Sending(Peer),
}

impl Driver {
    /// A client has connected. Its first timer runs.
    fn accepts() -> Self {
        let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        let settings = Arc::new(Settings::default());
        Self {
            exchange: Exchange::new(settings, client, Uuid::from_u128(1), Instant::EPOCH),
            lanes: Lanes::new(16 * 1024),
            now: Instant::EPOCH,
            stuck: Stuck::Nothing,
            client_got: String::new(),
            word: "-",
            end: "-",
        }
    }

    /// Bytes have come. They go into the window, and the exchange is told how many.
    fn receives(&mut self, peer: Peer, bytes: &str) {
        assert!(self.exchange.interest(peer, &self.lanes).recv, "nothing is read from {peer:?}");
        self.exchange.spare(peer, &mut self.lanes)[..bytes.len()].copy_from_slice(bytes.as_bytes());
        self.exchange.handle_received(peer, bytes.len(), &mut self.lanes, self.now);
        self.run();
    }

    /// Time passes in which nothing is due.
    fn passes(&mut self, duration: Duration) {
        self.now = self.now + duration;
        assert!(self.exchange.deadline().is_none_or(|deadline| deadline.at > self.now));
    }

    /// Nothing happens until the deadline. Then the exchange is told the time, which is all that a
    /// timer is.
    fn fires(mut self, timer: Timer) -> String {
        let deadline = self.exchange.deadline().expect("something bounds every wait");
        assert_eq!(deadline.timer, timer);
        self.client_got.clear();
        self.word = "-";
        self.now = deadline.at;
        self.exchange.handle_timeout(&mut self.lanes, self.now);
        self.run();
        let status = self.client_got.lines().next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
        let (name, got, word) = (format!("{timer:?}"), status.unwrap_or(self.end), self.word);
        let after = (self.now - Instant::EPOCH).as_secs();
        format!("{name:<13} after {after:>3} s   {got:<20} {word}\n")
    }

    /// After every input: actions until there are none, then what waits to be sent. Offered bytes
    /// stay until they are reported as sent: all of them here, any number in life.
    fn run(&mut self) {
        self.take_actions();
        for peer in Peer::BOTH {
            let bytes = self.exchange.transmit(peer, &self.lanes).slices.concat();
            if bytes.is_empty() || self.stuck == Stuck::Sending(peer) {
                continue;
            }
            if peer == Peer::Client {
                self.client_got.push_str(&String::from_utf8_lossy(&bytes));
            }
            self.exchange.handle_sent(peer, bytes.len(), &mut self.lanes, self.now);
            self.take_actions();
        }
    }

    fn take_actions(&mut self) {
        while let Some(action) = self.exchange.poll_action(&self.lanes) {
            match action {
                Action::Route => {
                    self.lanes.upstream.push_str("127.0.0.1:9001");
                    self.reply(Reply::Routed);
                }
                Action::Connect { attempt } | Action::Reconnect { attempt } => {
                    self.reply(Reply::Dialing(attempt));
                    if self.stuck != Stuck::Connecting {
                        self.reply(Reply::Connected { attempt, reused: false });
                    }
                }
                Action::Finish(summary) => {
                    self.word = summary.fault.map_or("-", |fault| fault.cause.word());
                    self.reply(Reply::Next(Uuid::from_u128(2)));
                }
                Action::Close(_) => self.end = "closed",
                Action::Abort(_) => self.end = "reset",
                // About sockets, of which there are none here.
                Action::Recycle | Action::Discard(_) | Action::Shutdown(_) => {}
            }
        }
    }

    fn reply(&mut self, reply: Reply) {
        self.exchange.handle_reply(reply, &mut self.lanes, self.now);
    }
}

const TIMERS: [Timer; 10] = [
    Timer::ClientIdle,
    Timer::ClientHead,
    Timer::ClientBody,
    Timer::ClientSend,
    Timer::Connect,
    Timer::UpstreamSend,
    Timer::UpstreamRead,
    Timer::Total,
    Timer::TunnelIdle,
    Timer::Linger,
];
const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const UPLOAD: &str = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n";
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
