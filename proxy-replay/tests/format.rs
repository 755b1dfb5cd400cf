//! The text form: written and read back, and what is said of a text that is none.

use std::net::IpAddr;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proxy_proto::{
    Action, Attempt, Cause, CloseReason, Fault, Instant, Limits, LocalHead, Peer, Reply, Settings,
    Summary, Timeouts, Uuid,
};
use proxy_replay::{Entry, Event, Header, Mode, Piece, Player, Recording};

proptest! {
    #[test]
    fn what_is_written_is_read_back(recording in recording()) {
        let text = recording.to_string();
        let read: Recording = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_eq!(read, recording);
        let lines = 11 + recording_lines(&text);
        prop_assert_eq!(text.lines().count(), lines);
    }

    #[test]
    fn no_edit_makes_the_reader_panic(
        recording in recording(),
        edits in vec((any::<prop::sample::Index>(), 0..9_usize, piece()), 1..5),
    ) {
        let mut text: Vec<char> = recording.to_string().chars().collect();
        for (at, length, piece) in edits {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.chars());
        }
        survives(&text.into_iter().collect::<String>());
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        survives(&text);
        survives(&format!("proxy-replay 1\n{text}"));
    }
}

#[test]
fn an_error_names_its_line_and_its_text() {
    let sound = sample();
    let cases = [
        ("", "line 1: a recording begins with `proxy-replay 1`"),
        (
            "proxy-replay 2\n",
            "line 1: a recording begins with `proxy-replay 1`, not \"proxy-replay 2\"",
        ),
        ("proxy-replay 1\n", "line 2: the text ends before its `end`"),
        (
            "proxy-replay 1\n# why\n\nmode raw\n",
            "line 4: another line of the header belongs here, not \"mode\"",
        ),
        (&sound.replace("mode raw", "mode row"), "line 3: raw or masked, not \"row\""),
        (&sound.replace("window 512", "window 0"), "line 7: a size from 1 to 16777216, not \"0\""),
        (
            &sound.replace("max_headers 100", "max_headers 501"),
            "line 8: a number from 0 to 500, not \"501\"",
        ),
        (&sound.replace("+5 eof client", "5 eof client"), "line 11: a time such as +1500"),
        (&sound.replace("eof client", "oef client"), "line 11: an event, not \"oef\""),
        (&sound.replace("eof client", "eof server"), "line 11: client or upstream, not \"server\""),
        (
            &sound.replace("eof client", "eof client now"),
            "line 11: the line ends here, not \"now\"",
        ),
        (&sound.replace("eof client", "eof"), "line 11: the line is too short"),
        (
            &sound.replace("eof client", "recv client \"a"),
            "line 11: a text in quotes, not \"\\\"a\"",
        ),
        (&sound.replace("eof client", "recv client \"\\q\""), "line 11: a text in quotes"),
        (
            &sound.replace("  close idle", "  close ilde"),
            "line 12: why a connection ends, not \"ilde\"",
        ),
        (&sound.replace("+5 eof client\n", ""), "line 11: an event comes before its actions"),
        (&sound.replace("end\n", ""), "line 13: the text ends before its `end`"),
        (&format!("{sound}+6 cut\n"), "line 14: nothing follows `end`, not \"+6 cut\""),
    ];
    for (text, expected) in cases {
        let error = text.parse::<Recording>().expect_err(expected).to_string();
        assert!(error.starts_with(expected), "{error}\n{expected}");
    }
}

#[test]
fn a_recording_that_cannot_have_been_diverges_and_does_not_panic() {
    let cases = [
        (
            "recv client content 99999999999",
            "99999999999 bytes came from the client, and there is room for 512",
        ),
        ("sent upstream 1", "the upstream accepted 1 bytes, and 0 wait for it"),
        ("cut", "recorded `close idle`, replayed `abort told_to`"),
        ("timeout", "recorded `close idle`, replayed `nothing more`"),
    ];
    for (event, expected) in cases {
        let text = sample().replace("eof client", event);
        let recording: Recording = text.parse().expect("sound");
        let divergence = Player::new(&recording).run().expect_err(event);
        assert_eq!(divergence.to_string(), format!("event 1 at 0.000000 s: {expected}"));
    }
    let recording: Recording = sample().parse().expect("sound");
    assert_eq!(Player::new(&recording).run(), Ok(1));
    let recording: Recording =
        sample().replace("  close idle\n", "+6 drain\n").parse().expect("sound");
    let divergence = Player::new(&recording).run().expect_err("an action is missing");
    let expected = "event 1 at 0.000000 s: recorded `nothing more`, replayed `close idle`";
    assert_eq!(divergence.to_string(), expected);
}

fn sample() -> String {
    let header = Header {
        version: "0".into(),
        mode: Mode::Raw,
        client: [192, 0, 2, 7].into(),
        trace: Uuid::from_u128(1),
        start: Instant::from_nanos(7),
        window: 512,
        settings: Settings::default(),
        fault: None,
        dropped: 0,
    };
    let entry = Entry {
        at: Instant::from_nanos(12),
        event: Event::Eof(Peer::Client),
        actions: vec![Action::Close(CloseReason::Idle)],
    };
    Recording { header, entries: vec![entry] }.to_string()
}

/// Reads, and plays what could be read.
fn survives(text: &str) {
    match text.parse::<Recording>() {
        Ok(recording) => drop(recording.to_string()),
        Err(error) => assert!(error.line > 0 && !error.to_string().contains('\n')),
    }
}

fn recording_lines(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with([' ', '+', '-'])).count()
}

