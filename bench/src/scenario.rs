//! What is measured: the work, where it runs, and what counts.

use rustix::thread::CpuSet;

use crate::subject::{Contender, Subject, Variant};

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) set: Set,
    pub(crate) placement: Placement,
    /// What it is about; the first is the one of its own table.
    pub(crate) measures: &'static [Measure],
    /// Arguments for the load, beside how long it takes.
    pub(crate) load: Vec<String>,
    pub(crate) workers: u32,
    pub(crate) upstreams: usize,
    pub(crate) logs: bool,
    /// Beside the plain ones.
    pub(crate) variants: &'static [Contender],
    /// Whether a relay that parses nothing says something about it.
    pub(crate) has_floor: bool,
}

/// Which scenarios belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Set {
    /// Beside the peers.
    Table,
    /// Cost against the number of connections, upstreams, header bytes.
    Scaling,
}

/// Which cores the processes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// All on the first core: the tightest spread.
    OneCore,
    /// The subject alone on the first core, origin and load on the second.
    Apart,
    /// All on both.
    BothCores,
}

/// The two cores that are measured on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    first: usize,
    second: usize,
}

/// What a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// Microseconds of CPU time a request.
    CpuPerRequest,
    /// Seconds of CPU time for 10⁹ body bytes.
    CpuPerGigabyte,
    /// Requests a second.
    Throughput,
    /// Median of the latency, in microseconds.
    LatencyP50,
    /// Its 99th percentile.
    LatencyP99,
    /// Its 99.9th percentile.
    LatencyP999,
    /// Bytes of memory for each client.
    MemoryPerClient,
    /// KiB of memory for each client.
    KibPerClient,
}

impl Placement {
    pub(crate) fn of_subject(self, cores: &Cores) -> Vec<usize> {
        match self {
            Self::OneCore | Self::Apart => vec![cores.first],
            Self::BothCores => vec![cores.first, cores.second],
        }
    }

    pub(crate) fn of_others(self, cores: &Cores) -> Vec<usize> {
        match self {
            Self::OneCore => vec![cores.first],
            Self::Apart => vec![cores.second],
            Self::BothCores => vec![cores.first, cores.second],
        }
    }

    /// The cores of both.
    pub(crate) fn of_all(self, cores: &Cores) -> Vec<usize> {
        let mut all = [self.of_subject(cores), self.of_others(cores)].concat();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Cores {
    /// The first two that this process may use; one twice, if there is no second.
    pub(crate) fn of_this_process() -> std::io::Result<Self> {
        let allowed = rustix::thread::sched_getaffinity(None)?;
        let mut allowed = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let first = allowed.next().ok_or(std::io::ErrorKind::NotFound)?;
        Ok(Self { first, second: allowed.next().unwrap_or(first) })
    }
}

impl Measure {
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::CpuPerRequest => "CPU µs/request",
            Self::CpuPerGigabyte => "CPU s/GB",
            Self::Throughput => "requests/s",
            Self::LatencyP50 => "p50 µs",
            Self::LatencyP99 => "p99 µs",
            Self::LatencyP999 => "p99.9 µs",
            Self::MemoryPerClient => "bytes/client",
            Self::KibPerClient => "KiB/client",
        }
    }

    /// Whether it is of memory: then each round needs a fresh process.
    pub(crate) fn is_memory(self) -> bool {
        match self {
            Self::MemoryPerClient | Self::KibPerClient => true,
            Self::CpuPerRequest
            | Self::CpuPerGigabyte
            | Self::Throughput
            | Self::LatencyP50
            | Self::LatencyP99
            | Self::LatencyP999 => false,
        }
    }

    /// Whether more is better.
    pub(crate) fn is_gain(self) -> bool {
        self == Self::Throughput
    }
}

impl Scenario {
    /// What its table is about.
    pub(crate) fn measure(&self) -> Measure {
        self.measures[0]
    }

    /// The ways in which `subject` takes part.
    pub(crate) fn contenders(&self, subject: Subject) -> Vec<Contender> {
        if subject == Subject::Floor && !self.has_floor {
            return Vec::new();
        }
        let plain = Contender { subject, variant: Variant::Plain };
        let variants = self.variants.iter().filter(|variant| variant.subject == subject);
        std::iter::once(plain).chain(variants.copied()).collect()
    }
}

