use alloc::boxed::Box;
use alloc::vec;
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
///
/// The memory is zeroed once, when it is made, and then reused: no `unsafe`, no zeroing per use.
pub(crate) struct Window {
    memory: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Window {
    /// A window of `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { memory: vec![0; capacity].into_boxed_slice(), start: 0, end: 0 }
    }

    /// The bytes received and not yet consumed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
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
        self.memory.len()
    }

    /// Room behind the bytes, without moving them.
    pub(crate) const fn tail_room(&self) -> usize {
        self.memory.len() - self.end
    }

    pub(crate) fn tail(&mut self) -> &mut [u8] {
        &mut self.memory[self.end..]
    }

    pub(crate) fn commit(&mut self, n: usize) {
        assert!(n <= self.tail_room(), "more bytes committed than the window had room for");
        self.end += n;
    }

    pub(crate) fn consume(&mut self, n: usize) {
        assert!(n <= self.len(), "more bytes consumed than the window holds");
        self.start += n;
        if self.start == self.end {
            self.clear();
        }
    }

    /// Goes on in other memory, and returns that in use until now. Only while it holds nothing.
    pub(crate) fn move_to(&mut self, memory: Box<[u8]>) -> Box<[u8]> {
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
        self.memory.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }
}

impl core::fmt::Debug for Window {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Window({}..{} of {})", self.start, self.end, self.memory.len())
    }
}
