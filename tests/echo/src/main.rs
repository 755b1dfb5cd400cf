//! An upstream that answers with what it was asked.
//!
//! `echo [HOST:PORT]...` serves on each address, else on those of `LISTEN` (comma-separated), else
//! on 127.0.0.1:9001. Port 0 is any free port. Each address is announced on stdout.
//!
//! SIGTERM and SIGINT let the requests in flight finish. Before that it serves on, as if nothing were
//! to come, for `SHUTDOWN_DELAY_MS` milliseconds, 0 by default: time for those who found it by name
//! to notice that the name no longer leads here.
//!
//! | request | answer |
//! |---|---|
//! | `POST`, `PUT`, any path | the request's body, streamed back under its content type |
//! | `/bytes/N` | N bytes |
//! | `/delay/MS` | 200 after MS milliseconds |
//! | `/status/CODE` | that status |
//! | `/sse` | ten server-sent events, one each 100 ms |
//! | anything else | the method, the path and the headers, a line each |
//!
//! `X-Upstream` names the address that answered, so that rotation is visible.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::future::try_join_all;
use futures_util::{Stream, stream};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> io::Result<()> {
    let delay = shutdown_delay()?;
    try_join_all(addresses().into_iter().map(|address| serve(address, delay))).await?;
    Ok(())
}

fn addresses() -> Vec<String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.is_empty() {
        return arguments;
    }
    let listen = std::env::var("LISTEN").unwrap_or_else(|_| DEFAULT_LISTEN.into());
    listen.split(',').map(|address| address.trim().into()).collect()
}

fn shutdown_delay() -> io::Result<Duration> {
    let Ok(text) = std::env::var("SHUTDOWN_DELAY_MS") else { return Ok(Duration::ZERO) };
    let wrong = |error| io::Error::other(format!("SHUTDOWN_DELAY_MS={text}: {error}"));
    text.parse().map(Duration::from_millis).map_err(wrong)
}

async fn serve(address: String, shutdown_delay: Duration) -> io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(&address).await?;
    let address = listener.local_addr()?.to_string();
    // A body's last block would else wait 40 ms for the peer to acknowledge the one before.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    println!("Listening on {address}");
    axum::serve(listener, router(&address))
        .with_graceful_shutdown(async move {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
            tokio::time::sleep(shutdown_delay).await;
        })
        .await
}

fn router(address: &str) -> Router {
    let name = HeaderValue::from_str(address).expect("a socket address is a header value");
    Router::new()
        .route("/bytes/{count}", get(bytes).fallback(describe_or_echo))
        .route("/delay/{millis}", get(delay).fallback(describe_or_echo))
        .route("/status/{code}", get(status).fallback(describe_or_echo))
        .route("/sse", get(events).fallback(describe_or_echo))
        .fallback(describe_or_echo)
        .layer(axum::middleware::map_response(move |mut response: Response| {
            response.headers_mut().insert(X_UPSTREAM, name.clone());
            async move { response }
        }))
}

async fn describe_or_echo(request: Request) -> Response {
    match *request.method() {
        Method::POST | Method::PUT => echo(request),
        _ => describe(&request).into_response(),
    }
}

fn echo(request: Request) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let mut response = Response::new(request.into_body());
    if let Some(content_type) = content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    response
}

fn describe(request: &Request) -> String {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        writeln!(text, "{name}: {value}").expect("a String takes all that is written");
    }
    text
}

async fn bytes(Path(count): Path<usize>) -> Response {
    let blocks = stream::unfold(count, |left| async move {
        let size = left.min(BLOCK.len());
        (size > 0).then(|| (Ok::<_, Infallible>(Bytes::from_static(&BLOCK[..size])), left - size))
    });
    let length = [(header::CONTENT_LENGTH, count)];
    (length, Body::from_stream(blocks)).into_response()
}

async fn delay(Path(millis): Path<u64>) -> String {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    format!("after {millis} ms\n")
}

async fn status(Path(code): Path<u16>) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)
}

async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::unfold(1, |number| async move {
        if number > EVENTS {
            return None;
        }
        tokio::time::sleep(EVENT_INTERVAL).await;
        Some((Ok(Event::default().data(format!("event {number}"))), number + 1))
    }))
}

const DEFAULT_LISTEN: &str = "127.0.0.1:9001";
const X_UPSTREAM: HeaderName = HeaderName::from_static("x-upstream");
const EVENTS: u32 = 10;
const EVENT_INTERVAL: Duration = Duration::from_millis(100);
/// Large enough that system calls, not this program, are what a download costs.
static BLOCK: [u8; 64 * 1024] = [b'.'; 64 * 1024];
