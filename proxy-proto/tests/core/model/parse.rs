//! What the peers got, read by the reference reader: the proxy sends nothing else than it takes.

use proxy_reference::{Body, Field, Framing, body, request_head, response_head};

/// A message, as far as it came.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) fields: Vec<Field>,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Vec<Field>,
    /// All of it came.
    pub(super) whole: bool,
    /// Its body goes on until the connection ends.
    pub(super) until_close: bool,
}

impl Message {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        let value = &values.next()?.value;
        assert!(values.next().is_none(), "several {name}");
        Some(str::from_utf8(value).expect("text"))
    }
}

/// Takes the next request, and its request line, off the front of `bytes`. `None`: its head has not
/// come whole.
pub(super) fn request(bytes: &mut &[u8]) -> Option<(String, Message)> {
    let (head, length) = request_head(bytes).expect("a valid request")?;
    assert_eq!(head.minor, 1);
    *bytes = &bytes[length..];
    Some((format!("{} {}", head.method, head.target), message(head.fields, head.framing, bytes)))
}

/// Takes the next response, interim ones included, and its status off the front of `bytes`.
pub(super) fn response(bytes: &mut &[u8], to_head: bool) -> Option<(u16, Message)> {
    let method = if to_head { "HEAD" } else { "GET" };
    let (head, length) = response_head(bytes, method).expect("a valid response")?;
    assert_eq!(head.minor, 1);
    *bytes = &bytes[length..];
    Some((head.status, message(head.fields, head.framing, bytes)))
}

/// What is left of a body that breaks off stays unread: nothing can follow it.
fn message(fields: Vec<Field>, framing: Framing, bytes: &mut &[u8]) -> Message {
    let Body { data, trailers, whole, len } = body(framing, bytes).expect("a valid body");
    *bytes = &bytes[len..];
    Message { fields, body: data, trailers, whole, until_close: framing == Framing::UntilClose }
}
