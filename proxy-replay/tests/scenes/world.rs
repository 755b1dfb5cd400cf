//! A client, an upstream, a driver and a clock around one recorder, moved by dice: every run is
//! decided by its seed.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use proxy_proto::{
    Action, Attempt, Cause, Exchange, Fault, Instant, Lanes, LocalHead, Peer, Reply, Settings, Uuid,
};
use proxy_replay::{Mode, Recorder, Recording};

pub(crate) struct World {
    recorder: Recorder,
    lanes: Lanes,
    now: Instant,
    dice: Dice,
    /// What each peer has still to send.
    unsent: [VecDeque<u8>; 2],
    responses: VecDeque<Vec<u8>>,
    settings: Arc<Settings>,
    connected: bool,
    over: bool,
    traces: u128,
    /// One for each request that failed, and one at the end.
    pub(crate) recordings: Vec<Recording>,
    /// How often the recorder began anew.
    pub(crate) beginnings: usize,
}

impl World {
    /// Plays requests and responses to the end.
    pub(crate) fn play(seed: u64, mode: Mode, requests: &[Vec<u8>], responses: &[Vec<u8>]) -> Self {
        let settings = Arc::new(Settings::default());
        let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
        let now = Instant::from_nanos(1_000_000_000);
        let trace = Uuid::from_u128(1);
        let mut world = Self {
            recorder: Recorder::new(Arc::clone(&settings), client, trace, now, Some(mode)),
            lanes: Lanes::new(16 * 1024),
            now,
            dice: Dice(seed | 1),
            unsent: [requests.concat().into(), VecDeque::new()],
            responses: responses.iter().cloned().collect(),
            settings,
            connected: false,
            over: false,
            traces: 1,
            recordings: Vec::new(),
            beginnings: 0,
        };
        for _ in 0..400 {
            if world.over {
                break;
            }
            world.turn();
        }
        world.keep();
        world
    }

    fn turn(&mut self) {
        let peer = if self.dice.one_in(2) { Peer::Client } else { Peer::Upstream };
        self.now = self.now + Duration::from_micros(self.dice.below(500));
        match self.dice.below(60) {
            0 => self.now = self.now + Duration::from_secs(self.dice.below(12)),
            1 => return self.configure(),
            2 if self.unsent[peer as usize].is_empty() => return self.ends(peer),
            3 if self.dice.one_in(20) => self.recorder.handle_drain(&mut self.lanes, self.now),
            4 if self.dice.one_in(20) => {
                self.recorder.handle_broken(peer, &mut self.lanes, self.now);
            }
            5 if self.dice.one_in(20) => {
                self.recorder.handle_send_failed(peer, &mut self.lanes, self.now);
            }
            6 if self.dice.one_in(40) => self.recorder.handle_cut(&mut self.lanes, self.now),
            7..=10 => {
                self.recorder.spare(peer, &mut self.lanes);
            }
            11..=35 => self.sends(peer),
            _ => self.accepts(peer),
        }
        self.recorder.handle_timeout(&mut self.lanes, self.now);
        self.take_actions();
        self.check_beginning();
    }

    fn sends(&mut self, peer: Peer) {
        if !self.recorder.interest(peer, &self.lanes).recv {
            return;
        }
        let unsent = &mut self.unsent[peer as usize];
        let most = if self.dice.one_in(3) { 3 } else { 700 };
        let most = 1 + self.dice.below(most) as usize;
        let room = self.recorder.spare(peer, &mut self.lanes);
        let n = unsent.len().min(most).min(room.len());
        if n > 0 {
            let bytes: Vec<u8> = unsent.drain(..n).collect();
            room[..n].copy_from_slice(&bytes);
            self.recorder.handle_received(peer, n, &mut self.lanes, self.now);
        }
    }

    fn accepts(&mut self, peer: Peer) {
        let waiting = self.recorder.transmit(peer, &self.lanes).len() as u64;
        if waiting > 0 {
            let n = if self.dice.one_in(4) { 1 + self.dice.below(waiting) } else { waiting };
            self.recorder.handle_sent(peer, n as usize, &mut self.lanes, self.now);
        }
    }

    fn ends(&mut self, peer: Peer) {
        if self.recorder.interest(peer, &self.lanes).recv && self.dice.one_in(3) {
            self.recorder.handle_eof(peer, &mut self.lanes, self.now);
            self.take_actions();
            self.check_beginning();
        }
    }

    fn configure(&mut self) {
        if self.recorder.is_idle() {
            let mut settings = Settings::clone(&self.settings);
            settings.timeouts.read = Duration::from_secs(1 + self.dice.below(20));
            self.settings = Arc::new(settings);
            self.recorder.configure(&self.settings);
        }
    }

    fn take_actions(&mut self) {
        while let Some(action) = self.recorder.poll_action(&self.lanes) {
            match action {
                Action::Route => {
                    self.lanes.upstream.clear();
                    self.lanes.upstream.push_str("192.0.2.1:9001");
                    let reply = match self.dice.below(40) {
                        0 => Reply::Refused(Fault::new(Cause::NotFound, "no such page")),
                        1 => {
                            let length = 5;
                            self.unsent[1] = b"QZQZQ".to_vec().into();
                            Reply::Local(LocalHead {
                                status: 200,
                                content_type: "text/plain",
                                length,
                            })
                        }
                        _ => Reply::Routed,
                    };
                    self.replies(reply);
                }
                Action::Connect { attempt } => {
                    let reply = match self.dice.below(40) {
                        0 => {
                            let fault = Fault::new(Cause::ConnectRefused, "connection refused");
                            Reply::Failed { attempt, fault }
                        }
                        1..=15 => self.connects(attempt, true),
                        _ => {
                            self.replies(Reply::Dialing(attempt));
                            self.connects(attempt, false)
                        }
                    };
                    self.replies(reply);
                }
                Action::Reconnect { attempt } => {
                    self.replies(Reply::Dialing(attempt));
                    let reply = self.connects(attempt, false);
                    self.replies(reply);
                }
                Action::Recycle | Action::Discard(_) => {
                    self.connected = false;
                    self.unsent[1].clear();
                }
                Action::Shutdown(_) => {}
                Action::Finish(summary) => {
                    if summary.fault.is_some() {
                        self.keep();
                    }
                    if self.dice.one_in(4) {
                        self.recorder.configure(&self.settings);
                    }
                    self.traces += 1;
                    self.replies(Reply::Next(Uuid::from_u128(self.traces)));
                }
                Action::Close(_) | Action::Abort(_) => self.over = true,
            }
        }
    }

    fn connects(&mut self, attempt: Attempt, reused: bool) -> Reply {
        self.connected = true;
        self.unsent[1] = self.responses.pop_front().unwrap_or_default().into();
        Reply::Connected { attempt, reused }
    }

    fn replies(&mut self, reply: Reply) {
        self.recorder.handle_reply(reply, &mut self.lanes, self.now);
    }

    fn keep(&mut self) {
        self.recordings.extend(self.recorder.tape().map(proxy_replay::Tape::recording));
    }

    /// Where a recording begins behind a request, the exchange is in all respects a new one.
    fn check_beginning(&mut self) {
        let Some(recording) = self.recorder.tape().map(proxy_replay::Tape::recording) else {
            return;
        };
        let header = &recording.header;
        if recording.entries.is_empty() && self.recorder.is_idle() {
            let settings = Arc::new(header.settings.clone());
            let new = Exchange::new(settings, header.client, header.trace, header.start);
            assert_eq!(format!("{new:?}"), format!("{:?}", *self.recorder));
            self.beginnings += 1;
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}
