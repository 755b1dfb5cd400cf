//! How a seed becomes a plan.

use std::time::Duration;

use crate::dice::Dice;
use crate::message::{Answer, Ends, Framed, GARBAGE, Request};
use crate::plan::{
    Act, ClientFault, ClientPlan, Operation, Pace, Plan, Setup, UpstreamPlan, Weather, When, Works,
};

impl Plan {
    /// What this seed decides.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let calm = dice.percent(35);
        let upstreams = 1 + dice.below(3);
        let clients = dice.pick(&[1, 1, 2, 3, 4, 6, 8]);
        // With room for few, each client asks for one thing: a place may be given to another
        // between two requests, while the next one is on its way.
        let crowded = calm && dice.percent(25);
        let mut setup = Setup::roll(&mut dice, calm, upstreams, clients);
        if crowded {
            setup.clients = 1 + dice.below(2);
        }
        let tiny = dice.percent(30);
        let weather = Weather::roll(&mut dice, calm, tiny);
        let size = Size { tiny, calm };
        let clients =
            (0..clients).map(|number| ClientPlan::roll(&mut dice, number, size, crowded)).collect();
        let upstream_plans =
            (0..upstreams).map(|_| UpstreamPlan::roll(&mut dice, calm, tiny)).collect();
        let mut plan = Self {
            seed: dice.next(),
            calm,
            workers: dice.pick(&[1, 1, 2, 3]),
            setup,
            weather,
            upstreams: upstream_plans,
            clients,
            operations: Vec::new(),
            drains_at: None,
        };
        plan.roll_operations(&mut dice, crowded);
        plan
    }

    fn roll_operations(&mut self, dice: &mut Dice, crowded: bool) {
        let upstreams = self.upstreams.len();
        let span = dice.pick(&[2_000, 50_000, 400_000]);
        for _ in 0..dice.pick(&[0, 0, 1, 2, 4]) {
            let at = Duration::from_micros(dice.below(span) as u64);
            let kind = if self.calm { 0 } else { dice.below(6) };
            let operation = match kind {
                0 | 1 => {
                    let mut setup = Setup::roll(dice, self.calm, upstreams, self.clients.len());
                    if crowded {
                        setup.clients = self.setup.clients;
                    }
                    Operation::Reload(setup)
                }
                2 => Operation::ClockJumps(Duration::from_millis(dice.pick(&[1, 100, 20_000]))),
                3 => {
                    let works = dice.pick(&[Works::Well, Works::Not, Works::Silently]);
                    Operation::Upstream(dice.below(upstreams), works)
                }
                4 => Operation::Leaves,
                _ => Operation::Breaks(dice.below(8)),
            };
            self.operations.push((at, operation));
        }
        if !self.calm && dice.percent(30) {
            self.drains_at = Some(Duration::from_micros(dice.below(span) as u64));
        }
    }
}

/// How large things are, and how rough.
#[derive(Clone, Copy)]
struct Size {
    tiny: bool,
    calm: bool,
}

impl Weather {
    fn roll(dice: &mut Dice, calm: bool, tiny: bool) -> Self {
        let capacities: &[usize] =
            if tiny { &[1, 17, 100, 1000] } else { &[512, 4096, 65_536, 65_536] };
        let audit = dice.percent(30);
        let rough = !audit;
        let latency_us = dice.pick(&[10, 100, 3000]);
        Self {
            latency_us: if calm { latency_us.min(1000) } else { latency_us },
            capacities: capacities.to_vec(),
            short: dice.pick(&[0, 0, 10, 50]),
            lag: if rough { dice.pick(&[0, 0, 5, 30]) } else { 0 },
            late: if rough { dice.pick(&[0, 0, 20]) } else { 0 },
            accept_errors: if calm { 0 } else { dice.pick(&[0, 0, 30]) },
            spurious: if rough { dice.pick(&[0, 0, 0, 5]) } else { 0 },
            overlap: dice.pick(&[0, 10, 40]),
            poll_us: dice.pick(&[0, 1, 20]),
            audit,
        }
    }
}

impl UpstreamPlan {
    fn roll(dice: &mut Dice, calm: bool, tiny: bool) -> Self {
        let idle = !calm && dice.percent(40);
        Self {
            closes_idle_us: idle.then(|| dice.below(10_000)),
            resets: dice.percent(30),
            pace: Pace::roll(dice, calm, tiny),
        }
    }
}

impl Pace {
    fn roll(dice: &mut Dice, calm: bool, tiny: bool) -> Self {
        if dice.percent(70) {
            return Self { bytes: usize::MAX, pause_us: 0 };
        }
        let bytes = if tiny { dice.pick(&[1, 5, 50]) } else { dice.pick(&[300, 3000]) };
        let pause_us = if calm { dice.below(500) } else { dice.pick(&[10, 1000, 8000]) };
        Self { bytes, pause_us }
    }
}

