//! Seeds that hold, and that one seed is one run.

use proxy_replay::{Player, Recording};
use proxy_sim::{Options, Plan, explain, play};

#[test]
fn all_invariants_hold_in_two_thousand_worlds() {
    for seed in 0..2000 {
        let outcome = play(&Plan::of(seed), Options::default());
        assert!(outcome.failure.is_none(), "{}", explain(seed, None));
    }
}

#[test]
fn one_seed_decides_everything() {
    for seed in 0..100 {
        let [first, again] = [(); 2].map(|()| play(&Plan::of(seed), Options::default()));
        assert_eq!((first.hash, first.steps), (again.hash, again.steps), "seed {seed}");
    }
}

#[test]
fn recordings_change_nothing_and_replay_as_it_was() {
    let mut played = 0;
    for seed in 0..100 {
        let silent = play(&Plan::of(seed), Options::default());
        let recorded = play(&Plan::of(seed), Options { records: true, ..Options::default() });
        assert_eq!(silent.hash, recorded.hash, "seed {seed}");
        for recording in recorded.recordings {
            let text = recording.to_string();
            let read: Recording = text.parse().expect("what was written can be read");
            let events = Player::new(&read).run();
            played += events.unwrap_or_else(|divergence| panic!("{seed}: {divergence}\n{text}"));
        }
    }
    assert!(played > 10_000, "only {played} events");
}
