use crate::field::{Field, line, section};
use crate::framing::Framing;

/// A body, as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// The content, without framing.
    pub data: Vec<u8>,
    /// Fields behind the last chunk.
    pub trailers: Vec<Field>,
    /// Its end came. A body until close is never known to be whole from its bytes.
    pub whole: bool,
    /// How many bytes it took, framing included.
    pub len: usize,
}

/// Reads a body with this framing from the start of `bytes`.
pub fn body(framing: Framing, bytes: &[u8]) -> Result<Body, &'static str> {
    match framing {
        Framing::Length(length) => {
            let len = usize::try_from(length).map_or(bytes.len(), |n| n.min(bytes.len()));
            let whole = len as u64 == length;
            Ok(Body { data: bytes[..len].to_vec(), whole, len, ..Body::default() })
        }
        Framing::UntilClose => {
            Ok(Body { data: bytes.to_vec(), len: bytes.len(), ..Body::default() })
        }
        Framing::Chunked => chunks(bytes),
    }
}

/// RFC 9112 section 7.1: `*chunk last-chunk trailer-section CRLF`.
fn chunks(bytes: &[u8]) -> Result<Body, &'static str> {
    let mut body = Body::default();
    loop {
        let rest = &bytes[body.len..];
        let Some((first, length)) = line(rest)? else {
            // Also half a size line must be able to become one.
            size(rest.strip_suffix(b"\r").unwrap_or(rest), false)?;
            body.len = bytes.len();
            return Ok(body);
        };
        let size = size(first, true)?;
        let after = &rest[length..];
        if size == 0 {
            match section(after)? {
                Some((trailers, end)) => {
                    body.trailers = trailers;
                    body.len += length + end;
                    body.whole = true;
                }
                None => body.len = bytes.len(),
            }
            return Ok(body);
        }
        let n = usize::try_from(size).map_or(after.len(), |size| size.min(after.len()));
        body.data.extend_from_slice(&after[..n]);
        match &after[n..] {
            [b'\r', b'\n', ..] if n as u64 == size => body.len += length + n + 2,
            [] | [b'\r'] => {
                body.len = bytes.len();
                return Ok(body);
            }
            _ => return Err("a chunk that does not end where its size says"),
        }
    }
}

/// `1*HEXDIG [ chunk-ext ]`, of which the extension is not looked into; sizes that 64 bits do not
/// hold are refused.
fn size(line: &[u8], whole: bool) -> Result<u64, &'static str> {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, extension) = line.split_at(end);
    if digits.is_empty() && (whole || !extension.is_empty()) {
        return Err("a chunk without a size");
    }
    let is_extension = extension.first().is_none_or(|byte| matches!(byte, b';' | b' ' | b'\t'));
    if !is_extension || !extension.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)) {
        return Err("a malformed chunk size or extension");
    }
    let mut size = 0u64;
    for digit in digits {
        let digit = char::from(*digit).to_digit(16).ok_or("not hexadecimal")?;
        size = size.checked_mul(16).ok_or("a chunk size too large")? + u64::from(digit);
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_chunks_and_what_follows_stays() {
        let text = b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\nGET";
        let body = body(Framing::Chunked, text).expect("valid");
        assert_eq!(body.data, b"hello");
        assert_eq!(body.trailers[0].name, "X");
        assert!(body.whole);
        assert_eq!(&text[body.len..], b"GET");
    }

    #[test]
    fn knows_a_part_from_a_whole_and_from_nonsense() {
        for (part, data) in
            [("", ""), ("5", ""), ("5\r", ""), ("5\r\nhel", "hel"), ("1\r\nx\r", "x")]
        {
            let body = body(Framing::Chunked, part.as_bytes()).expect("a part");
            assert!(!body.whole && body.data == data.as_bytes(), "{part:?}");
        }
        for bad in [
            "\r\n",
            ";x\r\n",
            "+5\r\n",
            "0x5\r\n",
            "5\n",
            "5\r\nhelloX",
            "x",
            "10000000000000000\r\n",
        ] {
            assert!(body(Framing::Chunked, bad.as_bytes()).is_err(), "{bad:?}");
        }
        let short = body(Framing::Length(5), b"hel").expect("a part");
        assert!(!short.whole && short.data == b"hel");
    }
}
