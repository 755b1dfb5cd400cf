//! All clients of a load, and the loops they go through.

use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use slab::Slab;

use super::client::{Buffers, Client, Life};
use super::{AT_ONCE, Count, Latency, Mode, Work};
use crate::clock;
use crate::outgoing::Message;
use crate::poller::{Poller, Readiness};

pub(super) struct Clients {
    port: u16,
    pub(super) poller: Poller,
    pub(super) all: Slab<Client>,
    /// The first of these only stay.
    pub(super) staying: usize,
    /// How many ask at once, where each request has a connection of its own.
    slots: usize,
    pub(super) request: Message,
    expected: u64,
    /// Body bytes of a request and its response.
    weight: u64,
    life: Life,
    buffers: Buffers,
    pub(super) busy: usize,
    requests: u64,
    pub(super) times: Histogram<u64>,
}

impl Clients {
    pub(super) fn new(port: u16, work: &Work) -> io::Result<Self> {
        let by_path = crate::origin::size(work.path.as_bytes()).unwrap_or(1024);
        let expected = work.expect.unwrap_or(if work.upload.is_some() { 0 } else { by_path });
        let times = Histogram::new_with_bounds(1, MOST_NANOS, 3).map_err(io::Error::other)?;
        Ok(Self {
            port,
            poller: Poller::new()?,
            all: Slab::new(),
            staying: 0,
            slots: 0,
            request: request(work),
            expected,
            weight: expected + work.upload.unwrap_or(0),
            life: if work.mode == Mode::Connect { Life::OneRequest } else { Life::KeepAlive },
            buffers: Buffers::new(),
            busy: 0,
            requests: 0,
            times,
        })
    }

    /// Opens `count` more connections.
    pub(super) fn open(&mut self, count: usize) -> Result<(), String> {
        match self.life {
            Life::KeepAlive => {
                for _ in 0..count {
                    self.connect(clock::now())?;
                }
            }
            Life::OneRequest => self.slots = count,
        }
        Ok(())
    }

    /// Opens `count` connections that make one request each, and then stay.
    pub(super) fn open_idle(&mut self, count: usize) -> Result<(), String> {
        let mut left = count;
        while left > 0 || self.busy > 0 {
            while left > 0 && self.busy < AT_ONCE {
                let key = self.connect(clock::now())?;
                self.ask(key, clock::now())?;
                left -= 1;
            }
            self.turn(None, |_, _| Ok(()))?;
        }
        self.staying = count;
        Ok(())
    }

    /// Opens `count` connections that ask for a response, and take little of it until `time`
    /// after each has had some.
    pub(super) fn read_slowly(&mut self, count: usize, time: Duration) -> Result<(), String> {
        for _ in 0..count {
            let key = self.connect(clock::now())?;
            self.ask(key, clock::now())?;
        }
        let mut end = clock::now() + PATIENCE;
        let mut has_some = vec![false; count];
        let mut all_have = false;
        while clock::now() < end {
            for (key, client) in &mut self.all {
                has_some[key] |= client.sip(SIP, &mut self.buffers)? > 0;
            }
            if !all_have && has_some.iter().all(|has| *has) {
                all_have = true;
                end = clock::now() + time;
            }
            clock::pause(SIP_EVERY);
        }
        if !all_have {
            return Err(format!("not all of {count} readers got something in {PATIENCE:?}"));
        }
        self.busy = 0;
        self.requests += count as u64;
        Ok(())
    }

    /// Every client asks again when it has its answer, for `time`; returns how long it took until
    /// the last answer.
    pub(super) fn closed_loop(&mut self, time: Duration) -> Result<Duration, String> {
        let start = clock::now();
        let end = start + time;
        let first = self.staying;
        match self.life {
            Life::KeepAlive => {
                for key in first..self.all.len() {
                    self.ask(key, clock::now())?;
                }
            }
            Life::OneRequest => {
                for _ in 0..self.slots {
                    let key = self.connect(clock::now())?;
                    self.ask(key, self.all[key].since)?;
                }
            }
        }
        while self.busy > 0 {
            self.turn(None, |clients, key| {
                let now = clock::now();
                if now < end {
                    let key = match clients.life {
                        Life::KeepAlive => key,
                        Life::OneRequest => clients.connect(now)?,
                    };
                    clients.ask(key, now)?;
                }
                Ok(())
            })?;
        }
        Ok(start.elapsed())
    }

