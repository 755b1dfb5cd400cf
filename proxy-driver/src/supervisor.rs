//! What the service manager is told, if one started the process: `sd_notify(3)`. It has no way to
//! answer, so failures are nobody's business.

use std::time::Duration;

use sd_notify::{NotifyState, notify};

/// The process serves, after its start or a reload; `status` says more, for people.
pub(crate) fn ready(status: &str) {
    let _unheard = notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A reload begins; [`ready`] ends it.
pub(crate) fn reloading() {
    // systemd compares the time with that of the signal it sent (Type=notify-reload).
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        let _unheard = notify(&[NotifyState::Reloading, now]);
    }
}

/// The process is about to end, and may take so long.
pub(crate) fn stopping(patience: Duration) {
    let micros = u32::try_from(patience.as_micros()).unwrap_or(u32::MAX);
    let _unheard = notify(&[
        NotifyState::Stopping,
        NotifyState::ExtendTimeoutUsec(micros),
        NotifyState::Status("Finishing what is in flight"),
    ]);
}
