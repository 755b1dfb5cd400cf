//! Strict rotation, alone and among threads.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::thread;

use proxy_balance::RoundRobin;

fn upstreams(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

#[test]
fn begins_with_the_first_and_goes_around() {
    let rotation = RoundRobin::new(upstreams(3));
    let picks: Vec<_> = (0..7).map(|_| rotation.pick()).collect();
    assert_eq!(picks, [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn goes_on_where_the_former_one_stood() {
    let former = RoundRobin::new(upstreams(3));
    former.pick();
    former.pick();
    assert_eq!(RoundRobin::resume(upstreams(4), former.position()).pick(), 2);
    assert_eq!(RoundRobin::resume(upstreams(2), former.position()).pick(), 0);
}

/// The numbers of the upstreams that have their turn next, when `former` has been picked from so
/// often and `current` takes its place.
fn turns(former: &[u64], picks: usize, current: &[u64]) -> Vec<u64> {
    let rotation = RoundRobin::new(upstreams(former.len()));
    for _ in 0..picks {
        rotation.pick();
    }
    let rotation = rotation.succeed(former, current);
    (0..current.len()).map(|_| current[rotation.pick()]).collect()
}

#[test]
fn whoever_has_the_turn_keeps_it_when_others_join_or_leave() {
    assert_eq!(turns(&[1, 2, 3], 2, &[2, 3]), [3, 2]);
    assert_eq!(turns(&[1, 3], 1, &[1, 2, 3]), [3, 1, 2]);
    assert_eq!(turns(&[1, 2, 3], 2, &[3, 2, 1]), [3, 2, 1], "in another order");
    assert_eq!(turns(&[1, 2], 2, &[0, 1, 2]), [1, 2, 0], "and not a newcomer");
}

#[test]
fn where_the_next_has_left_the_one_behind_it_has_the_turn() {
    assert_eq!(turns(&[1, 2, 3], 1, &[1, 3]), [3, 1]);
    assert_eq!(turns(&[1, 2, 3], 2, &[1, 2, 4]), [1, 2, 4]);
    assert_eq!(turns(&[1, 2], 1, &[3, 4]), [3, 4], "all have left");
}

#[test]
fn the_first_list_succeeds_none() {
    let rotation = RoundRobin::new(upstreams(1));
    assert_eq!(rotation.succeed(&[], &[7, 8]).pick(), 0);
    rotation.pick();
    assert_eq!(rotation.succeed(&[], &[]).pick(), 0);
}

#[test]
fn threads_share_one_rotation() {
    let rotation = RoundRobin::new(upstreams(3));
    let picked = Mutex::new([0; 3]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..750 {
                    let index = rotation.pick();
                    picked.lock().unwrap()[index] += 1;
                }
            });
        }
    });
    assert_eq!(*picked.lock().unwrap(), [1000; 3]);
}
