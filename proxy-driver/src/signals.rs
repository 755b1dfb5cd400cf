use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals as Arrivals;

/// The signals that the process acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGHUP.
    Reload,
    /// SIGTERM, SIGINT or SIGQUIT, with its number.
    Stop(i32),
}

/// A SIGHUP that comes before the process can act on it: while it reads its configuration. It
/// means that the file has changed, perhaps behind where it is read, so it is remembered. The
/// others still end the process, which has nothing to finish and may wait for a file for ever.
pub(crate) struct Early(Arrivals);

impl Early {
    pub(crate) fn install() -> io::Result<Self> {
        Arrivals::new([SIGHUP]).map(Self)
    }
}

/// Signals, in the order of their arrival; what comes at the same time in that of the numbers. From
/// its making on none of them ends the process.
pub(crate) struct Signals {
    arrivals: Receiver<Signal>,
}

impl Signals {
    pub(crate) fn install(Early(mut signals): Early) -> io::Result<Self> {
        for number in [SIGTERM, SIGINT, SIGQUIT] {
            signals.add_signal(number)?;
        }
        let (sender, arrivals) = mpsc::channel();
        thread::Builder::new().name("signals".into()).spawn(move || {
            for number in signals.forever() {
                let signal = if number == SIGHUP { Signal::Reload } else { Signal::Stop(number) };
                if sender.send(signal).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { arrivals })
    }

    /// The next one; waits for it.
    pub(crate) fn wait(&self) -> Signal {
        // The sender lives as long as the process.
        self.arrivals.recv().unwrap_or(Signal::Stop(SIGTERM))
    }

    /// The next one, if it comes in time.
    pub(crate) fn wait_for(&self, patience: Duration) -> Option<Signal> {
        match self.arrivals.recv_timeout(patience) {
            Ok(signal) => Some(signal),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Signal::Stop(SIGTERM)),
        }
    }
}
