use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::pin::Pin;

use async_io::Async;
use async_std::task;
use proxy_driver::{Runtime, WatchedListener, WatchedSocket, clock};
use proxy_proto::Instant;

use crate::source::Source;
use crate::timer::Timer;

/// A handle on the global executor. It has a thread a core, and any of them runs any task: a worker
/// is a share of the idle connections and counters here, not a thread.
#[derive(Clone)]
pub(crate) struct AsyncStd;

impl Runtime for AsyncStd {
    const NAME: &'static str = "proxy-async-std";
    type Socket = WatchedSocket<Source<TcpStream>>;
    type Listener = WatchedListener<Source<TcpListener>>;
    type Timer = Timer;
    type Dial = Pin<Box<dyn Future<Output = io::Result<Self::Socket>> + Send>>;

    fn start(workers: NonZeroUsize) -> io::Result<Vec<Self>> {
        Ok(vec![Self; workers.get()])
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        // The task runs on by itself.
        drop(task::spawn(future));
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
