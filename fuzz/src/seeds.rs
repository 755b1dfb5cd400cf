//! What the fuzzer starts from: each rule of the grammar and each hostile shape that we know, once.
//!
//! Made, not kept: a list of shapes is easier to keep true than a folder of files.

use proxy_oracle::session::PIECES;

/// Sound heads, and heads with one thing wrong.
pub fn request_heads() -> Vec<Vec<u8>> {
    let lines = REQUEST_LINES.iter().map(|line| format!("{line}\r\nHost: h\r\n\r\n"));
    let hosts = HOSTS.iter().map(|host| format!("GET / HTTP/1.1\r\n{host}\r\n\r\n"));
    let fields = REQUEST_FIELDS
        .iter()
        .chain(FRAMING_FIELDS)
        .map(|field| format!("POST /a HTTP/1.1\r\nHost: h\r\n{field}\r\n\r\n"));
    let old = FRAMING_FIELDS.iter().map(|field| format!("POST /a HTTP/1.0\r\n{field}\r\n\r\n"));
    let more = [
        "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\nHost: h\n\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: h\r\n\r".to_owned(),
        format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(3000)),
        format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(120)),
        format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: {}\r\n\r\n", "a,".repeat(40)),
    ];
    lines.chain(hosts).chain(fields).chain(old).chain(more).map(String::into_bytes).collect()
}

/// The same of responses.
pub fn response_heads() -> Vec<Vec<u8>> {
    let lines = STATUS_LINES.iter().map(|line| format!("{line}\r\n\r\n"));
    let statuses = [200, 204, 304, 404].into_iter();
    let fields = RESPONSE_FIELDS.iter().chain(FRAMING_FIELDS);
    let fields = statuses.flat_map(|status| {
        fields.clone().map(move |field| format!("HTTP/1.1 {status} Reason\r\n{field}\r\n\r\n"))
    });
    let old = FRAMING_FIELDS.iter().map(|field| format!("HTTP/1.0 200 OK\r\n{field}\r\n\r\n"));
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\n";
    let more = [
        format!("{interim}HTTP/1.1 200 OK\r\n\r\n"),
        format!("{}HTTP/1.1 200 OK\r\n\r\n", interim.repeat(40)),
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n".to_owned(),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(120)),
    ];
    lines.chain(fields).chain(old).chain(more).map(String::into_bytes).collect()
}

/// Sound chunked bodies, and bodies with one thing wrong.
pub fn chunked_bodies() -> Vec<Vec<u8>> {
    let sizes = CHUNK_LINES.iter().flat_map(|line| {
        [format!("{line}hello\r\n0\r\n\r\n"), format!("5\r\nhello\r\n{line}hello\r\n0\r\n\r\n")]
    });
    let ends = CHUNK_ENDS.iter().map(|end| format!("5\r\nhello{end}"));
    let lasts = LAST_CHUNKS.iter().map(|last| format!("5\r\nhello\r\n{last}"));
    let more = [
        "1\r\nx\r\n".repeat(200) + "0\r\n\r\n",
        format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(600)),
        "1;0123456789\r\nx\r\n".repeat(60) + "0\r\n\r\n",
        format!("1000\r\n{}\r\n0\r\n\r\n", "x".repeat(4096)),
        format!("0\r\n{}\r\n", "A: b\r\n".repeat(120)),
        String::new(),
    ];
    sizes.chain(ends).chain(lasts).chain(more).map(String::into_bytes).collect()
}

/// Whole messages, one behind another, and all of the above.
pub fn messages() -> Vec<Vec<u8>> {
    let post = "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let ok = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = chunked_bodies();
    let framed = |head: &'static str, next: &'static str| {
        chunked.iter().map(move |body| [head.as_bytes(), body, next.as_bytes()].concat())
    };
    let next = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut messages: Vec<_> = framed(post, next).chain(framed(ok, "")).collect();
    for mut head in request_heads() {
        head.extend_from_slice(b"hello");
        head.extend_from_slice(next.as_bytes());
        messages.push(head);
    }
    for mut head in response_heads() {
        head.extend_from_slice(b"hello");
        messages.push(head);
    }
    messages
}

/// Any bytes are a sequence of events: some by chance (splitmix64), the same each time.
pub fn sessions() -> Vec<Vec<u8>> {
    let mut state = PIECES.len() as u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).to_le_bytes()
    };
    (1..=64).map(|length| (0..4 * length).flat_map(|_| next()).collect()).collect()
}

