//! The ends of the connections: what they still have to say, and what they got.

use std::collections::VecDeque;

use super::parse;
use super::script::{Answer, Ends, Request};

#[derive(Default)]
pub(super) struct Client {
    /// What it still sends, each piece with what it waits for.
    pub(super) pieces: VecDeque<(Gate, VecDeque<u8>)>,
    pub(super) got: Vec<u8>,
    /// Bytes it had when it sent the last piece.
    pub(super) had: usize,
    pub(super) closes: bool,
    pub(super) gone: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Gate {
    Open,
    /// So many requests are finished.
    Finished(usize),
    /// Anything came, or patience is at its end.
    Continue,
}

#[derive(Default)]
pub(super) struct Upstream {
    pub(super) got: Vec<u8>,
    /// Where in `got` the request in hand begins.
    pub(super) begun: usize,
    pub(super) used: bool,
    pub(super) out: VecDeque<u8>,
    pub(super) answered: bool,
    pub(super) talks: bool,
    pub(super) continued: bool,
    pub(super) then: Then,
    /// It died while nobody used it.
    pub(super) dead: bool,
    /// It reads nothing while it has something to say.
    pub(super) serial: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Then {
    #[default]
    Stays,
    Closes,
    Resets,
    Closed,
}

impl Upstream {
    /// Reads what has come and answers by the script.
    pub(super) fn think(&mut self, requests: &[Request]) {
        if self.dead {
            return;
        }
        let mut rest = &self.got[self.begun..];
        let Some((_, message)) = parse::request(&mut rest) else { return };
        let id: usize = message.field("X-Id").expect("an id").parse().expect("a number");
        let Answer::Upstream(response) = &requests[id].answer else {
            panic!("request {id} is not for an upstream");
        };
        if message.field("Expect").is_some() && !message.whole && !response.early && !self.continued
        {
            self.continued = true;
            self.out.extend(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        if (message.whole || response.early) && !self.answered {
            self.answered = true;
            self.out.extend(&response.bytes);
            self.talks = response.ends == Ends::Talks;
            self.then = match response.ends {
                Ends::Closes => Then::Closes,
                Ends::Resets => Then::Resets,
                Ends::Whole | Ends::Talks if response.closes => Then::Closes,
                Ends::Whole | Ends::Talks | Ends::Hangs => Then::Stays,
            };
        }
        if message.whole {
            self.begun = self.got.len() - rest.len();
            self.answered = false;
            self.continued = false;
        }
    }
}
