use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;

use async_std::net::TcpStream;
use async_std::task;
use proxy_driver::{Runtime, clock};
use proxy_proto::Instant;

use crate::listener::Listener;
use crate::socket::Socket;
use crate::timer::Timer;

/// A handle on the global executor. It has a thread a core, and any of them runs any task: a worker
/// is a share of the idle connections and counters here, not a thread.
#[derive(Clone)]
pub(crate) struct AsyncStd;

impl Runtime for AsyncStd {
    const NAME: &'static str = "proxy-async-std";
    type Socket = Socket;
    type Listener = Listener;
    type Timer = Timer;
    type Dial = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

    fn start(workers: NonZeroUsize) -> io::Result<Vec<Self>> {
        Ok(vec![Self; workers.get()])
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        // The task runs on by itself.
        drop(task::spawn(future));
    }

    fn listen(listener: net::TcpListener) -> io::Result<Listener> {
        Ok(Listener::new(listener))
    }

    fn dial(to: SocketAddr) -> Self::Dial {
        Box::pin(async move { Socket::new(TcpStream::connect(to).await?) })
    }

    fn timer() -> Timer {
        Timer::default()
    }

    fn now() -> Instant {
        clock::now()
    }
}
