//! The invariants stand in `proxy_oracle::request_head`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    proxy_oracle::request_head::check(bytes);
});
