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
