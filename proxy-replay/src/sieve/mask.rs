use std::ops::Range;

use super::line::is_tchar;

/// Kept bytes that are masked when a recording is taken, counted from the first that was kept.
#[derive(Clone, Debug)]
pub(super) struct Hidden {
    pub(super) range: Range<usize>,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// All that is visible is alike.
    Value,
    /// What no token can have stays told from the rest: it decides why a line is refused.
    Unknown,
    /// As above, and what the grammar of chunk extensions looks at stays.
    Extension,
}

impl Hidden {
    pub(super) const fn value(range: Range<usize>) -> Self {
        Self { range, how: How::Value }
    }

    pub(super) const fn extension(range: Range<usize>) -> Self {
        Self { range, how: How::Extension }
    }

    pub(super) const fn unknown(range: Range<usize>) -> Self {
        Self { range, how: How::Unknown }
    }
}

impl How {
    /// Keeps what the grammar looks at: space, the ends of lines, control bytes, and whether a byte
    /// is one of the upper half.
    fn mask(self, byte: u8) -> u8 {
        match byte {
            0..=b' ' | 0x7f => byte,
            b';' | b'=' | b'"' | b'\\' if self == Self::Extension => byte,
            b'!'..=b'~' if self != Self::Value && !is_tchar(byte) => b'?',
            b'!'..=b'~' => b'*',
            0x80.. => 0xff,
        }
    }
}

/// A walk over the bytes that were kept, in order.
pub(super) struct Masks<'a> {
    hidden: &'a [Hidden],
    /// From here on everything is masked.
    open: Option<usize>,
    at: usize,
}

impl<'a> Masks<'a> {
    pub(super) const fn new(hidden: &'a [Hidden], open: Option<usize>) -> Self {
        Self { hidden, open, at: 0 }
    }

    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            while let Some((first, rest)) = self.hidden.split_first()
                && first.range.end <= self.at
            {
                self.hidden = rest;
            }
            let hidden = self.hidden.first().filter(|hidden| hidden.range.contains(&self.at));
            if let Some(hidden) = hidden {
                *byte = hidden.how.mask(*byte);
            } else if self.open.is_some_and(|from| from <= self.at) {
                // The core looks at the first byte of a line before it is whole.
                *byte = How::Unknown.mask(*byte);
            }
            self.at += 1;
        }
    }
}
