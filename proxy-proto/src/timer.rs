use core::time::Duration;

use crate::{Instant, Timeouts};

/// What a deadline is for. The table of the design, one row each:
///
/// | timer | armed | fires as |
/// |---|---|---|
/// | `ClientHead` | first byte of a head → head complete; not renewed per byte | 408, close |
/// | `ClientIdle` | no request in progress, from accept on | close silently |
/// | `ClientBody` | the client owes body bytes and nothing else is waited for | 408, or abort |
/// | `ClientSend` | bytes wait for the client | close |
/// | `Connect` | the driver is connecting | 504 |
/// | `UpstreamSend` | bytes wait for the upstream, and the client holds nothing up | 504, or abort |
/// | `UpstreamRead` | the request is wholly sent, or an Expect waits; the client holds nothing up | 504, or abort |
/// | `TunnelIdle` | upgraded, no byte either way | close |
/// | `Linger` | after our last byte, while the client still sends | close |
/// | `Total` | request head complete → response sent | 504, or abort |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table above says it")]
pub enum Timer {
    ClientHead,
    ClientIdle,
    ClientBody,
    ClientSend,
    Connect,
    UpstreamSend,
    UpstreamRead,
    TunnelIdle,
    Linger,
    Total,
}

/// When something has to happen, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// Which timer fires.
    pub timer: Timer,
}

impl Timer {
    /// How long this timer runs; `None`: it is switched off.
    pub(crate) const fn duration(self, timeouts: &Timeouts) -> Option<Duration> {
        match self {
            Self::ClientHead => Some(timeouts.client_head),
            Self::ClientIdle => Some(timeouts.client_idle),
            Self::ClientBody => Some(timeouts.client_body),
            Self::ClientSend => Some(timeouts.client_send),
            Self::Connect => Some(timeouts.connect),
            Self::UpstreamSend => Some(timeouts.write),
            Self::UpstreamRead => Some(timeouts.read),
            Self::TunnelIdle => timeouts.tunnel_idle,
            Self::Linger => Some(LINGER),
            Self::Total => timeouts.total,
        }
    }

    /// Whether a byte moved by the peer starts this timer anew.
    const fn is_renewed_by_progress(self) -> bool {
        match self {
            Self::ClientBody
            | Self::ClientSend
            | Self::UpstreamSend
            | Self::UpstreamRead
            | Self::TunnelIdle => true,
            Self::ClientHead | Self::ClientIdle | Self::Connect | Self::Linger | Self::Total => {
                false
            }
        }
    }
}

/// The timers that can run at once. In each slot at most one of its timers is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// `ClientHead`, `ClientIdle`, `ClientBody`, `TunnelIdle`, `Linger`.
    ClientRecv,
    /// `ClientSend`.
    ClientSend,
    /// `Connect`, `UpstreamSend`, `UpstreamRead`.
    Upstream,
    /// `Total`.
    Whole,
}

/// Times apart from what they are for: an idle connection has these 40 bytes instead of 64.
#[derive(Clone, Default)]
pub(crate) struct Timers {
    at: [Instant; 4],
    armed: [Option<Timer>; 4],
}

impl Timers {
    /// Makes `wanted` the timer of `slot`. One that runs already is left alone unless its peer
    /// made progress.
    pub(crate) fn set(
        &mut self,
        slot: Slot,
        wanted: Option<Timer>,
        progress: bool,
        timeouts: &Timeouts,
        now: Instant,
    ) {
        let armed = &mut self.armed[slot as usize];
        let Some(timer) = wanted else {
            *armed = None;
            return;
        };
        if *armed == Some(timer) && !(progress && timer.is_renewed_by_progress()) {
            return;
        }
        let duration = timer.duration(timeouts);
        *armed = duration.map(|_| timer);
        self.at[slot as usize] = now + duration.unwrap_or_default();
    }

    pub(crate) fn earliest(&self) -> Option<Deadline> {
        let mut earliest: Option<Deadline> = None;
        for (at, armed) in self.at.iter().zip(self.armed) {
            if let Some(timer) = armed
                && earliest.is_none_or(|earliest| *at < earliest.at)
            {
                earliest = Some(Deadline { at: *at, timer });
            }
        }
        earliest
    }

    pub(crate) fn all(&self) -> [Option<Deadline>; 4] {
        let deadline = |slot: usize| Some(Deadline { at: self.at[slot], timer: self.armed[slot]? });
        [deadline(0), deadline(1), deadline(2), deadline(3)]
    }

    pub(crate) fn disarm(&mut self, timer: Timer) {
        for armed in &mut self.armed {
            if *armed == Some(timer) {
                *armed = None;
            }
        }
    }

    /// Disarms all but the timer of this slot.
    pub(crate) fn keep(&mut self, slot: Slot) {
        let kept = self.armed[slot as usize];
        self.clear();
        self.armed[slot as usize] = kept;
    }

    pub(crate) fn clear(&mut self) {
        self.armed = [None; 4];
    }
}

impl core::fmt::Debug for Timers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.all().into_iter().flatten()).finish()
    }
}

/// How long a client may go on sending after our last byte, so that a reset does not destroy the
/// answer on its way (RFC 9112 section 9.6). nginx waits 5 s between reads and 30 s in all; 2 s
/// bounds what a hostile client can hold.
const LINGER: Duration = Duration::from_secs(2);
