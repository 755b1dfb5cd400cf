//! Makes a plan that fails smaller for as long as it fails.

use std::time::Duration;

use crate::message::Ends;
use crate::plan::{Pace, Plan};
use crate::world::{Options, play};

/// The smallest plan found that fails, in whatever way; `plan` itself does.
///
/// Each try is a world. The seed of its chances stays, so that what is left to chance mostly falls
/// as it fell before.
pub(crate) fn shrink(plan: &Plan, options: Options) -> Plan {
    let mut smallest = plan.clone();
    let mut steps = 0;
    'smaller: loop {
        for change in changes(&smallest) {
            let mut candidate = smallest.clone();
            change(&mut candidate);
            if candidate == smallest {
                continue;
            }
            if steps > MOST_STEPS {
                return smallest;
            }
            let outcome = play(&candidate, options);
            steps += outcome.steps;
            if outcome.failure.is_some() {
                smallest = candidate;
                continue 'smaller;
            }
        }
        return smallest;
    }
}

type Change = Box<dyn Fn(&mut Plan)>;

/// What may be taken away, the largest first. Some of it may be gone already.
fn changes(plan: &Plan) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for client in 0..plan.clients.len() {
        changes.push(Box::new(move |plan| drop(plan.clients.remove(client))));
    }
    for operation in 0..plan.operations.len() {
        changes.push(Box::new(move |plan| drop(plan.operations.remove(operation))));
    }
    changes.push(Box::new(|plan| plan.drains_at = None));
    changes.push(Box::new(|plan| plan.workers = 1));
    for (client, planned) in plan.clients.iter().enumerate() {
        for request in (0..planned.requests.len()).filter(|_| planned.requests.len() > 1) {
            changes.push(Box::new(move |plan| {
                plan.clients[client].requests.remove(request);
            }));
        }
        changes.push(Box::new(move |plan| plan.clients[client].fault = None));
        changes.push(Box::new(move |plan| plan.clients[client].garbage = None));
        changes.push(Box::new(move |plan| plan.clients[client].half_closes = false));
        changes.push(Box::new(move |plan| plan.clients[client].stays = false));
        changes.push(Box::new(move |plan| plan.clients[client].at = Duration::ZERO));
        changes.push(Box::new(move |plan| plan.clients[client].writes = FAST));
        changes.push(Box::new(move |plan| plan.clients[client].reads = FAST));
        for request in 0..planned.requests.len() {
            changes_of_request(client, request, &mut changes);
        }
    }
    for upstream in 0..plan.upstreams.len() {
        changes.push(Box::new(move |plan| plan.upstreams[upstream].closes_idle_us = None));
        changes.push(Box::new(move |plan| plan.upstreams[upstream].pace = FAST));
    }
    changes.push(Box::new(|plan| plan.weather.short = 0));
    changes.push(Box::new(|plan| plan.weather.lag = 0));
    changes.push(Box::new(|plan| plan.weather.late = 0));
    changes.push(Box::new(|plan| plan.weather.accept_errors = 0));
    changes.push(Box::new(|plan| plan.weather.spurious = 0));
    changes.push(Box::new(|plan| plan.weather.overlap = 0));
    changes.push(Box::new(|plan| plan.weather.poll_us = 0));
    changes
}

fn changes_of_request(client: usize, request: usize, changes: &mut Vec<Change>) {
    let mut add = |change: fn(&mut crate::Request)| {
        changes.push(Box::new(move |plan| change(&mut plan.clients[client].requests[request])));
    };
    add(|request| request.answer.ends = Ends::Whole);
    add(|request| request.answer.interims = 0);
    add(|request| request.answer.delay_us = 0);
    add(|request| request.answer.has_trailers = false);
    add(|request| request.answer.length = 0);
    add(|request| request.answer.length /= 2);
    add(|request| request.has_trailers = false);
    add(|request| request.expects = false);
    add(|request| request.length /= 2);
}

const FAST: Pace = Pace { bytes: usize::MAX, pause_us: 0 };
/// Steps played to make a plan smaller, over all worlds: some ten seconds.
const MOST_STEPS: usize = 5_000_000;
