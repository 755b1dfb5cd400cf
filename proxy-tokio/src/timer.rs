use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use proxy_driver::clock;
use proxy_proto::Instant;
use tokio::time::{Sleep, sleep_until};

/// A sleep in the worker's timer wheel, made when it is first needed.
#[derive(Default)]
pub(crate) struct Timer(Option<Pin<Box<Sleep>>>);

impl proxy_driver::Timer for Timer {
    fn set(&mut self, at: Instant) {
        let when = clock::to_std(at).into();
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(when),
            None => self.0 = Some(Box::pin(sleep_until(when))),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(cx))
    }
}
