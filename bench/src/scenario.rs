//! What is measured: the work, where it runs, and what counts.

use crate::subject::{Contender, Subject, Variant};

/// One row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) set: Set,
    pub(crate) placement: Placement,
    pub(crate) measure: Measure,
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
    /// All on core 0: the tightest spread.
    OneCore,
    /// The subject alone on core 0, origin and load on core 1.
    Apart,
    /// All on both.
    BothCores,
}

/// What a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// Microseconds of CPU time a request.
    CpuPerRequest,
    /// Seconds of CPU time for 10⁹ body bytes.
    CpuPerGigabyte,
    /// 99th percentile of the latency, in microseconds.
    Latency,
    /// Bytes of memory for each client.
    MemoryPerClient,
    /// KiB of memory for each client.
    KibPerClient,
}

impl Placement {
    pub(crate) fn of_subject(self) -> &'static [usize] {
        match self {
            Self::OneCore | Self::Apart => &[0],
            Self::BothCores => &[0, 1],
        }
    }

    pub(crate) fn of_others(self) -> &'static [usize] {
        match self {
            Self::OneCore => &[0],
            Self::Apart => &[1],
            Self::BothCores => &[0, 1],
        }
    }
}

impl Measure {
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::CpuPerRequest => "CPU µs/request",
            Self::CpuPerGigabyte => "CPU s/GB",
            Self::Latency => "p99 µs",
            Self::MemoryPerClient => "bytes/client",
            Self::KibPerClient => "KiB/client",
        }
    }

    /// Whether it is of memory: then each round needs a fresh process.
    pub(crate) fn is_memory(self) -> bool {
        match self {
            Self::MemoryPerClient | Self::KibPerClient => true,
            Self::CpuPerRequest | Self::CpuPerGigabyte | Self::Latency => false,
        }
    }
}

impl Scenario {
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
        .about(Measure::CpuPerGigabyte),
        plain(
            "upload",
            "10 MB uploads, one core, 4 clients",
            &["--path=/", "--upload=10000000", "--clients=4"],
        )
        .on(Placement::OneCore)
        .with(BULK)
        .about(Measure::CpuPerGigabyte),
        plain("idle", "5,000 idle keep-alive clients", &["--mode=hold", "--clients=5000"])
            .without_floor()
            .about(Measure::MemoryPerClient),
        plain(
            "slow",
            "200 slow readers of a 100 MB response",
            &["--mode=slow", "--path=/100m", "--clients=200"],
        )
        .with(UNBUFFERED)
        .without_floor()
        .about(Measure::KibPerClient),
        plain("rate", "1 KiB GET at 5,000/s", &["--mode=rate", "--rate=5000"])
            .about(Measure::Latency),
        plain("workers-1", "1 KiB GET, both cores, 256 clients, one worker", &["--clients=256"])
            .on(Placement::BothCores)
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
        .without_floor(),
    ];
    all.extend(scaling());
    all
}

fn scaling() -> impl Iterator<Item = Scenario> {
    let idle = [0, 1_000, 10_000].map(|idle| {
        let title = format!("64 clients beside {idle} idle ones");
        plain(&format!("idle-{idle}"), &title, &[&format!("--idle={idle}")])
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
        measure: Measure::CpuPerRequest,
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

    fn about(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    fn with(self, variants: &'static [Contender]) -> Self {
        Self { variants, ..self }
    }

    fn without_floor(self) -> Self {
        Self { has_floor: false, ..self }
    }
}

const BULK: &[Contender] = &[
    Contender { subject: Subject::Floor, variant: Variant::WideReads },
    Contender { subject: Subject::Nginx, variant: Variant::Unbuffered },
    Contender { subject: Subject::Haproxy, variant: Variant::Splice },
];
const LOG: &[Contender] = &[Contender { subject: Subject::Nginx, variant: Variant::BufferedLog }];
const UNBUFFERED: &[Contender] =
    &[Contender { subject: Subject::Nginx, variant: Variant::Unbuffered }];
