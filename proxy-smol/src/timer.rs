use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use proxy_driver::clock;
use proxy_proto::Instant;

/// A timer of the reactor, made when it is first needed.
#[derive(Default)]
pub(crate) struct Timer(Option<smol::Timer>);

impl proxy_driver::Timer for Timer {
    fn set(&mut self, at: Instant) {
        let when = clock::to_std(at);
        match &mut self.0 {
            Some(timer) => timer.set_at(when),
            None => self.0 = Some(smol::Timer::at(when)),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.as_mut();
        timer.map_or(Poll::Pending, |timer| Pin::new(timer).poll(cx).map(|_when| ()))
    }
}
