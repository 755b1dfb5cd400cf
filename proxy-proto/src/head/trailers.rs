use alloc::vec::Vec;

use super::field::Name;
use crate::Limits;

/// Parses a whole trailer section (its final empty line included) and writes the end of a chunked
/// body anew: last chunk, the fields that may be trailers, empty line (RFC 9112 section 7.1.2).
pub(crate) fn render(
    section: &[u8],
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<(), BadTrailers> {
    let mut table = [httparse::EMPTY_HEADER; Limits::MAX_HEADERS];
    let table = &mut table[..limits.max_headers.min(Limits::MAX_HEADERS)];
    let headers = match httparse::parse_headers(section, table) {
        Ok(httparse::Status::Complete((_, headers))) => headers,
        Err(httparse::Error::TooManyHeaders) => return Err(BadTrailers::TooMany),
        Ok(httparse::Status::Partial) | Err(_) => return Err(BadTrailers::Malformed),
    };
    out.extend_from_slice(b"0\r\n");
    for header in headers {
        if Name::of(header.name).may_be_trailer(header.name) {
            out.extend_from_slice(header.name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(header.value);
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Why a trailer section is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadTrailers {
    Malformed,
    TooMany,
}
