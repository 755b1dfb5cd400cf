//! Plays a script against a binary: the clients and the upstream, on one thread.

mod exchanges;
mod turns;

use std::thread;

use proxy_tests::{Binary, Client, Config, Connection, Proxy, Upstream, Wire};

use crate::answer::End;
use crate::outcome::{Outcome, Transcript};
use crate::script::{Leaving, Script};

/// A running binary between the two sides of a script.
pub(crate) struct Player {
    proxy: Proxy,
    upstream: Upstream,
    /// The one connection that the proxy has to the upstream, and the requests it has brought.
    link: Option<(Connection, usize)>,
    outcome: Outcome,
    /// Where in the script we are.
    at: String,
}

impl Player {
    /// Plays the script to its end.
    pub(crate) fn plays(binary: Binary, script: &Script) -> Outcome {
        let upstream = Upstream::listen();
        // One worker, so that one pool of idle connections serves all clients, and timeouts that
        // no machine is too slow for.
        let config = Config::of([upstream.addr()]).with("workers: 1").with(
            "timeouts: { connect_ms: 60000, read_ms: 60000, write_ms: 60000, total_ms: 60000, \
             client_head_ms: 60000, client_body_ms: 60000, client_send_ms: 60000, \
             upstream_idle_ms: 600000 }",
        );
        let proxy = binary.starts(config);
        let outcome = Outcome::default();
        let mut player = Self { proxy, upstream, link: None, outcome, at: String::new() };
        for (number, visit) in script.visits.iter().enumerate() {
            let mut client = player.proxy.client();
            client.records();
            let mut open = Some(client);
            for turn in &visit.turns {
                player.at = format!("visit {number}, {:.400}", format!("{turn:?}"));
                open = open.and_then(|client| player.turns(turn, client));
            }
            if let Some(client) = open {
                player.leaves(visit.leaving, client);
            }
        }
        player.ends()
    }

    fn leaves(&mut self, leaving: Leaving, mut client: Client) {
        match leaving {
            Leaving::Closes => self.goes(client, Client::closes),
            Leaving::Resets => self.goes(client, Client::resets),
            Leaving::HalfCloses => {
                client.half_closes();
                self.is_seen_off(client);
            }
        }
    }

    /// The metrics when all clients have gone, and the end.
    fn ends(mut self) -> Outcome {
        self.at = "the end".into();
        self.proxy.wait_metric("proxy_client_connections", 0);
        let metrics = self.proxy.metrics().of(is_reproducible);
        let masked = |series: String| series.replace(&self.upstream.addr().to_string(), "upstream");
        self.outcome.metrics = metrics.into_iter().map(masked).collect();
        self.outcome.exit_code = self.proxy.terminates();
        if self.link.is_some() {
            self.is_dropped();
        }
        std::mem::take(&mut self.outcome)
    }

    /// The connection that brings the next request: that of the last one, as long as it stands.
    fn receives(&mut self) -> &mut Connection {
        let (connection, requests) = self.link.get_or_insert_with(|| {
            let mut connection = self.upstream.accepts();
            connection.records();
            (connection, 0)
        });
        *requests += 1;
        connection
    }

    /// The connection that brought the last request.
    fn connection(&mut self) -> &mut Connection {
        &mut self.link.as_mut().expect("a request has come").0
    }

    /// The upstream ends its connection.
    fn ends_link(&mut self, end: End) {
        let (connection, _) = self.link.take().expect("a request has come");
        self.outcome.upstreams.push(Transcript::left(&connection, self.at.clone()));
        match end {
            End::Closes => connection.closes(),
            End::Resets => connection.resets(),
        }
    }

    /// The proxy ends its connection to the upstream.
    fn is_dropped(&mut self) {
        let (mut connection, _) = self.link.take().expect("a request has come");
        self.outcome.upstreams.push(Transcript::of_upstream(&mut connection, self.at.clone()));
    }

    /// The proxy ends the connection of the client.
    fn is_seen_off(&mut self, mut client: Client) -> Option<Client> {
        self.outcome.clients.push(Transcript::of_client(&mut client, self.at.clone()));
        None
    }

    /// The client ends its connection.
    fn goes(&mut self, client: Client, ends: impl FnOnce(Client)) {
        self.outcome.clients.push(Transcript::left(&client, self.at.clone()));
        ends(client);
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("it happened at {}", self.at);
        }
    }
}

fn send(wire: &mut Wire, pieces: &[String]) {
    for piece in pieces {
        wire.sends(piece);
    }
}

/// Families whose values do not depend on time, on memory or on the runtime's name.
fn is_reproducible(family: &str) -> bool {
    let depends = family.starts_with("process_")
        || family.ends_with("_seconds_sum")
        || family.ends_with("_seconds_bucket")
        || family.ends_with("_timestamp_seconds")
        || family == "proxy_build_info";
    !depends
}
