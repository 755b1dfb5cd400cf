//! A client, an upstream and a clock around one exchange, all virtual: tests say who sends what and
//! when, and look at what the other side saw.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use proxy_proto::{
    Action, Attempt, CloseReason, Deadline, Exchange, Fault, Instant, Lanes, LocalHead, Peer,
    Reply, Settings, Summary, Timer, Uuid,
};

/// One end of the wire, as a script moves it.
#[derive(Default)]
pub(crate) struct End {
    /// What it has sent that the exchange had no room for yet.
    unread: VecDeque<u8>,
    /// What it got.
    pub(crate) got: Vec<u8>,
    /// It accepts no bytes.
    pub(crate) stalls: bool,
    closes: bool,
    /// The proxy has closed its half towards it.
    pub(crate) saw_shutdown: bool,
}

/// How the script answers `Route`.
#[derive(Clone, Copy)]
pub(crate) enum Routing {
    Upstream,
    Local(LocalHead),
    Refuse(Fault),
}

/// How the script answers `Connect`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connecting {
    New,
    Reused,
    /// The wait for a place goes on until the script says otherwise.
    Waits,
    /// The connection attempt goes on until the script says otherwise.
    Hangs,
    Fails(Fault),
}

pub(crate) struct Wire {
    pub(crate) exchange: Exchange,
    pub(crate) lanes: Lanes,
    pub(crate) now: Instant,
    pub(crate) client: End,
    pub(crate) upstream: End,
    /// What earlier upstream connections got.
    pub(crate) before: Vec<Vec<u8>>,
    pub(crate) routing: Routing,
    pub(crate) connecting: Connecting,
    /// How the script answers `Reconnect`.
    pub(crate) reconnecting: Connecting,
    /// At most so many bytes are received or sent at once.
    pub(crate) grain: usize,
    /// Large windows that may still be lent.
    pub(crate) large: usize,
    pub(crate) actions: Vec<Action>,
    pub(crate) finished: Vec<Summary>,
    attempt: Attempt,
    traces: u128,
}

pub(crate) const WINDOW: usize = 16 * 1024;
pub(crate) const LARGE: usize = 256 * 1024;

