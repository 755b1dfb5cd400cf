//! A profile for somebody who asks for one.

use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;
use pyroscope::backend::Report;
use pyroscope::encode::pprof::encode;

use crate::sampler::{Claim, Purpose, SampleError, Sampler};

/// A profile that is being taken, until it is dropped.
#[derive(Debug)]
pub struct Capture {
    /// Hanging up ends the wait.
    _alive: Sender<()>,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The process samples already: one at a time.
    #[error("{0}")]
    Busy(String),
    /// The system refused a thread, a file or a signal handler.
    #[error("no profile can be taken: {0}")]
    Failed(String),
}

impl Capture {
    /// Takes a profile of the process for `time`, on a thread of its own. `done` is called there
    /// with a pprof file: a gzipped `Profile` of
    /// <https://github.com/google/pprof/blob/main/proto/profile.proto>, CPU nanoseconds, each
    /// sample with the label `component`. It is not called once the capture was dropped.
    ///
    /// Errors: [`CaptureError::Busy`] at once, [`CaptureError::Failed`] at once or through `done`.
    pub fn start(
        time: Duration,
        done: impl FnOnce(Result<Vec<u8>, CaptureError>) + Send + 'static,
    ) -> Result<Self, CaptureError> {
        let claim = Claim::take(Purpose::Capture)?;
        let (alive, hung_up) = channel();
        thread::Builder::new()
            .name("profile".to_owned())
            .spawn(move || {
                if let Some(profile) = take(claim, time, &hung_up).transpose() {
                    done(profile);
                }
            })
            .map_err(|error| CaptureError::Failed(error.to_string()))?;
        Ok(Self { _alive: alive })
    }
}

impl From<SampleError> for CaptureError {
    fn from(error: SampleError) -> Self {
        match error {
            SampleError::Pushing | SampleError::Capturing => Self::Busy(error.to_string()),
            SampleError::Profiler(error) => Self::Failed(error.to_string()),
        }
    }
}

/// `None`: nobody wants it any more.
fn take(
    claim: Claim,
    time: Duration,
    hung_up: &Receiver<()>,
) -> Result<Option<Vec<u8>>, CaptureError> {
    let began = unix_time();
    let mut sampler = Sampler::start(claim, RATE)?;
    match hung_up.recv_timeout(time) {
        Err(RecvTimeoutError::Timeout) => {}
        Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
    }
    let reports = sampler.report()?;
    drop(sampler);
    Ok(Some(file(&reports, began)))
}

fn file(reports: &Vec<Report>, began: Duration) -> Vec<u8> {
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let profile = encode(reports, RATE, nanos(began), nanos(unix_time().saturating_sub(began)));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    // Into memory: it cannot fail.
    let written = gzip.write_all(&profile.encode_to_vec()).and_then(|()| gzip.finish());
    written.unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "profiles give dates")]
pub(crate) fn unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Go's.
const RATE: u32 = 100;
