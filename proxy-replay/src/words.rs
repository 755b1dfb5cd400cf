//! The words of the text form, each way from one table.

use proxy_proto::{Cause, CloseReason, Peer, Timer};

use crate::Mode;

pub(crate) const fn peer(peer: Peer) -> &'static str {
    match peer {
        Peer::Client => "client",
        Peer::Upstream => "upstream",
    }
}

pub(crate) const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Raw => "raw",
        Mode::Masked => "masked",
    }
}

pub(crate) const fn yes_or_no(fact: bool) -> &'static str {
    if fact { "yes" } else { "no" }
}

pub(crate) const fn timer(timer: Timer) -> &'static str {
    match timer {
        Timer::ClientHead => "client_head",
        Timer::ClientIdle => "client_idle",
        Timer::ClientBody => "client_body",
        Timer::ClientSend => "client_send",
        Timer::Connect => "connect",
        Timer::UpstreamSend => "upstream_send",
        Timer::UpstreamRead => "upstream_read",
        Timer::TunnelIdle => "tunnel_idle",
        Timer::Linger => "linger",
        Timer::Total => "total",
    }
}

pub(crate) fn cause_of(word: &str) -> Option<Cause> {
    Cause::ALL.into_iter().find(|cause| cause.word() == word)
}

/// The word for a reason; the cause of `Failed` stands in its place.
pub(crate) const fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::NotPersistent => "not_persistent",
        CloseReason::Idle => "idle",
        // `draining` is a cause, too.
        CloseReason::Draining => "told_to",
        CloseReason::EarlyResponse => "early_response",
        CloseReason::StrayBytes => "stray_bytes",
        CloseReason::TunnelEnded => "tunnel_ended",
        CloseReason::Failed(cause) => cause.word(),
    }
}

pub(crate) fn close_reason_of(word: &str) -> Option<CloseReason> {
    let known = [
        CloseReason::NotPersistent,
        CloseReason::Idle,
        CloseReason::Draining,
        CloseReason::EarlyResponse,
        CloseReason::StrayBytes,
        CloseReason::TunnelEnded,
    ];
    known
        .into_iter()
        .find(|reason| close_reason(*reason) == word)
        .or_else(|| cause_of(word).map(CloseReason::Failed))
}
