//! What a tape keeps, and what it does not.

use std::sync::Arc;
use std::time::Duration;

use proxy_proto::{Action, Instant, Lanes, Peer, Reply, Settings, Uuid};
use proxy_replay::{Mode, Player, Recorder, Recording, Tape};

struct Scene {
    recorder: Recorder,
    lanes: Lanes,
    now: Instant,
}

impl Scene {
    fn new(mode: Option<Mode>) -> Self {
        let now = Instant::from_nanos(1);
        let settings = Arc::new(Settings::default());
        let client = [192, 0, 2, 7].into();
        let recorder = Recorder::new(settings, client, Uuid::from_u128(1), now, mode);
        Self { recorder, lanes: Lanes::new(16 * 1024), now }
    }

    fn sends(&mut self, peer: Peer, bytes: &[u8]) {
        self.now = self.now + Duration::from_micros(1);
        let room = self.recorder.spare(peer, &mut self.lanes);
        room[..bytes.len()].copy_from_slice(bytes);
        self.recorder.handle_received(peer, bytes.len(), &mut self.lanes, self.now);
        self.settles();
    }

    /// Answers actions, and gives each peer what waits for it.
    fn settles(&mut self) {
        loop {
            while let Some(action) = self.recorder.poll_action(&self.lanes) {
                let reply = match action {
                    Action::Route => Reply::Routed,
                    Action::Connect { attempt } => Reply::Connected { attempt, reused: false },
                    Action::Finish(_) => Reply::Next(Uuid::from_u128(2)),
                    _ => continue,
                };
                self.recorder.handle_reply(reply, &mut self.lanes, self.now);
            }
            let waiting =
                Peer::BOTH.map(|peer| (peer, self.recorder.transmit(peer, &self.lanes).len()));
            let Some((peer, n)) = waiting.into_iter().find(|(_, n)| *n > 0) else { return };
            self.recorder.handle_sent(peer, n, &mut self.lanes, self.now);
        }
    }

    fn recording(&self) -> Recording {
        self.recorder.tape().map(Tape::recording).expect("the tape is on")
    }
}

const GET: &[u8] = b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn there_is_no_tape_where_nothing_is_recorded() {
    let mut scene = Scene::new(None);
    scene.sends(Peer::Client, GET);
    assert!(scene.recorder.tape().is_none());
    let pointer = size_of::<usize>();
    assert_eq!(size_of::<Recorder>(), size_of::<proxy_proto::Exchange>() + pointer);
}

#[test]
fn a_request_that_is_over_is_dropped() {
    let mut scene = Scene::new(Some(Mode::Masked));
    for _ in 0..1000 {
        scene.sends(Peer::Client, GET);
        scene.sends(Peer::Upstream, OK);
        assert_eq!(scene.recording().entries.len(), 0);
    }
    assert_eq!(scene.recording().header.dropped, 0);
}

#[test]
fn what_does_not_fit_is_counted_and_the_rest_replays() {
    let mut scene = Scene::new(Some(Mode::Masked));
    scene.sends(Peer::Client, GET);
    scene.sends(Peer::Upstream, b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n");
    for _ in 0..10_000 {
        scene.sends(Peer::Upstream, &[b'x'; 100]);
    }
    let recording = scene.recording();
    assert!(recording.header.dropped > 1000, "{}", recording.header.dropped);
    let text = recording.to_string();
    assert!(text.len() < 64 * 1024, "{}", text.len());
    assert_eq!(Player::new(&recording).run(), Ok(recording.entries.len()));
}

#[test]
fn raw_bytes_are_bounded_too() {
    let mut scene = Scene::new(Some(Mode::Raw));
    scene.sends(Peer::Client, GET);
    scene.sends(Peer::Upstream, b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n");
    for _ in 0..100 {
        scene.sends(Peer::Upstream, &[b'x'; 10_000]);
    }
    assert!(scene.recording().header.dropped > 0);
    assert!(scene.recording().to_string().len() < 80 * 1024);
}

#[test]
fn a_tape_switched_on_within_a_request_begins_with_the_next() {
    let mut scene = Scene::new(None);
    scene.sends(Peer::Client, GET);
    scene.recorder.record(Some(Mode::Masked));
    scene.sends(Peer::Upstream, OK);
    assert_eq!(scene.recording().entries.len(), 0);
    scene.sends(Peer::Client, b"GET /two HTTP/1.1\r\nHost: a\r\n\r\n");
    let recording = scene.recording();
    assert!(recording.to_string().contains("GET /two"));
    assert_eq!(Player::new(&recording).run(), Ok(recording.entries.len()));
    scene.recorder.record(None);
    assert!(scene.recorder.tape().is_none());
}

#[test]
fn a_tape_switched_on_between_requests_knows_when_the_idle_time_ends() {
    let mut scene = Scene::new(None);
    scene.sends(Peer::Client, GET);
    scene.sends(Peer::Upstream, OK);
    scene.now = scene.now + Duration::from_secs(10);
    scene.recorder.record(Some(Mode::Masked));
    let due = scene.recorder.deadline().expect("client_idle").at;
    scene.recorder.handle_timeout(&mut scene.lanes, due);
    scene.settles();
    let recording = scene.recording();
    assert_eq!(recording.entries.len(), 1, "{recording}");
    assert_eq!(Player::new(&recording).run(), Ok(1));
}

#[test]
fn a_step_shows_state_timers_and_lanes() {
    let mut scene = Scene::new(Some(Mode::Masked));
    scene.sends(Peer::Client, GET);
    let recording = scene.recording();
    let mut player = Player::new(&recording);
    let shown = player.step().expect("the request").to_string();
    let expected = "\
#1 0.000001s recv client \"GET /one HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n\"
    => route
    state   serving, route asked, request done, response idle
    timers  total in 30.000000s
    lanes   request holds 0, sends 0+0+0, has room for 16384; response holds 0, sends 0+0+0, \
                    has room for 16384
    waits   to receive from client
";
    assert_eq!(shown, expected);
}