    /// Finds out whether all that stay are still there.
    pub(super) fn check_idle(&mut self) -> Result<(), String> {
        let count = self.poller.wait(Some(Duration::ZERO)).map_err(|error| error.to_string())?;
        for index in 0..count {
            if self.poller.event(index).ended {
                return Err("closed while idle".to_owned());
            }
        }
        Ok(())
    }

    /// Forgets what was counted so far.
    pub(super) fn reset(&mut self) {
        self.requests = 0;
        self.times.reset();
    }

    pub(super) fn count(&self, time: Duration) -> Count {
        Count {
            requests: self.requests,
            bytes: self.requests * self.weight,
            seconds: time.as_secs_f64(),
            latency: Latency::of(&self.times),
        }
    }

    /// Lets client `key` ask; the time counts from `since`.
    pub(super) fn ask(&mut self, key: usize, since: Instant) -> Result<(), String> {
        self.busy += 1;
        self.all[key].ask(&self.request, since)
    }

    /// Waits for events, and calls `next` with each client that has its answer.
    pub(super) fn turn(
        &mut self,
        alarm: Option<usize>,
        mut next: impl FnMut(&mut Self, usize) -> Result<(), String>,
    ) -> Result<bool, String> {
        let count = self.poller.wait(Some(PATIENCE)).map_err(|error| error.to_string())?;
        if count == 0 {
            return Err(format!("{} requests without an answer for {PATIENCE:?}", self.busy));
        }
        let mut rang = false;
        for index in 0..count {
            let event = self.poller.event(index);
            if alarm == Some(event.token) {
                rang = true;
            } else if self.go_on(event)? {
                next(self, event.token)?;
            }
        }
        Ok(rang)
    }

    fn go_on(&mut self, event: Readiness) -> Result<bool, String> {
        let Some(client) = self.all.get_mut(event.token) else { return Ok(false) };
        if client.is_idle() && !event.ended {
            return Ok(false);
        }
        if !client.go_on(self.life, event.ended, &mut self.buffers)? {
            return Ok(false);
        }
        let nanos = client.since.elapsed().as_nanos();
        self.times.saturating_record(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.requests += 1;
        self.busy -= 1;
        if self.life == Life::OneRequest {
            self.all.remove(event.token);
        }
        Ok(true)
    }

    fn connect(&mut self, since: Instant) -> Result<usize, String> {
        let connected = Client::connect(self.port, self.expected, since).and_then(|client| {
            let key = self.all.vacant_key();
            self.poller.add_stream(client.stream(), key)?;
            Ok(self.all.insert(client))
        });
        connected.map_err(|error| format!("connecting: {error}"))
    }
}

fn request(work: &Work) -> Message {
    let (method, length) = match work.upload {
        Some(length) => ("POST", format!("Content-Length: {length}\r\n")),
        None => ("GET", String::new()),
    };
    let close = if work.mode == Mode::Connect { "Connection: close\r\n" } else { "" };
    let path = &work.path;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: bench.test\r\n{length}{close}");
    let mut field = 0;
    // Fields of 100 bytes: as many fields as bytes, as cookies and tracing headers do it.
    while head.len() + FIELD <= work.head {
        let name = format!("X-Field-{field}: ");
        let value = "v".repeat(FIELD - 2 - name.len());
        head = head + &name + &value + "\r\n";
        field += 1;
    }
    Message::new(&(head + "\r\n"), work.upload.unwrap_or(0))
}

const FIELD: usize = 100;
/// A minute: longer than anything waits here.
const MOST_NANOS: u64 = 60_000_000_000;
/// Beyond this a proxy hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// A slow reader takes 1 KiB ten times a second.
const SIP: usize = 1024;
const SIP_EVERY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        work: Work,
    }

    #[test]
    fn pads_a_head_to_a_size() {
        for size in [0, 100, 1_000, 8_000] {
            let work = Line::parse_from(["load", "--head", &size.to_string()]).work;
            let mut sent = Vec::new();
            request(&work).start().send(&mut sent).unwrap();
            assert!(sent.ends_with(b"\r\n\r\n"));
            assert!(sent.len() + FIELD > size && sent.len() <= size.max(FIELD));
        }
    }
}
