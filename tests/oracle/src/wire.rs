//! One exchange in the hands of a driver that does at once whatever it is asked.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use proxy_proto::{Action, CloseReason, Exchange, Instant, Peer, Reply, Settings, Summary, Uuid};

use crate::lent::Lent;

/// Takes what is offered to either peer, connects whenever it is asked to, and keeps what it saw.
pub(crate) struct Wire {
    exchange: Exchange,
    lanes: Lent,
    now: Instant,
    /// What the client got.
    pub(crate) client: Vec<u8>,
    /// What the upstream got.
    pub(crate) upstream: Vec<u8>,
    /// Method and target of the requests that asked for a route.
    pub(crate) routed: Vec<(String, String)>,
    pub(crate) connects: usize,
    pub(crate) parks: usize,
    pub(crate) discards: Vec<CloseReason>,
    pub(crate) finished: Vec<Summary>,
    /// The client's connection ends here: it was closed, or will be when its last bytes are out.
    pub(crate) closes: bool,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let settings = SETTINGS.with(Arc::clone);
        let now = Instant::from_nanos(1_000_000_000);
        Self {
            exchange: Exchange::new(settings, CLIENT, TRACE, now),
            lanes: Lent::take(),
            now,
            client: Vec::new(),
            upstream: Vec::new(),
            routed: Vec::new(),
            connects: 0,
            parks: 0,
            discards: Vec::new(),
            finished: Vec::new(),
            closes: false,
        }
    }

    /// The peer sends these bytes. What nobody wants to receive is lost.
    pub(crate) fn sends(&mut self, peer: Peer, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.exchange.interest(peer, &self.lanes).recv {
            let spare = self.exchange.spare(peer, &mut self.lanes);
            let n = spare.len().min(bytes.len());
            assert!(n > 0, "an interest without room");
            spare[..n].copy_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
            self.exchange.handle_received(peer, n, &mut self.lanes, self.now);
            self.run();
        }
    }

    /// The peer closes its sending half, if anybody listens.
    pub(crate) fn ends(&mut self, peer: Peer) {
        if self.exchange.interest(peer, &self.lanes).recv {
            self.exchange.handle_eof(peer, &mut self.lanes, self.now);
            self.run();
        }
    }

    /// The fault of the last request that is over.
    pub(crate) fn is_faulty(&self) -> bool {
        self.finished.last().is_some_and(|summary| summary.fault.is_some())
    }

    fn run(&mut self) {
        loop {
            let mut moved = false;
            while let Some(action) = self.exchange.poll_action(&self.lanes) {
                moved = true;
                self.perform(action);
            }
            for peer in Peer::BOTH {
                let offered = self.exchange.transmit(peer, &self.lanes);
                let n = offered.len();
                if n == 0 {
                    continue;
                }
                moved = true;
                let got = match peer {
                    Peer::Client => &mut self.client,
                    Peer::Upstream => &mut self.upstream,
                };
                for slice in offered.slices {
                    got.extend_from_slice(slice);
                }
                self.exchange.handle_sent(peer, n, &mut self.lanes, self.now);
            }
            if !moved {
                return;
            }
        }
    }

    fn perform(&mut self, action: Action) {
        let reply = match action {
            Action::Route => {
                let request = self.exchange.request(&self.lanes).expect("a request to route");
                self.routed.push((request.method.to_owned(), request.target.to_owned()));
                self.lanes.upstream.push_str(UPSTREAM);
                Reply::Routed
            }
            Action::Connect { attempt } | Action::Reconnect { attempt } => {
                self.connects += 1;
                Reply::Connected { attempt, reused: false }
            }
            Action::Finish(summary) => {
                self.finished.push(summary);
                self.lanes.upstream.clear();
                Reply::Next(TRACE)
            }
            Action::Recycle => {
                self.parks += 1;
                return;
            }
            Action::Discard(reason) => return self.discards.push(reason),
            Action::Shutdown(Peer::Upstream) => return,
            Action::Shutdown(Peer::Client) | Action::Close(_) | Action::Abort(_) => {
                self.closes = true;
                return;
            }
        };
        self.exchange.handle_reply(reply, &mut self.lanes, self.now);
    }
}

thread_local! {
    static SETTINGS: Arc<Settings> = Arc::new(Settings::default());
}

pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
pub(crate) const UPSTREAM: &str = "192.0.2.9:80";
pub(crate) const TRACE: Uuid = Uuid::from_u128(1);
