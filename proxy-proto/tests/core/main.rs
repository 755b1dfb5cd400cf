//! The core's tests: one program, because each would link all of it again.

mod answers;
mod basic;
mod docs;
mod driving;
mod hostile;
mod joint;
mod model;
mod split;
mod timers;
mod wire;
