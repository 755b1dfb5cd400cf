//! Each kind of turn.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use proxy_tests::{Client, Wire, eventually, get};

use super::{Player, send};
use crate::answer::{CONTINUE, End};
use crate::script::{Abandoned, Leave, Slow, Through, TunnelEnd, Turn};

impl Player {
    pub(super) fn turns(&mut self, turn: &Turn, mut client: Client) -> Option<Client> {
        match turn {
            Turn::Pipeline { pieces, exchanges } => self.pipelines(pieces, exchanges, client),
            Turn::Waits { head, body, leave } => self.waits(head, body, leave, client),
            Turn::Overtaken { start, body, rest, answer } => {
                client.sends(&start.text).sends(body);
                let connection = self.receives();
                connection.reads_head();
                connection.reads_exactly(body.len());
                send(connection, answer);
                let response = client.reads_response_to(start.method);
                self.is_dropped();
                if response.lists("Connection", "close") {
                    return self.is_seen_off(client);
                }
                send(&mut client, rest);
                Some(client)
            }
            Turn::Refused { start, end } => {
                send(&mut client, start);
                client.sends(end);
                client.reads_response();
                self.is_seen_off(client)
            }
            Turn::BadChunk { good, bad } => {
                client.sends("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
                client.sends(good);
                let connection = self.receives();
                connection.reads_head();
                connection.reads_exactly(good.len());
                client.sends(bad);
                client.reads_response();
                self.is_dropped();
                self.is_seen_off(client)
            }
            Turn::Upgraded { handshake, answer, bytes, end } => {
                self.tunnels(handshake, answer, bytes, *end, client)
            }
            Turn::Declined { handshake, answer } => {
                send(&mut client, handshake);
                let connection = self.receives();
                connection.reads_request();
                send(connection, answer);
                client.reads_response();
                self.is_seen_off(client)
            }
            Turn::Abandoned { request, body, at } => {
                self.abandons(&request.text, body, *at, client)
            }
            Turn::Bulk { chunked, to } => Some(self.floods(*chunked, *to, client)),
            Turn::IdleClose => {
                if let Some((connection, _)) = &mut self.link {
                    connection.half_closes();
                    self.is_dropped();
                }
                Some(client)
            }
        }
    }

    fn waits(
        &mut self,
        head: &[String],
        body: &[String],
        leave: &Leave,
        mut client: Client,
    ) -> Option<Client> {
        send(&mut client, head);
        self.receives().reads_head();
        let answer = match leave {
            Leave::Refused(answer) => {
                send(self.connection(), answer);
                client.reads_response_to("POST");
                self.is_dropped();
                return self.is_seen_off(client);
            }
            Leave::Given(answer) => answer,
        };
        self.connection().sends(CONTINUE);
        client.reads_response();
        for piece in body {
            client.sends(piece);
            self.connection().reads_exactly(piece.len());
        }
        send(self.connection(), answer);
        client.reads_response_to("POST");
        Some(client)
    }

    fn tunnels(
        &mut self,
        handshake: &[String],
        answer: &[String],
        bytes: &[Through],
        end: TunnelEnd,
        mut client: Client,
    ) -> Option<Client> {
        send(&mut client, handshake);
        let connection = self.receives();
        connection.reads_request();
        send(connection, answer);
        client.reads_head();
        for through in bytes {
            match through {
                Through::ToUpstream(bytes) => {
                    client.sends(bytes);
                    connection.reads_exactly(bytes.len());
                }
                Through::ToClient(bytes) => {
                    connection.sends(bytes);
                    client.reads_exactly(bytes.len());
                }
            }
        }
        match end {
            TunnelEnd::ClientCloses => {
                client.half_closes();
                connection.reads_to_end();
                self.ends_link(End::Closes);
                self.is_seen_off(client)
            }
            TunnelEnd::UpstreamCloses => {
                connection.half_closes();
                client.reads_to_end();
                client.half_closes();
                self.is_dropped();
                self.is_seen_off(client)
            }
            TunnelEnd::ClientResets => {
                self.goes(client, Client::resets);
                self.is_dropped();
                None
            }
            TunnelEnd::UpstreamResets => {
                self.ends_link(End::Resets);
                self.is_seen_off(client)
            }
        }
    }

    fn abandons(
        &mut self,
        head: &str,
        body: &str,
        at: Abandoned,
        mut client: Client,
    ) -> Option<Client> {
        if let Abandoned::WithinHead = at {
            client.sends(&head[..head.len() / 2]).half_closes();
            return self.is_seen_off(client);
        }
        client.sends(head).sends(body);
        let connection = self.receives();
        connection.reads_head();
        connection.reads_exactly(body.len());
        match at {
            Abandoned::WithinHead | Abandoned::WithinBody => {
                client.half_closes();
                self.is_dropped();
                return self.is_seen_off(client);
            }
            Abandoned::WithinBodyByReset => {}
            Abandoned::BeforeAnswer => {
                client.sends("x");
                connection.reads_exactly(1);
            }
            Abandoned::WithinAnswer => {
                client.sends("x");
                connection.reads_exactly(1);
                connection.sends("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
                client.reads_head();
                client.reads_exactly(5);
            }
        }
        self.goes(client, Client::resets);
        self.is_dropped();
        None
    }

    fn floods(&mut self, chunked: bool, to: Slow, mut client: Client) -> Client {
        let framing = if chunked {
            "Transfer-Encoding: chunked".into()
        } else {
            format!("Content-Length: {BULK}")
        };
        let mut body = "0123456789abcdef".repeat(BULK / 16);
        if chunked {
            body = format!("{BULK:x}\r\n{body}\r\n0\r\n\r\n");
        }
        match to {
            Slow::Client => {
                client.sends(get("/bulk"));
                let connection = self.receives();
                connection.reads_request();
                let answer = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{body}");
                piles_up(connection.twin(), &answer, || client.reads_response());
            }
            Slow::Upstream => {
                let request =
                    format!("POST /bulk HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n{body}");
                let twin = client.twin();
                piles_up(twin, &request, || self.receives().reads_request());
                self.connection().sends("HTTP/1.1 204 No Content\r\n\r\n");
                client.reads_response();
            }
        }
        client
    }
}

/// Sends all of it while the receiver waits until some of it has piled up.
fn piles_up<T>(mut wire: Wire, bytes: &str, then: impl FnOnce() -> T) -> T {
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            for block in bytes.as_bytes().chunks(16 * 1024) {
                wire.sends(block);
                sent.fetch_add(block.len(), Relaxed);
            }
        });
        eventually("some of it piles up", || sent.load(Relaxed) >= PILE);
        then()
    })
}

/// More than the kernel buffers between two peers, so that the proxy has to hold the sender up.
const BULK: usize = 4 << 20;
/// Less than the kernel buffers in any case.
const PILE: usize = 64 * 1024;
