//! What an end of a connection can do: the driver's `Socket`.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use super::{Conn, Leads, Network, Side};
use crate::executor;
use crate::pipe::Segment;
use crate::trace::{Event, note};

impl Network {
    pub(crate) fn poll_recv(
        &mut self,
        conn: usize,
        side: Side,
        cx: &Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.check_home(conn, side);
        if room.is_empty() {
            self.fail(|| format!("connection {conn} is received from into no room"));
        }
        let of_proxy = self.is_of_proxy(conn, side);
        let lags = of_proxy && self.dice.percent(self.weather.lag);
        let short = self.dice.percent(self.weather.short);
        let most = if short { 1 + self.dice.below(3) } else { room.len() };
        let Conn { pipes, ends, .. } = &mut self.conns[conn];
        let (pipe, end) = (&mut pipes[side.other() as usize], &mut ends[side as usize]);
        let is_ready = end.reset || pipe.ended || !pipe.arrived.is_empty();
        if !is_ready || lags {
            if is_ready {
                self.wake_later(cx.waker().clone());
            } else {
                pipe.reader = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        self.moves += u64::from(of_proxy);
        if end.reset {
            let told = std::mem::replace(&mut end.told, true);
            return Poll::Ready(if told {
                Ok(0)
            } else {
                Err(io::ErrorKind::ConnectionReset.into())
            });
        }
        let most = most.min(room.len());
        let n = pipe.receive(&mut room[..most]);
        if n > 0 {
            pipe.wake_writer();
        }
        note(Event::Receives { conn, by: side, bytes: n });
        if of_proxy {
            let task = executor::running();
            let leads = self.conns[conn].leads;
            if let Err(failure) = self.limits.take(task, leads, n) {
                self.fail(|| failure);
            }
        }
        Poll::Ready(Ok(n))
    }

    pub(crate) fn poll_send(
        &mut self,
        conn: usize,
        side: Side,
        cx: &Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_home(conn, side);
        let of_proxy = self.is_of_proxy(conn, side);
        let short = self.dice.percent(self.weather.short);
        let most = if short { 1 + self.dice.below(3) } else { usize::MAX };
        let Conn { pipes, ends, leads, .. } = &mut self.conns[conn];
        let (pipe, end) = (&mut pipes[side as usize], &mut ends[side as usize]);
        if end.reset || end.shut {
            self.moves += u64::from(of_proxy);
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let most = most.min(pipe.room());
        if most == 0 {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut bytes = Vec::new();
        for slice in slices {
            let n = slice.len().min(most - bytes.len());
            bytes.extend_from_slice(&slice[..n]);
        }
        let n = bytes.len();
        let leads = *leads;
        if of_proxy {
            self.moves += 1;
            self.limits.give(executor::running(), leads);
        }
        note(Event::Sends { conn, by: side, bytes: n });
        self.launch(conn, side, Segment::Bytes(bytes));
        Poll::Ready(Ok(n))
    }

    /// Sends all of it in one segment, whatever there is room for. Who receives it gets the last
    /// `apart` bytes by another receive than those before.
    pub(crate) fn send_at_once(&mut self, conn: usize, side: Side, bytes: Vec<u8>, apart: usize) {
        let end = &self.conns[conn].ends[side as usize];
        if !end.reset && !end.shut {
            note(Event::Sends { conn, by: side, bytes: bytes.len() });
            self.launch(conn, side, Segment::Bytes(bytes));
            self.conns[conn].pipes[side as usize].split_before(apart);
        }
    }

    pub(crate) fn shutdown(&mut self, conn: usize, side: Side) -> io::Result<()> {
        let end = &mut self.conns[conn].ends[side as usize];
        if end.reset {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if !std::mem::replace(&mut end.shut, true) {
            note(Event::Shuts { conn, by: side });
            self.launch(conn, side, Segment::End);
        }
        Ok(())
    }

    pub(crate) fn reset_on_close(&mut self, conn: usize, side: Side) {
        self.conns[conn].ends[side as usize].resets_on_close = true;
    }

    /// Asks the kernel.
    pub(crate) fn has_unread(&self, conn: usize, side: Side) -> bool {
        let Conn { pipes, ends, .. } = &self.conns[conn];
        let pipe = &pipes[side.other() as usize];
        ends[side as usize].reset || pipe.ended || !pipe.arrived.is_empty()
    }

    /// Asks the reactor: it may not have heard of an end yet, and whoever waited to receive is
    /// forgotten, as the one waker of a socket is replaced by that of the question.
    pub(crate) fn is_quiet(&mut self, conn: usize, side: Side) -> bool {
        let lags = self.dice.percent(self.weather.lag);
        let Conn { pipes, ends, .. } = &mut self.conns[conn];
        let pipe = &mut pipes[side.other() as usize];
        pipe.reader = None;
        let ended = ends[side as usize].reset || pipe.ended;
        pipe.arrived.is_empty() && (!ended || lags)
    }

    /// Moves an end of the proxy's to the worker that runs.
    pub(crate) fn rehome(&mut self, conn: usize, side: Side) {
        let Conn { pipes, ends, .. } = &mut self.conns[conn];
        let Some(worker) = executor::worker() else { return };
        note(Event::Moves { conn, to_worker: worker });
        ends[side as usize].home = Some(worker);
        pipes[side.other() as usize].reader = None;
        pipes[side as usize].writer = None;
    }

    /// Wakes whoever does not receive when something has come all the same, or the other end is gone.
    pub(crate) fn watch(&mut self, conn: usize, side: Side, cx: &Context<'_>) {
        self.conns[conn].pipes[side.other() as usize].reader = Some(cx.waker().clone());
    }

    /// Whether the other end is closed, which only somebody outside the world can know.
    pub(crate) fn is_abandoned(&self, conn: usize, side: Side) -> bool {
        !self.conns[conn].ends[side.other() as usize].open
    }

    pub(super) fn is_of_proxy(&self, conn: usize, side: Side) -> bool {
        match self.conns[conn].leads {
            Leads::ToUpstream(_) => side == Side::Opener,
            Leads::ToClient(_) => side == Side::Acceptor,
        }
    }

    /// A socket is known to one reactor.
    pub(super) fn check_home(&mut self, conn: usize, side: Side) {
        if self.is_of_proxy(conn, side) {
            let (home, worker) = (self.conns[conn].ends[side as usize].home, executor::worker());
            if home != worker {
                self.fail(|| format!("connection {conn} of {home:?} is polled on {worker:?}"));
            }
        }
    }
}
