//! A client, upstreams, a driver and a clock, moved by events.

use std::sync::Arc;
use std::time::Duration;

use proxy_proto::{
    Action, Attempt, Cause, Fault, Instant, Lanes, LocalHead, Peer, Reply, Settings, Summary, Uuid,
};
use proxy_replay::{Mode, Recorder, Recording, Tape};

use super::check::HandedOut;
use super::ends::{Closes, End, Routed, Turn};
use super::event::{Answer, Event, Piece};
use super::pieces::PIECES;
use crate::wire::{CLIENT, TRACE, UPSTREAM};

/// One exchange and all that is around it.
#[derive(Debug)]
pub struct World {
    pub(super) exchange: Recorder,
    pub(super) lanes: Lanes,
    pub(super) now: Instant,
    settings: Arc<Settings>,
    pub(super) client: End,
    /// All connections there have been.
    pub(super) upstreams: Vec<End>,
    /// The one that serves.
    pub(super) serving: Option<usize>,
    parked: Vec<usize>,
    pub(super) asked: Option<Asked>,
    /// How much the driver has left to give of a page of its own.
    local: usize,
    pub(super) requests: Vec<Routed>,
    pub(super) finished: Vec<Summary>,
    pub(super) end: Option<Action>,
    /// Nothing more may be sent to the client.
    pub(super) is_shut: bool,
    /// The upstream accepts no more bytes.
    pub(super) is_deaf: bool,
}

/// The action that the driver has not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Route,
    Connect(Attempt),
    Finish,
}

impl World {
    /// A client that has just connected.
    pub fn new() -> Self {
        Self::recorded(None)
    }

    /// The same, with what is said to the exchange written down.
    pub fn recorded(mode: Option<Mode>) -> Self {
        let settings = Arc::new(settings(0));
        let now = Instant::from_nanos(1_000_000_000);
        Self {
            exchange: Recorder::new(Arc::clone(&settings), CLIENT, TRACE, now, mode),
            lanes: Lanes::new(WINDOW),
            now,
            settings,
            client: End::default(),
            upstreams: Vec::new(),
            serving: None,
            parked: Vec::new(),
            asked: None,
            local: 0,
            requests: Vec::new(),
            finished: Vec::new(),
            end: None,
            is_shut: false,
            is_deaf: false,
        }
    }

    /// What was said to the exchange since it last was idle, if it is written down.
    pub fn recording(&self) -> Option<Recording> {
        self.exchange.tape().map(Tape::recording)
    }

