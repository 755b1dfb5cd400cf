use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use proxy_config::cli::{EX_CONFIG, EX_FAILURE, Invocation, parse_from};
use proxy_config::{Config, Diagnostics, Overrides, Shutdown, Source, load};

use crate::activation::Activation;
use crate::log::{self, Log};
use crate::pid_file::PidFile;
use crate::reload::{Bound, Process};
use crate::runtime::Runtime;
use crate::service::{Service, metrics};
use crate::signals::{Early, Signal, Signals};
use crate::{demo, descriptors, healthcheck, supervisor};

/// The program, whatever the runtime: `fn main() -> ExitCode { proxy_driver::main::<Tokio>() }`.
///
/// Exit codes: 0 after a drain, `--test` or a health check, 1 for a failure at run time, 2 for wrong
/// usage, 78 for an invalid configuration, 128 + n for a second signal n.
pub fn main<R: Runtime>() -> ExitCode {
    match parse_from(R::NAME, std::env::args_os(), &env) {
        Ok(Invocation::Run { source, overrides }) => run::<R>(&source, &overrides),
        Ok(Invocation::Test { source, overrides }) => test(&source, &overrides),
        Ok(Invocation::Demo) => demo::run::<R>(),
        Ok(Invocation::Healthcheck { page, source }) => healthcheck::run(page, &source),
        Err(error) => {
            let _closed = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(EX_FAILURE))
        }
    }
}

fn run<R: Runtime>(source: &Source, overrides: &Overrides) -> ExitCode {
    let early = match Early::install() {
        Ok(early) => early,
        Err(error) => return fail::<R>(&error),
    };
    match load(source, overrides, &env) {
        Ok(config) => serve::<R>(config, early, source, overrides, |_| {}),
        Err(diagnostics) => complain(&diagnostics),
    }
}

fn test(source: &Source, overrides: &Overrides) -> ExitCode {
    match load(source, overrides, &env) {
        Ok(_) => {
            let what = match source {
                Source::File { path, .. } => path.display().to_string(),
                Source::Environment => "the environment".to_owned(),
            };
            let _closed = writeln!(std::io::stdout(), "The configuration in {what} is valid");
            ExitCode::SUCCESS
        }
        Err(diagnostics) => complain(&diagnostics),
    }
}

fn complain(diagnostics: &Diagnostics) -> ExitCode {
    let colour = std::io::stderr().is_terminal();
    let _closed = writeln!(std::io::stderr(), "{}", diagnostics.render(colour));
    ExitCode::from(EX_CONFIG)
}

/// Serves until a signal ends it. `announce` is called when the listeners are open.
pub(crate) fn serve<R: Runtime>(
    config: Config,
    early: Early,
    source: &Source,
    overrides: &Overrides,
    announce: impl FnOnce(&Process<R>),
) -> ExitCode {
    match start::<R>(config, early) {
        Ok((process, signals, log, pid_file)) => {
            announce(&process);
            supervisor::ready("Serving");
            let code = attend(process, &signals, source, overrides, &log);
            drop(pid_file);
            code.finish(log)
        }
        Err(error) => fail::<R>(&*error),
    }
}

/// Says what has failed.
pub(crate) fn fail<R: Runtime>(error: &dyn std::error::Error) -> ExitCode {
    let _closed = writeln!(std::io::stderr(), "{}: {error}", R::NAME);
    ExitCode::from(EX_FAILURE)
}

type Started<R> = (Process<R>, Signals, Log, Option<PidFile>);

