use std::collections::VecDeque;
use std::task::Waker;

use proxy_proto::Instant;

/// One direction of a connection.
///
/// ```text
///   send ──▶ flying: segments, each with its time ──▶ arrived ──▶ recv
///            ◀────────────── capacity ──────────────────────────▶
/// ```
pub(crate) struct Pipe {
    /// Bytes that it holds, flying and arrived.
    pub(crate) capacity: usize,
    flying: VecDeque<(Instant, Segment)>,
    flying_bytes: usize,
    pub(crate) arrived: VecDeque<u8>,
    /// Bytes sent and received, ever.
    sent: usize,
    received: usize,
    /// Where a receive ends, whatever lies behind.
    split: Option<usize>,
    /// The sender's end has arrived.
    pub(crate) ended: bool,
    pub(crate) reader: Option<Waker>,
    pub(crate) writer: Option<Waker>,
}

pub(crate) enum Segment {
    Bytes(Vec<u8>),
    End,
    Reset,
}

impl Pipe {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            flying: VecDeque::new(),
            flying_bytes: 0,
            arrived: VecDeque::new(),
            sent: 0,
            received: 0,
            split: None,
            ended: false,
            reader: None,
            writer: None,
        }
    }

    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.flying_bytes + self.arrived.len())
    }

    /// Sends a segment, to arrive at `at` but not before the ones before it. Returns when.
    pub(crate) fn send(&mut self, segment: Segment, at: Instant) -> Instant {
        let at = self.flying.back().map_or(at, |(last, _)| at.max(*last));
        if let Segment::Bytes(bytes) = &segment {
            self.flying_bytes += bytes.len();
            self.sent += bytes.len();
        }
        self.flying.push_back((at, segment));
        at
    }

    /// A receive is to end so many bytes before the last one sent.
    pub(crate) fn split_before(&mut self, bytes: usize) {
        self.split = Some(self.sent - bytes);
    }

    /// Receives as much as there is room for.
    pub(crate) fn receive(&mut self, room: &mut [u8]) -> usize {
        let to_split = self.split.and_then(|split| split.checked_sub(self.received));
        let most = to_split.filter(|most| *most > 0).unwrap_or(usize::MAX);
        let n = room.len().min(self.arrived.len()).min(most);
        for (to, from) in room.iter_mut().zip(self.arrived.drain(..n)) {
            *to = from;
        }
        self.received += n;
        n
    }

    /// The next segment, whose time has come.
    pub(crate) fn land(&mut self) -> Option<Segment> {
        self.flying.pop_front().map(|(_, segment)| segment)
    }

    /// Bytes of a segment have arrived. Those that never do leave no room for others.
    pub(crate) fn arrive(&mut self, bytes: Vec<u8>) {
        self.flying_bytes -= bytes.len();
        self.arrived.extend(bytes);
    }

    /// Loses what flies, from segment number `from` on: bytes, and an end behind them, which is in
    /// sequence with them.
    pub(crate) fn lose(&mut self, from: usize) {
        for (_, segment) in self.flying.iter_mut().skip(from) {
            match segment {
                Segment::Bytes(bytes) => bytes.clear(),
                Segment::End => *segment = Segment::Bytes(Vec::new()),
                Segment::Reset => {}
            }
        }
    }

    pub(crate) fn flying(&self) -> usize {
        self.flying.len()
    }

    pub(crate) fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    pub(crate) fn wake_writer(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }
}
