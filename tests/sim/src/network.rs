//! Connections between the proxy and its peers, time, and what is due when.
//!
//! A connection behaves as TCP does on Linux: closing with unread bytes is a reset; bytes that
//! arrive at a closed end are answered with a reset; a reset drops what its receiver has not read.

mod opening;
mod timers;
mod transfer;

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::task::Waker;
use std::time::Duration;

use proxy_proto::Instant;

use crate::dice::Dice;
use crate::limits::Limits;
use crate::pipe::{Pipe, Segment};
use crate::plan::{Weather, Works};
use crate::trace::{Event, note};

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    /// The one that opened it.
    Opener = 0,
    /// The one that accepted it.
    Acceptor = 1,
}

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Opener => Self::Acceptor,
            Self::Acceptor => Self::Opener,
        }
    }
}

/// Whom a connection of the proxy leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leads {
    ToClient(usize),
    ToUpstream(usize),
}

/// What is due at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Lands { conn: usize, from: usize },
    Connects { conn: usize },
    Timer { timer: usize, setting: u64 },
    Wakes { number: usize },
    Operation(usize),
    Client(usize),
    Drain,
    Deadline,
}

/// What of that is for the world to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happens {
    /// An upstream has a new connection.
    Accepted {
        conn: usize,
        upstream: usize,
    },
    Operation(usize),
    Client(usize),
    Drain,
    Deadline,
    Nothing,
}

struct Conn {
    leads: Leads,
    /// `pipes[side]` carries what that side sends.
    pipes: [Pipe; 2],
    ends: [End; 2],
    /// What has become of opening it; the opener's to take.
    dialed: Option<io::ErrorKind>,
    dialer: Option<Waker>,
    established: bool,
}

/// One end.
struct End {
    open: bool,
    shut: bool,
    /// A reset has arrived; the next receive says so.
    reset: bool,
    told: bool,
    resets_on_close: bool,
    /// The worker whose reactor knows it, if it is the proxy's.
    home: Option<usize>,
}

impl End {
    const fn new() -> Self {
        Self {
            open: true,
            shut: false,
            reset: false,
            told: false,
            resets_on_close: false,
            home: None,
        }
    }
}

struct TimerSlot {
    setting: u64,
    running: bool,
    fired: bool,
    waker: Option<Waker>,
    used: bool,
}

pub(crate) struct Network {
    due: BinaryHeap<Reverse<(Instant, u64, Due)>>,
    order: u64,
    conns: Vec<Conn>,
    timers: Vec<TimerSlot>,
    free_timers: Vec<usize>,
    delayed: Vec<Option<Waker>>,
    backlog: VecDeque<usize>,
    pub(crate) listening: Listening,
    acceptor: Option<Waker>,
    pub(crate) works: Vec<Works>,
    pub(crate) weather: Weather,
    pub(crate) dice: Dice,
    pub(crate) limits: Limits,
    /// Times that something was ready for a task of the proxy.
    pub(crate) moves: u64,
    pub(crate) failure: Option<String>,
    accept_errors: usize,
}

/// Whether the proxy's port is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listening {
    No,
    Yes,
}

thread_local! {
    static NOW: Cell<Instant> = const { Cell::new(Instant::from_nanos(1)) };
    static NETWORK: RefCell<Option<Network>> = const { RefCell::new(None) };
}

pub(crate) fn with<T>(act: impl FnOnce(&mut Network) -> T) -> T {
    NETWORK.with_borrow_mut(|network| act(network.as_mut().expect("no world plays in this thread")))
}

/// The time of the world that plays in this thread, or has played.
pub(crate) fn now() -> Instant {
    NOW.get()
}

/// Time goes on. It never runs backwards.
pub(crate) fn pass_until(at: Instant) {
    NOW.set(NOW.get().max(at));
}

pub(crate) fn begin(network: Network) {
    NOW.set(Instant::from_nanos(1));
    NETWORK.replace(Some(network));
}

