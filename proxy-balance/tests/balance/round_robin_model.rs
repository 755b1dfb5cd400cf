//! `RoundRobin` beside a number, over picks and reloads; and while others join and leave.

use std::num::NonZeroUsize;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use proxy_balance::RoundRobin;

#[derive(Debug, Clone)]
enum Step {
    Pick,
    /// A reload leaves so many upstreams.
    Reload(usize),
}

/// Counts for ever, where the rotation must not.
#[derive(Debug, Clone)]
struct Model {
    upstreams: usize,
    picks: usize,
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        (1..6_usize).prop_map(|upstreams| Self { upstreams, picks: 0 }).boxed()
    }

    fn transitions(_model: &Self) -> BoxedStrategy<Step> {
        prop_oneof![8 => Just(Step::Pick), 1 => (1..6_usize).prop_map(Step::Reload)].boxed()
    }

    fn apply(model: Self, step: &Step) -> Self {
        match *step {
            Step::Pick => Self { picks: model.picks + 1, ..model },
            Step::Reload(upstreams) => Self { upstreams, picks: model.picks % model.upstreams },
        }
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = RoundRobin;
    type Reference = Model;

    fn init_test(model: &Model) -> RoundRobin {
        RoundRobin::new(NonZeroUsize::new(model.upstreams).unwrap())
    }

    fn apply(rotation: RoundRobin, model: &Model, step: Step) -> RoundRobin {
        match step {
            Step::Pick => {
                assert_eq!(rotation.pick(), (model.picks - 1) % model.upstreams);
                rotation
            }
            Step::Reload(upstreams) => {
                RoundRobin::resume(NonZeroUsize::new(upstreams).unwrap(), rotation.position())
            }
        }
    }

    fn check_invariants(rotation: &RoundRobin, model: &Model) {
        assert_eq!(rotation.position(), model.picks % model.upstreams);
    }
}

prop_state_machine! {
    #[test]
    fn the_rotation_behaves_as_a_count_of_picks(sequential 1..60 => Test);
}

proptest! {
    #[test]
    fn those_who_stay_rotate_strictly_whoever_joins_and_leaves(
        steps in proptest::collection::vec((0..8_usize, any::<u8>()), 1..40),
    ) {
        const STAY: [u64; 3] = [1, 4, 6];
        let mut list = STAY.to_vec();
        let mut rotation = RoundRobin::new(NonZeroUsize::new(list.len()).unwrap());
        let mut served = Vec::new();
        for (picks, there) in steps {
            served.extend((0..picks).map(|_| list[rotation.pick()]));
            let is_there = |n: &u64| STAY.contains(n) || there >> n & 1 == 1;
            let current: Vec<_> = (0..8).filter(is_there).collect();
            rotation = rotation.succeed(&list, &current);
            list = current;
        }
        let turns = served.into_iter().filter(|upstream| STAY.contains(upstream));
        for (turn, expected) in turns.zip(STAY.into_iter().cycle()) {
            prop_assert_eq!(turn, expected);
        }
    }
}
