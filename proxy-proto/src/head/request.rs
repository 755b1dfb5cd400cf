use core::mem::MaybeUninit;
use core::net::IpAddr;

use alloc::vec::Vec;
use httparse::{Error, Header, Status};
use uuid::Uuid;

use super::connection::ConnectionOptions;
use super::field::{Name, Noted, list, note_all, trim};
use super::render::{Runs, push_address, push_decimal, push_trace};
use super::scan::has_strict_lines;
use super::target::{Target, is_authority};
use crate::framing::{self, Framing, FramingFields};
use crate::{Cause, Fault, Limits};

/// What an exchange keeps of a request head. Everything else went into the rendered head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestFacts {
    pub(crate) framing: Framing,
    pub(crate) version_1_1: bool,
    /// Whether the client's connection may stay open behind this request.
    pub(crate) persists: bool,
    pub(crate) method: Method,
    pub(crate) expects_continue: bool,
    pub(crate) wants_upgrade: bool,
    pub(crate) has_host: bool,
    /// Length of the method, and of the target behind it, in the rendered head.
    pub(crate) method_len: u32,
    pub(crate) target_len: u32,
}

/// The methods that are treated differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Head,
    /// May be sent twice without harm (RFC 9110 section 9.2.2), as far as we know the method.
    Idempotent,
    Other,
}

/// What the rendered head says about where the request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) client: IpAddr,
    pub(crate) trace: Uuid,
    pub(crate) upstream_keep_alive: bool,
}

