use proxy_metrics::Format;
use proxy_proto::{Cause, Fault, LocalHead, RequestHead};

use crate::local::Body;
use crate::phase::Phase;
use crate::proxy::Proxy;
use crate::runtime::Runtime;

/// What the metrics port answers.
pub(crate) fn answer<R: Runtime>(
    request: RequestHead<'_>,
    proxy: &Proxy<R>,
) -> Result<(LocalHead, Body), Fault> {
    let path = request.target.split('?').next().unwrap_or_default();
    let page = match path {
        "/metrics" => Page::Metrics,
        "/healthz" => Page::Alive,
        "/readyz" => Page::Ready,
        _ => return Err(Fault::new(Cause::NotFound, "there are /metrics, /healthz and /readyz")),
    };
    if !matches!(request.method, "GET" | "HEAD") {
        return Err(Fault::new(Cause::MethodNotAllowed, "only GET and HEAD"));
    }
    Ok(match page {
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
    })
}

enum Page {
    Metrics,
    /// Whoever answers is alive.
    Alive,
    /// Whether clients are to be sent here.
    Ready,
}

fn word(status: u16, word: &str) -> (LocalHead, Body) {
    whole(status, "text/plain; charset=utf-8", format!("{word}\n"))
}

fn whole(status: u16, content_type: &'static str, text: String) -> (LocalHead, Body) {
    let length = text.len() as u64;
    (LocalHead { status, content_type, length }, Body::new(text.into_bytes()))
}
