use crate::framing::MAX_LENGTH;
use crate::head::field::is_tchar;

/// A strict walker over chunk framing (RFC 9112 section 7.1). It looks at bytes in place and copies
/// nothing.
///
/// ```text
///          line            all data            CRLF
///  Size ─────────▶ Data ─────────────▶ DataEnd ─────▶ Size
///    └── size 0: Last, and the trailer section begins after its line
/// ```
///
/// Accepted: `1*HEXDIG [ extensions ] CRLF`, data, CRLF. Refused, never repaired: an empty size, a
/// sign, `0x`, space around the size, more than 16 digits or than [`MAX_LENGTH`], an extension
/// that breaks its grammar or has a control byte, an end of line other than CRLF (CVE-2025-55315,
/// CVE-2025-22871), data longer or shorter than announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walker {
    at: At,
    /// Extension bytes seen in this body.
    extensions: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Size,
    Data { left: u64 },
    DataEnd,
}

/// What stands at the start of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// So many bytes of framing: a size line, or the CRLF after data.
    Framing(usize),
    /// So many bytes of data.
    Data(usize),
    /// The line of the last chunk, so many bytes; the trailer section follows it. The walker
    /// stays in front of it.
    Last(usize),
}

/// Why chunk framing is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChunkError {
    Size,
    Extension,
    Data,
}

impl ChunkError {
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Size => "invalid chunk size",
            Self::Extension => "invalid or oversized chunk extension",
            Self::Data => "chunk data does not end where its size says",
        }
    }
}

impl Walker {
    pub(crate) const fn new() -> Self {
        Self { at: At::Size, extensions: 0 }
    }

    /// Steps over the piece at the start of `bytes`; `None`: more bytes are needed to tell.
    pub(crate) fn step(&mut self, bytes: &[u8]) -> Result<Option<Piece>, ChunkError> {
        match self.at {
            At::Size => self.step_over_line(bytes),
            At::Data { left } => {
                if bytes.is_empty() {
                    return Ok(None);
                }
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left - n as u64;
                self.at = if left == 0 { At::DataEnd } else { At::Data { left } };
                Ok(Some(Piece::Data(n)))
            }
            At::DataEnd => match bytes {
                [] | [b'\r'] => Ok(None),
                [b'\r', b'\n', ..] => {
                    self.at = At::Size;
                    Ok(Some(Piece::Framing(2)))
                }
                _ => Err(ChunkError::Data),
            },
        }
    }

    fn step_over_line(&mut self, bytes: &[u8]) -> Result<Option<Piece>, ChunkError> {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > MAX_DIGITS {
            return Err(ChunkError::Size);
        }
        let rest = &bytes[digits..];
        if rest.is_empty() {
            return Ok(None);
        }
        if digits == 0 || !matches!(rest[0], b'\r' | b';') {
            return Err(ChunkError::Size);
        }
        let extension =
            rest.iter().position(|byte| !matches!(byte, b'\t' | b' '..=b'~')).unwrap_or(rest.len());
        if self.extensions + extension > MAX_EXTENSIONS {
            return Err(ChunkError::Extension);
        }
        match &rest[extension..] {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => {}
            _ if extension == 0 => return Err(ChunkError::Size),
            _ => return Err(ChunkError::Extension),
        }
        if !are_extensions(&rest[..extension]) {
            return Err(ChunkError::Extension);
        }
        let line = digits + extension + 2;
        let size = bytes[..digits].iter().fold(0u64, |size, byte| size << 4 | hex(*byte));
        if size > MAX_LENGTH {
            return Err(ChunkError::Size);
        }
        if size == 0 {
            return Ok(Some(Piece::Last(line)));
        }
        self.extensions += extension;
        self.at = At::Data { left: size };
        Ok(Some(Piece::Framing(line)))
    }
}

/// RFC 9112 section 7.1.1: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
fn are_extensions(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(after) = skip_blank(rest).strip_prefix(b";") else { return false };
        let Some(after) = skip_token(skip_blank(after)) else { return false };
        rest = after;
        if let Some(value) = skip_blank(rest).strip_prefix(b"=") {
            let value = skip_blank(value);
            let skipped = match value.strip_prefix(b"\"") {
                Some(quoted) => skip_quoted(quoted),
                None => skip_token(value),
            };
            let Some(after) = skipped else { return false };
            rest = after;
        }
    }
    true
}

fn skip_blank(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &bytes[blank..]
}

fn skip_token(bytes: &[u8]) -> Option<&[u8]> {
    let token = bytes.iter().take_while(|byte| is_tchar(**byte)).count();
    (token > 0).then(|| &bytes[token..])
}

/// Behind the opening quote (RFC 9110 section 5.6.4).
fn skip_quoted(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        bytes = match bytes {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', _, rest @ ..] | [_, rest @ ..] => rest,
            [] => return None,
        };
    }
}

const fn hex(digit: u8) -> u64 {
    (match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }) as u64
}

