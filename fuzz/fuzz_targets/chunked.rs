//! The invariants stand in `proxy_oracle::chunked`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    proxy_oracle::chunked::check(bytes);
});
