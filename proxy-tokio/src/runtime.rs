use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::mpsc;
use std::thread;

use proxy_driver::{Runtime, clock};
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
    type Dial = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

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

    fn dial(to: SocketAddr) -> Self::Dial {
        Box::pin(async move { Socket::connected(TcpStream::connect(to).await?) })
    }

    fn timer() -> Timer {
        Timer::default()
    }

    fn now() -> Instant {
        clock::now()
    }
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
