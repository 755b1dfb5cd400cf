//! Which upstream serves a request, may it take one more, which idle connection is reused, and
//! which client gives up its place when others wait for one.
//!
//! Pure: no sockets, no clock, no runtime. Time comes in as [`Nanos`], and whoever has to wait
//! leaves a [`Waker`](std::task::Waker) and is polled again. No waker is called, and nothing that
//! belongs to the caller is dropped, while a lock of this crate is held.
//!
//! | what | shared by | cost per request on a keep-alive connection |
//! |---|---|---|
//! | [`RoundRobin`] | all workers | one compare-and-swap |
//! | [`Pool`] | nothing: one per worker | two operations on a `VecDeque` |
//! | [`Places`] | all workers, one per upstream | one load, [`Places::waiting`] |
//! | [`Clients`] | all workers | two writes to a word of the client's own, one load |
//!
//! # The law between `Pool` and `Places`
//!
//! An idle connection holds its [`Lease`], so a waiter on one worker may be waiting for what lies
//! idle in the pool of another. Two rules keep it from being overlooked:
//!
//! 1. Whoever takes a [`Ticket`] then looks through the pool of every worker, and gives up
//!    [`Pool::take_oldest`] by [`Places::hand_over`] while [`Places::waiting`] is not 0.
//! 2. Whoever checks a connection in looks at [`Places::waiting`] *after* it lies in the pool (the
//!    pool's lock may be released by then), and gives one up likewise.
//!
//! The pool's lock orders the two: if whoever waits looked before the connection was there, then
//! the check-in comes after it, and after the ticket, and so sees that someone waits.

mod client_state;
mod clients;
mod places;
mod pool;
mod round_robin;

pub use clients::{ClientPlace, Clients};
pub use places::{Granted, Lease, Places, Ticket};
pub use pool::Pool;
pub use round_robin::RoundRobin;

/// A point in time or a span, in nanoseconds. Points count from an epoch that the caller chooses,
/// the same for all workers.
pub type Nanos = u64;

/// An upstream's number, which the caller chooses. There are enough for never giving one twice,
/// however often upstreams come and go.
pub type Key = u64;
