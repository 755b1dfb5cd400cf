use uuid::Uuid;

use crate::head::render::push_fmt;
use crate::head::response::Persistence;
use crate::lanes::Lane;
use crate::{Blame, Cause, Fault};

/// The head of a reply that the driver itself gives, such as a page of metrics. Its body comes
/// from the driver in place of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub struct LocalHead {
    /// A final status code.
    #[cfg_attr(fuzzing, arbitrary(value = 200))]
    pub status: u16,
    /// The media type of the body.
    #[cfg_attr(fuzzing, arbitrary(value = "text/plain"))]
    pub content_type: &'static str,
    /// The length of the body in bytes.
    pub length: u64,
}

/// What every answer of ours says about its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answering {
    pub(crate) trace: Uuid,
    pub(crate) persistence: Persistence,
    /// To HEAD: no body, but the length that it would have.
    pub(crate) to_head: bool,
    /// The methods that a 405 names (RFC 9110 section 15.5.6).
    pub(crate) allow: &'static str,
}

/// Writes the answer that tells of a fault: head into `before`, one line of text into `after`.
/// `before` may still hold an interim response that has to go out first.
pub(crate) fn render_fault(fault: Fault, upstream: &str, answering: Answering, lane: &mut Lane) {
    let Fault { cause, reason } = fault;
    let status = cause.status();
    let text = &mut lane.after;
    text.clear();
    match (cause.blame(), status) {
        (Blame::Upstream, 502) => {
            push_fmt(text, format_args!("Upstream unavailable: {reason} ({upstream})"));
        }
        (Blame::Upstream | Blame::Us, 504) => {
            push_fmt(text, format_args!("Upstream timed out: {reason} ({upstream})"));
        }
        (Blame::Client | Blame::Upstream | Blame::Us, _) => {
            push_fmt(text, format_args!("{}: {reason}", phrase(status)));
        }
    }
    let head = &mut lane.before;
    push_fmt(
        head,
        format_args!(
            "HTTP/1.1 {status} {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n",
            phrase(status),
            text.len(),
        ),
    );
    if cause == Cause::MethodNotAllowed {
        push_fmt(head, format_args!("Allow: {}\r\n", answering.allow));
    }
    answering.persistence.render(head);
    push_fmt(
        head,
        format_args!("X-Proxy-Error: {}\r\nX-Trace-ID: {}\r\n\r\n", cause.word(), answering.trace),
    );
    if answering.to_head {
        text.clear();
    }
}

/// Writes the head of a local reply.
pub(crate) fn render_local(local: LocalHead, answering: Answering, lane: &mut Lane) {
    let LocalHead { status, content_type, length } = local;
    let head = &mut lane.before;
    push_fmt(
        head,
        format_args!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n",
            phrase(status),
        ),
    );
    answering.persistence.render(head);
    push_fmt(head, format_args!("X-Trace-ID: {}\r\n\r\n", answering.trace));
}

/// The usual phrase for the codes that we send ourselves (RFC 9110 section 15).
const fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
