//! Sockets and listeners for runtimes whose reactor tells of readiness and leaves the calls to us.

use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use crate::notice::Notice;
use crate::runtime::{Listener, Socket};
use crate::tcp;

/// A socket that does not block and that a reactor watches, one for all of its runtime's threads.
pub trait Watched: Send + Unpin + Sized + 'static {
    /// A socket of the standard library.
    type Inner: AsFd;

    /// Has a socket watched.
    fn watch(inner: Self::Inner) -> io::Result<Self>;

    /// The socket.
    fn get(&self) -> &Self::Inner;

    /// Ready once the socket has become readable after the first call since this was last ready;
    /// the waker given last is woken then.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Likewise, of writing.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// A TCP socket. It remembers what the reactor said last, so that the kernel is not asked in vain:
/// a read that leaves room has emptied the socket, and the next one waits for the reactor.
///
/// ```text
///            a read leaves room, or finds nothing
///   Unknown ─────────────────────────────────────▶ Watched
///      ▲                                              │
///      └──────────────────────────────────────────────┘
///                the reactor says that something came
/// ```
pub struct WatchedSocket<W> {
    watched: W,
    knows: Knows,
    notice: Arc<Notice>,
    /// The notice as the reactor knows it.
    waker: Waker,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Knows {
    /// There may be something to receive.
    Unknown,
    /// There was nothing, and the reactor gives notice when there is.
    Watched,
}

impl<W: Watched<Inner = TcpStream>> WatchedSocket<W> {
    /// Takes over a socket that was connected to a peer.
    pub fn connected(watched: W) -> io::Result<Self> {
        tcp::set_nodelay(watched.get())?;
        Ok(Self::new(watched))
    }

    /// Takes over a socket that was accepted: it has its options from its listener.
    pub fn accepted(stream: TcpStream) -> io::Result<Self> {
        Ok(Self::new(W::watch(stream)?))
    }

    fn new(watched: W) -> Self {
        let notice = Arc::<Notice>::default();
        let waker = Arc::clone(&notice).into();
        Self { watched, knows: Knows::Unknown, notice, waker }
    }

