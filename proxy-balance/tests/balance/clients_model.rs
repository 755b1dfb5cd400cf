//! `Clients` under acceptors, clients, reloads and time, held after each step against what must be
//! true of the whole. Whom it asks to leave is its choice, so that the model is a limit and a clock.

use std::sync::Arc;
use std::task::{Poll, Waker};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use proxy_balance::{ClientPlace, Clients, Nanos};

use crate::alarm::Alarm;

#[derive(Debug, Clone)]
enum Step {
    Accept(Index),
    SetIdle(Index),
    SetBusy(Index),
    /// The client looks whether it was asked, and if so leaves.
    Heed(Index),
    Leave(Index),
    SetLimit(u32),
    Passes(Nanos),
}

#[derive(Debug, Clone)]
struct Model {
    limit: u32,
    now: Nanos,
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        (0..5_u32).prop_map(|limit| Self { limit, now: 0 }).boxed()
    }

    fn transitions(_model: &Self) -> BoxedStrategy<Step> {
        prop_oneof![
            6 => any::<Index>().prop_map(Step::Accept),
            4 => any::<Index>().prop_map(Step::SetIdle),
            3 => any::<Index>().prop_map(Step::SetBusy),
            4 => any::<Index>().prop_map(Step::Heed),
            1 => any::<Index>().prop_map(Step::Leave),
            1 => (0..6_u32).prop_map(Step::SetLimit),
            3 => (0..3_u64).prop_map(Step::Passes),
        ]
        .boxed()
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        match step {
            Step::SetLimit(limit) => model.limit = *limit,
            Step::Passes(nanos) => model.now += nanos,
            Step::Accept(_)
            | Step::SetIdle(_)
            | Step::SetBusy(_)
            | Step::Heed(_)
            | Step::Leave(_) => {}
        }
        model
    }
}

struct Client {
    place: ClientPlace,
    idle_since: Option<Nanos>,
    alarm: Arc<Alarm>,
}

struct Acceptor {
    alarm: Arc<Alarm>,
    waker: Waker,
    /// Its last poll was pending.
    waits: bool,
}

impl Acceptor {
    fn sleeps(&self) -> bool {
        self.waits && !self.alarm.rings()
    }
}

struct World {
    served: Arc<Clients>,
    limit: usize,
    now: Nanos,
    clients: Vec<Client>,
    acceptors: [Acceptor; 2],
}

impl World {
    fn new(limit: u32) -> Self {
        let acceptor = || {
            let (alarm, waker) = Alarm::set();
            Acceptor { alarm, waker, waits: false }
        };
        Self {
            served: Arc::new(Clients::new(limit)),
            limit: limit as usize,
            now: 0,
            clients: Vec::new(),
            acceptors: [acceptor(), acceptor()],
        }
    }

    fn step(&mut self, step: &Step, model: &Model) {
        self.limit = model.limit as usize;
        self.now = model.now;
        match step {
            Step::Accept(index) => self.accept(index.index(self.acceptors.len())),
            Step::SetLimit(limit) => self.served.set_limit(*limit),
            Step::Passes(_) => {}
            Step::SetIdle(index)
            | Step::SetBusy(index)
            | Step::Heed(index)
            | Step::Leave(index) => {
                if !self.clients.is_empty() {
                    let at = index.index(self.clients.len());
                    self.client_acts(step, at);
                }
            }
        }
    }

    fn client_acts(&mut self, step: &Step, at: usize) {
        let client = &mut self.clients[at];
        match step {
            Step::SetIdle(_) => {
                client.idle_since.get_or_insert(self.now);
                client.place.set_idle(self.now);
            }
            Step::SetBusy(_) => {
                client.alarm.silence();
                client.idle_since = None;
                client.place.set_busy();
            }
            Step::Heed(_) if !client.place.asked_to_leave() => {}
            Step::Heed(_) | Step::Leave(_) => drop(self.clients.remove(at)),
            Step::Accept(_) | Step::SetLimit(_) | Step::Passes(_) => {
                unreachable!("not a client's")
            }
        }
    }

    fn accept(&mut self, at: usize) {
        let asked_before = self.asked();
        let acceptor = &mut self.acceptors[at];
        acceptor.alarm.silence();
        match self.served.poll_place(at, &acceptor.waker) {
            Poll::Ready(place) => {
                assert!(self.clients.len() < self.limit);
                acceptor.waits = false;
                let (alarm, waker) = Alarm::set();
                place.register(&waker);
                self.clients.push(Client { place, idle_since: None, alarm });
            }
            Poll::Pending => {
                assert!(self.clients.len() >= self.limit);
                acceptor.waits = true;
                assert!(self.asked() <= asked_before.max(self.needed()), "too many were asked");
            }
        }
    }

    fn asked(&self) -> usize {
        self.clients.iter().filter(|client| client.place.asked_to_leave()).count()
    }

    fn needed(&self) -> usize {
        let sleeping = self.acceptors.iter().filter(|acceptor| acceptor.sleeps()).count();
        (self.clients.len() + sleeping).saturating_sub(self.limit)
    }

    fn check(&self) {
        assert_eq!(self.served.len(), self.clients.len());
        let (asked, others): (Vec<_>, Vec<_>) = self
            .clients
            .iter()
            .filter(|client| client.idle_since.is_some())
            .partition(|client| client.place.asked_to_leave());
        assert_eq!(asked.len(), self.asked(), "only idle ones are asked");
        assert!(asked.iter().all(|client| client.alarm.rings()), "who is asked is woken");
        let last_asked = asked.iter().filter_map(|client| client.idle_since).max();
        let first_other = others.iter().filter_map(|client| client.idle_since).min();
        if let (Some(last_asked), Some(first_other)) = (last_asked, first_other) {
            assert!(last_asked <= first_other, "the longest idle go first");
        }
        if self.acceptors.iter().any(Acceptor::sleeps) {
            assert!(self.clients.len() >= self.limit, "a free place went unnoticed");
            let enough = asked.len() >= self.needed();
            assert!(enough || others.is_empty(), "an idle client went unnoticed");
        }
    }
}

impl StateMachineTest for World {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(model: &Model) -> Self {
        Self::new(model.limit)
    }

    fn apply(mut world: Self, model: &Model, step: Step) -> Self {
        world.step(&step, model);
        world
    }

    fn check_invariants(world: &Self, _model: &Model) {
        world.check();
    }

    fn teardown(mut world: Self, _model: Model) {
        world.clients.clear();
        assert!(world.served.is_empty());
        assert_eq!(Arc::strong_count(&world.served), 1);
    }
}

prop_state_machine! {
    #[test]
    fn no_acceptor_sleeps_over_a_place_it_could_have(sequential 1..120 => World);
}
