//! What was measured, as it is written to a file, and what follows from it.

use serde::{Deserialize, Serialize};

use crate::load::Count;
use crate::scenario::Measure;

/// One whole run.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Results {
    /// When it began, in Unix time.
    pub(crate) started: u64,
    /// How long it took, in seconds.
    pub(crate) seconds: u64,
    /// The arguments it was started with.
    pub(crate) command: String,
    pub(crate) machine: Machine,
    /// Names and versions of the subjects.
    pub(crate) versions: Vec<(String, String)>,
    pub(crate) scenarios: Vec<Table>,
}

/// What it ran on.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
}

/// One scenario.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) title: String,
    /// What it is about; the first is the one of its own table.
    pub(crate) measures: Vec<Measure>,
    pub(crate) rows: Vec<Row>,
}

/// One contender in a scenario.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// One for each round.
    pub(crate) samples: Vec<Sample>,
    /// Why there is no result: one wrong response is enough.
    pub(crate) failure: Option<String>,
}

/// One contender in a round.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Sample {
    pub(crate) count: Count,
    /// User and system time of all its processes.
    pub(crate) cpu_seconds: f64,
    /// Which part of the time of the cores in use other processes had.
    pub(crate) others: f64,
    /// Resident memory after the work.
    pub(crate) resident: u64,
    /// By how much it grew.
    pub(crate) growth: i64,
}

/// The middle and the ends of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes are far below 2^53")]
impl Sample {
    /// What the scenario is about.
    pub(crate) fn value(&self, measure: Measure) -> f64 {
        let requests = self.count.requests as f64;
        match measure {
            Measure::CpuPerRequest => self.cpu_seconds / requests * 1e6,
            Measure::CpuPerGigabyte => self.cpu_seconds / self.count.bytes as f64 * 1e9,
            Measure::Throughput => requests / self.count.seconds,
            Measure::LatencyP50 => self.count.latency.p50,
            Measure::LatencyP99 => self.count.latency.p99,
            Measure::LatencyP999 => self.count.latency.p999,
            Measure::MemoryPerClient => self.growth as f64 / requests,
            Measure::KibPerClient => self.growth as f64 / requests / 1024.0,
        }
    }

    pub(crate) fn resident_mib(&self) -> f64 {
        self.resident as f64 / f64::from(1 << 20)
    }

    pub(crate) fn gigabytes_per_second(&self) -> f64 {
        self.count.bytes as f64 / self.count.seconds / 1e9
    }
}

impl Row {
    /// `measure` over all rounds; none if a round failed.
    pub(crate) fn value(&self, measure: Measure) -> Option<Spread> {
        self.spread(|sample| sample.value(measure))
    }

    /// `of` over all rounds; none if a round failed.
    pub(crate) fn spread(&self, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
        match self.failure {
            Some(_) => None,
            None => Spread::of(self.samples.iter().map(of).collect()),
        }
    }

    /// The median, over the rounds, of the ratio to `other` in the same round: what slows down a
    /// round slows down both.
    pub(crate) fn ratio(&self, other: &Self, measure: Measure) -> Option<f64> {
        if self.failure.is_some() || other.failure.is_some() {
            return None;
        }
        let both = self.samples.iter().zip(&other.samples);
        let ratios = both.map(|(own, others)| own.value(measure) / others.value(measure));
        Spread::of(ratios.collect()).map(|spread| spread.median)
    }
}

impl Table {
    /// What its own table is about.
    pub(crate) fn measure(&self) -> Measure {
        self.measures[0]
    }

    /// The best variant of `subject`: what a peer has to be compared with.
    pub(crate) fn best(&self, subject: &str, measure: Measure) -> Option<&Row> {
        let variants = self.rows.iter().filter(|row| row.name.split(',').next() == Some(subject));
        let costed = variants.filter_map(|row| {
            let median = row.value(measure)?.median;
            Some((row, if measure.is_gain() { -median } else { median }))
        });
        costed.min_by(|one, other| one.1.total_cmp(&other.1)).map(|(row, _)| row)
    }
}

impl Spread {
    /// None for no values.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, cpu_seconds: &[f64]) -> Row {
        let count =
            Count { requests: 1_000_000, bytes: 2_000_000_000, seconds: 2.0, ..Count::default() };
        let sample = |&cpu_seconds| Sample {
            count,
            cpu_seconds,
            others: 0.0,
            resident: 0,
            growth: 5_120_000_000,
        };
        let samples = cpu_seconds.iter().map(sample).collect();
        Row { name: name.to_owned(), samples, failure: None }
    }

    #[test]
    fn finds_the_middle_and_the_ends() {
        let spread = |values: &[f64]| Spread::of(values.to_vec());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[2.0]), Some(Spread { median: 2.0, min: 2.0, max: 2.0 }));
        assert_eq!(spread(&[9.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 9.0 }));
        assert_eq!(spread(&[9.0, 1.0, 2.0, 4.0]).map(|spread| spread.median), Some(3.0));
    }

    #[test]
    fn counts_in_the_units_it_names() {
        let sample = row("a", &[3.0]).samples[0];
        let is = |measure, expected: f64| {
            assert!((sample.value(measure) - expected).abs() < 1e-9, "{measure:?}");
        };
        is(Measure::CpuPerRequest, 3.0);
        is(Measure::CpuPerGigabyte, 1.5);
        is(Measure::MemoryPerClient, 5_120.0);
        is(Measure::KibPerClient, 5.0);
        is(Measure::Throughput, 500_000.0);
        assert!((sample.gigabytes_per_second() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn compares_within_a_round() {
        // The second round was slow for both: the ratio is that of each round, not of the medians.
        let (ours, theirs) = (row("ours", &[1.0, 20.0, 1.5]), row("nginx", &[2.0, 40.0, 3.0]));
        assert_eq!(ours.ratio(&theirs, Measure::CpuPerRequest), Some(0.5));
    }

    #[test]
    fn a_failure_is_no_number() {
        let mut failed = row("nginx", &[1.0]);
        failed.failure = Some("not a 200".to_owned());
        let ours = row("ours", &[1.0]);
        assert_eq!(failed.value(Measure::CpuPerRequest), None);
        assert_eq!(ours.ratio(&failed, Measure::CpuPerRequest), None);
        assert_eq!(failed.ratio(&ours, Measure::CpuPerRequest), None);
    }

    #[test]
    fn takes_the_best_variant_of_a_peer() {
        let mut table = Table {
            name: "log".to_owned(),
            title: String::new(),
            measures: vec![Measure::CpuPerRequest],
            rows: vec![
                row("nginx", &[3.0]),
                row("nginx, buffered log", &[2.0]),
                row("nginx2", &[1.0]),
            ],
        };
        assert_eq!(
            table.best("nginx", Measure::CpuPerRequest).map(|row| row.name.as_str()),
            Some("nginx, buffered log")
        );
        table.rows[1].failure = Some("not a 200".to_owned());
        assert_eq!(
            table.best("nginx", Measure::CpuPerRequest).map(|row| row.name.as_str()),
            Some("nginx")
        );
        assert!(table.best("haproxy", Measure::CpuPerRequest).is_none());
    }
}
