//! One world: a plan is played to its end, and looked at.

use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use proxy_driver::{Port, Service};
use proxy_proto::Instant;
use proxy_replay::Recording;

use crate::client::Client;
use crate::dice::Dice;
use crate::executor::{self, Polled};
use crate::limits::Limits;
use crate::network::{self, Due, Happens, Network};
use crate::plan::{Operation, Plan};
use crate::record::Play;
use crate::runtime::{Listener, Virtual};
use crate::shrink::shrink;
use crate::trace::{self, Event};
use crate::upstream::Connection;
use crate::{checks, log, panics};

/// What has become of a world.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The invariant that does not hold, if one does not.
    pub failure: Option<String>,
    /// Of every event.
    pub hash: u64,
    /// Steps played.
    pub steps: usize,
    /// How long it took, by its own clock.
    pub elapsed: Duration,
    /// Requests that reached an upstream.
    pub requests: usize,
    /// What happened, if asked for.
    pub trace: Vec<String>,
    /// The sessions of all clients, if asked for, by the proxy's own recorder.
    pub recordings: Vec<Recording>,
}

/// How far to play, and what to keep.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Stop after so many steps and check what has come of them.
    pub steps: Option<usize>,
    /// Keep the trace.
    pub traces: bool,
    /// Keep recordings.
    pub records: bool,
}

/// What to tell of a seed that fails.
#[derive(Debug)]
pub struct Explanation {
    text: String,
    /// The sessions of the smallest plan that fails.
    pub recordings: Vec<Recording>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Plays a plan.
pub fn play(plan: &Plan, options: Options) -> Outcome {
    let play = Rc::new(Play::new(plan.clone()));
    let recordings = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&recordings);
    let keeps = move |recording| lock(&theirs).push(recording);
    let (failure, steps) = panics::kept(|| log::taken(&play, || stage(&play, options, keeps)));
    Outcome {
        failure,
        recordings: std::mem::take(&mut *lock(&recordings)),
        hash: trace::hash(),
        steps,
        elapsed: network::now() - Instant::EPOCH,
        requests: play.record.borrow().upstreams.iter().filter(|up| !up.got.is_empty()).count(),
        trace: trace::take(),
    }
}

/// What to tell of a seed that fails: the smallest plan found that fails, all that happens in it,
/// what then does not hold, and how to play it again.
pub fn explain(seed: u64, steps: Option<usize>) -> Explanation {
    let smallest = shrink(&Plan::of(seed), Options { steps, ..Options::default() });
    let all = Options { steps, traces: true, records: true };
    let Outcome { failure, trace, recordings, .. } = play(&smallest, all);
    let steps = steps.map_or_else(String::new, |steps| format!(" --steps {steps}"));
    let text = format!(
        "{smallest:#?}\n{}\n\n{}\n\n\
         Above is what is left of seed {seed} when all is taken away without which it fails, too. \
         To play it whole:\n\n    cargo run -p proxy-sim -- --seed {seed}{steps} --trace\n",
        trace.join("\n"),
        failure.unwrap_or_default(),
    );
    Explanation { text, recordings }
}

fn lock(recordings: &Mutex<Vec<Recording>>) -> MutexGuard<'_, Vec<Recording>> {
    recordings.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets up a world, plays it, and takes it down again.
fn stage(
    play: &Rc<Play>,
    options: Options,
    keeps: impl Fn(Recording) + Send + Sync + 'static,
) -> (Option<String>, usize) {
    let plan = &play.plan;
    executor::clear();
    let mut dice = Dice::new(plan.seed);
    let setup = &plan.setup;
    let window = setup.config().limits.max_head_bytes.max(16 * 1024);
    let limits = Limits::new(setup, plan.upstreams.len(), plan.workers, window);
    network::begin(Network::new(dice.fork(), plan.weather.clone(), limits, plan.upstreams.len()));
    trace::begin(options.traces);
    let workers = (0..plan.workers).map(Virtual::worker).collect();
    let metrics = proxy_driver::metrics::<Virtual>(plan.workers, SystemTime::UNIX_EPOCH);
    let mut service = Service::start(setup.config(), metrics, workers);
    if options.records {
        service.tap(keeps);
    }
    let listener = Listener::open();
    service.listen(Port::Clients, || Ok(listener));
    let mut world = World {
        play: Rc::clone(play),
        dice,
        service,
        phase: Phase::Serving,
        deadline: Instant::EPOCH,
        steps: 0,
    };
    let stopped = world.play(options.steps);
    let steps = world.steps;
    let outcome = match stopped {
        Ok(Stopped::Early) => checks::check(play, false),
        Ok(Stopped::AtTheEnd) => world.check_end().and_then(|()| checks::check(play, true)),
        Err(failure) => Err(failure),
    };
    drop(world);
    executor::clear();
    let left = network::with(|network| (network.held_by_proxy().len(), network.used_timers()));
    let outcome = outcome.and_then(|()| match left {
        (0, 0) => Ok(()),
        (sockets, timers) => Err(format!("{sockets} sockets and {timers} timers outlive it")),
    });
    (outcome.err(), steps)
}

