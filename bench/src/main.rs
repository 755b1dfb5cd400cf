//! Measures the proxies beside nginx, HAProxy and a relay that parses nothing.
//!
//! `run` starts everything else, as processes of this same binary that can be given cores of their
//! own: `origin`, the upstream; `floor`, the relay; `load`, the clients.

mod child;
mod clock;
mod floor;
mod load;
mod log;
mod origin;
mod outgoing;
mod plot;
mod poller;
mod proc;
mod report;
mod results;
mod rounds;
mod run;
mod scenario;
mod settings;
mod subject;
mod wire;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures the proxies beside nginx, HAProxy and a relay that parses nothing.
#[derive(Debug, Parser)]
#[command(version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure, and print tables of the results
    Run(run::Arguments),
    /// Print the tables of an earlier run
    Report(run::Report),
    /// Be an upstream on this many free ports, and print them
    Origin { ports: usize },
    /// Be a relay that parses nothing, from one port to another
    Floor { port: u16, upstream: u16, window: usize },
    /// Be the clients of a port
    Load {
        port: u16,
        #[command(flatten)]
        work: load::Work,
    },
    /// Run a command on these cores, and end it with the parent process
    #[command(hide = true)]
    Pin {
        #[arg(value_delimiter = ',')]
        cores: Vec<usize>,
        #[arg(last = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let done = match CommandLine::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Report(arguments) => run::report(&arguments),
        Command::Origin { ports } => origin::run(ports).map_err(|error| error.to_string()),
        Command::Floor { port, upstream, window } => {
            floor::run(port, upstream, window).map_err(|error| error.to_string())
        }
        Command::Load { port, work } => load::run(port, &work).map_err(|error| error.to_string()),
        Command::Pin { cores, command } => {
            child::become_pinned(&cores, &command).map_err(|error| error.to_string())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
