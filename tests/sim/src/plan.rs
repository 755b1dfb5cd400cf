//! Everything that a seed decides before a world begins, as plain data: what a shrunk failure
//! prints, and what shrinking makes smaller.

use std::time::Duration;

use proxy_config::Config;

use crate::dice::Dice;
use crate::message::Request;
use crate::runtime::address;

/// A world to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Of everything that is left to chance while it plays.
    pub seed: u64,
    /// Nobody breaks a rule and nothing breaks, so that every request must be answered.
    pub calm: bool,
    /// Workers of the proxy.
    pub workers: usize,
    /// What the proxy starts with.
    pub setup: Setup,
    /// How network and machine behave.
    pub weather: Weather,
    /// How each upstream treats its connections.
    pub upstreams: Vec<UpstreamPlan>,
    /// The clients.
    pub clients: Vec<ClientPlan>,
    /// What an operator does, and what goes wrong, and when.
    pub operations: Vec<(Duration, Operation)>,
    /// When the drain begins; `None`: when all clients are done.
    pub drains_at: Option<Duration>,
}

/// The part of a configuration that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Numbers of the upstreams in use.
    pub upstreams: Vec<usize>,
    /// `limits.max_client_conns`.
    pub clients: usize,
    /// `limits.max_conns_per_upstream`.
    pub per_upstream: usize,
    /// `timeouts.upstream_idle_ms`; 0: nothing is kept.
    pub upstream_idle_ms: u64,
    /// All other timeouts; `None`: the defaults.
    pub timeouts_ms: Option<u64>,
    /// `shutdown.deadline_ms`.
    pub deadline_ms: u64,
}

/// How network and machine behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Each segment takes from 1 to so many microseconds.
    pub latency_us: usize,
    /// What a direction of a connection may hold, in bytes: one of these.
    pub capacities: Vec<usize>,
    /// Percent of sends and receives that move 1 to 3 bytes.
    pub short: usize,
    /// Percent of receives of which the reactor hears late.
    pub lag: usize,
    /// Percent of timers that fire up to a millisecond late.
    pub late: usize,
    /// Percent of accepts that fail.
    pub accept_errors: usize,
    /// Percent of polls before which a task is polled that was not woken.
    pub spurious: usize,
    /// Percent of polls that wait until something else has happened.
    pub overlap: usize,
    /// Microseconds that a poll takes, at most.
    pub poll_us: usize,
    /// Whenever all sleep, each is polled: nothing must be there to be done.
    pub audit: bool,
}

/// How an upstream treats its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamPlan {
    /// Closes a connection that has been idle for so long.
    pub closes_idle_us: Option<usize>,
    /// Closes by a reset.
    pub resets: bool,
    /// How fast it reads and writes.
    pub pace: Pace,
}

/// How fast a peer is: after so many bytes it pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Bytes at a time.
    pub bytes: usize,
    /// Pause between them.
    pub pause_us: usize,
}

/// A client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientPlan {
    /// When it comes.
    pub at: Duration,
    /// Its requests, on one connection.
    pub requests: Vec<Request>,
    /// What it sends behind them that is none.
    pub garbage: Option<&'static str>,
    /// How fast it writes.
    pub writes: Pace,
    /// How fast it reads.
    pub reads: Pace,
    /// It closes its sending half behind its last byte.
    pub half_closes: bool,
    /// It stays when it has all its responses.
    pub stays: bool,
    /// What it does wrong.
    pub fault: Option<ClientFault>,
}

/// What a client does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientFault {
    /// When.
    pub when: When,
    /// What.
    pub act: Act,
}

/// A moment in a client's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It has sent so many thousandths of its bytes.
    Sent(usize),
    /// It has got so many bytes.
    Got(usize),
}

/// What a client does then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It closes its connection.
    Closes,
    /// It resets it.
    Resets,
    /// It sends nothing more.
    StopsSending,
    /// It receives nothing more.
    StopsReading,
}

/// What an operator does, or what goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new configuration.
    Reload(Setup),
    /// The machine slept for so long.
    ClockJumps(Duration),
    /// An upstream goes down, or comes up.
    Upstream(usize, Works),
    /// A connection breaks for both ends: number n of those that are open.
    Breaks(usize),
    /// The proxy was told to stop, and serves on until it drains.
    Leaves,
}

/// How an upstream treats new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Works {
    /// It accepts them.
    Well,
    /// It refuses them.
    Not,
    /// It neither accepts nor refuses.
    Silently,
}

impl Weather {
    pub(crate) fn capacity(&self, dice: &mut Dice) -> usize {
        dice.pick(&self.capacities)
    }
}

impl Setup {
    /// As the proxy takes it.
    pub fn config(&self) -> Config {
        let upstream = |number: &usize| address(*number).to_string().parse().expect("an address");
        let upstreams = self.upstreams.iter().map(upstream).collect();
        let mut config = Config { upstreams, ..Config::default() };
        config.limits.max_client_conns = self.clients;
        config.limits.max_conns_per_upstream = self.per_upstream;
        config.shutdown.deadline = Duration::from_millis(self.deadline_ms);
        let timeouts = &mut config.timeouts;
        timeouts.upstream_idle =
            (self.upstream_idle_ms > 0).then(|| Duration::from_millis(self.upstream_idle_ms));
        if let Some(millis) = self.timeouts_ms {
            let time = Duration::from_millis(millis);
            for timeout in [
                &mut timeouts.connect,
                &mut timeouts.read,
                &mut timeouts.write,
                &mut timeouts.client_head,
                &mut timeouts.client_body,
                &mut timeouts.client_send,
            ] {
                *timeout = time;
            }
            timeouts.client_idle = time * 4;
            timeouts.total = Some(time * 3);
            timeouts.tunnel_idle = Some(time * 2);
        }
        config
    }
}
