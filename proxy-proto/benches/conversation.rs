//! A client and an upstream around one exchange, as a driver stands between them: what it asks of
//! the core for one request, in the order in which it asks.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use proxy_proto::{Action, Attempt, Exchange, Instant, Lanes, Peer, Reply, Settings, Uuid};

/// One request and its response, in the pieces in which they are received.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) request: Vec<Piece>,
    pub(crate) response: Vec<Piece>,
}

/// What is received at once.
#[derive(Clone)]
pub(crate) struct Piece {
    /// Written into the window, as the kernel would.
    text: Vec<u8>,
    /// So many bytes of a body behind them. The window has whatever it has there: the kernel's
    /// writing is no part of the core's work.
    body: usize,
}

impl Piece {
    pub(crate) fn new(text: impl Into<Vec<u8>>, body: usize) -> Self {
        Self { text: text.into(), body }
    }
}

/// A keep-alive connection on both sides, and the driver's part between them.
pub(crate) struct Conversation {
    exchange: Exchange,
    lanes: Lanes,
    now: Instant,
    attempt: Attempt,
    requests: u128,
}

impl Conversation {
    /// Between two requests, after a few: memory has the size that it keeps.
    pub(crate) fn after(script: &Script) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 71));
        let settings = Arc::new(Settings::default());
        let mut conversation = Self {
            exchange: Exchange::new(settings, client, trace(0), now),
            lanes: Lanes::new(16 * 1024),
            now,
            attempt: Attempt::default(),
            requests: 0,
        };
        for _ in 0..3 {
            conversation.plays(script);
        }
        conversation
    }

    /// One request, from idle to idle.
    pub(crate) fn plays(&mut self, script: &Script) {
        self.asks(script);
        self.forwards(script);
        self.finishes();
    }

    /// The request's head is received; it is routed, and a connection is asked for.
    pub(crate) fn asks(&mut self, script: &Script) {
        self.receives(Peer::Client, &script.request[0]);
        self.acts();
    }

    /// A connection is there; the request goes to the upstream and the response to the client.
    pub(crate) fn forwards(&mut self, script: &Script) {
        let reply = Reply::Connected { attempt: self.attempt, reused: true };
        self.exchange.handle_reply(reply, &mut self.lanes, self.now);
        self.acts();
        self.sends(Peer::Upstream);
        for piece in &script.request[1..] {
            self.suspends();
            self.receives(Peer::Client, piece);
            self.acts();
            self.sends(Peer::Upstream);
        }
        for piece in &script.response {
            self.suspends();
            self.receives(Peer::Upstream, piece);
            self.acts();
            self.sends(Peer::Client);
        }
    }

    /// The request is over; the next one may come.
    pub(crate) fn finishes(&mut self) {
        self.acts();
        self.suspends();
        assert!(self.exchange.is_idle(), "the script does not play a request to its end");
    }

    fn receives(&mut self, peer: Peer, piece: &Piece) {
        self.now = self.now + Duration::from_micros(10);
        assert!(self.exchange.interest(peer, &self.lanes).recv, "there is no room for the script");
        let room = self.exchange.spare(peer, &mut self.lanes);
        room[..piece.text.len()].copy_from_slice(&piece.text);
        let n = piece.text.len() + piece.body;
        self.exchange.handle_received(peer, n, &mut self.lanes, self.now);
    }

    fn sends(&mut self, peer: Peer) {
        let transmit = black_box(self.exchange.transmit(peer, &self.lanes));
        if !transmit.is_empty() {
            let n = transmit.len();
            self.exchange.handle_sent(peer, n, &mut self.lanes, self.now);
        }
    }

    fn acts(&mut self) {
        while let Some(action) = self.exchange.poll_action(&self.lanes) {
            let reply = match action {
                Action::Route => {
                    black_box(self.exchange.request(&self.lanes));
                    self.lanes.upstream.clear();
                    self.lanes.upstream.push_str("10.0.0.1:8080");
                    Reply::Routed
                }
                Action::Connect { attempt } => {
                    self.attempt = attempt;
                    continue;
                }
                Action::Recycle => continue,
                Action::Finish(summary) => {
                    black_box(summary);
                    self.requests += 1;
                    Reply::Next(trace(self.requests))
                }
                Action::Reconnect { .. }
                | Action::Discard(_)
                | Action::Shutdown(_)
                | Action::Close(_)
                | Action::Abort(_) => panic!("the script does not keep the connections"),
            };
            self.exchange.handle_reply(reply, &mut self.lanes, self.now);
        }
    }

    /// A turn in which nothing moves: what a driver looks at before it waits.
    fn suspends(&mut self) {
        assert!(self.exchange.poll_action(&self.lanes).is_none(), "an action has been forgotten");
        for peer in Peer::BOTH {
            black_box(self.exchange.transmit(peer, &self.lanes));
            black_box(self.exchange.interest(peer, &self.lanes));
        }
        black_box(self.exchange.deadline());
        black_box(self.exchange.is_idle());
    }
}

const fn trace(number: u128) -> Uuid {
    Uuid::from_u128(0x0191_5c3a_7b2d_4f6e_8a90_1b2c_3d4e_5f60 + number)
}