/// All scenarios, in the order of the table.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = vec![
        plain("get-1k-one-core", "1 KiB GET, one core, 64 clients", &[]).on(Placement::OneCore),
        plain("get-1k", "1 KiB GET, 64 clients", &[]),
        plain("get-1k-512", "1 KiB GET, 512 clients", &["--clients=512"]),
        plain("get-1k-1", "1 KiB GET, 1 client", &["--clients=1"]),
        plain("chunked", "1 KiB chunked response, 64 clients", &["--path=/chunked"]),
        plain("get-64k", "64 KiB GET, one core, 64 clients", &["--path=/64k"])
            .on(Placement::OneCore)
            .with(BULK),
        plain("connect", "a new client connection per request, 64 at once", &["--mode=connect"])
            .without_floor(),
        Scenario { logs: true, ..plain("log", "1 KiB GET, request log line, 64 clients", &[]) }
            .with(LOG)
            .without_floor(),
        plain(
            "download",
            "100 MB downloads, one core, 4 clients",
            &["--path=/100m", "--clients=4"],
        )
        .on(Placement::OneCore)
        .with(BULK)
        .about(&[Measure::CpuPerGigabyte]),
        plain(
            "upload",
            "10 MB uploads, one core, 4 clients",
            &["--path=/", "--upload=10000000", "--clients=4"],
        )
        .on(Placement::OneCore)
        .with(BULK)
        .about(&[Measure::CpuPerGigabyte]),
        plain("idle", "5,000 idle keep-alive clients", &["--mode=hold", "--clients=5000"])
            .without_floor()
            .about(&[Measure::MemoryPerClient]),
        plain(
            "slow",
            "200 slow readers of a 100 MB response",
            &["--mode=slow", "--path=/100m", "--clients=200"],
        )
        .with(UNBUFFERED)
        .without_floor()
        .about(&[Measure::KibPerClient]),
        plain("rate", "1 KiB GET at 5,000/s", &["--mode=rate", "--rate=5000"]).about(LATENCY),
        plain("workers-1", "1 KiB GET, both cores, 256 clients, one worker", &["--clients=256"])
            .on(Placement::BothCores)
            .about(SPEED)
            .without_floor(),
        Scenario {
            workers: 2,
            ..plain(
                "workers-2",
                "1 KiB GET, both cores, 256 clients, two workers",
                &["--clients=256"],
            )
        }
        .on(Placement::BothCores)
        .about(SPEED)
        .without_floor(),
    ];
    all.extend(scaling());
    all
}

fn scaling() -> impl Iterator<Item = Scenario> {
    let idle = [0, 1_000, 10_000].map(|idle| {
        let title = format!("64 clients beside {idle} idle ones");
        // The floor would need two descriptors for each.
        plain(&format!("idle-{idle}"), &title, &[&format!("--idle={idle}")]).without_floor()
    });
    let active = [1, 16, 64, 256, 1_000].map(|active| {
        let title = format!("{active} active clients");
        plain(&format!("active-{active}"), &title, &[&format!("--clients={active}")])
    });
    let upstreams = [1, 10, 1_000].map(|upstreams| {
        let title = format!("64 clients, {upstreams} upstreams");
        let plain = plain(&format!("upstreams-{upstreams}"), &title, &[]).without_floor();
        Scenario { upstreams, ..plain }
    });
    let head = [100, 1_000, 4_000, 8_000].map(|head| {
        let title = format!("64 clients, {head} bytes of request head");
        plain(&format!("head-{head}"), &title, &[&format!("--head={head}")])
    });
    let all = idle.into_iter().chain(active).chain(upstreams).chain(head);
    all.map(|scenario| Scenario { set: Set::Scaling, ..scenario })
}

fn plain(name: &str, title: &str, load: &[&str]) -> Scenario {
    Scenario {
        name: name.to_owned(),
        title: title.to_owned(),
        set: Set::Table,
        placement: Placement::Apart,
        measures: &[Measure::CpuPerRequest],
        load: load.iter().map(ToString::to_string).collect(),
        workers: 1,
        upstreams: 1,
        logs: false,
        variants: &[],
        has_floor: true,
    }
}

impl Scenario {
    fn on(self, placement: Placement) -> Self {
        Self { placement, ..self }
    }

    fn about(self, measures: &'static [Measure]) -> Self {
        Self { measures, ..self }
    }

    fn with(self, variants: &'static [Contender]) -> Self {
        Self { variants, ..self }
    }

    fn without_floor(self) -> Self {
        Self { has_floor: false, ..self }
    }
}

const LATENCY: &[Measure] =
    &[Measure::LatencyP99, Measure::LatencyP50, Measure::LatencyP999, Measure::CpuPerRequest];
const SPEED: &[Measure] = &[Measure::CpuPerRequest, Measure::Throughput];
const BULK: &[Contender] = &[
    Contender { subject: Subject::Floor, variant: Variant::WideReads },
    Contender { subject: Subject::Nginx, variant: Variant::Unbuffered },
    Contender { subject: Subject::Haproxy, variant: Variant::Splice },
];
const LOG: &[Contender] = &[Contender { subject: Subject::Nginx, variant: Variant::BufferedLog }];
const UNBUFFERED: &[Contender] =
    &[Contender { subject: Subject::Nginx, variant: Variant::Unbuffered }];
