//! Edge-triggered epoll: the cheapest way for one thread to serve many sockets.
//!
//! A socket is registered once, for both directions. A read shorter than its buffer has emptied
//! the socket, so no read is made only to be told that there is nothing.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// An epoll instance and the events of its last wait.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
}

/// What happened to a registered source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    /// What the source was registered as.
    pub(crate) token: usize,
    /// Whether the peer sends no more: a short read may have left the end of the stream unseen.
    pub(crate) ended: bool,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(EVENTS) })
    }

    /// Registers a stream, edge-triggered, for reading and writing.
    pub(crate) fn add_stream(&self, source: impl AsFd, token: usize) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(token as u64), flags)?)
    }

    /// Registers a listener or a timer, level-triggered, for reading.
    pub(crate) fn add_source(&self, source: impl AsFd, token: usize) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(token as u64), EventFlags::IN)?)
    }

    /// Waits for events and returns how many there are: 0 after `limit`.
    pub(crate) fn wait(&mut self, limit: Option<Duration>) -> io::Result<usize> {
        let limit = limit.map(|limit| Timespec::try_from(limit).unwrap_or_default());
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            limit.as_ref(),
        ) {
            Ok(count) => Ok(count),
            Err(rustix::io::Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Event `index` of the last wait.
    pub(crate) fn event(&self, index: usize) -> Readiness {
        let event = self.events[index];
        let flags = event.flags;
        let ended = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        let token = usize::try_from(event.data.u64()).expect("tokens are made from usize");
        Readiness { token, ended }
    }
}

/// As many as nginx takes at once.
const EVENTS: usize = 512;
