//! The client that users have.

use std::process::{Command, Output};

/// Runs curl quietly with these arguments (`-sS` and a limit of its time are added).
#[track_caller]
pub fn curl(arguments: &[&str]) -> Output {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "60", "--noproxy", "*"]).args(arguments);
    command.output().expect("curl is installed")
}
