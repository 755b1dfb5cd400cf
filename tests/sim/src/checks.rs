//! The invariants about bytes, each with its check, by a reader that shares nothing with the proxy.

use std::collections::BTreeMap;

use proxy_reference::{Framing, body, request_head, response_head};

use crate::message::{Ends, Framed, Request};
use crate::record::{ClientEnd, ClientRecord, Play, Record, Summaries};

/// What was seen of each request, by its id.
#[derive(Default)]
struct Seen {
    /// Heads that came whole to an upstream.
    by_upstreams: BTreeMap<usize, usize>,
    /// The final status that its client got.
    statuses: BTreeMap<usize, u16>,
}

/// Checks a world that has come to its end, or, not `whole`, one that was stopped before.
pub(crate) fn check(play: &Play, whole: bool) -> Result<(), String> {
    let record = play.record.borrow();
    let mut seen = Seen::default();
    for (number, upstream) in record.upstreams.iter().enumerate() {
        check_upstream(play, &upstream.got, &mut seen).map_err(|what| {
            let text = String::from_utf8_lossy(&upstream.got);
            let upstream = upstream.upstream;
            format!("upstream {upstream}, its connection {number}: {what}\n{text:?}")
        })?;
    }
    for (number, client) in record.clients.iter().enumerate() {
        check_client(play, number, client, whole, &record.summaries, &mut seen).map_err(
            |what| {
                let text = String::from_utf8_lossy(&client.got);
                format!("client {number}, {:?}: {what}\n{text:?}", client.end)
            },
        )?;
    }
    check_summaries(&record, &seen, whole)
}

fn check_upstream(play: &Play, got: &[u8], seen: &mut Seen) -> Result<(), String> {
    let mut rest = got;
    while !rest.is_empty() {
        let Some((head, length)) = request_head(rest)? else { return Ok(()) };
        let request = play
            .request(&head.target)
            .ok_or_else(|| format!("nobody asked for {} {}", head.method, head.target))?;
        let id = request.id;
        if head.method != request.method || head.minor != 1 {
            return Err(format!("request {id} became a {} 1.{}", head.method, head.minor));
        }
        if head.field("X-Id") != Some(id.to_string().as_bytes()) {
            return Err(format!("request {id} has the fields of another"));
        }
        let times = seen.by_upstreams.entry(id).or_default();
        *times += 1;
        if *times > 1 && (*times > 2 || !request.is_idempotent()) {
            return Err(format!("request {id} for the {times}th time"));
        }
        rest = &rest[length..];
        if let Some(length) = request.tunnels {
            let is_its = rest.len() <= length && rest.iter().all(|byte| *byte == b't');
            return if is_its { Ok(()) } else { Err(format!("not what tunnel {id} carries")) };
        }
        let body = body(head.framing, rest)?;
        let is_its = if body.whole {
            body.data == request.body() && body.trailers.is_empty() != request.has_trailers
        } else {
            request.body().starts_with(&body.data)
        };
        if !is_its {
            return Err(format!("not the body of request {id}"));
        }
        if !body.whole && body.len < rest.len() {
            return Err(format!("bytes behind request {id}, which broke off"));
        }
        rest = &rest[body.len..];
    }
    Ok(())
}

fn check_client(
    play: &Play,
    number: usize,
    client: &ClientRecord,
    whole: bool,
    summaries: &Summaries,
    seen: &mut Seen,
) -> Result<(), String> {
    let plan = &play.plan.clients[number];
    let mut rest = &client.got[..];
    let mut answered = 0;
    let mut is_over = false;
    while !rest.is_empty() {
        if is_over {
            return Err("bytes behind the last response".to_owned());
        }
        let request = plan.requests.get(answered);
        // The method of a head that was refused is not known.
        let routed = request.filter(|request| summaries.contains_key(&request.target()));
        let method = routed.map_or("GET", |request| request.method);
        let Some((head, length)) = response_head(rest, method)? else { break };
        if head.minor != 1 {
            return Err("a response of HTTP/1.0".to_owned());
        }
        let after = &rest[length..];
        if head.status < 200 {
            let Some(request) = request.filter(|request| !request.old) else {
                return Err("an interim response to HTTP/1.0, or to nothing".to_owned());
            };
            if head.status == 101 {
                let Some(length) = request.tunnels else {
                    return Err("a tunnel that nobody asked for".to_owned());
                };
                seen.statuses.insert(request.id, 101);
                answered += 1;
                if after.len() > length || after.iter().any(|byte| *byte != b't') {
                    return Err("not what the tunnel carries".to_owned());
                }
                if play.plan.calm && whole && after.len() < length {
                    return Err("a tunnel broke off".to_owned());
                }
                break;
            }
            rest = after;
            continue;
        }
        let mut body = body(head.framing, after)?;
        if head.framing == Framing::UntilClose {
            body.whole = client.end == Some(ClientEnd::Closed);
        }
        is_over = !body.whole
            || head.fields_named("Connection").any(|value| value.eq_ignore_ascii_case(b"close"));
        rest = &after[body.len..];
        let is_local = head.field("X-Proxy-Error").is_some();
        let Some(request) = request else {
            if is_local && plan.garbage.is_some() {
                continue;
            }
            return Err("a response to nothing".to_owned());
        };
        answered += 1;
        seen.statuses.insert(request.id, head.status);
        if is_local && !play.plan.calm {
            continue;
        }
        if head.field("X-Id") != Some(request.id.to_string().as_bytes())
            || head.status != request.answer.status
        {
            return Err(format!("{} is not the answer to request {}", head.status, request.id));
        }
        check_body(request, &body)?;
    }
    if play.plan.calm && whole && answered != plan.requests.len() {
        return Err(format!("{answered} answers to {} requests", plan.requests.len()));
    }
    Ok(())
}

fn check_body(request: &Request, body: &proxy_reference::Body) -> Result<(), String> {
    let expected = request.answer_body();
    if !expected.starts_with(&body.data) {
        return Err(format!("not the body of the answer to request {}", request.id));
    }
    let is_until_close = match request.answer.framed {
        Framed::Unstated => true,
        Framed::InChunks => request.answer.old,
        Framed::ByLength => false,
    };
    // Nobody can tell whether that came whole.
    let is_excused = is_until_close && matches!(request.answer.ends, Ends::Closed(_));
    if body.whole && body.data.len() < expected.len() && !is_excused {
        return Err(format!("the answer to request {} is cut, unseen", request.id));
    }
    Ok(())
}

fn check_summaries(record: &Record, seen: &Seen, whole: bool) -> Result<(), String> {
    for (target, statuses) in &record.summaries {
        if target == "-" {
            continue;
        }
        let [status] = &statuses[..] else {
            return Err(format!("{} summaries of the request for {target}", statuses.len()));
        };
        let id = target.strip_prefix('/').and_then(|id| id.parse().ok());
        let got = id.and_then(|id: usize| seen.statuses.get(&id));
        if got.is_some_and(|got| got.to_string() != *status) {
            return Err(format!("the summary of {target} says {status}, its client got {got:?}"));
        }
    }
    let mut ids = seen.by_upstreams.keys();
    match ids.find(|id| !record.summaries.contains_key(&format!("/{id}"))) {
        Some(id) if whole => Err(format!("no summary of request {id}")),
        Some(_) | None => Ok(()),
    }
}
