//! What the reference reader makes of what the ends of the connections sent and got.

use proxy_reference::{Body, Framing, Request, Response, body, request_head, response_head};

/// A request in what the client sent.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) head: Request,
    pub(super) body: Body,
    /// What follows its head, to the end of all.
    pub(super) behind: Vec<u8>,
}

/// The requests in these bytes, up to the first that is broken, or not whole, or none.
pub(super) fn requests(bytes: &[u8]) -> Vec<Asked> {
    let mut requests = Vec::new();
    let mut rest = bytes;
    loop {
        // RFC 9112 section 2.2.
        rest = rest.strip_prefix(b"\r\n").unwrap_or(rest);
        let Ok(Some((head, length))) = request_head(rest) else { return requests };
        rest = &rest[length..];
        let behind = rest.to_vec();
        let body = sound_part(head.framing, rest);
        rest = &rest[body.len..];
        let is_whole = body.whole;
        requests.push(Asked { head, body, behind });
        if !is_whole {
            return requests;
        }
    }
}

/// The part of a body before it breaks a rule. What is sound is so in all its beginnings.
fn sound_part(framing: Framing, bytes: &[u8]) -> Body {
    let (mut sound, mut broken) = (0, bytes.len() + 1);
    while broken - sound > 1 {
        let middle = sound.midpoint(broken);
        let is_sound = body(framing, &bytes[..middle]).is_ok();
        if is_sound { sound = middle } else { broken = middle }
    }
    body(framing, &bytes[..sound]).unwrap_or_default()
}

/// A response in what an upstream sent or the client got.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) interims: usize,
    /// `None`: it did not come whole, or not at all.
    pub(super) head: Option<Response>,
    /// What follows the head.
    pub(super) behind: Vec<u8>,
}

/// The interim responses and the final one at the start of these bytes; an error if what comes
/// first is neither.
pub(super) fn response(bytes: &[u8], method: &str) -> Result<Answered, &'static str> {
    let mut interims = 0;
    let mut rest = bytes;
    while let Some((head, length)) = response_head(rest, method)? {
        rest = &rest[length..];
        if head.status >= 200 || head.status == 101 {
            return Ok(Answered { interims, head: Some(head), behind: rest.to_vec() });
        }
        interims += 1;
    }
    Ok(Answered { interims, head: None, behind: rest.to_vec() })
}

/// The part of a response body that is sound, and whether it is whole.
pub(super) fn response_body(head: &Response, bytes: &[u8]) -> Body {
    sound_part(head.framing, bytes)
}
