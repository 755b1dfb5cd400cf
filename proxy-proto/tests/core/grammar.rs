//! Valid messages, drawn from the grammar of RFC 9112, less what the proxy refuses of it on purpose
//! (see docs/conformance.md).

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// A message and what it means.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) head: Vec<u8>,
    /// The body as it is framed.
    pub(crate) framed: Vec<u8>,
    /// And without its framing.
    pub(crate) data: Vec<u8>,
}

impl Message {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [&self.head[..], &self.framed].concat()
    }
}

pub(crate) fn request() -> impl Strategy<Value = Message> {
    let line = (select(METHODS), target());
    (line, any::<bool>(), vec(field(REQUEST_FIELDS), 0..8), body()).prop_map(
        |((method, target), old, fields, body)| {
            let old = old && body.chunked.is_none();
            let host = if old { "" } else { "Host: example.org:80\r\n" };
            let start = format!("{method} {target} HTTP/1.{}\r\n{host}", u8::from(!old));
            message(&start, &fields, body)
        },
    )
}

/// A response to a GET, and its status.
pub(crate) fn response() -> impl Strategy<Value = (Message, u16)> {
    let reason = option::of("[\t -~]{0,12}");
    let status = prop_oneof![select(&[200, 204, 304][..]), 200..600_u16];
    (status, reason, vec(field(RESPONSE_FIELDS), 0..8), body()).prop_map(
        |(status, reason, fields, body)| {
            let reason = reason.map_or(String::new(), |reason| format!(" {reason}"));
            let mut message = message(&format!("HTTP/1.1 {status}{reason}\r\n"), &fields, body);
            if matches!(status, 204 | 304) {
                message.framed.clear();
                message.data.clear();
            }
            (message, status)
        },
    )
}

/// A chunked body with its data.
pub(crate) fn chunked() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let extension = prop_oneof![4 => Just(String::new()), 1 => EXTENSIONS];
    let chunk = (vec(any::<u8>(), 1..40), extension.clone(), 0..3_usize);
    let last = (1..4_usize, extension, vec("X-[A-Z]{1,4}:[\t -~]{0,8}\r\n", 0..3));
    (vec(chunk, 0..5), last).prop_map(|(chunks, (zeros, extension, trailers))| {
        let (mut framed, mut data) = (Vec::new(), Vec::new());
        for (chunk, extension, zeros) in chunks {
            let size = format!("{}{:x}{extension}\r\n", "0".repeat(zeros), chunk.len());
            framed.extend([size.as_bytes(), &chunk, b"\r\n"].concat());
            data.extend(chunk);
        }
        framed.extend(format!("{}{extension}\r\n", "0".repeat(zeros)).bytes());
        framed.extend(trailers.concat().bytes());
        framed.extend(b"\r\n");
        (framed, data)
    })
}

fn message(start: &str, fields: &[String], body: Body) -> Message {
    let mut head = format!("{start}{}", fields.concat());
    let Body { data, chunked } = body;
    let (framed, data) = match (data, chunked) {
        (_, Some((framed, data))) => {
            head += "Transfer-Encoding: chunked\r\n";
            (framed, data)
        }
        (data, None) => {
            head += &["Content-Length: ", &data.len().to_string(), "\r\n"].concat();
            (data.clone(), data)
        }
    };
    head += "\r\n";
    Message { head: head.into_bytes(), framed, data }
}

#[derive(Clone, Debug)]
struct Body {
    data: Vec<u8>,
    /// Framed, and without the framing.
    chunked: Option<(Vec<u8>, Vec<u8>)>,
}

fn body() -> impl Strategy<Value = Body> {
    (vec(any::<u8>(), 0..80), option::of(chunked()))
        .prop_map(|(data, chunked)| Body { data, chunked })
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "/([!$&-;=@-\\[\\]^_a-z|~]|%[1-9A-F][0-9A-Fa-f]){0,20}(\\?[!$-;=?-~]{0,9})?",
        1 => "(http|HTTPS)://[a-z0-9-]{1,6}(\\.[a-z]{1,3})?\\.?(:[1-9][0-9]{0,3})?(/[a-z]{0,4})?(\\?[a-z]{0,4})?",
    ]
}

/// A field line: one of these, or any other with an unheard-of name.
fn field(known: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        1 => select(known).prop_map(|line| format!("{line}\r\n")),
        2 => "X-[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}:[\t -~é]{0,20}\r\n",
    ]
}

/// RFC 9112 section 7.1.1.
const EXTENSIONS: &str = "(;[ \t]?[!#$%&'*+.^_`|~0-9A-Za-z-]{1,4}(=([a-z]{1,4}|\"([ !#-\\[\\]-~]|\\\\[ -~]){0,6}\"))?){0,2}";
const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "X-Y!"];
const REQUEST_FIELDS: &[&str] = &[
    "Connection: close",
    "connection: keep-alive, X-A, TE",
    "Keep-Alive: timeout=5",
    "Proxy-Connection: keep-alive",
    "TE: trailers",
    "Trailer: X-Sum",
    "Upgrade: h2c",
    "Via: 1.0 other",
    "X-A: named by Connection",
    "X-Forwarded-For: 198.51.100.1 ",
    "X-Forwarded-Host: evil",
    "X-Forwarded-Proto: https",
    "X-Trace-ID: theirs",
    "Cookie: a=b; c=d",
    "Accept:",
];
const RESPONSE_FIELDS: &[&str] = &[
    "Connection: close",
    "connection: X-A, keep-alive",
    "Keep-Alive: timeout=5",
    "Set-Cookie: a=b",
    "Upgrade: h2c",
    "Via: 1.1 other",
    "X-A: named by Connection",
    "X-Trace-ID: theirs",
    "Vary: *",
];
