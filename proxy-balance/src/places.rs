use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering::AcqRel, Ordering::Acquire};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// The connections that one upstream may have open at once, idle ones included, over all workers.
///
/// A place is held by a [`Lease`], which belongs beside the socket it was taken for and goes with
/// it into the idle pool, so that reuse takes and frees nothing. Who finds no place waits with a
/// [`Ticket`]. Waiters are served strictly in the order in which they came, and nobody who comes
/// later gets past them.
///
/// `C` is a connection that may be handed to a waiter on another worker. It carries its own lease.
///
/// ```text
///           queue()                                          poll()
///    ─────────┬────────► Waiting ──────────────► Granted ──────────────► the caller's
///             │             │      a place is       ▲  │                 Lease or C
///             │             │      freed, or a C    │  │
///             │             │      is handed over   │  │ dropped: the place is freed,
///             └─────────────┼───────────────────────┘  │ the C handed over, to the next
///           a place is free │                          ▼
///                           └────────────────────────► gone
///                             dropped: leaves the line
/// ```
pub struct Places<C> {
    /// `free << 32 | waiting`. `free` is signed: it is below 0 while more are open than a lowered
    /// limit allows. `waiting` is the length of `line.waiting`.
    ///
    /// Free places are counted, not open ones, so that the limit is part of the word: a change of
    /// the limit and an acquisition cannot slip past each other.
    ///
    /// All rules are about this one word, whose changes have one total order, so they hold
    /// under any memory ordering. Release and acquire add that what the former holder of a place
    /// did, closing its socket above all, comes before what the next one does.
    ///
    /// `waiting` changes only under the lock, and while it is not 0 `free` shrinks only under the
    /// lock; so what `serve` reads under it holds until it acts.
    count: AtomicI64,
    line: Mutex<Line<C>>,
}

/// A free place, given back when dropped: to the first who waits, if anyone does.
#[must_use = "dropping it frees the place"]
pub struct Lease<C> {
    places: Arc<Places<C>>,
}

/// A place in the line. Dropping it, at any time, gives up the place and loses nothing: what was
/// granted and not taken passes to the next.
#[must_use = "dropping it leaves the line"]
pub struct Ticket<C> {
    places: Arc<Places<C>>,
    /// `None` once the grant was taken.
    number: Option<u64>,
}

/// What a waiter gets.
pub enum Granted<C> {
    /// The right to open a connection.
    Place(Lease<C>),
    /// An open connection that another one has no use for now.
    Connection(C),
}

impl<C> Places<C> {
    /// Room for `limit` open connections, bounded by `i32::MAX`.
    pub fn new(limit: u32) -> Self {
        let limit = bounded(limit);
        Self {
            count: AtomicI64::new(limit * PLACE),
            line: Mutex::new(Line {
                limit,
                next_number: 0,
                waiting: BTreeMap::new(),
                granted: BTreeMap::new(),
            }),
        }
    }

    /// Takes a place if one is free and nobody waits. Locks nothing.
    pub fn try_acquire(self: &Arc<Self>) -> Option<Lease<C>> {
        self.count
            .try_update(AcqRel, Acquire, |count| may_take(count).then_some(count - PLACE))
            .is_ok()
            .then(|| self.lease())
    }

    /// Joins the line, at its end. The law at the top of the crate says who must then be woken.
    pub fn queue(self: &Arc<Self>) -> Ticket<C> {
        let mut line = self.lock();
        let number = line.next_number;
        line.next_number += 1;
        // In one step, so that a place freed at this moment is either seen here or its holder sees
        // that someone waits.
        let before = self.count.update(AcqRel, Acquire, |count| {
            if may_take(count) { count - PLACE } else { count + WAITER }
        });
        if may_take(before) {
            line.granted.insert(number, Grant::Place);
        } else {
            line.waiting.insert(number, Waker::noop().clone());
        }
        Ticket { places: Arc::clone(self), number: Some(number) }
    }

    /// Gives an idle connection, its lease with it, to the first who waits; or back, when nobody
    /// does. `connection` belongs to this upstream.
    pub fn hand_over(&self, connection: C) -> Result<(), C> {
        if self.waiting() == 0 {
            return Err(connection);
        }
        let mut line = self.lock();
        let Some((number, waker)) = line.waiting.pop_first() else {
            return Err(connection);
        };
        self.count.fetch_sub(WAITER, AcqRel);
        line.granted.insert(number, Grant::Connection(connection));
        drop(line);
        waker.wake();
        Ok(())
    }

