//! The core's tests: one program, because each would link all of it again.

mod answers;
mod basic;
mod bulk;
mod docs;
mod driving;
mod grammar;
mod hostile;
mod joint;
mod model;
mod mutations;
mod round_trips;
mod sessions;
mod split;
mod timers;
mod wire;