impl ClientPlan {
    fn roll(dice: &mut Dice, number: usize, size: Size, crowded: bool) -> Self {
        let Size { tiny, calm } = size;
        let count = if crowded { 1 } else { dice.pick(&[1, 1, 2, 3, 5]) };
        let mut requests: Vec<_> = (0..count)
            .map(|nth| Request::roll(dice, number * 100 + nth, size, nth + 1 == count))
            .collect();
        if crowded && let Some(only) = requests.last_mut() {
            only.persists = false;
        }
        // Whatever follows goes through a tunnel.
        let tunnels = requests.last().is_some_and(|last| last.tunnels.is_some());
        let is_faulty = !calm && dice.percent(35);
        let when = |dice: &mut Dice| match dice.below(2) {
            0 => When::Sent(dice.below(1001)),
            _ => When::Got(dice.below(600)),
        };
        let latest = dice.pick(&[1, 100, 10_000, 200_000]);
        let acts = [Act::Closes, Act::Resets, Act::StopsSending, Act::StopsReading];
        Self {
            at: Duration::from_micros(dice.below(latest) as u64),
            requests,
            garbage: (!calm && !tunnels && dice.percent(10)).then(|| dice.pick(GARBAGE)),
            writes: Pace::roll(dice, calm, tiny),
            reads: Pace::roll(dice, calm, tiny),
            half_closes: dice.percent(15),
            stays: !calm && dice.percent(20),
            fault: is_faulty.then(|| ClientFault { when: when(dice), act: dice.pick(&acts) }),
        }
    }
}

impl Request {
    fn roll(dice: &mut Dice, id: usize, size: Size, is_last: bool) -> Self {
        let Size { tiny, calm } = size;
        let free = !calm || is_last;
        let tunnels = (is_last && dice.percent(8)).then(|| body_size(dice, tiny));
        let old = free && tunnels.is_none() && dice.percent(15);
        let method = match tunnels {
            Some(_) => "GET",
            None => dice.pick(&["GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"]),
        };
        let framed = match dice.below(if old { 2 } else { 3 }) {
            _ if tunnels.is_some() => Framed::Unstated,
            0 => Framed::Unstated,
            1 => Framed::ByLength,
            _ => Framed::InChunks,
        };
        let length = if framed == Framed::Unstated { 0 } else { body_size(dice, tiny) };
        Self {
            id,
            method,
            old,
            persists: !(free && dice.percent(15)),
            framed,
            length,
            has_trailers: framed == Framed::InChunks && dice.percent(30),
            expects: !old && length > 0 && dice.percent(15),
            tunnels,
            waits: dice.percent(50),
            answer: Answer::roll(dice, size),
        }
    }
}

impl Answer {
    fn roll(dice: &mut Dice, size: Size) -> Self {
        let Size { tiny, calm } = size;
        let framed = dice.pick(&[
            Framed::Unstated,
            Framed::ByLength,
            Framed::ByLength,
            Framed::ByLength,
            Framed::InChunks,
            Framed::InChunks,
        ]);
        let cut = dice.below(1001);
        let ends = match dice.below(25) {
            _ if calm => Ends::Whole,
            0 | 1 => Ends::Closed(cut),
            2 | 3 => Ends::Reset(cut),
            4 => Ends::Silent(cut),
            5 | 6 => Ends::Stray,
            _ => Ends::Whole,
        };
        Self {
            status: dice.pick(&[200, 200, 200, 200, 404, 500, 204, 304]),
            interims: dice.pick(&[0, 0, 0, 0, 1, 3]),
            old: dice.percent(10),
            says_close: dice.percent(10),
            framed,
            length: body_size(dice, tiny),
            has_trailers: framed == Framed::InChunks && dice.percent(30),
            early: !calm && dice.percent(10),
            delay_us: dice.pick(&[0, 0, 100, 5000]),
            ends,
        }
    }
}

fn body_size(dice: &mut Dice, tiny: bool) -> usize {
    let most = if tiny {
        dice.pick(&[1, 20, 300])
    } else {
        dice.pick(&[20, 200, 3000, 3000, 40_000, 90_000])
    };
    dice.below(most + 1)
}

impl Setup {
    fn roll(dice: &mut Dice, calm: bool, upstreams: usize, clients: usize) -> Self {
        let mut used: Vec<_> = (0..upstreams).filter(|_| dice.percent(70)).collect();
        if used.is_empty() {
            used.push(dice.below(upstreams));
        }
        Self {
            upstreams: used,
            clients: if calm { clients + 1 } else { dice.pick(&[1, 2, 3, 100]) },
            per_upstream: dice.pick(&[1, 1, 2, 3, 100]),
            upstream_idle_ms: dice.pick(&[0, 1, 10, 4000, 4000]),
            timeouts_ms: if calm { None } else { dice.pick(&[None, Some(5), Some(50), Some(500)]) },
            deadline_ms: if calm { 30_000 } else { dice.pick(&[1, 50, 1000, 30_000]) },
        }
    }
}
