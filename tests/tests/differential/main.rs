//! The same script of requests and answers, cut at random places, is played to each binary. What
//! the clients got, what the upstream got, how their connections ended and what the metrics say must
//! be the same.
//!
//! Another seed, also that of a run that failed: `PROXY_DIFF_SEED=7 cargo test -p proxy-tests --test
//! differential`.

#![cfg(target_os = "linux")]

mod answer;
mod dice;
mod outcome;
mod player;
mod request;
mod script;

use std::panic::resume_unwind;
use std::thread;

use proxy_tests::BINARIES;

use player::Player;
use script::Script;

#[test]
fn every_binary_does_the_same() {
    let seed = std::env::var(SEED).map_or(1, |seed| seed.parse().expect("a seed is a number"));
    eprintln!("{SEED}={seed}");
    let script = Script::of(seed, VISITS);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let play = |binary| {
            scope.spawn({
                let script = &script;
                move || Player::plays(binary, script)
            })
        };
        let plays: Vec<_> = BINARIES.iter().map(|binary| play(*binary)).collect();
        plays
            .into_iter()
            .map(|play| play.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    let (first, others) = outcomes.split_first().expect("there is a binary");
    for (other, binary) in others.iter().zip(&BINARIES[1..]) {
        first.is_like(other, &format!("{:?} and {binary:?}", BINARIES[0]));
    }
}

const SEED: &str = "PROXY_DIFF_SEED";
const VISITS: usize = 100;
