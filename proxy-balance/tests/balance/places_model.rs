//! `Places` beside a model that is a counter and a list, and says after each step who holds what and
//! who was woken.

use std::sync::Arc;
use std::task::Poll;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use proxy_balance::{Granted, Lease, Places, Ticket};

use crate::alarm::Alarm;

/// Connections and waiters are named by where they stand in their lists.
#[derive(Debug, Clone)]
enum Step {
    Acquire,
    Queue,
    Poll(usize),
    DropTicket(usize),
    Close(usize),
    HandOver(usize),
    SetLimit(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Waits,
    Place,
    Connection(u32),
}

#[derive(Debug, Clone)]
struct Model {
    limit: usize,
    /// By their numbers.
    connections: Vec<u32>,
    next_number: u32,
    /// In order of arrival.
    waiters: Vec<Expected>,
    /// In which order all is dropped in the end.
    tickets_first: bool,
}

impl Model {
    fn connect(&mut self) {
        self.connections.push(self.next_number);
        self.next_number += 1;
    }

    fn open(&self) -> usize {
        self.connections.len() + self.waiters.len() - self.waiting()
    }

    fn waiting(&self) -> usize {
        self.waiters.iter().filter(|waiter| **waiter == Expected::Waits).count()
    }

    fn first_waiting(&mut self) -> Option<&mut Expected> {
        self.waiters.iter_mut().find(|waiter| **waiter == Expected::Waits)
    }

    /// Grants what is free.
    fn serve(&mut self) {
        while self.open() < self.limit {
            let Some(waiter) = self.first_waiting() else {
                return;
            };
            *waiter = Expected::Place;
        }
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        (0..4_usize, any::<bool>())
            .prop_map(|(limit, tickets_first)| Self {
                limit,
                connections: Vec::new(),
                next_number: 0,
                waiters: Vec::new(),
                tickets_first,
            })
            .boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Step> {
        let mut steps = vec![
            (2, Just(Step::Acquire).boxed()),
            (4, Just(Step::Queue).boxed()),
            (1, (0..5_u32).prop_map(Step::SetLimit).boxed()),
        ];
        let (waiters, connections) = (model.waiters.len(), model.connections.len());
        if waiters > 0 {
            steps.push((4, (0..waiters).prop_map(Step::Poll).boxed()));
            steps.push((2, (0..waiters).prop_map(Step::DropTicket).boxed()));
        }
        if connections > 0 {
            steps.push((2, (0..connections).prop_map(Step::Close).boxed()));
            steps.push((2, (0..connections).prop_map(Step::HandOver).boxed()));
        }
        proptest::strategy::Union::new_weighted(steps).boxed()
    }

    fn preconditions(model: &Self, step: &Step) -> bool {
        match step {
            Step::Acquire | Step::Queue | Step::SetLimit(_) => true,
            Step::Poll(at) | Step::DropTicket(at) => *at < model.waiters.len(),
            Step::Close(at) | Step::HandOver(at) => *at < model.connections.len(),
        }
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        match *step {
            Step::Acquire => {
                if model.open() < model.limit && model.waiting() == 0 {
                    model.connect();
                }
            }
            Step::Queue => model.waiters.push(Expected::Waits),
            Step::Poll(at) => match model.waiters[at] {
                Expected::Waits => {}
                Expected::Place => {
                    model.waiters.remove(at);
                    model.connect();
                }
                Expected::Connection(number) => {
                    model.waiters.remove(at);
                    model.connections.push(number);
                }
            },
            Step::DropTicket(at) => {
                if let Expected::Connection(number) = model.waiters.remove(at)
                    && let Some(waiter) = model.first_waiting()
                {
                    *waiter = Expected::Connection(number);
                }
            }
            Step::Close(at) => drop(model.connections.remove(at)),
            Step::HandOver(at) => {
                let number = model.connections.remove(at);
                match model.first_waiting() {
                    Some(waiter) => *waiter = Expected::Connection(number),
                    None => model.connections.push(number),
                }
            }
            Step::SetLimit(limit) => model.limit = limit as usize,
        }
        model.serve();
        model
    }
}

struct Connection {
    number: u32,
    _lease: Lease<Connection>,
}

struct Waiter {
    ticket: Ticket<Connection>,
    /// Rings when it is to poll again; `None` until its first poll.
    alarm: Option<Arc<Alarm>>,
}

struct World {
    places: Arc<Places<Connection>>,
    connections: Vec<Connection>,
    next_number: u32,
    waiters: Vec<Waiter>,
}

impl World {
    fn connect(&mut self, lease: Lease<Connection>) {
        self.connections.push(Connection { number: self.next_number, _lease: lease });
        self.next_number += 1;
    }

    fn poll(&mut self, at: usize) {
        let (alarm, waker) = Alarm::set();
        let waiter = &mut self.waiters[at];
        let result = waiter.ticket.poll(&waker);
        waiter.alarm = Some(alarm);
        let Poll::Ready(granted) = result else { return };
        self.waiters.remove(at);
        match granted {
            Granted::Place(lease) => self.connect(lease),
            Granted::Connection(connection) => self.connections.push(connection),
        }
    }
}

impl StateMachineTest for World {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(model: &Model) -> Self {
        Self {
            places: Arc::new(Places::new(u32::try_from(model.limit).unwrap())),
            connections: Vec::new(),
            next_number: 0,
            waiters: Vec::new(),
        }
    }

    fn apply(mut world: Self, _model: &Model, step: Step) -> Self {
        match step {
            Step::Acquire => {
                if let Some(lease) = world.places.try_acquire() {
                    world.connect(lease);
                }
            }
            Step::Queue => {
                let ticket = world.places.queue();
                world.waiters.push(Waiter { ticket, alarm: None });
            }
            Step::Poll(at) => world.poll(at),
            Step::DropTicket(at) => drop(world.waiters.remove(at)),
            Step::Close(at) => drop(world.connections.remove(at)),
            Step::HandOver(at) => {
                let connection = world.connections.remove(at);
                world.connections.extend(world.places.hand_over(connection).err());
            }
            Step::SetLimit(limit) => world.places.set_limit(limit),
        }
        world
    }

    fn check_invariants(world: &Self, model: &Model) {
        let numbers: Vec<_> =
            world.connections.iter().map(|connection| connection.number).collect();
        assert_eq!(numbers, model.connections);
        assert_eq!(world.places.open() as usize, model.open());
        assert_eq!(world.places.waiting() as usize, model.waiting());
        assert_eq!(world.places.over_limit(), model.open() > model.limit);
        assert!(model.waiting() == 0 || model.open() >= model.limit, "a waiter was forgotten");
        assert_eq!(world.waiters.len(), model.waiters.len());
        for (waiter, expected) in world.waiters.iter().zip(&model.waiters) {
            if let Some(alarm) = &waiter.alarm {
                assert_eq!(alarm.rings(), *expected != Expected::Waits);
            }
        }
    }

    /// Whatever is dropped first, nothing is left.
    fn teardown(world: Self, model: Model) {
        let Self { places, connections, waiters, .. } = world;
        if model.tickets_first {
            drop(waiters);
            drop(connections);
        } else {
            drop(connections);
            drop(waiters);
        }
        assert_eq!((places.open(), places.waiting()), (0, 0));
        assert_eq!(Arc::strong_count(&places), 1);
    }
}

prop_state_machine! {
    #[test]
    fn places_behave_as_a_counter_and_a_list(sequential 1..80 => World);
}
