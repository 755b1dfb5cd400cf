//! `Pool` against a model that keeps one flat list.

use proptest::prelude::*;
use proxy_balance::{Nanos, Pool};

#[derive(Debug, Clone)]
enum Step {
    Passes(Nanos),
    AddUpstream(u32),
    RemoveUpstream(u32),
    CheckIn(u32),
    CheckOut(u32),
    TakeOldest(u32),
    PopExpired,
    Sweep(u32),
    SetIdleTimeout(Nanos),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..10_u64).prop_map(Step::Passes),
        2 => (0..3_u32).prop_map(Step::AddUpstream),
        1 => (0..3_u32).prop_map(Step::RemoveUpstream),
        6 => (0..3_u32).prop_map(Step::CheckIn),
        2 => (0..3_u32).prop_map(Step::CheckOut),
        1 => (0..3_u32).prop_map(Step::TakeOldest),
        2 => Just(Step::PopExpired),
        1 => (2..5_u32).prop_map(Step::Sweep),
        1 => (0..30_u64).prop_map(Step::SetIdleTimeout),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Idle {
    upstream: u32,
    number: u32,
    since: Nanos,
}

/// Oldest first.
#[derive(Default)]
struct Model {
    known: Vec<u32>,
    idle: Vec<Idle>,
    timeout: Nanos,
}

impl Model {
    fn take(&mut self, found: Option<usize>) -> Option<u32> {
        found.map(|at| self.idle.remove(at).number)
    }

    fn take_all(&mut self, taken: impl Fn(&Idle) -> bool) -> Vec<u32> {
        self.idle.extract_if(.., |idle| taken(idle)).map(|idle| idle.number).collect()
    }
}

proptest! {
    #[test]
    fn the_pool_behaves_as_one_flat_list(
        timeout in 0..30_u64,
        steps in prop::collection::vec(step(), 0..100),
    ) {
        let mut pool = Pool::new(timeout);
        let mut model = Model { timeout, ..Model::default() };
        let mut now = 0;
        for (number, step) in (0..).zip(steps) {
            match step {
                Step::Passes(nanos) => now += nanos,
                Step::AddUpstream(upstream) => {
                    pool.add_upstream(upstream);
                    model.known.push(upstream);
                }
                Step::RemoveUpstream(upstream) => {
                    model.known.retain(|known| *known != upstream);
                    let expected = model.take_all(|idle| idle.upstream == upstream);
                    prop_assert_eq!(pool.remove_upstream(upstream).collect::<Vec<_>>(), expected);
                }
                Step::CheckIn(upstream) => {
                    let kept = model.timeout > 0 && model.known.contains(&upstream);
                    prop_assert_eq!(pool.check_in(upstream, number, now).is_ok(), kept);
                    if kept {
                        model.idle.push(Idle { upstream, number, since: now });
                    }
                }
                Step::CheckOut(upstream) => {
                    let found = model.idle.iter().rposition(|idle| {
                        idle.upstream == upstream && now < idle.since + model.timeout
                    });
                    prop_assert_eq!(pool.check_out(upstream, now), model.take(found));
                }
                Step::TakeOldest(upstream) => {
                    let found = model.idle.iter().position(|idle| idle.upstream == upstream);
                    prop_assert_eq!(pool.take_oldest(upstream), model.take(found));
                }
                Step::PopExpired => {
                    // Of several that became idle at one instant, either may come first.
                    let popped = pool.pop_expired(now);
                    let oldest = model.idle.first().copied();
                    let due = oldest.filter(|oldest| oldest.since + model.timeout <= now);
                    prop_assert_eq!(popped.is_some(), due.is_some());
                    let found = model.idle.iter().position(|idle| Some(idle.number) == popped);
                    prop_assert_eq!(found.map(|at| model.idle[at].since), due.map(|due| due.since));
                    model.take(found);
                }
                Step::Sweep(divisor) => {
                    let mut expected = model.take_all(|idle| idle.number % divisor == 0);
                    let mut swept = pool.sweep(|number| *number % divisor == 0);
                    expected.sort_unstable();
                    swept.sort_unstable();
                    prop_assert_eq!(swept, expected);
                }
                Step::SetIdleTimeout(timeout) => {
                    pool.set_idle_timeout(timeout);
                    model.timeout = timeout;
                }
            }
            for upstream in 0..3 {
                let expected = model.idle.iter().filter(|idle| idle.upstream == upstream).count();
                prop_assert_eq!(pool.len(upstream), expected);
            }
            prop_assert_eq!(pool.is_empty(), model.idle.is_empty());
            let deadline = model.idle.first().map(|oldest| oldest.since + model.timeout);
            prop_assert_eq!(pool.deadline(), deadline);
        }
    }
}
