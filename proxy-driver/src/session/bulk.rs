//! Large windows on loan from the worker.

use proxy_proto::{Instant, Lanes, Peer};

use super::Session;
use crate::runtime::Runtime;

impl<R: Runtime> Session<R> {
    /// Gets a large window for a transfer that gains by it, if one is free.
    pub(super) fn enlarge(&mut self, peer: Peer, lanes: &mut Lanes, now: Instant) {
        if self.exchange.is_bulk(peer, lanes)
            && let Some(memory) = self.worker.take_large()
        {
            self.exchange.enlarge(peer, memory, lanes, now);
        }
    }

    /// Behind a pass: what no byte waits in is for others until the next one.
    pub(super) fn give_back(&mut self, lanes: &mut Lanes) {
        for peer in Peer::BOTH {
            if lanes.is_enlarged(peer) {
                self.exchange.shrink(peer, lanes, R::now());
            }
        }
        self.worker.reclaim(lanes);
    }
}
