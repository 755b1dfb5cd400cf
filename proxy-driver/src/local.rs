/// A reply that the proxy gives itself, whose body is fed to the exchange in place of an
/// upstream's.
pub(crate) struct Body {
    bytes: Vec<u8>,
    fed: usize,
}

impl Body {
    pub(crate) const fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, fed: 0 }
    }

    /// Copies as much as there is room for.
    pub(crate) fn feed(&mut self, room: &mut [u8]) -> usize {
        let rest = &self.bytes[self.fed..];
        let n = rest.len().min(room.len());
        room[..n].copy_from_slice(&rest[..n]);
        self.fed += n;
        n
    }
}
