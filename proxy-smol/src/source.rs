use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use proxy_driver::Watched;
use smol::Async;

/// A socket that the reactor watches.
pub(crate) struct Source<S>(pub(crate) Async<S>);

impl<S: AsFd + Send + Sync + Unpin + 'static> Watched for Source<S> {
    type Inner = S;

    fn watch(inner: S) -> io::Result<Self> {
        Ok(Self(Async::new(inner)?))
    }

    fn get(&self) -> &S {
        self.0.get_ref()
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_readable(cx)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_writable(cx)
    }
}
