//! A runtime without a kernel: sockets are queues in memory, time passes when a test says so, and
//! tasks are polled by hand. One world a thread, so that tests do not meet.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{self, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proxy_proto::Instant;

use crate::runtime::{Listener, Runtime, Socket, Timer};

#[derive(Clone)]
pub(crate) struct Virtual;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

thread_local! {
    static NOW: Cell<Instant> = const { Cell::new(Instant::from_nanos(1)) };
    static DIALED: RefCell<VecDeque<VirtualSocket>> = const { RefCell::new(VecDeque::new()) };
    static SPAWNED: RefCell<Vec<Task>> = const { RefCell::new(Vec::new()) };
    static REFUSES: Cell<bool> = const { Cell::new(false) };
    static SILENT: Cell<Option<SocketAddr>> = const { Cell::new(None) };
}

/// Lets time pass for this thread's sockets.
pub(crate) fn pass(duration: Duration) {
    NOW.set(NOW.get() + duration);
}

/// The other end of the connection that was opened first and not yet taken.
pub(crate) fn accept() -> Option<VirtualSocket> {
    DIALED.with_borrow_mut(VecDeque::pop_front)
}

/// The tasks that were spawned and not yet taken.
pub(crate) fn spawned() -> Vec<Task> {
    SPAWNED.take()
}

/// From now on connections are refused, or no longer.
pub(crate) fn refuse(refuses: bool) {
    REFUSES.set(refuses);
}

/// From now on connections to this address are neither opened nor refused.
pub(crate) fn silence(address: SocketAddr) {
    SILENT.set(Some(address));
}

/// Two ends of one connection.
pub(crate) fn pair() -> (VirtualSocket, VirtualSocket) {
    let (there, back) = (Arc::default(), Arc::default());
    let near = VirtualSocket { inbox: Arc::clone(&back), outbox: Arc::clone(&there) };
    (near, VirtualSocket { inbox: there, outbox: back })
}

/// One end: what it sends the other one receives.
pub(crate) struct VirtualSocket {
    inbox: Arc<Mutex<Pipe>>,
    outbox: Arc<Mutex<Pipe>>,
}

struct Pipe {
    bytes: VecDeque<u8>,
    closed: bool,
    /// There are always bytes in it, and always room.
    endless: bool,
    reader: Option<Waker>,
}

impl Default for Pipe {
    fn default() -> Self {
        Self { bytes: VecDeque::with_capacity(ROOM), closed: false, endless: false, reader: None }
    }
}

impl VirtualSocket {
    /// For a test: sends all of `bytes`.
    pub(crate) fn sends(&self, bytes: &[u8]) {
        let mut pipe = lock(&self.outbox);
        assert!(pipe.bytes.len() + bytes.len() <= ROOM, "no room for what the test sends");
        pipe.bytes.extend(bytes);
        if let Some(reader) = pipe.reader.take() {
            reader.wake();
        }
    }

    /// For a test: from now on it sends faster than anybody can receive.
    pub(crate) fn sends_without_end(&self) {
        lock(&self.outbox).endless = true;
    }

    /// For a test: from now on it receives faster than anybody can send.
    pub(crate) fn takes_without_end(&self) {
        lock(&self.inbox).endless = true;
    }

    /// For a test: takes what has come.
    pub(crate) fn takes(&self, into: &mut Vec<u8>) {
        into.clear();
        into.extend(lock(&self.inbox).bytes.drain(..));
    }

    /// For a test: whether the other end is closed and has nothing more to say.
    pub(crate) fn is_closed(&self) -> bool {
        let pipe = lock(&self.inbox);
        pipe.closed && pipe.bytes.is_empty()
    }
}

impl Drop for VirtualSocket {
    fn drop(&mut self) {
        for pipe in [&self.outbox, &self.inbox] {
            let mut pipe = lock(pipe);
            pipe.closed = true;
            if let Some(reader) = pipe.reader.take() {
                reader.wake();
            }
        }
    }
}

impl Socket for VirtualSocket {
    fn poll_recv(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut pipe = lock(&self.inbox);
        if pipe.endless {
            return Poll::Ready(Ok(room.len()));
        }
        if pipe.bytes.is_empty() && !pipe.closed {
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let n = room.len().min(pipe.bytes.len());
        for (to, from) in room.iter_mut().zip(pipe.bytes.drain(..n)) {
            *to = from;
        }
        Poll::Ready(Ok(n))
    }

    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = lock(&self.outbox);
        if pipe.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if pipe.endless {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let mut sent = 0;
        for slice in slices {
            let n = slice.len().min(ROOM - pipe.bytes.len());
            pipe.bytes.extend(&slice[..n]);
            sent += n;
        }
        assert!(sent > 0, "a test leaves what it gets unread");
        Poll::Ready(Ok(sent))
    }

    fn is_quiet(&mut self) -> bool {
        let pipe = lock(&self.inbox);
        pipe.bytes.is_empty() && !pipe.closed
    }

    fn has_unread(&self) -> bool {
        let pipe = lock(&self.inbox);
        !pipe.bytes.is_empty() || pipe.closed
    }

    fn shutdown(&mut self) -> io::Result<()> {
        lock(&self.outbox).closed = true;
        Ok(())
    }

    fn reset_on_close(&mut self) {}

    fn rehome(self) -> io::Result<Self> {
        Ok(self)
    }
}

impl Runtime for Virtual {
    const NAME: &'static str = "virtual";
    type Socket = VirtualSocket;
    type Listener = VirtualListener;
    type Timer = VirtualTimer;
    type Dial = Dialed;

    fn start(workers: NonZeroUsize) -> io::Result<Vec<Self>> {
        Ok(vec![Self; workers.get()])
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        SPAWNED.with_borrow_mut(|spawned| spawned.push(Box::pin(task)));
    }

    fn listen(_: net::TcpListener) -> io::Result<VirtualListener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn dial(to: SocketAddr) -> Self::Dial {
        if SILENT.get() == Some(to) {
            return Dialed(None);
        }
        if REFUSES.get() {
            return Dialed(Some(Err(io::ErrorKind::ConnectionRefused.into())));
        }
        let (near, far) = pair();
        DIALED.with_borrow_mut(|dialed| dialed.push_back(far));
        Dialed(Some(Ok(near)))
    }

    fn timer() -> VirtualTimer {
        VirtualTimer::default()
    }

    fn now() -> Instant {
        NOW.get()
    }
}

/// What becomes of a connection attempt; `None`: nothing ever does.
pub(crate) struct Dialed(Option<io::Result<VirtualSocket>>);

impl Future for Dialed {
    type Output = io::Result<VirtualSocket>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }
}

#[derive(Default)]
pub(crate) struct VirtualTimer(Option<Instant>);

impl Timer for VirtualTimer {
    fn set(&mut self, at: Instant) {
        self.0 = Some(at);
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        if self.0.is_some_and(|at| at <= NOW.get()) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Has accepted what a test puts into it.
pub(crate) struct VirtualListener(pub(crate) VecDeque<VirtualSocket>);

impl Listener<VirtualSocket> for VirtualListener {
    fn poll_accept(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<io::Result<(VirtualSocket, SocketAddr)>> {
        let from = (net::Ipv4Addr::LOCALHOST, 5000).into();
        self.0.pop_front().map_or(Poll::Pending, |socket| Poll::Ready(Ok((socket, from))))
    }
}

fn lock(pipe: &Mutex<Pipe>) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As much as a socket's buffers hold.
const ROOM: usize = 64 * 1024;
