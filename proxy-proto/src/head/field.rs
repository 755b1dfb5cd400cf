use arrayvec::ArrayVec;
use httparse::Header;

use crate::Limits;

/// The fields of a head that must be looked at, each with its place: few, as a rule.
pub(crate) type Noted = ArrayVec<(usize, Name), { Limits::MAX_HEADERS }>;

/// The fields that a proxy must understand; all others pass as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Connection,
    ContentLength,
    Expect,
    Host,
    Http2Settings,
    KeepAlive,
    MaxForwards,
    ProxyConnection,
    Te,
    Trailer,
    TransferEncoding,
    Upgrade,
    Via,
    XForwardedFor,
    XForwardedHost,
    XForwardedProto,
    XTraceId,
    /// Not one of those, but one where `_` is read as `-`: CGI and WSGI do so, and would take
    /// `Content_Length` for the length, or `X_Forwarded_For` for what we say of the client. Nobody
    /// who means well spells a framing field with other signs, or none, either.
    Disguised,
    Other,
}

impl Name {
    /// Classifies by length and first letter: hardly a field is compared with a name that it does
    /// not have.
    #[inline]
    pub(crate) fn of(name: &str) -> Self {
        let Some(first) = name.as_bytes().first() else { return Self::Other };
        let (known, candidate) = match (name.len(), first.to_ascii_lowercase()) {
            (2, b't') => ("TE", Self::Te),
            (3, b'v') => ("Via", Self::Via),
            (4, b'h') => ("Host", Self::Host),
            (6, b'e') => ("Expect", Self::Expect),
            (7, b'u') => ("Upgrade", Self::Upgrade),
            (7, b't') => ("Trailer", Self::Trailer),
            (10, b'c') => ("Connection", Self::Connection),
            (10, b'k') => ("Keep-Alive", Self::KeepAlive),
            (10, b'x') => ("X-Trace-ID", Self::XTraceId),
            (12, b'm') => ("Max-Forwards", Self::MaxForwards),
            (14, b'c') => ("Content-Length", Self::ContentLength),
            (14, b'h') => ("HTTP2-Settings", Self::Http2Settings),
            (15, b'x') => ("X-Forwarded-For", Self::XForwardedFor),
            (16, b'p') => ("Proxy-Connection", Self::ProxyConnection),
            (16, b'x') => ("X-Forwarded-Host", Self::XForwardedHost),
            (17, b't') => ("Transfer-Encoding", Self::TransferEncoding),
            (17, b'x') => ("X-Forwarded-Proto", Self::XForwardedProto),
            (_, first) => return Self::of_unknown(name, first),
        };
        // Nearly everybody spells it in the usual way.
        if name == known || name.eq_ignore_ascii_case(known) {
            return candidate;
        }
        Self::of_unknown(name, first.to_ascii_lowercase())
    }

    /// A name that is none of ours, but may read as one.
    fn of_unknown(name: &str, first: u8) -> Self {
        let is_disguised = match first {
            b'x' => reads_as_vouched(name),
            b'a' | b'b' | b'd'..=b's' | b'u'..=b'z' | b'0'..=b'9' => false,
            // A `c`, a `t`, or a sign before any letter.
            _ => name.len() >= 13 && has_framing_letters(name),
        };
        if is_disguised { Self::Disguised } else { Self::Other }
    }

    /// Whether a message may drop this field by naming it in `Connection` (RFC 9110 section
    /// 7.6.1). Framing, routing and tracing fields may not: a client would use that to hide them
    /// from the upstream (the class of CVE-2026-26365).
    pub(crate) const fn may_be_nominated(self) -> bool {
        match self {
            Self::ContentLength
            | Self::Host
            | Self::MaxForwards
            | Self::TransferEncoding
            | Self::Trailer
            | Self::Via
            | Self::Expect
            | Self::XForwardedFor
            | Self::XForwardedHost
            | Self::XForwardedProto
            | Self::XTraceId => false,
            Self::Connection
            | Self::Disguised
            | Self::Http2Settings
            | Self::KeepAlive
            | Self::ProxyConnection
            | Self::Te
            | Self::Upgrade
            | Self::Other => true,
        }
    }

    /// Whether this field may stand in a trailer section that we forward. Framing, routing,
    /// connection and request-modifying fields may not (RFC 9110 section 6.5.1).
    pub(crate) fn may_be_trailer(self, name: &str) -> bool {
        match self {
            Self::Other => !FORBIDDEN_TRAILERS.iter().any(|no| name.eq_ignore_ascii_case(no)),
            Self::Connection
            | Self::ContentLength
            | Self::Disguised
            | Self::Expect
            | Self::Host
            | Self::Http2Settings
            | Self::KeepAlive
            | Self::MaxForwards
            | Self::ProxyConnection
            | Self::Te
            | Self::Trailer
            | Self::TransferEncoding
            | Self::Upgrade
            | Self::Via
            | Self::XForwardedFor
            | Self::XForwardedHost
            | Self::XForwardedProto
            | Self::XTraceId => false,
        }
    }
}

