use proxy_metrics::{StatusClass, TimeoutKind, UpstreamErrorKind};
use proxy_proto::{Blame, Cause, RequestHead, Summary};

use crate::runtime::Runtime;
use crate::upstream::Upstream;
use crate::worker::Worker;

/// Counts one finished request and writes its line.
pub(crate) fn finish<R: Runtime>(
    summary: &Summary,
    request: Option<RequestHead<'_>>,
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

fn log(summary: &Summary, request: Option<RequestHead<'_>>) {
    let (method, target) = request.map_or(("-", "-"), |head| (head.method, head.target));
    let milliseconds = summary.elapsed.as_secs_f64() * 1000.0;
    let Summary { bytes_sent, trace, .. } = summary;
    let status = Status(summary.status);
    match summary.fault {
        None => tracing::info!(
            target: "proxy.access",
            trace_id = %trace,
            "Finished {method} {target} {status} in {milliseconds:.1} ms ({bytes_sent} bytes)"
        ),
        Some(fault) => tracing::info!(
            target: "proxy.access",
            trace_id = %trace,
            "Finished {method} {target} {status} in {milliseconds:.1} ms ({bytes_sent} bytes) \
             cause={} ({})",
            fault.cause.word(),
            fault.reason
        ),
    }
}

/// A status, or a dash where the client got none.
struct Status(Option<u16>);

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(status) => status.fmt(f),
            None => f.write_str("-"),
        }
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
