//! The floor: a relay that parses nothing.
//!
//! Each client has an upstream connection of its own. What comes in at one goes out at the other:
//! two receives and two sends a request, which any proxy in user space has to make.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use slab::Slab;

use crate::origin::BACKLOG;
use crate::poller::{Poller, Readiness};

/// Relays what clients of `port` send to the `upstream` port, `window` bytes a read, until killed.
pub(crate) fn run(port: u16, upstream: u16, window: usize) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    rustix::net::listen(&listener, BACKLOG)?;
    let mut relay =
        Relay { poller: Poller::new()?, pairs: Slab::new(), upstream, buffer: vec![0; window] };
    relay.poller.add_source(&listener, LISTENER)?;
    loop {
        for index in 0..relay.poller.wait(None)? {
            let event = relay.poller.event(index);
            if event.token == LISTENER {
                relay.accept(&listener)?;
            } else {
                relay.forward(event);
            }
        }
    }
}

struct Relay {
    poller: Poller,
    /// The token of a client is twice the key of its pair, the upstream's is one more.
    pairs: Slab<Pair>,
    upstream: u16,
    buffer: Vec<u8>,
}

/// A client and its upstream.
#[derive(Debug)]
struct Pair {
    sides: [Side; 2],
}

#[derive(Debug)]
struct Side {
    stream: TcpStream,
    /// What this side has not taken yet.
    pending: Vec<u8>,
}

impl Relay {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        while let Ok((client, _)) = listener.accept() {
            // Over loopback this does not wait: the kernel completes the handshake by itself.
            let upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.upstream))?;
            let entry = self.pairs.vacant_entry();
            for (side, stream) in [&client, &upstream].into_iter().enumerate() {
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                self.poller.add_stream(stream, 2 * entry.key() + side)?;
            }
            let side = |stream| Side { stream, pending: Vec::new() };
            entry.insert(Pair { sides: [side(client), side(upstream)] });
        }
        Ok(())
    }

    fn forward(&mut self, event: Readiness) {
        let Some(pair) = self.pairs.get_mut(event.token / 2) else { return };
        let [client, upstream] = &mut pair.sides;
        let (near, far) =
            if event.token.is_multiple_of(2) { (client, upstream) } else { (upstream, client) };
        let was_full = !near.pending.is_empty();
        let buffer = &mut self.buffer;
        // The event may be room to write, for which the other side has been waiting.
        let moved = near.flush().and_then(|()| {
            if was_full {
                far.move_to(near, buffer, false)?;
            }
            near.move_to(far, buffer, event.ended)
        });
        if moved.is_err() {
            self.pairs.remove(event.token / 2);
        }
    }
}

impl Side {
    /// Moves bytes until there are none, or `to` takes no more; an error is the end of both.
    fn move_to(&mut self, to: &mut Self, buffer: &mut [u8], ended: bool) -> io::Result<()> {
        while to.pending.is_empty() {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let sent = match to.stream.write(&buffer[..count]) {
                Ok(sent) => sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(error) => return Err(error),
            };
            to.pending.extend_from_slice(&buffer[sent..count]);
            if count < buffer.len() && !ended {
                break;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            match self.stream.write(&self.pending) {
                Ok(sent) => drop(self.pending.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

const LISTENER: usize = usize::MAX;
