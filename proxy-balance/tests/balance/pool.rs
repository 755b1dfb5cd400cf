//! The idle connections of a worker, scenario by scenario.

use proxy_balance::{Nanos, Pool};

const A: u64 = 0;
const B: u64 = 1;

fn pool(idle_timeout: Nanos) -> Pool<&'static str> {
    let mut pool = Pool::new(idle_timeout);
    pool.add_upstream(A);
    pool.add_upstream(B);
    pool
}

#[test]
fn the_newest_is_reused_first() {
    let mut pool = pool(100);
    pool.check_in(A, "old", 0).unwrap();
    pool.check_in(A, "new", 1).unwrap();
    pool.check_in(B, "other", 2).unwrap();
    assert_eq!(pool.check_out(A, 3), Some("new"));
    assert_eq!(pool.check_out(A, 3), Some("old"));
    assert_eq!(pool.check_out(A, 3), None);
    assert_eq!((pool.len(A), pool.len(B)), (0, 1));
}

#[test]
fn none_is_reused_once_expired() {
    let mut pool = pool(100);
    pool.check_in(A, "idle", 5).unwrap();
    assert_eq!(pool.check_out(A, 105), None);
    assert_eq!(pool.pop_expired(104), None);
    assert_eq!(pool.pop_expired(105), Some("idle"));
    assert!(pool.is_empty());
}

#[test]
fn the_oldest_of_all_upstreams_expires_first() {
    let mut pool = pool(100);
    pool.check_in(A, "second", 2).unwrap();
    pool.check_in(B, "first", 1).unwrap();
    pool.check_in(B, "third", 3).unwrap();
    assert_eq!(pool.deadline(), Some(101));
    assert_eq!(pool.pop_expired(102), Some("first"));
    assert_eq!(pool.pop_expired(102), Some("second"));
    assert_eq!(pool.pop_expired(102), None);
    assert_eq!(pool.deadline(), Some(103));
}

#[test]
fn a_timeout_of_zero_keeps_nothing() {
    let mut pool = pool(0);
    assert_eq!(pool.check_in(A, "refused", 0), Err("refused"));
    assert_eq!(pool.deadline(), None);
}

#[test]
fn a_new_timeout_holds_for_those_already_idle() {
    let mut pool = pool(100);
    pool.check_in(A, "idle", 0).unwrap();
    pool.set_idle_timeout(10);
    assert_eq!(pool.deadline(), Some(10));
    assert_eq!(pool.check_out(A, 10), None);
    pool.set_idle_timeout(Nanos::MAX);
    assert_eq!(pool.check_out(A, 10), Some("idle"));
}

#[test]
fn a_removed_upstream_is_emptied_and_keeps_nothing_more() {
    let mut pool = pool(100);
    pool.check_in(A, "idle", 0).unwrap();
    assert_eq!(pool.remove_upstream(A).collect::<Vec<_>>(), ["idle"]);
    assert_eq!(pool.check_in(A, "late", 1), Err("late"));
    assert!(pool.is_empty());
}

#[test]
fn the_oldest_is_given_up() {
    let mut pool = pool(100);
    pool.check_in(A, "old", 0).unwrap();
    pool.check_in(A, "new", 1).unwrap();
    assert_eq!(pool.take_oldest(A), Some("old"));
    assert_eq!(pool.take_oldest(B), None);
}

#[test]
fn the_dead_are_swept_out_and_the_rest_stays_in_order() {
    let mut pool = pool(100);
    for (now, name) in (0..).zip(["a", "dead", "b", "dead", "c"]) {
        pool.check_in(A, name, now).unwrap();
    }
    assert_eq!(pool.sweep(|name| *name == "dead"), ["dead", "dead"]);
    let rest: Vec<_> = std::iter::from_fn(|| pool.check_out(A, 10)).collect();
    assert_eq!(rest, ["c", "b", "a"]);
}

#[test]
fn a_drained_pool_is_empty_and_stays_so() {
    let mut pool = pool(100);
    pool.check_in(A, "a", 0).unwrap();
    pool.check_in(B, "b", 0).unwrap();
    assert_eq!(pool.drain().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(pool.check_in(A, "late", 1), Err("late"));
    assert!(pool.is_empty());
}
