use crate::Read;
use crate::field::{self, Field, is_token, line, section};
use crate::framing::{Framing, stated};

/// A request head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// A token; case matters.
    pub method: String,
    /// As it was sent.
    pub target: String,
    /// 0 or 1, of HTTP/1.x.
    pub minor: u8,
    /// All fields, in order.
    pub fields: Vec<Field>,
    /// Where its body ends.
    pub framing: Framing,
}

impl Request {
    /// The value of the first field of that name.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields_named(name).next()
    }

    /// The values of all fields of that name.
    pub fn fields_named(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        field::named(&self.fields, name)
    }
}

/// Reads a request head from the start of `bytes` (RFC 9112 section 3).
pub fn request_head(bytes: &[u8]) -> Read<Request> {
    let Some((first, start)) = line(bytes)? else { return Ok(None) };
    let (method, target, minor) = request_line(first)?;
    let Some((fields, length)) = section(&bytes[start..])? else { return Ok(None) };
    check_host(&fields, minor)?;
    let framing = stated(&fields, minor)?.unwrap_or(Framing::Length(0));
    Ok(Some((Request { method, target, minor, fields, framing }, start + length)))
}

/// `method SP request-target SP HTTP-version`
fn request_line(line: &[u8]) -> Result<(String, String, u8), &'static str> {
    let text = std::str::from_utf8(line).map_err(|_not_utf8| "a request line not in ASCII")?;
    let words: Vec<_> = text.split(' ').collect();
    let [method, target, version] = words[..] else {
        return Err("a request line that is not three words");
    };
    if !is_token(method.as_bytes()) {
        return Err("a method that is no token");
    }
    let minor = match version {
        "HTTP/1.1" => 1,
        "HTTP/1.0" => 0,
        _ => return Err("a version other than HTTP/1.0 and HTTP/1.1"),
    };
    check_target(method, target)?;
    Ok((method.to_owned(), target.to_owned(), minor))
}

/// RFC 9112 section 3.2: the four forms.
fn check_target(method: &str, target: &str) -> Result<(), &'static str> {
    if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err("a target with a byte that it may not have");
    }
    if method == "CONNECT" {
        let is_host_and_port = target.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty());
        return if is_host_and_port && is_authority(target) { Ok(()) } else { Err("not a host") };
    }
    if target.starts_with('/') || target == "*" && method == "OPTIONS" {
        return Ok(());
    }
    let (scheme, rest) = target.split_once("://").ok_or("a target of no known form")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err("a scheme other than http and https");
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if is_authority(authority) { Ok(()) } else { Err("a target with an invalid authority") }
}

/// Section 3.2: one Host in HTTP/1.1, at most one in HTTP/1.0, and a valid one.
fn check_host(fields: &[Field], minor: u8) -> Result<(), &'static str> {
    let hosts: Vec<_> = field::named(fields, "Host").collect();
    match hosts[..] {
        [] if minor == 0 => Ok(()),
        [host] if std::str::from_utf8(host).is_ok_and(is_authority) => Ok(()),
        [] => Err("no Host"),
        [_] => Err("an invalid Host"),
        _ => Err("several Hosts"),
    }
}

/// RFC 3986 section 3.2.2 and 3.2.3: `host [ ":" port ]`, and RFC 9110 section 4.2.1: not empty.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rfind(']') {
        Some(end) => text.split_at(end + 1),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match literal {
        Some(inside) => inside.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.'),
        None => host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&b)),
    };
    !host.is_empty() && is_host && is_port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Result<Request, &'static str> {
        request_head(head.as_bytes()).map(|read| read.expect("a whole head").0)
    }

    #[test]
    fn reads_what_is_valid() {
        let request = read("GET /a?b HTTP/1.1\r\nHost: h:80\r\n\r\n").expect("valid");
        assert_eq!(request.method, "GET");
        assert_eq!(request.target, "/a?b");
        assert_eq!(request.framing, Framing::Length(0));
        let old = read("POST http://[::1]/ HTTP/1.0\r\nContent-Length: 5\r\n\r\n").expect("valid");
        assert_eq!(old.framing, Framing::Length(5));
        let chunked = read("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n");
        assert_eq!(chunked.expect("valid").framing, Framing::Chunked);
        assert_eq!(request_head(b"GET / HTTP/1.1\r\nHost: h\r\n"), Ok(None));
    }

    #[test]
    fn refuses_what_is_not() {
        for line in [
            "GET  / HTTP/1.1",
            "GET /",
            "GET / HTTP/1.2",
            "GET / http/1.1",
            "GET admin HTTP/1.1",
            "GET * HTTP/1.1",
            "GET /# HTTP/1.1",
            "GET ftp://a/ HTTP/1.1",
            "GET http://u@a/ HTTP/1.1",
            "G(T / HTTP/1.1",
            "",
        ] {
            assert!(read(&format!("{line}\r\nHost: h\r\n\r\n")).is_err(), "{line:?}");
        }
        for fields in [
            "",
            "Host: a\r\nHost: a",
            "Host: a@b",
            "Host:",
            "Host: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
            "Host: h\r\nContent-Length: 5, 6",
            "Host: h\r\nContent-Length: +5",
            "Host: h\r\nTransfer-Encoding: gzip",
            "Host: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        ] {
            let fields = if fields.is_empty() { String::new() } else { format!("{fields}\r\n") };
            assert!(read(&format!("GET / HTTP/1.1\r\n{fields}\r\n")).is_err(), "{fields:?}");
        }
    }
}
