//! What goes over the wire in the benchmarks.

use crate::conversation::{Piece, Script};

/// A browser asks for a page and gets 1 KiB.
pub(crate) fn usual() -> Script {
    Script {
        request: vec![Piece::new(BROWSER, 0)],
        response: vec![Piece::new(response("Content-Length: 1024"), 1024)],
    }
}

/// A tool asks, saying no more than it must.
pub(crate) fn minimal() -> Script {
    let request = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
    Script { request: vec![Piece::new(request, 0)], ..usual() }
}

/// The same 1 KiB, in one chunk.
pub(crate) fn chunked() -> Script {
    chunks_of(1024, 1)
}

/// So many chunks of one size.
pub(crate) fn chunks_of(size: usize, count: usize) -> Script {
    let chunk = format!("{size:x}\r\n{}\r\n", "x".repeat(size));
    let head = response("Transfer-Encoding: chunked");
    let text = format!("{head}{}0\r\n\r\n", chunk.repeat(count));
    Script { response: vec![Piece::new(text, 0)], ..usual() }
}

/// A form of 1 KiB.
pub(crate) fn post() -> Script {
    let head = BROWSER.replacen("GET", "POST", 1);
    let fields = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1024\r\n\r\n";
    let head = format!("{}{fields}", &head[..head.len() - 2]);
    Script { request: vec![Piece::new(head, 1024)], ..usual() }
}

/// A request with forty fields, the browser's among them.
pub(crate) fn forty_fields() -> Script {
    let head = &BROWSER[..BROWSER.len() - 2];
    let more: Vec<_> = (head.lines().count() - 1..40)
        .map(|n| format!("X-Application-Field-{n}: value of field number {n}\r\n"))
        .collect();
    Script { request: vec![Piece::new(format!("{head}{}\r\n", more.concat()), 0)], ..usual() }
}

/// A download of 1 MiB, in pieces of 16 KiB behind the head.
pub(crate) fn bulk() -> Script {
    let mut pieces = vec![Piece::new(response("Content-Length: 1048576"), 0)];
    pieces.extend((0..64).map(|_| Piece::new("", 16 * 1024)));
    Script { response: pieces, ..usual() }
}

fn response(framing: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 05 Jan 2026 12:00:00 GMT\r\n\
         Content-Type: text/html; charset=utf-8\r\n{framing}\r\n\
         Last-Modified: Sun, 04 Jan 2026 08:30:00 GMT\r\nConnection: keep-alive\r\n\
         ETag: \"695a2c3b-400\"\r\nAccept-Ranges: bytes\r\n\r\n"
    )
}

/// As Firefox sends it.
const BROWSER: &str = "GET /articles/2026/01/how-to-measure?page=2&sort=date HTTP/1.1\r\n\
     Host: www.example.com\r\n\
     User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
     Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
     Accept-Language: en-US,en;q=0.5\r\n\
     Accept-Encoding: gzip, deflate, br, zstd\r\n\
     Referer: https://www.example.com/articles/2026/01/\r\n\
     Connection: keep-alive\r\n\
     Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
     Upgrade-Insecure-Requests: 1\r\n\
     Priority: u=0, i\r\n\r\n";
