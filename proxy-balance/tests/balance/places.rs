//! The limit on connections to an upstream, scenario by scenario.

use std::sync::Arc;
use std::task::{Poll, Waker};

use proxy_balance::{Granted, Lease, Places, Ticket};

use crate::alarm::Alarm;

/// What a driver keeps idle: a socket, here a number, and its lease.
struct Connection {
    number: u32,
    _lease: Lease<Connection>,
}

fn places(limit: u32) -> Arc<Places<Connection>> {
    Arc::new(Places::new(limit))
}

fn connect(number: u32, lease: Lease<Connection>) -> Connection {
    Connection { number, _lease: lease }
}

fn take_place(ticket: &mut Ticket<Connection>) -> Lease<Connection> {
    match ticket.poll(Waker::noop()) {
        Poll::Ready(Granted::Place(lease)) => lease,
        Poll::Ready(Granted::Connection(_)) => panic!("got a connection"),
        Poll::Pending => panic!("still waits"),
    }
}

fn take_connection(ticket: &mut Ticket<Connection>) -> Connection {
    match ticket.poll(Waker::noop()) {
        Poll::Ready(Granted::Connection(connection)) => connection,
        Poll::Ready(Granted::Place(_)) => panic!("got a place"),
        Poll::Pending => panic!("still waits"),
    }
}

fn waits(ticket: &mut Ticket<Connection>, waker: &Waker) -> bool {
    ticket.poll(waker).is_pending()
}

#[test]
fn takes_up_to_the_limit_and_frees_on_drop() {
    let places = places(2);
    let first = places.try_acquire().unwrap();
    let _second = places.try_acquire().unwrap();
    assert!(places.try_acquire().is_none());
    assert_eq!((places.open(), places.limit()), (2, 2));
    drop(first);
    assert_eq!(places.open(), 1);
    assert!(places.try_acquire().is_some());
}

#[test]
fn a_freed_place_goes_to_the_first_who_waits() {
    let places = places(1);
    let lease = places.try_acquire().unwrap();
    let ((first_alarm, first_waker), (second_alarm, second_waker)) = (Alarm::set(), Alarm::set());
    let (mut first, mut second) = (places.queue(), places.queue());
    assert!(waits(&mut second, &second_waker));
    assert!(waits(&mut first, &first_waker));
    assert_eq!(places.waiting(), 2);

    drop(lease);
    assert!(first_alarm.rings() && !second_alarm.rings());
    assert!(places.try_acquire().is_none(), "nobody gets past those who wait");
    assert!(waits(&mut second, &second_waker));
    let lease = take_place(&mut first);
    drop(first);

    drop(lease);
    assert!(second_alarm.rings());
    drop(take_place(&mut second));
    assert_eq!((places.open(), places.waiting()), (0, 0));
}

#[test]
fn a_ticket_taken_while_a_place_is_free_is_granted_at_once() {
    let places = places(1);
    let mut ticket = places.queue();
    assert_eq!((places.open(), places.waiting()), (1, 0));
    assert!(places.try_acquire().is_none());
    drop(take_place(&mut ticket));
    assert_eq!(places.open(), 0);
}

#[test]
fn an_idle_connection_is_handed_to_who_waits_and_to_nobody_else() {
    let places = places(1);
    let connection = connect(7, places.try_acquire().unwrap());
    let Err(connection) = places.hand_over(connection) else { panic!("nobody waits") };

    let (alarm, waker) = Alarm::set();
    let mut ticket = places.queue();
    assert!(waits(&mut ticket, &waker));
    assert!(places.hand_over(connection).is_ok());
    assert!(alarm.rings());
    assert_eq!((places.open(), places.waiting()), (1, 0));
    let connection = take_connection(&mut ticket);
    assert_eq!(connection.number, 7);
    drop(connection);
    assert_eq!(places.open(), 0);
}

#[test]
fn who_leaves_before_its_turn_is_passed_over() {
    let places = places(1);
    let lease = places.try_acquire().unwrap();
    let (first, mut second) = (places.queue(), places.queue());
    drop(first);
    assert_eq!(places.waiting(), 1);
    drop(lease);
    drop(take_place(&mut second));
}

#[test]
fn a_place_granted_and_not_taken_passes_to_the_next() {
    let places = places(1);
    let lease = places.try_acquire().unwrap();
    let (first, mut second) = (places.queue(), places.queue());
    let (alarm, waker) = Alarm::set();
    assert!(waits(&mut second, &waker));
    drop(lease);
    assert!(!alarm.rings());
    drop(first);
    assert!(alarm.rings());
    drop(take_place(&mut second));
    assert_eq!(places.open(), 0);
}

#[test]
fn a_connection_granted_and_not_taken_passes_to_the_next_and_then_closes() {
    let places = places(1);
    let connection = connect(7, places.try_acquire().unwrap());
    let (first, second, mut third) = (places.queue(), places.queue(), places.queue());
    assert!(places.hand_over(connection).is_ok());
    drop(second);
    drop(first);
    assert_eq!(take_connection(&mut third).number, 7);

    let connection = connect(8, places.try_acquire().unwrap());
    let only = places.queue();
    assert!(places.hand_over(connection).is_ok());
    drop(only);
    assert_eq!((places.open(), places.waiting()), (0, 0));
}

#[test]
fn a_higher_limit_serves_who_waits() {
    let places = places(1);
    let _lease = places.try_acquire().unwrap();
    let mut tickets = [places.queue(), places.queue(), places.queue()];
    let alarms = tickets.each_mut().map(|ticket| {
        let (alarm, waker) = Alarm::set();
        assert!(waits(ticket, &waker));
        alarm
    });
    places.set_limit(3);
    assert_eq!(alarms.map(|alarm| alarm.rings()), [true, true, false]);
    assert_eq!((places.open(), places.waiting()), (3, 1));
}

#[test]
fn a_lower_limit_lets_connections_live_and_opens_none() {
    let places = places(3);
    let mut leases: Vec<_> = (0..3).map(|_| places.try_acquire().unwrap()).collect();
    places.set_limit(1);
    assert!(places.over_limit());
    let mut ticket = places.queue();
    leases.pop();
    leases.pop();
    assert!(!places.over_limit());
    assert!(waits(&mut ticket, Waker::noop()));
    leases.pop();
    drop(take_place(&mut ticket));
    assert_eq!(places.open(), 0);
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let places = places(1);
    let lease = places.try_acquire().unwrap();
    let ((former, former_waker), (latter, latter_waker)) = (Alarm::set(), Alarm::set());
    let mut ticket = places.queue();
    assert!(waits(&mut ticket, &former_waker));
    assert!(waits(&mut ticket, &latter_waker));
    drop(lease);
    assert!(!former.rings() && latter.rings());
}

#[test]
fn every_limit_is_counted_right() {
    for limit in [0, 1, i32::MAX.unsigned_abs(), u32::MAX] {
        let places = places(limit);
        assert_eq!(places.open(), 0);
        assert_eq!(places.try_acquire().is_some(), limit > 0);
        places.set_limit(0);
        assert_eq!(places.open(), 0);
    }
}
