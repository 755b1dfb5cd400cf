//! The upstream: one thread, few calls a request.
//!
//! `GET /N` answers with `N` bytes (`/1k`, `/64k`, `/100m`), `GET /chunked` with 1 KiB in one
//! chunk. A request with a `Content-Length` is swallowed, and answered with an empty 200.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use memchr::memmem;
use rustix::net::RecvFlags;
use slab::Slab;

use crate::outgoing::{Message, Outgoing};
use crate::poller::{Poller, Readiness};

/// Listens on `ports` free ports of 127.0.0.1, prints them as one line, and serves until killed.
pub(crate) fn run(ports: usize) -> io::Result<()> {
    let listeners = (0..ports)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<io::Result<Vec<_>>>()?;
    let mut origin = Origin {
        poller: Poller::new()?,
        connections: Slab::new(),
        answers: HashMap::new(),
        accepted: Message::new("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0),
        buffer: vec![0; READ],
        discarded: vec![0; DISCARD],
    };
    let mut ports = Vec::new();
    for (index, listener) in listeners.iter().enumerate() {
        listener.set_nonblocking(true)?;
        // Std's own backlog is too short for a thousand connections at once.
        rustix::net::listen(listener, BACKLOG)?;
        origin.poller.add_source(listener, LISTENERS + index)?;
        ports.push(listener.local_addr()?.port().to_string());
    }
    println!("{}", ports.join(" "));
    io::stdout().flush()?;
    loop {
        for index in 0..origin.poller.wait(None)? {
            let event = origin.poller.event(index);
            match event.token.checked_sub(LISTENERS) {
                Some(listener) => origin.accept(&listeners[listener])?,
                None => origin.serve(event),
            }
        }
    }
}

struct Origin {
    poller: Poller,
    connections: Slab<Connection>,
    answers: HashMap<Vec<u8>, Message>,
    accepted: Message,
    buffer: Vec<u8>,
    discarded: Vec<u8>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// The beginning of a head that did not come whole.
    partial: Vec<u8>,
    /// How much of a request body is still to be swallowed.
    swallow: u64,
    answer: Outgoing,
}

impl Origin {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let entry = self.connections.vacant_entry();
            self.poller.add_stream(&stream, entry.key())?;
            entry.insert(Connection {
                stream,
                partial: Vec::new(),
                swallow: 0,
                answer: Outgoing::default(),
            });
        }
        Ok(())
    }

    fn serve(&mut self, event: Readiness) {
        let Some(connection) = self.connections.get_mut(event.token) else { return };
        let mut server = Server {
            connection,
            answers: &mut self.answers,
            accepted: &self.accepted,
            buffer: &mut self.buffer,
            discarded: &mut self.discarded,
        };
        if server.serve(event.ended).is_err() {
            self.connections.remove(event.token);
        }
    }
}

/// A connection, with what it borrows while it has an event.
struct Server<'a> {
    connection: &'a mut Connection,
    answers: &'a mut HashMap<Vec<u8>, Message>,
    accepted: &'a Message,
    buffer: &'a mut [u8],
    discarded: &'a mut [u8],
}

