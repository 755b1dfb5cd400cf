//! One end of a TCP connection, read message by message.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::PATIENCE;
use crate::message::{Framing, Head, Message, field};

/// A connection and what has been received but not yet looked at. Reading and writing it raw is
/// possible too.
pub struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
    total: u64,
    record: Option<Vec<u8>>,
}

/// Why no more bytes come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// The peer has closed its side.
    Closed,
    /// The peer has reset the connection.
    Reset,
    /// Nothing came for as long as the reader waits.
    Silent,
}

/// A message that ended too early.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// What had come of it, undecoded.
    pub received: Vec<u8>,
    /// Why no more came.
    pub ending: Ending,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("TCP");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        Self { stream, received: Vec::new(), total: 0, record: None }
    }

    /// Another handle on the same connection, to write from another thread. It has nothing
    /// received.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self::new(self.stream.try_clone().expect("a descriptor"))
    }

    /// Sends all of it. A peer that has gone away is no error: a test looks at what it reads.
    pub fn sends(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        if let Err(error) = self.stream.write_all(bytes.as_ref()) {
            let gone = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
            assert!(gone.contains(&error.kind()), "the peer takes no more: {error}");
        }
        self
    }

    /// Tells the peer that nothing more will be sent, and goes on reading.
    pub fn half_closes(&mut self) {
        // The peer may have reset the connection, and then there is nothing to tell.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes both ways, also for each twin.
    pub(crate) fn closes(self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Resets the connection.
    pub(crate) fn resets(self) {
        let socket = SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("TCP");
    }

    /// How long a read waits, and a write, from now on.
    pub fn waits_at_most(&mut self, time: Duration) {
        self.stream.set_read_timeout(Some(time)).expect("a timeout");
        self.stream.set_write_timeout(Some(time)).expect("a timeout");
    }

    /// Bytes received on this connection so far.
    pub fn received(&self) -> u64 {
        self.total
    }

    /// From now on keeps all that comes, also what has been looked at.
    pub fn records(&mut self) {
        self.record = Some(Vec::new());
    }

    /// What has come since [`records`](Self::records).
    pub fn record(&self) -> &[u8] {
        self.record.as_deref().unwrap_or_default()
    }

    /// Reads a head.
    pub fn try_head(&mut self) -> Result<Head, Broken> {
        let mut from = 0;
        loop {
            if let Some(at) = find(&self.received[from..], b"\r\n\r\n") {
                let head: Vec<u8> = self.received.drain(..from + at + 4).collect();
                return Ok(Head::parse(&String::from_utf8(head).expect("an ASCII head")));
            }
            from = self.received.len().saturating_sub(3);
            self.fill()?;
        }
    }

    /// Reads the message that follows from the framing of its head.
    pub(crate) fn try_body(&mut self, head: Head, framing: Framing) -> Result<Message, Broken> {
        let mut message = Message { head, ..Message::default() };
        match framing {
            Framing::Length(length) => {
                message.body = self.try_exactly(usize::try_from(length).expect("it fits"))?;
            }
            Framing::Chunked => loop {
                let size = self.try_line()?;
                // What stands behind the size is the peers' affair (RFC 9112 section 7.1.1).
                let size = size.split(';').next().unwrap_or_default();
                let digits = size.bytes().all(|byte| byte.is_ascii_hexdigit());
                assert!(digits && !size.is_empty(), "not a chunk size: {size:?}");
                let size = usize::from_str_radix(size, 16).expect("a chunk size");
                if size == 0 {
                    message.trailers = self.try_trailers()?;
                    break;
                }
                message.body.extend(self.try_exactly(size)?);
                assert_eq!(self.try_exactly(2)?, b"\r\n", "the end of a chunk");
            },
            Framing::UntilClose => match self.fill_to_end() {
                Ending::Closed => message.body = std::mem::take(&mut self.received),
                ending => return Err(self.broken(ending)),
            },
        }
        Ok(message)
    }

    /// Reads this many bytes.
    pub fn try_exactly(&mut self, count: usize) -> Result<Vec<u8>, Broken> {
        while self.received.len() < count {
            self.fill()?;
        }
        Ok(self.received.drain(..count).collect())
    }

    /// Reads all that comes, and says why no more does.
    pub fn reads_to_end(&mut self) -> Broken {
        let ending = self.fill_to_end();
        self.broken(ending)
    }

    /// Whether the peer closes (or resets) within this time, having sent nothing more.
    pub fn is_closed_within(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a timeout");
        let end = self.reads_to_end();
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        assert!(
            end.received.is_empty(),
            "unexpected: {:?}",
            String::from_utf8_lossy(&end.received)
        );
        end.ending != Ending::Silent
    }

    fn try_line(&mut self) -> Result<String, Broken> {
        loop {
            if let Some(at) = find(&self.received, b"\r\n") {
                let line = self.received.drain(..at + 2).take(at).collect();
                return Ok(String::from_utf8(line).expect("an ASCII line"));
            }
            self.fill()?;
        }
    }

    fn try_trailers(&mut self) -> Result<Vec<(String, String)>, Broken> {
        let mut trailers = Vec::new();
        loop {
            let line = self.try_line()?;
            if line.is_empty() {
                return Ok(trailers);
            }
            trailers.push(field(&line));
        }
    }

    fn fill_to_end(&mut self) -> Ending {
        loop {
            if let Err(ending) = self.receive() {
                return ending;
            }
        }
    }

    fn fill(&mut self) -> Result<(), Broken> {
        self.receive().map_err(|ending| self.broken(ending))
    }

    fn receive(&mut self) -> Result<(), Ending> {
        let mut block = [0; 16 * 1024];
        let count = match uninterrupted(|| self.stream.read(&mut block)) {
            Ok(0) => return Err(Ending::Closed),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(Ending::Silent),
            Err(_) => return Err(Ending::Reset),
        };
        self.received.extend_from_slice(&block[..count]);
        self.note(&block[..count]);
        Ok(())
    }

    fn note(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        if let Some(record) = &mut self.record {
            record.extend_from_slice(bytes);
        }
    }

    fn broken(&mut self, ending: Ending) -> Broken {
        Broken { received: std::mem::take(&mut self.received), ending }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = if self.received.is_empty() {
            let count = uninterrupted(|| self.stream.read(buffer))?;
            self.note(&buffer[..count]);
            count
        } else {
            let count = buffer.len().min(self.received.len());
            buffer[..count].copy_from_slice(&self.received[..count]);
            self.received.drain(..count);
            count
        };
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        uninterrupted(|| self.stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A call with a timeout is not resumed by the kernel when the process was stopped for a while.
fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
