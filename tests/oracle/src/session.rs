//! Any sequence of events at the interface of the core, by a driver that keeps its law. After each
//! event:
//!
//! * Bytes that were handed out stay, until they are sent or their connection has ended.
//! * What waits to be sent is bounded by the windows, an interest is worth its name, and whatever
//!   is not closed waits for a peer, for the driver or for a point in time. A deadline that has
//!   passed is gone.
//! * Actions come in an order that a driver can follow: one route, one connection and one finish a
//!   request; each connection is parked or dropped once, and parked only between two messages.
//! * Nothing follows a close: no action, no byte, no interest, no deadline.
//!
//! And when all is over, to which time alone brings it, unless its timeouts are off:
//!
//! * Each request ends in one summary, which counts the bytes that the client got for it.
//! * The requests that asked for a route are those that the reference reader finds in what the
//!   client sent, in that order, to the end of the body. A request is sent twice only if it is
//!   idempotent or nothing of it was sent before.
//! * What each upstream got is, to that reader, such requests, whole or broken off.
//! * What the client got is one response a request, its own, whole or visibly cut: a body that the
//!   upstream did not end is not ended.

mod check;
mod ends;
mod event;
mod pieces;
mod readings;
mod world;

pub use event::{Answer, Event, Piece};
pub use pieces::PIECES;
pub use world::World;

/// Plays the events and then lets time pass until the end. Panics if any of the above is broken.
pub fn check(events: &[Event]) {
    let mut world = World::new();
    for event in events {
        world.apply(event);
    }
    world.ends();
}
