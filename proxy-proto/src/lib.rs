//! One client connection and the upstream serving it, as a pure state machine.
//!
//! The [`Exchange`] takes bytes and time and answers with what to forward, what to wait for and
//! when to give up. It opens no socket, reads no clock, draws no random number and logs nothing, so
//! that the same machine runs under any runtime, a fuzzer or a simulator, and a bug is a list of
//! inputs that anyone can replay. `no_std` is the proof: the compiler keeps the rest out.
//!
//! ```text
//!            request lane                       four halves
//!          ┌───────────────┐
//!  client ─▶ recv     send ─▶ upstream          each lane is a window of fixed size between
//!         ◀─ send     recv ◀─                   the half that receives and the half that sends
//!          └───────────────┘
//!            response lane
//! ```
//!
//! # Bytes and time are levels, commands are edges
//!
//! `handle_` takes, `poll_` is consumed by asking, a noun is observed. Outgoing bytes
//! ([`Exchange::transmit`]), interest and the deadline are observations: ask as often as you like,
//! nothing is lost. Only one-shot commands come through a small queue
//! ([`Exchange::poll_action`]).
//!
//! # Core law
//!
//! 1. A byte handed out by `transmit` stays where it is until `handle_sent` covers it.
//! 2. Every non-terminal state has an interest, a pending or unanswered action, or a deadline.
//!    Otherwise it is stuck, and `check_invariants` panics in debug builds.
//! 3. What a peer sends changes that peer's fate and never panics.
//! 4. After `Close` or `Abort`, every `handle_*` is a no-op.
//!
//! # Driver law
//!
//! 1. After any `handle_*`, take actions until `None`.
//! 2. Suspend only when every declared interest has itself returned pending in this pass and the
//!    deadline is armed.
//! 3. Bound the pass, then yield with a self-wake.
//! 4. Ask for [`Exchange::spare`], which may move a window's fragments, only when no kernel
//!    operation fills that window.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
// What is derived for fuzzing names it.
#[cfg(fuzzing)]
extern crate std;

mod action;
mod answer;
mod chunked;
mod close_reason;
mod exchange;
mod fault;
mod flow;
mod framing;
mod head;
mod instant;
mod lanes;
mod pace;
mod peer;
mod request_head;
mod settings;
mod state;
mod timer;
mod transmit;
mod window;

pub use action::{Action, Attempt, Interest, Reply, Summary};
pub use answer::LocalHead;
pub use close_reason::CloseReason;
pub use exchange::{Exchange, Glance, LaneGlance};
pub use fault::{Blame, Cause, Fault};
pub use instant::Instant;
pub use lanes::Lanes;
pub use peer::Peer;
pub use request_head::RequestHead;
pub use settings::{Limits, Settings, Timeouts};
pub use timer::{Deadline, Timer};
pub use transmit::Transmit;
pub use uuid::Uuid;
