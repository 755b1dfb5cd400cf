//! Answers of our own: local pages, and faults told to the client.

use super::Exchange;
use crate::answer::{self, Answering};
use crate::flow::{Emit, Recv};
use crate::framing::Framing;
use crate::head::response::Persistence;
use crate::lanes::Lane;
use crate::state::{Current, HeadSent, Route};
use crate::{CloseReason, Fault, Lanes, LocalHead};

impl Exchange {
    pub(super) fn answer_locally(&mut self, local: LocalHead, lanes: &mut Lanes) {
        self.route = Route::Local;
        lanes.request.sink();
        self.persists = self.may_persist(&lanes.request, &lanes.current);
        let length = if lanes.current.is_to_head() { 0 } else { local.length };
        answer::render_local(
            local,
            self.answering(&lanes.request, &lanes.current),
            &mut lanes.response,
        );
        lanes.response.begin_body(Framing::Length(length), Emit::AsIs);
        lanes.current.status = Some(local.status);
        self.head = HeadSent::Rendered;
    }

    /// Whether the client's connection may stay open, as far as is known before the response.
    pub(super) fn may_persist(&self, lane: &Lane, current: &Current) -> bool {
        let waits_for_continue = self.awaits_continue(current) && lane.flow.recv != Recv::Done;
        let is_last = lane.flow.eof && !lane.has_bytes_behind();
        // Bytes sent on the strength of an upgrade are no request.
        current.facts.is_some_and(|facts| facts.persists && !facts.wants_upgrade)
            && !self.drains
            && !is_last
            && !waits_for_continue
    }

    /// The client holds its body back until somebody says 100.
    pub(super) fn awaits_continue(&self, current: &Current) -> bool {
        !self.continued && current.facts.is_some_and(|facts| facts.expects_continue)
    }

    pub(super) fn answering(&self, asked: &Lane, current: &Current) -> Answering {
        // A head that was refused is still where it came in.
        let refused_head = current.facts.is_none() && asked.window.bytes().starts_with(b"HEAD ");
        Answering {
            trace: self.trace,
            persistence: self.persistence(current),
            to_head: current.is_to_head() || refused_head,
            allow: if self.route == Route::Local || self.route == Route::Asked {
                "GET, HEAD"
            } else {
                "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
            },
        }
    }

    pub(super) fn persistence(&self, current: &Current) -> Persistence {
        match (self.persists, current.facts.is_some_and(|facts| facts.version_1_1)) {
            (false, _) => Persistence::Close,
            (true, true) => Persistence::Implied,
            (true, false) => Persistence::KeepAlive,
        }
    }

    /// Answers with the fault, in place of a response of which nothing has gone out.
    pub(super) fn answer(&mut self, fault: Fault, lanes: &mut Lanes) {
        let Lanes { request, response, current, upstream } = lanes;
        self.persists = self.may_persist(request, current) && request.flow.recv == Recv::Done;
        response.begin_answer(self.head == HeadSent::Rendered);
        answer::render_fault(fault, upstream, self.answering(request, current), response);
        current.status = Some(fault.cause.status());
        self.head = HeadSent::Rendered;
        match request.flow.recv {
            Recv::Body(_) | Recv::Done => request.sink(),
            // A head that cannot be trusted: where it ends is not known.
            Recv::Idle | Recv::Head | Recv::Cut => request.flow.recv = Recv::Cut,
        }
    }

    /// Something is wrong with the request in hand: the client gets an answer if it can still be
    /// told, and otherwise sees its connection break.
    pub(super) fn fail(&mut self, fault: Fault, lanes: &mut Lanes) {
        lanes.current.fault = Some(fault);
        match self.head {
            HeadSent::No | HeadSent::Rendered => {
                self.drop_upstream(CloseReason::Failed(fault.cause));
                self.answer(fault, lanes);
                self.route = Route::Over;
            }
            HeadSent::Offered => {
                self.drop_upstream(CloseReason::Failed(fault.cause));
                lanes.response.flow.recv = Recv::Cut;
                self.persists = false;
                lanes.request.sink();
            }
        }
    }
}
