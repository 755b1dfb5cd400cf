//! How connections come and go.

use std::io;
use std::task::{Context, Poll};

use super::{Conn, Due, End, Happens, Leads, Listening, Network, Side, now};
use crate::executor;
use crate::pipe::{Pipe, Segment};
use crate::plan::Works;
use crate::trace::{Event, note};

impl Network {
    /// Begins to open a connection.
    pub(crate) fn dial(&mut self, leads: Leads) -> usize {
        let conn = self.conns.len();
        let capacities = [0, 1].map(|_| self.weather.capacity(&mut self.dice));
        self.conns.push(Conn {
            leads,
            pipes: capacities.map(Pipe::new),
            ends: [End::new(), End::new()],
            dialed: None,
            dialer: None,
            established: false,
        });
        self.conns[conn].ends[0].home = executor::worker();
        let at = now() + self.latency();
        match leads {
            Leads::ToUpstream(upstream) => {
                note(Event::Dials { conn, upstream });
                if let Err(failure) = self.limits.open_upstream(executor::running(), upstream) {
                    self.fail(|| failure);
                }
                if self.works[upstream] == Works::Silently {
                    return conn;
                }
            }
            Leads::ToClient(client) => note(Event::Connects { conn, client }),
        }
        self.schedule(at, Due::Connects { conn });
        conn
    }

    pub(super) fn connect(&mut self, conn: usize) -> Happens {
        if !self.conns[conn].ends[0].open {
            // Given up meanwhile.
            self.conns[conn].ends[1].open = false;
            return Happens::Nothing;
        }
        let leads = self.conns[conn].leads;
        let accepts = match leads {
            Leads::ToUpstream(upstream) => self.works[upstream] != Works::Not,
            Leads::ToClient(_) => self.listening == Listening::Yes,
        };
        if let Some(dialer) = self.conns[conn].dialer.take() {
            dialer.wake();
        }
        if !accepts {
            note(Event::Refused { conn });
            self.conns[conn].dialed = Some(io::ErrorKind::ConnectionRefused);
            return Happens::Nothing;
        }
        note(Event::Opened { conn });
        self.conns[conn].established = true;
        match leads {
            Leads::ToUpstream(upstream) => Happens::Accepted { conn, upstream },
            Leads::ToClient(_) => {
                self.backlog.push_back(conn);
                if let Some(acceptor) = self.acceptor.take() {
                    acceptor.wake();
                }
                Happens::Nothing
            }
        }
    }

    pub(crate) fn poll_dialed(&mut self, conn: usize, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.check_home(conn, Side::Opener);
        let dialed = &mut self.conns[conn];
        if dialed.established {
            self.moves += 1;
            return Poll::Ready(Ok(()));
        }
        if let Some(kind) = dialed.dialed {
            self.moves += 1;
            return Poll::Ready(Err(kind.into()));
        }
        dialed.dialer = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn poll_accept(&mut self, cx: &Context<'_>) -> Poll<io::Result<usize>> {
        let Some(conn) = self.backlog.front().copied() else {
            self.acceptor = Some(cx.waker().clone());
            return Poll::Pending;
        };
        self.moves += 1;
        if self.accept_errors < 5 && self.dice.percent(self.weather.accept_errors) {
            self.accept_errors += 1;
            let kind = self.dice.pick(&[None, Some(io::ErrorKind::ConnectionAborted)]);
            // 24: no file descriptor is free.
            let error = kind.map_or_else(|| io::Error::from_raw_os_error(24), io::Error::from);
            return Poll::Ready(Err(error));
        }
        self.backlog.pop_front();
        self.conns[conn].ends[1].home = executor::worker();
        note(Event::Accepted { conn });
        if let Err(failure) = self.limits.open_client() {
            self.fail(|| failure);
        }
        Poll::Ready(Ok(conn))
    }

    /// The proxy's port is closed: who waits in its backlog is reset.
    pub(crate) fn stop_listening(&mut self) {
        self.listening = Listening::No;
        self.acceptor = None;
        while let Some(conn) = self.backlog.pop_front() {
            self.conns[conn].ends[1].resets_on_close = true;
            self.close(conn, Side::Acceptor, false);
        }
    }

    /// Drops an end. `counted`: the proxy had it.
    pub(crate) fn close(&mut self, conn: usize, side: Side, counted: bool) {
        let Conn { leads, pipes, ends, established, .. } = &mut self.conns[conn];
        let leads = *leads;
        let end = &mut ends[side as usize];
        if !end.open {
            return;
        }
        end.open = false;
        if counted {
            self.moves += 1;
            self.limits.close(executor::running(), leads);
        }
        let towards = &mut pipes[side.other() as usize];
        let resets = end.resets_on_close || !towards.arrived.is_empty();
        let (was_reset, was_shut) = (end.reset, end.shut);
        towards.reader = None;
        pipes[side as usize].writer = None;
        if counted {
            // A peer that does not receive finds out all the same.
            pipes[side as usize].wake_reader();
        }
        note(Event::Closes { conn, by: side, resets });
        if !*established || was_reset {
            return;
        }
        if resets {
            let flying = self.conns[conn].pipes[side as usize].flying();
            let from = self.dice.below(flying + 1);
            self.conns[conn].pipes[side as usize].lose(from);
            self.launch(conn, side, Segment::Reset);
        } else if !was_shut {
            self.launch(conn, side, Segment::End);
        }
    }

    /// Breaks a connection for both ends, if one is open: number `nth` of those.
    pub(crate) fn break_one(&mut self, nth: usize) {
        let is_open = |conn: &Conn| conn.established && conn.ends.iter().all(|end| end.open);
        let open: Vec<_> = (0..self.conns.len()).filter(|n| is_open(&self.conns[*n])).collect();
        if open.is_empty() {
            return;
        }
        let conn = open[nth % open.len()];
        for side in [Side::Opener, Side::Acceptor] {
            let pipe = &mut self.conns[conn].pipes[side as usize];
            pipe.lose(0);
            self.launch(conn, side, Segment::Reset);
        }
    }
}
