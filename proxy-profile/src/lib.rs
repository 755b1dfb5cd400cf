//! CPU profiles by component: sampled, classified, and pushed to a Pyroscope server or handed out
//! as a pprof file.
//!
//! ```text
//!   SIGPROF, so often per second of CPU time
//!      │
//!   Sampler ── stacks ──▶ Component::of ── the label `component` ──┬─▶ Pusher ──▶ server
//!   one in a process          pure                                      └─▶ Capture ──▶ file
//! ```
//!
//! Samples, symbols and the protocol to the server are the crate `pyroscope`'s. While neither a
//! [`Pusher`] nor a [`Capture`] lives, there is no timer, no signal and no thread.

mod capture;
mod complaints;
mod component;
mod push;
mod sampler;

pub use capture::{Capture, CaptureError};
pub use component::{Component, Frame};
pub use push::{Pusher, Target};
