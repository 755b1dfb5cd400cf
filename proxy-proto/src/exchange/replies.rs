//! What the driver's answers to actions change, and whether any rule looks at that.

use super::Exchange;
use super::settle::Moved;
use crate::head::request;
use crate::state::{Edge, Route, Stage};
use crate::{Instant, Lanes, Reply};

impl Exchange {
    pub(super) fn take_reply(&mut self, reply: Reply, lanes: &mut Lanes, now: Instant) -> Moved {
        match (reply, self.route) {
            (Reply::Routed, Route::Asked) => {
                if let Some(facts) = &lanes.current.facts {
                    request::finish(facts, &lanes.upstream, &mut lanes.request.before);
                }
                self.route = Route::Waiting;
                self.push(Edge::Connect);
                // No rule and no timer tells the wait for a name from the wait for a place.
                return Moved::No;
            }
            (Reply::Local(local), Route::Asked) => self.answer_locally(local, lanes),
            (Reply::Refused(fault), Route::Asked) => self.fail(fault, lanes),
            (Reply::Dialing(attempt), Route::Waiting) if attempt == self.attempt => {
                self.route = Route::Dialing;
            }
            (Reply::Connected { attempt, reused }, Route::Waiting | Route::Dialing)
                if attempt == self.attempt =>
            {
                self.route = Route::Connected { reused };
                lanes.current.marks.connected = Some(now);
                self.deaf = false;
                lanes.request.flow.keeps = reused;
            }
            (Reply::Failed { attempt, fault }, Route::Waiting | Route::Dialing)
                if attempt == self.attempt =>
            {
                self.fail(fault, lanes);
            }
            (Reply::Next(trace), _) => {
                if let Stage::Finished { answered: false } = self.stage {
                    self.stage = Stage::Finished { answered: true };
                    self.trace = trace;
                }
            }
            // Too late, or an older attempt: legal.
            (
                Reply::Routed
                | Reply::Local(_)
                | Reply::Refused(_)
                | Reply::Dialing(_)
                | Reply::Connected { .. }
                | Reply::Failed { .. },
                _,
            ) => return Moved::No,
        }
        Moved::Yes
    }
}
