//! What the peers do, all of it decided before any binary runs.

use crate::answer::{Answer, End, Sent};
use crate::dice::Dice;
use crate::request::{self, Request};

/// What clients do one after another, and how the upstream answers them.
///
/// Nothing in it may race: where the outcome depends on who comes first, one side waits until the
/// other has got all that there is to get.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) visits: Vec<Visit>,
}

/// One client connection.
#[derive(Debug)]
pub(crate) struct Visit {
    /// Until one of them ends the connection.
    pub(crate) turns: Vec<Turn>,
    /// If none did.
    pub(crate) leaving: Leaving,
}

/// How a client ends a connection that is idle.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leaving {
    /// At once.
    Closes,
    /// It waits for the proxy to close as well.
    HalfCloses,
    Resets,
}

/// One thing that a client does.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Requests in one go, and an answer to each.
    Pipeline { pieces: Vec<String>, exchanges: Vec<Exchange> },
    /// A body that waits for a 100, and gets it, or a refusal.
    Waits { head: Vec<String>, body: Vec<String>, leave: Leave },
    /// The answer comes when only the head and some of the body have been sent.
    Overtaken { start: Request, body: String, rest: Vec<String>, answer: Vec<String> },
    /// A request that never reaches the upstream. From `end` on it breaks a rule; that comes in one
    /// piece.
    Refused { start: Vec<String>, end: String },
    /// A chunked body that turns bad behind its first chunk.
    BadChunk { good: String, bad: &'static str },
    /// A tunnel, and the bytes through it.
    Upgraded { handshake: Vec<String>, answer: Vec<String>, bytes: Vec<Through>, end: TunnelEnd },
    /// An upgrade that the upstream declines.
    Declined { handshake: Vec<String>, answer: Vec<String> },
    /// The client goes away in the midst of it.
    Abandoned { request: Request, body: String, at: Abandoned },
    /// A large body, chunked or not, to a peer that does not read until it piles up.
    Bulk { chunked: bool, to: Slow },
    /// The upstream closes its idle connection.
    IdleClose,
}

/// A request that goes through, and what the upstream makes of it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) method: &'static str,
    pub(crate) speaks_1_1: bool,
    pub(crate) answer: Answer,
}

/// What an upstream says to an expectation.
#[derive(Debug)]
pub(crate) enum Leave {
    Given(Vec<String>),
    Refused(Vec<String>),
}

/// Bytes through a tunnel.
#[derive(Debug)]
pub(crate) enum Through {
    ToUpstream(String),
    ToClient(String),
}

/// How a tunnel ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TunnelEnd {
    ClientCloses,
    UpstreamCloses,
    ClientResets,
    UpstreamResets,
}

/// When a client goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Abandoned {
    /// A half-close within the head.
    WithinHead,
    /// A half-close within the body.
    WithinBody,
    /// A reset within the body.
    WithinBodyByReset,
    /// A reset before the answer.
    BeforeAnswer,
    /// A reset within the body of the answer.
    WithinAnswer,
}

/// Who reads late.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slow {
    Client,
    Upstream,
}

impl Script {
    /// So many clients.
    pub(crate) fn of(seed: u64, visits: usize) -> Self {
        let mut dice = Dice::new(seed);
        Self { visits: (0..visits).map(|_| visit(&mut dice)).collect() }
    }
}

fn visit(dice: &mut Dice) -> Visit {
    let turns = (0..dice.within(1, 4)).map(|_| turn(dice)).collect();
    let leaving = dice.pick(&[Leaving::Closes, Leaving::HalfCloses, Leaving::Resets]);
    Visit { turns, leaving }
}

fn turn(dice: &mut Dice) -> Turn {
    match dice.below(100) {
        0..58 => pipeline(dice),
        58..64 => waits(dice),
        64..70 => overtaken(dice),
        70..78 => refused(dice),
        78..82 => bad_chunk(dice),
        82..88 => upgrade(dice),
        88..96 => abandoned(dice),
        96..98 => {
            Turn::Bulk { chunked: dice.chance(50), to: dice.pick(&[Slow::Client, Slow::Upstream]) }
        }
        _ => Turn::IdleClose,
    }
}

