use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;

use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use proxy_driver::{FuturesListener, FuturesSocket, Runtime, clock};
use proxy_proto::Instant;

use crate::timer::Timer;

/// A handle on the global executor. It has a thread a core, and any of them runs any task: a worker
/// is a share of the idle connections and counters here, not a thread.
#[derive(Clone)]
pub(crate) struct AsyncStd;

impl Runtime for AsyncStd {
    const NAME: &'static str = "proxy-async-std";
    type Socket = FuturesSocket<TcpStream>;
    type Listener = FuturesListener<Self::Socket>;
    type Timer = Timer;
    type Dial = Pin<Box<dyn Future<Output = io::Result<Self::Socket>> + Send>>;

    fn start(workers: NonZeroUsize) -> io::Result<Vec<Self>> {
        Ok(vec![Self; workers.get()])
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        // The task runs on by itself.
        drop(task::spawn(future));
    }

    fn listen(listener: net::TcpListener) -> io::Result<Self::Listener> {
        let listener = Arc::new(TcpListener::from(listener));
        Ok(FuturesListener::new(move || {
            let listener = Arc::clone(&listener);
            Box::pin(async move {
                let (stream, from) = listener.accept().await?;
                Ok((FuturesSocket::new(stream)?, from))
            })
        }))
    }

    fn dial(to: SocketAddr) -> Self::Dial {
        Box::pin(async move { FuturesSocket::new(TcpStream::connect(to).await?) })
    }

    fn timer() -> Timer {
        Timer::default()
    }

    fn now() -> Instant {
        clock::now()
    }
}
