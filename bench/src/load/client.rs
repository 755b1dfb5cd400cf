//! One client: a connection, and where its request and the response to it are.

use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Instant;

use rustix::net::RecvFlags;

use crate::outgoing::{Message, Outgoing};
use crate::wire::{Checker, Progress};

#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    request: Outgoing,
    response: Checker,
    /// From when the time of the request counts.
    pub(super) since: Instant,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Waiting,
    /// The response is whole, the server has to close now.
    Ending,
}

/// Whether a connection lasts for more than a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    KeepAlive,
    OneRequest,
}

/// Buffers that all clients share.
#[derive(Debug)]
pub(super) struct Buffers {
    read: Vec<u8>,
    /// Never read: for the bytes that the kernel drops.
    discarded: Vec<u8>,
}

impl Client {
    pub(super) fn connect(port: u16, expected: u64, since: Instant) -> io::Result<Self> {
        // Over loopback this does not wait: the kernel completes the handshake by itself.
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let response = Checker::new(expected);
        Ok(Self { stream, request: Outgoing::default(), response, since, phase: Phase::Idle })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Sends `request`, whose time counts from `since`.
    pub(super) fn ask(&mut self, request: &Message, since: Instant) -> Result<(), String> {
        self.since = since;
        self.phase = Phase::Waiting;
        self.request = request.start();
        self.request.send(&self.stream).map_err(|error| format!("sending: {error}"))
    }

    /// Goes on after an event; true at the end of a request.
    pub(super) fn go_on(
        &mut self,
        life: Life,
        ended: bool,
        buffers: &mut Buffers,
    ) -> Result<bool, String> {
        if !self.request.is_done() {
            self.request.send(&self.stream).map_err(|error| format!("sending: {error}"))?;
        }
        loop {
            let (count, most) = match self.receive(buffers) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(format!("receiving: {error}")),
            };
            match (self.phase, count) {
                (Phase::Ending, 0) => return Ok(true),
                (Phase::Waiting, 0) => return Err("closed before the response".to_owned()),
                (Phase::Idle, 0) => return Err("closed while idle".to_owned()),
                (Phase::Idle | Phase::Ending, more) => {
                    return Err(format!("{more} bytes that nobody asked for"));
                }
                (Phase::Waiting, _) => {}
            }
            let progress = if self.response.opaque() > 0 {
                self.response.skip(count as u64)?
            } else {
                self.response.feed(&buffers.read[..count])?
            };
            if progress == Progress::Whole {
                if !self.request.is_done() {
                    return Err("a response before the end of the request".to_owned());
                }
                if life == Life::KeepAlive {
                    self.phase = Phase::Idle;
                    return Ok(true);
                }
                self.phase = Phase::Ending;
            } else if count < most && !ended {
                return Ok(false);
            }
        }
    }

    /// Takes at most `most` bytes of a response and looks at none of them.
    pub(super) fn sip(&mut self, most: usize, buffers: &mut Buffers) -> Result<usize, String> {
        match rustix::net::recv(&self.stream, &mut buffers.read[..most], RecvFlags::empty()) {
            Ok((_, 0)) => Err("closed before the end of the response".to_owned()),
            Ok((_, count)) => Ok(count),
            Err(rustix::io::Errno::AGAIN) => Ok(0),
            Err(error) => Err(format!("receiving: {error}")),
        }
    }

    /// How many bytes came, and how many it could have been.
    fn receive(&mut self, buffers: &mut Buffers) -> io::Result<(usize, usize)> {
        let opaque = usize::try_from(self.response.opaque()).unwrap_or(usize::MAX);
        if opaque == 0 {
            return Ok((self.stream.read(&mut buffers.read)?, buffers.read.len()));
        }
        let most = opaque.min(buffers.discarded.len());
        // TCP drops the bytes in the kernel: the proxy is measured, not this copy.
        let part = &mut buffers.discarded[..most];
        let (_, count) = rustix::net::recv(&self.stream, part, RecvFlags::TRUNC)?;
        Ok((count, most))
    }
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { read: vec![0; 64 * 1024], discarded: vec![0; 1024 * 1024] }
    }
}