/// Configurations, and what YAML allows beyond what anybody wants.
pub fn configs() -> Vec<Vec<u8>> {
    let files =
        [include_str!("../../config.example.yaml"), include_str!("../../config.docker.yaml")];
    let texts = files.iter().chain(CONFIGS).map(|text| text.as_bytes().to_vec());
    let deep = ["[".repeat(300), "{a: ".repeat(300), "- ".repeat(300), "&a [*a".to_owned()];
    let bomb = (1..20).fold("a0: &a0 [x, x]\n".to_owned(), |text, at| {
        format!("{text}a{at}: &a{at} [*a{0}, *a{0}, *a{0}]\n", at - 1)
    });
    texts.chain(deep.into_iter().chain([bomb]).map(String::into_bytes)).collect()
}

const REQUEST_LINES: &[&str] = &[
    "GET / HTTP/1.1",
    "GET /a/b?c=d&e HTTP/1.1",
    "GET /%00%0d%0a{}|^ HTTP/1.1",
    "HEAD / HTTP/1.0",
    "OPTIONS * HTTP/1.1",
    "OPTIONS http://h HTTP/1.1",
    "GET http://other:80/a HTTP/1.1",
    "GET HTTPS://other?a HTTP/1.1",
    "GET http://[::1]:8080/ HTTP/1.1",
    "X-METHOD! / HTTP/1.1",
    "CONNECT h:443 HTTP/1.1",
    "GET * HTTP/1.1",
    "GET admin HTTP/1.1",
    "GET /a#b HTTP/1.1",
    "GET /\u{e9} HTTP/1.1",
    "GET http://u@h/ HTTP/1.1",
    "GET http:///a HTTP/1.1",
    "GET ftp://h/ HTTP/1.1",
    "GET  / HTTP/1.1",
    "GET\t/ HTTP/1.1",
    "GET / HTTP/1.1 ",
    " GET / HTTP/1.1",
    "GET /",
    "GET / HTTP/1.2",
    "GET / HTTP/2.0",
    "GET / HTTP/0.9",
    "GET / http/1.1",
    "GET / HTTP/01.1",
    "G(T / HTTP/1.1",
    "GET /\0 HTTP/1.1",
    "GET /\r HTTP/1.1",
    "PRI * HTTP/2.0",
    "",
];
const HOSTS: &[&str] = &[
    "X: no host",
    "Host: h:80",
    "Host: [::1]:80",
    "Host: ",
    "Host: a@b",
    "Host: a/b",
    "Host: a, b",
    "Host: a:80x",
    "Host: a\r\nHost: a",
    "Host : a",
    "hOST:\ta \t",
];
const REQUEST_FIELDS: &[&str] = &[
    "Expect: 100-continue\r\nContent-Length: 5",
    "Expect: more",
    "Connection: close",
    "Connection: keep-alive, X-Gone\r\nX-Gone: 1\r\nX-Stays: 2",
    "Connection: Host, Content-Length, Transfer-Encoding, X-Trace-ID, X-Forwarded-For",
    "Connection: upgrade\r\nUpgrade: websocket",
    "Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x",
    "Keep-Alive: 5\r\nProxy-Connection: close\r\nTE: trailers\r\nTrailer: X",
    "X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\nX-Forwarded-For:\r\nX-Forwarded-Proto: https",
    "X-Forwarded-Host: evil\r\nX-Trace-ID: mine\r\nVia: 1.0 other",
    "A:\r\nB: \t c \t\r\nC: \u{e9}\u{ff}",
    "A: b\r\n c",
    "A: b\r\n\tc",
    " A: b",
    "A : b",
    "A\t: b",
    ": b",
    "A",
    "A(: b",
    "\u{e9}: b",
    "A: b\0c",
    "A: b\rc",
    "A: b\nC: d",
    "A: b\u{b}c",
    "A: b\u{7f}c",
];
const FRAMING_FIELDS: &[&str] = &[
    "Content-Length: 5",
    "content-length: 0",
    "Content-Length: 18446744073709551615",
    "Content-Length: 18446744073709551616",
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: 5, 5",
    "Content-Length: 5, 6",
    "Content-Length: +5",
    "Content-Length: -5",
    "Content-Length: 0x5",
    "Content-Length: 5_0",
    "Content-Length: 5 0",
    "Content-Length: 05",
    "Content-Length:",
    "Content-Length : 5",
    "Content_Length: 5",
    "Transfer-Encoding: chunked",
    "transfer-encoding:\tChunked ",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: \u{b}chunked",
    "Transfer-Encoding:",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\r\n: chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer_Encoding: chunked",
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
];
const STATUS_LINES: &[&str] = &[
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200",
    "HTTP/1.1 200 ",
    "HTTP/1.0 404 Not \u{e9} Found",
    "HTTP/1.1 599 \t",
    "HTTP/1.1 600 No",
    "HTTP/1.1 099 No",
    "HTTP/1.1 000 No",
    "HTTP/1.1 20 No",
    "HTTP/1.1 2000 No",
    "HTTP/1.1 +20 No",
    "HTTP/1.1  200 OK",
    "HTTP/1.1\t200 OK",
    "HTTP/1.1200 OK",
    "HTTP/1.2 200 OK",
    "HTTP/2.0 200 OK",
    "http/1.1 200 OK",
    "ICY 200 OK",
    "HTTP/1.1 200 a\u{1}b",
    "HTTP/1.1 200 a\rb",
    "HTTP/1.1 200 OK\nA: b",
    "\r\nHTTP/1.1 200 OK",
    "SSH-2.0-OpenSSH",
    "",
];
const RESPONSE_FIELDS: &[&str] = &[
    "Connection: close",
    "Connection: keep-alive, X-Gone\r\nX-Gone: 1",
    "Connection: Content-Length\r\nContent-Length: 5",
    "Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nTE: x\r\nUpgrade: h2c",
    "X-Trace-ID: theirs\r\nX-Proxy-Error: theirs\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d",
    "A: b\r\n c",
    "A : b",
    "A: b\0c",
    "A: b\rc",
    ": b",
    "No colon",
];
const CHUNK_LINES: &[&str] = &[
    "5\r\n",
    "0005\r\n",
    "5;\r\n",
    "5;a=b\r\n",
    "5;a=\"b;c\"\r\n",
    "5 ;a\r\n",
    "5\t\r\n",
    "5 \r\n",
    " 5\r\n",
    "\r\n",
    ";x\r\n",
    "+5\r\n",
    "-5\r\n",
    "0x5\r\n",
    "5_0\r\n",
    "5 5\r\n",
    "5\n",
    "5\r",
    "5\r\r\n",
    "5;a\n",
    "5;a\rb\r\n",
    "5;a\0\r\n",
    "5;\u{e9}\r\n",
    "g\r\n",
    "A\r\n",
    "a\r\n",
    "ffffffffffffffff\r\n",
    "10000000000000000\r\n",
    "10000000000000005\r\n",
    "00000000000000005\r\n",
    "5\r\n\r\n",
];
const CHUNK_ENDS: &[&str] =
    &["\n0\r\n\r\n", "\r0\r\n\r\n", "0\r\n\r\n", "X\r\n0\r\n\r\n", "\r\n\r\n0\r\n\r\n", "", "\r"];
