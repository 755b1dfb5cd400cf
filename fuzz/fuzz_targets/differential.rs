//! The invariants stand in `proxy_fuzz::differential`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proxy_fuzz::differential::check(bytes));