    /// Changes the limit. A higher one serves at once who waits; under a lower one the connections
    /// there are live on, and none is opened until fewer are left than it allows.
    pub fn set_limit(&self, limit: u32) {
        let limit = bounded(limit);
        let mut line = self.lock();
        self.count.fetch_add((limit - line.limit) * PLACE, AcqRel);
        line.limit = limit;
        drop(line);
        self.serve();
    }

    /// Whether the limit was lowered to below what is open: if so, an idle connection is closed
    /// rather than kept or handed over.
    pub fn over_limit(&self) -> bool {
        free(self.count.load(Acquire)) < 0
    }

    /// How many wait in line.
    pub fn waiting(&self) -> u32 {
        waiting(self.count.load(Acquire))
    }

    /// How many places are taken: by connections that are open, opening or idle, and by waiters
    /// that have been granted one and not yet taken it.
    pub fn open(&self) -> u32 {
        // Under the lock, because the limit is.
        let line = self.lock();
        u32::try_from(line.limit - free(self.count.load(Acquire))).unwrap_or(0)
    }

    /// How many places there are.
    pub fn limit(&self) -> u32 {
        u32::try_from(self.lock().limit).unwrap_or(0)
    }

    fn lease(self: &Arc<Self>) -> Lease<C> {
        Lease { places: Arc::clone(self) }
    }

    fn release(&self) {
        // Who joins the line after this sees the free place; who joined it before is seen here.
        if waiting(self.count.fetch_add(PLACE, AcqRel)) > 0 {
            self.serve();
        }
    }

    /// Grants what is free to those who wait.
    fn serve(&self) {
        while let Some(waker) = self.serve_first() {
            waker.wake();
        }
    }

    fn serve_first(&self) -> Option<Waker> {
        let mut line = self.lock();
        if free(self.count.load(Acquire)) <= 0 {
            return None;
        }
        let (number, waker) = line.waiting.pop_first()?;
        self.count.fetch_sub(PLACE + WAITER, AcqRel);
        line.granted.insert(number, Grant::Place);
        Some(waker)
    }

    fn leave_line(&self, number: u64) {
        let mut line = self.lock();
        if let Some(waker) = line.waiting.remove(&number) {
            self.count.fetch_sub(WAITER, AcqRel);
            drop(line);
            drop(waker);
            return;
        }
        let granted = line.granted.remove(&number);
        drop(line);
        match granted {
            Some(Grant::Place) => self.release(),
            // Where nobody waits, dropping the connection frees its place.
            Some(Grant::Connection(connection)) => drop(self.hand_over(connection)),
            None => debug_assert!(false, "ticket {number} neither waits nor was granted anything"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line<C>> {
        // Nothing under the lock leaves the line half changed, should it panic.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Drop for Lease<C> {
    fn drop(&mut self) {
        self.places.release();
    }
}

impl<C> Ticket<C> {
    /// What was granted, or `Pending`: then the waker of the last poll is woken when it is. Not to
    /// be called again after `Ready`.
    pub fn poll(&mut self, waker: &Waker) -> Poll<Granted<C>> {
        let number = self.number.expect("a ticket is not polled after it was granted");
        let mut line = self.places.lock();
        let Some(known) = line.waiting.get_mut(&number) else {
            let grant = line.granted.remove(&number).expect("who no longer waits was granted");
            drop(line);
            self.number = None;
            return Poll::Ready(match grant {
                Grant::Place => Granted::Place(self.places.lease()),
                Grant::Connection(connection) => Granted::Connection(connection),
            });
        };
        if !known.will_wake(waker) {
            let former = std::mem::replace(known, waker.clone());
            drop(line);
            drop(former);
        }
        Poll::Pending
    }
}

impl<C> Drop for Ticket<C> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.places.leave_line(number);
        }
    }
}

struct Line<C> {
    limit: i64,
    next_number: u64,
    /// By number, so in the order of arrival.
    waiting: BTreeMap<u64, Waker>,
    granted: BTreeMap<u64, Grant<C>>,
}

/// As [`Granted`], without the lease: its `Arc` would make a cycle.
enum Grant<C> {
    Place,
    Connection(C),
}

fn bounded(limit: u32) -> i64 {
    i64::from(limit).min(i64::from(i32::MAX))
}

fn may_take(count: i64) -> bool {
    free(count) > 0 && waiting(count) == 0
}

fn free(count: i64) -> i64 {
    count >> 32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the lower half")]
fn waiting(count: i64) -> u32 {
    count as u32
}

const PLACE: i64 = 1 << 32;
const WAITER: i64 = 1;
