//! Bytes between an exchange and its sockets.

use std::io::IoSlice;
use std::task::{Context, Poll};

use proxy_proto::{Instant, Lanes, Peer};

use super::Session;
use super::answers::Answers;
use crate::runtime::{Runtime, Socket};

/// Which sockets wake the session, having returned pending in this pass: they need not be asked
/// again in it.
#[derive(Clone, Copy, Default)]
pub(super) struct Pending {
    recv: [bool; 2],
    send: [bool; 2],
}

impl<R: Runtime> Session<R> {
    pub(super) fn send(
        &mut self,
        peer: Peer,
        lanes: &mut Lanes,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> bool {
        if self.pending.send[peer as usize] {
            return false;
        }
        let transmit = self.exchange.transmit(peer, lanes);
        if transmit.is_empty() {
            return false;
        }
        let socket = match peer {
            Peer::Client => &mut self.client,
            Peer::Upstream => match self.link.socket() {
                Some(socket) => socket,
                None => return false,
            },
        };
        let mut slices = [IoSlice::new(&[]); 3];
        let mut count = 0;
        for slice in transmit.slices.into_iter().filter(|slice| !slice.is_empty()) {
            slices[count] = IoSlice::new(slice);
            count += 1;
        }
        match socket.poll_send(cx, &slices[..count]) {
            Poll::Pending => {
                self.pending.send[peer as usize] = true;
                return false;
            }
            Poll::Ready(Ok(n)) if n > 0 => self.exchange.handle_sent(peer, n, lanes, now),
            Poll::Ready(Ok(_) | Err(_)) => self.exchange.handle_send_failed(peer, lanes, now),
        }
        self.take_actions(lanes, now);
        true
    }

    /// How many bytes came, if anything did.
    pub(super) fn recv(
        &mut self,
        peer: Peer,
        lanes: &mut Lanes,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> Option<usize> {
        // A response that is still to come says that it is the last, however long this turn has
        // lasted.
        if peer == Peer::Upstream && self.notice_drain(lanes, now) {
            self.take_actions(lanes, now);
        }
        if self.pending.recv[peer as usize] || !self.exchange.interest(peer, lanes).recv {
            return None;
        }
        self.enlarge(peer, lanes, now);
        let room = self.exchange.spare(peer, lanes);
        let received = match (peer, &mut self.answers) {
            (Peer::Client, _) => self.client.poll_recv(cx, room),
            (Peer::Upstream, Answers::Pages { body: Some(body), .. }) => {
                Poll::Ready(Ok(body.feed(room)))
            }
            (Peer::Upstream, _) => match self.link.socket() {
                Some(socket) => socket.poll_recv(cx, room),
                None => return None,
            },
        };
        let Poll::Ready(received) = received else {
            self.pending.recv[peer as usize] = true;
            return None;
        };
        match received {
            // Nobody who waits for a page that takes its time closes their half: they have left.
            Ok(0) if peer == Peer::Client && self.answers.are_awaited() => {
                self.exchange.handle_broken(peer, lanes, now);
            }
            Ok(0) => self.exchange.handle_eof(peer, lanes, now),
            Ok(n) => self.exchange.handle_received(peer, n, lanes, now),
            Err(_) => self.exchange.handle_broken(peer, lanes, now),
        }
        self.take_actions(lanes, now);
        Some(received.unwrap_or(0))
    }
}

impl Pending {
    /// There is another socket to this peer now.
    pub(super) fn forget(&mut self, peer: Peer) {
        self.recv[peer as usize] = false;
        self.send[peer as usize] = false;
    }
}
