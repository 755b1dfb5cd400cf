//! The proxy's runtime: the traits of the driver over the virtual network.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{self, IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use proxy_driver::Runtime;
use proxy_proto::Instant;

use crate::executor;
use crate::network::{self, Leads, Listening, Side};

/// A handle on one worker of the world that plays in this thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Virtual {
    worker: usize,
}

impl Virtual {
    pub(crate) const fn worker(worker: usize) -> Self {
        Self { worker }
    }
}

impl Runtime for Virtual {
    const NAME: &'static str = "proxy-sim";
    type Socket = Socket;
    type Listener = Listener;
    type Timer = Timer;
    type Dial = Dial;

    fn start(workers: NonZeroUsize) -> io::Result<Vec<Self>> {
        Ok((0..workers.get()).map(Self::worker).collect())
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        executor::spawn(Some(self.worker), future);
    }

    /// There is no kernel here.
    fn listen(_: net::TcpListener) -> io::Result<Listener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn dial(to: SocketAddr) -> Dial {
        Dial::to(Leads::ToUpstream(upstream_at(to)), true)
    }

    fn timer() -> Timer {
        Timer(network::with(network::Network::new_timer))
    }

    fn now() -> Instant {
        network::now()
    }

    fn entropy() -> [u64; 4] {
        network::with(|network| [0; 4].map(|_: u64| network.dice.next() | 1))
    }
}

/// Where an upstream is.
pub(crate) fn address(upstream: usize) -> SocketAddr {
    let last = u8::try_from(upstream + 1).unwrap_or(u8::MAX);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), 9000)
}

fn upstream_at(address: SocketAddr) -> usize {
    match address.ip() {
        IpAddr::V4(ip) => usize::from(ip.octets()[3]) - 1,
        IpAddr::V6(_) => panic!("no upstream is at {address}"),
    }
}

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) conn: usize,
    pub(crate) side: Side,
    /// It is the proxy's, and counted.
    counted: bool,
}

impl Socket {
    /// The end that a peer of the proxy accepts.
    pub(crate) const fn accepted(conn: usize) -> Self {
        Self { conn, side: Side::Acceptor, counted: false }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        network::with(|network| network.close(self.conn, self.side, self.counted));
    }
}

impl proxy_driver::Socket for Socket {
    fn poll_recv(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        network::with(|network| network.poll_recv(self.conn, self.side, cx, room))
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        network::with(|network| network.poll_send(self.conn, self.side, cx, slices))
    }

    fn is_quiet(&mut self) -> bool {
        network::with(|network| network.is_quiet(self.conn, self.side))
    }

    fn has_unread(&self) -> bool {
        network::with(|network| network.has_unread(self.conn, self.side))
    }

    fn shutdown(&mut self) -> io::Result<()> {
        network::with(|network| network.shutdown(self.conn, self.side))
    }

    fn reset_on_close(&mut self) {
        network::with(|network| network.reset_on_close(self.conn, self.side));
    }

    fn rehome(self) -> io::Result<Self> {
        network::with(|network| network.rehome(self.conn, self.side));
        Ok(self)
    }
}

/// A connection being opened.
#[derive(Debug)]
pub(crate) struct Dial {
    conn: usize,
    socket: Option<Socket>,
}

impl Dial {
    pub(crate) fn to(leads: Leads, counted: bool) -> Self {
        let conn = network::with(|network| network.dial(leads));
        Self { conn, socket: Some(Socket { conn, side: Side::Opener, counted }) }
    }
}

impl Future for Dial {
    type Output = io::Result<Socket>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Socket>> {
        let dialed = ready!(network::with(|network| network.poll_dialed(self.conn, cx)));
        // Taken also where it failed: no descriptor is left then.
        let socket = self.socket.take();
        Poll::Ready(dialed.and_then(|()| socket.ok_or_else(|| io::ErrorKind::Other.into())))
    }
}

/// The proxy's port.
#[derive(Debug)]
pub(crate) struct Listener(());

impl Listener {
    pub(crate) fn open() -> Self {
        network::with(|network| network.listening = Listening::Yes);
        Self(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        network::with(network::Network::stop_listening);
    }
}

impl proxy_driver::Listener<Socket> for Listener {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, SocketAddr)>> {
        let conn = ready!(network::with(|network| network.poll_accept(cx)))?;
        let socket = Socket { conn, side: Side::Acceptor, counted: true };
        Poll::Ready(Ok((socket, (Ipv4Addr::new(10, 1, 0, 1), 5000).into())))
    }
}

/// A timer of the virtual clock.
#[derive(Debug)]
pub(crate) struct Timer(usize);

impl Timer {
    pub(crate) fn new() -> Self {
        Self(network::with(network::Network::new_timer))
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        network::with(|network| network.drop_timer(self.0));
    }
}

impl proxy_driver::Timer for Timer {
    fn set(&mut self, at: Instant) {
        network::with(|network| network.set_timer(self.0, at));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        network::with(|network| network.poll_timer(self.0, cx))
    }
}