/// Parses the request head at the start of `bytes` and appends the one that goes to the upstream to
/// `out`, less the final empty line: `Host` may still have to be added (see [`finish`]). Says how
/// long the head was; one that has not come whole is invalid.
pub(crate) fn translate(
    bytes: &[u8],
    limits: &Limits,
    origin: Origin,
    out: &mut Vec<u8>,
) -> Result<(usize, RequestFacts), Fault> {
    let mut table = [const { MaybeUninit::uninit() }; Limits::MAX_HEADERS];
    let table = &mut table[..limits.max_headers.min(Limits::MAX_HEADERS)];
    let mut parsed = httparse::Request::new(&mut []);
    let head = match parsed.parse_with_uninit_headers(bytes, table) {
        Ok(Status::Complete(length)) => &bytes[..length],
        Ok(Status::Partial) => return Err(Fault::bad_request("invalid request head")),
        Err(error) => return Err(fault_of(error, bytes)),
    };
    if !has_strict_lines(head, parsed.headers) {
        return Err(Fault::bad_request("invalid request head"));
    }
    let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version)
    else {
        return Err(Fault::bad_request("invalid request line"));
    };
    let version_1_1 = minor == 1;
    if method.len() > MAX_METHOD {
        return Err(Fault::new(Cause::NotImplemented, "the method is too long"));
    }
    if method == "CONNECT" {
        return Err(Fault::new(Cause::MethodNotAllowed, "CONNECT is not allowed"));
    }
    let target = Target::parse(method, target)?;
    let mut noted = Noted::new();
    let seen = Seen::collect(parsed.headers, &mut noted, method, version_1_1)?;
    if version_1_1 && !seen.has_host {
        return Err(Fault::bad_request("no Host field"));
    }
    let framing = framing::of_request(seen.framing, version_1_1)
        .map_err(framing::FramingError::in_request)?;
    let has_content = framing != Framing::Length(0);
    if method == "TRACE" && has_content {
        return Err(Fault::bad_request("TRACE with content"));
    }
    let hops_left = seen.hops_left()?;
    // RFC 9110 section 10.1.1: an HTTP/1.0 client's expectation is ignored, and there is none
    // without content.
    let expects_continue = seen.expects_continue && has_content;
    let wants_upgrade =
        version_1_1 && seen.connection.upgrade && seen.upgrade == Upgrade::Tunnel && !has_content;

    let target_len = target.path.len() + usize::from(target.lacks_slash());
    // Nearly every request line goes out as it came.
    let mut runs = if version_1_1 && target.authority.is_none() {
        Runs::with_first_line(head, parsed.headers)
    } else {
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        if target.lacks_slash() {
            out.push(b'/');
        }
        out.extend_from_slice(target.path.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\n");
        Runs::behind_first_line(head, parsed.headers)
    };
    for &(at, name) in &noted {
        let header = &parsed.headers[at];
        match name {
            Name::Host if target.authority.is_some() => runs.drop(at, out),
            Name::ContentLength
            | Name::TransferEncoding
            | Name::XForwardedFor
            | Name::XForwardedHost
            | Name::XForwardedProto
            | Name::XTraceId => runs.drop(at, out),
            Name::Expect if !expects_continue => runs.drop(at, out),
            Name::MaxForwards if hops_left.is_some() => runs.drop(at, out),
            Name::Upgrade if wants_upgrade => {}
            Name::Connection
            | Name::Disguised
            | Name::Expect
            | Name::Host
            | Name::Http2Settings
            | Name::KeepAlive
            | Name::MaxForwards
            | Name::Other
            | Name::ProxyConnection
            | Name::Te
            | Name::Trailer
            | Name::Upgrade
            | Name::Via => {
                if seen.connection.drops(name, header, parsed.headers) {
                    runs.drop(at, out);
                }
            }
        }
    }
    runs.finish(out);
    let host = target.authority.map(str::as_bytes).or(seen.host);
    if let Some(authority) = target.authority {
        out.extend_from_slice(b"Host: ");
        out.extend_from_slice(authority.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    match framing {
        Framing::Length(length) if seen.states_length => {
            out.extend_from_slice(b"Content-Length: ");
            push_decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::Length(_) | Framing::UntilClose => {}
    }
    if let Some(hops) = hops_left {
        out.extend_from_slice(b"Max-Forwards: ");
        push_decimal(out, hops.into());
        out.extend_from_slice(b"\r\n");
    }
    if wants_upgrade {
        out.extend_from_slice(b"Connection: upgrade\r\n");
    } else if !origin.upstream_keep_alive {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"X-Forwarded-For: ");
    if seen.was_forwarded {
        for &(at, name) in &noted {
            let header = &parsed.headers[at];
            if name == Name::XForwardedFor && !header.value.is_empty() {
                out.extend_from_slice(header.value);
                out.extend_from_slice(b", ");
            }
        }
    }
    push_address(out, origin.client);
    if let Some(host) = host {
        out.extend_from_slice(b"\r\nX-Forwarded-Host: ");
        out.extend_from_slice(host);
    }
    out.extend_from_slice(if version_1_1 {
        b"\r\nX-Forwarded-Proto: http\r\nVia: 1.1 proxy\r\n"
    } else {
        b"\r\nX-Forwarded-Proto: http\r\nVia: 1.0 proxy\r\n"
    });
    push_trace(out, origin.trace);
    let facts = RequestFacts {
        framing,
        version_1_1,
        persists: seen.connection.persists(version_1_1),
        method: Method::of(method),
        expects_continue,
        wants_upgrade,
        has_host: host.is_some(),
        method_len: narrow(method.len()),
        target_len: narrow(target_len),
    };
    Ok((head.len(), facts))
}

/// Ends a rendered head; an HTTP/1.0 request without `Host` gets the upstream's name, as nginx
/// does it.
pub(crate) fn finish(facts: &RequestFacts, upstream: &str, out: &mut Vec<u8>) {
    if !facts.has_host {
        out.extend_from_slice(b"Host: ");
        out.extend_from_slice(upstream.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

impl Method {
    fn of(method: &str) -> Self {
        match method {
            "HEAD" => Self::Head,
            "GET" | "OPTIONS" | "TRACE" | "PUT" | "DELETE" => Self::Idempotent,
            _ => Self::Other,
        }
    }

    pub(crate) const fn is_idempotent(self) -> bool {
        match self {
            Self::Head | Self::Idempotent => true,
            Self::Other => false,
        }
    }
}

/// What one pass over the fields finds.
#[derive(Default)]
struct Seen<'a> {
    framing: FramingFields,
    states_length: bool,
    connection: ConnectionOptions,
    host: Option<&'a [u8]>,
    has_host: bool,
    expects_continue: bool,
    /// `Max-Forwards`, where it counts.
    hops: Option<u32>,
    upgrade: Upgrade,
    /// Somebody before us has said for whom.
    was_forwarded: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Upgrade {
    #[default]
    None,
    /// To a protocol that may follow a 101.
    Tunnel,
    /// To HTTP/2 in clear text, which would take the requests behind it past every rule of ours.
    Http2,
}

impl<'a> Seen<'a> {
    fn collect(
        headers: &[Header<'a>],
        noted: &mut Noted,
        method: &str,
        version_1_1: bool,
    ) -> Result<Self, Fault> {
        // RFC 9110 section 7.6.2: with any other method it means nothing.
        let counts_hops = matches!(method, "TRACE" | "OPTIONS");
        let mut seen = Self::default();
        for (at, header) in headers.iter().enumerate() {
            let name = Name::of(header.name);
            if name != Name::Other {
                noted.push((at, name));
            }
            match name {
                Name::Host => seen.add_host(header.value)?,
                Name::ContentLength => {
                    seen.states_length = true;
                    let added = seen.framing.add_length(header.value);
                    added.map_err(framing::FramingError::in_request)?;
                }
                Name::TransferEncoding => {
                    let added = seen.framing.add_coding(header.value);
                    added.map_err(framing::FramingError::in_request)?;
                }
                Name::Connection => seen.connection.add(header.value),
                Name::Expect if version_1_1 => seen.add_expectation(header.value)?,
                Name::Upgrade => seen.add_upgrade(header.value),
                Name::XForwardedFor => seen.was_forwarded = true,
                Name::MaxForwards if counts_hops => seen.add_hops(header.value)?,
                Name::Disguised => {
                    return Err(Fault::bad_request("a field name that reads as another"));
                }
                Name::Expect
                | Name::Http2Settings
                | Name::KeepAlive
                | Name::MaxForwards
                | Name::Other
                | Name::ProxyConnection
                | Name::Te
                | Name::Trailer
                | Name::Via
                | Name::XForwardedHost
                | Name::XForwardedProto
                | Name::XTraceId => {}
            }
        }
        if seen.connection.is_absurd() {
            return Err(Fault::bad_request("too many members in Connection"));
        }
        if seen.connection.nominates {
            note_all(headers, noted);
        }
        Ok(seen)
    }

    /// RFC 9112 section 3.2: exactly one, and valid.
    fn add_host(&mut self, value: &'a [u8]) -> Result<(), Fault> {
        if self.has_host {
            return Err(Fault::bad_request("several Host fields"));
        }
        let host = trim(value);
        if !is_authority(host) {
            return Err(Fault::bad_request("invalid Host field"));
        }
        self.has_host = true;
        self.host = Some(host);
        Ok(())
    }

    /// RFC 9110 section 10.1.1: 417 for what we do not know.
    fn add_expectation(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.expects_continue || !trim(value).eq_ignore_ascii_case(b"100-continue") {
            return Err(Fault::new(Cause::ExpectationFailed, "unknown expectation"));
        }
        self.expects_continue = true;
        Ok(())
    }

    fn add_hops(&mut self, value: &[u8]) -> Result<(), Fault> {
        let digits = trim(value);
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        if self.hops.is_some() || !is_number {
            return Err(Fault::bad_request("invalid Max-Forwards"));
        }
        self.hops = Some(digits.iter().fold(0, |hops: u32, digit| {
            hops.saturating_mul(10).saturating_add(u32::from(digit - b'0'))
        }));
        Ok(())
    }

    /// RFC 9110 section 7.6.2: each intermediary takes one off, and with none left, none is asked.
    fn hops_left(&self) -> Result<Option<u32>, Fault> {
        match self.hops {
            Some(0) => Err(Fault::new(Cause::MethodNotAllowed, "Max-Forwards is 0")),
            Some(hops) => Ok(Some(hops - 1)),
            None => Ok(None),
        }
    }

    fn add_upgrade(&mut self, value: &[u8]) {
        for protocol in list(value) {
            if protocol.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"h2c"))
                || protocol.eq_ignore_ascii_case(b"HTTP/2.0")
            {
                self.upgrade = Upgrade::Http2;
            } else if self.upgrade == Upgrade::None {
                self.upgrade = Upgrade::Tunnel;
            }
        }
    }
}

/// A head's parts are bounded by the window, which is far below 4 GiB.
fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn fault_of(error: Error, head: &[u8]) -> Fault {
    match error {
        Error::TooManyHeaders => Fault::new(Cause::HeadTooLarge, "too many header fields"),
        Error::Version if names_other_version(head) => {
            Fault::new(Cause::VersionNotSupported, "only HTTP/1.0 and HTTP/1.1 are supported")
        }
        Error::Version => Fault::bad_request("invalid HTTP version"),
        Error::HeaderName => Fault::bad_request("invalid header field name"),
        Error::HeaderValue => Fault::bad_request("invalid header field value"),
        Error::NewLine | Error::Status | Error::Token => Fault::bad_request("invalid request line"),
    }
}

/// RFC 9112 section 2.3: `HTTP/` digit `.` digit, other than ours, at the end of the request line.
fn names_other_version(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    match line.rsplit(|byte| *byte == b' ').next().unwrap_or_default() {
        b"HTTP/1.0" | b"HTTP/1.1" => false,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] => {
            major.is_ascii_digit() && minor.is_ascii_digit()
        }
        _ => false,
    }
}

/// RFC 9112 section 3: 501 for methods longer than any that is known. The longest one registered
/// has 17 letters.
const MAX_METHOD: usize = 32;
