/// A walk over chunk framing (RFC 9112 section 7.1), byte by byte, which knows framing from data.
#[derive(Debug)]
pub(super) struct Chunks(At);

#[derive(Clone, Copy, Debug)]
enum At {
    Size { size: u64, digits: u8 },
    Extension { size: u64 },
    SizeLf { size: u64 },
    Data { left: u64 },
    DataCr,
    DataLf,
}

/// A run of bytes of one kind.
pub(super) struct Step {
    pub(super) n: usize,
    pub(super) is_kept: bool,
    pub(super) then: Then,
}

pub(super) enum Then {
    On,
    /// What was just kept means nothing to anybody: it is masked.
    Hide,
    /// The last chunk's line has come.
    Trailers,
    /// This is no chunk framing.
    Lost,
}

impl Chunks {
    pub(super) const fn new() -> Self {
        Self(At::Size { size: 0, digits: 0 })
    }

    /// Over the first of `bytes`, of which there is one.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        if let At::Data { left } = self.0 {
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
            let left = left - n as u64;
            self.0 = if left == 0 { At::DataCr } else { At::Data { left } };
            return Step { n, is_kept: false, then: Then::On };
        }
        let mut then = Then::On;
        let next = match (self.0, bytes[0]) {
            (At::Size { size, digits }, byte)
                if byte.is_ascii_hexdigit() && digits < MOST_DIGITS =>
            {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Some(At::Size { size: size << 4 | u64::from(digit), digits: digits + 1 })
            }
            (At::Size { size, digits: 1.. } | At::Extension { size }, b'\r') => {
                Some(At::SizeLf { size })
            }
            (At::Size { size, digits: 1.. }, b';') => Some(At::Extension { size }),
            (At::Extension { size }, b'\t' | b' '..=b'~') => {
                then = Then::Hide;
                Some(At::Extension { size })
            }
            (At::SizeLf { size: 0 }, b'\n') => {
                then = Then::Trailers;
                Some(At::DataCr)
            }
            (At::SizeLf { size }, b'\n') => Some(At::Data { left: size }),
            (At::DataCr, b'\r') => Some(At::DataLf),
            (At::DataLf, b'\n') => Some(At::Size { size: 0, digits: 0 }),
            (
                At::Size { .. }
                | At::Extension { .. }
                | At::SizeLf { .. }
                | At::DataCr
                | At::DataLf
                | At::Data { .. },
                _,
            ) => None,
        };
        match next {
            Some(next) => self.0 = next,
            None => then = Then::Lost,
        }
        Step { n: 1, is_kept: true, then }
    }
}

/// 16 digits are 64 bits.
const MOST_DIGITS: u8 = 16;
