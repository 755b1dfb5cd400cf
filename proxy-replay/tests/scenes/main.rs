//! Whole connections, recorded and replayed.

#![allow(clippy::cast_possible_truncation, reason = "what dice show is small")]

mod messages;
mod world;

use proptest::prelude::*;
use proxy_replay::{Mode, Player, Recording};

use crate::world::{Dice, World};

fn play(seed: u64, mode: Mode) -> World {
    let mut dice = Dice(seed);
    let requests = messages::requests(&mut dice);
    let responses = messages::responses(&mut dice);
    World::play(seed, mode, &requests, &responses)
}

fn read_back(recording: &Recording) -> Recording {
    let text = recording.to_string();
    text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_happens_replays_as_it_was(seed in any::<u64>()) {
        for recording in play(seed, Mode::Raw).recordings {
            let again = read_back(&recording);
            prop_assert_eq!(&again, &recording);
            if let Err(divergence) = Player::new(&again).run() {
                panic!("{divergence}\n{again}");
            }
        }
    }

    #[test]
    fn masked_recordings_hold_no_body_and_no_secret(seed in any::<u64>()) {
        for recording in play(seed, Mode::Masked).recordings {
            let text = recording.to_string();
            prop_assert!(!text.contains(['Q', 'Z']), "{}", text);
        }
    }

    #[test]
    fn masked_recordings_replay_as_it_was(seed in any::<u64>()) {
        for recording in play(seed, Mode::Masked).recordings {
            let again = read_back(&recording);
            if let Err(divergence) = Player::new(&again).run() {
                panic!("{divergence}\n{again}");
            }
        }
    }
}

#[test]
fn recordings_begin_anew_behind_requests() {
    let beginnings: usize = (0..200).map(|seed| play(seed, Mode::Raw).beginnings).sum();
    assert!(beginnings > 100, "{beginnings}");
}
