//! Profiles pushed to a Pyroscope server.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use pyroscope::backend::{Report, ReportBatch, ReportData};
use pyroscope::pyroscope::PyroscopeConfig;
use pyroscope::session::{Session, SessionManager, SessionSignal};

use crate::capture::unix_time;
use crate::complaints::{self, complain};
use crate::sampler::{Claim, Purpose, SampleError, Sampler};

/// Where profiles go, and what they are called there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The server's URL, `http` only, perhaps with user and password.
    pub server: String,
    /// Pyroscope's `service_name`.
    pub application: String,
    /// Samples for each second of CPU time.
    pub sample_rate: u32,
    /// Further labels, the same for all profiles.
    pub tags: Vec<(String, String)>,
}

/// Pushes a profile every ten seconds, until it is stopped. What it says, it says as `tracing`
/// events of the target `proxy.profiling`; that the server does not take profiles, once for as long
/// as it does not.
#[derive(Debug)]
pub struct Pusher {
    stop: Sender<()>,
    /// Hung up when all is sent.
    ended: Receiver<()>,
}

impl Pusher {
    /// Begins. While a [`Capture`](crate::Capture) is being taken, it waits for its end.
    ///
    /// Errors: the system refuses a thread.
    pub fn start(target: Target) -> io::Result<Self> {
        complaints::listen();
        let (stop, stopped) = channel();
        let (alive, ended) = channel::<()>();
        thread::Builder::new().name("profiling".to_owned()).spawn(move || {
            run(&target, &stopped);
            drop(alive);
        })?;
        Ok(Self { stop, ended })
    }

    /// Ends it, with a push of what there is, for which it waits no longer than `patience`.
    pub fn stop(self, patience: Duration) {
        drop(self.stop);
        // In time or not, nothing follows.
        let _hung_up = self.ended.recv_timeout(patience);
    }
}

fn run(target: &Target, stopped: &Receiver<()>) {
    let config = config_for(target);
    let mut manager = match SessionManager::new() {
        Ok(manager) => manager,
        Err(error) => return complain(&error),
    };
    let mut began = unix_time();
    let mut sampler = None;
    loop {
        if sampler.is_none() {
            began = unix_time();
            sampler = sample(target.sample_rate);
            if sampler.is_some() {
                tracing::info!(target: "proxy.profiling", "CPU time is being sampled");
            }
        }
        let wait = if sampler.is_some() { INTERVAL } else { RETRY };
        let is_over = match stopped.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => false,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => true,
        };
        if let Some(former) = &mut sampler {
            let until = unix_time();
            match former.report() {
                Ok(reports) => push(&manager, &config, reports, began, until),
                Err(error) => {
                    complain(&error);
                    sampler = None;
                }
            }
            began = until;
        }
        if is_over {
            break;
        }
    }
    // Another may sample while this one still sends.
    drop(sampler);
    let told = manager.push(SessionSignal::Kill);
    if let (Ok(()), Some(handle)) = (told, manager.handle.take()) {
        // Its failures were said as they came.
        let _joined = handle.join();
    }
}

fn push(
    manager: &SessionManager,
    config: &PyroscopeConfig,
    reports: Vec<Report>,
    began: Duration,
    until: Duration,
) {
    let session = Session {
        config: config.clone(),
        batch: ReportBatch {
            profile_type: "process_cpu".to_owned(),
            data: ReportData::Reports(reports),
        },
        from: began.as_secs(),
        // It is told in whole seconds, and one that lasted none would be lost.
        until: until.as_secs().max(began.as_secs() + 1),
    };
    if let Err(error) = manager.push(SessionSignal::Session(Box::new(session))) {
        complain(&error);
    }
}

/// `None`, and said: it will be tried again.
fn sample(rate: u32) -> Option<Sampler> {
    let claim = match Claim::take(Purpose::Push) {
        Ok(claim) => claim,
        // It ends.
        Err(SampleError::Pushing | SampleError::Capturing) => return None,
        Err(error @ SampleError::Profiler(_)) => {
            complain(&error);
            return None;
        }
    };
    Sampler::start(claim, rate).inspect_err(|error| complain(error)).ok()
}

fn config_for(target: &Target) -> PyroscopeConfig {
    let Target { server, application, sample_rate, tags } = target;
    let mut tags: HashMap<_, _> = tags.iter().cloned().collect();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    tags.entry("instance".to_owned()).or_insert(host);
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let mut config = PyroscopeConfig::new(
        server.trim_end_matches('/'),
        application,
        *sample_rate,
        name,
        version,
    );
    config.tags = tags;
    config
}

/// Pyroscope's.
const INTERVAL: Duration = Duration::from_secs(10);
/// While somebody else samples. Arbitrary.
const RETRY: Duration = Duration::from_secs(1);