    /// There is nothing to receive now. An idle connection is watched, too, so that its end is
    /// known without asking for it.
    fn watch(&mut self) -> io::Result<()> {
        self.notice.reset();
        let mut cx = Context::from_waker(&self.waker);
        // Ready means that it has become readable since it was last watched: this is known.
        while self.watched.poll_readable(&mut cx)?.is_ready() {}
        self.knows = Knows::Watched;
        Ok(())
    }
}

impl<W: Watched<Inner = TcpStream>> Socket for WatchedSocket<W> {
    fn poll_recv(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            if self.knows == Knows::Watched {
                ready!(self.notice.poll(cx));
                self.knows = Knows::Unknown;
            }
            match self.watched.get().read(room) {
                Ok(n) => {
                    if 0 < n && n < room.len() {
                        self.watch()?;
                    }
                    return Poll::Ready(Ok(n));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.watch()?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut stream = self.watched.get();
            let sent = match slices {
                [one] => stream.write(one),
                several => stream.write_vectored(several),
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.watched.poll_writable(cx))?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    /// What the reactor knows costs no system call.
    fn is_quiet(&mut self) -> bool {
        match self.knows {
            Knows::Watched if !self.notice.is_given() => true,
            Knows::Watched | Knows::Unknown => !self.has_unread(),
        }
    }

    fn has_unread(&self) -> bool {
        tcp::has_unread(self.watched.get())
    }

    fn shutdown(&mut self) -> io::Result<()> {
        tcp::shutdown(self.watched.get())
    }

    fn reset_on_close(&mut self) {
        tcp::reset_on_close(self.watched.get());
    }

    /// There is one reactor for all.
    fn rehome(self) -> io::Result<Self> {
        Ok(self)
    }
}

/// A TCP listener.
pub struct WatchedListener<L>(L);

impl<L: Watched<Inner = TcpListener>> WatchedListener<L> {
    /// Takes over a listening socket.
    pub fn new(listener: TcpListener) -> io::Result<Self> {
        // Accepted sockets inherit it, which spares them a call each.
        tcp::set_nodelay(&listener)?;
        Ok(Self(L::watch(listener)?))
    }
}

impl<L, W> Listener<WatchedSocket<W>> for WatchedListener<L>
where
    L: Watched<Inner = TcpListener>,
    W: Watched<Inner = TcpStream>,
{
    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(WatchedSocket<W>, SocketAddr)>> {
        loop {
            match self.0.get().accept() {
                Ok((stream, from)) => {
                    let socket = WatchedSocket::accepted(stream);
                    return Poll::Ready(socket.map(|socket| (socket, from)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.0.poll_readable(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// A reactor that says what the test has it say.
    struct Scripted {
        stream: TcpStream,
        waker: Mutex<Option<Waker>>,
    }

    impl Scripted {
        fn speaks(&self) {
            let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
            waker.expect("it watches").wake();
        }
    }

    impl Watched for Scripted {
        type Inner = TcpStream;

        fn watch(stream: TcpStream) -> io::Result<Self> {
            stream.set_nonblocking(true)?;
            Ok(Self { stream, waker: Mutex::default() })
        }

        fn get(&self) -> &TcpStream {
            &self.stream
        }

        fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
            *waker = Some(cx.waker().clone());
            Poll::Pending
        }

        fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    fn pair() -> (WatchedSocket<Scripted>, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let peer = TcpStream::connect(address).expect("connected");
        let (stream, _) = listener.accept().expect("accepted");
        (WatchedSocket::accepted(stream).expect("watched"), peer)
    }

    fn recv(socket: &mut WatchedSocket<Scripted>) -> Poll<io::Result<usize>> {
        socket.poll_recv(&mut Context::from_waker(Waker::noop()), &mut [0; 64])
    }

    fn arrives(socket: &WatchedSocket<Scripted>) {
        while !socket.has_unread() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_read_that_leaves_room_is_followed_by_one_that_waits_for_the_reactor() {
        let (mut socket, mut peer) = pair();
        peer.write_all(b"first").expect("sent");
        arrives(&socket);
        assert!(matches!(recv(&mut socket), Poll::Ready(Ok(5))));
        peer.write_all(b"second").expect("sent");
        arrives(&socket);
        assert!(recv(&mut socket).is_pending(), "the reactor has not said so");
        socket.watched.speaks();
        assert!(matches!(recv(&mut socket), Poll::Ready(Ok(6))));
    }

    #[test]
    fn a_notice_of_nothing_is_waited_out() {
        let (mut socket, mut peer) = pair();
        assert!(recv(&mut socket).is_pending());
        socket.watched.speaks();
        assert!(recv(&mut socket).is_pending());
        assert!(socket.is_quiet());
        peer.write_all(b"late").expect("sent");
        arrives(&socket);
        socket.watched.speaks();
        assert!(matches!(recv(&mut socket), Poll::Ready(Ok(4))));
    }

    #[test]
    fn the_end_of_an_idle_connection_is_known_from_the_reactor() {
        let (mut socket, mut peer) = pair();
        peer.write_all(b"response").expect("sent");
        arrives(&socket);
        assert!(recv(&mut socket).is_ready());
        assert!(socket.is_quiet());
        drop(peer);
        arrives(&socket);
        socket.watched.speaks();
        assert!(!socket.is_quiet());
        assert!(matches!(recv(&mut socket), Poll::Ready(Ok(0))));
    }

    #[test]
    fn a_socket_of_which_nothing_is_known_is_asked() {
        let (mut socket, peer) = pair();
        assert!(socket.is_quiet());
        drop(peer);
        arrives(&socket);
        assert!(!socket.is_quiet());
    }
}