fn pipeline(dice: &mut Dice) -> Turn {
    let count = dice.within(1, 4);
    let (mut text, mut exchanges) = (String::new(), Vec::new());
    for number in 1..=count {
        let request = Request::random(dice, number == count);
        let answer = Answer::random(dice, request.method, number == count);
        text += &request.text;
        exchanges.push(Exchange { method: request.method, speaks_1_1: request.speaks_1_1, answer });
    }
    Turn::Pipeline { pieces: dice.cuts(&text), exchanges }
}

fn waits(dice: &mut Dice) -> Turn {
    let length = dice.within(1, 3000);
    let body = dice.text(length);
    let request = Request::announcing(dice, length, "Expect: 100-continue\r\n");
    let leave = if dice.chance(60) {
        Leave::Given(Sent::ok(dice, request.method))
    } else {
        Leave::Refused(Sent::whole(dice, "HTTP/1.1 417 Expectation Failed", request.method))
    };
    Turn::Waits { head: dice.cuts(&request.text), body: dice.cuts(&body), leave }
}

fn overtaken(dice: &mut Dice) -> Turn {
    let length = dice.within(2, 3000);
    let body = dice.text(length);
    let start = Request::announcing(dice, length, "");
    let answer = Sent::whole(dice, "HTTP/1.1 403 Forbidden", start.method);
    let (first, rest) = body.split_at(dice.within(1, length - 1));
    Turn::Overtaken { start, body: first.to_owned(), rest: dice.cuts(rest), answer }
}

fn refused(dice: &mut Dice) -> Turn {
    let (start, end) = dice.pick(request::MALFORMED);
    let smuggled =
        if dice.chance(30) { "GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n" } else { "" };
    let end = match end {
        request::ENDLESS => "x".repeat(20_000),
        end => [end, smuggled].concat(),
    };
    Turn::Refused { start: dice.cuts(start), end }
}

fn bad_chunk(dice: &mut Dice) -> Turn {
    let length = dice.within(1, 40);
    let good = format!("{length:x}\r\n{}\r\n", dice.text(length));
    let bad =
        dice.pick(&["5 \r\nhello\r\n", "5\nhello\n", "+5\r\nhello\r\n", "x\r\n", "1\r\nab\r\n"]);
    Turn::BadChunk { good, bad }
}

fn upgrade(dice: &mut Dice) -> Turn {
    let handshake = "GET /chat HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\n\
                     Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n";
    if dice.chance(25) {
        return Turn::Declined { handshake: dice.cuts(handshake), answer: Sent::ok(dice, "GET") };
    }
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\
                  Upgrade: websocket\r\n\r\n";
    let bytes = (0..dice.within(0, 5)).map(|_| {
        let length = dice.within(1, 5000);
        let bytes = dice.text(length);
        if dice.chance(50) { Through::ToUpstream(bytes) } else { Through::ToClient(bytes) }
    });
    let bytes = bytes.collect();
    let end = dice.pick(&[
        TunnelEnd::ClientCloses,
        TunnelEnd::UpstreamCloses,
        TunnelEnd::ClientResets,
        TunnelEnd::UpstreamResets,
    ]);
    Turn::Upgraded { handshake: dice.cuts(handshake), answer: dice.cuts(answer), bytes, end }
}

fn abandoned(dice: &mut Dice) -> Turn {
    let at = dice.pick(&[
        Abandoned::WithinHead,
        Abandoned::WithinBody,
        Abandoned::WithinBodyByReset,
        Abandoned::BeforeAnswer,
        Abandoned::WithinAnswer,
    ]);
    let length = dice.within(1, 2000);
    Turn::Abandoned {
        request: Request::announcing(dice, length + 1, ""),
        body: dice.text(length),
        at,
    }
}

/// Whether the upstream's connection dies without a byte of a response, so that the proxy may try
/// once more where the connection is not new.
pub(crate) const fn is_unheard(answer: &Answer) -> bool {
    match answer {
        Answer::Nothing { start, end: End::Closes | End::Resets } => start.is_empty(),
        Answer::Malformed { speaks_http, .. } => !*speaks_http,
        Answer::Whole(_) | Answer::UntilClose { .. } | Answer::Cut { .. } => false,
    }
}
