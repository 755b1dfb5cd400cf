use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Starts an upstream on a free port that tells what it was asked: for the demonstration only. A
/// thread a connection, and no more HTTP than the proxy in front of it sends.
pub(crate) fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::Builder::new().name("echo".into()).spawn(move || {
        for stream in listener.incoming().flatten() {
            let _refused = thread::Builder::new()
                .name("echo".into())
                .spawn(move || while serve(&stream, address).is_ok_and(Served::is_one) {});
        }
    })?;
    Ok(address)
}

#[derive(Clone, Copy)]
enum Served {
    One,
    End,
}

impl Served {
    const fn is_one(self) -> bool {
        match self {
            Self::One => true,
            Self::End => false,
        }
    }
}

/// Answers one request: a body comes back as it is, without one the request's head does.
fn serve(stream: &TcpStream, address: SocketAddr) -> io::Result<Served> {
    // A reader of its own for each request is enough: the proxy sends the next one only after the
    // answer.
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(Served::End);
        }
    }
    let field = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(known, value)| known.eq_ignore_ascii_case(name).then(|| value.to_owned()))
    };
    if field("expect").is_some() {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = Vec::new();
    if field("transfer-encoding").is_some() {
        read_chunks(&mut reader, &mut body)?;
    } else if let Some(length) = field("content-length").and_then(|length| length.parse().ok()) {
        reader.take(length).read_to_end(&mut body)?;
    }
    if body.is_empty() {
        body = format!("{address} was asked:\n\n{}", head.trim_end()).into_bytes();
        body.push(b'\n');
    }
    let kind = field("content-type").unwrap_or_else(|| "text/plain".into());
    let length = body.len();
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
            .into_bytes();
    if !head.starts_with("HEAD ") {
        answer.append(&mut body);
    }
    writer.write_all(&answer)?;
    Ok(Served::One)
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let digits = line.trim_end().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        reader.take(size).read_to_end(body)?;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            // After data one empty line; after the last chunk trailers, then one.
            if line == "\r\n" || line.is_empty() {
                break;
            }
        }
        if size == 0 {
            return Ok(());
        }
    }
}
