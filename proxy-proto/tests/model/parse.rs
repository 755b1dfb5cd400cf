//! A strict reader of HTTP/1.1 messages that shares nothing with the proxy: it reads whole byte
//! strings, knows one way to write everything, and panics at any other.

/// A message, as far as it came.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    /// All of it came.
    pub(crate) whole: bool,
    /// Its body goes on until the connection ends.
    pub(crate) until_close: bool,
}

impl Message {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = values.next()?;
        assert!(values.next().is_none(), "several {name}");
        Some(&value.1)
    }

    pub(crate) fn status(&self) -> u16 {
        let (version, rest) = self.line.split_once(' ').expect("a status line");
        assert_eq!(version, "HTTP/1.1");
        let (status, _reason) = rest.split_once(' ').expect("a reason, if an empty one");
        assert_eq!(status.len(), 3);
        status.parse().expect("a status")
    }
}

/// Takes the next request off the front of `bytes`. `None`: its head has not come whole.
pub(crate) fn request(bytes: &mut &[u8]) -> Option<Message> {
    let mut message = head(bytes)?;
    let parts: Vec<_> = message.line.split(' ').collect();
    assert!(matches!(parts[..], [_, _, "HTTP/1.1"]), "{:?}", message.line);
    assert!(message.field("Host").is_some(), "no Host");
    body(&mut message, bytes, false);
    Some(message)
}

/// Takes the next response, interim ones included, off the front of `bytes`.
pub(crate) fn response(bytes: &mut &[u8], to_head: bool) -> Option<Message> {
    let mut message = head(bytes)?;
    let status = message.status();
    if to_head || matches!(status, 100..=199 | 204 | 304) {
        message.whole = true;
    } else {
        body(&mut message, bytes, true);
    }
    Some(message)
}

fn head(bytes: &mut &[u8]) -> Option<Message> {
    let mut message = Message::default();
    let mut rest = *bytes;
    message.line = line(&mut rest)?;
    message.fields = fields(&mut rest)?;
    *bytes = rest;
    Some(message)
}

fn fields(bytes: &mut &[u8]) -> Option<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let line = line(bytes)?;
        if line.is_empty() {
            return Some(fields);
        }
        let (name, value) = line.split_once(':').expect("a field");
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        assert!(!name.is_empty() && name.bytes().all(is_token), "{line:?}");
        fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
    }
}

fn line(bytes: &mut &[u8]) -> Option<String> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(&bytes[..end]).expect("text");
    assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    *bytes = &bytes[end + 2..];
    Some(line.to_owned())
}

fn body(message: &mut Message, bytes: &mut &[u8], is_response: bool) {
    match (message.field("Transfer-Encoding"), message.field("Content-Length")) {
        (Some(_), Some(_)) => panic!("two framings: {message:?}"),
        (Some(coding), None) => {
            assert_eq!(coding, "chunked");
            message.whole = chunks(message, bytes).is_some();
        }
        (None, Some(length)) => {
            let length: usize = length.parse().expect("a length");
            let n = length.min(bytes.len());
            message.body.extend_from_slice(&bytes[..n]);
            *bytes = &bytes[n..];
            message.whole = n == length;
        }
        (None, None) if is_response => {
            message.body.extend_from_slice(bytes);
            *bytes = &[];
            message.until_close = true;
        }
        (None, None) => message.whole = true,
    }
}

/// What is left of a body that breaks off stays unread: nothing can follow it.
fn chunks(message: &mut Message, bytes: &mut &[u8]) -> Option<()> {
    let mut rest = std::mem::take(bytes);
    loop {
        let line = line(&mut rest)?;
        let size = line.split(';').next().expect("a size");
        let size = usize::from_str_radix(size, 16).expect("hex");
        if size == 0 {
            message.trailers = fields(&mut rest)?;
            *bytes = rest;
            return Some(());
        }
        let n = size.min(rest.len());
        message.body.extend_from_slice(&rest[..n]);
        rest = &rest[n..];
        if rest.len() < 2 {
            return None;
        }
        assert_eq!(&rest[..2], b"\r\n", "a chunk that does not end where its size says");
        rest = &rest[2..];
    }
}
