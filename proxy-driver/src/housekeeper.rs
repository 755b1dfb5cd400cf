use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use proxy_proto::Instant;

use crate::alarm::Alarm;
use crate::runtime::Runtime;
use crate::worker::Worker;

/// Looks after the idle upstream connections of one worker: those that expire and those that the
/// upstream closes. It sleeps while there are none. It ends with the process.
pub(crate) struct Housekeeper<R: Runtime> {
    worker: Arc<Worker<R>>,
    timer: Alarm<R>,
    next: Option<Instant>,
}

impl<R: Runtime> Housekeeper<R> {
    pub(crate) fn new(worker: Arc<Worker<R>>) -> Self {
        Self { worker, timer: Alarm::new(), next: None }
    }
}

impl<R: Runtime> Future for Housekeeper<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let now = R::now();
            if let Some(next) = this.next.filter(|next| *next > now) {
                ready!(this.timer.poll_until(cx, next));
                continue;
            }
            let Some(expiry) = this.worker.tidy(now, cx.waker()) else {
                this.next = None;
                return Poll::Pending;
            };
            this.next = Some(Instant::from_nanos(expiry).clamp(now + SHORTEST, now + LONGEST));
        }
    }
}

/// Connections that expire close together go together.
const SHORTEST: Duration = Duration::from_millis(10);
/// How long a connection that the upstream has closed may lie about.
const LONGEST: Duration = Duration::from_millis(500);
