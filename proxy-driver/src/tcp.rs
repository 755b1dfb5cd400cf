//! What every runtime asks of the kernel in the same way, on a socket of whatever type.

use std::io;
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::SockRef;

/// Sends bytes when they are written: the proxy writes whole pieces (RFC 896's algorithm would
/// hold the last one back).
pub fn set_nodelay(socket: &impl AsFd) -> io::Result<()> {
    SockRef::from(socket).set_tcp_nodelay(true)
}

/// The next connection of a listener that does not block, or `WouldBlock`. It does not block either.
pub fn accept(listener: &impl AsFd) -> io::Result<(TcpStream, SocketAddr)> {
    let (socket, from) = SockRef::from(listener).accept()?;
    socket.set_nonblocking(true)?;
    let from = from.as_socket().ok_or(io::ErrorKind::InvalidData)?;
    Ok((socket.into(), from))
}

/// Closes the sending half.
pub fn shutdown(socket: &impl AsFd) -> io::Result<()> {
    SockRef::from(socket).shutdown(Shutdown::Write)
}

/// Makes closing the socket a reset instead of an end.
pub fn reset_on_close(socket: &impl AsFd) {
    // If it cannot be set the socket is closed already.
    let _closed_already = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// Whether a byte, an end or an error waits to be received. One system call, for a socket that
/// does not block.
pub fn has_unread(socket: &impl AsFd) -> bool {
    let peeked = SockRef::from(socket).peek(&mut [MaybeUninit::uninit()]);
    !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}
