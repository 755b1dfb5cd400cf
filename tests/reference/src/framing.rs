use crate::field::{self, Field};

/// How the end of a body is found (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// With the last chunk and the trailer section.
    Chunked,
    /// Where the connection ends.
    UntilClose,
}

/// What `Content-Length` and `Transfer-Encoding` say together, if anything. A message that states
/// both is an error here: section 6.1 forbids to send it.
pub(crate) fn stated(fields: &[Field], minor: u8) -> Result<Option<Framing>, &'static str> {
    let lengths: Vec<_> = field::named(fields, "Content-Length").collect();
    let codings: Vec<_> = field::named(fields, "Transfer-Encoding").collect();
    match (&lengths[..], &codings[..]) {
        ([], []) => Ok(None),
        ([], _) if minor == 0 => Err("Transfer-Encoding in HTTP/1.0"),
        ([], _) => chunked(fields).map(Some),
        (_, []) => length(fields).map(|length| Some(Framing::Length(length))),
        _ => Err("both Content-Length and Transfer-Encoding"),
    }
}

/// RFC 9110 section 8.6: `1*DIGIT`; a list of equal ones may be taken for one.
fn length(fields: &[Field]) -> Result<u64, &'static str> {
    let mut known = None;
    for value in field::named(fields, "Content-Length").flat_map(|v| v.split(|b| *b == b',')) {
        let digits = field::trim(value);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err("a Content-Length that is no number");
        }
        let digits = std::str::from_utf8(digits).map_err(|_not_ascii| "not ASCII")?;
        let length: u64 = digits.parse().map_err(|_too_large| "a Content-Length too large")?;
        if known.is_some_and(|known| known != length) {
            return Err("different values of Content-Length");
        }
        known = Some(length);
    }
    known.ok_or("a Content-Length that is no number")
}

/// Section 6.1: chunked comes last and once. Other codings would have to be understood.
fn chunked(fields: &[Field]) -> Result<Framing, &'static str> {
    let codings = field::members(fields, "Transfer-Encoding");
    match &codings[..] {
        [only] if only.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        _ => Err("a Transfer-Encoding other than chunked, once"),
    }
}
