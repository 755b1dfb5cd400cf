//! The requests of a script.

use std::fmt::Write as _;

use crate::dice::Dice;

/// A request, or its head only where the body comes apart.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) speaks_1_1: bool,
    pub(crate) text: String,
}

impl Request {
    /// A whole request. Only the last of a pipeline may close the connection.
    pub(crate) fn random(dice: &mut Dice, is_last: bool) -> Self {
        let method = dice.pick(&["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]);
        let speaks_1_1 = !(is_last && dice.chance(20));
        let version = if speaks_1_1 { "HTTP/1.1" } else { "HTTP/1.0" };
        let mut text = format!("{method} {} {version}\r\n", target(dice, method));
        if speaks_1_1 || dice.chance(50) {
            text += "Host: test\r\n";
        }
        for _ in 0..dice.below(4) {
            text += dice.pick(FIELDS);
        }
        if !speaks_1_1 && dice.chance(50) {
            text += "Connection: keep-alive\r\n";
        } else if is_last && dice.chance(15) {
            text += "Connection: close\r\n";
        }
        if ["POST", "PUT"].contains(&method) {
            add_body(dice, speaks_1_1, &mut text);
        } else {
            text += "\r\n";
        }
        Self { method, speaks_1_1, text }
    }

    /// The head of a request with a body of this length.
    pub(crate) fn announcing(dice: &mut Dice, length: usize, field: &str) -> Self {
        let method = dice.pick(&["POST", "PUT"]);
        let target = target(dice, method);
        let text = format!(
            "{method} {target} HTTP/1.1\r\nHost: test\r\n{field}Content-Length: {length}\r\n\r\n"
        );
        Self { method, speaks_1_1: true, text }
    }
}

fn target(dice: &mut Dice, method: &str) -> String {
    match dice.below(10) {
        0 => "http://other.test:81/absolute?x=1".into(),
        1 => "http://other.test".into(),
        2 if method == "OPTIONS" => "*".into(),
        _ => {
            let length = dice.below(30);
            format!("/{}?{}", dice.text(length), dice.text(2))
        }
    }
}

fn add_body(dice: &mut Dice, speaks_1_1: bool, text: &mut String) {
    let most = dice.pick(&[0, 10, 1000]);
    let length = dice.within(0, most);
    let body = dice.text(length);
    if speaks_1_1 && dice.chance(15) {
        *text += "Expect: 100-continue\r\n";
    }
    if speaks_1_1 && dice.chance(50) {
        *text += "Transfer-Encoding: chunked\r\n\r\n";
        *text += &chunked(dice, &body);
    } else {
        write!(text, "Content-Length: {length}\r\n\r\n{body}").expect("memory");
    }
}

/// A chunked body, some of its chunks with extensions, sometimes with trailers.
pub(crate) fn chunked(dice: &mut Dice, mut body: &str) -> String {
    let mut text = String::new();
    while !body.is_empty() {
        let (chunk, rest) = body.split_at(dice.within(1, body.len()));
        let extension = dice.pick(&["", "", "", ";note", ";a=b;c=\"d e\""]);
        write!(text, "{:x}{extension}\r\n{chunk}\r\n", chunk.len()).expect("memory");
        body = rest;
    }
    text +=
        dice.pick(&["0\r\n\r\n", "0\r\n\r\n", "000\r\n\r\n", "0;end\r\nX-Sum: 1\r\nx-b:\r\n\r\n"]);
    text
}

/// Fields that are kept, changed or dropped on their way.
const FIELDS: &[&str] = &[
    "X-Plain: 1\r\n",
    "x-lower:no space\r\n",
    "X-Twice: a\r\nX-Twice: b\r\n",
    "Accept: */*\r\n",
    "Cookie: a=b; c=d\r\n",
    "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n",
    "X-Forwarded-Host: forged\r\nX-Forwarded-Proto: https\r\n",
    "X-Trace-ID: forged\r\n",
    "Via: 1.0 other\r\n",
    "Keep-Alive: timeout=5\r\n",
    "TE: trailers\r\n",
    "Proxy-Connection: keep-alive\r\n",
];

/// Stands for more bytes than a head may have.
pub(crate) const ENDLESS: &str = "\u{221e}";

/// Requests that are refused: what is still right of them, and what is not. What is wrong is found
/// at the end of the head at the latest.
pub(crate) const MALFORMED: &[(&str, &str)] = &[
    ("GET / HT", "TP/1.1\nHost: test\n\n"),
    ("GET / HTTP/1.1\r\nHost", ": test\r\nX-LF: 1\nX-More: 2\r\n\r\n"),
    ("GET / HTTP/1.1\r\nHost: test\r\n", "X-Space : 1\r\n\r\n"),
    ("GET / HTTP/1.1\r\nHost: test\r\n", "X-Fold: 1\r\n 2\r\n\r\n"),
    ("GET / HTTP/1.1\r\nHost: test\r\n", "X-Nul: \0\r\n\r\n"),
    ("GET / HTTP/1.1\r\nHost: a\r\n", "Host: b\r\n\r\n"),
    ("GET / HTTP/1.1\r\n", "X-No: host\r\n\r\n"),
    ("GET  / HTTP/1.1\r\nHost: ", "test\r\n\r\n"),
    ("GET nowhere HTTP/1.1\r\nHost: ", "test\r\n\r\n"),
    ("non", "sense\r\n\r\n"),
    ("CONNECT other:443 HTTP/1.1\r\nHost: ", "other:443\r\n\r\n"),
    ("GET / HTTP/2.0\r\nHost: ", "test\r\n\r\n"),
    ("GET / HTTP/1.1\r\nHost: test\r\n", "Expect: miracles\r\n\r\n"),
    ("POST / HTTP/1.1\r\nHost: test\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    ("POST / HTTP/1.1\r\nHost: test\r\n", "Content-Length: +5\r\n\r\nhello"),
    (
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("POST / HTTP/1.1\r\nHost: test\r\n", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("POST / HTTP/1.0\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("GET /", ENDLESS),
    ("GET / HTTP/1.1\r\nHost: test\r\nX-Long: ", ENDLESS),
];
