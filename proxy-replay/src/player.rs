use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use proxy_proto::{Action, Exchange, Glance, Instant, Interest, Lanes, Peer, Reply};

use crate::write::ActionText;
use crate::{Entry, Event, Piece, Recording, words};

/// Puts a new exchange through a recording, event by event.
///
/// Content of which only the length is known is played as filler bytes, masked bytes as they
/// stand: the core decides by neither.
pub struct Player<'a> {
    recording: &'a Recording,
    exchange: Exchange,
    lanes: Lanes,
    next: usize,
    /// `Finish` came and is not answered: new settings may come.
    between_requests: bool,
    diverged: bool,
}

/// One event as it was played.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// Which event, counted from 1.
    pub number: usize,
    /// When the recording began.
    pub start: Instant,
    /// The event, and what the recording says of it.
    pub entry: &'a Entry,
    /// The actions that came out now.
    pub actions: Vec<Action>,
    /// The state after it.
    pub glance: Glance,
    /// What there is to wait for on the client's socket and on the upstream's.
    pub interest: [Interest; 2],
    /// Where this differs from the recording. The last step, then.
    pub divergence: Option<Divergence>,
}

/// The first place at which a replay is not what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The event, counted from 1.
    pub number: usize,
    /// When it was recorded.
    pub at: Instant,
    /// When the recording began.
    pub start: Instant,
    /// What differs.
    pub mismatch: Box<Mismatch>,
}

/// What a replay and its recording do not agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// What came out; `None`: nothing more.
    Action {
        /// In the recording.
        recorded: Option<Action>,
        /// Now.
        replayed: Option<Action>,
    },
    /// More bytes came than there is room for.
    Room {
        /// From whom.
        peer: Peer,
        /// In the recording.
        received: usize,
        /// Now.
        room: usize,
    },
    /// More bytes were accepted than wait.
    Offer {
        /// By whom.
        peer: Peer,
        /// In the recording.
        sent: usize,
        /// Now.
        waiting: usize,
    },
    /// New settings came within a request.
    Configured,
    /// Memory came while the window held bytes of the peer, or memory that is smaller than the
    /// window, or larger than a recording may ask for.
    Enlarged {
        /// Whose bytes.
        peer: Peer,
        /// Of so many bytes.
        size: usize,
    },
}

impl<'a> Player<'a> {
    /// An exchange as it was when the recording began.
    pub fn new(recording: &'a Recording) -> Self {
        let header = &recording.header;
        let settings = Arc::new(header.settings.clone());
        let exchange = Exchange::new(settings, header.client, header.trace, header.start);
        let lanes = Lanes::new(header.window.min(Recording::LARGEST_WINDOW));
        Self { recording, exchange, lanes, next: 0, between_requests: false, diverged: false }
    }

