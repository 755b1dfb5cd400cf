//! `proxy-replay` as it is called.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_proxy-replay"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // One that has no use for it may have ended.
    let _unread = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn outcome(arguments: &[&str], input: &str) -> (i32, String, String) {
    let Output { status, stdout, stderr } = run(arguments, input);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code().expect("not killed"), text(stdout), text(stderr))
}

#[test]
fn a_sound_recording_is_stepped_through() {
    let (code, out, error) = outcome(&["-"], RECORDING);
    assert_eq!((code, &*error), (0, ""));
    assert!(out.starts_with("recorded by 0.1.0: client 192.0.2.7, trace "), "{out}");
    assert!(
        out.contains("\n#1 0.000005s eof client\n    => close idle\n    state   closed"),
        "{out}"
    );
    assert!(out.ends_with("\nreplayed 1 events, no divergence\n"), "{out}");
}

#[test]
fn quiet_says_only_what_came_of_it() {
    let quiet = |input: &str| outcome(&["--quiet", "-"], input);
    assert_eq!(quiet(RECORDING), (0, "replayed 1 events, no divergence\n".into(), String::new()));
    let (code, out, _) = quiet(&RECORDING.replace("eof client", "cut"));
    let expected = "recorded `close idle`, replayed `abort told_to`";
    assert_eq!((code, out), (1, format!("diverged: event 1 at 0.000005 s: {expected}\n")));
    let (code, out, _) = quiet(&RECORDING.replace("dropped 0", "dropped 3"));
    assert_eq!(code, 0);
    assert!(out.starts_with("truncated: 3 more events did not fit\n"), "{out}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let (code, out, error) = outcome(&["-"], &RECORDING.replace("eof", "oef"));
    assert_eq!((code, &*out), (2, ""));
    assert_eq!(error, "proxy-replay: -: line 11: an event, not \"oef\"\n");
    let (code, _, error) = outcome(&["no/such/file"], "");
    assert_eq!(code, 2);
    assert!(error.starts_with("proxy-replay: no/such/file: "), "{error}");
    assert_eq!(outcome(&[], "").0, 2);
}

#[test]
fn a_file_is_read() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sound.replay");
    fs::write(&file, RECORDING).expect("written");
    assert_eq!(outcome(&["-q", file.to_str().expect("UTF-8")], "").0, 0);
}

const RECORDING: &str = "\
proxy-replay 1
version \"0.1.0\"
mode raw
client 192.0.2.7
trace 00000000-0000-0000-0000-000000000001
start 0
window 512
settings max_head_bytes 512 max_headers 9 client_head 1 client_idle 9000 client_body 1 \
client_send 1 connect 1 write 1 read 1 total - tunnel_idle - upstream_keep_alive yes
fault -
dropped 0
+5000 eof client
  close idle
end
";
