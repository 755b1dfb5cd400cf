//! The run: for each scenario all contenders in turn, round after round.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use tempfile::TempDir;

use crate::child::{Interrupted, Output, Process};
use crate::clock;
use crate::load::{Count, Outcome};
use crate::log::Log;
use crate::proc;
use crate::results::{Row, Sample, Table};
use crate::scenario::{Cores, Scenario};
use crate::subject::{Contender, Running, Subject, Variant};

/// How much is measured, of whom.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Each with its program.
    pub(crate) subjects: Vec<(Subject, PathBuf)>,
    /// Where other builds of ours are, to be measured beside these.
    pub(crate) before: Option<PathBuf>,
    pub(crate) rounds: usize,
    /// How long a load is counted.
    pub(crate) time: Duration,
    pub(crate) warm_up: Duration,
    pub(crate) cores: Cores,
    pub(crate) stop: Interrupted,
}

/// A contender in a scenario, and what it has come to.
struct Lane {
    contender: Contender,
    program: PathBuf,
    directory: PathBuf,
    running: Option<Running>,
    row: Row,
}

impl Plan {
    /// Measures `scenario`. An error is one of the harness: what fails in a subject is in its row.
    pub(crate) fn measure(&self, scenario: &Scenario) -> Result<Table, String> {
        let text = |error: std::io::Error| error.to_string();
        let files = temporary().map_err(text)?;
        let mut origin = self.origin(scenario).map_err(text)?;
        let ports = origin.line(PATIENCE, &self.stop)?;
        let ports: Vec<u16> = ports.split(' ').filter_map(|port| port.parse().ok()).collect();
        let mut lanes = self.lanes(scenario, files.path());
        for round in 0..self.rounds {
            for turn in 0..lanes.len() {
                // Nobody is always first, or always after the same one.
                let index = (turn + round) % lanes.len();
                let lane = &mut lanes[index];
                if lane.row.failure.is_some() {
                    continue;
                }
                match self.sample(scenario, lane, &origin, &ports) {
                    Ok(sample) => lane.row.samples.push(sample),
                    Err(_) if self.stop.load(Ordering::Relaxed) => {
                        return Err("interrupted".to_owned());
                    }
                    Err(error) => {
                        eprintln!("{}: {} failed: {error}", scenario.name, lane.row.name);
                        lane.row.failure = Some(error);
                        lane.running = None;
                    }
                }
            }
        }
        Ok(Table {
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            measures: scenario.measures.to_vec(),
            rows: lanes.into_iter().map(|lane| lane.row).collect(),
        })
    }

    fn lanes(&self, scenario: &Scenario, files: &Path) -> Vec<Lane> {
        let mut lanes = Vec::new();
        for (subject, program) in &self.subjects {
            for contender in scenario.contenders(*subject) {
                lanes.push(Lane::new(contender, program.clone(), files));
            }
            let before = self.before.as_ref().filter(|_| subject.is_ours());
            let before = before.map(|before| before.join(subject.name()));
            if let Some(program) = before.filter(|program| program.is_file()) {
                let contender = Contender { subject: *subject, variant: Variant::Before };
                lanes.push(Lane::new(contender, program, files));
            }
        }
        lanes
    }

    fn sample(
        &self,
        scenario: &Scenario,
        lane: &mut Lane,
        origin: &Process,
        ports: &[u16],
    ) -> Result<Sample, String> {
        let running = match &mut lane.running {
            Some(running) => running,
            idle => {
                let started = lane.contender.start(
                    &lane.program,
                    scenario,
                    &self.cores,
                    ports,
                    &lane.directory,
                );
                idle.insert(started.map_err(|error| error.to_string())?)
            }
        };
        let log = scenario.logs.then(|| lane.contender.log(&lane.directory));
        let sample = self.load(scenario, running, origin, log.as_ref())?;
        if running.process.has_ended() {
            return Err("ended by itself".to_owned());
        }
        if scenario.measure().is_memory() {
            lane.running = None;
        }
        Ok(sample)
    }

