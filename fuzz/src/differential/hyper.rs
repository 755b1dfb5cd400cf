//! What hyper takes for messages. Its connections are polled by hand, on this thread, until they
//! have nothing more to do.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, client, server};
use proxy_oracle::taken::Taken;
use proxy_reference::Framing;

use super::tape::Tape;

/// What became of some bytes.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) taken: Vec<Taken>,
    /// It came to an error.
    pub(super) is_refused: bool,
}

/// The requests that a server of hyper's serves.
pub(super) fn requests(bytes: &[u8]) -> Reading {
    let taken = Rc::new(RefCell::new(Vec::new()));
    let service = service_fn(|request: Request<Incoming>| {
        let taken = Rc::clone(&taken);
        async move {
            let start = start_of(&request);
            let at = taken.borrow().len();
            taken.borrow_mut().push(Taken { start, data: Vec::new(), whole: Some(false) });
            let whole = read(request.into_body(), |data| {
                taken.borrow_mut()[at].data.extend_from_slice(data);
            });
            taken.borrow_mut()[at].whole = whole.await;
            let mut response = Response::new(Empty::<Bytes>::new());
            *response.status_mut() = StatusCode::NO_CONTENT;
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = server::conn::http1::Builder::new()
        .auto_date_header(false)
        .header_read_timeout(None)
        .serve_connection(Tape::of_client(bytes), service);
    let end = run(Pin::new(&mut connection));
    drop(connection);
    let is_refused = matches!(end, Poll::Ready(Err(_)));
    Reading { taken: taken.take(), is_refused }
}

/// The final response that a client of hyper's gets to a GET.
pub(super) fn response(bytes: &[u8]) -> Reading {
    let mut handshake = pin!(client::conn::http1::handshake(Tape::of_server(bytes)));
    let Poll::Ready(Ok((mut sender, mut connection))) = run(handshake.as_mut()) else {
        return Reading { is_refused: true, ..Reading::default() };
    };
    let request = Request::get("/").header("Host", "h").body(Empty::<Bytes>::new());
    let response = sender.send_request(request.expect("a request"));
    let taken = RefCell::new(Vec::new());
    let mut exchange = pin!(async {
        let response = response.await.ok()?;
        let start = response.status().as_str().to_owned();
        taken.borrow_mut().push(Taken { start, data: Vec::new(), whole: Some(false) });
        let whole = read(response.into_body(), |data| {
            taken.borrow_mut()[0].data.extend_from_slice(data);
        });
        let whole = whole.await;
        taken.borrow_mut()[0].whole = whole;
        Some(())
    });
    let mut is_over = false;
    let both = pin!(std::future::poll_fn(|context| {
        is_over = is_over || Pin::new(&mut connection).poll(context).is_ready();
        exchange.as_mut().poll(context)
    }));
    let _outcome = run(both);
    let is_refused = taken.borrow().is_empty();
    Reading { taken: taken.take(), is_refused }
}

/// Method and target, as the proxy forwards it. What hyper keeps of an absolute form does not tell
/// an empty path from a slash; to OPTIONS these are two things (RFC 9112 section 3.2.4).
fn start_of(request: &Request<Incoming>) -> String {
    let (method, uri) = (request.method(), request.uri());
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let slash = if target.starts_with('?') { "/" } else { "" };
    let is_vague = method == Method::OPTIONS && uri.authority().is_some() && target == "/";
    let (slash, target) = if is_vague { ("", VAGUE) } else { (slash, target) };
    format!("{method} {slash}{target}")
}

/// Reads a body; `None`: it breaks a rule, or breaks off.
async fn read(mut body: Incoming, mut take: impl FnMut(&[u8])) -> Option<bool> {
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame.ok()?.data_ref() {
            take(data);
        }
    }
    Some(true)
}

/// Polls for as long as it asks to be polled.
fn run<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    struct Alarm(AtomicBool);
    impl Wake for Alarm {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Relaxed);
        }
    }
    let alarm = Arc::new(Alarm(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&alarm));
    let mut context = Context::from_waker(&waker);
    while alarm.0.swap(false, Relaxed) {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Poll::Ready(output);
        }
    }
    Poll::Pending
}

/// Stands for `/` or `*`.
pub(super) const VAGUE: &str = "either";

/// Whether hyper alone refuses a message with this target, if any, and this framing. It keeps the
/// two largest lengths for itself, takes fewer bytes in a target than servers do, and looks into an
/// authority, which we forward in `Host`.
pub(super) fn alone_refuses(target: Option<&str>, framing: Framing) -> bool {
    let is_longest = matches!(framing, Framing::Length(length) if length > u64::MAX - 2);
    let is_unusual = target.is_some_and(|target| {
        target.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}'])
            || !target.starts_with('/') && target.contains(['%', '[', '!', '$', '&', '\''])
    });
    is_longest || is_unusual
}
