//! A connection of an upstream: it reads requests strictly and answers each as its plan says.

use std::collections::VecDeque;
use std::future::Future;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use proxy_driver::Socket as _;
use proxy_reference::{body, request_head};

use crate::message::{Ends, Request, STRAY};
use crate::network;
use crate::pause::{Gait, Pause};
use crate::plan::UpstreamPlan;
use crate::record::{Play, UpstreamRecord};
use crate::runtime::Socket;
use crate::trace::{self, Event};

pub(crate) struct Connection {
    play: Rc<Play>,
    upstream: usize,
    /// Its number among the records.
    number: usize,
    socket: Socket,
    /// Where the request in hand begins.
    begun: usize,
    looked: usize,
    stage: Stage,
    out: VecDeque<u8>,
    then: Then,
    ended: bool,
    sends: bool,
    writes: Gait,
    reads: Gait,
    thinking: Pause,
    idle: Pause,
}

/// How far the request in hand is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    /// The head has come; what is to be said before the answer is said.
    Body,
    /// The answer is out, or on its way.
    Answered,
    Tunnel,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Stays,
    Closes,
    Resets,
    /// Says nothing more.
    Hangs,
}

impl Connection {
    pub(crate) fn new(play: Rc<Play>, upstream: usize, conn: usize) -> Self {
        let pace = play.plan.upstreams[upstream].pace;
        let number = {
            let upstreams = &mut play.record.borrow_mut().upstreams;
            upstreams.push(UpstreamRecord { upstream, got: Vec::new() });
            upstreams.len() - 1
        };
        Self {
            play,
            upstream,
            number,
            socket: Socket::accepted(conn),
            begun: 0,
            looked: 0,
            stage: Stage::Head,
            out: VecDeque::new(),
            then: Then::Stays,
            ended: false,
            sends: true,
            writes: Gait::new(pace),
            reads: Gait::new(pace),
            thinking: Pause::new(),
            idle: Pause::new(),
        }
    }

