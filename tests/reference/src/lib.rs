//! A naive, strict reader of HTTP/1.1, written from the grammar of RFC 9112 and RFC 9110 alone.
//!
//! It is the second opinion of the tests: it shares no code and no dependency with the proxy, reads
//! whole byte strings again and again, copies everything, and has one way to read each rule. What
//! the proxy takes for a valid message, this reader must take for one, too, and for the same one.
//!
//! Where the grammar leaves a recipient a choice between repairing and refusing, it refuses. Where
//! the proxy is stricter than the grammar, this reader is not: it says what is valid, not what is
//! wise. One thing is wider than RFC 3986: a request target may hold any visible ASCII but `#`,
//! as all servers that we know accept it.

mod body;
mod field;
mod framing;
mod request;
mod response;

pub use body::{Body, body};
pub use field::Field;
pub use framing::Framing;
pub use request::{Request, request_head};
pub use response::{Response, response_head};

/// What a reader says of bytes: a thing and how many bytes it took, nothing yet, or what is wrong.
pub type Read<T> = Result<Option<(T, usize)>, &'static str>;
