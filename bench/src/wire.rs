//! Whether a response is the one that was asked for: status 200, and a body of the right length.

use memchr::memmem;

/// Follows one response after the other on a connection.
#[derive(Debug)]
pub(crate) struct Checker {
    expected: u64,
    state: State,
    received: u64,
    /// A head, or a line between chunks, that did not come whole.
    partial: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
}

/// What a response has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More is to come.
    Partial,
    /// It is whole, and as expected.
    Whole,
}

impl Checker {
    /// Expects responses of `expected` body bytes each.
    pub(crate) fn new(expected: u64) -> Self {
        Self { expected, state: State::Head, received: 0, partial: Vec::new() }
    }

    /// How many bytes are plain body for certain, so that the reader need not look at them.
    pub(crate) fn opaque(&self) -> u64 {
        match self.state {
            State::Length(left) => left,
            State::Head
            | State::ChunkSize
            | State::ChunkData(_)
            | State::ChunkEnd
            | State::Trailer => 0,
        }
    }

    /// Counts `count` bytes that [`Self::opaque`] allowed not to look at.
    pub(crate) fn skip(&mut self, count: u64) -> Result<Progress, String> {
        let State::Length(left) = self.state else { return Err("skipped a head".to_owned()) };
        self.received += count;
        self.state = State::Length(left.checked_sub(count).ok_or("skipped too much")?);
        self.finish_if(count == left)
    }

    /// Checks `bytes`, the next ones of the connection.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Result<Progress, String> {
        while !bytes.is_empty() {
            let (used, progress) = self.step(bytes)?;
            bytes = &bytes[used..];
            if progress == Progress::Whole {
                return match bytes.len() {
                    0 => Ok(Progress::Whole),
                    more => Err(format!("{more} bytes after the response")),
                };
            }
        }
        Ok(Progress::Partial)
    }

    fn step(&mut self, bytes: &[u8]) -> Result<(usize, Progress), String> {
        match self.state {
            State::Head => {
                let Some((used, partial)) = self.through(bytes, b"\r\n\r\n") else {
                    return Ok((bytes.len(), Progress::Partial));
                };
                self.state = framing(if partial.is_empty() { &bytes[..used] } else { &partial })?;
                Ok((used, self.finish_if(self.state == State::Length(0))?))
            }
            State::Length(left) => {
                let part = left.min(bytes.len() as u64);
                Ok((usize::try_from(part).unwrap_or(usize::MAX), self.skip(part)?))
            }
            State::ChunkSize => {
                let Some((used, partial)) = self.through(bytes, b"\r\n") else {
                    return Ok((bytes.len(), Progress::Partial));
                };
                let line = if partial.is_empty() { &bytes[..used] } else { &partial };
                self.state = match httparse::parse_chunk_size(line) {
                    Ok(httparse::Status::Complete((_, 0))) => State::Trailer,
                    Ok(httparse::Status::Complete((_, size))) => State::ChunkData(size),
                    Ok(httparse::Status::Partial) | Err(_) => return Err("a bad chunk".to_owned()),
                };
                Ok((used, Progress::Partial))
            }
            State::ChunkData(left) => {
                let part = left.min(bytes.len() as u64);
                self.received += part;
                self.state =
                    if part == left { State::ChunkEnd } else { State::ChunkData(left - part) };
                Ok((usize::try_from(part).unwrap_or(usize::MAX), Progress::Partial))
            }
            State::ChunkEnd => {
                let Some((used, partial)) = self.through(bytes, b"\r\n") else {
                    return Ok((bytes.len(), Progress::Partial));
                };
                if used.max(partial.len()) != 2 {
                    return Err("a chunk longer than its size".to_owned());
                }
                self.state = State::ChunkSize;
                Ok((used, Progress::Partial))
            }
            State::Trailer => {
                let Some((used, partial)) = self.through(bytes, b"\r\n") else {
                    return Ok((bytes.len(), Progress::Partial));
                };
                let is_last = used.max(partial.len()) == 2;
                Ok((used, self.finish_if(is_last)?))
            }
        }
    }

    /// How many of `bytes` it takes to come to the end of `mark`, and what came before them, if
    /// anything; without the mark all of them are kept for later.
    fn through(&mut self, bytes: &[u8], mark: &[u8]) -> Option<(usize, Vec<u8>)> {
        if self.partial.is_empty()
            && let Some(at) = memmem::find(bytes, mark)
        {
            return Some((at + mark.len(), Vec::new()));
        }
        let before = self.partial.len();
        self.partial.extend_from_slice(bytes);
        let end = memmem::find(&self.partial, mark)? + mark.len();
        let mut whole = std::mem::take(&mut self.partial);
        whole.truncate(end);
        Some((end - before, whole))
    }

    fn finish_if(&mut self, whole: bool) -> Result<Progress, String> {
        if !whole {
            return Ok(Progress::Partial);
        }
        let received = std::mem::take(&mut self.received);
        self.state = State::Head;
        if received != self.expected {
            return Err(format!("a body of {received} bytes instead of {}", self.expected));
        }
        Ok(Progress::Whole)
    }
}

