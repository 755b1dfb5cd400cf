use std::fmt::{self, Display, Formatter};

use proxy_config::Moved;
use proxy_metrics::{StatusClass, TimeoutKind, UpstreamErrorKind};
use proxy_proto::{Blame, Cause, RequestHead, Summary, Uuid};

use crate::runtime::Runtime;
use crate::upstream::Upstream;
use crate::worker::Worker;

/// Counts one finished request and writes its line. `request` is asked for only if the level has
/// the line written.
pub(crate) fn finish<'a, R: Runtime>(
    summary: &Summary,
    request: impl FnOnce() -> Option<RequestHead<'a>>,
    upstream: Option<&Upstream<R::Socket>>,
    worker: &Worker<R>,
) {
    count(summary, upstream, worker);
    log(summary, request);
}

fn count<R: Runtime>(
    summary: &Summary,
    upstream: Option<&Upstream<R::Socket>>,
    worker: &Worker<R>,
) {
    let shard = &worker.shard;
    shard.requests.inc();
    shard.bytes_sent.add(summary.bytes_sent);
    shard.bytes_received.add(summary.bytes_received);
    // Refusals take no time; among the durations they would only hide those of requests.
    if summary.routed {
        shard.duration.observe(summary.elapsed);
    }
    if let Some(status) = summary.status {
        shard.response(StatusClass::of(status)).inc();
        if !summary.routed {
            shard.parse_errors.inc();
        }
    }
    let cause = summary.fault.map(|fault| fault.cause);
    if let Some(cause) = cause {
        shard.failure(cause as usize).inc();
        if let Some(kind) = timeout_kind(cause) {
            shard.timeout(kind).inc();
        }
    }
    let Some(upstream) = upstream else { return };
    let shard = upstream.metrics.shard(worker.number);
    if let Some(elapsed) = summary.upstream_elapsed {
        shard.duration.observe(elapsed);
    }
    if summary.retried {
        shard.retries.inc();
    }
    if let Some(kind) = cause.and_then(upstream_error_kind) {
        shard.error(kind).inc();
    }
}

/// Writes the line of a request that has got its upstream.
pub(crate) fn selected(upstream: &str, request: RequestHead<'_>, trace: Uuid) {
    tracing::info!(
        target: "proxy.balancer",
        trace_id = %trace,
        "{}",
        Selected { upstream, request }
    );
}

/// Writes a line for each address that a name has come to stand for, or does so no more.
pub(crate) fn moved(moved: &[Moved]) {
    for Moved { name, joined, left } in moved {
        for address in joined {
            tracing::info!(target: "proxy.resolver", "{address} joined {name}");
        }
        for address in left {
            tracing::info!(target: "proxy.resolver", "{address} left {name}");
        }
    }
}

fn log<'a>(summary: &Summary, request: impl FnOnce() -> Option<RequestHead<'a>>) {
    tracing::info!(
        target: "proxy.access",
        trace_id = %summary.trace,
        "{}",
        Finished { summary, request: request() }
    );
}

/// `Selected upstream 127.0.0.1:9001 for GET / (round-robin)`. Each request writes this and
/// [`Finished`]: they go into the line piece by piece, which costs half of what placeholders do.
struct Selected<'a> {
    upstream: &'a str,
    request: RequestHead<'a>,
}

impl Display for Selected<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let RequestHead { method, target, .. } = self.request;
        ["Selected upstream ", self.upstream, " for ", method, " ", target, " (round-robin)"]
            .into_iter()
            .try_for_each(|piece| f.write_str(piece))
    }
}

/// `Finished GET / 200 in 12.3 ms (5120 bytes)`, and the cause of a failure. A dash stands for what
/// there was not: a request that could be read, a status that the client got.
struct Finished<'a> {
    summary: &'a Summary,
    request: Option<RequestHead<'a>>,
}

impl Display for Finished<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Summary { status, elapsed, bytes_sent, fault, .. } = self.summary;
        let (method, target) = self.request.map_or(("-", "-"), |head| (head.method, head.target));
        let mut digits = [itoa::Buffer::new(); 4];
        let [first, second, third, fourth] = &mut digits;
        let tenths = (elapsed.as_nanos() + 50_000) / 100_000;
        let pieces = [
            "Finished ",
            method,
            " ",
            target,
            " ",
            status.map_or("-", |status| first.format(status)),
            " in ",
            second.format(tenths / 10),
            ".",
            third.format(tenths % 10),
            " ms (",
            fourth.format(*bytes_sent),
            " bytes)",
        ];
        pieces.into_iter().try_for_each(|piece| f.write_str(piece))?;
        fault.map_or(Ok(()), |fault| write!(f, " cause={} ({})", fault.cause.word(), fault.reason))
    }
}

/// The timeouts of the contract with users; others have a cause only.
const fn timeout_kind(cause: Cause) -> Option<TimeoutKind> {
    match cause {
        Cause::ConnectTimeout => Some(TimeoutKind::Connect),
        Cause::ReadTimeout => Some(TimeoutKind::Read),
        Cause::WriteTimeout => Some(TimeoutKind::Write),
        Cause::QueueTimeout | Cause::TotalTimeout => Some(TimeoutKind::Total),
        Cause::BadRequest
        | Cause::HeadTooLarge
        | Cause::TargetTooLong
        | Cause::MethodNotAllowed
        | Cause::ExpectationFailed
        | Cause::NotImplemented
        | Cause::VersionNotSupported
        | Cause::NotFound
        | Cause::ClientHeadTimeout
        | Cause::ClientBodyTimeout
        | Cause::ClientSendTimeout
        | Cause::ClientGone
        | Cause::ConnectRefused
        | Cause::ConnectFailed
        | Cause::Unresolved
        | Cause::UpstreamReset
        | Cause::UpstreamEof
        | Cause::BadResponse
        | Cause::TunnelIdle
        | Cause::Draining => None,
    }
}

/// What an upstream is charged with. A request whose total time ran out while it was with the
/// upstream is a timeout of that upstream; the wait for a place is not.
fn upstream_error_kind(cause: Cause) -> Option<UpstreamErrorKind> {
    match (cause.blame(), cause) {
        (_, Cause::ConnectRefused) => Some(UpstreamErrorKind::ConnectionRefused),
        (_, Cause::TotalTimeout) => Some(UpstreamErrorKind::Timeout),
        (Blame::Upstream, _) if timeout_kind(cause).is_some() => Some(UpstreamErrorKind::Timeout),
        (Blame::Upstream, _) => Some(UpstreamErrorKind::Other),
        (Blame::Client | Blame::Us, _) => None,
    }
}
