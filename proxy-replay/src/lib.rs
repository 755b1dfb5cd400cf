//! Recordings of exchanges: what was said to a [`proxy_proto::Exchange`] and what it answered, as
//! plain data and as text.
//!
//! The core reads no clock and opens no socket, so that a list of its inputs is the whole of a bug.
//! A failure of the simulator, an input of the fuzzer and a connection recorded in production are
//! the same kind of file:
//!
//! ```text
//!   driver ──▶ Recorder ──▶ Exchange          Recording ◀──▶ text: `proxy-replay 1`, …
//!                 │ Tape, when it is on           │
//!                 └──────────────▶ Recording      └──▶ Player ──▶ a Step for each event
//! ```
//!
//! * [`Recorder`] stands in for the exchange and writes down what passes. It costs a branch an
//!   input while it is off.
//! * [`Recording`] is written by `Display` and read by `FromStr`.
//! * [`Player`] puts a new exchange through a recording, compares the actions, and shows state,
//!   timers and lanes after each event.
//!
//! In [`Mode::Masked`] a recording holds message heads without their secrets, chunk framing, and
//! the lengths of everything else: see [`Mode`].

#![forbid(unsafe_code)]

mod event;
mod player;
mod read;
mod reason;
mod recorder;
mod recording;
mod show;
mod sieve;
mod tape;
mod words;
mod write;

pub use event::{Event, Piece};
pub use player::{Divergence, Mismatch, Player, Step};
pub use read::Unreadable;
pub use recorder::Recorder;
pub use recording::{Entry, Header, Mode, Recording};
pub use tape::Tape;
