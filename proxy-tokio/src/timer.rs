use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use proxy_driver::clock;
use proxy_proto::Instant;
use tokio::time::{Sleep, sleep_until};

/// A timer that is only ever moved to an earlier time: on a connection that lives, deadlines move
/// later with each request, and following each would be work in the timer wheel for nothing. One
/// that fires early is set anew.
#[derive(Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: Option<Instant>,
}

impl proxy_driver::Timer for Timer {
    fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        if self.armed.is_none_or(|armed| at < armed) {
            let when = clock::to_std(at).into();
            match &mut self.sleep {
                Some(sleep) => sleep.as_mut().reset(when),
                None => self.sleep = Some(Box::pin(sleep_until(when))),
            }
            self.armed = Some(at);
        }
        let Some(sleep) = &mut self.sleep else { return Poll::Ready(()) };
        let fired = sleep.as_mut().poll(cx);
        if fired.is_ready() {
            self.armed = None;
        }
        fired
    }
}
