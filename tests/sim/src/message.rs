//! Requests and answers as a plan has them, and their bytes.

use std::fmt::Write;

use crate::dice::Dice;

/// How a message says where its body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// It does not: no body in a request, until close in a response.
    Unstated,
    /// By its length.
    ByLength,
    /// In chunks.
    InChunks,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Also its target and its `X-Id`; the client's number is `id / 100`.
    pub id: usize,
    /// The method.
    pub method: &'static str,
    /// HTTP/1.0.
    pub old: bool,
    /// Its connection is to stay open.
    pub persists: bool,
    /// How its body is framed.
    pub framed: Framed,
    /// The length of its body.
    pub length: usize,
    /// Fields follow its last chunk.
    pub has_trailers: bool,
    /// Its body waits for a 100, or for the client's patience.
    pub expects: bool,
    /// It wants to become a tunnel, through which so many bytes go.
    pub tunnels: Option<usize>,
    /// It comes only when the response before it has come.
    pub waits: bool,
    /// What the upstream says to it.
    pub answer: Answer,
}

/// What an upstream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The final status.
    pub status: u16,
    /// Interim responses before it.
    pub interims: usize,
    /// HTTP/1.0.
    pub old: bool,
    /// It says `Connection: close`.
    pub says_close: bool,
    /// How its body is framed.
    pub framed: Framed,
    /// The length of its body.
    pub length: usize,
    /// Fields follow its last chunk.
    pub has_trailers: bool,
    /// It comes as soon as the request's head has.
    pub early: bool,
    /// How long it takes the upstream to find it.
    pub delay_us: usize,
    /// What follows.
    pub ends: Ends,
}

/// How the bytes of an answer end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// With its last byte.
    Whole,
    /// With bytes that belong to nothing, in the same segment as the last byte.
    Stray,
    /// Cut after so many thousandths, by closing.
    Closed(usize),
    /// Cut by a reset.
    Reset(usize),
    /// Cut, and nothing follows.
    Silent(usize),
}

impl Request {
    /// Whether it may be sent twice (RFC 9110 section 9.2.2).
    pub fn is_idempotent(&self) -> bool {
        !matches!(self.method, "POST" | "PATCH")
    }

    /// Its body.
    pub fn body(&self) -> Vec<u8> {
        text("request", self.id, self.length)
    }

    /// Its target.
    pub fn target(&self) -> String {
        format!("/{}", self.id)
    }

    /// The bytes of its head and of its body.
    pub fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let Self { id, method, .. } = self;
        let minor = u8::from(!self.old);
        let mut head = format!("{method} /{id} HTTP/1.{minor}\r\nHost: sim\r\nX-Id: {id}\r\n");
        match (self.tunnels, self.old, self.persists) {
            (Some(_), ..) => head += "Connection: upgrade\r\nUpgrade: echo\r\n",
            (None, true, true) => head += "Connection: keep-alive\r\n",
            (None, false, false) => head += "Connection: close\r\n",
            (None, true, false) | (None, false, true) => {}
        }
        if self.expects {
            head += "Expect: 100-continue\r\n";
        }
        let body = frame(&mut head, self.id, self.framed, &self.body(), self.has_trailers);
        (head.into_bytes(), body)
    }

    /// Whether the answer to it has a body.
    pub fn is_answered_with_body(&self) -> bool {
        self.method != "HEAD" && !matches!(self.answer.status, 204 | 304)
    }

    /// The body of the answer to it, as it is to arrive.
    pub fn answer_body(&self) -> Vec<u8> {
        let has_body = self.is_answered_with_body();
        if has_body { text("answer", self.id, self.answer.length) } else { Vec::new() }
    }

    /// The bytes of the final response to it.
    pub fn answer_bytes(&self) -> Vec<u8> {
        let Answer { status, old, .. } = self.answer;
        let minor = u8::from(!old);
        let mut head = format!("HTTP/1.{minor} {status} Reason\r\nX-Id: {}\r\n", self.id);
        if self.answer.says_close {
            head += "Connection: close\r\n";
        }
        let body = self.answer_body();
        let framed = match self.answer.framed {
            Framed::InChunks if old => Framed::Unstated,
            framed => framed,
        };
        let body = frame(&mut head, self.id, framed, &body, self.answer.has_trailers);
        let mut bytes = head.into_bytes();
        if self.is_answered_with_body() {
            bytes.extend(body);
        }
        bytes
    }

    /// Whether the upstream closes behind its answer.
    pub fn is_answered_for_good(&self) -> bool {
        let Answer { says_close, old, framed, .. } = self.answer;
        says_close || old || framed == Framed::Unstated && self.is_answered_with_body()
    }
}

/// Ends the head, and frames the body.
fn frame(head: &mut String, id: usize, framed: Framed, body: &[u8], has_trailers: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    match framed {
        Framed::Unstated => bytes.extend_from_slice(body),
        Framed::ByLength => {
            let _infallible = write!(head, "Content-Length: {}\r\n", body.len());
            bytes.extend_from_slice(body);
        }
        Framed::InChunks => {
            *head += "Transfer-Encoding: chunked\r\n";
            let mut dice = Dice::new(id as u64);
            let mut rest = body;
            while !rest.is_empty() {
                let (chunk, behind) = rest.split_at(1 + dice.below(rest.len()));
                let extension = dice.pick(&["", "", "", ";x=y"]);
                bytes.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
                rest = behind;
            }
            bytes.extend_from_slice(b"0\r\n");
            bytes.extend_from_slice(if has_trailers { TRAILERS } else { "" }.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
    }
    head.push_str("\r\n");
    bytes
}

/// Text that would be a request, were it ever taken for one.
fn text(kind: &str, id: usize, length: usize) -> Vec<u8> {
    let line = format!("0\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n{kind} {id};");
    line.bytes().cycle().take(length).collect()
}

const TRAILERS: &str = "X-Sum: 1\r\n";
/// What an upstream says that was not asked.
pub(crate) const STRAY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Id: stray\r\n\r\nstray";
/// What is no request; nothing of it may reach an upstream.
pub(crate) const GARBAGE: &[&str] = &[
    "BAD\r\n\r\n",
    "\0\x01\x02\x03",
    "GET /evil HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET /evil HTTP/1.1\nHost: a\n\n",
    "POST /evil HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "CONNECT evil:80 HTTP/1.1\r\nHost: evil\r\n\r\n",
    "GET /evil HTTP/1.1\r\nHo",
];