impl Wire {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        Self {
            exchange: Exchange::new(Arc::new(settings), client, Uuid::from_u128(1), now),
            lanes: Lanes::new(WINDOW),
            now,
            client: End::default(),
            upstream: End::default(),
            before: Vec::new(),
            routing: Routing::Upstream,
            connecting: Connecting::New,
            reconnecting: Connecting::New,
            grain: usize::MAX,
            large: 0,
            actions: Vec::new(),
            finished: Vec::new(),
            attempt: Attempt::default(),
            traces: 1,
        }
    }

    pub(crate) fn client_sends(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.client.unread.extend(bytes.as_ref());
        self.run()
    }

    pub(crate) fn upstream_sends(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.upstream.unread.extend(bytes.as_ref());
        self.run()
    }

    pub(crate) fn client_closes(&mut self) -> &mut Self {
        self.client.closes = true;
        self.run()
    }

    pub(crate) fn upstream_closes(&mut self) -> &mut Self {
        self.upstream.closes = true;
        self.run()
    }

    pub(crate) fn breaks(&mut self, peer: Peer) -> &mut Self {
        self.exchange.handle_broken(peer, &mut self.lanes, self.now);
        self.run()
    }

    pub(crate) fn refuses_bytes(&mut self, peer: Peer) -> &mut Self {
        self.exchange.handle_send_failed(peer, &mut self.lanes, self.now);
        self.run()
    }

    pub(crate) fn stalls(&mut self, peer: Peer) -> &mut Self {
        self.end(peer).stalls = true;
        self
    }

    pub(crate) fn resumes(&mut self, peer: Peer) -> &mut Self {
        self.end(peer).stalls = false;
        self.run()
    }

    /// A client that stalls takes one piece nevertheless.
    pub(crate) fn takes_one_piece(&mut self) -> &mut Self {
        self.client.stalls = false;
        self.send(Peer::Client);
        self.client.stalls = true;
        self.run()
    }

    pub(crate) fn drains(&mut self) -> &mut Self {
        self.exchange.handle_drain(&mut self.lanes, self.now);
        self.run()
    }

    pub(crate) fn cuts(&mut self) -> &mut Self {
        self.exchange.handle_cut(&mut self.lanes, self.now);
        self.run()
    }

    pub(crate) fn gets_a_place(&mut self) -> &mut Self {
        let attempt = self.attempt;
        self.reply(Reply::Dialing(attempt))
    }

    pub(crate) fn connects(&mut self) -> &mut Self {
        let attempt = self.attempt;
        self.reply(Reply::Connected { attempt, reused: false })
    }

    pub(crate) fn reply(&mut self, reply: Reply) -> &mut Self {
        self.exchange.handle_reply(reply, &mut self.lanes, self.now);
        self.run()
    }

    /// Lets time pass, firing what is due on the way.
    pub(crate) fn passes(&mut self, duration: Duration) -> &mut Self {
        let end = self.now + duration;
        while let Some(Deadline { at, .. }) = self.exchange.deadline()
            && at <= end
        {
            self.now = at.max(self.now);
            self.exchange.handle_timeout(&mut self.lanes, self.now);
            self.run();
        }
        self.now = end;
        self
    }

    pub(crate) fn timer(&self) -> Option<Timer> {
        self.exchange.deadline().map(|deadline| deadline.timer)
    }

    pub(crate) fn client_got(&self) -> String {
        String::from_utf8_lossy(&self.client.got).into_owned()
    }

    pub(crate) fn upstream_got(&self) -> String {
        String::from_utf8_lossy(&self.upstream.got).into_owned()
    }

    /// What the client got since the last call.
    pub(crate) fn takes(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.client.got)).into_owned()
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.finished.last().and_then(|summary| summary.status)
    }

    pub(crate) fn cause(&self) -> Option<&'static str> {
        self.finished.last().and_then(|summary| summary.fault).map(|fault| fault.cause.word())
    }

    pub(crate) fn saw(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }

    pub(crate) fn was_discarded(&self) -> Option<CloseReason> {
        self.actions.iter().rev().find_map(|action| match action {
            Action::Discard(reason) => Some(*reason),
            _ => None,
        })
    }

    pub(crate) fn was_recycled(&self) -> bool {
        self.saw(Action::Recycle)
    }

    pub(crate) fn was_closed(&self) -> Option<CloseReason> {
        match self.actions.last() {
            Some(Action::Close(reason)) => Some(*reason),
            _ => None,
        }
    }

    pub(crate) fn was_aborted(&self) -> Option<CloseReason> {
        match self.actions.last() {
            Some(Action::Abort(reason)) => Some(*reason),
            _ => None,
        }
    }

    fn end(&mut self, peer: Peer) -> &mut End {
        match peer {
            Peer::Client => &mut self.client,
            Peer::Upstream => &mut self.upstream,
        }
    }

    /// The driver: actions, bytes out, bytes in, until nothing moves.
    pub(crate) fn run(&mut self) -> &mut Self {
        for _turn in 0..1_000_000 {
            let mut moved = self.take_actions();
            for peer in Peer::BOTH {
                moved |= self.send(peer);
                moved |= self.take_actions();
                moved |= self.recv(peer);
                moved |= self.take_actions();
            }
            if !moved {
                return self;
            }
        }
        panic!("the exchange does not come to rest: {:?}", self.exchange);
    }

    fn take_actions(&mut self) -> bool {
        let mut moved = false;
        while let Some(action) = self.exchange.poll_action(&self.lanes) {
            moved = true;
            self.actions.push(action);
            self.perform(action);
        }
        moved
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Route => {
                self.lanes.upstream.push_str("127.0.0.1:9001");
                let reply = match self.routing {
                    Routing::Upstream => Reply::Routed,
                    Routing::Local(head) => Reply::Local(head),
                    Routing::Refuse(fault) => Reply::Refused(fault),
                };
                self.exchange.handle_reply(reply, &mut self.lanes, self.now);
            }
            Action::Connect { attempt } => {
                self.attempt = attempt;
                self.begin_upstream(self.connecting);
            }
            Action::Reconnect { attempt } => {
                self.attempt = attempt;
                self.begin_upstream(self.reconnecting);
            }
            Action::Shutdown(peer) => self.end(peer).saw_shutdown = true,
            Action::Finish(summary) => {
                self.finished.push(summary);
                self.traces += 1;
                let next = Reply::Next(Uuid::from_u128(self.traces));
                self.exchange.handle_reply(next, &mut self.lanes, self.now);
                self.lanes.upstream.clear();
            }
            Action::Recycle | Action::Discard(_) => {
                self.before.push(std::mem::take(&mut self.upstream.got));
                self.upstream = End::default();
            }
            Action::Close(_) | Action::Abort(_) => {}
        }
    }

    fn begin_upstream(&mut self, how: Connecting) {
        if !self.upstream.got.is_empty() {
            self.before.push(std::mem::take(&mut self.upstream.got));
        }
        self.upstream = End { stalls: self.upstream.stalls, ..End::default() };
        let attempt = self.attempt;
        let replies: &[Reply] = match how {
            Connecting::New => {
                &[Reply::Dialing(attempt), Reply::Connected { attempt, reused: false }]
            }
            Connecting::Reused => &[Reply::Connected { attempt, reused: true }],
            Connecting::Waits => &[],
            Connecting::Hangs => &[Reply::Dialing(attempt)],
            Connecting::Fails(fault) => {
                &[Reply::Dialing(attempt), Reply::Failed { attempt, fault }]
            }
        };
        for reply in replies {
            self.exchange.handle_reply(*reply, &mut self.lanes, self.now);
        }
    }

    fn send(&mut self, peer: Peer) -> bool {
        if self.end(peer).stalls {
            return false;
        }
        let offered: Vec<u8> = self.exchange.transmit(peer, &self.lanes).slices.concat();
        assert_eq!(!offered.is_empty(), self.exchange.interest(peer, &self.lanes).send);
        if offered.is_empty() {
            return false;
        }
        let n = offered.len().min(self.grain);
        self.end(peer).got.extend_from_slice(&offered[..n]);
        self.exchange.handle_sent(peer, n, &mut self.lanes, self.now);
        true
    }

    fn recv(&mut self, peer: Peer) -> bool {
        if !self.exchange.interest(peer, &self.lanes).recv {
            return false;
        }
        let grain = self.grain;
        let Self { exchange, lanes, client, upstream, now, .. } = self;
        if self.large > 0 && exchange.is_bulk(peer, lanes) {
            self.large -= 1;
            exchange.enlarge(peer, vec![0; LARGE].into_boxed_slice(), lanes);
        }
        let end = match peer {
            Peer::Client => client,
            Peer::Upstream => upstream,
        };
        let spare = exchange.spare(peer, lanes);
        assert!(!spare.is_empty(), "an interest without room");
        let n = end.unread.len().min(spare.len()).min(grain);
        if n > 0 {
            for byte in &mut spare[..n] {
                *byte = end.unread.pop_front().expect("counted");
            }
            exchange.handle_received(peer, n, lanes, *now);
            return true;
        }
        if end.closes {
            end.closes = false;
            exchange.handle_eof(peer, lanes, *now);
            return true;
        }
        false
    }
}

/// A GET with nothing but a Host.
pub(crate) const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
/// The answer to it.
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// The body of the first message in `bytes`, after its head.
pub(crate) fn body_of(bytes: &str) -> &str {
    bytes.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

pub(crate) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
