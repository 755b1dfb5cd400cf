use proxy_metrics::{Format, Metrics};
use proxy_proto::{Cause, Fault, LocalHead, RequestHead};

use crate::local::Body;

/// What the metrics port answers.
pub(crate) fn answer(
    request: RequestHead<'_>,
    metrics: &Metrics,
) -> Result<(LocalHead, Body), Fault> {
    let path = request.target.split('?').next().unwrap_or_default();
    if path != "/metrics" {
        return Err(Fault::new(Cause::NotFound, "there is only /metrics"));
    }
    if !matches!(request.method, "GET" | "HEAD") {
        return Err(Fault::new(Cause::MethodNotAllowed, "only GET and HEAD"));
    }
    let format = Format::negotiate(request.field("accept"));
    let mut text = String::new();
    metrics.render(format, &mut text);
    let head =
        LocalHead { status: 200, content_type: format.content_type(), length: text.len() as u64 };
    Ok((head, Body::new(text.into_bytes())))
}
