use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;

use proxy_driver::Runtime;
use proxy_proto::Instant;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};

use crate::listener::Listener;
use crate::socket::Socket;
use crate::timer::Timer;

/// A handle on one worker: a thread with a current-thread runtime, so that sockets and timers of a
/// connection never change threads.
#[derive(Clone)]
pub(crate) struct Tokio {
    handle: Handle,
}

impl Runtime for Tokio {
    const NAME: &'static str = "proxy-tokio";
    type Socket = Socket;
    type Listener = Listener;
    type Timer = Timer;
    type Dial = Dial;

    fn start(workers: NonZeroUsize) -> io::Result<Vec<Self>> {
        (0..workers.get()).map(start_worker).collect()
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        // The task runs on by itself.
        drop(self.handle.spawn(future));
    }

    fn listen(listener: net::TcpListener) -> io::Result<Listener> {
        Listener::new(listener)
    }

    fn dial(to: SocketAddr) -> Dial {
        Dial(Box::pin(TcpStream::connect(to)))
    }

    fn timer() -> Timer {
        Timer::default()
    }

    fn now() -> Instant {
        let nanos = clock().saturating_duration_since(epoch()).as_nanos();
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// A connection being opened.
pub(crate) struct Dial(Connecting);

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

impl Future for Dial {
    type Output = io::Result<Socket>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(|connected| connected.and_then(Socket::new))
    }
}

/// The runtime's instant for a time of the core.
pub(crate) fn instant(at: Instant) -> tokio::time::Instant {
    tokio::time::Instant::from_std(epoch() + (at - Instant::EPOCH))
}

fn start_worker(number: usize) -> io::Result<Tokio> {
    let (sender, started) = mpsc::channel();
    thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
        match Builder::new_current_thread().enable_io().enable_time().build() {
            Ok(runtime) => {
                let _sent = sender.send(Ok(runtime.handle().clone()));
                runtime.block_on(std::future::pending::<()>());
            }
            Err(error) => {
                let _sent = sender.send(Err(error));
            }
        }
    })?;
    let handle = started.recv().map_err(io::Error::other)??;
    Ok(Tokio { handle })
}

/// The core's time counts from the first look at the clock, less a second: no instant is the epoch.
fn epoch() -> std::time::Instant {
    static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();
    *EPOCH.get_or_init(clock)
}

#[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}