struct World {
    play: Rc<Play>,
    dice: Dice,
    service: Service<Virtual>,
    phase: Phase,
    /// Of this phase.
    deadline: Instant,
    steps: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    Draining,
    /// The deadline of the drain has passed.
    Cutting,
    /// The proxy is done; the peers find out.
    Drained,
}

enum Stopped {
    Early,
    AtTheEnd,
}

impl World {
    fn play(&mut self, most: Option<usize>) -> Result<Stopped, String> {
        self.schedule();
        while self.steps < most.unwrap_or(MOST_STEPS) {
            self.steps += 1;
            self.step()?;
            if let Some(failure) = network::with(|network| network.failure.take()) {
                return Err(failure);
            }
            self.go_on();
            if self.phase == Phase::Drained
                && !executor::is_anyone_ready()
                && self.play.record.borrow().are_clients_done()
            {
                return Ok(Stopped::AtTheEnd);
            }
        }
        match most {
            Some(_) => Ok(Stopped::Early),
            None => Err(format!("{MOST_STEPS} steps, and no end: {}", self.describe())),
        }
    }

    fn schedule(&self) {
        let plan = &self.play.plan;
        network::with(|network| {
            let start = network::now();
            for (number, client) in plan.clients.iter().enumerate() {
                network.schedule(start + client.at, Due::Client(number));
            }
            for (number, (at, _)) in plan.operations.iter().enumerate() {
                network.schedule(start + *at, Due::Operation(number));
            }
            if let Some(at) = plan.drains_at {
                network.schedule(start + at, Due::Drain);
            }
        });
    }

    /// Polls a task, or lets the next thing happen.
    fn step(&mut self) -> Result<(), String> {
        let weather = &self.play.plan.weather;
        if executor::is_anyone_ready() && !self.dice.percent(weather.overlap) {
            self.poll()?;
            return Ok(());
        }
        let next = network::with(|network| network.next_due());
        let Some(at) = next else {
            return if executor::is_anyone_ready() {
                self.poll()
            } else {
                Err(self.describe_stuck())
            };
        };
        // What is ready does not wait for long.
        if executor::is_anyone_ready() && at > network::now() + OVERLAP {
            return self.poll();
        }
        if weather.audit && !executor::is_anyone_ready() && at > network::now() {
            self.audit()?;
        }
        match network::with(Network::step) {
            Happens::Nothing => {}
            Happens::Client(number) => {
                executor::spawn(None, Client::new(Rc::clone(&self.play), number));
            }
            Happens::Accepted { conn, upstream } => {
                executor::spawn(None, Connection::new(Rc::clone(&self.play), upstream, conn));
            }
            Happens::Operation(number) => self.operate(number),
            Happens::Drain => self.drain(),
            Happens::Deadline => self.lose_patience()?,
        }
        Ok(())
    }

    /// The deadline of a drain has passed, or the time for a cut.
    fn lose_patience(&mut self) -> Result<(), String> {
        // Nobody had a chance while the clock jumped.
        if network::now() > self.deadline + OVERLAP {
            self.set_deadline(CUT);
            return Ok(());
        }
        match self.phase {
            Phase::Draining => {
                trace::note(Event::Cuts);
                self.phase = Phase::Cutting;
                self.service.cut();
                self.set_deadline(CUT);
            }
            Phase::Cutting => return Err(format!("not cut: {}", self.describe())),
            Phase::Serving | Phase::Drained => {}
        }
        Ok(())
    }

    fn set_deadline(&mut self, patience: Duration) {
        self.deadline = network::now() + patience;
        network::with(|network| network.schedule(self.deadline, Due::Deadline));
    }

