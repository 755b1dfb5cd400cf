//! Seeds that hold, and that one seed is one run.

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
