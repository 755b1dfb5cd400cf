//! Requests and responses whose bodies and secrets are made of `Q` and `Z`, which nothing else has.

use crate::world::Dice;

pub(crate) fn requests(dice: &mut Dice) -> Vec<Vec<u8>> {
    (0..=dice.below(4)).map(|_| request(dice)).collect()
}

pub(crate) fn responses(dice: &mut Dice) -> Vec<Vec<u8>> {
    (0..8).map(|_| response(dice)).collect()
}

fn request(dice: &mut Dice) -> Vec<u8> {
    let target = pick(dice, &["/", "/a?b=c", "http://u:QZ@h.example/x", "http://h.example/", "*"]);
    let method = pick(dice, &["GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT"]);
    let version = pick(dice, &["1.1", "1.1", "1.1", "1.1", "1.0", "1.2"]);
    let mut head = format!("{method} {target} HTTP/{version}\r\nHost: h.example\r\n");
    fields(dice, &mut head);
    if dice.one_in(12) {
        head.push_str("Connection: upgrade\r\nUpgrade: websocket\r\n");
    }
    let message = with_body(dice, head, true);
    mutated(dice, message)
}

fn response(dice: &mut Dice) -> Vec<u8> {
    let mut message = Vec::new();
    while dice.one_in(6) {
        message
            .extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nSet-Cookie: QZ\r\n\r\n");
    }
    let status = pick(dice, &["200", "200", "200", "404", "204", "304", "101", "099", "20"]);
    let mut head = format!("HTTP/1.{} {status} OK\r\n", u8::from(!dice.one_in(6)));
    fields(dice, &mut head);
    message.extend(with_body(dice, head, false));
    if dice.one_in(8) {
        message.extend(body(dice));
    }
    mutated(dice, message)
}

fn fields(dice: &mut Dice, head: &mut String) {
    for _ in 0..dice.below(6) {
        head.push_str(pick(
            dice,
            &[
                "Authorization: Basic QZQZ==\r\n",
                "authorization:QZ\r\n",
                "Proxy-Authorization: Bearer Z.Q.Z\r\n",
                "Cookie: a=Q; b=Z\r\n",
                "Set-Cookie: s=QZ; Path=/\r\n",
                "X-Api-Key:\tQ:Z \r\n",
                "X-CSRF-Token: Z\r\n",
                "Accept: */*\r\n",
                "Connection: close\r\n",
                "Connection: keep-alive\r\n",
                "X-Other: value\r\n",
                "Cookie : Q\r\n",
                "Cookie: Q\r\n Z folded\r\n",
                "QZ\r\n",
            ],
        ));
    }
}

fn with_body(dice: &mut Dice, mut head: String, is_request: bool) -> Vec<u8> {
    let body = body(dice);
    match dice.below(8) {
        0..=2 => {
            let length = if dice.one_in(10) { dice.below(40) } else { body.len() as u64 };
            head.extend(["Content-Length: ", &length.to_string(), "\r\n\r\n"]);
            [head.into_bytes(), body].concat()
        }
        3..=5 => {
            head.push_str("Transfer-Encoding: chunked\r\n\r\n");
            let mut message = head.into_bytes();
            for part in body.chunks(1 + dice.below(20) as usize) {
                let size = if dice.one_in(40) { dice.below(30) } else { part.len() as u64 };
                let extension = if dice.one_in(6) { ";e=QZ" } else { "" };
                message.extend(format!("{size:x}{extension}\r\n").bytes());
                message.extend_from_slice(part);
                message.extend_from_slice(b"\r\n");
            }
            message.extend_from_slice(b"0\r\n");
            if dice.one_in(3) {
                message.extend_from_slice(b"X-Trailer: t\r\nX-Token: QZ\r\n");
            }
            message.extend_from_slice(b"\r\n");
            message
        }
        6 if !is_request || dice.one_in(10) => {
            head.push_str("\r\n");
            [head.into_bytes(), body].concat()
        }
        _ => {
            head.push_str("\r\n");
            head.into_bytes()
        }
    }
}

/// What could be taken for framing, too.
fn body(dice: &mut Dice) -> Vec<u8> {
    let long = dice.one_in(20);
    let length = dice.below(if long { 40_000 } else { 60 });
    (0..length).map(|_| b"QZQZQZQZQZ\r\n :;\n"[dice.below(16) as usize]).collect()
}

/// Most stay as they are.
fn mutated(dice: &mut Dice, mut message: Vec<u8>) -> Vec<u8> {
    if dice.one_in(6) {
        let near = 1 + dice.below(message.len().min(200) as u64) as usize;
        let at = dice.below(near as u64) as usize;
        // The field `Cooie` is nobody's secret.
        let mut lines = message.split_inclusive(|byte| *byte == b'\n').scan(0, |end, line| {
            *end += line.len();
            Some((*end, line))
        });
        let line = lines.find(|(end, _)| at < *end).map_or(&[][..], |(_, line)| line);
        if line.iter().any(|byte| matches!(byte, b'Q' | b'Z')) {
            return message;
        }
        match dice.below(4) {
            0 => message.truncate(at),
            1 => message.insert(at, b"\0\r\n\t :;x9\x80"[dice.below(10) as usize]),
            2 => drop(message.remove(at)),
            _ => message[at] = b"\0\r\n\t :;x9\x80"[dice.below(10) as usize],
        }
    }
    message
}

fn pick<'a>(dice: &mut Dice, from: &[&'a str]) -> &'a str {
    from[dice.below(from.len() as u64) as usize]
}
