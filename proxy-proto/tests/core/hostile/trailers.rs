//! Trailer sections: bad ones end the message, and fields that frame, route or decide are dropped.

use proxy_proto::Settings;

use super::chunks::in_chunks;
use super::fields::bad_lines;
use super::{Tally, answers, whole_requests};
use crate::wire::{GET, Wire};

#[test]
fn a_trailer_that_is_no_field_is_refused() {
    let mut tally = Tally::default();
    for (number, line) in bad_lines().iter().enumerate() {
        let (before, after) = if number % 2 == 0 { ("A: 1\r\n", "") } else { ("", "B: 2\r\n") };
        let (before, after) = (before.as_bytes(), after.as_bytes());
        let body = [b"5\r\nhello\r\n0\r\n", before, line, b"\r\n", after, b"\r\n"].concat();
        tally.refuses(in_chunks(&body), 400);
    }
    tally.reaches(600);
}

#[test]
fn trailers_beyond_the_limits_are_refused() {
    let mut tally = Tally::default();
    let large = format!("X: {}\r\n", "y".repeat(16_384));
    for trailers in [large, "X: y\r\n".repeat(101), "X: y\r\n".repeat(5000)] {
        let body = format!("5\r\nhello\r\n0\r\n{trailers}\r\n");
        tally.refuses(in_chunks(body.as_bytes()), 431);
    }
    let section = "X: y\r\nY: z\r\n\r\n";
    for (length, is_fine) in [(199, true), (200, true), (201, false)] {
        for grain in [usize::MAX, 1] {
            let mut settings = Settings::default();
            settings.limits.max_head_bytes = 200;
            let filler = length - section.len();
            let section = section.replace(": y", &format!(": y{}", "y".repeat(filler)));
            let mut wire = Wire::with(settings);
            wire.grain = grain;
            wire.client_sends(in_chunks(format!("5\r\nhello\r\n0\r\n{section}").as_bytes()));
            assert_eq!(whole_requests(&wire).len(), usize::from(is_fine), "{length}");
            assert_eq!(wire.status(), (!is_fine).then_some(431), "{length}");
        }
    }
    let most = format!("0\r\n{}\r\n", "X: y\r\n".repeat(100));
    let mut wire = Wire::new();
    wire.client_sends(in_chunks(most.as_bytes()));
    assert_eq!(whole_requests(&wire)[0].1.trailers.len(), 100);
}

#[test]
fn trailers_that_frame_route_or_decide_are_dropped_both_ways() {
    for name in [
        "Authorization",
        "Cache-Control",
        "Connection",
        "Content-Encoding",
        "Content-Length",
        "Content-Range",
        "Content-Type",
        "Content_Length",
        "Cookie",
        "Expect",
        "Forwarded",
        "Host",
        "HTTP2-Settings",
        "Keep-Alive",
        "Max-Forwards",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Set-Cookie",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Transfer_Encoding",
        "Upgrade",
        "Via",
        "WWW-Authenticate",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Trace-ID",
        "x_forwarded_for",
    ] {
        for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
            let trailers = format!("0\r\nX-Sum: 1\r\n{name}: chunked\r\nX-End: 2\r\n\r\n");
            let body = format!("5\r\nhello\r\n{trailers}");
            let mut wire = Wire::new();
            wire.client_sends(in_chunks(body.as_bytes()));
            let kept = |body: &proxy_reference::Body| {
                assert!(body.whole);
                body.trailers.iter().map(|field| field.name.clone()).collect::<Vec<_>>()
            };
            assert_eq!(kept(&whole_requests(&wire)[0].1), ["X-Sum", "X-End"], "{name}");
            wire.upstream_sends(format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
            ));
            assert_eq!(kept(&answers(&wire, &["POST"])[0].1), ["X-Sum", "X-End"], "{name}");
        }
    }
}

#[test]
fn a_body_without_the_empty_line_at_its_end_is_not_ended() {
    let body = "5\r\nhello\r\n0\r\nX: y\r\n\r\n";
    for end in 0..body.len() {
        let mut wire = Wire::new();
        wire.client_sends(in_chunks(&body.as_bytes()[..end])).client_closes();
        assert_eq!(whole_requests(&wire).len(), 0, "{end}");
        assert_eq!(wire.cause(), Some("client_gone"));
        assert!(!wire.was_recycled());
        wire.client.got.clear();
    }
    let mut wire = Wire::new();
    wire.client_sends(in_chunks(body.as_bytes())).client_sends(GET);
    assert_eq!(whole_requests(&wire).len(), 1, "what follows waits for its turn");
}
