//! However the bytes arrive, the result is the same: split in two at every byte, one at a time, and
//! in random pieces; and what is forwarded parses, by another parser, to what was sent.

use crate::wire::{GET, OK, Wire};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

struct Case {
    request: &'static str,
    response: &'static str,
    closes: bool,
}

const CASES: [Case; 12] = [
    Case { request: GET, response: OK, closes: false },
    Case {
        request: "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nX: y\r\n\r\nhello world",
        response: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nyes",
        closes: false,
    },
    Case {
        request: "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
                  5\r\nhello\r\n1;a=b\r\n \r\n0\r\nX-T: 1\r\n\r\n",
        response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00\r\nY: z\r\n\r\n",
        closes: false,
    },
    Case {
        request: "GET / HTTP/1.0\r\n\r\n",
        response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        closes: false,
    },
    Case { request: "BAD\r\n\r\n", response: "", closes: false },
    Case {
        request: "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
        response: "",
        closes: false,
    },
    Case { request: GET, response: "HTTP/1.1 200 OK\r\nBad\r\n\r\n", closes: false },
    Case { request: GET, response: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", closes: true },
    Case {
        request: "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n",
        response: "HTTP/1.1 200 OK\r\nContent-Length: 5120\r\n\r\n",
        closes: false,
    },
    Case {
        request: "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
        response: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        closes: false,
    },
    Case {
        request: "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        response: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n\x01\r\n\r\nraw",
        closes: true,
    },
    // To HTTP/1.0, where nothing is framed anew: chunks around it would fall as the bytes come.
    Case {
        request: "GET / HTTP/1.0\r\n\r\n",
        response: "HTTP/1.0 200 OK\r\n\r\nto the end",
        closes: true,
    },
];

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    client: String,
    upstream: Vec<Vec<u8>>,
    status: Option<u16>,
    cause: Option<&'static str>,
    recycled: bool,
}

impl Outcome {
    /// A request that turns out to be malformed within its body is cut off wherever its upstream
    /// then is; all else is the same to the byte.
    fn must_equal(mut self, whole: &Self) {
        if self.cause == Some("bad_request") {
            let cut = self.upstream.concat();
            assert!(!cut.ends_with(b"0\r\n\r\n"), "{cut:?} was ended");
            self.upstream.clone_from(&whole.upstream);
        }
        assert_eq!(self, *whole);
    }
}

fn play(case: &Case, request: &[&str], response: &[&str], grain: usize) -> Outcome {
    let mut wire = Wire::new();
    wire.grain = grain;
    for part in request {
        wire.client_sends(part);
    }
    for part in response {
        wire.upstream_sends(part);
    }
    if case.closes {
        wire.upstream_closes();
    }
    let mut upstream = std::mem::take(&mut wire.before);
    upstream.push(std::mem::take(&mut wire.upstream.got));
    Outcome {
        client: wire.client_got(),
        upstream,
        status: wire.status(),
        cause: wire.cause(),
        recycled: wire.was_recycled(),
    }
}

#[test]
fn is_the_same_split_at_every_byte() {
    for case in &CASES {
        let whole = play(case, &[case.request], &[case.response], usize::MAX);
        for at in 0..=case.request.len() {
            let (a, b) = case.request.split_at(at);
            play(case, &[a, b], &[case.response], usize::MAX).must_equal(&whole);
        }
        for at in 0..=case.response.len() {
            let (a, b) = case.response.split_at(at);
            play(case, &[case.request], &[a, b], usize::MAX).must_equal(&whole);
        }
    }
}

#[test]
fn is_the_same_in_small_pieces() {
    for case in &CASES {
        let whole = play(case, &[case.request], &[case.response], usize::MAX);
        for grain in [1, 2, 3, 5, 7, 11] {
            play(case, &[case.request], &[case.response], grain).must_equal(&whole);
        }
    }
}

proptest! {
    // The same cases each time: a test that fails is the fault of what was changed.
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever a client and an upstream send, in whatever pieces and with whatever pauses: no
    /// panic, no stuck state (`check_invariants`), one summary for each head that was routed.
    #[test]
    fn survives_any_bytes(
        pieces in prop::collection::vec((any::<bool>(), fragment(), 0u64..20), 0..24),
        grain in prop_oneof![Just(1usize), Just(7), Just(usize::MAX)],
    ) {
        let mut wire = Wire::new();
        wire.grain = grain;
        for (from_client, bytes, pause) in pieces {
            if from_client {
                wire.client_sends(bytes);
            } else {
                wire.upstream_sends(bytes);
            }
            wire.passes(crate::wire::seconds(pause));
        }
        wire.client_closes().upstream_closes().passes(crate::wire::seconds(400));
        prop_assert!(wire.exchange.is_closed());
        let routed = wire.actions.iter().filter(|a| matches!(a, proxy_proto::Action::Route)).count();
        let finished = wire.finished.iter().filter(|summary| summary.routed).count();
        prop_assert_eq!(routed, finished);
    }

    /// What the upstream gets parses, by another parser, to what the client meant.
    #[test]
    fn forwards_what_another_parser_reads_as_the_same_message(
        method in "(GET|POST|PUT|DELETE|PATCH|X-Y)",
        path in "/([a-z0-9._~!$&'()*+,;=:@-]|%[1-9a-f][0-9A-F]){0,20}(\\?[a-z=&|{}^`]{0,10})?",
        fields in prop::collection::vec(("X-[A-Za-z0-9-]{1,12}", "[ -~]{0,20}"), 0..8),
        body in prop::option::of("[ -~\r\n]{0,64}"),
        grain in 1usize..64,
    ) {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: example.org\r\n");
        for (name, value) in &fields {
            request += &[name, ": ", value, "\r\n"].concat();
        }
        if let Some(body) = &body {
            request += &["Content-Length: ", &body.len().to_string(), "\r\n"].concat();
        }
        request.push_str("\r\n");
        request.push_str(body.as_deref().unwrap_or_default());
        let mut wire = Wire::new();
        wire.grain = grain;
        wire.client_sends(&request);

        let got = wire.upstream_got();
        let (head, rest) = got.split_once("\r\n\r\n").expect("a whole head");
        let mut lines = head.split("\r\n");
        let line = format!("{method} {path} HTTP/1.1");
        prop_assert_eq!(lines.next(), Some(line.as_str()));
        let seen: Vec<_> = lines
            .map(|line| line.split_once(':').expect("a field"))
            .map(|(name, value)| (name, value.trim_matches([' ', '\t'])))
            .collect();
        let ours = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Trace-ID"];
        for (name, value) in &fields {
            if !ours.iter().any(|our| our.eq_ignore_ascii_case(name)) {
                prop_assert!(seen.contains(&(name.as_str(), value.trim_matches([' ', '\t']))));
            }
        }
        let lengths: Vec<_> = seen.iter().filter(|(name, _)| *name == "Content-Length").collect();
        prop_assert_eq!(lengths.len(), usize::from(body.is_some()));
        prop_assert_eq!(rest, body.as_deref().unwrap_or_default());
    }
}

/// Pieces of messages, sound and unsound, and noise.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(GET.as_bytes().to_vec()),
        Just(OK.as_bytes().to_vec()),
        Just(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc".to_vec()),
        Just(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec()),
        Just(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n".to_vec()),
        Just(b"5\r\nhello\r\n".to_vec()),
        Just(b"0\r\n\r\n".to_vec()),
        Just(b"GET / HTT".to_vec()),
        Just(b"\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..64),
        Just(vec![b'x'; 20_000]),
    ]
}