const LAST_CHUNKS: &[&str] = &[
    "0\r\n\r\n",
    "000\r\n\r\n",
    "0;a\r\n\r\n",
    "0\r\nX-Sum: 1\r\nY: \t2 \r\n\r\n",
    "0\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n",
    "0\r\nX : y\r\n\r\n",
    "0\r\nX: y\r\n z\r\n\r\n",
    "0\r\nX: \0\r\n\r\n",
    "0\r\nX\r\n\r\n",
    "0\r\n\n",
    "0\n\r\n",
    "0\r\n\r",
    "0\r\n\rX",
    "0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "0\r\nX: y\r\n\r\nmore",
];
const CONFIGS: &[&str] = &[
    "",
    "listen: 127.0.0.1:8080",
    "listen: ${HOST}\nmetrics_listen: ${HOST:-h:1}",
    "listen: ${NASTY}\npid_file: ${UNSET:-${EMPTY}}",
    "upstreams:\n  - host: a\n    port: ${NUMBER}\n  - {host: a, port: 9001}\n",
    "upstreams:\n  - host: a\n    port: 1\n    resolve:\n      interval_ms: 100\n",
    "upstreams: []\ntimeouts: {read_ms: 0, total_ms: 0}\nlimits: {max_headers: -1}\n",
    "timeouts:\n  raed_ms: 5\n  connect_ms: 1e3\n  write_ms: 0x10\n",
    "logging: {level: loud}\nlogging: {level: info}\n",
    "\u{feff}listen: \"[::1]:0\"\r\nworkers: 2\r\n",
    "a: &a [*a]\n",
    "listen: !tag x\n--- \nlisten: y\n...\n",
    "? [a, b]\n: c\n",
    "<<: {listen: a:1}\n",
    "listen: |\n  a\n  b\nupstreams: >-\n  c\n",
    "listen: 'a\n\n b'\n\t- c",
    "\u{85}\u{2028}\u{2029}listen: \u{0}\n",
];
