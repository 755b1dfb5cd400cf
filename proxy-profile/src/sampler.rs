//! The one profiler that a process can have, and what it has seen, by component.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use pyroscope::backend::{
    Backend, BackendConfig, Pprof, PprofConfig, Report, ReportBatch, ReportData, StackTrace, Tag,
};

use crate::component::{Component, Frame};

/// Interrupts the process for each so much CPU time, by SIGPROF, for as long as it lives.
///
/// The signal handler unwinds the stack that it finds by tables read beforehand: it neither
/// allocates nor waits, and it gives a sample up rather than wait for a report that is being made.
pub(crate) struct Sampler {
    backend: Pprof<'static>,
    _claim: Claim,
}

/// Who samples already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Profiles are pushed.
    Push,
    /// Somebody takes one.
    Capture,
}

/// Why there is no sampling.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SampleError {
    #[error("profiles are pushed to profiling.server already")]
    Pushing,
    #[error("another profile is being taken")]
    Capturing,
    #[error(transparent)]
    Profiler(#[from] pyroscope::PyroscopeError),
}

impl Sampler {
    /// Begins: so many samples for each second of CPU time.
    pub(crate) fn start(claim: Claim, rate: u32) -> Result<Self, SampleError> {
        let config = PprofConfig { sample_rate: rate };
        let mut backend = Pprof::new(config, BackendConfig::default());
        backend.initialize()?;
        Ok(Self { backend, _claim: claim })
    }

    /// What was seen since the last time. Takes some time: names are looked up here.
    pub(crate) fn report(&mut self) -> Result<Vec<Report>, SampleError> {
        let ReportBatch { data, .. } = self.backend.report()?;
        Ok(match data {
            ReportData::Reports(reports) => reports.into_iter().map(by_component).collect(),
            // Of backends that this is not.
            ReportData::RawPprof(_) => Vec::new(),
        })
    }
}

/// The right to sample, given back when it is dropped.
pub(crate) struct Claim(());

impl Claim {
    pub(crate) fn take(purpose: Purpose) -> Result<Self, SampleError> {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        match *taken {
            Some(Purpose::Push) => Err(SampleError::Pushing),
            Some(Purpose::Capture) => Err(SampleError::Capturing),
            None => {
                *taken = Some(purpose);
                Ok(Self(()))
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Labels each stack. Pyroscope and pprof group samples by their labels.
fn by_component(report: Report) -> Report {
    let mut labelled = Report::new(HashMap::new());
    for (mut stack, count) in report.data {
        let component = component(&stack);
        stack.metadata.add_tag(Tag::new("component".to_owned(), component.to_string()));
        labelled.record_with_count(stack, count);
    }
    labelled
}

fn component(stack: &StackTrace) -> Component {
    Component::of(stack.frames.iter().map(|frame| Frame {
        name: frame.name.as_deref().unwrap_or_default(),
        // The whole path, whatever the field is called.
        file: frame.absolute_path.as_deref().or(frame.relative_path.as_deref()).unwrap_or_default(),
    }))
}

/// SIGPROF and its timer are the process's, so this is, too.
static TAKEN: Mutex<Option<Purpose>> = Mutex::new(None);