    fn load(
        &self,
        scenario: &Scenario,
        running: &Running,
        origin: &Process,
        log: Option<&Log>,
    ) -> Result<Sample, String> {
        let mut load = self.start_load(scenario, running.port).map_err(|e| e.to_string())?;
        expect(&mut load, "ready", self.patience(), &self.stop)?;
        // Only now are all of its processes there for certain.
        let pids = running.process.pids();
        let all: Vec<u32> = [&pids[..], &origin.pids(), &load.pids()].concat();
        log.map_or(Ok(()), Log::clear)?;
        let resident_before = proc::resident_bytes(&pids);
        let cores = scenario.placement.of_all(&self.cores);
        let (start, idle_before) = (clock::now(), proc::idle_time(&cores));
        let (cpu_before, all_before) = (proc::cpu_time(&pids), proc::cpu_time(&all));
        load.go_on()?;
        if scenario.measure().is_memory() {
            expect(&mut load, "held", self.patience(), &self.stop)?;
            wait_until_quiet(&pids);
        }
        let resident = proc::resident_bytes(&pids);
        if scenario.measure().is_memory() {
            load.go_on()?;
        }
        let count = outcome(&load.line(self.patience(), &self.stop)?)?;
        let cpu = proc::cpu_time(&pids).saturating_sub(cpu_before);
        let ours = proc::cpu_time(&all).saturating_sub(all_before);
        let idle = proc::idle_time(&cores).saturating_sub(idle_before);
        let time =
            start.elapsed().as_secs_f64() * f64::from(u8::try_from(cores.len()).unwrap_or(1));
        log.map_or(Ok(()), |log| log.check(count.requests))?;
        if count.requests == 0 {
            return Err("no request".to_owned());
        }
        if cpu.is_zero() {
            return Err("no CPU time".to_owned());
        }
        Ok(Sample {
            count,
            cpu_seconds: cpu.as_secs_f64(),
            others: (1.0 - (ours + idle).as_secs_f64() / time).max(0.0),
            resident,
            growth: resident.cast_signed() - resident_before.cast_signed(),
        })
    }

    fn origin(&self, scenario: &Scenario) -> std::io::Result<Process> {
        let command = own(&["origin", &scenario.upstreams.to_string()])?;
        Process::start(&scenario.placement.of_others(&self.cores), &command, &[], Output::Lines)
    }

    fn start_load(&self, scenario: &Scenario, port: u16) -> std::io::Result<Process> {
        let mut command = own(&["load", &port.to_string()])?;
        command.push(format!("--millis={}", self.time.as_millis()));
        command.push(format!("--warm-up={}", self.warm_up.as_millis()));
        command.extend_from_slice(&scenario.load);
        Process::start(&scenario.placement.of_others(&self.cores), &command, &[], Output::Lines)
    }

    /// How long a part of a load may take.
    fn patience(&self) -> Duration {
        PATIENCE + 4 * self.time + self.warm_up
    }
}

impl Lane {
    fn new(contender: Contender, program: PathBuf, files: &Path) -> Self {
        let name = contender.name();
        let directory = files.join(name.replace([',', ' ', '/'], "-"));
        let row = Row { name, samples: Vec::new(), failure: None };
        Self { contender, program, directory, running: None, row }
    }
}

fn expect(
    load: &mut Process,
    word: &str,
    limit: Duration,
    stop: &Interrupted,
) -> Result<(), String> {
    let line = load.line(limit, stop)?;
    if line == word {
        return Ok(());
    }
    outcome(&line).and_then(|_| Err(format!("said {line} instead of {word}")))
}

/// Waits until `pids` do next to nothing any more: what they hold now, they keep.
fn wait_until_quiet(pids: &[u32]) {
    let end = clock::now() + QUIET_AFTER;
    let mut before = proc::cpu_time(pids);
    while clock::now() < end {
        clock::pause(STEP);
        let now = proc::cpu_time(pids);
        if now.saturating_sub(before) < STEP / 50 {
            return;
        }
        before = now;
    }
}

fn outcome(line: &str) -> Result<Count, String> {
    match serde_json::from_str(line) {
        Ok(Outcome::Count(count)) => Ok(count),
        Ok(Outcome::Error(error)) => Err(error),
        Err(_) => Err(format!("said {line}")),
    }
}

fn own(arguments: &[&str]) -> std::io::Result<Vec<String>> {
    let program = std::env::current_exe()?.display().to_string();
    Ok(std::iter::once(program).chain(arguments.iter().map(ToString::to_string)).collect())
}

/// In memory where that is possible: no disk is measured.
fn temporary() -> std::io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("proxy-bench-")
        .tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
}

const STEP: Duration = Duration::from_millis(500);
/// Below the time after which a proxy may give up a client that takes nothing.
const QUIET_AFTER: Duration = Duration::from_secs(8);
/// How long a part of a load may take, beside what it is told to.
const PATIENCE: Duration = Duration::from_secs(30);
