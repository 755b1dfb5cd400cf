//! A client that sends what a test tells it to, well-formed or not.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};

use crate::{Broken, Head, Message, PATIENCE, Wire, get};

/// A connection to the proxy.
pub struct Client {
    wire: Wire,
}

impl Client {
    /// Connects.
    #[track_caller]
    pub fn connect(addr: SocketAddr) -> Self {
        Self::try_connect(addr).unwrap_or_else(|error| panic!("connect {addr}: {error}"))
    }

    /// Connects, if somebody listens.
    pub fn try_connect(addr: SocketAddr) -> io::Result<Self> {
        Ok(Self { wire: Wire::new(TcpStream::connect_timeout(&addr, PATIENCE)?) })
    }

    /// Whether nobody listens there any more.
    pub fn is_refused(addr: SocketAddr) -> bool {
        Self::try_connect(addr).is_err()
    }

    /// Sends a GET and reads its response.
    #[track_caller]
    pub fn gets(&mut self, path: &str) -> Message {
        self.wire.sends(get(path));
        self.reads_response()
    }

    /// Reads a whole response, an interim one too.
    #[track_caller]
    pub fn reads_response(&mut self) -> Message {
        self.reads_response_to("GET")
    }

    /// Reads the whole response to a request with this method.
    #[track_caller]
    pub fn reads_response_to(&mut self, method: &str) -> Message {
        self.try_response(method).unwrap_or_else(|broken| fail("a response", &broken))
    }

    /// Reads a response that may be broken off.
    pub fn try_response(&mut self, method: &str) -> Result<Message, Broken> {
        let head = self.wire.try_head()?;
        let framing = head.response_framing(method);
        self.wire.try_body(head, framing)
    }

    /// Reads the head of a response and leaves its body.
    #[track_caller]
    pub fn reads_head(&mut self) -> Head {
        self.wire.try_head().unwrap_or_else(|broken| fail("a response head", &broken))
    }

    /// Reads this many raw bytes.
    #[track_caller]
    pub fn reads_exactly(&mut self, count: usize) -> Vec<u8> {
        self.wire.try_exactly(count).unwrap_or_else(|broken| fail("more bytes", &broken))
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

impl Deref for Client {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

#[track_caller]
pub(crate) fn fail(what: &str, broken: &Broken) -> ! {
    let received = String::from_utf8_lossy(&broken.received);
    panic!("expected {what}, but the peer is {:?} after {received:?}", broken.ending)
}
