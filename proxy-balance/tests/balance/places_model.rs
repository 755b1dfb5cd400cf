//! `Places` against a reference model, over random interleavings of all that may be done to it.
//! The model is a counter and a list, and says after each step who holds what and who was woken.

use std::sync::Arc;
use std::task::Poll;

use proptest::prelude::*;
use proptest::sample::Index;
use proxy_balance::{Granted, Lease, Places, Ticket};

use crate::alarm::Alarm;

#[derive(Debug, Clone)]
enum Step {
    Acquire,
    Queue,
    Poll(Index),
    DropTicket(Index),
    Close(Index),
    HandOver(Index),
    SetLimit(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => Just(Step::Acquire),
        4 => Just(Step::Queue),
        4 => any::<Index>().prop_map(Step::Poll),
        2 => any::<Index>().prop_map(Step::DropTicket),
        2 => any::<Index>().prop_map(Step::Close),
        2 => any::<Index>().prop_map(Step::HandOver),
        1 => (0..5_u32).prop_map(Step::SetLimit),
    ];
    prop::collection::vec(step, 0..80)
}

struct Connection {
    number: u32,
    _lease: Lease<Connection>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Waits,
    Place,
    Connection(u32),
}

struct Waiter {
    ticket: Ticket<Connection>,
    expected: Expected,
    /// Rings when it is to poll again; `None` until its first poll.
    alarm: Option<Arc<Alarm>>,
}

struct World {
    places: Arc<Places<Connection>>,
    limit: usize,
    connections: Vec<Connection>,
    next_number: u32,
    /// In order of arrival.
    waiters: Vec<Waiter>,
}

impl World {
    fn new(limit: u32) -> Self {
        Self {
            places: Arc::new(Places::new(limit)),
            limit: limit as usize,
            connections: Vec::new(),
            next_number: 0,
            waiters: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Acquire => {
                let lease = self.places.try_acquire();
                assert_eq!(lease.is_some(), self.open() < self.limit && self.waiting() == 0);
                if let Some(lease) = lease {
                    self.connect(lease);
                }
            }
            Step::Queue => {
                let ticket = self.places.queue();
                self.waiters.push(Waiter { ticket, expected: Expected::Waits, alarm: None });
                self.expect_served();
            }
            Step::Poll(index) if !self.waiters.is_empty() => {
                let at = index.index(self.waiters.len());
                self.poll(at);
            }
            Step::DropTicket(index) if !self.waiters.is_empty() => {
                let waiter = self.waiters.remove(index.index(self.waiters.len()));
                if let Expected::Connection(number) = waiter.expected {
                    self.expect_handed_over(number);
                }
                self.expect_served();
                drop(waiter.ticket);
            }
            Step::Close(index) if !self.connections.is_empty() => {
                let at = index.index(self.connections.len());
                let connection = self.connections.remove(at);
                self.expect_served();
                drop(connection);
            }
            Step::HandOver(index) if !self.connections.is_empty() => {
                let at = index.index(self.connections.len());
                let connection = self.connections.remove(at);
                let taken = self.expect_handed_over(connection.number);
                let result = self.places.hand_over(connection);
                assert_eq!(result.is_ok(), taken);
                self.connections.extend(result.err());
            }
            Step::SetLimit(limit) => {
                self.limit = *limit as usize;
                self.expect_served();
                self.places.set_limit(*limit);
            }
            Step::Poll(_) | Step::DropTicket(_) | Step::Close(_) | Step::HandOver(_) => {}
        }
        self.check();
    }

    fn poll(&mut self, at: usize) {
        let (alarm, waker) = Alarm::set();
        let waiter = &mut self.waiters[at];
        let result = waiter.ticket.poll(&waker);
        waiter.alarm = Some(alarm);
        match (waiter.expected, result) {
            (Expected::Waits, Poll::Pending) => {}
            (Expected::Place, Poll::Ready(Granted::Place(lease))) => {
                self.waiters.remove(at);
                self.connect(lease);
            }
            (Expected::Connection(number), Poll::Ready(Granted::Connection(connection))) => {
                assert_eq!(connection.number, number);
                self.waiters.remove(at);
                self.connections.push(connection);
            }
            (expected, result) => {
                let ready = result.is_ready();
                panic!("expected {expected:?}, but ready is {ready} or the grant another")
            }
        }
    }

    fn connect(&mut self, lease: Lease<Connection>) {
        self.connections.push(Connection { number: self.next_number, _lease: lease });
        self.next_number += 1;
    }

    fn open(&self) -> usize {
        let granted = self.waiters.iter().filter(|waiter| waiter.expected != Expected::Waits);
        self.connections.len() + granted.count()
    }

    fn waiting(&self) -> usize {
        self.waiters.iter().filter(|waiter| waiter.expected == Expected::Waits).count()
    }

    fn first_waiting(&mut self) -> Option<&mut Waiter> {
        self.waiters.iter_mut().find(|waiter| waiter.expected == Expected::Waits)
    }

    fn expect_served(&mut self) {
        while self.open() < self.limit {
            let Some(waiter) = self.first_waiting() else {
                return;
            };
            waiter.expected = Expected::Place;
        }
    }

    fn expect_handed_over(&mut self, number: u32) -> bool {
        let first = self.first_waiting();
        first.map(|waiter| waiter.expected = Expected::Connection(number)).is_some()
    }

    fn check(&self) {
        assert_eq!(self.places.open() as usize, self.open());
        assert_eq!(self.places.waiting() as usize, self.waiting());
        assert_eq!(self.places.over_limit(), self.open() > self.limit);
        assert!(self.waiting() == 0 || self.open() >= self.limit, "a waiter was forgotten");
        for waiter in &self.waiters {
            if let Some(alarm) = &waiter.alarm {
                assert_eq!(alarm.rings(), waiter.expected != Expected::Waits);
            }
        }
    }

    /// Whatever is dropped first, nothing is left.
    fn end(self, tickets_first: bool) {
        let Self { places, connections, waiters, .. } = self;
        if tickets_first {
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

proptest! {
    #[test]
    fn places_behave_as_a_counter_and_a_list(
        limit in 0..4_u32,
        steps in steps(),
        tickets_first in any::<bool>(),
    ) {
        let mut world = World::new(limit);
        for step in &steps {
            world.step(step);
        }
        world.end(tickets_first);
    }
}
