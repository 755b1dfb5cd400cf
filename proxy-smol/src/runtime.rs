use std::future::{Future, pending};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use proxy_driver::{Runtime, WatchedListener, WatchedSocket, clock};
use proxy_proto::Instant;
use smol::{Async, Executor};

use crate::source::Source;
use crate::timer::Timer;

/// A handle on one worker: a thread with an executor of its own. The reactor is one for all.
#[derive(Clone)]
pub(crate) struct Smol {
    executor: Arc<Executor<'static>>,
}

impl Runtime for Smol {
    const NAME: &'static str = "proxy-smol";
    type Socket = WatchedSocket<Source<TcpStream>>;
    type Listener = WatchedListener<Source<TcpListener>>;
    type Timer = Timer;
    type Dial = Pin<Box<dyn Future<Output = io::Result<Self::Socket>> + Send>>;

    fn start(workers: NonZeroUsize) -> io::Result<Vec<Self>> {
        (0..workers.get()).map(start_worker).collect()
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.executor.spawn(future).detach();
    }

    fn listen(listener: TcpListener) -> io::Result<Self::Listener> {
        WatchedListener::new(listener)
    }

    fn dial(to: SocketAddr) -> Self::Dial {
        Box::pin(
            async move { WatchedSocket::connected(Source(Async::<TcpStream>::connect(to).await?)) },
        )
    }

    fn timer() -> Timer {
        Timer::default()
    }

    fn now() -> Instant {
        clock::now()
    }
}

fn start_worker(number: usize) -> io::Result<Smol> {
    let executor = Arc::new(Executor::new());
    let theirs = Arc::clone(&executor);
    thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
        // A panic of one task comes out here; the others go on.
        let run = || smol::block_on(theirs.run(pending::<()>()));
        while catch_unwind(AssertUnwindSafe(run)).is_err() {}
    })?;
    Ok(Smol { executor })
}
