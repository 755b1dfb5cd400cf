use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use proxy_proto::{Action, Exchange, Instant, Lanes, Peer, Reply, Settings, Uuid};

use crate::{Event, Mode, Tape};

/// An exchange with a tape beside it, which may be on or off.
///
/// It takes the inputs of [`Exchange`] under the same names and laws; the levels are those of the
/// exchange itself. Off, it costs one branch an input and one pointer a connection.
#[derive(Debug)]
pub struct Recorder {
    exchange: Exchange,
    tape: Option<Box<Tape>>,
}

impl Recorder {
    /// See [`Exchange::new`]. With a mode, the tape is on from the first event.
    pub fn new(
        settings: Arc<Settings>,
        client: IpAddr,
        trace: Uuid,
        now: Instant,
        mode: Option<Mode>,
    ) -> Self {
        let exchange = Exchange::new(settings, client, trace, now);
        let tape = mode.map(|mode| Box::new(Tape::new(mode, &exchange, now)));
        Self { exchange, tape }
    }

    /// Switches the tape on or off. One that is on in this mode stays as it is; one that is
    /// switched on within a request begins with the next.
    pub fn record(&mut self, mode: Option<Mode>) {
        if self.tape.as_ref().map(|tape| tape.mode()) != mode {
            self.tape = mode.map(|mode| Box::new(Tape::joining(mode, &self.exchange)));
        }
    }

    /// What has been recorded, if the tape is on.
    pub fn tape(&self) -> Option<&Tape> {
        self.tape.as_deref()
    }

    /// See [`Exchange::handle_received`].
    #[inline]
    pub fn handle_received(&mut self, peer: Peer, n: usize, lanes: &mut Lanes, now: Instant) {
        if let Some(tape) = &mut self.tape {
            tape.received(&self.exchange, peer, n, lanes, now);
        }
        self.exchange.handle_received(peer, n, lanes, now);
    }

    /// See [`Exchange::handle_sent`].
    #[inline]
    pub fn handle_sent(&mut self, peer: Peer, n: usize, lanes: &mut Lanes, now: Instant) {
        self.note(|| Event::Sent(peer, n), now);
        self.exchange.handle_sent(peer, n, lanes, now);
    }

    /// See [`Exchange::handle_eof`].
    #[inline]
    pub fn handle_eof(&mut self, peer: Peer, lanes: &mut Lanes, now: Instant) {
        self.note(|| Event::Eof(peer), now);
        self.exchange.handle_eof(peer, lanes, now);
    }

    /// See [`Exchange::handle_send_failed`].
    #[inline]
    pub fn handle_send_failed(&mut self, peer: Peer, lanes: &mut Lanes, now: Instant) {
        self.note(|| Event::SendFailed(peer), now);
        self.exchange.handle_send_failed(peer, lanes, now);
    }

    /// See [`Exchange::handle_broken`].
    #[inline]
    pub fn handle_broken(&mut self, peer: Peer, lanes: &mut Lanes, now: Instant) {
        self.note(|| Event::Broken(peer), now);
        self.exchange.handle_broken(peer, lanes, now);
    }

    /// See [`Exchange::handle_reply`].
    #[inline]
    pub fn handle_reply(&mut self, reply: Reply, lanes: &mut Lanes, now: Instant) {
        if let Some(tape) = &mut self.tape {
            tape.replied(&self.exchange, reply, lanes, now);
        }
        self.exchange.handle_reply(reply, lanes, now);
    }

    /// See [`Exchange::handle_timeout`].
    #[inline]
    pub fn handle_timeout(&mut self, lanes: &mut Lanes, now: Instant) {
        // Early calls change nothing, and a busy session makes many.
        if self.tape.is_some() && self.exchange.deadline().is_some_and(|due| due.at <= now) {
            self.note(|| Event::Timeout, now);
        }
        self.exchange.handle_timeout(lanes, now);
    }

    /// See [`Exchange::handle_drain`].
    #[inline]
    pub fn handle_drain(&mut self, lanes: &mut Lanes, now: Instant) {
        self.note(|| Event::Drain, now);
        self.exchange.handle_drain(lanes, now);
    }

    /// See [`Exchange::handle_cut`].
    #[inline]
    pub fn handle_cut(&mut self, lanes: &mut Lanes, now: Instant) {
        self.note(|| Event::Cut, now);
        self.exchange.handle_cut(lanes, now);
    }

    /// See [`Exchange::enlarge`].
    pub fn enlarge(&mut self, peer: Peer, memory: Box<[u8]>, lanes: &mut Lanes, now: Instant) {
        self.note(|| Event::Enlarge(peer, memory.len()), now);
        self.exchange.enlarge(peer, memory, lanes);
    }

    /// See [`Exchange::shrink`].
    pub fn shrink(&mut self, peer: Peer, lanes: &mut Lanes, now: Instant) {
        if lanes.is_enlarged(peer) {
            self.note(|| Event::Shrink(peer), now);
            self.exchange.shrink(peer, lanes);
        }
    }

    /// See [`Exchange::configure`].
    #[inline]
    pub fn configure(&mut self, settings: &Arc<Settings>) {
        if let Some(tape) = &mut self.tape {
            tape.configured(settings);
        }
        self.exchange.configure(settings);
    }

    /// See [`Exchange::spare`].
    #[inline]
    pub fn spare<'a>(&mut self, peer: Peer, lanes: &'a mut Lanes) -> &'a mut [u8] {
        if let Some(tape) = &mut self.tape {
            tape.asked_for_room(&self.exchange, peer, lanes);
        }
        self.exchange.spare(peer, lanes)
    }

    /// Whether [`poll_action`](Self::poll_action) is to be called: a tape has to hear that there is
    /// nothing more.
    #[inline]
    pub fn has_actions(&self) -> bool {
        self.tape.is_some() || self.exchange.has_actions()
    }

    /// See [`Exchange::poll_action`].
    #[inline]
    pub fn poll_action(&mut self, lanes: &Lanes) -> Option<Action> {
        let action = self.exchange.poll_action(lanes);
        if let Some(tape) = &mut self.tape {
            tape.answered(&self.exchange, action);
        }
        action
    }

    #[inline]
    fn note(&mut self, event: impl FnOnce() -> Event, now: Instant) {
        if let Some(tape) = &mut self.tape
            && !self.exchange.is_closed()
        {
            tape.note(event(), now);
        }
    }
}

/// The levels.
impl Deref for Recorder {
    type Target = Exchange;

    fn deref(&self) -> &Exchange {
        &self.exchange
    }
}
