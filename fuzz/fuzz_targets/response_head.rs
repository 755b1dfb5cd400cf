//! The invariants stand in `proxy_oracle::response_head`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    proxy_oracle::response_head::check(bytes);
});
