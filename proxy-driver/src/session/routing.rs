//! Who answers a request, and what is done when it is answered.

use std::task::{Context, Poll};

use proxy_proto::{Instant, Lanes, Reply, Summary};

use super::Session;
use super::answers::Answers;
use crate::pages::{self, Answer};
use crate::runtime::Runtime;
use crate::{record, report};

impl<R: Runtime> Session<R> {
    /// `None`: the answer comes from [`poll_page`](Self::poll_page).
    pub(super) fn route(&mut self, lanes: &mut Lanes) -> Option<Reply> {
        match &mut self.answers {
            Answers::Pages { body, later } => {
                let Some(request) = self.exchange.request(lanes) else {
                    return Some(Reply::Routed);
                };
                match pages::answer(request, &self.proxy) {
                    Ok(Answer::Now(head, page)) => {
                        *body = Some(page);
                        Some(Reply::Local(head))
                    }
                    Ok(Answer::Later(page)) => {
                        *later = Some(page);
                        None
                    }
                    Err(fault) => Some(Reply::Refused(fault)),
                }
            }
            Answers::Upstreams { chosen, .. } => {
                let number = self.snapshot.rotation.pick();
                let upstream = &self.snapshot.upstreams[number];
                *chosen = u32::try_from(number).ok();
                lanes.upstream.clear();
                lanes.upstream.push_str(&upstream.name);
                upstream.metrics.shard(self.worker.number).requests.inc();
                // Its text is looked at for the line alone.
                if tracing::enabled!(target: "proxy.balancer", tracing::Level::INFO)
                    && let Some(request) = self.exchange.request(lanes)
                {
                    report::selected(&upstream.name, request, self.exchange.trace());
                }
                Some(Reply::Routed)
            }
        }
    }

    pub(super) fn finish(&mut self, summary: &Summary, lanes: &mut Lanes, now: Instant) {
        match &mut self.answers {
            Answers::Upstreams { chosen, presence, .. } => {
                presence.set_answered(now);
                let upstream =
                    chosen.take().map(|number| &*self.snapshot.upstreams[number as usize]);
                let request = || self.exchange.request(lanes);
                report::finish(summary, request, upstream, &self.worker);
            }
            Answers::Pages { body, later } => (*body, *later) = (None, None),
        }
        record::finish(summary, &self.exchange, self.snapshot.record.as_ref());
        self.follow_reload();
        self.exchange.handle_reply(Reply::Next(self.worker.next_trace()), lanes, now);
    }

    /// A page that takes its time.
    pub(super) fn poll_page(&mut self, lanes: &mut Lanes, cx: &Context<'_>, now: Instant) -> bool {
        let Answers::Pages { body, later } = &mut self.answers else { return false };
        let Some(Poll::Ready((head, page))) = later.as_ref().map(|later| later.poll(cx)) else {
            return false;
        };
        (*body, *later) = (Some(page), None);
        self.exchange.handle_reply(Reply::Local(head), lanes, now);
        self.take_actions(lanes, now);
        true
    }
}
