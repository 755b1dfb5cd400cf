//! The limit on clients, scenario by scenario.

use std::sync::Arc;
use std::task::{Poll, Waker};

use proxy_balance::{ClientPlace, Clients};

use crate::alarm::Alarm;

fn clients(limit: u32) -> Arc<Clients> {
    Arc::new(Clients::new(limit))
}

fn accept(clients: &Arc<Clients>) -> ClientPlace {
    match clients.poll_place(0, Waker::noop()) {
        Poll::Ready(place) => place,
        Poll::Pending => panic!("no place is free"),
    }
}

fn waits(clients: &Arc<Clients>, waker: &Waker) -> bool {
    // In these scenarios an acceptor has one waker.
    clients.poll_place(waker.data().addr(), waker).is_pending()
}

#[test]
fn serves_up_to_the_limit_and_goes_on_when_one_leaves() {
    let clients = clients(2);
    assert!(clients.is_empty());
    let (first, _second) = (accept(&clients), accept(&clients));
    let (alarm, waker) = Alarm::set();
    assert!(waits(&clients, &waker));
    assert_eq!((clients.len(), clients.limit()), (2, 2));
    assert!(!clients.is_empty());
    drop(first);
    assert!(alarm.rings());
    let _third = accept(&clients);
    assert_eq!(clients.len(), 2);
}

#[test]
fn nobody_is_asked_while_there_is_room_or_all_are_busy() {
    let clients = clients(2);
    let mut first = accept(&clients);
    first.set_idle(1);
    let second = accept(&clients);
    assert!(!first.asked_to_leave());
    first.set_busy();
    assert!(waits(&clients, Waker::noop()));
    assert!(!first.asked_to_leave() && !second.asked_to_leave());
}

#[test]
fn the_longest_idle_is_asked_and_woken_and_only_it() {
    let clients = clients(3);
    let mut places = [accept(&clients), accept(&clients), accept(&clients)];
    let alarms = places.each_ref().map(|place| {
        let (alarm, waker) = Alarm::set();
        place.register(&waker);
        alarm
    });
    places[2].set_idle(1);
    places[0].set_idle(2);
    let (acceptor, waker) = Alarm::set();
    assert!(waits(&clients, &waker));
    assert!(waits(&clients, &waker), "asking again asks nobody else");
    assert_eq!(places.each_ref().map(ClientPlace::asked_to_leave), [false, false, true]);
    assert_eq!(alarms.map(|alarm| alarm.rings()), [false, false, true]);

    let [_first, _second, third] = places;
    assert!(!acceptor.rings());
    drop(third);
    assert!(acceptor.rings());
}

#[test]
fn who_becomes_idle_while_the_acceptor_waits_is_asked() {
    let clients = clients(1);
    let mut place = accept(&clients);
    let (acceptor, waker) = Alarm::set();
    assert!(waits(&clients, &waker));
    place.set_idle(1);
    assert!(acceptor.rings());
    assert!(waits(&clients, &waker));
    assert!(place.asked_to_leave());
}

#[test]
fn one_busy_client_promises_to_leave_for_each_look_of_the_acceptor() {
    let clients = clients(2);
    let (first, second) = (accept(&clients), accept(&clients));
    assert!(!first.promise(), "nobody waits");
    let (acceptor, waker) = Alarm::set();
    assert!(waits(&clients, &waker));
    assert!(first.promise());
    assert!(!second.promise(), "one is enough");
    drop(first);
    assert!(acceptor.rings());
    let _third = accept(&clients);
    assert!(waits(&clients, &waker));
    assert!(second.promise());
}

#[test]
fn no_busy_client_has_to_leave_where_an_idle_one_is_asked() {
    let clients = clients(2);
    let (mut idle, busy) = (accept(&clients), accept(&clients));
    idle.set_idle(1);
    assert!(waits(&clients, Waker::noop()));
    assert!(!busy.promise());
}

#[test]
fn who_becomes_busy_refuses_and_the_next_is_asked() {
    let clients = clients(2);
    let (mut first, mut second) = (accept(&clients), accept(&clients));
    first.set_idle(1);
    second.set_idle(2);
    let (acceptor, waker) = Alarm::set();
    assert!(waits(&clients, &waker));
    first.set_busy();
    assert!(!first.asked_to_leave());
    assert!(acceptor.rings());
    assert!(waits(&clients, &waker));
    assert!(second.asked_to_leave());
}

