//! A message on its way out: a head with the first of its body, and filler for the rest.

use std::io::{self, ErrorKind, Write};
use std::rc::Rc;

/// A message that can be sent many times.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    first: Rc<[u8]>,
    rest: u64,
}

/// One sending of a message.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    first: Option<Rc<[u8]>>,
    at: usize,
    rest: u64,
}

impl Message {
    /// `head`, followed by `body` bytes of filler.
    pub(crate) fn new(head: &str, body: u64) -> Self {
        let with_head = body.min(FILLER.len() as u64);
        let mut first = head.as_bytes().to_vec();
        first.resize(head.len() + usize::try_from(with_head).expect("at most a filler"), b'x');
        Self { first: first.into(), rest: body - with_head }
    }

    /// Begins to send it.
    pub(crate) fn start(&self) -> Outgoing {
        Outgoing { first: Some(Rc::clone(&self.first)), at: 0, rest: self.rest }
    }
}

impl Outgoing {
    /// Whether all of it is sent.
    pub(crate) fn is_done(&self) -> bool {
        self.first.is_none() && self.rest == 0
    }

    /// Sends what the socket takes.
    pub(crate) fn send(&mut self, mut to: impl Write) -> io::Result<()> {
        while let Some(first) = &self.first {
            match to.write(&first[self.at..]) {
                Ok(sent) => self.at += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if self.at == first.len() {
                self.first = None;
            }
        }
        while self.rest > 0 {
            let part = usize::try_from(self.rest).unwrap_or(usize::MAX).min(FILLER.len());
            match to.write(&FILLER[..part]) {
                Ok(sent) => self.rest -= sent as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Bytes a call: what bulk is decided by.
static FILLER: [u8; 256 * 1024] = [b'x'; 256 * 1024];
