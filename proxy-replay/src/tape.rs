use std::sync::Arc;

use proxy_proto::{Action, Exchange, Instant, Lanes, Peer, Reply, Settings};

use crate::sieve::Sieve;
use crate::{Entry, Event, Header, Mode, Piece, Recording};

/// What was said to one exchange since it last was as good as new, and what it answered.
///
/// A recording begins where an exchange is in the state of a new one: when it is made, and whenever
/// it becomes idle behind a request. What came before is dropped then, so that a connection that
/// lives long costs nothing. A tape takes some 64 KiB; what does not fit is counted.
#[derive(Debug)]
pub struct Tape {
    header: Header,
    entries: Vec<Entry>,
    /// What the entries take, by and large, in bytes.
    cost: usize,
    sieve: Sieve,
    /// Switched on within a request, it begins behind it.
    waits: bool,
    /// A request is finished: when the exchange is idle again, it is as good as new.
    finished: bool,
    /// When the last event was.
    last: Instant,
}

impl Tape {
    pub(crate) fn new(mode: Mode, exchange: &Exchange, now: Instant) -> Self {
        Self {
            header: header(mode, exchange, now),
            entries: Vec::new(),
            cost: 0,
            sieve: Sieve::new(),
            waits: false,
            finished: false,
            last: now,
        }
    }

    /// A tape for an exchange that has lived already.
    pub(crate) fn joining(mode: Mode, exchange: &Exchange) -> Self {
        // As good as new, but for the time at which it became idle; that shows in its deadline.
        let idle = exchange.settings().timeouts.client_idle;
        let since = exchange.deadline().filter(|_| exchange.is_idle());
        let since =
            since.map(|due| Instant::EPOCH + ((due.at - Instant::EPOCH).saturating_sub(idle)));
        let mut tape = Self::new(mode, exchange, since.unwrap_or_default());
        tape.sieve.rewind();
        tape.waits = since.is_none();
        tape.finished = tape.waits;
        tape
    }

    pub(crate) const fn mode(&self) -> Mode {
        self.header.mode
    }

    /// What has been recorded so far. Masked here, if it is to be masked.
    pub fn recording(&self) -> Recording {
        let mut entries = self.entries.clone();
        if self.mode() == Mode::Masked {
            self.sieve.mask(&mut entries);
        }
        Recording { header: self.header.clone(), entries }
    }

    pub(crate) fn received(
        &mut self,
        exchange: &Exchange,
        peer: Peer,
        n: usize,
        lanes: &mut Lanes,
        now: Instant,
    ) {
        self.last = now;
        if exchange.is_idle() {
            // Lanes change only while nothing is in them.
            self.header.window = lanes.capacity();
        }
        if !self.has_room(exchange) {
            return;
        }
        let bytes = exchange.spare(peer, lanes).get(..n).unwrap_or_default();
        let pieces = match self.mode() {
            Mode::Raw => vec![Piece::Bytes(bytes.to_vec())],
            Mode::Masked => self.sieve.sift(peer, bytes),
        };
        self.note(Event::Received(peer, pieces), now);
    }

    pub(crate) fn replied(
        &mut self,
        exchange: &Exchange,
        reply: Reply,
        lanes: &Lanes,
        now: Instant,
    ) {
        self.last = now;
        if !self.has_room(exchange) {
            return;
        }
        match reply {
            Reply::Routed => self.note(Event::Upstream(lanes.upstream.clone()), now),
            Reply::Connected { .. } => self.sieve.begin_upstream(),
            Reply::Local(_) => self.sieve.begin_local(),
            Reply::Refused(_) | Reply::Dialing(_) | Reply::Failed { .. } | Reply::Next(_) => {}
        }
        self.note(Event::Reply(reply), now);
    }

    pub(crate) fn configured(&mut self, settings: &Arc<Settings>) {
        self.note(Event::Configure(Settings::clone(settings)), self.last);
    }

    pub(crate) fn asked_for_room(&mut self, exchange: &Exchange, peer: Peer, lanes: &mut Lanes) {
        let tail = |lanes: &Lanes| {
            let glance = exchange.glance(lanes);
            match peer {
                Peer::Client => glance.request.tail,
                Peer::Upstream => glance.response.tail,
            }
        };
        let before = tail(lanes);
        let _room = exchange.spare(peer, lanes);
        if tail(lanes) != before {
            self.note(Event::Spare(peer), self.last);
        }
    }

    pub(crate) fn answered(&mut self, exchange: &Exchange, action: Option<Action>) {
        if let Some(action) = action {
            if let Action::Finish(summary) = action {
                self.header.fault = summary.fault;
                self.sieve.finish(summary.routed);
                self.finished = true;
            }
            if let Some(entry) = self.entries.last_mut()
                && self.header.dropped == 0
            {
                entry.actions.push(action);
                self.cost += size_of::<Action>();
            }
        } else if self.finished && exchange.is_idle() {
            self.begin_again(exchange);
        }
    }

    pub(crate) fn note(&mut self, event: Event, now: Instant) {
        self.last = now;
        if self.waits {
            return;
        }
        let cost = size_of::<Entry>() + weight(&event);
        if self.header.dropped > 0 || self.cost + cost > LONGEST {
            self.header.dropped += 1;
            return;
        }
        self.cost += cost;
        self.entries.push(Entry { at: now, event, actions: Vec::new() });
    }

    fn begin_again(&mut self, exchange: &Exchange) {
        self.header =
            Header { window: self.header.window, ..header(self.mode(), exchange, self.last) };
        self.entries.clear();
        self.entries.shrink_to(KEPT);
        self.cost = 0;
        self.sieve.rewind();
        self.waits = false;
        self.finished = false;
    }

    /// Whether it pays to look at what comes; if not, an event may be lost without being counted
    /// only where the law says that it does nothing.
    fn has_room(&mut self, exchange: &Exchange) -> bool {
        if exchange.is_closed() || self.waits {
            return false;
        }
        if self.header.dropped > 0 {
            self.header.dropped += 1;
        }
        self.header.dropped == 0
    }
}

fn header(mode: Mode, exchange: &Exchange, start: Instant) -> Header {
    Header {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode,
        client: exchange.client(),
        trace: exchange.trace(),
        start,
        window: exchange.settings().limits.max_head_bytes.max(1),
        settings: Settings::clone(exchange.settings()),
        fault: None,
        dropped: 0,
    }
}

/// What an event takes beside its place in the list.
fn weight(event: &Event) -> usize {
    match event {
        Event::Received(_, pieces) => pieces
            .iter()
            .map(|piece| {
                size_of::<Piece>()
                    + match piece {
                        Piece::Bytes(bytes) => bytes.len(),
                        Piece::Content(_) => 0,
                    }
            })
            .sum(),
        Event::Upstream(name) => name.len(),
        Event::Sent(..)
        | Event::Eof(_)
        | Event::SendFailed(_)
        | Event::Broken(_)
        | Event::Reply(_)
        | Event::Timeout
        | Event::Drain
        | Event::Cut
        | Event::Configure(_)
        | Event::Spare(_)
        | Event::Enlarge(..)
        | Event::Shrink(_) => 0,
    }
}

/// What a tape may take: a head of the largest size, or some hundreds of turns of a body. Arbitrary.
const LONGEST: usize = 64 * 1024;
/// Room for the events of a usual request, kept from one to the next.
const KEPT: usize = 32;
