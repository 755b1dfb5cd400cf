//! What one request on keep-alive connections costs in choices and limits.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Poll, Waker};

use divan::{Bencher, black_box};
use proxy_balance::{Clients, Places, Pool, RoundRobin};

fn main() {
    divan::main();
}

/// An upstream is chosen, by so many.
#[divan::bench(args = [1, 10, 1000])]
fn chosen(bencher: Bencher<'_, '_>, upstreams: usize) {
    let rotation = RoundRobin::new(NonZeroUsize::new(upstreams).expect("some"));
    bencher.bench_local(|| black_box(&rotation).pick());
}

/// An idle connection is checked out and, with nobody waiting for a place, in again.
#[divan::bench]
fn pooled(bencher: Bencher<'_, '_>) {
    let places = Arc::new(Places::<u64>::new(64));
    let _open = places.try_acquire().expect("nobody else has one");
    let mut pool = Pool::new(60_000_000_000);
    pool.add_upstream(0);
    pool.check_in(0, 7, 0).expect("the upstream is known");
    let mut now = 0;
    bencher.bench_local(|| {
        now += 100_000;
        let connection = pool.check_out(black_box(0), now).expect("it was checked in");
        if places.over_limit() || places.waiting() > 0 {
            return;
        }
        pool.check_in(black_box(0), connection, now).expect("the upstream is known");
        black_box(places.waiting());
    });
}

/// A client's place turns busy and idle, and nobody wants it.
#[divan::bench]
fn placed(bencher: Bencher<'_, '_>) {
    let clients = Arc::new(Clients::new(1000));
    let Poll::Ready(mut place) = clients.poll_place(0, Waker::noop()) else {
        unreachable!("there are places");
    };
    let mut now = 0;
    bencher.bench_local(|| {
        now += 100_000;
        place.set_busy();
        place.set_idle(now);
        black_box(place.asked_to_leave());
    });
}
