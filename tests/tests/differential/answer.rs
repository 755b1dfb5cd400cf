//! The upstream's answers in a script.

use crate::dice::Dice;
use crate::request::chunked;

/// What the upstream does with a request that it has read whole.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A response in so many pieces.
    Whole(Sent),
    /// A response that is delimited by the end of its connection.
    UntilClose { head: Vec<String>, body: Vec<String> },
    /// A response that breaks off.
    Cut { framing: Framing, body: Vec<String>, end: CutEnd },
    /// Something that is no response.
    Malformed { pieces: Vec<String>, speaks_http: bool },
    /// No final response: an interim one, part of a head or nothing, then the end.
    Nothing { start: &'static str, end: End },
}

/// A response in pieces, and what becomes of the upstream's connection.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) pieces: Vec<String>,
    pub(crate) stays: bool,
}

/// How a response is delimited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Framing {
    Length,
    Chunked,
}

/// How an upstream ends its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Closes,
    Resets,
}

/// How a response breaks off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CutEnd {
    /// Where the next chunk would begin, or within the length.
    Between(End),
    /// Within a chunk.
    WithinChunk(End),
    /// By what is no chunk.
    Nonsense,
}

impl Answer {
    /// Any answer. Only that to the last request of a pipeline may break the client's connection.
    pub(crate) fn random(dice: &mut Dice, method: &str, is_last: bool) -> Self {
        match dice.below(100) {
            0..10 if method != "HEAD" => Self::until_close(dice),
            10..22 if is_last && method != "HEAD" => Self::cut(dice),
            22..30 => Self::malformed(dice),
            30..42 => Self::Nothing {
                start: dice.pick(&["", "", "", "HTTP/1.1 20", HINT]),
                end: End::Closes,
            },
            42..48 => Self::Nothing { start: "", end: End::Resets },
            _ => Self::Whole(Sent::random(dice, method)),
        }
    }

    fn until_close(dice: &mut Dice) -> Self {
        let start = dice.pick(&["HTTP/1.1 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 404 Not Found"]);
        let head = format!("{start}\r\n{}\r\n", fields(dice));
        Self::UntilClose { head: dice.cuts(&head), body: pieces(dice) }
    }

    fn cut(dice: &mut Dice) -> Self {
        let end = dice.pick(&[End::Closes, End::Resets]);
        let (framing, end) = match dice.below(4) {
            0 => (Framing::Length, CutEnd::Between(end)),
            1 => (Framing::Chunked, CutEnd::Between(end)),
            2 => (Framing::Chunked, CutEnd::WithinChunk(end)),
            _ => (Framing::Chunked, CutEnd::Nonsense),
        };
        Self::Cut { framing, body: pieces(dice), end }
    }

    fn malformed(dice: &mut Dice) -> Self {
        let (text, speaks_http) = dice.pick(MALFORMED);
        // A few bytes of it would be the start of a response.
        let pieces = if speaks_http { dice.cuts(text) } else { vec![text.into()] };
        Self::Malformed { pieces, speaks_http }
    }
}

impl Sent {
    /// A whole response, behind interim ones now and then.
    fn random(dice: &mut Dice, method: &str) -> Self {
        let mut text = String::new();
        while dice.chance(15) {
            text += dice.pick(&[HINT, "HTTP/1.1 102 Processing\r\n\r\n", CONTINUE]);
        }
        let mut stays = true;
        match dice.below(10) {
            0 => {
                text += "HTTP/1.1 204 No Content\r\n";
                text += &(fields(dice) + "\r\n");
            }
            1 => text += "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 7\r\n\r\n",
            2 => {
                stays = false;
                let start = dice.pick(&["HTTP/1.0 200 OK", "HTTP/1.1 200 OK\r\nConnection: close"]);
                text += &with_body(dice, start, method, false);
            }
            _ => {
                let start = dice.pick(STARTS);
                let in_chunks = dice.chance(50);
                text += &with_body(dice, start, method, in_chunks);
            }
        }
        let mut pieces = dice.cuts(&text);
        if stays && text.len() < A_WINDOW && dice.chance(5) {
            // The proxy reads them together with the end of the response.
            let last = pieces.last_mut().expect("a response is not empty");
            last.push_str("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
            stays = false;
        }
        Self { pieces, stays }
    }

    /// The pieces of a response whose connection stays.
    pub(crate) fn ok(dice: &mut Dice, method: &str) -> Vec<String> {
        Self::whole(dice, "HTTP/1.1 200 OK", method)
    }

    /// Like `ok`, with this start line.
    pub(crate) fn whole(dice: &mut Dice, start: &str, method: &str) -> Vec<String> {
        let in_chunks = dice.chance(30);
        let text = with_body(dice, start, method, in_chunks);
        dice.cuts(&text)
    }
}

fn with_body(dice: &mut Dice, start: &str, method: &str, in_chunks: bool) -> String {
    let most = dice.pick(&[0, 20, 3000, 30_000]);
    let length = dice.within(0, most);
    let body = dice.text(length);
    let (framing, body) = if in_chunks {
        ("Transfer-Encoding: chunked".into(), chunked(dice, &body))
    } else {
        (format!("Content-Length: {length}"), body)
    };
    let body = if method == "HEAD" { "" } else { &body };
    format!("{start}\r\n{}{framing}\r\n\r\n{body}", fields(dice))
}

fn fields(dice: &mut Dice) -> String {
    (0..dice.below(3)).map(|_| dice.pick(FIELDS)).collect()
}

/// A body in pieces, none of them empty.
fn pieces(dice: &mut Dice) -> Vec<String> {
    let lengths: Vec<_> = (0..dice.within(1, 4)).map(|_| dice.within(1, 4000)).collect();
    lengths.into_iter().map(|length| dice.text(length)).collect()
}

/// What an upstream says to an expectation.
pub(crate) const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
/// A message below this size lies whole in the proxy's buffer.
const A_WINDOW: usize = 8 * 1024;
const HINT: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";

const STARTS: &[&str] = &[
    "HTTP/1.1 200 OK",
    "HTTP/1.1 201 ",
    "HTTP/1.1 302 Found\r\nLocation: /x",
    "HTTP/1.1 404 Not Found",
    "HTTP/1.1 500 Internal Server Error",
];

const FIELDS: &[&str] = &[
    "Server: scripted\r\n",
    "content-type:text/plain\r\n",
    "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n",
    "X-Trace-ID: forged\r\n",
    "Keep-Alive: timeout=5\r\n",
    "Connection: x-hop\r\nX-Hop: 1\r\n",
    "Trailer: X-Sum\r\n",
];

/// What is no response, and whether it begins like one.
const MALFORMED: &[(&str, bool)] = &[
    ("SSH-2.0-OpenSSH_9.6\r\n", false),
    ("nonsense\r\n\r\n", false),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", true),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", true),
    ("HTTP/1.1 200 OK\r\nBad Name: 1\r\nContent-Length: 0\r\n\r\n", true),
    ("HTTP/1.1 200 OK\r\nX-LF: 1\nContent-Length: 0\r\n\r\n", true),
    ("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", true),
    ("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", true),
    ("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", true),
];