/// Everything that can fail, in the order in which it must happen: what was inherited is taken
/// before there are threads, signals are caught before a port opens, ports are bound before
/// anything is said to be ready.
fn start<R: Runtime>(
    config: Config,
    early: Early,
) -> Result<Started<R>, Box<dyn std::error::Error>> {
    let passed = Activation::take(env("LISTEN_FDNAMES").as_deref())?;
    let signals = Signals::install(early)?;
    descriptors::raise_limit();
    let clients = Bound::by_service_manager_or_to(passed.clients, &config.listen)?;
    let metrics_port = Bound::by_service_manager_or_to(passed.metrics, &config.metrics_listen)?;
    let pid_file = config.pid_file.as_deref().map(PidFile::write).transpose()?;
    let workers = config.workers.unwrap_or_else(cores);
    let metrics = metrics::<R>(workers.get(), wall_clock());
    let log = {
        let metrics = Arc::clone(&metrics);
        log::start(config.logging.level, move || metrics.log_lines_dropped().inc())
    };
    descriptors::complain(&config);
    let service = Service::start(config, metrics, R::start(workers)?);
    Ok((Process::start(service, clients, metrics_port), signals, log, pid_file))
}

/// Acts on signals until the end.
fn attend<R: Runtime>(
    mut process: Process<R>,
    signals: &Signals,
    source: &Source,
    overrides: &Overrides,
    log: &Log,
) -> End {
    loop {
        match signals.wait() {
            Signal::Reload => process.reload(source, overrides, log),
            Signal::Stop(_) => {
                let end = drain(&mut process.service, signals);
                match end {
                    End::Drained => process.pushing.stop(LAST_PUSH),
                    End::Killed(_) => {}
                }
                return end;
            }
        }
    }
}

fn drain<R: Runtime>(service: &mut Service<R>, signals: &Signals) -> End {
    let Shutdown { delay, deadline: patience } = service.config().shutdown;
    supervisor::stopping(delay + patience + CUT + LAST_PUSH + log::PATIENCE);
    if delay > Duration::ZERO {
        let millis = delay.as_millis();
        tracing::info!(target: "proxy.server", "Shutting down in {millis} ms: no longer ready");
        service.leave();
        if let Some(number) = wait_until(|| false, signals, delay) {
            return End::Killed(number);
        }
    }
    tracing::info!(target: "proxy.server", "Shutting down: finishing what is in flight");
    service.drain();
    if let Some(number) = wait_until(|| service.is_drained(), signals, patience) {
        return End::Killed(number);
    }
    if !service.is_drained() {
        let left = service.proxy.clients.len();
        tracing::warn!(target: "proxy.server", "Cutting {left} connections: shutdown.deadline_ms has passed");
        service.cut();
        if let Some(number) = wait_until(|| service.is_drained(), signals, CUT) {
            return End::Killed(number);
        }
    }
    tracing::info!(target: "proxy.server", "Shut down");
    End::Drained
}

/// Waits until it is over, for so long at most, or for a second signal, which it returns.
fn wait_until(is_over: impl Fn() -> bool, signals: &Signals, patience: Duration) -> Option<i32> {
    let began = clock();
    while !is_over() && clock() - began < patience {
        if let Some(Signal::Stop(number)) = signals.wait_for(LOOK) {
            return Some(number);
        }
    }
    None
}

/// How the process ends.
#[derive(Clone, Copy)]
enum End {
    Drained,
    /// By a second signal.
    Killed(i32),
}

impl End {
    /// Ends the process. Workers and their connections end with it.
    fn finish(self, log: Log) -> ExitCode {
        drop(log);
        match self {
            Self::Drained => ExitCode::SUCCESS,
            Self::Killed(number) => {
                ExitCode::from(u8::try_from(128 + number).unwrap_or(EX_FAILURE))
            }
        }
    }
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "metrics give dates, for people")]
pub(crate) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[expect(clippy::disallowed_methods, reason = "the main thread belongs to no runtime")]
pub(crate) fn clock() -> Instant {
    Instant::now()
}

/// How often a drain looks whether it is over.
const LOOK: Duration = Duration::from_millis(10);
/// How long the last profile has to reach its server.
const LAST_PUSH: Duration = Duration::from_secs(1);
/// How long connections have to notice that they are cut: long enough for their log lines.
const CUT: Duration = Duration::from_millis(500);
