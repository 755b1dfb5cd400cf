//! Message heads: found, checked, translated. A head is parsed once, and what goes out is rendered
//! once; nothing of its table is kept.

pub(crate) mod connection;
pub(crate) mod field;
pub(crate) mod render;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod scan;
pub(crate) mod target;
pub(crate) mod trailers;
