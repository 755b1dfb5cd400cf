use core::net::Ipv6Addr;

use crate::Fault;

/// A request target in the form in which we forward it (RFC 9112 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// Origin-form, or `*`. May lack the leading slash that an absolute-form left out.
    pub(crate) path: &'a str,
    /// The authority of an absolute-form. It replaces `Host` (section 3.2.2), and never decides
    /// where we connect.
    pub(crate) authority: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Only origin-form, absolute-form with http or https, and `*` with OPTIONS; no fragment: two
    /// parsers that disagree about a `#` see two resources.
    pub(crate) fn parse(method: &str, target: &'a str) -> Result<Self, Fault> {
        let bytes = target.as_bytes();
        let is_valid = match &bytes[count_decodable(bytes, PATH)..] {
            [] => true,
            [b'?', query @ ..] => count(query, QUERY) == query.len(),
            [b'%', ..] => {
                let fault = "the request target has a bad percent-encoding";
                return Err(Fault::bad_request(fault));
            }
            _ => false,
        };
        if !is_valid {
            return Err(Fault::bad_request("the request target has a byte that it may not have"));
        }
        if target.starts_with('/') {
            return Ok(Self { path: target, authority: None });
        }
        if target == "*" {
            return match method {
                "OPTIONS" => Ok(Self { path: target, authority: None }),
                _ => Err(Fault::bad_request("the target * is for OPTIONS only")),
            };
        }
        let rest = ["http://", "https://"]
            .iter()
            .find(|scheme| {
                target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            })
            .map(|scheme| &target[scheme.len()..])
            .ok_or(Fault::bad_request("the request target is neither a path nor an http URI"))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if !is_authority(authority.as_bytes()) {
            return Err(Fault::bad_request("the request target's authority is invalid"));
        }
        // RFC 9112 section 3.2.4: OPTIONS of a URI with an empty path asks about the server.
        let path = if path.is_empty() && method == "OPTIONS" { "*" } else { path };
        Ok(Self { path, authority: Some(authority) })
    }

    /// Whether a slash must be put in front of the path.
    pub(crate) fn lacks_slash(&self) -> bool {
        !self.path.starts_with('/') && self.path != "*"
    }
}

/// Whether this is `uri-host [ ":" port ]` (RFC 9110 section 7.2), with a host that is not empty
/// and no userinfo.
pub(crate) fn is_authority(bytes: &[u8]) -> bool {
    let (host, rest) = if bytes.first() == Some(&b'[') {
        let Some(end) = bytes.iter().position(|byte| *byte == b']') else {
            return false;
        };
        let (literal, rest) = bytes.split_at(end + 1);
        let inside = core::str::from_utf8(&literal[1..end]);
        if !inside.is_ok_and(|inside| inside.parse::<Ipv6Addr>().is_ok()) {
            return false;
        }
        (literal, rest)
    } else {
        bytes.split_at(count_decodable(bytes, REG_NAME))
    };
    let is_port = match rest {
        [] | [b':'] => true,
        [b':', digits @ ..] => is_port(digits),
        _ => false,
    };
    is_port && (host.first() == Some(&b'[') || is_reg_name(host))
}

/// 1 to 65535: an authority that nobody can connect to is a mistake or worse.
fn is_port(digits: &[u8]) -> bool {
    let port = digits.iter().try_fold(0u16, |port, byte| {
        let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
        port.checked_mul(10)?.checked_add(digit)
    });
    port.is_some_and(|port| port > 0)
}

/// RFC 3986 section 3.2.2: whether bytes that may stand in one are a registered name or an IPv4
/// address. Not empty (RFC 9110 section 4.2.1), and without empty labels in front or within, which
/// turn it into a path somewhere.
fn is_reg_name(host: &[u8]) -> bool {
    host.first().is_some_and(|first| *first != b'.') && !host.windows(2).any(|pair| pair == b"..")
}

/// As [`count`], and each `%` that begins the code of a byte with it: of one other than NUL, which
/// ends a path for some.
fn count_decodable(bytes: &[u8], part: u8) -> usize {
    let mut at = 0;
    loop {
        at += count(&bytes[at..], part);
        match &bytes[at..] {
            [b'%', b'0', b'0', ..] => return at,
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => at += 3,
            _ => return at,
        }
    }
}

