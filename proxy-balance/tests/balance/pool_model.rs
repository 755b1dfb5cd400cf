//! `Pool` beside a model that keeps one flat list.

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use proxy_balance::{Nanos, Pool};

#[derive(Debug, Clone)]
enum Step {
    Passes(Nanos),
    AddUpstream(u64),
    RemoveUpstream(u64),
    CheckIn(u64),
    CheckOut(u64),
    TakeOldest(u64),
    PopExpired,
    Sweep(u32),
    SetIdleTimeout(Nanos),
    Drain,
}

#[derive(Debug, Clone, Copy)]
struct Idle {
    upstream: u64,
    number: u32,
    since: Nanos,
}

#[derive(Debug, Clone, Default)]
struct Model {
    known: Vec<u64>,
    /// Oldest first.
    idle: Vec<Idle>,
    timeout: Nanos,
    now: Nanos,
    /// The connections there have been.
    connections: u32,
    /// What came out in the last step, in ascending order.
    out: Vec<u32>,
}

impl Model {
    fn take(&mut self, found: Option<usize>) {
        self.out.extend(found.map(|at| self.idle.remove(at).number));
    }

    fn take_all(&mut self, taken: impl Fn(&Idle) -> bool) {
        self.out = self.idle.extract_if(.., |idle| taken(idle)).map(|idle| idle.number).collect();
        self.out.sort_unstable();
    }

    fn of(&self, upstream: u64) -> usize {
        self.idle.iter().filter(|idle| idle.upstream == upstream).count()
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        (0..30_u64).prop_map(|timeout| Self { timeout, ..Self::default() }).boxed()
    }

    fn transitions(_model: &Self) -> BoxedStrategy<Step> {
        prop_oneof![
            4 => (0..10_u64).prop_map(Step::Passes),
            4 => (0..3_u64).prop_map(Step::AddUpstream),
            1 => (0..3_u64).prop_map(Step::RemoveUpstream),
            12 => (0..3_u64).prop_map(Step::CheckIn),
            4 => (0..3_u64).prop_map(Step::CheckOut),
            2 => (0..3_u64).prop_map(Step::TakeOldest),
            4 => Just(Step::PopExpired),
            2 => (2..5_u32).prop_map(Step::Sweep),
            2 => (0..30_u64).prop_map(Step::SetIdleTimeout),
            1 => Just(Step::Drain),
        ]
        .boxed()
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        model.out.clear();
        // Of several that became idle at one instant any may come first; so let there be none.
        model.now += 1;
        let (now, timeout) = (model.now, model.timeout);
        match *step {
            Step::Passes(nanos) => model.now += nanos,
            Step::AddUpstream(upstream) => model.known.push(upstream),
            Step::RemoveUpstream(upstream) => {
                model.known.retain(|known| *known != upstream);
                model.take_all(|idle| idle.upstream == upstream);
            }
            Step::CheckIn(upstream) => {
                let number = model.connections;
                model.connections += 1;
                if timeout > 0 && model.known.contains(&upstream) {
                    model.idle.push(Idle { upstream, number, since: now });
                } else {
                    model.out.push(number);
                }
            }
            Step::CheckOut(upstream) => {
                let lives = |idle: &Idle| idle.upstream == upstream && now < idle.since + timeout;
                model.take(model.idle.iter().rposition(lives));
            }
            Step::TakeOldest(upstream) => {
                model.take(model.idle.iter().position(|idle| idle.upstream == upstream));
            }
            Step::PopExpired => {
                let oldest = model.idle.first().filter(|oldest| oldest.since + timeout <= now);
                model.take(oldest.map(|_| 0));
            }
            Step::Sweep(divisor) => model.take_all(|idle| idle.number % divisor == 0),
            Step::SetIdleTimeout(timeout) => model.timeout = timeout,
            Step::Drain => {
                model.known.clear();
                model.take_all(|_| true);
            }
        }
        model
    }
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = Pool<u32>;
    type Reference = Model;

    fn init_test(model: &Model) -> Pool<u32> {
        Pool::new(model.timeout)
    }

    fn apply(mut pool: Pool<u32>, model: &Model, step: Step) -> Pool<u32> {
        let now = model.now;
        let mut out: Vec<u32> = match step {
            Step::Passes(_) => Vec::new(),
            Step::AddUpstream(upstream) => {
                pool.add_upstream(upstream);
                Vec::new()
            }
            Step::RemoveUpstream(upstream) => pool.remove_upstream(upstream).collect(),
            Step::CheckIn(upstream) => {
                pool.check_in(upstream, model.connections - 1, now).err().into_iter().collect()
            }
            Step::CheckOut(upstream) => pool.check_out(upstream, now).into_iter().collect(),
            Step::TakeOldest(upstream) => pool.take_oldest(upstream).into_iter().collect(),
            Step::PopExpired => pool.pop_expired(now).into_iter().collect(),
            Step::Sweep(divisor) => pool.sweep(|number| *number % divisor == 0),
            Step::SetIdleTimeout(timeout) => {
                pool.set_idle_timeout(timeout);
                Vec::new()
            }
            Step::Drain => pool.drain().collect(),
        };
        out.sort_unstable();
        assert_eq!(out, model.out);
        pool
    }

    fn check_invariants(pool: &Pool<u32>, model: &Model) {
        for upstream in 0..3 {
            assert_eq!(pool.len(upstream), model.of(upstream));
        }
        assert_eq!(pool.is_empty(), model.idle.is_empty());
        let deadline = model.idle.first().map(|oldest| oldest.since + model.timeout);
        assert_eq!(pool.deadline(), deadline);
    }
}

prop_state_machine! {
    #[test]
    fn the_pool_behaves_as_one_flat_list(sequential 1..100 => Test);
}
