//! A client, upstreams, a driver and a clock, moved by chance.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use proxy_proto::{
    Action, Attempt, Cause, Exchange, Fault, Instant, Lanes, LocalHead, Peer, Reply, Settings,
    Summary, Uuid,
};

use super::peers::{Client, Gate, Then, Upstream};
use super::script::{Answer, Dice, Request, STRAY};

pub(crate) struct World {
    pub(crate) dice: Dice,
    /// Nobody breaks a rule, everybody makes progress in time.
    pub(crate) calm: bool,
    pub(crate) requests: Vec<Request>,
    exchange: Exchange,
    lanes: Lanes,
    now: Instant,
    client: Client,
    /// All connections there have been, and which of them serves.
    pub(crate) upstreams: Vec<Upstream>,
    serving: Option<usize>,
    pool: Vec<usize>,
    dialing: Option<Attempt>,
    local: usize,
    pub(crate) finished: Vec<Summary>,
    pub(crate) routed: usize,
    pub(crate) drained: bool,
    pub(crate) end: Option<Action>,
    /// When each of the four directions last had its turn.
    turns: [Instant; 4],
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let calm = dice.percent(50);
        let count = 1 + dice.below(4);
        let requests: Vec<_> = (0..count).map(|id| Request::roll(&mut dice, id, calm)).collect();
        let mut settings = Settings::default();
        settings.limits.max_head_bytes = WINDOW;
        let long = Duration::from_secs(100_000);
        if calm {
            settings.timeouts.total = None;
            settings.timeouts.client_head = long;
            settings.timeouts.client_idle = long;
            settings.timeouts.connect = long;
        }
        let mut client = Client::default();
        for (id, request) in requests.iter().enumerate() {
            let gate = if request.waits { Gate::Finished(id) } else { Gate::Open };
            client.pieces.push_back((gate, request.head.iter().copied().collect()));
            let gate = if request.expects { Gate::Continue } else { Gate::Open };
            client.pieces.push_back((gate, request.framed.iter().copied().collect()));
        }
        if !calm && dice.percent(20) {
            client.pieces.push_back((Gate::Open, b"BAD\r\n\r\n".iter().copied().collect()));
        }
        if !calm && dice.percent(20) {
            let cut = dice.below(client.pieces.len()) + 1;
            client.pieces.truncate(cut);
            if let Some((_, piece)) = client.pieces.back_mut() {
                piece.truncate(dice.below(piece.len() + 1));
            }
        }
        client.closes = dice.percent(30);
        let now = Instant::from_nanos(1_000_000_000);
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            dice,
            calm,
            requests,
            exchange: Exchange::new(Arc::new(settings), from, Uuid::from_u128(0), now),
            lanes: Lanes::new(WINDOW),
            now,
            client,
            upstreams: Vec::new(),
            serving: None,
            pool: Vec::new(),
            dialing: None,
            local: 0,
            finished: Vec::new(),
            routed: 0,
            drained: false,
            end: None,
            turns: [now; 4],
        }
    }

    pub(crate) fn client_got(&self) -> &[u8] {
        &self.client.got
    }

    /// Plays the script to its end, and then lets time pass until the connection is closed.
    pub(crate) fn play(&mut self) {
        let mut rest = 0;
        for _round in 0..200_000 {
            if self.end.is_some() {
                return;
            }
            rest = if self.round() { 0 } else { rest + 1 };
            if rest > 200 {
                break;
            }
        }
        // Nothing moves any more. Whatever was left open, time closes it.
        for _ in 0..50 {
            let Some(deadline) = self.exchange.deadline() else { break };
            self.now = self.now.max(deadline.at);
            self.exchange.handle_timeout(&mut self.lanes, self.now);
            self.take_actions();
            while self.send(Peer::Client) {}
        }
        assert!(self.end.is_some(), "stuck: {:?}", self.exchange);
    }

    fn round(&mut self) -> bool {
        let step = self.dice.pick(&[0, 0, 0, 0, 0, 100, 4000]);
        self.now = self.now + Duration::from_millis(step);
        let mut moved = self.dial();
        if self.dice.below(1000) == 0 {
            self.drained = true;
            self.exchange.handle_drain(&mut self.lanes, self.now);
        }
        if !self.calm && self.dice.below(3000) == 0 {
            self.client.gone = true;
            self.exchange.handle_broken(Peer::Client, &mut self.lanes, self.now);
        }
        self.take_actions();
        for turn in 0..4 {
            let overdue = self.now - self.turns[turn] > Duration::from_secs(6);
            if self.dice.percent(40) || self.calm && overdue {
                self.turns[turn] = self.now;
                moved |= match turn {
                    0 => self.send(Peer::Client),
                    1 => self.recv(Peer::Client),
                    2 => self.send(Peer::Upstream),
                    _ => self.recv(Peer::Upstream),
                };
            }
        }
        self.exchange.handle_timeout(&mut self.lanes, self.now);
        self.take_actions() || moved
    }

    fn grain(&mut self) -> usize {
        self.dice.pick(&[1, 2, 7, 100, 100_000, 100_000])
    }

    fn send(&mut self, peer: Peer) -> bool {
        let offered: Vec<u8> = self.exchange.transmit(peer, &self.lanes).slices.concat();
        assert_eq!(self.exchange.interest(peer, &self.lanes).send, !offered.is_empty());
        if offered.is_empty() {
            return false;
        }
        let n = offered.len().min(self.grain());
        match peer {
            Peer::Client => self.client.got.extend_from_slice(&offered[..n]),
            Peer::Upstream => {
                let upstream = &mut self.upstreams[self.serving.expect("a connection")];
                if upstream.serial && !upstream.out.is_empty() {
                    return false;
                }
                if upstream.dead && upstream.then == Then::Resets {
                    self.exchange.handle_send_failed(peer, &mut self.lanes, self.now);
                    self.take_actions();
                    return true;
                }
                upstream.got.extend_from_slice(&offered[..n]);
                upstream.think(&self.requests);
            }
        }
        self.exchange.handle_sent(peer, n, &mut self.lanes, self.now);
        self.take_actions();
        true
    }

    fn recv(&mut self, peer: Peer) -> bool {
        if !self.exchange.interest(peer, &self.lanes).recv {
            return false;
        }
        let grain = self.grain();
        self.resize(peer);
        let before = self.exchange.transmit(peer.other(), &self.lanes).slices.concat();
        let run = self.exchange.transmit(peer.other(), &self.lanes).slices[1].as_ptr_range();
        let room = self.exchange.spare(peer, &mut self.lanes);
        assert!(!room.is_empty(), "an interest without room");
        let most = room.len().min(grain);
        let nothing = &mut VecDeque::new();
        let mut then = Then::Stays;
        let out = match (peer, self.serving) {
            (Peer::Client, _) => {
                let Client { pieces, got, had, closes, .. } = &mut self.client;
                while pieces.front().is_some_and(|(_, piece)| piece.is_empty()) {
                    pieces.pop_front();
                }
                if pieces.is_empty() && *closes {
                    then = Then::Closes;
                }
                let is_open = match pieces.front() {
                    Some((Gate::Open, _)) => true,
                    Some((Gate::Finished(n), _)) => self.finished.len() >= *n,
                    Some((Gate::Continue, _)) => got.len() > *had,
                    None => false,
                };
                match pieces.front_mut() {
                    Some((gate, piece)) if is_open => {
                        *gate = Gate::Open;
                        if piece.len() <= most {
                            *had = got.len();
                        }
                        piece
                    }
                    Some(_) | None => nothing,
                }
            }
            (Peer::Upstream, Some(serving)) => {
                let upstream = &mut self.upstreams[serving];
                then = upstream.then;
                &mut upstream.out
            }
            (Peer::Upstream, None) => {
                nothing.extend(std::iter::repeat_n(b'L', most.min(self.local)));
                self.local -= nothing.len();
                nothing
            }
        };
        let n = most.min(out.len());
        for (to, from) in room.iter_mut().zip(out.drain(..n)) {
            *to = from;
        }
        match (n, then) {
            (0, Then::Closes) => self.exchange.handle_eof(peer, &mut self.lanes, self.now),
            (0, Then::Resets) => self.exchange.handle_broken(peer, &mut self.lanes, self.now),
            (0, Then::Stays | Then::Closed) => return false,
            _ => self.exchange.handle_received(peer, n, &mut self.lanes, self.now),
        }
        if n == 0 {
            match (peer, self.serving) {
                (Peer::Client, _) => self.client.closes = false,
                (Peer::Upstream, Some(at)) => self.upstreams[at].then = Then::Closed,
                (Peer::Upstream, None) => {}
            }
        }
        let stays = self.exchange.transmit(peer.other(), &self.lanes).slices[1].as_ptr();
        assert!(run.is_empty() || stays == run.start || self.exchange.is_closed(), "bytes move");
        if self.calm && n > 0 {
            let after = self.exchange.transmit(peer.other(), &self.lanes).slices.concat();
            let is_kept = after.starts_with(&before) || self.exchange.is_closed();
            assert!(is_kept, "bytes that were handed out have changed");
        }
        self.take_actions();
        true
    }

    /// Lends a larger window where one pays, and takes it back at any time.
    fn resize(&mut self, peer: Peer) {
        if self.exchange.is_bulk(peer, &self.lanes) && self.dice.percent(50) {
            let memory = vec![0; 4 * WINDOW].into_boxed_slice();
            self.exchange.enlarge(peer, memory, &mut self.lanes);
        }
        if self.dice.percent(10) {
            self.exchange.shrink(peer, &mut self.lanes);
        }
        while let Some(memory) = self.lanes.reclaim() {
            assert_eq!(memory.len(), 4 * WINDOW);
        }
        let is_enlarged = self.lanes.is_enlarged(peer);
        assert!(!(is_enlarged && self.exchange.is_idle()), "idle, with a large window");
    }

    /// The connection that is being opened opens, some time.
    fn dial(&mut self) -> bool {
        if self.dialing.is_none() || self.dice.percent(50) {
            return self.dialing.is_some();
        }
        let Some(attempt) = self.dialing.take() else { return false };
        let unreachable = matches!(
            self.requests.get(self.routed - 1).map(|request| &request.answer),
            Some(Answer::Unreachable)
        );
        let reply = if unreachable {
            let fault = Fault::new(Cause::ConnectRefused, "connection refused");
            Reply::Failed { attempt, fault }
        } else {
            self.serving = Some(self.upstreams.len());
            let serial = self.dice.percent(20);
            self.upstreams.push(Upstream { serial, ..Upstream::default() });
            Reply::Connected { attempt, reused: false }
        };
        self.exchange.handle_reply(reply, &mut self.lanes, self.now);
        self.take_actions();
        true
    }

    fn take_actions(&mut self) -> bool {
        let mut moved = false;
        while let Some(action) = self.exchange.poll_action(&self.lanes) {
            moved = true;
            assert!(self.end.is_none(), "{action:?} after the end");
            self.perform(action);
        }
        moved
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Route => {
                assert!(self.serving.is_none() && self.dialing.is_none());
                self.routed += 1;
                self.lanes.upstream.push_str("up:1");
                let reply = match self.requests[self.routed - 1].answer {
                    Answer::Local { length } => {
                        self.local = length;
                        let length = length as u64;
                        Reply::Local(LocalHead { status: 200, content_type: "text/plain", length })
                    }
                    Answer::Refused => Reply::Refused(Fault::new(Cause::NotFound, "no page")),
                    Answer::Upstream(_) | Answer::Unreachable => Reply::Routed,
                };
                self.exchange.handle_reply(reply, &mut self.lanes, self.now);
            }
            Action::Connect { attempt } => {
                if self.pool.is_empty() || self.is_unreachable() || self.dice.percent(20) {
                    self.starts_dialing(attempt);
                    return;
                }
                let at = self.pool.remove(self.dice.below(self.pool.len()));
                let upstream = &mut self.upstreams[at];
                if !upstream.out.is_empty() {
                    self.starts_dialing(attempt);
                    return;
                }
                upstream.used = true;
                // A replay is sure only where little is to be replayed.
                let request = &self.requests[self.routed - 1];
                let is_small = request.waits && request.framed.len() < 200;
                let replays = request.is_idempotent() && (is_small || request.framed.is_empty());
                if self.dice.percent(20) && (replays || !self.calm) {
                    upstream.dead = true;
                    upstream.then = self.dice.pick(&[Then::Closes, Then::Resets]);
                }
                self.serving = Some(at);
                let reply = Reply::Connected { attempt, reused: true };
                self.exchange.handle_reply(reply, &mut self.lanes, self.now);
            }
            Action::Reconnect { attempt } => {
                self.serving.take().expect("a connection to replace");
                self.starts_dialing(attempt);
            }
            Action::Recycle => {
                let at = self.serving.take().expect("a connection to park");
                let upstream = &self.upstreams[at];
                assert_eq!(upstream.begun, upstream.got.len(), "parked within a request");
                assert!(upstream.then != Then::Closed, "parked though it is closed");
                let stray = if upstream.talks { STRAY.len() } else { 0 };
                assert_eq!(upstream.out.len(), stray, "parked though it said too much");
                self.pool.push(at);
            }
            Action::Discard(_) => {
                let had_one = self.serving.take().is_some() || self.dialing.take().is_some();
                assert!(had_one || self.is_unreachable(), "nothing to discard");
            }
            Action::Shutdown(peer) => assert_eq!(peer, Peer::Client),
            Action::Finish(summary) => {
                assert!(self.serving.is_none() && self.dialing.is_none(), "a connection is left");
                self.finished.push(summary);
                self.lanes.upstream.clear();
                let next = Uuid::from_u128(self.finished.len() as u128);
                self.exchange.handle_reply(Reply::Next(next), &mut self.lanes, self.now);
            }
            Action::Close(_) | Action::Abort(_) => {
                assert!(self.serving.is_none() && self.dialing.is_none(), "a connection is left");
                assert!(self.exchange.is_closed());
                self.end = Some(action);
            }
        }
    }

    fn is_unreachable(&self) -> bool {
        matches!(self.requests[self.routed - 1].answer, Answer::Unreachable)
    }

    fn starts_dialing(&mut self, attempt: Attempt) {
        self.dialing = Some(attempt);
        self.exchange.handle_reply(Reply::Dialing(attempt), &mut self.lanes, self.now);
    }
}

/// Small, so that most messages do not fit.
const WINDOW: usize = 1024;
