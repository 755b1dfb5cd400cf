//! What a run of a script looked like from outside.

use proxy_tests::{Ending, Wire};

/// All that a binary did with a script.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// In the order in which they ended.
    pub(crate) clients: Vec<Transcript>,
    /// In the order in which they ended.
    pub(crate) upstreams: Vec<Transcript>,
    /// Each line a series and its value.
    pub(crate) metrics: Vec<String>,
    pub(crate) exit_code: i32,
}

/// What one peer got on one connection.
#[derive(Debug, PartialEq)]
pub(crate) struct Transcript {
    /// When in the script the connection ended.
    at: String,
    bytes: Vec<u8>,
    ending: &'static str,
}

impl Transcript {
    /// A client's connection that the proxy ended.
    pub(crate) fn of_client(wire: &mut Wire, at: String) -> Self {
        let ending = match wire.reads_to_end().ending {
            Ending::Closed => "closed",
            Ending::Reset => "reset",
            Ending::Silent => panic!("the proxy does not end the connection"),
        };
        Self { at, bytes: masked(wire.record()), ending }
    }

    /// An upstream's connection that the proxy ended. Whether by a close or a reset is the
    /// kernel's choice: it depends on bytes that nobody wanted.
    pub(crate) fn of_upstream(wire: &mut Wire, at: String) -> Self {
        let ending = wire.reads_to_end().ending;
        assert_ne!(ending, Ending::Silent, "the proxy does not end the connection");
        Self { at, bytes: masked(wire.record()), ending: "gone" }
    }

    /// A connection that our side ended.
    pub(crate) fn left(wire: &Wire, at: String) -> Self {
        Self { at, bytes: masked(wire.record()), ending: "left" }
    }
}

impl Outcome {
    /// Fails at the first difference.
    #[track_caller]
    pub(crate) fn is_like(&self, other: &Self, who: &str) {
        let sides = [
            ("client", &self.clients, &other.clients),
            ("upstream", &self.upstreams, &other.upstreams),
        ];
        for (side, ours, theirs) in sides {
            for (number, (one, two)) in ours.iter().zip(theirs).enumerate() {
                assert!(one == two, "{who}: {side} {number} saw {}", difference(one, two));
            }
            assert_eq!(ours.len(), theirs.len(), "{who}: connections of the {side}");
        }
        for (one, two) in self.metrics.iter().zip(&other.metrics) {
            assert_eq!(one, two, "{who}: metrics");
        }
        assert_eq!(self, other, "{who}");
    }
}

fn difference(one: &Transcript, two: &Transcript) -> String {
    let same = one.bytes.iter().zip(&two.bytes).take_while(|(one, two)| one == two).count();
    let shown = |transcript: &Transcript| {
        let (from, to) = (same.saturating_sub(300), transcript.bytes.len().min(same + 300));
        let bytes = String::from_utf8_lossy(&transcript.bytes[from..to]).into_owned();
        format!("{:?}, {} at {}", bytes, transcript.ending, transcript.at)
    };
    format!("from byte {same} on:\n  {}\n  {}", shown(one), shown(two))
}

/// The bytes with a fixed word for what differs from run to run, at the same length: trace ids and
/// ports.
fn masked(bytes: &[u8]) -> Vec<u8> {
    let mut masked = bytes.to_vec();
    for at in 0..masked.len() {
        if is_trace_id(&masked[at..]) {
            masked[at..at + TRACE_ID.len()].copy_from_slice(TRACE_ID);
        }
        if masked[at..].starts_with(LOOPBACK) {
            let port = masked[at + LOOPBACK.len()..].iter_mut();
            port.take_while(|byte| byte.is_ascii_digit()).for_each(|byte| *byte = b'P');
        }
    }
    masked
}

fn is_trace_id(bytes: &[u8]) -> bool {
    let mut pairs = bytes.iter().zip(TRACE_ID);
    bytes.len() >= TRACE_ID.len()
        && pairs.all(|(byte, mask)| match mask {
            b'-' => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

const TRACE_ID: &[u8] = b"tttttttt-tttt-tttt-tttt-tttttttttttt";
const LOOPBACK: &[u8] = b"127.0.0.1:";

#[test]
fn what_differs_from_run_to_run_is_masked() {
    let text = "a 123e4567-e89b-42d3-a456-426614174000 b 127.0.0.1:40123) 127.0.0.1 c";
    let masked = masked(text.as_bytes());
    let expected = "a tttttttt-tttt-tttt-tttt-tttttttttttt b 127.0.0.1:PPPPP) 127.0.0.1 c";
    assert_eq!(String::from_utf8(masked).unwrap(), expected);
}
