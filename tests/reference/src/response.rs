use crate::Read;
use crate::field::{self, Field, line, section};
use crate::framing::{Framing, stated};

/// A response head, interim ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100 to 599 (RFC 9110 section 15).
    pub status: u16,
    /// 0 or 1, of HTTP/1.x.
    pub minor: u8,
    /// The reason phrase; often empty.
    pub reason: Vec<u8>,
    /// All fields, in order.
    pub fields: Vec<Field>,
    /// Where its body ends.
    pub framing: Framing,
}

impl Response {
    /// The value of the first field of that name.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields_named(name).next()
    }

    /// The values of all fields of that name.
    pub fn fields_named(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        field::named(&self.fields, name)
    }
}

/// Reads the head of a response to a request with that method from the start of `bytes` (RFC 9112
/// section 4).
pub fn response_head(bytes: &[u8], method: &str) -> Read<Response> {
    let Some((first, start)) = line(bytes)? else { return Ok(None) };
    let (minor, status, reason) = status_line(first)?;
    let Some((fields, length)) = section(&bytes[start..])? else { return Ok(None) };
    let stated = stated(&fields, minor)?;
    // RFC 9112 section 6.3 (1): these end with their head whatever they state.
    let is_bare = method == "HEAD" || matches!(status, 100..=199 | 204 | 304);
    let framing = if is_bare { Framing::Length(0) } else { stated.unwrap_or(Framing::UntilClose) };
    Ok(Some((Response { status, minor, reason, fields, framing }, start + length)))
}

/// `HTTP-version SP status-code SP [ reason-phrase ]`; the second space is often left out with the
/// reason, which all recipients take (RFC 9112 section 4 grants it).
fn status_line(line: &[u8]) -> Result<(u8, u16, Vec<u8>), &'static str> {
    let minor = match line.get(..9) {
        Some(b"HTTP/1.1 ") => 1,
        Some(b"HTTP/1.0 ") => 0,
        _ => return Err("not HTTP/1.0 or HTTP/1.1"),
    };
    let digits = line.get(9..12).ok_or("a status line without a status")?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'1'..=b'5').contains(&digits[0]) {
        return Err("a status that is none");
    }
    let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    let reason = match &line[12..] {
        [] => &[],
        [b' ', reason @ ..] => reason,
        _ => return Err("a status of more than three digits"),
    };
    if !reason.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)) {
        return Err("a control character in the reason");
    }
    Ok((minor, status, reason.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_valid_and_frames_by_method_and_status() {
        let framing = |head: &str, method: &str| {
            let (response, _) =
                response_head(head.as_bytes(), method).expect("valid").expect("whole");
            response.framing
        };
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(framing(ok, "GET"), Framing::Length(5));
        assert_eq!(framing(ok, "HEAD"), Framing::Length(0));
        assert_eq!(framing("HTTP/1.0 200\r\n\r\n", "GET"), Framing::UntilClose);
        assert_eq!(
            framing("HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n", "GET"),
            Framing::Length(0)
        );
    }

    #[test]
    fn refuses_what_is_not() {
        for line in [
            "HTTP/2.0 200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 600 OK",
            "HTTP/1.1 099 OK",
            "HTTP/1.1200 OK",
            "ICY 200 OK",
            "HTTP/1.1 200 a\x01b",
            "",
        ] {
            assert!(
                response_head(format!("{line}\r\n\r\n").as_bytes(), "GET").is_err(),
                "{line:?}"
            );
        }
    }
}
