//! What one request that goes well costs in metrics.

use std::time::{Duration, SystemTime};

use divan::{Bencher, black_box};
use proxy_metrics::{BuildInfo, Metrics, StatusClass};

fn main() {
    divan::main();
}

/// The same sequence as in the driver: chosen, answered, reported.
#[divan::bench]
fn counted(bencher: Bencher<'_, '_>) {
    let build = BuildInfo { version: "0", runtime: "none" };
    let metrics = Metrics::new(2, build, &["cause"], SystemTime::UNIX_EPOCH);
    let (shard, upstream) = (metrics.shard(1), metrics.upstream("10.0.0.1:8080"));
    let (elapsed, status) = (Duration::from_micros(420), 200);
    bencher.bench_local(|| {
        let upstream = black_box(&upstream).shard(black_box(1));
        upstream.requests.inc();
        shard.requests.inc();
        shard.bytes_sent.add(black_box(1300));
        shard.bytes_received.add(black_box(600));
        shard.duration.observe(black_box(elapsed));
        shard.response(StatusClass::of(black_box(status))).inc();
        upstream.duration.observe(black_box(elapsed));
    });
}
