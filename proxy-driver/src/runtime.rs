use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IoSlice};
use std::net::{self, SocketAddr};
use std::num::NonZeroUsize;
use std::task::{Context, Poll};

use proxy_proto::Instant;

/// What a runtime has to bring: sockets, listeners, timers and tasks. Everything else is here.
///
/// A value of the type is a handle on one worker, on which futures can be spawned.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// The word for it, as in `proxy-tokio`.
    const NAME: &'static str;
    /// A connected TCP socket.
    type Socket: Socket;
    /// A listening TCP socket.
    type Listener: Listener<Self::Socket>;
    /// A timer of one connection.
    type Timer: Timer;
    /// A connection being opened.
    type Dial: Future<Output = io::Result<Self::Socket>> + Send + Unpin + 'static;

    /// Starts so many workers and returns a handle on each. They end with the process.
    fn start(workers: NonZeroUsize) -> io::Result<Vec<Self>>;

    /// Runs a future on this worker, from any thread. A panic in it ends it alone.
    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static);

    /// Takes over a listening socket. Called on the worker that will poll it.
    fn listen(listener: net::TcpListener) -> io::Result<Self::Listener>;

    /// Begins to open a connection. Called on the worker that will poll it.
    fn dial(to: SocketAddr) -> Self::Dial;

    /// A timer that is not running.
    fn timer() -> Self::Timer;

    /// The time. It never runs backwards.
    fn now() -> Instant;

    /// The seed of one worker's trace ids, not all of it 0; two workers never get the same one.
    /// The system's entropy, unless a runtime is one whose runs can be repeated.
    fn entropy() -> [u64; 4] {
        // The standard library's way to it.
        std::array::from_fn(|n| RandomState::new().hash_one(n) | u64::from(n == 0))
    }
}

/// A connected TCP socket that belongs to one task.
pub trait Socket: Send + Unpin + Sized + 'static {
    /// Receives into `room`, which is not empty; 0: the peer has closed its sending half.
    fn poll_recv(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Sends from the start of `slices`, of which none is empty.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Whether there is nothing to receive: no byte, no end, no error. For an idle connection of
    /// an upstream, of which nothing is expected. Without a system call where the runtime knows.
    fn is_quiet(&mut self) -> bool;

    /// Whether bytes, or an end, have come that have not been received. Asks the kernel, where
    /// `poll_recv` may rely on what the reactor knows: for rare decisions that must not be wrong.
    fn has_unread(&self) -> bool;

    /// Closes the sending half.
    fn shutdown(&mut self) -> io::Result<()>;

    /// Makes dropping the socket a reset instead of an end, so that the peer knows that something
    /// is missing.
    fn reset_on_close(&mut self);

    /// Moves the socket to the worker on which this is called.
    fn rehome(self) -> io::Result<Self>;
}

/// A listening TCP socket that belongs to one task.
pub trait Listener<S>: Send + Unpin + 'static {
    /// The next connection, and who it comes from.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(S, SocketAddr)>>;

    /// The next connection, or `WouldBlock`: the last look before the listener is closed, which
    /// resets who waits in it. Asks the kernel, where `poll_accept` may rely on what the reactor
    /// knows; where it does not, there is nothing left to be found.
    fn accept(&mut self) -> io::Result<(S, SocketAddr)> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// One timer, set again and again.
pub trait Timer: Send + Unpin + 'static {
    /// Makes it fire at `at` instead of whatever was set before.
    fn set(&mut self, at: Instant);

    /// Ready once its time has passed, never before; until it is set again it need not fire twice.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}
