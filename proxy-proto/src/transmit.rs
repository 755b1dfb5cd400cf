/// The bytes that wait for a peer, in order; slices may be empty.
///
/// Looking at them changes nothing: they stay until
/// [`Exchange::handle_sent`](crate::Exchange::handle_sent) covers them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// A rendered head or chunk size, a run of the window, trailers or the end of a chunk.
    pub slices: [&'a [u8]; 3],
}

impl Transmit<'_> {
    /// How many bytes wait.
    pub const fn len(&self) -> usize {
        self.slices[0].len() + self.slices[1].len() + self.slices[2].len()
    }

    /// Whether none wait.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
