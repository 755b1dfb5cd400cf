use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_std::task::sleep;
use proxy_driver::clock;
use proxy_proto::Instant;

/// A timer that is only ever moved to an earlier time, because that takes a new sleep: on a
/// connection that lives, deadlines move later with each request. One that fires early is set anew.
#[derive(Default)]
pub(crate) struct Timer {
    armed: Option<(Instant, Sleep)>,
}

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

impl proxy_driver::Timer for Timer {
    fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let (_, sleep) = match self.armed.take() {
            Some(armed) if armed.0 <= at => self.armed.insert(armed),
            Some(_) | None => self.armed.insert((at, Box::pin(sleep(at - clock::now())))),
        };
        let fired = sleep.as_mut().poll(cx);
        if fired.is_ready() {
            self.armed = None;
        }
        fired
    }
}