fn recording() -> impl Strategy<Value = Recording> {
    let entry = (instant(), event(), vec(action(), 0..3)).prop_map(|(at, event, actions)| Entry {
        at,
        event,
        actions,
    });
    let entries = vec(entry, 0..6);
    let who = (".{0,9}", any::<bool>(), any::<IpAddr>(), uuid());
    (
        who,
        instant(),
        1..=Recording::LARGEST_WINDOW,
        settings(),
        option::of(fault()),
        any::<u64>(),
        entries,
    )
        .prop_map(
            |((version, raw, client, trace), start, window, settings, fault, dropped, entries)| {
                let mode = if raw { Mode::Raw } else { Mode::Masked };
                let header = Header {
                    version,
                    mode,
                    client,
                    trace,
                    start,
                    window,
                    settings,
                    fault,
                    dropped,
                };
                Recording { header, entries }
            },
        )
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (peer(), vec(data(), 0..4)).prop_map(|(peer, pieces)| Event::Received(peer, pieces)),
        (peer(), any::<usize>()).prop_map(|(peer, n)| Event::Sent(peer, n)),
        peer().prop_map(Event::Eof),
        peer().prop_map(Event::SendFailed),
        peer().prop_map(Event::Broken),
        any::<String>().prop_map(Event::Upstream),
        reply().prop_map(Event::Reply),
        Just(Event::Timeout),
        Just(Event::Drain),
        Just(Event::Cut),
        settings().prop_map(Event::Configure),
        peer().prop_map(Event::Spare),
        (peer(), any::<usize>()).prop_map(|(peer, size)| Event::Enlarge(peer, size)),
        peer().prop_map(Event::Shrink),
    ]
}

fn data() -> impl Strategy<Value = Piece> {
    prop_oneof![
        vec(any::<u8>(), 0..20).prop_map(Piece::Bytes),
        any::<usize>().prop_map(Piece::Content),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        Just(Reply::Routed),
        (any::<u16>(), any::<u64>()).prop_map(|(status, length)| {
            Reply::Local(LocalHead { status, content_type: "text/plain", length })
        }),
        fault().prop_map(Reply::Refused),
        attempt().prop_map(Reply::Dialing),
        (attempt(), any::<bool>())
            .prop_map(|(attempt, reused)| Reply::Connected { attempt, reused }),
        (attempt(), fault()).prop_map(|(attempt, fault)| Reply::Failed { attempt, fault }),
        uuid().prop_map(Reply::Next),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Route),
        attempt().prop_map(|attempt| Action::Connect { attempt }),
        attempt().prop_map(|attempt| Action::Reconnect { attempt }),
        Just(Action::Recycle),
        reason().prop_map(Action::Discard),
        peer().prop_map(Action::Shutdown),
        summary().prop_map(Action::Finish),
        reason().prop_map(Action::Close),
        reason().prop_map(Action::Abort),
    ]
}

fn summary() -> impl Strategy<Value = Summary> {
    let facts = (option::of(any::<u16>()), option::of(fault()), any::<bool>(), any::<bool>());
    (facts, instant(), span(), option::of(span()), any::<u64>(), any::<u64>(), uuid()).prop_map(
        |(facts, started, elapsed, upstream_elapsed, bytes_sent, bytes_received, trace)| {
            let (status, fault, routed, retried) = facts;
            Summary {
                status,
                fault,
                routed,
                started,
                elapsed,
                upstream_elapsed,
                bytes_sent,
                bytes_received,
                retried,
                trace,
            }
        },
    )
}

fn reason() -> impl Strategy<Value = CloseReason> {
    prop_oneof![
        Just(CloseReason::NotPersistent),
        Just(CloseReason::Idle),
        Just(CloseReason::Draining),
        Just(CloseReason::EarlyResponse),
        Just(CloseReason::StrayBytes),
        Just(CloseReason::TunnelEnded),
        cause().prop_map(CloseReason::Failed),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let limits = (any::<usize>(), 0..=Limits::MAX_HEADERS);
    (limits, vec(span(), 7), option::of(span()), option::of(span()), any::<bool>()).prop_map(
        |((max_head_bytes, max_headers), spans, total, tunnel_idle, upstream_keep_alive)| {
            Settings {
                limits: Limits { max_head_bytes, max_headers },
                timeouts: Timeouts {
                    client_head: spans[0],
                    client_idle: spans[1],
                    client_body: spans[2],
                    client_send: spans[3],
                    connect: spans[4],
                    write: spans[5],
                    read: spans[6],
                    total,
                    tunnel_idle,
                },
                upstream_keep_alive,
            }
        },
    )
}

fn fault() -> impl Strategy<Value = Fault> {
    let reasons = ["it sends no bytes", "", "a \"quoted\" \\ reason", "ünïcode"];
    (cause(), prop::sample::select(reasons.to_vec()))
        .prop_map(|(cause, reason)| Fault::new(cause, reason))
}

fn cause() -> impl Strategy<Value = Cause> {
    prop::sample::select(Cause::ALL.to_vec())
}

fn peer() -> impl Strategy<Value = Peer> {
    prop::sample::select(Peer::BOTH.to_vec())
}

fn attempt() -> impl Strategy<Value = Attempt> {
    any::<u32>().prop_map(Attempt::from)
}

fn instant() -> impl Strategy<Value = Instant> {
    any::<u64>().prop_map(Instant::from_nanos)
}

fn span() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "\n",
        " ",
        "+",
        "-",
        "\"",
        "\\",
        "\\x",
        "\\xg0",
        "é",
        "0",
        "99999999999999999999",
        "end",
        "recv client ",
        "content ",
        "reply ",
        "finish ",
        "\n  ",
        "#",
        "\r\n",
        "\t",
    ];
    prop::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}
