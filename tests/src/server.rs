//! An upstream that answers by itself, and counts.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;

use socket2::SockRef;

use crate::{Message, PATIENCE, Wire, ok};

/// A keep-alive server with a thread per connection. It stops when dropped.
pub struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    listener: TcpListener,
    handler: Box<dyn Fn(&Message) -> String + Send + Sync>,
    counts: Mutex<Counts>,
    changed: Condvar,
}

/// What a server has seen.
#[derive(Default)]
struct Counts {
    /// A handle on each connection ever accepted, and the requests it brought.
    connections: Vec<(TcpStream, usize)>,
    open: usize,
    in_service: usize,
    most_in_service: usize,
    held: bool,
}

impl Server {
    /// Answers each request with what `handler` makes of it.
    pub fn serving(handler: impl Fn(&Message) -> String + Send + Sync + 'static) -> Self {
        Self::serving_on("127.0.0.1:0", handler)
    }

    /// Answers each request with 200 and this body.
    pub fn answering(body: &'static str) -> Self {
        Self::serving(move |_| ok(body))
    }

    /// Like `serving`, on this address.
    #[track_caller]
    pub fn serving_on(
        addr: &str,
        handler: impl Fn(&Message) -> String + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(addr).expect("an address to listen on");
        let addr = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            listener,
            handler: Box::new(handler),
            counts: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accepts());
        Self { addr, shared }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Requests received so far.
    pub fn requests(&self) -> usize {
        self.requests_by_connection().iter().sum()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.counts().connections.len()
    }

    /// Connections that this side holds open, as far as it has learned.
    pub fn open(&self) -> usize {
        self.shared.counts().open
    }

    /// Requests received so far on each connection ever accepted.
    pub fn requests_by_connection(&self) -> Vec<usize> {
        self.shared.counts().connections.iter().map(|(_, requests)| *requests).collect()
    }

    /// The most requests that were ever in service at once.
    ///
    /// A proxy that never has more than N connections open cannot raise it above N, however late
    /// this side learns of a close: a request is in service from its last byte until just before
    /// the first byte of its answer.
    pub fn most_in_service(&self) -> usize {
        self.shared.counts().most_in_service
    }

    /// Requests received from now on stay in service until [`releases`](Self::releases).
    pub fn holds(&self) {
        self.shared.counts().held = true;
    }

    /// Answers the requests that are held, and further ones at once.
    pub fn releases(&self) {
        self.shared.counts().held = false;
        self.shared.changed.notify_all();
    }

    /// Waits until this many requests are in service.
    #[track_caller]
    pub fn wait_in_service(&self, count: usize) {
        self.wait("requests in service", count, |counts| counts.in_service);
    }

    /// Waits until this many of its connections are open.
    #[track_caller]
    pub fn wait_open(&self, count: usize) {
        self.wait("open connections", count, |counts| counts.open);
    }

    #[track_caller]
    fn wait(&self, what: &str, count: usize, counted: fn(&Counts) -> usize) {
        let counts = self.shared.counts();
        let other = |counts: &mut Counts| counted(counts) != count;
        let (counts, _) = self.shared.changed.wait_timeout_while(counts, PATIENCE, other).unwrap();
        let seen = counted(&counts);
        drop(counts);
        assert_eq!(seen, count, "{what}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The shutdown of a listening socket ends its accept(2).
        let _ = SockRef::from(&self.shared.listener).shutdown(Shutdown::Both);
        for (stream, _) in &self.shared.counts().connections {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.releases();
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap()
    }

    fn accepts(self: Arc<Self>) {
        while let Ok((stream, _)) = self.listener.accept() {
            let mut counts = self.counts();
            let number = counts.connections.len();
            counts.connections.push((stream.try_clone().expect("a descriptor"), 0));
            counts.open += 1;
            drop(counts);
            self.changed.notify_all();
            let serving = Arc::clone(&self);
            thread::spawn(move || serving.serves(Wire::new(stream), number));
        }
    }

    fn serves(&self, mut wire: Wire, number: usize) {
        while let Ok(head) = wire.try_head() {
            let framing = head.request_framing();
            let Ok(request) = wire.try_body(head, framing) else {
                break;
            };
            let mut counts = self.counts();
            counts.connections[number].1 += 1;
            counts.in_service += 1;
            counts.most_in_service = counts.most_in_service.max(counts.in_service);
            self.changed.notify_all();
            drop(self.changed.wait_while(counts, |counts| counts.held).unwrap());
            let answer = (self.handler)(&request);
            self.counts().in_service -= 1;
            self.changed.notify_all();
            wire.sends(answer);
        }
        self.counts().open -= 1;
        self.changed.notify_all();
        wire.closes();
    }
}