impl Server<'_> {
    /// Goes on as far as the socket lets it; an error ends the connection.
    fn serve(&mut self, ended: bool) -> io::Result<()> {
        loop {
            self.connection.answer.send(&self.connection.stream)?;
            if !self.connection.answer.is_done() {
                return Ok(());
            }
            let read = if self.connection.swallow > 0 { self.swallow() } else { self.receive() };
            match read {
                Ok(Emptied::Yes) if !ended && self.connection.answer.is_done() => return Ok(()),
                Ok(Emptied::Yes | Emptied::No) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn swallow(&mut self) -> io::Result<Emptied> {
        let connection = &mut *self.connection;
        let most = usize::try_from(connection.swallow).unwrap_or(usize::MAX).min(DISCARD);
        // TCP drops the bytes in the kernel: the proxy is measured, not this copy.
        let (_, count) =
            rustix::net::recv(&connection.stream, &mut self.discarded[..most], RecvFlags::TRUNC)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        connection.swallow -= count as u64;
        if connection.swallow == 0 {
            connection.answer = self.accepted.start();
            connection.answer.send(&connection.stream)?;
        }
        Ok(if count < most { Emptied::Yes } else { Emptied::No })
    }

    fn receive(&mut self) -> io::Result<Emptied> {
        let count = self.connection.stream.read(self.buffer)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let emptied = if count < self.buffer.len() { Emptied::Yes } else { Emptied::No };
        if self.connection.partial.is_empty() && memmem::find(&self.buffer[..count], END).is_some()
        {
            let used = self.answer(None, count)?;
            if used < count {
                return Err(ErrorKind::InvalidData.into());
            }
            return Ok(emptied);
        }
        let mut partial = std::mem::take(&mut self.connection.partial);
        partial.extend_from_slice(&self.buffer[..count]);
        if memmem::find(&partial, END).is_some() {
            self.answer(Some(&partial), partial.len())?;
        } else {
            self.connection.partial = partial;
        }
        Ok(emptied)
    }

    /// Answers the request whose head is whole, in `head` or the first `count` bytes of the buffer.
    fn answer(&mut self, head: Option<&[u8]>, count: usize) -> io::Result<usize> {
        let received = head.unwrap_or(&self.buffer[..count]);
        let end = memmem::find(received, END).ok_or(ErrorKind::InvalidData)? + END.len();
        let connection = &mut *self.connection;
        if let Some(target) = received.strip_prefix(b"GET ") {
            let target = &target[..memchr::memchr(b' ', target).ok_or(ErrorKind::InvalidData)?];
            if !self.answers.contains_key(target) {
                self.answers.insert(target.to_vec(), message(target));
            }
            connection.answer = self.answers[target].start();
            connection.answer.send(&connection.stream)?;
            return Ok(end);
        }
        let length = content_length(received).ok_or(ErrorKind::InvalidData)?;
        let with_head = (received.len() - end) as u64;
        connection.swallow = length.checked_sub(with_head).ok_or(ErrorKind::InvalidData)?;
        if connection.swallow == 0 {
            connection.answer = self.accepted.start();
            connection.answer.send(&connection.stream)?;
        }
        Ok(received.len())
    }
}

/// Whether a read has emptied the socket, so that the next one would be told to wait.
enum Emptied {
    Yes,
    No,
}

fn message(target: &[u8]) -> Message {
    if target == b"/chunked" {
        let body = "x".repeat(1024);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked";
        return Message::new(&format!("{head}\r\n\r\n400\r\n{body}\r\n0\r\n\r\n"), 0);
    }
    match size(target) {
        Some(size) => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";
            Message::new(&format!("{head}{size}\r\n\r\n"), size)
        }
        None => Message::new("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0),
    }
}

/// The size that a path asks for: a number of bytes, of KiB with `k`, or of 1,000,000 with `m`.
pub(crate) fn size(target: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(target).ok()?.strip_prefix('/')?;
    let (digits, unit) = match text.as_bytes().last()? {
        b'k' => (&text[..text.len() - 1], 1024),
        b'm' => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn content_length(head: &[u8]) -> Option<u64> {
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut fields);
    request.parse(head).ok()?;
    let field = request.headers.iter().find(|f| f.name.eq_ignore_ascii_case("Content-Length"))?;
    std::str::from_utf8(field.value).ok()?.parse().ok()
}

const END: &[u8] = b"\r\n\r\n";
/// Above the head of any request here, below what would push the rest out of the cache.
const READ: usize = 64 * 1024;
/// As for the subjects.
pub(crate) const BACKLOG: i32 = 4096;
const DISCARD: usize = 1024 * 1024;
/// Tokens from here on are listeners.
const LISTENERS: usize = 1 << 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes_from_paths() {
        assert_eq!(size(b"/1k"), Some(1024));
        assert_eq!(size(b"/100m"), Some(100_000_000));
        assert_eq!(size(b"/7"), Some(7));
        assert_eq!(size(b"/chunked"), None);
    }

    #[test]
    fn finds_the_length_of_an_upload() {
        let head = b"POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 12\r\n\r\nbody";
        assert_eq!(content_length(head), Some(12));
    }
}
