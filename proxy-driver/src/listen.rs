use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use proxy_config::{Host, Listen};
use socket2::{Domain, Protocol, Type};

/// Opens the listening sockets for one configured address: one, or for a name one for each of its
/// addresses.
pub(crate) fn bind(listen: &Listen) -> Result<Vec<TcpListener>, BindError> {
    let fail = |source| BindError { address: listen.to_string(), source };
    let mut port = listen.port;
    let addresses = addresses(listen).map_err(fail)?;
    let mut listeners: Vec<TcpListener> = Vec::with_capacity(addresses.len());
    for mut address in addresses {
        // Any free port, but the same one for all addresses of a name.
        address.set_port(port);
        if listeners.iter().any(|known| known.local_addr().is_ok_and(|known| known == address)) {
            continue;
        }
        let listener = open(address).map_err(fail)?;
        port = listener.local_addr().map_err(fail)?.port();
        listeners.push(listener);
    }
    if listeners.is_empty() {
        return Err(fail(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
    }
    Ok(listeners)
}

/// What the host and port stand for: one address or, for a name, each of its.
pub(crate) fn addresses(listen: &Listen) -> io::Result<Vec<SocketAddr>> {
    Ok(match &listen.host {
        Host::Address(ip) => vec![SocketAddr::new(*ip, listen.port)],
        Host::Name(name) => (name.as_str(), listen.port).to_socket_addrs()?.collect(),
    })
}

/// A listening socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub(crate) struct BindError {
    address: String,
    source: io::Error,
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking(),
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // 0.0.0.0 and [::] can both be configured; one does not take the other's port.
        socket.set_only_v6(true)?;
    }
    // So that a restart does not wait for old connections to be forgotten. It does not let two
    // processes listen on one port, as SO_REUSEPORT would, unseen.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The kernel cuts it to net.core.somaxconn. Clients beyond `max_client_conns` wait here.
const BACKLOG: i32 = 65_535;
