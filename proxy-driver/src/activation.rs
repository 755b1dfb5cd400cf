use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;
use socket2::SockRef;

/// Listening sockets that a service manager has opened and passed on: `sd_listen_fds(3)`. They
/// outlive the process, so that a restart refuses nobody, and need no privilege of ours.
#[derive(Default)]
pub(crate) struct Activation {
    /// For clients: those called `clients`, or all of them if they have no names.
    pub(crate) clients: Vec<TcpListener>,
    /// Those called `metrics`.
    pub(crate) metrics: Vec<TcpListener>,
}

impl Activation {
    /// Takes over what there is. `names` is the variable `LISTEN_FDNAMES`.
    pub(crate) fn take(names: Option<&str>) -> Result<Self, ActivationError> {
        let mut passed = ListenFd::from_env();
        let mut names = names.map(|names| names.split(':'));
        let mut sockets = Self::default();
        for number in 0..passed.len() {
            let name = names.as_mut().map_or(Some(CLIENTS), Iterator::next).unwrap_or_default();
            let into = match name {
                CLIENTS => &mut sockets.clients,
                METRICS => &mut sockets.metrics,
                _ => return Err(ActivationError::Name(name.to_owned())),
            };
            if let Some(listener) = passed.take_tcp_listener(number)? {
                if !SockRef::from(&listener).is_listener()? {
                    return Err(ActivationError::Connection);
                }
                listener.set_nonblocking(true)?;
                into.push(listener);
            }
        }
        Ok(sockets)
    }
}

/// What a service manager passed on cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActivationError {
    #[error(
        "a socket of the service manager is called {0:?}: call it clients or metrics (FileDescriptorName=)"
    )]
    Name(String),
    #[error("the service manager passed on a connection instead of a listener (Accept=yes)")]
    Connection,
    #[error("a socket of the service manager cannot be used: {0}")]
    Socket(#[from] io::Error),
}

const CLIENTS: &str = "clients";
const METRICS: &str = "metrics";
