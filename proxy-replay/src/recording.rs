use std::net::IpAddr;

use proxy_proto::{Action, Cause, Fault, Instant, Settings, Uuid};

use crate::Event;

/// One stretch of the life of an exchange: how it began, and all that was said to it since.
///
/// `Display` writes the text form, `FromStr` reads it; the two are each other's inverse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// How the exchange was made.
    pub header: Header,
    /// What was said to it, in order, and the actions that were taken from it before the next.
    pub entries: Vec<Entry>,
}

/// What a new exchange needs to be in the state in which a recording begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The version of the proxy that recorded.
    pub version: String,
    /// What was kept of the bytes.
    pub mode: Mode,
    /// The client's address.
    pub client: IpAddr,
    /// The trace id of the first request.
    pub trace: Uuid,
    /// When the connection was accepted or became idle.
    pub start: Instant,
    /// The size of each window in bytes, at most [`Recording::LARGEST_WINDOW`].
    pub window: usize,
    /// The settings at the start.
    pub settings: Settings,
    /// What the last request failed with, if one did.
    pub fault: Option<Fault>,
    /// Events at the end for which there was no room.
    pub dropped: u64,
}

/// One event and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was said.
    pub at: Instant,
    /// What was said.
    pub event: Event,
    /// The actions taken before anything else was said.
    pub actions: Vec<Action>,
}

/// What is kept of the bytes that were received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All of them: for tests, whose bytes are nobody's.
    Raw,
    /// For production. Kept are message heads and chunk framing. Masked in them, byte for byte, are
    /// the values of fields that carry secrets, chunk extensions, trailers, userinfo in a target,
    /// and whatever may belong to something else than a head. Of all other bytes only the length
    /// is kept.
    Masked,
}

impl Recording {
    /// The largest window that a recording may ask a player for: the core's are some 64 KiB.
    pub const LARGEST_WINDOW: usize = 16 * 1024 * 1024;

    /// What it was kept for.
    pub fn cause(&self) -> Option<Cause> {
        self.header.fault.map(|fault| fault.cause)
    }
}
