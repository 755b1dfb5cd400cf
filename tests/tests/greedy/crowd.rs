//! Clients that hang on and do next to nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proxy_tests::{PATIENCE, passes};
use socket2::{Domain, Socket, Type};

/// How a client of the crowd wastes time.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    /// It sends nothing.
    Idle,
    /// A head that never ends, a byte now and then.
    Head,
    /// A body that never ends, a byte now and then.
    Body,
    /// It takes a byte of its large response now and then.
    Reader,
}

/// Many slow clients at once, moved by a thread of their own until they are dropped.
pub(crate) struct Crowd {
    ends: Arc<AtomicBool>,
    mover: Option<JoinHandle<usize>>,
}

impl Crowd {
    /// Connects `count` clients, as many of each manner.
    pub(crate) fn gathers(at: SocketAddr, count: usize) -> Self {
        let manners = [Manner::Idle, Manner::Head, Manner::Body, Manner::Reader];
        let mut members: Vec<_> =
            (0..count).map(|n| (manners[n % manners.len()], connect(at, manners[n % 4]))).collect();
        let ends = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&ends);
        let mover = thread::spawn(move || {
            let turn = count.div_ceil(TURNS);
            let mut next = 0;
            while !theirs.load(Relaxed) {
                for _ in 0..turn {
                    let (manner, stream) = &mut members[next % count];
                    moves(*manner, stream);
                    next += 1;
                }
                passes(PAUSE);
            }
            members.iter_mut().filter_map(|(_, stream)| is_open(stream).then_some(())).count()
        });
        Self { ends, mover: Some(mover) }
    }

    /// Ends, and says how many were still connected.
    pub(crate) fn disperses(mut self) -> usize {
        self.ends.store(true, Relaxed);
        self.mover.take().expect("it disperses once").join().expect("nothing panics in it")
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.ends.store(true, Relaxed);
    }
}

fn connect(at: SocketAddr, manner: Manner) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    if let Manner::Reader = manner {
        socket.set_recv_buffer_size(1).expect("TCP");
    }
    socket.connect_timeout(&at.into(), PATIENCE).expect("the proxy accepts");
    let mut stream: TcpStream = socket.into();
    let begins = match manner {
        Manner::Idle => "",
        Manner::Head => "GET / HTTP/1.1\r\nHost: slow\r\nX-Slow: ",
        Manner::Body => "POST / HTTP/1.1\r\nHost: slow\r\nContent-Length: 1000000\r\n\r\n",
        Manner::Reader => "GET /bytes/10000000 HTTP/1.1\r\nHost: slow\r\n\r\n",
    };
    stream.write_all(begins.as_bytes()).expect("the proxy reads");
    stream.set_nonblocking(true).expect("TCP");
    stream
}

fn moves(manner: Manner, stream: &mut TcpStream) {
    // Who is cut off is counted at the end.
    let _ = match manner {
        Manner::Idle => Ok(0),
        Manner::Head | Manner::Body => stream.write(b"x"),
        Manner::Reader => stream.read(&mut [0]),
    };
}

/// Whether neither an end nor an error has come; what came of a response is left out.
fn is_open(stream: &mut TcpStream) -> bool {
    let mut block = [0; 16 * 1024];
    loop {
        match stream.read(&mut block) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// Each has its turn every five seconds.
const TURNS: usize = 100;
const PAUSE: Duration = Duration::from_millis(50);
