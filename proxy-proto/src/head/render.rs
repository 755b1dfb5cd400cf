use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use httparse::Header;
use uuid::Uuid;

/// Copies the lines of a head that survive, in runs: what stands together is copied together.
///
/// A head of ten fields of which two are dropped is three `memcpy`s, not a vector of ten pieces.
pub(crate) struct Runs<'a> {
    head: &'a [u8],
    /// Where each field's line begins, taken from where its name stands in the head.
    headers: &'a [Header<'a>],
    /// Where the current run begins.
    from: usize,
}

impl<'a> Runs<'a> {
    /// The first line goes with the first run.
    pub(crate) fn with_first_line(head: &'a [u8], headers: &'a [Header<'a>]) -> Self {
        Self { head, headers, from: 0 }
    }

    /// The first line has been written anew.
    pub(crate) fn behind_first_line(head: &'a [u8], headers: &'a [Header<'a>]) -> Self {
        let runs = Self::with_first_line(head, headers);
        Self { from: runs.line(0), ..runs }
    }

    /// Leaves out the line of field number `at`. Fields are dropped in ascending order.
    pub(crate) fn drop(&mut self, at: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head[self.from..self.line(at)]);
        self.from = self.line(at + 1);
    }

    /// Copies what is left, up to the final empty line.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head[self.from..self.line(self.headers.len())]);
    }

    /// Where line number `at` begins. Without folds, which are refused, each field is one line.
    fn line(&self, at: usize) -> usize {
        match self.headers.get(at) {
            Some(header) => header.name.as_ptr() as usize - self.head.as_ptr() as usize,
            None => self.head.len() - 2,
        }
    }
}

/// Appends a number in decimal. The machinery of `fmt` costs ten times as much.
pub(crate) fn push_decimal(out: &mut Vec<u8>, number: u64) {
    let mut text = [0; MAX_DECIMAL];
    let from = decimal(&mut text, MAX_DECIMAL, number);
    out.extend_from_slice(&text[from..]);
}

/// Appends an address as it is usually written.
pub(crate) fn push_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let [first, others @ ..] = address.octets();
            let mut text = [0; MAX_DECIMAL];
            let mut from = MAX_DECIMAL;
            for octet in others.into_iter().rev() {
                from = decimal(&mut text, from, octet.into()) - 1;
                text[from] = b'.';
            }
            from = decimal(&mut text, from, first.into());
            out.extend_from_slice(&text[from..]);
        }
        IpAddr::V6(address) => push_fmt(out, format_args!("{address}")),
    }
}

/// Writes a number so that it ends in front of `end`, and says where it begins.
fn decimal(text: &mut [u8; MAX_DECIMAL], end: usize, mut number: u64) -> usize {
    let mut from = end;
    loop {
        from -= 1;
        text[from] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return from;
        }
    }
}

/// Appends the field that tells a trace id, and the end of its line.
pub(crate) fn push_trace(out: &mut Vec<u8>, trace: Uuid) {
    let mut line = *b"X-Trace-ID: 00000000-0000-0000-0000-000000000000\r\n";
    trace.hyphenated().encode_lower(&mut line[TRACE_AT..]);
    out.extend_from_slice(&line);
}

/// Appends formatted text. Writing into memory does not fail.
pub(crate) fn push_fmt(out: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    struct Sink<'a>(&'a mut Vec<u8>);
    impl fmt::Write for Sink<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    let _infallible = fmt::Write::write_fmt(&mut Sink(out), text);
}

/// The digits of 64 bits; an IPv4 address has 15 bytes.
const MAX_DECIMAL: usize = 20;
const TRACE_AT: usize = "X-Trace-ID: ".len();

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn writes_what_fmt_writes() {
        let mut out = Vec::new();
        for number in [0, 9, 10, 65_535, u64::MAX] {
            out.clear();
            push_decimal(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
        for address in ["0.0.0.0", "10.20.30.40", "255.255.255.255", "2001:db8::1"] {
            out.clear();
            push_address(&mut out, address.parse().expect("an address"));
            assert_eq!(out, address.as_bytes());
        }
        out.clear();
        push_trace(&mut out, Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
        assert_eq!(out, b"X-Trace-ID: 01234567-89ab-cdef-0123-456789abcdef\r\n");
    }
}