#[test]
fn being_idle_twice_is_no_refusal() {
    let clients = clients(1);
    let mut place = accept(&clients);
    place.set_idle(1);
    let (acceptor, waker) = Alarm::set();
    assert!(waits(&clients, &waker));
    place.set_idle(2);
    assert!(place.asked_to_leave());
    assert!(!acceptor.rings());
}

#[test]
fn a_client_that_registers_late_sees_that_it_was_asked() {
    let clients = clients(1);
    let mut place = accept(&clients);
    place.set_idle(1);
    assert!(waits(&clients, Waker::noop()));
    place.register(Waker::noop());
    assert!(place.asked_to_leave());
}

#[test]
fn the_waker_registered_last_is_the_one_that_is_woken() {
    let clients = clients(1);
    let mut place = accept(&clients);
    let ((former, former_waker), (latter, latter_waker)) = (Alarm::set(), Alarm::set());
    place.register(&former_waker);
    place.register(&latter_waker);
    place.set_idle(1);
    assert!(waits(&clients, Waker::noop()));
    assert!(!former.rings() && latter.rings());
}

#[test]
fn each_waiting_acceptor_has_one_client_asked_for_it() {
    let clients = clients(3);
    let mut places = [accept(&clients), accept(&clients), accept(&clients)];
    for (place, now) in places.iter_mut().zip(1..) {
        place.set_idle(now);
    }
    let ((first, first_waker), (second, second_waker)) = (Alarm::set(), Alarm::set());
    assert!(waits(&clients, &first_waker));
    assert!(waits(&clients, &second_waker));
    assert_eq!(places.each_ref().map(ClientPlace::asked_to_leave), [true, true, false]);
    drop(places);
    assert!(first.rings() && second.rings());
}

#[test]
fn a_higher_limit_lets_the_acceptor_go_on() {
    let clients = clients(1);
    let _place = accept(&clients);
    let (alarm, waker) = Alarm::set();
    assert!(waits(&clients, &waker));
    clients.set_limit(2);
    assert!(alarm.rings());
    let _second = accept(&clients);
}

#[test]
fn under_a_lower_limit_as_many_are_asked_as_are_too_many() {
    let clients = clients(3);
    let mut places = vec![accept(&clients), accept(&clients), accept(&clients)];
    for (place, now) in places.iter_mut().zip(1..) {
        place.set_idle(now);
    }
    clients.set_limit(2);
    let (alarm, waker) = Alarm::set();
    assert!(waits(&clients, &waker));
    assert_eq!(places.iter().filter(|place| place.asked_to_leave()).count(), 2);
    drop(places.remove(0));
    assert!(!alarm.rings());
    drop(places.remove(0));
    assert!(alarm.rings());
}

#[test]
fn more_idle_clients_than_one_search_finds_are_asked_in_order() {
    let clients = clients(3000);
    let mut places: Vec<_> = (0..3000).map(|_| accept(&clients)).collect();
    for (place, now) in places.iter_mut().zip((1..=3000).rev()) {
        place.set_idle(now);
    }
    clients.set_limit(1000);
    assert!(waits(&clients, Waker::noop()));
    let asked: Vec<_> = places.iter().map(ClientPlace::asked_to_leave).collect();
    assert_eq!(asked.iter().position(|asked| *asked), Some(3000 - 2001));
    assert!(asked[3000 - 2001..].iter().all(|asked| *asked));
}

#[test]
fn all_are_woken_for_the_drain() {
    let clients = clients(1);
    let place = accept(&clients);
    let ((client, client_waker), (acceptor, acceptor_waker)) = (Alarm::set(), Alarm::set());
    place.register(&client_waker);
    assert!(waits(&clients, &acceptor_waker));
    clients.wake_all();
    assert!(client.rings() && acceptor.rings());
    drop(place);
    assert!(clients.is_empty());
}

#[test]
fn an_acceptor_that_polls_again_with_another_waker_is_still_one() {
    let clients = clients(2);
    let mut places = [accept(&clients), accept(&clients)];
    places[0].set_idle(1);
    places[1].set_idle(2);
    for _ in 0..3 {
        let (_alarm, waker) = Alarm::set();
        assert!(clients.poll_place(7, &waker).is_pending());
    }
    assert_eq!(places.each_ref().map(ClientPlace::asked_to_leave), [true, false]);
}
