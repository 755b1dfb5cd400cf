use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_std::task::sleep;
use proxy_driver::clock;
use proxy_proto::Instant;

/// A sleep, which cannot be moved: setting it makes another one.
#[derive(Default)]
pub(crate) struct Timer(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl proxy_driver::Timer for Timer {
    fn set(&mut self, at: Instant) {
        self.0 = Some(Box::pin(sleep(at - clock::now())));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(cx))
    }
}
