//! A client: it sends what its plan says, each piece when its time has come, and reads along.

use std::collections::VecDeque;
use std::future::Future;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use proxy_driver::Socket as _;
use proxy_reference::{Framing, body, response_head};

use crate::network::{self, Leads};
use crate::pause::{Gait, Pause};
use crate::plan::{Act, ClientPlan, When};
use crate::record::{ClientEnd, Play};
use crate::runtime::{Dial, Socket};
use crate::trace::{self, Event};

pub(crate) struct Client {
    play: Rc<Play>,
    number: usize,
    dial: Dial,
    socket: Option<Socket>,
    pieces: VecDeque<Piece>,
    sent: usize,
    total: usize,
    reading: Reading,
    writes: Gait,
    reads: Gait,
    /// For a 100 that does not come.
    patience: Pause,
    acted: bool,
    sends: bool,
    reads_on: bool,
    shut: bool,
}

struct Piece {
    gate: Gate,
    bytes: Vec<u8>,
    sent: usize,
}

/// What a piece waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Answered(usize),
    Continue,
    Switched,
}

/// How far the responses are read.
#[derive(Default)]
struct Reading {
    /// Where the next response begins.
    at: usize,
    looked: usize,
    answered: usize,
    interims: usize,
    switched: bool,
}

impl Client {
    pub(crate) fn new(play: Rc<Play>, number: usize) -> Self {
        let plan = &play.plan.clients[number];
        let pieces = pieces(plan);
        Self {
            number,
            dial: Dial::to(Leads::ToClient(number), false),
            socket: None,
            total: pieces.iter().map(|piece| piece.bytes.len()).sum(),
            pieces,
            sent: 0,
            reading: Reading::default(),
            writes: Gait::new(plan.writes),
            reads: Gait::new(plan.reads),
            patience: Pause::new(),
            acted: false,
            sends: true,
            reads_on: true,
            shut: false,
            play,
        }
    }

    fn plan(&self) -> &ClientPlan {
        &self.play.plan.clients[self.number]
    }

    fn end(&mut self, end: ClientEnd) -> Poll<()> {
        let is = match end {
            ClientEnd::Refused => "refused",
            ClientEnd::Closed => "closed on",
            ClientEnd::Reset => "reset",
            ClientEnd::Left => "gone",
        };
        trace::note(Event::Client { number: self.number, is });
        self.play.record.borrow_mut().clients[self.number].end = Some(end);
        self.socket = None;
        Poll::Ready(())
    }

    fn got(&self) -> usize {
        self.play.record.borrow().clients[self.number].got.len()
    }

    /// Does what it does wrong, when it is time.
    fn misbehave(&mut self) -> Poll<ClientEnd> {
        let Some(fault) = self.plan().fault.filter(|_| !self.acted) else { return Poll::Pending };
        let is_time = match fault.when {
            When::Sent(thousandths) => self.sent * 1000 >= self.total * thousandths,
            When::Got(bytes) => self.got() >= bytes,
        };
        if !is_time {
            return Poll::Pending;
        }
        self.acted = true;
        match fault.act {
            Act::Closes => return Poll::Ready(ClientEnd::Left),
            Act::Resets => {
                if let Some(socket) = &mut self.socket {
                    socket.reset_on_close();
                }
                return Poll::Ready(ClientEnd::Left);
            }
            Act::StopsSending => self.sends = false,
            Act::StopsReading => self.reads_on = false,
        }
        Poll::Pending
    }

    fn is_content(&self) -> bool {
        let plan = self.plan();
        let tunnels = plan.requests.iter().any(|request| request.tunnels.is_some());
        self.reading.answered == plan.requests.len()
            && self.pieces.is_empty()
            && plan.garbage.is_none()
            && !plan.stays
            && !plan.half_closes
            && !tunnels
    }

