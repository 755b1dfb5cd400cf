//! The invariants stand in `proxy_fuzz::config`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proxy_fuzz::config::check(bytes));
