//! Requests that go through, and each way to answer them.

use proxy_tests::Client;

use super::{Player, send};
use crate::answer::{Answer, CutEnd, End, Framing, Sent};
use crate::script::{Exchange, is_unheard};

impl Player {
    pub(super) fn pipelines(
        &mut self,
        pieces: &[String],
        exchanges: &[Exchange],
        mut client: Client,
    ) -> Option<Client> {
        send(&mut client, pieces);
        for exchange in exchanges {
            client = self.exchanges(exchange, client)?;
        }
        Some(client)
    }

    fn exchanges(&mut self, exchange: &Exchange, mut client: Client) -> Option<Client> {
        let Exchange { method, speaks_1_1, answer } = exchange;
        self.receives().reads_request();
        let is_new = self.link.as_ref().is_some_and(|(_, requests)| *requests == 1);
        match answer {
            Answer::Whole(Sent { pieces, stays }) => {
                send(self.connection(), pieces);
                if !stays {
                    self.is_dropped();
                }
            }
            Answer::UntilClose { head, body } => {
                send(self.connection(), head);
                let head = client.reads_head();
                for piece in body {
                    self.connection().sends(piece);
                    // How much comes at once decides the chunks.
                    let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
                    client.reads_exactly(if *speaks_1_1 { chunk.len() } else { piece.len() });
                }
                self.ends_link(End::Closes);
                if *speaks_1_1 {
                    client.reads_exactly("0\r\n\r\n".len());
                }
                return if head.lists("Connection", "close") {
                    self.is_seen_off(client)
                } else {
                    Some(client)
                };
            }
            Answer::Cut { framing, body, end } => {
                return self.breaks_off(*framing, body, *end, *speaks_1_1, client);
            }
            Answer::Malformed { pieces, .. } => {
                send(self.connection(), pieces);
                self.is_dropped();
            }
            Answer::Nothing { start, end } => {
                self.connection().sends(start);
                self.ends_link(*end);
            }
        }
        if is_unheard(answer) && !is_new && *method != "POST" {
            self.receives().reads_request();
            self.connection().sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
        loop {
            let response = client.reads_response_to(method);
            if response.lists("Connection", "close") {
                return self.is_seen_off(client);
            }
            if response.status() >= 200 {
                return Some(client);
            }
        }
    }

    fn breaks_off(
        &mut self,
        framing: Framing,
        body: &[String],
        end: CutEnd,
        speaks_1_1: bool,
        mut client: Client,
    ) -> Option<Client> {
        let length: usize = body.iter().map(String::len).sum();
        let framed = match framing {
            Framing::Length => format!("Content-Length: {}", length + 1),
            Framing::Chunked => "Transfer-Encoding: chunked".into(),
        };
        self.connection().sends(format!("HTTP/1.1 200 OK\r\n{framed}\r\n\r\n"));
        client.reads_head();
        for (number, piece) in body.iter().enumerate() {
            let is_last = number + 1 == body.len();
            let sent = match (framing, end) {
                (Framing::Length, _) => piece.clone(),
                (Framing::Chunked, CutEnd::WithinChunk(_)) if is_last => {
                    format!("{:x}\r\n{piece}", piece.len() + 1)
                }
                (Framing::Chunked, _) => format!("{:x}\r\n{piece}\r\n", piece.len()),
            };
            self.connection().sends(&sent);
            client.reads_exactly(if speaks_1_1 { sent.len() } else { piece.len() });
        }
        match end {
            CutEnd::Between(end) | CutEnd::WithinChunk(end) => self.ends_link(end),
            CutEnd::Nonsense => {
                self.connection().sends("no chunk\r\n");
                self.is_dropped();
            }
        }
        self.is_seen_off(client)
    }
}
