//! Responses without content: interim ones, 101, 204 and 304.

use super::responses::is_spoiled;
use super::{MARK, answers};
use crate::wire::{GET, OK, Wire};

#[test]
fn a_status_without_content_has_no_framing_of_one() {
    for status in ["204 No Content", "304 Not Modified"] {
        for (framing, states) in [
            ("Content-Length: 5", status.starts_with("304")),
            ("Transfer-Encoding: chunked", false),
        ] {
            let mut wire = Wire::new();
            wire.client_sends(GET)
                .upstream_sends(format!("HTTP/1.1 {status}\r\n{framing}\r\n\r\n"));
            assert_eq!(wire.client_got().contains(framing), states, "{status} {framing}");
            assert!(wire.was_recycled());
            assert!(wire.exchange.is_idle());
        }
    }
}

#[test]
fn interim_responses_are_passed_on_up_to_a_bound() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n";
    let mut wire = Wire::new();
    wire.client_sends(GET).upstream_sends(early.repeat(32)).upstream_sends(OK);
    assert_eq!(wire.status(), Some(200));
    assert_eq!(wire.client_got().matches("103 Early Hints").count(), 32);
    let mut flood = Wire::new();
    flood.client_sends(GET).upstream_sends(early.repeat(33));
    assert_eq!((flood.status(), flood.cause()), (Some(502), Some("bad_response")));
    assert_eq!(answers(&flood, &["GET"])[0].0.status, 502);
    let mut only = Wire::new();
    only.client_sends(GET).upstream_sends(early).upstream_closes();
    assert_eq!((only.status(), only.cause()), (Some(502), Some("upstream_eof")));
    let mut old = Wire::new();
    old.client_sends("GET / HTTP/1.0\r\n\r\n").upstream_sends(early.repeat(33));
    assert_eq!(answers(&old, &["GET"])[0].0.status, 502, "they are counted for HTTP/1.0, too");
}

#[test]
fn an_interim_response_frames_nothing() {
    for status in (100..200).filter(|status| *status != 101) {
        for framing in ["Content-Length: 5", "Transfer-Encoding: chunked", "Connection: close"] {
            let mut wire = Wire::new();
            wire.client_sends(GET);
            wire.upstream_sends(format!("HTTP/1.1 {status} Wait\r\n{framing}\r\n\r\n{OK}"));
            let got = wire.client_got();
            assert!(
                got.starts_with(&format!("HTTP/1.1 {status} Wait\r\n\r\nHTTP/1.1 200 ")),
                "{got}"
            );
            assert!(wire.was_recycled());
        }
    }
}

#[test]
fn a_101_is_taken_only_by_who_asked_for_it() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    is_spoiled(switch);
    is_spoiled("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    for (request, is_fine) in [
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", true),
        ("GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x, h2c\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", false),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\
             Content-Length: 1\r\n\r\nx",
            false,
        ),
    ] {
        let mut wire = Wire::new();
        wire.client_sends(request);
        assert_eq!(wire.upstream_got().contains("Upgrade: x\r\n"), is_fine, "{request:?}");
        wire.upstream_sends(switch).upstream_sends(MARK);
        assert_eq!(wire.client_got().starts_with("HTTP/1.1 101 "), is_fine, "{request:?}");
        assert_eq!(wire.client_got().contains(MARK), is_fine, "{request:?}");
        assert_eq!(wire.status().is_none(), is_fine, "{request:?}");
    }
    let mut nameless = Wire::new();
    nameless.client_sends("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    nameless.upstream_sends("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n");
    assert_eq!((nameless.status(), nameless.cause()), (Some(502), Some("bad_response")));
}