fn reads_as_vouched(name: &str) -> bool {
    let reads_as = |vouched: &str| {
        name.bytes()
            .zip(vouched.bytes())
            .all(|(byte, known)| byte.eq_ignore_ascii_case(&known) || byte == b'_' && known == b'-')
    };
    VOUCHED.iter().any(|vouched| vouched.len() == name.len() && reads_as(vouched))
}

fn has_framing_letters(name: &str) -> bool {
    FRAMING.iter().any(|framing| letters(name).eq(letters(framing)))
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

/// The members of a comma-separated list, without the whitespace around them; empty ones are
/// skipped (RFC 9110 section 5.6.1.2).
pub(crate) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim).filter(|member| !member.is_empty())
}

/// Notes every field: any of them may be named by a `Connection` field.
pub(crate) fn note_all(headers: &[Header<'_>], noted: &mut Noted) {
    noted.clear();
    noted.extend(headers.iter().map(|header| Name::of(header.name)).enumerate());
}

/// Whether a field with this name is named by a `Connection` field among `headers`.
pub(crate) fn is_nominated(headers: &[Header<'_>], name: &str) -> bool {
    headers
        .iter()
        .filter(|header| Name::of(header.name) == Name::Connection)
        .flat_map(|header| list(header.value))
        .any(|member| member.eq_ignore_ascii_case(name.as_bytes()))
}

/// Whether this byte may stand in a token, such as a method or a field name (RFC 9110 section
/// 5.6.2).
pub(crate) const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Where a message ends.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];
/// What else an upstream believes because we say it.
const VOUCHED: [&str; 4] =
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-trace-id"];
/// Beyond those that [`Name`] knows: RFC 9110 section 6.5.1 bars controls, authentication and
/// content description from trailers.
const FORBIDDEN_TRAILERS: [&str; 11] = [
    "authorization",
    "cache-control",
    "content-encoding",
    "content-range",
    "content-type",
    "cookie",
    "forwarded",
    "proxy-authenticate",
    "proxy-authorization",
    "set-cookie",
    "www-authenticate",
];

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    #[test]
    fn knows_a_name_in_any_case() {
        for (name, class) in [
            ("TE", Name::Te),
            ("Via", Name::Via),
            ("Host", Name::Host),
            ("Expect", Name::Expect),
            ("Upgrade", Name::Upgrade),
            ("Trailer", Name::Trailer),
            ("Connection", Name::Connection),
            ("Keep-Alive", Name::KeepAlive),
            ("X-Trace-ID", Name::XTraceId),
            ("Max-Forwards", Name::MaxForwards),
            ("Content-Length", Name::ContentLength),
            ("HTTP2-Settings", Name::Http2Settings),
            ("X-Forwarded-For", Name::XForwardedFor),
            ("Proxy-Connection", Name::ProxyConnection),
            ("X-Forwarded-Host", Name::XForwardedHost),
            ("Transfer-Encoding", Name::TransferEncoding),
            ("X-Forwarded-Proto", Name::XForwardedProto),
        ] {
            assert_eq!(Name::of(name), class, "{name}");
            assert_eq!(Name::of(&name.to_ascii_lowercase()), class, "{name}");
            assert_eq!(Name::of(&name.to_ascii_uppercase()), class, "{name}");
            let mut longer = String::from(name);
            longer.push('z');
            assert_eq!(Name::of(&longer), Name::Other, "{longer}");
        }
    }

    #[test]
    fn sees_what_reads_as_another() {
        for name in [
            "Content_Length",
            "content.length",
            "-Content-Length",
            "''contentlength",
            "Content-Length-",
            "CONTENTLENGTH",
            "Transfer_Encoding",
            "transferencoding",
            "~Transfer-Encoding",
            "X_Forwarded_For",
            "x-forwarded_host",
            "X_Forwarded-Proto",
            "X-Trace_ID",
        ] {
            assert_eq!(Name::of(name), Name::Disguised, "{name}");
        }
        for name in [
            "",
            "Content-Lengths",
            "Content-Encoding",
            "Xcontent-Length",
            "X.Forwarded.For",
            "X_Forwarded_By",
            "X_Trace_IDs",
            "_Host",
            "Ho_st",
        ] {
            assert_eq!(Name::of(name), Name::Other, "{name}");
        }
    }
}
