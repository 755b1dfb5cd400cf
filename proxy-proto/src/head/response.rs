use core::mem::MaybeUninit;

use alloc::vec::Vec;
use httparse::{Header, Status};
use uuid::Uuid;

use super::connection::ConnectionOptions;
use super::field::{Name, Noted, note_all};
use super::render::{Runs, push_decimal, push_trace};
use super::scan::has_strict_lines;
use crate::framing::{self, Framing, FramingError, FramingFields};
use crate::{Fault, Limits};

/// The request that a response answers, as far as the response's framing depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) version_1_1: bool,
    pub(crate) by_head: bool,
    pub(crate) trace: Uuid,
}

/// What an exchange keeps of a response head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResponseFacts {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    /// Whether the upstream's connection may be used again behind this response.
    pub(crate) persists: bool,
}

/// How the client learns whether its connection stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// HTTP/1.1, and it stays open: nothing needs to be said.
    Implied,
    /// HTTP/1.0, and it stays open.
    KeepAlive,
    Close,
}

/// A parsed response head, not yet rendered: how it is rendered depends on what the exchange
/// decides from it.
pub(crate) struct ResponseHead<'a> {
    pub(crate) facts: ResponseFacts,
    head: &'a [u8],
    version_1_1: bool,
    reason: &'a str,
    length: Option<u64>,
    headers: &'a [Header<'a>],
    noted: &'a Noted,
    connection: ConnectionOptions,
}

/// Parses the response head at the start of `bytes` and hands it to `then`. Says how long it was;
/// one that has not come whole is invalid.
pub(crate) fn parse<T>(
    bytes: &[u8],
    limits: &Limits,
    asked: Asked,
    then: impl FnOnce(ResponseHead<'_>) -> Result<T, Fault>,
) -> Result<(usize, T), Fault> {
    let mut table = [const { MaybeUninit::uninit() }; Limits::MAX_HEADERS];
    let table = &mut table[..limits.max_headers.min(Limits::MAX_HEADERS)];
    let mut parsed = httparse::Response::new(&mut []);
    let head = match httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut parsed,
        bytes,
        table,
    ) {
        Ok(Status::Complete(length)) => &bytes[..length],
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Fault::bad_response("too many header fields in the response"));
        }
        Ok(Status::Partial) | Err(_) => return Err(Fault::bad_response("invalid response head")),
    };
    if !has_strict_lines(head, parsed.headers) {
        return Err(Fault::bad_response("invalid response head"));
    }
    let (Some(status), Some(minor)) = (parsed.code, parsed.version) else {
        return Err(Fault::bad_response("invalid status line"));
    };
    // RFC 9110 section 15: three digits, the first of them 1 to 5.
    if !(100..=599).contains(&status) {
        return Err(Fault::bad_response("invalid status code"));
    }
    let version_1_1 = minor == 1;
    let mut fields = FramingFields::default();
    let mut connection = ConnectionOptions::default();
    let mut has_upgrade = false;
    let mut noted = Noted::new();
    for (at, header) in parsed.headers.iter().enumerate() {
        let name = Name::of(header.name);
        if name != Name::Other {
            noted.push((at, name));
        }
        match name {
            Name::ContentLength => {
                fields.add_length(header.value).map_err(FramingError::in_response)?;
            }
            Name::TransferEncoding => {
                fields.add_coding(header.value).map_err(FramingError::in_response)?;
            }
            Name::Connection => connection.add(header.value),
            Name::Upgrade => has_upgrade = true,
            Name::Disguised
            | Name::Expect
            | Name::Host
            | Name::Http2Settings
            | Name::KeepAlive
            | Name::MaxForwards
            | Name::Other
            | Name::ProxyConnection
            | Name::Te
            | Name::Trailer
            | Name::Via
            | Name::XForwardedFor
            | Name::XForwardedHost
            | Name::XForwardedProto
            | Name::XTraceId => {}
        }
    }
    if connection.is_absurd() {
        return Err(Fault::bad_response("too many members in Connection"));
    }
    if connection.nominates {
        note_all(parsed.headers, &mut noted);
    }
    // RFC 9110 section 7.8: a 101 says to what it switches.
    if status == 101 && !has_upgrade {
        return Err(Fault::bad_response("a 101 without Upgrade"));
    }
    let framing = framing::of_response(fields, version_1_1, status, asked.by_head)
        .map_err(FramingError::in_response)?;
    let persists = version_1_1 && !connection.close && framing != Framing::UntilClose;
    let facts = ResponseFacts { status, framing, persists };
    let reason = parsed.reason.unwrap_or_default();
    let length = fields.stated_length();
    let (headers, noted) = (&*parsed.headers, &noted);
    let parsed =
        ResponseHead { facts, head, version_1_1, reason, length, headers, noted, connection };
    Ok((head.len(), then(parsed)?))
}

impl ResponseHead<'_> {
    /// Whether the client can tell its end without chunks and without a close.
    pub(crate) fn has_known_length(&self) -> bool {
        match self.facts.framing {
            Framing::Length(_) => true,
            Framing::Chunked | Framing::UntilClose => false,
        }
    }

    /// Writes the head that goes to the client.
    pub(crate) fn render(&self, asked: Asked, persistence: Persistence, out: &mut Vec<u8>) {
        let Self { headers, noted, connection, .. } = *self;
        let status = self.facts.status;
        let is_interim = status < 200;
        // Nearly every status line goes out as it came.
        let mut runs = if self.version_1_1 && !self.reason.is_empty() {
            Runs::with_first_line(self.head, headers)
        } else {
            out.extend_from_slice(b"HTTP/1.1 ");
            push_decimal(out, status.into());
            out.push(b' ');
            out.extend_from_slice(self.reason.as_bytes());
            out.extend_from_slice(b"\r\n");
            Runs::behind_first_line(self.head, headers)
        };
        for &(at, name) in noted {
            let header = &headers[at];
            match name {
                Name::ContentLength | Name::TransferEncoding | Name::XTraceId => {
                    runs.drop(at, out);
                }
                Name::Upgrade if status == 101 => {}
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
                | Name::Via
                | Name::XForwardedFor
                | Name::XForwardedHost
                | Name::XForwardedProto => {
                    if connection.drops(name, header, headers) {
                        runs.drop(at, out);
                    }
                }
            }
        }
        runs.finish(out);
        if is_interim {
            if status == 101 {
                out.extend_from_slice(b"Connection: upgrade\r\n");
                push_trace(out, asked.trace);
            }
            out.extend_from_slice(b"\r\n");
            return;
        }
        let reframed = self.facts.framing == Framing::UntilClose && asked.version_1_1;
        let chunked = self.facts.framing == Framing::Chunked && asked.version_1_1;
        if reframed || chunked {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        } else if let Some(length) = self.length
            && status != 204
        {
            // RFC 9110 section 8.6: HEAD and 304 state the length that GET would have.
            out.extend_from_slice(b"Content-Length: ");
            push_decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        persistence.render(out);
        push_trace(out, asked.trace);
        out.extend_from_slice(b"\r\n");
    }
}

impl Persistence {
    pub(crate) fn render(self, out: &mut Vec<u8>) {
        match self {
            Self::Implied => {}
            Self::KeepAlive => out.extend_from_slice(b"Connection: keep-alive\r\n"),
            Self::Close => out.extend_from_slice(b"Connection: close\r\n"),
        }
    }
}