    /// Plays the next event. `None`: there is none, or the one before diverged.
    pub fn step(&mut self) -> Option<Step<'a>> {
        let entry = self.recording.entries.get(self.next).filter(|_| !self.diverged)?;
        self.next += 1;
        let number = self.next;
        let mut actions = Vec::new();
        let verdict = match self.apply(entry) {
            Ok(()) => self.take_actions(entry, &mut actions),
            Err(mismatch) => Err(mismatch),
        };
        self.diverged = verdict.is_err();
        let start = self.recording.header.start;
        let divergence =
            verdict.err().map(|mismatch| Divergence { number, at: entry.at, start, mismatch });
        let glance = self.exchange.glance(&self.lanes);
        let interest = Peer::BOTH.map(|peer| self.exchange.interest(peer, &self.lanes));
        Some(Step { number, start, entry, actions, glance, interest, divergence })
    }

    /// Plays the rest. Returns how many events agreed.
    ///
    /// Errors: the first divergence.
    pub fn run(mut self) -> Result<usize, Divergence> {
        while let Some(step) = self.step() {
            if let Some(divergence) = step.divergence {
                return Err(divergence);
            }
        }
        Ok(self.next)
    }

    /// What the core would assert is asked before, so that no recording makes it panic.
    fn apply(&mut self, entry: &Entry) -> Result<(), Box<Mismatch>> {
        let Self { exchange, lanes, .. } = self;
        let now = entry.at;
        match &entry.event {
            Event::Received(peer, pieces) => {
                let received = pieces.iter().map(Piece::len).fold(0, usize::saturating_add);
                let spare = exchange.spare(*peer, lanes);
                if received > spare.len() {
                    let room = spare.len();
                    return Err(Box::new(Mismatch::Room { peer: *peer, received, room }));
                }
                let mut at = 0;
                for piece in pieces {
                    let place = &mut spare[at..at + piece.len()];
                    match piece {
                        Piece::Bytes(bytes) => place.copy_from_slice(bytes),
                        Piece::Content(_) => place.fill(FILLER),
                    }
                    at += piece.len();
                }
                exchange.handle_received(*peer, received, lanes, now);
            }
            Event::Sent(peer, sent) => {
                let waiting = exchange.transmit(*peer, lanes).len();
                if *sent > waiting {
                    return Err(Box::new(Mismatch::Offer { peer: *peer, sent: *sent, waiting }));
                }
                exchange.handle_sent(*peer, *sent, lanes, now);
            }
            Event::Eof(peer) => exchange.handle_eof(*peer, lanes, now),
            Event::SendFailed(peer) => exchange.handle_send_failed(*peer, lanes, now),
            Event::Broken(peer) => exchange.handle_broken(*peer, lanes, now),
            Event::Upstream(name) => lanes.upstream.clone_from(name),
            Event::Reply(reply) => {
                self.between_requests &= !matches!(reply, Reply::Next(_));
                exchange.handle_reply(*reply, lanes, now);
            }
            Event::Timeout => exchange.handle_timeout(lanes, now),
            Event::Drain => exchange.handle_drain(lanes, now),
            Event::Cut => exchange.handle_cut(lanes, now),
            Event::Configure(settings) => {
                if !self.between_requests && !exchange.is_idle() {
                    return Err(Box::new(Mismatch::Configured));
                }
                exchange.configure(&Arc::new(settings.clone()));
            }
            Event::Spare(peer) => drop(exchange.spare(*peer, lanes)),
            Event::Enlarge(peer, size) => {
                let glance = exchange.glance(lanes);
                let held = match peer {
                    Peer::Client => glance.request.window,
                    Peer::Upstream => glance.response.window,
                };
                let sizes = lanes.capacity()..=Recording::LARGEST_WINDOW;
                if held > 0 || !sizes.contains(size) {
                    return Err(Box::new(Mismatch::Enlarged { peer: *peer, size: *size }));
                }
                exchange.enlarge(*peer, vec![0; *size].into_boxed_slice(), lanes);
            }
            Event::Shrink(peer) => {
                exchange.shrink(*peer, lanes);
                drop(lanes.reclaim());
            }
        }
        Ok(())
    }

    /// As many as were taken then; what a driver says while it performs one comes before the rest.
    fn take_actions(
        &mut self,
        entry: &Entry,
        taken: &mut Vec<Action>,
    ) -> Result<(), Box<Mismatch>> {
        for action in &entry.actions {
            let replayed = self.exchange.poll_action(&self.lanes);
            taken.extend(replayed);
            self.between_requests |= matches!(replayed, Some(Action::Finish(_)));
            if replayed.as_ref() != Some(action) {
                return Err(Box::new(Mismatch::Action { recorded: Some(*action), replayed }));
            }
        }
        let may_leave_some = match self.recording.entries.get(self.next) {
            Some(next) => {
                next.event.is_nested() && (entry.event.is_nested() || !entry.actions.is_empty())
            }
            // A recording is taken with the last `finish`, whatever would have come behind it.
            None => true,
        };
        if may_leave_some {
            return Ok(());
        }
        match self.exchange.poll_action(&self.lanes) {
            None => Ok(()),
            Some(action) => {
                taken.push(action);
                Err(Box::new(Mismatch::Action { recorded: None, replayed: Some(action) }))
            }
        }
    }
}

impl Display for Divergence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let since = self.at - self.start;
        write!(f, "event {} at {:.6} s: ", self.number, since.as_secs_f64())?;
        match &*self.mismatch {
            Mismatch::Action { recorded, replayed } => {
                let text = |action: &Option<Action>| match action {
                    Some(action) => ActionText { action, start: self.start }.to_string(),
                    None => "nothing more".to_owned(),
                };
                write!(f, "recorded `{}`, replayed `{}`", text(recorded), text(replayed))
            }
            Mismatch::Room { peer, received, room } => {
                let peer = words::peer(*peer);
                write!(f, "{received} bytes came from the {peer}, and there is room for {room}")
            }
            Mismatch::Offer { peer, sent, waiting } => {
                let peer = words::peer(*peer);
                write!(f, "the {peer} accepted {sent} bytes, and {waiting} wait for it")
            }
            Mismatch::Configured => f.write_str("new settings within a request"),
            Mismatch::Enlarged { peer, size } => {
                let peer = words::peer(*peer);
                write!(f, "no place for a window of {size} bytes for the {peer}")
            }
        }
    }
}

impl std::error::Error for Divergence {}

/// What content is played as: no byte of a grammar.
const FILLER: u8 = b'*';
