//! Where an input is cut in two.

/// A place to split `bytes`, both ends included. It is drawn from the bytes themselves, so that an
/// input is a plain message, and the same one is split in the same way each time (FNV-1a).
pub(crate) fn place(bytes: &[u8]) -> usize {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let places = bytes.len() as u64 + 1;
    usize::try_from(hash % places).unwrap_or_default()
}
