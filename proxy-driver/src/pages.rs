use proxy_metrics::Format;
use proxy_proto::{Cause, Fault, LocalHead, RequestHead};

use crate::local::Body;
use crate::phase::Phase;
use crate::profiling::{self, Later};
use crate::proxy::Proxy;
use crate::runtime::Runtime;

/// An answer of the metrics port.
pub(crate) enum Answer {
    Now(LocalHead, Body),
    /// It takes its time.
    #[cfg_attr(not(feature = "profiling"), expect(dead_code, reason = "there is none"))]
    Later(Later),
}

/// What the metrics port answers.
pub(crate) fn answer<R: Runtime>(
    request: RequestHead<'_>,
    proxy: &Proxy<R>,
) -> Result<Answer, Fault> {
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    let page = match path {
        "/metrics" => Page::Metrics,
        "/healthz" => Page::Alive,
        "/readyz" => Page::Ready,
        profiling::PATH => Page::Profile,
        _ => return Err(Fault::new(Cause::NotFound, "there are /metrics, /healthz and /readyz")),
    };
    if !matches!(request.method, "GET" | "HEAD") {
        return Err(Fault::new(Cause::MethodNotAllowed, "only GET and HEAD"));
    }
    let (head, body) = match page {
        Page::Metrics => {
            let format = Format::negotiate(request.field("accept"));
            let mut text = String::new();
            proxy.metrics.render(format, &mut text);
            whole(200, format.content_type(), text)
        }
        Page::Alive => word(200, "ok"),
        Page::Ready => match proxy.life.phase() {
            Phase::Starting => word(503, "starting"),
            Phase::Ready => word(200, "ready"),
            Phase::Leaving | Phase::Draining | Phase::Cutting => word(503, "draining"),
        },
        // To HEAD, too, only the whole tells the length; its answer takes as long.
        Page::Profile => return profiling::take(query),
    };
    Ok(Answer::Now(head, body))
}

enum Page {
    Metrics,
    /// Whoever answers is alive.
    Alive,
    /// Whether clients are to be sent here.
    Ready,
    /// Where the CPU time goes, from now on.
    Profile,
}

pub(crate) fn word(status: u16, word: &str) -> (LocalHead, Body) {
    whole(status, "text/plain; charset=utf-8", format!("{word}\n"))
}

pub(crate) fn whole(
    status: u16,
    content_type: &'static str,
    content: impl Into<Vec<u8>>,
) -> (LocalHead, Body) {
    let content = content.into();
    let length = content.len() as u64;
    (LocalHead { status, content_type, length }, Body::new(content))
}
