//! The same bytes, read by the core, by hyper and by the reference reader, as requests or, if they
//! begin like one, as a response:
//!
//! * What the core takes for a message, both others take for one.
//! * All agree on its method and target, or its status, on the bytes of its body and on where it
//!   ends, which is where the next one begins.
//! * So whatever the two do not agree on, the core refuses.
//!
//! A refusal is not a reading: what hyper alone refuses, for reasons that are no matter of framing,
//! is listed in one place, at the end of [`hyper`].

mod hyper;
mod tape;

use proxy_oracle::taken::{self, Taken};
use proxy_reference::{Framing, Request, body, request_head, response_head};

/// Panics unless all of the above holds for these bytes.
pub fn check(bytes: &[u8]) {
    if bytes.starts_with(b"HTTP/") { check_response(bytes) } else { check_requests(bytes) }
}

fn check_requests(bytes: &[u8]) {
    let ours = taken::requests(bytes);
    if ours.is_empty() {
        return;
    }
    let reference = read_requests(bytes);
    let hyper = hyper::requests(bytes);
    for (at, our) in ours.iter().enumerate() {
        let (head, reference) = reference.get(at).expect("a request to the reference reader");
        our.must_agree_with(reference, "the reference reader");
        let Some(theirs) = hyper.taken.get(at) else {
            let is_known = hyper::alone_refuses(Some(&head.target), head.framing);
            assert!(is_known || !hyper.is_refused, "hyper refuses {our:?}");
            return;
        };
        must_agree_with_hyper(our, theirs);
    }
}

fn check_response(bytes: &[u8]) {
    let Some(our) = taken::response(bytes) else { return };
    let (framing, reference) = read_response(bytes).expect("a response to the reference reader");
    our.must_agree_with(&reference, "the reference reader");
    match hyper::response(bytes).taken.first() {
        Some(hyper) => must_agree_with_hyper(&our, hyper),
        None => assert!(hyper::alone_refuses(None, framing), "hyper refuses {our:?}"),
    }
}

fn must_agree_with_hyper(our: &Taken, hyper: &Taken) {
    let mut hyper = hyper.clone();
    if hyper.start.ends_with(hyper::VAGUE) && matches!(&our.start[..], "OPTIONS *" | "OPTIONS /") {
        hyper.start.clone_from(&our.start);
    }
    our.must_agree_with(&hyper, "hyper");
}

/// What the reference reader takes for requests.
fn read_requests(bytes: &[u8]) -> Vec<(Request, Taken)> {
    let mut taken = Vec::new();
    let mut rest = bytes;
    loop {
        rest = rest.strip_prefix(b"\r\n").unwrap_or(rest);
        let Ok(Some((head, length))) = request_head(rest) else { return taken };
        rest = &rest[length..];
        let (message, length) = read(taken::start_of(&head), head.framing, rest);
        rest = &rest[length..];
        let is_whole = message.whole == Some(true);
        taken.push((head, message));
        if !is_whole {
            return taken;
        }
    }
}

/// What it takes for the final response, whose connection ends behind the bytes.
fn read_response(bytes: &[u8]) -> Option<(Framing, Taken)> {
    let mut rest = bytes;
    loop {
        let (head, length) = response_head(rest, "GET").ok().flatten()?;
        rest = &rest[length..];
        if head.status >= 200 {
            let (mut taken, _) = read(head.status.to_string(), head.framing, rest);
            if head.framing == Framing::UntilClose {
                taken.whole = Some(true);
            }
            return Some((head.framing, taken));
        }
    }
}

/// A message with this body, and how many bytes that takes.
fn read(start: String, framing: Framing, bytes: &[u8]) -> (Taken, usize) {
    match body(framing, bytes) {
        Ok(body) => (Taken { start, data: body.data, whole: Some(body.whole) }, body.len),
        Err(_) => (Taken { start, data: Vec::new(), whole: None }, bytes.len()),
    }
}