    /// Lets one thing happen, if it can.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Sends(peer, piece) => self.sends(*peer, piece),
            Event::Receives(peer, most) => drop(self.receive(*peer, usize::from(*most))),
            Event::Accepts(peer, most) => drop(self.send(*peer, usize::from(*most))),
            Event::Closes(peer) => {
                if let Some(end) = self.end_of(*peer)
                    && end.closes == Closes::No
                {
                    end.closes = Closes::Yes;
                }
            }
            Event::Breaks(peer) => {
                if *peer == Peer::Client || self.serving.is_some() {
                    self.input(|exchange, lanes, now| exchange.handle_broken(*peer, lanes, now));
                }
            }
            Event::Refuses(peer) => {
                if self.exchange.interest(*peer, &self.lanes).send {
                    self.is_deaf |= *peer == Peer::Upstream;
                    self.input(|exchange, lanes, now| {
                        exchange.handle_send_failed(*peer, lanes, now);
                    });
                }
            }
            Event::Answers(answer) => drop(self.answer(*answer)),
            Event::Says(reply) => self.says(*reply),
            Event::Passes(hundredths) => {
                self.passes(Duration::from_millis(u64::from(*hundredths) * 10));
            }
            Event::Runs => self.run(),
            Event::Drains => self.input(Recorder::handle_drain),
            Event::Cuts => self.input(Recorder::handle_cut),
            Event::Configures(which) => {
                if self.exchange.is_idle() || self.asked == Some(Asked::Finish) {
                    self.settings = Arc::new(settings(*which));
                    self.exchange.configure(&self.settings);
                }
            }
        }
    }

    /// Nobody does anything any more but the driver, and time passes.
    pub fn ends(&mut self) {
        for _ in 0..1000 {
            if self.end.is_some() {
                break;
            }
            let _idle = self.answer(Answer::Badly);
            while self.send(Peer::Client, usize::MAX) {}
            if let Some(deadline) = self.exchange.deadline() {
                self.now = self.now.max(deadline.at);
                self.input(Recorder::handle_timeout);
            } else if self.asked.is_none() && self.end.is_none() {
                assert!(self.settings.timeouts.total.is_none(), "stuck: {self:?}");
                self.apply(&Event::Breaks(Peer::Client));
            }
        }
        assert!(self.end.is_some(), "stuck: {self:?}");
        self.check_all();
    }

    fn run(&mut self) {
        for _ in 0..1000 {
            let mut moved = self.answer(Answer::Well);
            for peer in Peer::BOTH {
                moved |= self.send(peer, usize::MAX);
                moved |= self.receive(peer, usize::MAX);
            }
            if !moved {
                return;
            }
        }
    }

    fn passes(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.input(Recorder::handle_timeout);
        let deadline = self.exchange.deadline();
        assert!(deadline.is_none_or(|deadline| deadline.at > self.now), "it fires for ever");
    }

    fn end_of(&mut self, peer: Peer) -> Option<&mut End> {
        match (peer, self.serving) {
            (Peer::Client, _) => Some(&mut self.client),
            (Peer::Upstream, Some(serving)) => Some(&mut self.upstreams[serving]),
            (Peer::Upstream, None) => None,
        }
    }

    fn sends(&mut self, peer: Peer, piece: &Piece) {
        let Some(end) = self.end_of(peer) else { return };
        let room = MOST.saturating_sub(end.on_its_way.len());
        match piece {
            _ if end.closes != Closes::No => {}
            Piece::Known(number) => {
                end.on_its_way.extend(PIECES[usize::from(*number) % PIECES.len()].bytes());
            }
            Piece::Filler(length) => {
                let length = usize::from(*length) % (2 * WINDOW);
                end.on_its_way.extend(std::iter::repeat_n(b'x', length.min(room)));
            }
            Piece::Raw(bytes) => end.on_its_way.extend(bytes.iter().take(room)),
        }
    }

    fn receive(&mut self, peer: Peer, most: usize) -> bool {
        if most == 0 || !self.exchange.interest(peer, &self.lanes).recv {
            return false;
        }
        self.resize(peer, most);
        let spare = self.exchange.spare(peer, &mut self.lanes);
        assert!(!spare.is_empty(), "an interest without room");
        let end = match (peer, self.serving) {
            (Peer::Client, _) => &mut self.client,
            (Peer::Upstream, Some(serving)) => &mut self.upstreams[serving],
            (Peer::Upstream, None) => {
                let n = spare.len().min(most).min(self.local);
                spare[..n].fill(b'L');
                self.local -= n;
                if n > 0 {
                    self.input(|exchange, lanes, now| {
                        exchange.handle_received(peer, n, lanes, now);
                    });
                }
                return n > 0;
            }
        };
        let n = spare.len().min(most).min(end.on_its_way.len());
        for (to, from) in spare.iter_mut().zip(end.on_its_way.drain(..n)) {
            *to = from;
            end.sent.push(from);
        }
        if n > 0 {
            self.input(|exchange, lanes, now| exchange.handle_received(peer, n, lanes, now));
        } else if end.closes == Closes::Yes {
            end.closes = Closes::Told;
            self.input(|exchange, lanes, now| exchange.handle_eof(peer, lanes, now));
        } else {
            return false;
        }
        true
    }

    /// A large window comes and goes by chance: that of the event.
    fn resize(&mut self, peer: Peer, most: usize) {
        if most.is_multiple_of(3) {
            self.exchange.shrink(peer, &mut self.lanes, self.now);
        }
        if !most.is_multiple_of(2) && self.exchange.is_bulk(peer, &self.lanes) {
            let memory = vec![0; 4 * WINDOW].into_boxed_slice();
            self.exchange.enlarge(peer, memory, &mut self.lanes, self.now);
        }
        let _for_nobody_else = self.lanes.reclaim();
    }

    fn send(&mut self, peer: Peer, most: usize) -> bool {
        let offered = self.exchange.transmit(peer, &self.lanes).slices.concat();
        let n = offered.len().min(most);
        if n == 0 {
            return false;
        }
        self.end_of(peer).expect("bytes for somebody").got.extend_from_slice(&offered[..n]);
        let mut before = self.handed_out();
        before.advance(peer, n);
        self.tell(&before, |exchange, lanes, now| exchange.handle_sent(peer, n, lanes, now));
        true
    }

    fn answer(&mut self, answer: Answer) -> bool {
        let Some(asked) = self.asked else { return false };
        let fault = Fault::new(Cause::ConnectFailed, "no way there");
        let reply = match (asked, answer) {
            (Asked::Finish, _) => Reply::Next(Uuid::from_u128(self.finished.len() as u128)),
            (Asked::Route, Answer::Badly) => Reply::Refused(fault),
            (Asked::Route, Answer::Local(length)) => Reply::Local(LocalHead {
                status: 200,
                content_type: "text/plain",
                length: u64::from(length),
            }),
            (Asked::Route, Answer::Well | Answer::Reused | Answer::Dialing) => Reply::Routed,
            (Asked::Connect(attempt), Answer::Badly) => Reply::Failed { attempt, fault },
            (Asked::Connect(attempt), Answer::Dialing) => Reply::Dialing(attempt),
            (Asked::Connect(attempt), Answer::Reused) => Reply::Connected { attempt, reused: true },
            (Asked::Connect(attempt), Answer::Well | Answer::Local(_)) => {
                Reply::Connected { attempt, reused: false }
            }
        };
        self.says(reply);
        true
    }

    fn says(&mut self, reply: Reply) {
        match (reply, self.asked) {
            (Reply::Routed | Reply::Refused(_), Some(Asked::Route))
            | (Reply::Next(_), Some(Asked::Finish)) => self.asked = None,
            (Reply::Local(page), Some(Asked::Route)) => {
                self.asked = None;
                // Of a longer page the rest never comes.
                self.local = usize::try_from(page.length).map_or(MOST, |length| length.min(MOST));
                self.routed().is_local = true;
            }
            (Reply::Connected { attempt, reused }, Some(Asked::Connect(asked)))
                if attempt == asked =>
            {
                self.asked = None;
                self.connect(reused);
            }
            // A failure is discarded in so many words. Else nobody asked: legal, without effect.
            (_, _) => {}
        }
        self.input(|exchange, lanes, now| exchange.handle_reply(reply, lanes, now));
    }

    fn connect(&mut self, reused: bool) {
        let upstream = if reused { self.parked.pop() } else { None };
        let upstream = upstream.unwrap_or_else(|| {
            self.upstreams.push(End::default());
            self.upstreams.len() - 1
        });
        self.serving = Some(upstream);
        self.is_deaf = false;
        let from = self.upstreams[upstream].marks();
        self.routed().turns.push(Turn { upstream, reused, from, parked: None });
    }

    fn routed(&mut self) -> &mut Routed {
        self.requests.last_mut().expect("a request in hand")
    }

    fn input(&mut self, tell: impl FnOnce(&mut Recorder, &mut Lanes, Instant)) {
        let before = self.handed_out();
        self.tell(&before, tell);
    }

    /// The one place where the exchange is told anything.
    fn tell(&mut self, before: &HandedOut, tell: impl FnOnce(&mut Recorder, &mut Lanes, Instant)) {
        tell(&mut self.exchange, &mut self.lanes, self.now);
        while let Some(action) = self.exchange.poll_action(&self.lanes) {
            assert!(self.end.is_none(), "{action:?} after the end");
            self.perform(action);
        }
        self.check_levels(before);
        if self.exchange.is_idle() {
            // The driver takes its lanes back.
            self.lanes.clear();
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Route => {
                assert!(self.asked.is_none() && self.serving.is_none(), "a request in hand");
                let request = self.exchange.request(&self.lanes).expect("a request to route");
                self.requests.push(Routed {
                    method: request.method.to_owned(),
                    target: request.target.to_owned(),
                    keep_alive: self.settings.upstream_keep_alive,
                    ..Routed::default()
                });
                self.lanes.upstream.push_str(UPSTREAM);
                self.asked = Some(Asked::Route);
            }
            Action::Connect { attempt } => {
                assert!(self.asked.is_none() && self.serving.is_none(), "one at a time");
                self.asked = Some(Asked::Connect(attempt));
            }
            Action::Reconnect { attempt } => {
                self.serving.take().expect("a connection to replace");
                self.asked = Some(Asked::Connect(attempt));
            }
            Action::Recycle => {
                let upstream = self.serving.take().expect("a connection to park");
                let marks = self.upstreams[upstream].marks();
                assert!(!self.upstreams[upstream].has_closed(), "it is closed");
                let turn = self.routed().turns.last_mut().expect("a turn");
                turn.parked = Some(marks);
                self.parked.push(upstream);
            }
            Action::Discard(_) => {
                let dialed = matches!(self.asked, Some(Asked::Connect(_)));
                assert!(self.serving.take().is_some() || dialed, "nothing to discard");
                self.asked = None;
            }
            Action::Shutdown(Peer::Client) => self.is_shut = true,
            Action::Shutdown(Peer::Upstream) => {}
            Action::Finish(summary) => {
                assert!(self.serving.is_none(), "a connection is left");
                assert!(!matches!(self.asked, Some(Asked::Connect(_) | Asked::Finish)));
                self.finished.push(summary);
                self.lanes.upstream.clear();
                self.asked = Some(Asked::Finish);
                self.local = 0;
            }
            Action::Close(_) | Action::Abort(_) => {
                assert!(self.serving.is_none(), "a connection is left");
                assert!(self.exchange.is_closed());
                self.end = Some(action);
                self.asked = None;
            }
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// A few that differ in what matters to the rules.
fn settings(which: u8) -> Settings {
    let mut settings = Settings::default();
    settings.limits.max_head_bytes = WINDOW;
    match which % 5 {
        0 => {}
        1 => settings.upstream_keep_alive = false,
        2 => settings.limits.max_head_bytes = 64,
        3 => settings.limits.max_headers = 2,
        _ => {
            settings.timeouts.total = None;
            settings.timeouts.tunnel_idle = None;
        }
    }
    settings
}

/// Small, so that most messages do not fit.
pub(super) const WINDOW: usize = 1024;
/// Bounds what a script of many events can pile up.
const MOST: usize = 8 * WINDOW;
