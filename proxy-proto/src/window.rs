use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

/// A fixed piece of memory through which bytes pass: received at the end, sent from the start.
///
/// ```text
///      start          end          capacity
///  ┌─────┬─────────────┬──────────────┐
///  │ gone│    bytes    │     room     │
///  └─────┴─────────────┴──────────────┘
///         ◀ consume(n)   ◀ commit(n)
/// ```
pub(crate) struct Window {
    memory: Memory,
    start: usize,
    end: usize,
}

/// Memory of a window, zeroed once, before it is first used, and then reused: no `unsafe`, no zeroing
/// per use. Most windows never hold more than a small head: the rest of a new one may be left alone,
/// and then takes no page of the system's, until bytes have filled what they were offered.
pub(crate) struct Memory {
    zeroed: Vec<u8>,
    capacity: usize,
}

impl Window {
    /// A window of `capacity` bytes, of which `zeroed` are ready for use.
    pub(crate) fn new(capacity: usize, zeroed: usize) -> Self {
        let mut memory = Memory { zeroed: Vec::with_capacity(capacity), capacity };
        memory.zeroed.resize(zeroed, 0);
        Self { memory, start: 0, end: 0 }
    }

    /// The bytes received and not yet consumed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory.zeroed[self.start..self.end]
    }

    /// How many bytes it holds.
    pub(crate) const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether it holds none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How many bytes it can hold.
    pub(crate) const fn capacity(&self) -> usize {
        self.memory.capacity
    }

    /// Room behind the bytes, without moving them.
    pub(crate) const fn tail_room(&self) -> usize {
        self.memory.capacity - self.end
    }

    /// Room behind the bytes: all of it, or in a new window some.
    pub(crate) fn tail(&mut self) -> &mut [u8] {
        &mut self.memory.zeroed[self.end..]
    }

    pub(crate) fn commit(&mut self, n: usize) {
        let room = self.memory.zeroed.len() - self.end;
        assert!(n <= room, "more bytes committed than the window offered room for");
        self.end += n;
        if n == room {
            // The next ones are as many: they come in one piece.
            self.memory.zeroed.resize(self.memory.capacity, 0);
        }
    }

    pub(crate) fn consume(&mut self, n: usize) {
        assert!(n <= self.len(), "more bytes consumed than the window holds");
        self.start += n;
        if self.start == self.end {
            self.clear();
        }
    }

    /// Goes on in other memory, and returns that in use until now. Only while it holds nothing.
    pub(crate) fn move_to(&mut self, memory: Memory) -> Memory {
        assert!(self.is_empty(), "bytes in the window would be lost");
        self.clear();
        mem::replace(&mut self.memory, memory)
    }

    pub(crate) const fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// Moves the bytes to the front. Only for fragments that nobody is sending.
    pub(crate) fn compact(&mut self) {
        self.memory.zeroed.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }
}

impl Memory {
    /// Its size in bytes.
    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// What was lent, as it came.
    pub(crate) fn into_bytes(self) -> Box<[u8]> {
        self.zeroed.into_boxed_slice()
    }
}

impl From<Box<[u8]>> for Memory {
    fn from(bytes: Box<[u8]>) -> Self {
        let capacity = bytes.len();
        Self { zeroed: bytes.into_vec(), capacity }
    }
}

impl core::fmt::Debug for Memory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Memory({} of {})", self.zeroed.len(), self.capacity)
    }
}

impl core::fmt::Debug for Window {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Window({}..{} of {:?})", self.start, self.end, self.memory)
    }
}
