//! How durations are distributed.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

use crate::counter::Counter;

/// Durations counted by bucket, and their sum.
///
/// An observation is a binary search over 15 bounds and two additions.
#[derive(Debug, Default)]
pub struct Histogram {
    /// One per bound and one for what exceeds them all; each observation is in one of them only.
    buckets: [Counter; BUCKETS],
    /// In microseconds: nanoseconds would wrap in seven months of a thousand requests at a time.
    sum: Counter,
}

impl Histogram {
    /// Counts one duration. A bound belongs to its bucket.
    pub fn observe(&self, duration: Duration) {
        let nanos = saturating_u64(duration.as_nanos());
        self.buckets[BOUNDS.partition_point(|&bound| bound < nanos)].inc();
        // Rounded to nearest, since rounding down would shorten the average of short requests.
        self.sum.add(nanos.saturating_add(500) / 1000);
    }
}

/// What several histograms hold together, at the moment of a scrape.
#[derive(Debug)]
pub(crate) struct Distribution {
    buckets: [(f64, u64); BUCKETS],
    sum: Duration,
}

impl Distribution {
    /// Adds up `histograms`.
    pub(crate) fn total<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Self {
        let mut buckets = [(f64::INFINITY, 0); BUCKETS];
        for (bucket, bound) in buckets.iter_mut().zip(BOUNDS) {
            bucket.0 = Duration::from_nanos(bound).as_secs_f64();
        }
        let mut sum = Duration::ZERO;
        for histogram in histograms {
            for (bucket, counter) in buckets.iter_mut().zip(&histogram.buckets) {
                bucket.1 += counter.value();
            }
            sum += Duration::from_micros(histogram.sum.value());
        }
        Self { buckets, sum }
    }
}

impl TypedMetric for Distribution {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Distribution {
    fn encode(&self, mut encoder: MetricEncoder) -> fmt::Result {
        // Counted from the buckets, so that `_count` and the `+Inf` bucket always agree.
        let count = self.buckets.iter().map(|(_, count)| count).sum();
        let sum = self.sum.as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &self.buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

fn saturating_u64(n: u128) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;

/// Upper bounds of the buckets in nanoseconds: the usual ones of Prometheus clients (5 ms to
/// 10 s), extended down to what a proxy on a local network adds and up to beyond `total_ms`.
const BOUNDS: [u64; 15] = [
    MILLISECOND,
    2_500_000,
    5 * MILLISECOND,
    10 * MILLISECOND,
    25 * MILLISECOND,
    50 * MILLISECOND,
    100 * MILLISECOND,
    250 * MILLISECOND,
    500 * MILLISECOND,
    SECOND,
    2500 * MILLISECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
];

const BUCKETS: usize = BOUNDS.len() + 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket_of(duration: Duration) -> usize {
        let histogram = Histogram::default();
        histogram.observe(duration);
        histogram.buckets.iter().position(|bucket| bucket.value() == 1).unwrap()
    }

    #[test]
    fn a_bound_belongs_to_its_bucket_and_a_nanosecond_more_to_the_next() {
        assert_eq!(bucket_of(Duration::ZERO), 0);
        for (index, bound) in BOUNDS.into_iter().enumerate() {
            assert_eq!(bucket_of(Duration::from_nanos(bound)), index);
            assert_eq!(bucket_of(Duration::from_nanos(bound + 1)), index + 1);
        }
        assert_eq!(bucket_of(Duration::MAX), BOUNDS.len());
    }

    #[test]
    fn the_sum_rounds_to_the_nearest_microsecond() {
        let histogram = Histogram::default();
        histogram.observe(Duration::from_nanos(1499));
        histogram.observe(Duration::from_nanos(1500));
        assert_eq!(histogram.sum.value(), 3);
    }

    #[test]
    fn a_total_adds_buckets_and_sums() {
        let [a, b] = [Histogram::default(), Histogram::default()];
        a.observe(Duration::from_micros(500));
        b.observe(Duration::from_micros(700));
        b.observe(Duration::from_secs(61));
        let total = Distribution::total([&a, &b].into_iter());
        assert_eq!(total.buckets[0], (0.001, 2));
        assert_eq!(total.buckets[BOUNDS.len()], (f64::INFINITY, 1));
        assert_eq!(total.sum, Duration::from_micros(61_001_200));
    }
}
