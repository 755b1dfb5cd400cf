//! The invariants stand in `proxy_oracle::session`.
#![no_main]
use proxy_oracle::session::{Event, check};
libfuzzer_sys::fuzz_target!(|events: Vec<Event>| check(&events));