/// How many bytes at the start may stand in this part of a target.
fn count(bytes: &[u8], part: u8) -> usize {
    let ends = |byte: &u8| PARTS[*byte as usize] & part == 0;
    bytes.iter().position(ends).unwrap_or(bytes.len())
}

/// In which parts of a target each byte may stand: one look tells, where comparing costs most of
/// what is spent on a target.
static PARTS: [u8; 256] = {
    let mut parts = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "it is below 256")]
        let value = byte as u8;
        if is_query_byte(value) {
            parts[byte] |= QUERY;
            if !matches!(value, b'%' | b'?' | b'\\' | b'`' | b'{' | b'}') {
                parts[byte] |= PATH;
            }
        }
        if is_reg_name_byte(value) {
            parts[byte] |= REG_NAME;
        }
        byte += 1;
    }
    parts
};

/// What RFC 3986 has in a path, but for codes, and `^`, `|`, `[` and `]`, which browsers send as they
/// are.
const PATH: u8 = 1;
const QUERY: u8 = 2;
const REG_NAME: u8 = 4;

/// What RFC 3986 has in a query, and whatever else the URL standard of browsers leaves as it is.
const fn is_query_byte(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b'#' | b'<' | b'>')
}

/// RFC 3986 section 3.2.2: unreserved or sub-delimiter, less the comma, which joins two hosts into
/// one field for some recipients.
const fn is_reg_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b';'
                | b'='
        )
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn accepts_hosts_and_refuses_what_only_looks_like_one() {
        for good in [
            "a",
            "a:80",
            "a:",
            "a-b.c_d",
            "a.b.",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:80",
            "[::ffff:10.0.0.1]",
            "%41",
            "a:1",
            "a:65535",
        ] {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a@b",
            "a/b",
            "a b",
            "a, b",
            "a,b",
            "a:80x",
            "a:800000",
            "[::1",
            "[]",
            "[::1]x",
            "a:b:c",
            "a\\b",
            "a?b",
            "é",
            "a:0",
            "a:65536",
            "[1]",
            "[:::]",
            "[::1%25x]",
            "[v1.a]",
            "%4",
            "%zz",
            "a%00",
            ".",
            ".a",
            "a..b",
            "a..",
        ] {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn makes_origin_form_of_absolute_form() {
        let parse = |target| Target::parse("GET", target).map(|t| (t.path, t.authority));
        assert_eq!(parse("http://b:80/x?y"), Ok(("/x?y", Some("b:80"))));
        assert_eq!(parse("HTTP://b?y"), Ok(("?y", Some("b"))));
        assert_eq!(parse("http://b"), Ok(("", Some("b"))));
        let options = Target::parse("OPTIONS", "http://b").expect("valid");
        assert_eq!(options.path, "*");
    }

    #[test]
    fn takes_the_bytes_that_clients_send_and_no_others() {
        let takes = |target: &str| Target::parse("GET", target).is_ok();
        for byte in (0..=0x7f).map(char::from) {
            let outside = byte <= ' ' || matches!(byte, '"' | '#' | '<' | '>' | '\x7f');
            let not_in_path = outside || matches!(byte, '\\' | '`' | '{' | '}' | '%');
            assert_eq!(takes(&format!("/a{byte}b")), !not_in_path, "{byte:?}");
            assert_eq!(takes(&format!("/?a{byte}b")), !outside, "{byte:?}");
        }
        assert!(takes("/%2e%7E?%zz%00"));
    }

    #[test]
    fn refuses_other_forms() {
        for bad in [
            "*",
            "admin",
            "/a#f",
            "/\u{e9}",
            "ftp://a/",
            "http://",
            "http:///x",
            "http://u@h/",
            "a:443",
            "",
            "/%",
            "/%4",
            "/%4x",
            "/%00",
            "http://b/%zz",
        ] {
            assert!(Target::parse("GET", bad).is_err(), "{bad}");
        }
    }
}