impl Network {
    pub(crate) fn new(dice: Dice, weather: Weather, limits: Limits, upstreams: usize) -> Self {
        Self {
            due: BinaryHeap::new(),
            order: 0,
            conns: Vec::new(),
            timers: Vec::new(),
            free_timers: Vec::new(),
            delayed: Vec::new(),
            backlog: VecDeque::new(),
            listening: Listening::No,
            acceptor: None,
            works: vec![Works::Well; upstreams],
            weather,
            dice,
            limits,
            moves: 0,
            failure: None,
            accept_errors: 0,
        }
    }

    pub(crate) fn fail(&mut self, what: impl FnOnce() -> String) {
        if self.failure.is_none() {
            self.failure = Some(what());
        }
    }

    pub(crate) fn schedule(&mut self, at: Instant, due: Due) {
        self.order += 1;
        self.due.push(Reverse((at, self.order, due)));
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, ..))| *at)
    }

    /// Lets the next thing happen. Time goes on to it.
    pub(crate) fn step(&mut self) -> Happens {
        let Some(Reverse((at, _, due))) = self.due.pop() else { return Happens::Nothing };
        pass_until(at);
        match due {
            Due::Lands { conn, from } => {
                self.land(conn, if from == 0 { Side::Opener } else { Side::Acceptor });
                Happens::Nothing
            }
            Due::Connects { conn } => self.connect(conn),
            Due::Timer { timer, setting } => {
                let slot = &mut self.timers[timer];
                if slot.setting == setting && slot.running {
                    slot.running = false;
                    slot.fired = true;
                    if let Some(waker) = slot.waker.take() {
                        waker.wake();
                    }
                    note(Event::Fires { timer });
                }
                Happens::Nothing
            }
            Due::Wakes { number } => {
                if let Some(waker) = self.delayed[number].take() {
                    waker.wake();
                }
                Happens::Nothing
            }
            Due::Operation(number) => Happens::Operation(number),
            Due::Client(number) => Happens::Client(number),
            Due::Drain => Happens::Drain,
            Due::Deadline => Happens::Deadline,
        }
    }

    fn latency(&mut self) -> Duration {
        let micros = 1 + self.dice.below(self.weather.latency_us);
        Duration::from_micros(micros as u64)
    }

    fn launch(&mut self, conn: usize, from: Side, segment: Segment) {
        let at = now() + self.latency();
        let at = self.conns[conn].pipes[from as usize].send(segment, at);
        self.schedule(at, Due::Lands { conn, from: from as usize });
    }

    fn land(&mut self, conn: usize, from: Side) {
        let at = from.other();
        let Conn { pipes, ends, .. } = &mut self.conns[conn];
        let Some(segment) = pipes[from as usize].land() else { return };
        if ends[at as usize].reset {
            return;
        }
        match segment {
            Segment::Bytes(bytes) if bytes.is_empty() => {}
            Segment::Bytes(bytes) => {
                note(Event::Arrives { conn, at, bytes: bytes.len() });
                let pipe = &mut pipes[from as usize];
                pipe.arrive(bytes);
                if ends[at as usize].open {
                    pipe.wake_reader();
                } else {
                    self.launch(conn, at, Segment::Reset);
                }
            }
            Segment::End => {
                note(Event::EndArrives { conn, at });
                pipes[from as usize].ended = true;
                pipes[from as usize].wake_reader();
            }
            Segment::Reset => {
                note(Event::ResetArrives { conn, at });
                ends[at as usize].reset = true;
                pipes[from as usize].arrived.clear();
                // Its sender finds out by another reset, not by room.
                pipes[from as usize].capacity = 0;
                pipes[from as usize].wake_reader();
                pipes[at as usize].wake_writer();
            }
        }
    }

    /// Ends that the proxy holds.
    pub(crate) fn held_by_proxy(&self) -> Vec<usize> {
        let holds = |conn: &Conn| match conn.leads {
            Leads::ToUpstream(_) => conn.ends[0].open,
            Leads::ToClient(_) => conn.ends[1].open && conn.established,
        };
        (0..self.conns.len()).filter(|conn| holds(&self.conns[*conn])).collect()
    }
}