fn framing(head: &[u8]) -> Result<State, String> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    response.parse(head).map_err(|error| format!("a response that is no HTTP: {error}"))?;
    if response.code != Some(200) {
        let text = String::from_utf8_lossy(head);
        return Err(format!("not a 200: {}", text.lines().next().unwrap_or_default()));
    }
    for field in response.headers.iter() {
        if field.name.eq_ignore_ascii_case("Content-Length") {
            let length = std::str::from_utf8(field.value).ok().and_then(|text| text.parse().ok());
            return length.map(State::Length).ok_or_else(|| "a bad Content-Length".to_owned());
        }
        if field.name.eq_ignore_ascii_case("Transfer-Encoding") {
            return Ok(State::ChunkSize);
        }
    }
    Err("a response without a length".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nX-T: 1\r\n\r\n";

    #[test]
    fn accepts_whole_responses_however_they_are_cut() {
        for response in [PLAIN, CHUNKED] {
            for first in 1..response.len() {
                for second in first..response.len() {
                    let mut checker = Checker::new(5);
                    for part in [&response[..first], &response[first..second]] {
                        assert_eq!(checker.feed(part), Ok(Progress::Partial), "{first} {second}");
                    }
                    assert_eq!(checker.feed(&response[second..]), Ok(Progress::Whole));
                    assert_eq!(checker.feed(response), Ok(Progress::Whole));
                }
            }
        }
    }

    #[test]
    fn accepts_responses_byte_by_byte() {
        for response in [PLAIN, CHUNKED] {
            let mut checker = Checker::new(5);
            let (last, most) = response.split_last().unwrap();
            for byte in most {
                assert_eq!(checker.feed(std::slice::from_ref(byte)), Ok(Progress::Partial));
            }
            assert_eq!(checker.feed(std::slice::from_ref(last)), Ok(Progress::Whole));
        }
    }

    #[test]
    fn counts_what_nobody_looked_at() {
        let mut checker = Checker::new(5);
        assert_eq!(checker.feed(&PLAIN[..PLAIN.len() - 5]), Ok(Progress::Partial));
        assert_eq!(checker.opaque(), 5);
        assert_eq!(checker.skip(2), Ok(Progress::Partial));
        assert_eq!(checker.skip(3), Ok(Progress::Whole));
        assert_eq!(checker.opaque(), 0);
    }

    #[test]
    fn refuses_what_is_not_the_answer() {
        for (expected, response) in [
            (6, PLAIN),
            (4, PLAIN),
            (6, CHUNKED),
            (4, CHUNKED),
            (5, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 5\r\n\r\nhello"),
            (5, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!"),
            (5, b"HTTP/1.1 200 OK\r\n\r\nhello"),
            (5, b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello"),
            (5, b"SSH-2.0-OpenSSH\r\n\r\n"),
            (5, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n"),
            (5, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloxx\r\n0\r\n\r\n"),
            (5, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ] as [(u64, &[u8]); 12]
        {
            let answer = Checker::new(expected).feed(response);
            assert!(answer.is_err(), "{}", String::from_utf8_lossy(response));
        }
    }
}
