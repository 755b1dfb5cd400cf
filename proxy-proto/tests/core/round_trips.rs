//! What is valid goes through, and means the same behind the proxy: `proxy_oracle` compares each
//! message with the documented changes, in one piece and in two.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use proxy_oracle::taken::{self, Taken};
use proxy_oracle::{chunked, request_head, response_head};

use crate::grammar;

proptest! {
    // The same cases each time: a test that fails is the fault of what was changed.
    #![proptest_config(ProptestConfig {
        cases: 500,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_request_head_goes_through(message in grammar::request()) {
        let verdict = request_head::check(&message.head);
        prop_assert!(matches!(verdict, request_head::Verdict::Forwarded(_)), "{verdict:?}");
    }

    #[test]
    fn a_response_head_goes_through((message, status) in grammar::response()) {
        let verdict = response_head::check(&message.head);
        prop_assert_eq!(verdict, response_head::Verdict::Forwarded(status));
    }

    #[test]
    fn a_chunked_body_goes_through((framed, _) in grammar::chunked()) {
        prop_assert_eq!(chunked::check(&framed), chunked::Verdict::Whole);
    }

    #[test]
    fn a_part_of_a_chunked_body_is_never_ended(
        (framed, _) in grammar::chunked(),
        at in any::<prop::sample::Index>(),
    ) {
        let part = &framed[..at.index(framed.len())];
        prop_assert_eq!(chunked::check(part), chunked::Verdict::Waits);
    }

    #[test]
    fn a_request_keeps_its_body_and_the_next_one_its_start(message in grammar::request()) {
        let mut bytes = message.bytes();
        bytes.extend_from_slice(b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        let taken = taken::requests(&bytes);
        prop_assert_eq!(&taken[0].data, &message.data);
        prop_assert_eq!(taken[0].whole, Some(true));
        let next = Taken { start: "GET /next".to_owned(), data: vec![], whole: Some(true) };
        prop_assert!(taken.get(1).is_none_or(|taken| *taken == next));
    }

    #[test]
    fn a_response_keeps_its_body((message, status) in grammar::response()) {
        let taken = taken::response(&message.bytes()).expect("a response");
        let start = status.to_string();
        prop_assert_eq!(taken, Taken { start, data: message.data, whole: Some(true) });
    }
}
