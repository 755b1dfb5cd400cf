//! What a client and the upstreams will say, drawn from one seed.

/// A source of chance: one seed, one run (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        #[expect(clippy::cast_possible_truncation, reason = "chance stays chance")]
        let n = (z ^ (z >> 31)) as usize % n;
        n
    }

    pub(crate) const fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Mostly small, sometimes more than a window.
    fn size(&mut self) -> usize {
        let most = self.pick(&[1, 20, 20, 200, 3000]);
        self.below(most + 1)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// None in a request, until close in a response.
    Unstated,
    Length,
    Chunked,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// HTTP/1.0.
    pub(crate) old: bool,
    pub(crate) body: Vec<u8>,
    pub(crate) has_trailers: bool,
    pub(crate) expects: bool,
    /// It asks for its connection to stay open.
    pub(crate) persists: bool,
    /// It comes only when the response before it has.
    pub(crate) waits: bool,
    pub(crate) head: Vec<u8>,
    pub(crate) framed: Vec<u8>,
    pub(crate) answer: Answer,
}

/// Who answers a request, and what.
#[derive(Debug)]
pub(crate) enum Answer {
    Upstream(Response),
    Local { length: usize },
    Refused,
    Unreachable,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) has_trailers: bool,
    /// It comes before the request is whole.
    pub(crate) early: bool,
    pub(crate) closes: bool,
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Ends,
}

/// How the bytes of a response end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    Whole,
    /// Bytes that belong to nothing follow.
    Talks,
    Closes,
    Resets,
    Hangs,
}

pub(crate) const TRAILERS: &str = "X-Sum: 1\r\nX-More: of it\r\n";
pub(crate) const STRAY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Id: 99\r\n\r\nstray";

impl Request {
    /// `calm`: nobody breaks a rule, and nothing breaks.
    pub(crate) fn roll(dice: &mut Dice, id: usize, calm: bool) -> Self {
        let old = dice.percent(20);
        let method = dice.pick(&["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]);
        let framing = match dice.below(if old { 2 } else { 3 }) {
            0 => Framing::Unstated,
            1 => Framing::Length,
            _ => Framing::Chunked,
        };
        let body = if framing == Framing::Unstated { Vec::new() } else { text(dice) };
        let has_trailers = framing == Framing::Chunked && dice.percent(40);
        let expects = !old && dice.percent(20);
        let minor = u8::from(!old);
        let mut head = format!("{method} /{id} HTTP/1.{minor}\r\nHost: h\r\nX-Id: {id}\r\n");
        let differs = dice.percent(if old { 80 } else { 10 });
        if differs {
            head += if old { "Connection: keep-alive\r\n" } else { "Connection: close\r\n" };
        }
        if expects {
            head += "Expect: 100-continue\r\n";
        }
        let framed = frame(dice, &mut head, framing, &body, has_trailers);
        let answer = match dice.below(if calm { 12 } else { 14 }) {
            0 => Answer::Local { length: dice.size() },
            1 => Answer::Refused,
            12 | 13 => Answer::Unreachable,
            _ => Answer::Upstream(Response::roll(dice, id, method, calm)),
        };
        let waits = dice.percent(30);
        let head = head.into_bytes();
        let persists = old == differs;
        Self { method, old, body, has_trailers, expects, persists, waits, head, framed, answer }
    }

    pub(crate) fn is_idempotent(&self) -> bool {
        !matches!(self.method, "POST" | "PATCH")
    }
}

impl Response {
    fn roll(dice: &mut Dice, id: usize, method: &str, calm: bool) -> Self {
        let mut bytes = Vec::new();
        for _ in 0..dice.pick(&[0, 0, 0, 1, 3]) {
            bytes.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        }
        let status = dice.pick(&[200, 200, 200, 404, 500, 204, 304]);
        let old = dice.percent(15);
        let framing = match dice.below(if old { 2 } else { 3 }) {
            0 => Framing::Unstated,
            1 => Framing::Length,
            _ => Framing::Chunked,
        };
        let has_body = method != "HEAD" && !matches!(status, 204 | 304);
        let body = if has_body { text(dice) } else { Vec::new() };
        let has_trailers = has_body && framing == Framing::Chunked && dice.percent(40);
        let says_close = dice.percent(15);
        let minor = u8::from(!old);
        let mut head = format!("HTTP/1.{minor} {status} Some reason\r\nX-Id: {id}\r\n");
        if says_close {
            head += "Connection: close\r\n";
        }
        let framed = frame(dice, &mut head, framing, &body, has_trailers);
        bytes.extend_from_slice(head.as_bytes());
        if has_body {
            bytes.extend_from_slice(&framed);
        }
        let ends = match dice.below(20) {
            _ if calm => Ends::Whole,
            0 if framing != Framing::Unstated => Ends::Closes,
            1 => Ends::Resets,
            2 => Ends::Hangs,
            3 if has_body && framing != Framing::Unstated => Ends::Talks,
            _ => Ends::Whole,
        };
        match ends {
            Ends::Whole => {}
            Ends::Talks => bytes.extend_from_slice(STRAY),
            Ends::Closes | Ends::Resets | Ends::Hangs => bytes.truncate(dice.below(bytes.len())),
        }
        let until_close = has_body && framing == Framing::Unstated;
        let closes = says_close || old || until_close;
        Self { status, body, has_trailers, early: dice.percent(20), closes, bytes, ends }
    }
}

fn text(dice: &mut Dice) -> Vec<u8> {
    let size = dice.size();
    (0..size).map(|_| dice.pick(b"abc\r\n0 :;")).collect()
}

/// Ends the head and frames the body.
fn frame(
    dice: &mut Dice,
    head: &mut String,
    framing: Framing,
    body: &[u8],
    has_trailers: bool,
) -> Vec<u8> {
    let mut framed = Vec::new();
    match framing {
        Framing::Unstated => framed.extend_from_slice(body),
        Framing::Length => {
            *head += &["Content-Length: ", &body.len().to_string(), "\r\n"].concat();
            framed.extend_from_slice(body);
        }
        Framing::Chunked => {
            *head += "Transfer-Encoding: chunked\r\n";
            let mut rest = body;
            while !rest.is_empty() {
                let (chunk, behind) = rest.split_at(1 + dice.below(rest.len()));
                let extension = dice.pick(&["", "", "", ";x=y"]);
                framed.extend_from_slice(format!("{:x}{extension}\r\n", chunk.len()).as_bytes());
                framed.extend_from_slice(chunk);
                framed.extend_from_slice(b"\r\n");
                rest = behind;
            }
            let last = dice.pick(&["0\r\n", "0\r\n", "00\r\n", "0;last\r\n"]);
            framed.extend_from_slice(last.as_bytes());
            framed.extend_from_slice(if has_trailers { TRAILERS } else { "" }.as_bytes());
            framed.extend_from_slice(b"\r\n");
        }
    }
    *head += "\r\n";
    framed
}
