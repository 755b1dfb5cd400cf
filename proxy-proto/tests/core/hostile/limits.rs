//! Where the limits on a request head stand, and what is counted down.

use proxy_proto::Settings;

use super::request_lines::get;
use super::{Tally, answers, whole_requests};
use crate::wire::Wire;

#[test]
fn heads_are_taken_up_to_the_limits_and_no_further() {
    let settings = |max_head_bytes, max_headers| {
        let mut settings = Settings::default();
        settings.limits.max_head_bytes = max_head_bytes;
        settings.limits.max_headers = max_headers;
        settings
    };
    let status = |settings: Settings, request: &str| {
        for grain in [usize::MAX, 1] {
            let mut wire = Wire::with(settings.clone());
            wire.grain = grain;
            wire.client_sends(request);
            let refused = wire.status();
            assert_eq!(wire.upstream.got.is_empty(), refused.is_some());
            if let Some(status) = refused {
                assert_eq!(answers(&wire, &["GET"])[0].0.status, status);
                return Some(status);
            }
        }
        None
    };
    let request = "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";
    let line = "GET / HTTP/1.1\r\n".len();
    for limit in [request.len() - 1, request.len(), request.len() + 1] {
        let expected = (limit < request.len()).then_some(431);
        assert_eq!(status(settings(limit, 100), request), expected, "{limit} bytes");
    }
    for limit in [1, line - 1, line] {
        let expected = if limit < line { 414 } else { 431 };
        assert_eq!(status(settings(limit, 100), request), Some(expected), "{limit} bytes");
    }
    for (limit, expected) in [(1, Some(431)), (2, None), (3, None)] {
        assert_eq!(status(settings(16384, limit), request), expected, "{limit} fields");
    }
    for (length, expected) in [(16_383, None), (16_384, None), (16_385, Some(431))] {
        let request =
            request.replace(": y", &format!(": {}", "y".repeat(length - request.len() + 1)));
        assert_eq!(request.len(), length);
        assert_eq!(status(Settings::default(), &request), expected, "{length} bytes");
    }
    let mut tally = Tally::default();
    tally.refuses(format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(16_384)), 414);
    tally.refuses(format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(16_384)), 431);
    tally.refuses(format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(100)), 431);
    for (count, refused) in [(32, false), (33, true)] {
        let members = vec!["close"; count].join(",");
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: {members}\r\n\r\n");
        assert_eq!(status(Settings::default(), &request), refused.then_some(400), "{count}");
    }
    for (length, refused) in [(32, false), (33, true)] {
        let request = get(format!("{} / HTTP/1.1", "M".repeat(length)));
        let request = String::from_utf8(request).expect("text");
        assert_eq!(status(Settings::default(), &request), refused.then_some(501), "{length}");
    }
}

#[test]
fn max_forwards_is_counted_down_and_ends_here() {
    let mut tally = Tally::default();
    for method in ["TRACE", "OPTIONS"] {
        let request = |value: &str| get(format!("{method} / HTTP/1.1\r\nMax-Forwards: {value}"));
        tally.refuses(request("0"), 405);
        tally.refuses(request("000"), 405);
        for value in ["", "-1", "+1", "1.0", "0x1", "1 0", "1, 2", "a", "5\r\nMax-Forwards: 5"] {
            tally.refuses(request(value), 400);
        }
        for (sent, gets) in [("1", "0"), ("10", "9"), ("4294967295", "4294967294")] {
            let mut wire = Wire::new();
            wire.client_sends(request(sent));
            let (request, _) = &whole_requests(&wire)[0];
            let fields: Vec<_> = request.fields_named("Max-Forwards").collect();
            assert_eq!(fields, [gets.as_bytes()]);
        }
        let mut large = Wire::new();
        large.client_sends(request("99999999999999999999"));
        assert!(large.upstream_got().contains("Max-Forwards: 4294967294\r\n"));
        let mut none = Wire::new();
        none.client_sends(get(format!("{method} / HTTP/1.1")));
        assert!(!none.upstream_got().contains("Max-Forwards"), "and none is made");
    }
    let mut wire = Wire::new();
    wire.client_sends(get("GET / HTTP/1.1\r\nMax-Forwards: 0"));
    assert!(wire.upstream_got().contains("Max-Forwards: 0\r\n"), "it means nothing with GET");
    tally.reaches(22);
}

#[test]
fn trace_with_content_is_refused() {
    let mut tally = Tally::default();
    for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        tally.refuses(get(format!("TRACE / HTTP/1.1\r\n{framing}")), 400);
    }
}
