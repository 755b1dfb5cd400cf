//! The ends of the connections: what they still have to say, and what they got.

use std::collections::VecDeque;

use crate::parse;
use crate::script::{Answer, Ends, Request};

#[derive(Default)]
pub(crate) struct Client {
    /// What it still sends, each piece with what it waits for.
    pub(crate) pieces: VecDeque<(Gate, VecDeque<u8>)>,
    pub(crate) got: Vec<u8>,
    /// Bytes it had when it sent the last piece.
    pub(crate) had: usize,
    pub(crate) closes: bool,
    pub(crate) gone: bool,
}

#[derive(Clone, Copy)]
pub(crate) enum Gate {
    Open,
    /// So many requests are finished.
    Finished(usize),
    /// Anything came, or patience is at its end.
    Continue,
}

#[derive(Default)]
pub(crate) struct Upstream {
    pub(crate) got: Vec<u8>,
    /// Where in `got` the request in hand begins.
    pub(crate) begun: usize,
    pub(crate) used: bool,
    pub(crate) out: VecDeque<u8>,
    pub(crate) answered: bool,
    pub(crate) talks: bool,
    pub(crate) continued: bool,
    pub(crate) then: Then,
    /// It died while nobody used it.
    pub(crate) dead: bool,
    /// It reads nothing while it has something to say.
    pub(crate) serial: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Then {
    #[default]
    Stays,
    Closes,
    Resets,
    Closed,
}

impl Upstream {
    /// Reads what has come and answers by the script.
    pub(crate) fn think(&mut self, requests: &[Request]) {
        if self.dead {
            return;
        }
        let mut rest = &self.got[self.begun..];
        let Some(message) = parse::request(&mut rest) else { return };
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