    fn is_open(&mut self, gate: Gate, cx: &mut Context<'_>) -> bool {
        match gate {
            Gate::Open => true,
            Gate::Answered(count) => self.reading.answered >= count,
            Gate::Switched => self.reading.switched,
            Gate::Continue => {
                if self.reading.interims > 0 {
                    return true;
                }
                self.patience.begin(PATIENCE_US);
                self.patience.poll_over(cx).is_ready()
            }
        }
    }

    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.sends {
            return false;
        }
        let Some(piece) = self.pieces.front() else {
            let plan = self.plan();
            let tunnels = plan.requests.last().is_some_and(|last| last.tunnels.is_some());
            if (plan.half_closes || tunnels) && !self.shut {
                self.shut = true;
                let _reset = self.socket.as_mut().map(proxy_driver::Socket::shutdown);
            }
            return false;
        };
        if piece.sent == 0 {
            let gate = piece.gate;
            if !self.is_open(gate, cx) {
                return false;
            }
            // It waits once; and what it waited for is past.
            self.pieces[0].gate = Gate::Open;
            self.reading.interims = 0;
        }
        let Poll::Ready(stride) = self.writes.poll_stride(cx) else { return false };
        let (Some(piece), Some(socket)) = (self.pieces.front_mut(), &mut self.socket) else {
            return false;
        };
        let rest = &piece.bytes[piece.sent..];
        let offered = &rest[..rest.len().min(stride)];
        if !offered.is_empty() {
            match socket.poll_send(cx, &[IoSlice::new(offered)]) {
                Poll::Pending => return false,
                Poll::Ready(Err(_)) => {
                    self.sends = false;
                    return true;
                }
                Poll::Ready(Ok(n)) => {
                    piece.sent += n;
                    self.sent += n;
                    self.writes.rest();
                }
            }
        }
        if piece.sent == piece.bytes.len() {
            self.pieces.pop_front();
        }
        true
    }

    fn recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<ClientEnd>> {
        let Some(socket) = &mut self.socket else { return Poll::Pending };
        if !self.reads_on {
            network::with(|network| network.watch(socket.conn, socket.side, cx));
            return Poll::Pending;
        }
        let Poll::Ready(stride) = self.reads.poll_stride(cx) else { return Poll::Pending };
        let mut room = [0; 8192];
        let most = stride.min(room.len());
        match socket.poll_recv(cx, &mut room[..most]) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(0)) => Poll::Ready(Some(ClientEnd::Closed)),
            Poll::Ready(Err(_)) => Poll::Ready(Some(ClientEnd::Reset)),
            Poll::Ready(Ok(n)) => {
                let mut record = self.play.record.borrow_mut();
                record.clients[self.number].got.extend_from_slice(&room[..n]);
                self.reads.rest();
                Poll::Ready(None)
            }
        }
    }

    /// Reads on in what has come. Whether anything was there.
    fn read(&mut self) -> bool {
        let play = Rc::clone(&self.play);
        let record = play.record.borrow();
        let got = &record.clients[self.number].got;
        if self.reading.looked == got.len() || self.reading.switched {
            return false;
        }
        self.reading.looked = got.len();
        let mut moved = false;
        while let Some(request) = self.plan().requests.get(self.reading.answered) {
            let rest = &got[self.reading.at..];
            // What is malformed the checks will see.
            let Ok(Some((head, length))) = response_head(rest, request.method) else { break };
            if head.status < 200 {
                self.reading.at += length;
                self.reading.interims += 1;
                self.reading.switched = head.status == 101;
                moved = true;
                if self.reading.switched {
                    self.reading.answered += 1;
                    break;
                }
                continue;
            }
            if head.framing == Framing::UntilClose {
                break;
            }
            let Ok(body) = body(head.framing, &rest[length..]) else { break };
            if !body.whole {
                break;
            }
            self.reading.at += length + body.len;
            self.reading.answered += 1;
            self.reading.interims = 0;
            moved = true;
        }
        moved
    }
}

impl Future for Client {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.socket.is_none() {
            match Pin::new(&mut this.dial).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(socket)) => this.socket = Some(socket),
                Poll::Ready(Err(_)) => return this.end(ClientEnd::Refused),
            }
        }
        loop {
            if let Poll::Ready(end) = this.misbehave() {
                return this.end(end);
            }
            if this.is_content() {
                return this.end(ClientEnd::Left);
            }
            let mut moved = this.send(cx);
            match this.recv(cx) {
                Poll::Pending => {}
                Poll::Ready(None) => moved = true,
                Poll::Ready(Some(end)) => return this.end(end),
            }
            if moved {
                continue;
            }
            if !this.read() {
                break;
            }
        }
        let is_abandoned = this.socket.as_ref().is_some_and(|socket| {
            network::with(|network| network.is_abandoned(socket.conn, socket.side))
        });
        if is_abandoned && !this.reads_on {
            return this.end(ClientEnd::Left);
        }
        Poll::Pending
    }
}

fn pieces(plan: &ClientPlan) -> VecDeque<Piece> {
    let mut pieces = VecDeque::new();
    let mut add = |gate, bytes| pieces.push_back(Piece { gate, bytes, sent: 0 });
    for (number, request) in plan.requests.iter().enumerate() {
        let (head, framed) = request.bytes();
        add(if request.waits { Gate::Answered(number) } else { Gate::Open }, head);
        if !framed.is_empty() {
            add(if request.expects { Gate::Continue } else { Gate::Open }, framed);
        }
        if let Some(length) = request.tunnels {
            add(Gate::Switched, vec![b't'; length]);
        }
    }
    if let Some(garbage) = plan.garbage {
        add(Gate::Open, garbage.as_bytes().to_vec());
    }
    pieces
}

/// How long a client waits for a 100 before it sends its body all the same.
const PATIENCE_US: usize = 20_000;
