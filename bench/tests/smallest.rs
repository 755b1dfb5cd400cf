//! The harness as its users start it, on the smallest piece of work.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

#[test]
fn measures_the_floor_and_reports_it_again() {
    let directory = tempfile::tempdir().unwrap();
    let (json, svg) = (directory.path().join("a.json"), directory.path().join("a.svg"));
    let run = bench(&[
        "run",
        "--only=get-1k-one-core",
        "--subjects=floor",
        "--rounds=2",
        "--seconds=0.1",
        "--warm-up=0.02",
        &format!("--json={}", json.display()),
        &format!("--svg={}", svg.display()),
    ]);
    assert!(run.status.success(), "{run:?}");
    let results: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let row = &results["scenarios"][0]["rows"][0];
    assert!(row["failure"].is_null(), "{row}");
    assert_eq!(row["samples"].as_array().unwrap().len(), 2);
    for sample in row["samples"].as_array().unwrap() {
        let requests = sample["count"]["requests"].as_u64().unwrap();
        assert!(requests > 0);
        assert_eq!(sample["count"]["bytes"].as_u64(), Some(1024 * requests));
        assert!(sample["cpu_seconds"].as_f64() > Some(0.0));
    }
    assert!(std::fs::read_to_string(&svg).unwrap().starts_with("<svg "));
    let printed = String::from_utf8(run.stdout).unwrap();
    let report = bench(&["report", &json.display().to_string()]);
    let report = String::from_utf8(report.stdout).unwrap();
    assert!(report.contains("| floor | "), "{report}");
    assert!(printed.starts_with(report.trim_end()), "{printed}\n{report}");
}

#[test]
fn a_wrong_response_is_no_number() {
    let mut origin = start(&["origin", "1"]);
    let mut ports = BufReader::new(origin.stdout.take().unwrap());
    let mut port = String::new();
    ports.read_line(&mut port).unwrap();
    for (load, error) in [
        (&["--expect=7"][..], "a body of 1024 bytes instead of 7"),
        (&["--path=/nothing"], "not a 200: HTTP/1.1 404 Not Found"),
    ] {
        let mut arguments = vec!["load", port.trim(), "--clients=1", "--warm-up=10"];
        arguments.extend_from_slice(load);
        let mut load = start(&arguments);
        load.stdin.take().unwrap().write_all(b"go\n").unwrap();
        let output = load.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("\"error\"") && said.contains(error), "{said}");
        assert!(!said.contains("requests\":"), "{said}");
    }
    origin.kill().unwrap();
    origin.wait().unwrap();
}

#[test]
fn a_scenario_that_is_not_there_is_refused() {
    let run = bench(&["run", "--only=get-2k"]);
    assert!(!run.status.success());
    assert!(String::from_utf8(run.stderr).unwrap().contains("no scenario is called get-2k"));
}

fn bench(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_proxy-bench");
