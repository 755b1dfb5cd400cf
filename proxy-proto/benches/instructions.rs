//! Instructions of the core per request on a keep-alive connection, counted by callgrind, each with
//! the number that it had when it was last recorded. More than 3 % above that is an error.
//!
//! The processor does not matter: valgrind shows a Haswell of its own to whatever looks for vector
//! units, on any machine that has AVX2.

#![allow(
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    reason = "what the macros write is public and qualified, and exits"
)]

mod conversation;
mod messages;

use std::hint::black_box;

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};

use self::conversation::{Conversation, Script};
use self::messages::{bulk, chunked, forty_fields, minimal, post, usual};

/// Whoever makes the core cheaper or, for a reason, dearer, records the new number here.
mod recorded {
    pub(crate) const PARSE: u64 = 6_044;
    pub(crate) const FORWARD: u64 = 5_885;
    pub(crate) const FINISH: u64 = 712;
    pub(crate) const USUAL: u64 = 12_628;
    pub(crate) const MINIMAL: u64 = 9_260;
    pub(crate) const CHUNKED: u64 = 13_174;
    pub(crate) const POST: u64 = 13_660;
    pub(crate) const FORTY_FIELDS: u64 = 22_616;
    pub(crate) const BULK: u64 = 101_625;
}

/// Boxed, so that passing it on copies nothing.
type Played = Box<(Conversation, Script)>;

fn idle(script: Script) -> Played {
    Box::new((Conversation::after(&script), script))
}

fn asked(script: Script) -> Played {
    let mut played = idle(script);
    played.0.asks(&played.1);
    played
}

fn answered(script: Script) -> Played {
    let mut played = asked(script);
    played.0.forwards(&played.1);
    played
}

#[library_benchmark]
#[bench::usual(args = (usual()), setup = idle, teardown = drop, config = within(recorded::PARSE))]
fn parse(mut played: Played) -> Played {
    let (conversation, script) = black_box(&mut *played);
    conversation.asks(script);
    played
}

#[library_benchmark]
#[bench::usual(args = (usual()), setup = asked, teardown = drop, config = within(recorded::FORWARD))]
fn forward(mut played: Played) -> Played {
    let (conversation, script) = black_box(&mut *played);
    conversation.forwards(script);
    played
}

#[library_benchmark]
#[bench::usual(args = (usual()), setup = answered, teardown = drop, config = within(recorded::FINISH))]
fn finish(mut played: Played) -> Played {
    black_box(&mut *played).0.finishes();
    played
}

#[library_benchmark(setup = idle, teardown = drop)]
#[bench::usual(args = (usual()), config = within(recorded::USUAL))]
#[bench::minimal(args = (minimal()), config = within(recorded::MINIMAL))]
#[bench::chunked(args = (chunked()), config = within(recorded::CHUNKED))]
#[bench::post(args = (post()), config = within(recorded::POST))]
#[bench::forty_fields(args = (forty_fields()), config = within(recorded::FORTY_FIELDS))]
#[bench::bulk(args = (bulk()), config = within(recorded::BULK))]
fn whole(mut played: Played) -> Played {
    let (conversation, script) = black_box(&mut *played);
    conversation.plays(script);
    played
}

fn within(recorded: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, recorded + recorded * 3 / 100)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

library_benchmark_group!(name = request, benchmarks = [parse, forward, finish, whole]);
main!(library_benchmark_groups = request);
