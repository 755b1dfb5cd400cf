//! The limits under real threads, each watched by a counter that the code under test cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::task::Waker;
use std::thread;

use proxy_balance::{ClientPlace, Clients, Granted, Lease, Places};

use crate::alarm::{Alarm, block_on};

/// xorshift: a different but fixed course of events per seed.
struct Dice(u32);

impl Dice {
    fn one_in(&mut self, sides: u32) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0.is_multiple_of(sides)
    }
}

/// Counts itself from before it is opened until after it is closed.
struct Connection {
    open: Arc<AtomicU32>,
    _lease: Lease<Connection>,
}

impl Connection {
    fn open(open: &Arc<AtomicU32>, limit: u32, lease: Lease<Connection>) -> Self {
        let before = open.fetch_add(1, SeqCst);
        assert!(before < limit, "{before} were open, and one more was allowed");
        Self { open: Arc::clone(open), _lease: lease }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.fetch_sub(1, SeqCst);
    }
}

/// One worker: gets a connection in whatever way it can, sometimes loses patience, and in the end
/// hands it over or closes it.
fn works(places: &Arc<Places<Connection>>, open: &Arc<AtomicU32>, limit: u32, mut dice: Dice) {
    for _ in 0..ROUNDS {
        let connection = if let Some(lease) = places.try_acquire() {
            Connection::open(open, limit, lease)
        } else {
            let mut ticket = places.queue();
            if dice.one_in(8) {
                continue;
            }
            if dice.one_in(8) {
                drop(ticket.poll(Waker::noop()));
                thread::yield_now();
                continue;
            }
            if dice.one_in(2) {
                thread::yield_now();
            }
            match block_on(|waker| ticket.poll(waker)) {
                Granted::Place(lease) => Connection::open(open, limit, lease),
                Granted::Connection(connection) => connection,
            }
        };
        if dice.one_in(2) {
            thread::yield_now();
        }
        if dice.one_in(2) {
            drop(places.hand_over(connection));
        }
    }
}

#[test]
fn threads_never_open_more_than_the_limit_and_none_waits_for_ever() {
    for limit in 1..=3 {
        let places = Arc::new(Places::new(limit));
        let open = Arc::new(AtomicU32::new(0));
        thread::scope(|scope| {
            for seed in 1..=4 {
                let (places, open) = (&places, &open);
                scope.spawn(move || works(places, open, limit, Dice(seed)));
            }
        });
        assert_eq!((places.open(), places.waiting(), open.load(SeqCst)), (0, 0, 0));
        assert_eq!(Arc::strong_count(&places), 1);
    }
}

#[test]
fn threads_keep_to_a_limit_that_changes() {
    let places = Arc::new(Places::new(HIGHEST));
    let open = Arc::new(AtomicU32::new(0));
    thread::scope(|scope| {
        for seed in 1..=4 {
            let (places, open) = (&places, &open);
            scope.spawn(move || works(places, open, HIGHEST, Dice(seed)));
        }
        for round in 0..ROUNDS {
            places.set_limit(round % HIGHEST + 1);
            thread::yield_now();
        }
        places.set_limit(HIGHEST);
    });
    assert_eq!((places.open(), places.waiting(), open.load(SeqCst)), (0, 0, 0));
}

/// Serves some requests, then stays idle until it is asked to leave.
fn visits(place: &mut ClientPlace, over: &AtomicBool, mut dice: Dice) {
    let (alarm, waker) = Alarm::set();
    place.register(&waker);
    let mut now = 1;
    while !dice.one_in(4) {
        place.set_idle(now);
        if dice.one_in(2) {
            thread::yield_now();
        }
        place.set_busy();
        now += 1;
    }
    place.set_idle(now);
    while !place.asked_to_leave() && !over.load(SeqCst) {
        alarm.wait();
    }
}

#[test]
fn threads_of_clients_make_room_for_each_other() {
    let clients = Arc::new(Clients::new(CLIENTS));
    let (served, over) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let accepts = |first_seed: u32| {
            let (clients, served, over) = (&clients, &served, &over);
            scope.spawn(move || {
                for seed in first_seed..first_seed + VISITS {
                    let mut place =
                        block_on(|waker| clients.poll_place(first_seed as usize, waker));
                    scope.spawn(move || {
                        assert!(served.fetch_add(1, SeqCst) < CLIENTS);
                        visits(&mut place, over, Dice(seed));
                        served.fetch_sub(1, SeqCst);
                        drop(place);
                    });
                }
            })
        };
        for acceptor in [accepts(1), accepts(1 + VISITS)] {
            acceptor.join().unwrap();
        }
        over.store(true, SeqCst);
        clients.wake_all();
    });
    assert!(clients.is_empty());
    assert_eq!(Arc::strong_count(&clients), 1);
}

const ROUNDS: u32 = 2_000;
const HIGHEST: u32 = 4;
const CLIENTS: u32 = 3;
const VISITS: u32 = 400;
