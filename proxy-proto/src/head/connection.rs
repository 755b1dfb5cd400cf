use httparse::Header;

use super::field::{Name, list};

/// What a message's `Connection` fields say, put together (RFC 9110 section 7.6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnectionOptions {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    /// It names fields of its own, which go no further.
    pub(crate) nominates: bool,
    members: usize,
}

impl ConnectionOptions {
    /// Adds one `Connection` field.
    pub(crate) fn add(&mut self, value: &[u8]) {
        // Nearly everybody says this, or nothing.
        if value == b"keep-alive" {
            self.members += 1;
            self.keep_alive = true;
            return;
        }
        for member in list(value) {
            self.members += 1;
            if member.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if member.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if member.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else {
                self.nominates = true;
            }
        }
    }

    /// Whether it lists more members than anybody needs. Each field is compared with each
    /// member, so that the product must stay small.
    pub(crate) const fn is_absurd(&self) -> bool {
        self.members > MAX_MEMBERS
    }

    /// Whether the connection stays open behind this message (RFC 9112 section 9.3).
    pub(crate) const fn persists(&self, version_1_1: bool) -> bool {
        if self.close { false } else { version_1_1 || self.keep_alive }
    }

    /// Whether this field goes no further than us: hop-by-hop, or named by `Connection`.
    pub(crate) fn drops(&self, name: Name, header: &Header<'_>, all: &[Header<'_>]) -> bool {
        let hop_by_hop = match name {
            Name::Connection
            | Name::Http2Settings
            | Name::KeepAlive
            | Name::ProxyConnection
            | Name::Te
            | Name::Upgrade => true,
            Name::ContentLength
            | Name::Disguised
            | Name::Expect
            | Name::Host
            | Name::MaxForwards
            | Name::Trailer
            | Name::TransferEncoding
            | Name::Via
            | Name::XForwardedFor
            | Name::XForwardedHost
            | Name::XForwardedProto
            | Name::XTraceId
            | Name::Other => false,
        };
        hop_by_hop
            || self.nominates
                && name.may_be_nominated()
                && super::field::is_nominated(all, header.name)
    }
}

/// Arbitrary: real messages name two or three.
const MAX_MEMBERS: usize = 32;