    fn poll(&mut self) -> Result<(), String> {
        let weather = &self.play.plan.weather;
        let spurious = self.dice.percent(weather.spurious);
        let micros = self.dice.below(weather.poll_us + 1);
        network::pass_until(network::now() + Duration::from_micros(micros as u64));
        if spurious {
            let sleeping = executor::sleeping();
            if !sleeping.is_empty() {
                let task = self.dice.pick(&sleeping);
                outcome_of(executor::poll_spuriously(task))?;
            }
        }
        outcome_of(executor::poll_one(&mut self.dice))
    }

    /// Everybody sleeps. Whoever has something to do all the same was not woken for it. Housekeepers
    /// are not asked: they look around when they like to.
    fn audit(&mut self) -> Result<(), String> {
        for counts in self.service.counts().upstreams {
            let limit = self.service.config().limits.max_conns_per_upstream;
            if counts.waiting > 0 && (counts.idle > 0 || (counts.open as usize) < limit) {
                return Err(format!("a request waits for what nobody uses: {counts:?}"));
            }
        }
        let housekeepers = self.play.plan.workers;
        for task in executor::sleeping().into_iter().filter(|task| *task >= housekeepers) {
            let before = network::with(|network| network.moves);
            outcome_of(executor::poll_spuriously(task))?;
            if network::with(|network| network.moves) != before {
                return Err(format!("task {task} had something to do, and nobody woke it"));
            }
        }
        Ok(())
    }

    fn operate(&mut self, number: usize) {
        trace::note(Event::Operation { number });
        let play = Rc::clone(&self.play);
        match &play.plan.operations[number].1 {
            Operation::Reload(setup) => {
                self.service.configure(setup.config());
                let mut taken = vec![0; play.plan.upstreams.len()];
                for (number, counts) in setup.upstreams.iter().zip(self.service.counts().upstreams)
                {
                    taken[*number] = counts.open as usize;
                }
                network::with(|network| network.limits.configure(setup, &taken));
            }
            Operation::ClockJumps(time) => network::pass_until(network::now() + *time),
            Operation::Upstream(upstream, works) => network::with(|network| {
                network.works[*upstream] = *works;
            }),
            Operation::Breaks(nth) => network::with(|network| network.break_one(*nth)),
            Operation::Leaves => self.service.leave(),
        }
    }

    fn drain(&mut self) {
        if self.phase == Phase::Serving {
            trace::note(Event::Drains);
            self.phase = Phase::Draining;
            self.service.drain();
            network::with(|network| network.limits.drain());
            let deadline = self.service.config().shutdown.deadline;
            self.set_deadline(deadline);
        }
    }

    /// From one phase to the next.
    fn go_on(&mut self) {
        match self.phase {
            Phase::Serving if self.play.record.borrow().are_clients_done() => self.drain(),
            Phase::Draining | Phase::Cutting if self.service.is_drained() => {
                trace::note(Event::Drained);
                self.phase = Phase::Drained;
            }
            Phase::Serving | Phase::Draining | Phase::Cutting | Phase::Drained => {}
        }
    }

    /// After a drain nothing is left.
    fn check_end(&self) -> Result<(), String> {
        let held = network::with(|network| network.held_by_proxy());
        // Housekeepers end with the process.
        let tasks = executor::proxy_tasks() - self.play.plan.workers;
        let counts = self.service.counts();
        let is_clean = counts.clients == 0
            && counts.upstreams.iter().all(|up| up.open == 0 && up.idle == 0 && up.waiting == 0);
        if held.is_empty() && tasks == 0 && is_clean {
            return Ok(());
        }
        Err(format!("left after the drain: {held:?}, {tasks} tasks, {counts:?}"))
    }

    fn describe_stuck(&self) -> String {
        format!("stuck: {}", self.describe())
    }

    fn describe(&self) -> String {
        let record = self.play.record.borrow();
        let waiting: Vec<_> =
            (0..record.clients.len()).filter(|n| record.clients[*n].end.is_none()).collect();
        let held = network::with(|network| network.held_by_proxy());
        let phase = self.phase;
        format!("{phase:?}, clients {waiting:?}, connections {held:?}, {:?}", self.service.counts())
    }
}

fn outcome_of(polled: Polled) -> Result<(), String> {
    match polled {
        Polled::Done => Ok(()),
        Polled::Panicked(message) => Err(format!("a task panicked: {message}")),
    }
}

/// A bound for what must end. 90 KB that go byte by byte through both connections come to a third.
const MOST_STEPS: usize = 2_000_000;
/// What is ready may wait while something else happens that is due within this time.
const OVERLAP: Duration = Duration::from_micros(200);
/// How long connections have to notice that they are cut.
const CUT: Duration = Duration::from_millis(500);