    fn plan(&self) -> &UpstreamPlan {
        &self.play.plan.upstreams[self.upstream]
    }

    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        if self.out.is_empty() || !self.sends {
            return false;
        }
        let Poll::Ready(stride) = self.writes.poll_stride(cx) else { return false };
        let (front, _) = self.out.as_slices();
        let offered = &front[..front.len().min(stride)];
        match self.socket.poll_send(cx, &[IoSlice::new(offered)]) {
            Poll::Pending => false,
            Poll::Ready(Err(_)) => {
                self.sends = false;
                true
            }
            Poll::Ready(Ok(n)) => {
                self.out.drain(..n);
                self.writes.rest();
                true
            }
        }
    }

    /// Ready when there is nothing more to be received, ever.
    fn recv(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        // An echo takes no more than it can give back.
        if self.ended || self.stage == Stage::Tunnel && !self.out.is_empty() {
            return Poll::Ready(false);
        }
        let Poll::Ready(stride) = self.reads.poll_stride(cx) else { return Poll::Ready(false) };
        let mut room = [0; 8192];
        let most = stride.min(room.len());
        match self.socket.poll_recv(cx, &mut room[..most]) {
            Poll::Pending => return Poll::Ready(false),
            Poll::Ready(Ok(0)) => self.ended = true,
            Poll::Ready(Err(_)) => return Poll::Pending,
            Poll::Ready(Ok(n)) => {
                self.reads.rest();
                let mut record = self.play.record.borrow_mut();
                record.upstreams[self.number].got.extend_from_slice(&room[..n]);
                if self.stage == Stage::Tunnel {
                    self.out.extend(&room[..n]);
                }
            }
        }
        Poll::Ready(true)
    }

    /// Looks at what has come. Whether that changed anything.
    fn think(&mut self, cx: &mut Context<'_>) -> bool {
        if self.stage == Stage::Tunnel || self.then != Then::Stays {
            return false;
        }
        let play = Rc::clone(&self.play);
        let record = play.record.borrow();
        let got = &record.upstreams[self.number].got;
        if self.looked == got.len() && !self.thinking.is_running() {
            return false;
        }
        self.looked = got.len();
        let rest = &got[self.begun..];
        // What is malformed the checks will see.
        let Ok(Some((head, length))) = request_head(rest) else { return false };
        let Some(request) = play.request(&head.target) else { return false };
        let Ok(body) = body(head.framing, &rest[length..]) else { return false };
        let mut moved = false;
        if self.stage == Stage::Head {
            trace::note(Event::Upstream { number: self.upstream, takes_request: request.id });
            self.idle.forget();
            self.stage = Stage::Body;
            self.greet(request, head.field("Expect").is_some() && !body.whole);
            moved = true;
        }
        if self.stage == Stage::Body && (body.whole || request.answer.early) {
            self.thinking.begin(request.answer.delay_us);
            if self.thinking.poll_over(cx).is_ready() {
                self.answer(request);
                moved = true;
            }
        }
        if self.stage == Stage::Answered && body.whole {
            self.stage = Stage::Head;
            self.begun += length + body.len;
            self.looked = self.begun;
            moved = true;
        }
        moved
    }

    fn greet(&mut self, request: &Request, expects: bool) {
        if expects {
            self.out.extend(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        for _ in 0..request.answer.interims {
            self.out.extend(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        }
    }

    fn answer(&mut self, request: &Request) {
        self.stage = Stage::Answered;
        if request.tunnels.is_some() {
            self.stage = Stage::Tunnel;
            self.begun = self.looked;
            let id = request.id;
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\
                 X-Id: {id}\r\n\r\n"
            );
            self.out.extend(head.as_bytes());
            return;
        }
        let mut bytes = request.answer_bytes();
        let cut = |thousandths: usize| bytes.len() * thousandths / 1000;
        match request.answer.ends {
            // Bytes behind an answer until close would be part of it.
            Ends::Whole | Ends::Stray if request.is_answered_for_good() => {
                self.then = Then::Closes;
            }
            Ends::Whole => {}
            Ends::Stray => {
                bytes.extend_from_slice(STRAY);
                // Behind what is still to be sent, so that nothing is out of order.
                self.out.extend(bytes);
                let all = self.out.drain(..).collect();
                let Socket { conn, side, .. } = self.socket;
                network::with(|network| network.send_at_once(conn, side, all, STRAY.len()));
                return;
            }
            Ends::Closed(at) => {
                bytes.truncate(cut(at));
                self.then = Then::Closes;
            }
            Ends::Reset(at) => {
                bytes.truncate(cut(at));
                self.then = Then::Resets;
            }
            Ends::Silent(at) => {
                bytes.truncate(cut(at));
                self.then = Then::Hangs;
            }
        }
        self.out.extend(bytes);
    }

    /// What it does when all is said.
    fn end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_said = self.out.is_empty() || !self.sends;
        match self.then {
            Then::Closes if is_said => return Poll::Ready(()),
            Then::Resets if is_said => {
                self.socket.reset_on_close();
                return Poll::Ready(());
            }
            Then::Hangs if self.ended => return Poll::Ready(()),
            Then::Closes | Then::Resets | Then::Stays | Then::Hangs => {}
        }
        if self.ended && is_said && !self.thinking.is_running() && self.then == Then::Stays {
            return Poll::Ready(());
        }
        let is_idle = self.stage == Stage::Head
            && self.then == Then::Stays
            && is_said
            && self.looked == self.begun;
        if let Some(micros) = self.plan().closes_idle_us
            && is_idle
        {
            self.idle.begin(micros);
            if self.idle.poll_over(cx).is_ready() {
                if self.plan().resets {
                    self.socket.reset_on_close();
                }
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let mut moved = this.send(cx);
            match this.recv(cx) {
                Poll::Pending => return Poll::Ready(()),
                Poll::Ready(received) => moved |= received,
            }
            if this.end(cx).is_ready() {
                return Poll::Ready(());
            }
            if !moved && !this.think(cx) {
                return Poll::Pending;
            }
        }
    }
}
