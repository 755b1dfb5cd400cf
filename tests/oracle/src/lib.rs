//! What holds of the core whatever its peers send.
//!
//! Each module states its invariants as sentences and has one `check` that panics if any of them is
//! broken. The checks go through the public interface of the core alone and take
//! [`proxy_reference`] for the second opinion. The fuzz targets call them, the property tests of
//! the core do, and so does the test that plays seeds and regressions again.

pub mod chunked;
mod expected;
mod lent;
pub mod request_head;
pub mod response_head;
pub mod session;
mod split;
pub mod taken;
mod wire;
