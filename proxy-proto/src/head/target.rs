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
    /// Only origin-form, absolute-form with http or https, and `*` with OPTIONS; visible ASCII
    /// only, no fragment. Two parsers that disagree about a `#` see two resources.
    pub(crate) fn parse(method: &str, target: &'a str) -> Result<Self, Fault> {
        let is_plain = |byte: u8| matches!(byte, 0x21..=0x7e) && byte != b'#';
        if !target.bytes().all(is_plain) {
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
        let inside = &literal[1..end];
        let is_literal = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        if inside.len() < 2 || !inside.iter().all(is_literal) {
            return false;
        }
        (literal, rest)
    } else {
        bytes.split_at(bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len()))
    };
    let is_port = match rest {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_port && !host.is_empty() && (host[0] == b'[' || host.iter().all(|byte| is_reg_name(*byte)))
}

/// RFC 3986 section 3.2.2: unreserved, percent-encoded or sub-delimiter, less the comma, which
/// joins two hosts into one field for some recipients.
const fn is_reg_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'%'
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
    use super::*;

    #[test]
    fn accepts_hosts_and_refuses_what_only_looks_like_one() {
        for good in ["a", "a:80", "a:", "a-b.c_d", "127.0.0.1:8080", "[::1]", "[::1]:80", "%41"] {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in [
            "", ":80", "a@b", "a/b", "a b", "a, b", "a,b", "a:80x", "a:800000", "[::1", "[]",
            "[::1]x", "a:b:c", "a\\b", "a?b", "é",
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
        ] {
            assert!(Target::parse("GET", bad).is_err(), "{bad}");
        }
    }
}
