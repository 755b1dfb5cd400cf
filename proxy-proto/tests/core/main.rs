//! The core's tests: one program, because each would link all of it again.

mod answers;
mod basic;
mod docs;
mod driving;
mod joint;
mod model;
mod split;
mod strict;
mod timers;
mod wire;
