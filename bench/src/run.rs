//! The commands of the user: a run, and the report of an earlier one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::results::{Machine, Results};
use crate::rounds::Plan;
use crate::scenario::{self, Cores, Scenario, Set};
use crate::subject::{Programs, Subject};
use crate::{clock, plot, report};

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these scenarios, by name
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Which set of scenarios
    #[arg(long, value_enum, default_value = "table")]
    set: Set,
    /// Only these subjects; caddy and envoy take part only when named
    #[arg(long, value_enum, value_delimiter = ',')]
    subjects: Vec<Subject>,
    /// How often each subject has its turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long a turn is counted
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// How long a turn is not counted before
    #[arg(long, default_value_t = 0.3)]
    warm_up: f64,
    /// Where caddy is, if not on the search path
    #[arg(long, value_name = "PATH")]
    caddy: Option<PathBuf>,
    /// Where envoy is, if not on the search path
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// Also measure the builds of ours in this directory
    #[arg(long, value_name = "DIRECTORY")]
    before: Option<PathBuf>,
    /// Where the raw results go [default: bench/results/TIME.json]
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where a plot of the ratios to nginx goes
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print the names of all scenarios instead
    #[arg(long)]
    list: bool,
}

/// Of which run.
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// The raw results
    file: PathBuf,
    /// Where a plot of the ratios to nginx goes
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Measures, prints, and writes the raw results.
pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    if arguments.list {
        for scenario in scenario::all() {
            println!("{:16} {}", scenario.name, scenario.title);
        }
        return Ok(());
    }
    let scenarios = arguments.scenarios()?;
    let subjects = arguments.subjects();
    let versions = subjects
        .iter()
        .map(|(subject, program)| (subject.name().to_owned(), subject.version(program)))
        .collect();
    raise_descriptor_limit()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| error.to_string())?;
    }
    let plan = Plan {
        subjects,
        before: arguments.before.clone(),
        rounds: arguments.rounds.max(1),
        time: Duration::try_from_secs_f64(arguments.seconds).map_err(|e| e.to_string())?,
        warm_up: Duration::try_from_secs_f64(arguments.warm_up).map_err(|e| e.to_string())?,
        cores: Cores::of_this_process().map_err(|error| error.to_string())?,
        stop,
    };
    let began = clock::now();
    let mut results = Results {
        started: clock::unix_seconds(),
        seconds: 0,
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        machine: machine(),
        versions,
        scenarios: Vec::new(),
    };
    let file = arguments.json.clone().unwrap_or_else(|| default_file(results.started));
    println!("{}", report::preamble(&results));
    for scenario in &scenarios {
        let table = plan.measure(scenario)?;
        println!("{}", report::table(&table));
        results.scenarios.push(table);
        results.seconds = began.elapsed().as_secs();
        let text = serde_json::to_string_pretty(&results).map_err(|error| error.to_string())?;
        write(&file, &text)?;
    }
    println!("{}", report::summary(&results));
    if let Some(svg) = &arguments.svg {
        write(svg, &plot::svg(&results))?;
    }
    println!("{} s; raw results: {}", results.seconds, file.display());
    Ok(())
}

/// Prints the tables of an earlier run.
pub(crate) fn report(arguments: &Report) -> Result<(), String> {
    let text = fs::read_to_string(&arguments.file)
        .map_err(|error| format!("{}: {error}", arguments.file.display()))?;
    let results: Results = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    println!("{}", report::preamble(&results));
    for table in &results.scenarios {
        println!("{}", report::table(table));
    }
    println!("{}", report::summary(&results));
    arguments.svg.as_ref().map_or(Ok(()), |svg| write(svg, &plot::svg(&results)))
}

impl Arguments {
    fn scenarios(&self) -> Result<Vec<Scenario>, String> {
        let all = scenario::all();
        for name in &self.only {
            if !all.iter().any(|scenario| scenario.name == *name) {
                return Err(format!("no scenario is called {name}; --list shows all"));
            }
        }
        let chosen = |scenario: &Scenario| match self.only.as_slice() {
            [] => scenario.set == self.set,
            names => names.contains(&scenario.name),
        };
        Ok(all.into_iter().filter(chosen).collect())
    }

    fn subjects(&self) -> Vec<(Subject, PathBuf)> {
        let programs = Programs { caddy: self.caddy.clone(), envoy: self.envoy.clone() };
        let mut subjects =
            if self.subjects.is_empty() { Subject::usual() } else { self.subjects.clone() };
        subjects.sort();
        subjects.dedup();
        let found = subjects.into_iter().filter_map(|subject| {
            let program = subject.program(&programs);
            if program.is_none() {
                println!("{}: not found, skipped", subject.name());
            }
            Some((subject, program?))
        });
        found.collect()
    }
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).map_err(|error| error.to_string())?;
    }
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

fn default_file(started: u64) -> PathBuf {
    PathBuf::from(format!("bench/results/{started}.json"))
}

fn machine() -> Machine {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Machine {
        processor: model.map_or("unknown", |(_, name)| name.trim()).to_owned(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        kernel: kernel.trim().to_owned(),
    }
}

/// Ten thousand clients need as many descriptors, in every process.
fn raise_descriptor_limit() -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .map_err(|error| format!("raising the limit of descriptors: {error}"))
}
