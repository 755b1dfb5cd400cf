//! Upstreams whose every byte a test decides.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use crate::client::fail;
use crate::{Head, Message, PATIENCE, Wire};

/// A listening port whose connections the test takes one by one.
pub struct Upstream {
    listener: TcpListener,
}

impl Upstream {
    /// Listens on a free port of 127.0.0.1.
    pub fn listen() -> Self {
        Self::listen_on("127.0.0.1:0")
    }

    /// Listens here.
    #[track_caller]
    pub fn listen_on(addr: &str) -> Self {
        Self { listener: TcpListener::bind(addr).expect("an address to listen on") }
    }

    /// Listens, and gives each connection the smallest receive buffer the kernel allows, so that a
    /// sender stalls soon.
    pub fn with_small_buffers() -> Self {
        let upstream = Self::listen();
        SockRef::from(&upstream.listener).set_recv_buffer_size(1).expect("TCP");
        upstream
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// Takes the next connection.
    #[track_caller]
    pub fn accepts(&self) -> Connection {
        let stream = self.accepts_within(PATIENCE);
        Connection { wire: Wire::new(stream.expect("the proxy connects to the upstream")) }
    }

    /// Whether no connection comes within this time.
    pub fn is_left_alone_for(&self, time: Duration) -> bool {
        self.accepts_within(time).is_none()
    }

    fn accepts_within(&self, time: Duration) -> Option<TcpStream> {
        // On Linux the receive timeout of a listening socket is that of accept(2).
        SockRef::from(&self.listener).set_read_timeout(Some(time)).expect("a timeout");
        self.listener.accept().ok().map(|(stream, _)| stream)
    }
}

/// A connection from the proxy.
pub struct Connection {
    wire: Wire,
}

impl Connection {
    /// Reads the next request whole.
    #[track_caller]
    pub fn reads_request(&mut self) -> Message {
        let head = self.reads_head();
        let framing = head.request_framing();
        let message = self.wire.try_body(head, framing);
        message.unwrap_or_else(|broken| fail("a request body", &broken))
    }

    /// Reads the head of the next request and leaves its body.
    #[track_caller]
    pub fn reads_head(&mut self) -> Head {
        self.wire.try_head().unwrap_or_else(|broken| fail("a request head", &broken))
    }

    /// Reads this many raw bytes.
    #[track_caller]
    pub fn reads_exactly(&mut self, count: usize) -> Vec<u8> {
        self.wire.try_exactly(count).unwrap_or_else(|broken| fail("more bytes", &broken))
    }

    /// Sends these bytes.
    pub fn answers(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.wire.sends(bytes);
        self
    }

    /// Closes the connection both ways.
    pub fn closes(self) {
        self.wire.closes();
    }

    /// Resets the connection.
    pub fn resets(self) {
        self.wire.resets();
    }
}

impl Deref for Connection {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

/// A port that refuses: bound, so that nobody else gets it, and not listening.
pub struct Refusing {
    socket: Socket,
}

impl Refusing {
    /// Takes a free port of 127.0.0.1.
    pub fn new() -> Self {
        Self { socket: bound() }
    }

    /// Where nobody listens.
    pub fn addr(&self) -> SocketAddr {
        addr_of(&self.socket)
    }

    /// Begins to listen.
    pub fn listens(self) -> Upstream {
        self.socket.listen(128).expect("the port is ours");
        Upstream { listener: self.socket.into() }
    }
}

impl Default for Refusing {
    fn default() -> Self {
        Self::new()
    }
}

/// A port that neither accepts nor refuses: its backlog is full, so the kernel drops each further
/// SYN.
pub struct FullBacklog {
    socket: Socket,
    /// Held open, so that they stay in the backlog.
    _waiting: Vec<TcpStream>,
}

impl FullBacklog {
    /// Listens on a free port of 127.0.0.1 and fills the backlog.
    pub fn new() -> Self {
        let socket = bound();
        socket.listen(0).expect("the port is ours");
        let addr = addr_of(&socket);
        let connect = || TcpStream::connect_timeout(&addr, FULL).ok();
        let waiting: Vec<_> = std::iter::from_fn(connect).take(MOST_WAITING).collect();
        assert!(waiting.len() < MOST_WAITING, "the kernel queues without end");
        Self { socket, _waiting: waiting }
    }

    /// Where a connect gets no answer.
    pub fn addr(&self) -> SocketAddr {
        addr_of(&self.socket)
    }
}

impl Default for FullBacklog {
    fn default() -> Self {
        Self::new()
    }
}

/// No handshake on the loopback takes this long.
const FULL: Duration = Duration::from_millis(500);
/// Linux queues one more than asked; other kernels somewhat more.
const MOST_WAITING: usize = 32;

fn bound() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).expect("a free port");
    socket
}

fn addr_of(socket: &Socket) -> SocketAddr {
    socket.local_addr().expect("it is bound").as_socket().expect("IP")
}
