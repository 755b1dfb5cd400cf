//! Any exchange of sound messages, in any pieces, with any pauses and breaks, looked at from
//! outside:
//!
//! * What an upstream got parses, by a reader that shares nothing with the proxy, to the requests
//!   that the client sent, in order, each at most once; twice only if it is idempotent and the
//!   first connection was a reused one.
//! * What the client got parses to one response for each request, in order, to the byte. Only the
//!   last may be cut, only if something broke, and then the client can tell.
//! * While nobody breaks anything and everybody makes progress in time, nothing fails.
//! * Each request ends in one summary, each connection is closed, parked or dropped once, and
//!   whatever was left open, time closes.

mod parse;
mod peers;
mod script;
mod world;

use self::script::{Answer, Ends};
use self::world::World;
use proxy_proto::Action;

/// Other seeds by hand: `SEED=n` for one, `CASES=n` for the first n.
#[test]
fn holds_for_many_seeds() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SEED") {
        return check(seed);
    }
    for seed in 0..number("CASES").unwrap_or(2000) {
        check(seed);
    }
}

fn check(seed: u64) {
    let caught = std::panic::catch_unwind(|| {
        let mut world = World::new(seed);
        world.play();
        check_upstreams(&world);
        check_client(&world);
        let routed = world.finished.iter().filter(|summary| summary.routed).count();
        assert_eq!(routed, world.routed, "a summary for each request");
        assert!(world.finished.len() <= world.routed + 1);
        let sent: u64 = world.finished.iter().map(|summary| summary.bytes_sent).sum();
        assert_eq!(sent, world.client_got().len() as u64);
    });
    assert!(caught.is_ok(), "seed {seed}");
}

fn check_upstreams(world: &World) {
    let mut sent = vec![0; world.requests.len()];
    for upstream in &world.upstreams {
        let mut last = None;
        let mut rest = &upstream.got[..];
        while !rest.is_empty() {
            let Some((line, message)) = parse::request(&mut rest) else { break };
            let id: usize = message.field("X-Id").expect("an id").parse().expect("a number");
            let request = &world.requests[id];
            assert_eq!(line, format!("{} /{id}", request.method));
            assert!(last < Some(id), "requests out of order");
            last = Some(id);
            sent[id] += 1;
            assert!(sent[id] == 1 || request.is_idempotent() && sent[id] == 2);
            assert!(sent[id] == 1 || !world.finished.is_empty());
            if message.whole {
                assert_eq!(message.body, request.body);
                assert_eq!(!message.trailers.is_empty(), request.has_trailers);
            } else {
                assert!(request.body.starts_with(&message.body));
                assert!(rest.is_empty(), "bytes behind a request that broke off");
            }
        }
    }
}

fn check_client(world: &World) {
    let mut rest = world.client_got();
    let mut answered = 0;
    let mut closes = false;
    let mut broke = false;
    while !rest.is_empty() {
        assert!(!broke && !closes, "bytes behind the last response");
        let request = world.requests.get(answered);
        // The method of a head that was refused is not known.
        let is_known = answered < world.routed;
        let to_head = is_known && request.is_some_and(|request| request.method == "HEAD");
        let Some((status, message)) = parse::response(&mut rest, to_head) else {
            broke = true;
            break;
        };
        if status < 200 {
            assert!(request.is_some_and(|request| !request.old), "an interim response to 1.0");
            continue;
        }
        answered += 1;
        let said = message.field("Connection");
        assert!(said.is_none_or(|said| said == "close" || said == "keep-alive"));
        closes = said == Some("close");
        let ended_well = matches!(world.end, Some(Action::Close(_)));
        let whole = message.whole || message.until_close && ended_well;
        broke = !whole;
        let may_close = request.is_none_or(|request| {
            let refused = matches!(request.answer, Answer::Refused) && !request.framed.is_empty();
            !request.persists || request.old || request.expects || refused
        });
        let is_last = answered == world.requests.len();
        assert!(!closes || may_close || is_last || world.drained || !world.calm, "{message:?}");
        if message.field("X-Proxy-Error").is_some() {
            let refused = request.is_some_and(|request| matches!(request.answer, Answer::Refused));
            assert!(!world.calm || refused, "{message:?}");
            continue;
        }
        let request = request.expect("a request for each response");
        match &request.answer {
            Answer::Local { length } => {
                let length = if to_head { 0 } else { *length };
                assert!(message.body.iter().all(|byte| *byte == b'L'));
                assert!(message.body.len() == length || !whole && message.body.len() < length);
            }
            Answer::Upstream(response) => {
                assert_eq!(message.field("X-Id"), Some((answered - 1).to_string().as_str()));
                assert_eq!(status, response.status);
                assert!(response.body.starts_with(&message.body), "not its body");
                if whole {
                    assert_eq!(message.body.len(), response.body.len(), "cut, and nobody can tell");
                    assert!(matches!(response.ends, Ends::Whole | Ends::Talks));
                    let trailers = response.has_trailers && !request.old;
                    assert_eq!(!message.trailers.is_empty(), trailers);
                }
            }
            Answer::Refused | Answer::Unreachable => panic!("nobody said {message:?}"),
        }
    }
    if world.calm {
        assert!(!broke, "a response is cut");
        assert!(world.finished.iter().all(|summary| {
            summary.fault.is_none_or(|fault| fault.cause.word() == "not_found")
        }));
        assert_eq!(answered, world.finished.len());
        let all = answered == world.requests.len();
        // A body that nobody waits for has its time, too.
        let is_early = answered.checked_sub(1).is_some_and(|last| {
            let request = &world.requests[last];
            !request.framed.is_empty()
                && !matches!(&request.answer, Answer::Upstream(r) if !r.early)
        });
        assert!(all || closes || world.drained || is_early, "{answered} answers");
    }
}
