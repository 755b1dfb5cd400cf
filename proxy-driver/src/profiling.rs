//! CPU profiles: pushed to a server, or taken for whoever asks the metrics port for one.
//!
//! Without the feature `profiling` nothing of it is there; `proxy-config` refuses a server then.

#[cfg(not(feature = "profiling"))]
mod absent;
#[cfg(feature = "profiling")]
mod push;
#[cfg(feature = "profiling")]
mod take;

#[cfg(not(feature = "profiling"))]
pub(crate) use absent::{Later, Pushing, take};
#[cfg(feature = "profiling")]
pub(crate) use push::Pushing;
#[cfg(feature = "profiling")]
pub(crate) use take::{Later, take};

/// Where a profile is asked for: Go's path, so that its tools find it.
pub(crate) const PATH: &str = "/debug/pprof/profile";
