//! Bytes to send in bulk and to know again, at the speed of a copy.

use std::io::{self, Read, Write};

/// A reader of `length` bytes of the pattern, and the judge of what comes back.
#[derive(Clone, Debug)]
pub struct Pattern {
    at: u64,
    length: u64,
}

impl Pattern {
    /// This many bytes.
    pub fn of(length: u64) -> Self {
        Self { at: 0, length }
    }

    /// Bytes handed out or recognised so far.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Writes what is left, until all is out or the peer takes no more.
    pub fn writes_to(&mut self, sink: &mut impl Write) -> io::Result<()> {
        while !self.expected().is_empty() {
            let written = sink.write(self.expected())?;
            self.at += written as u64;
        }
        Ok(())
    }

    /// Reads what is left, and compares each byte.
    #[track_caller]
    pub fn reads_from(&mut self, source: &mut impl Read) {
        let mut block = vec![0; BLOCK];
        while self.at < self.length {
            let want = self.expected().len();
            let count = source.read(&mut block[..want]).expect("the peer sends on");
            assert_ne!(count, 0, "the peer ends after {} of {} bytes", self.at, self.length);
            assert!(block[..count] == self.expected()[..count], "other bytes near {}", self.at);
            self.at += count as u64;
        }
    }

    fn expected(&self) -> &'static [u8] {
        let from = usize::try_from(self.at % PERIOD as u64).expect("below the period");
        let left = usize::try_from(self.length - self.at).unwrap_or(usize::MAX);
        &BYTES[from..from + left.min(BLOCK)]
    }
}

const BLOCK: usize = 64 * 1024;
/// A prime, so that a piece that is lost or doubled shifts the pattern whatever buffers it went
/// through.
const PERIOD: usize = 65_521;

static BYTES: [u8; PERIOD + BLOCK] = {
    let mut bytes = [0; PERIOD + BLOCK];
    let mut state: u32 = 1;
    let mut at = 0;
    while at < PERIOD {
        // A linear congruential generator (Numerical Recipes); its high bits are good enough here.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes[at] = state.to_be_bytes()[0];
        at += 1;
    }
    while at < PERIOD + BLOCK {
        bytes[at] = bytes[at - PERIOD];
        at += 1;
    }
    bytes
};
