use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use proxy_config::Profiling;
use proxy_proto::{Cause, Fault, LocalHead};

use crate::local::Body;
use crate::pages::Answer;

/// There is none.
pub(crate) struct Later(Infallible);

impl Later {
    pub(crate) fn poll(&self, _cx: &Context<'_>) -> Poll<(LocalHead, Body)> {
        match self.0 {}
    }
}

pub(crate) fn take(_query: &str) -> Result<Answer, Fault> {
    Err(Fault::new(Cause::NotFound, "this program was built without the feature profiling"))
}

/// Nothing is pushed.
pub(crate) struct Pushing;

impl Pushing {
    pub(crate) const fn start(_binary: &str, _profiling: Option<&Profiling>) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as where there is something to change")]
    pub(crate) const fn follow(&mut self, _profiling: Option<&Profiling>) {}

    #[expect(clippy::unused_self, reason = "as where there is something to stop")]
    pub(crate) const fn stop(&mut self, _patience: Duration) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_profiling_says_so() {
        let Err(fault) = take("seconds=1") else { panic!("a profile") };
        assert_eq!(fault.cause, Cause::NotFound);
        assert_eq!(fault.reason, "this program was built without the feature profiling");
    }
}