/// 16 digits are 64 bits: no size overflows.
const MAX_DIGITS: usize = 16;
/// Extensions have no use that anybody knows of; hyper allows the same 16 KiB a body. Without a
/// bound they are a way to send for ever (CVE-2023-39326). A line must fit the smallest window,
/// too: what stands in one window is bounded by it.
const MAX_EXTENSIONS: usize = 512;

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn walk(mut bytes: &[u8]) -> Result<(usize, bool), ChunkError> {
        let mut walker = Walker::new();
        let mut data = 0;
        loop {
            match walker.step(bytes)? {
                None => return Ok((data, false)),
                Some(Piece::Last(_)) => return Ok((data, true)),
                Some(Piece::Framing(n)) => bytes = &bytes[n..],
                Some(Piece::Data(n)) => {
                    data += n;
                    bytes = &bytes[n..];
                }
            }
        }
    }

    #[test]
    fn walks_what_is_well_formed() {
        assert_eq!(walk(b"5\r\nhello\r\n0\r\n"), Ok((5, true)));
        assert_eq!(walk(b"000a\r\n0123456789\r\n000\r\n"), Ok((10, true)));
        assert_eq!(walk(b"1;a=\"b c\"\r\nx\r\n0;z\r\n"), Ok((1, true)));
        assert_eq!(walk(b"7fffffffffffffff\r\nx"), Ok((1, false)));
        assert_eq!(walk(b"5\r\nhel"), Ok((3, false)));
        for size in [10, 15, 26, 175, 250, 4096 + 16 + 12] {
            for line in [format!("{size:x}"), format!("{size:X}")] {
                let text = format!("{line}\r\n{}\r\n0\r\n", "x".repeat(size));
                assert_eq!(walk(text.as_bytes()), Ok((size, true)), "{line}");
            }
        }
    }

    #[test]
    fn refuses_what_is_not() {
        for bad in [
            "\r\n",
            ";x\r\n",
            " \r\n",
            "\t\r\n",
            "+5\r\n",
            "-5\r\n",
            "0x5\r\n",
            "5_0\r\n",
            "5 5\r\n",
            "5 \r\n",
            " 5\r\n",
            "5\n",
            "5\rx",
            "5\r\r\n",
            "11111111111111111\r\n",
            "00000000000000000\r\n",
            "8000000000000000\r\n",
            "fffffffffffffffe\r\n",
            "g\r\n",
        ] {
            assert_eq!(walk(bad.as_bytes()), Err(ChunkError::Size), "{bad:?}");
        }
        for bad in ["5;a\nb\r\n", "5;\0\r\n", "5;\x7f\r\n", "5;a\rb\r\n", "5;é\r\n"] {
            assert_eq!(walk(bad.as_bytes()), Err(ChunkError::Extension), "{bad:?}");
        }
        for bad in
            ["5\r\nhelloXX0\r\n", "5\r\nhello\n0\r\n", "5\r\nhello\r0\r\n", "5\r\nhello0\r\n"]
        {
            assert_eq!(walk(bad.as_bytes()), Err(ChunkError::Data), "{bad:?}");
        }
    }

    #[test]
    fn takes_extensions_by_their_grammar() {
        let takes = |line: &str| walk(format!("{line}\r\n").as_bytes());
        for good in [
            "5;a",
            "5;a;b",
            "5;a=b",
            "5; a = b ; c",
            "5;a=\"\"",
            "5;a=\"\\\";\\\\\"",
            "5;a\t;b=\"c\" ;d",
        ] {
            assert_eq!(takes(good), Ok((0, false)), "{good:?}");
        }
        for bad in [
            "5;",
            "5;;",
            "5;a;",
            "5;=b",
            "5;a=",
            "5;a=b c",
            "5;a ",
            "5;a=\"b",
            "5;a=\"b\\\"",
            "5;a=\"b\"c",
            "5;a@",
            "5; ",
            "5;a=b=c",
        ] {
            assert_eq!(takes(bad), Err(ChunkError::Extension), "{bad:?}");
        }
    }

    #[test]
    fn bounds_the_extensions_of_a_whole_body() {
        let mut line = [b'x'; MAX_EXTENSIONS + 8];
        line[..2].copy_from_slice(b"1;");
        assert_eq!(walk(&line), Err(ChunkError::Extension));
        for (length, takes) in [(MAX_EXTENSIONS, true), (MAX_EXTENSIONS + 1, false)] {
            let line = format!("1;{}\r\nx", "a".repeat(length - 1));
            assert_eq!(walk(line.as_bytes()).is_ok(), takes, "{length}");
        }
        let many = b"1;0123456789\r\nx\r\n".repeat(MAX_EXTENSIONS / 8);
        assert_eq!(walk(&many), Err(ChunkError::Extension));
    }

    #[test]
    fn refuses_at_the_first_wrong_byte() {
        assert_eq!(walk(b"5\r\nhelloX"), Err(ChunkError::Data));
        assert_eq!(walk(b"x"), Err(ChunkError::Size));
        assert_eq!(walk(b"5x"), Err(ChunkError::Size));
    }
}
