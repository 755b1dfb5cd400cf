use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::Peer;
use crate::flow::Flow;
use crate::state::Current;
use crate::window::{Memory, Window};

/// The memory of one direction.
///
/// What goes out is `before`, then a run at the start of the window, then `after`:
///
/// ```text
///   before                  window                        after
///  ┌──────────────────────┐┌─────────┬─────────────────┐ ┌───────────────┐
///  │ head we rendered, or ││   run   │ not looked at,  │ │ trailers, or  │
///  │ a chunk's size line  ││ (body)  │ or next message │ │ a chunk's end │
///  └──────────────────────┘└─────────┴─────────────────┘ └───────────────┘
/// ```
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) window: Window,
    /// The window's own memory, while it uses larger memory on loan.
    own: Option<Memory>,
    /// What was lent and is not in use any more.
    returned: Option<Box<[u8]>>,
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
    /// How far the message has come and gone.
    pub(crate) flow: Flow,
}

/// The memory of one exchange, both directions.
///
/// The driver owns it and lends it for each call; the [`Exchange`](crate::Exchange) keeps offsets
/// only. A connection between two requests needs none, so that a driver can take its lanes back
/// when [`Exchange::is_idle`](crate::Exchange::is_idle).
#[derive(Debug)]
pub struct Lanes {
    pub(crate) request: Lane,
    pub(crate) response: Lane,
    pub(crate) current: Current,
    /// The upstream's name (`host:port`) as error texts and a missing `Host` give it. The driver
    /// writes it before it answers `Route`.
    pub upstream: String,
}

impl Lanes {
    /// The size in bytes of memory worth lending by [`Exchange::enlarge`](crate::Exchange::enlarge),
    /// 256 KiB: a relay of loopback bulk costs 0.76 CPU seconds a GB with reads of 16 KiB, 0.52 with
    /// 64, 0.33 with 256, and 0.35 with splice(2).
    pub const LARGE: usize = 256 * 1024;

    /// Lanes with a window of `capacity` bytes in each direction.
    pub fn new(capacity: usize) -> Self {
        Self::zeroed(capacity, capacity)
    }

    /// The same, with a page of each window ready for use and the rest when it is needed: until
    /// then [`Exchange::spare`](crate::Exchange::spare) is shorter than the room there is.
    pub fn lazy(capacity: usize) -> Self {
        Self::zeroed(capacity, PAGE.min(capacity))
    }

    fn zeroed(capacity: usize, zeroed: usize) -> Self {
        Self {
            request: Lane::new(capacity, zeroed),
            response: Lane::new(capacity, zeroed),
            current: Current::default(),
            upstream: String::new(),
        }
    }

    /// The size of each window in bytes, larger memory on loan left out.
    pub fn capacity(&self) -> usize {
        self.request.own.as_ref().map_or(self.request.window.capacity(), Memory::capacity)
    }

    /// Whether the bytes from `peer` pass through larger memory on loan.
    pub const fn is_enlarged(&self, peer: Peer) -> bool {
        self.lane(peer).is_enlarged()
    }

    /// Memory that was lent by [`Exchange::enlarge`](crate::Exchange::enlarge) and is out of use.
    pub fn reclaim(&mut self) -> Option<Box<[u8]>> {
        self.request.returned.take().or_else(|| self.response.returned.take())
    }

    /// Forgets everything, keeping the memory that a usual exchange needs: for the free list.
    pub fn clear(&mut self) {
        for lane in [&mut self.request, &mut self.response] {
            lane.flow = Flow::default();
            lane.window.clear();
            lane.shrink();
            for rendered in [&mut lane.before, &mut lane.after] {
                rendered.clear();
                rendered.shrink_to(KEPT);
            }
        }
        self.current = Current::default();
        self.upstream.clear();
    }

    /// The lane of the bytes that come from `peer`.
    pub(crate) const fn lane(&self, peer: Peer) -> &Lane {
        match peer {
            Peer::Client => &self.request,
            Peer::Upstream => &self.response,
        }
    }

    pub(crate) const fn lane_mut(&mut self, peer: Peer) -> &mut Lane {
        match peer {
            Peer::Client => &mut self.request,
            Peer::Upstream => &mut self.response,
        }
    }
}

impl Lane {
    /// Whether bytes pass through larger memory on loan.
    pub(crate) const fn is_enlarged(&self) -> bool {
        self.own.is_some()
    }

    /// Lets bytes pass through larger memory. Only while the window holds none.
    pub(crate) fn enlarge(&mut self, memory: Box<[u8]>) {
        let former = self.window.move_to(memory.into());
        self.own.get_or_insert(former);
    }

    /// Goes back to the window's own memory, unless larger memory still holds bytes.
    pub(crate) fn shrink(&mut self) {
        if self.window.is_empty()
            && let Some(own) = self.own.take()
        {
            self.returned = Some(self.window.move_to(own).into_bytes());
        }
    }

    fn new(capacity: usize, zeroed: usize) -> Self {
        Self {
            window: Window::new(capacity, zeroed),
            own: None,
            returned: None,
            flow: Flow::default(),
            before: Vec::with_capacity(RENDERED),
            after: Vec::with_capacity(TRAILERS),
        }
    }
}

/// What one large head has grown is given back, so that a few of them do not stay for ever in each
/// entry of a free list; heads full of cookies stay below this.
const KEPT: usize = 4096;
/// More than nearly every request head.
const PAGE: usize = 4096;
/// A usual head with what we add to it; larger ones grow their vector once.
const RENDERED: usize = 1024;
/// `0`, a few trailer fields; larger ones grow their vector once.
const TRAILERS: usize = 64;
