//! The load: clients on one thread, of which each response is checked.
//!
//! Standard input and output are the conversation with the runner: `ready` when all is open and
//! warm, a line to go on, for clients that hold `held` and a line again, then one line of JSON.

mod client;
mod clients;
mod rate;

use std::io::{self, BufRead, Write};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use clients::Clients;

/// What the clients do. Times in milliseconds, sizes in bytes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Work {
    /// How they follow each other
    #[arg(long, value_enum, default_value_t)]
    pub(crate) mode: Mode,
    /// What is asked for
    #[arg(long, default_value = "/1k")]
    pub(crate) path: String,
    /// How many bytes a response body has to have; by default those the path asks for
    #[arg(long)]
    pub(crate) expect: Option<u64>,
    /// Send a body of this size with each request
    #[arg(long)]
    pub(crate) upload: Option<u64>,
    /// How many clients at once
    #[arg(long, default_value_t = 64)]
    pub(crate) clients: usize,
    /// How many further clients make one request each, and then stay
    #[arg(long, default_value_t = 0)]
    pub(crate) idle: usize,
    /// Requests a second, with `--mode rate`
    #[arg(long, default_value_t = 5_000)]
    pub(crate) rate: u32,
    /// Pad the request head to this size
    #[arg(long, default_value_t = 0)]
    pub(crate) head: usize,
    /// How long it is counted
    #[arg(long, default_value_t = 1_500)]
    pub(crate) millis: u64,
    /// How long nothing is counted before
    #[arg(long, default_value_t = 300)]
    pub(crate) warm_up: u64,
}

/// How the requests follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Each client sends its next request when it has the response to the last one.
    #[default]
    Closed,
    /// The same, with a new connection for each request.
    Connect,
    /// Requests at a fixed rate; latency is counted from when each one was due.
    Rate,
    /// Clients that make one request each, and then stay.
    Hold,
    /// Clients that ask for a long response and take very little of it.
    Slow,
}

/// What the counted part of a load came to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Count {
    /// Requests that were answered as expected.
    pub(crate) requests: u64,
    /// Body bytes of them, both directions.
    pub(crate) bytes: u64,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
    /// Times from request to the end of its response.
    pub(crate) latency: Latency,
}

/// Percentiles, in microseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// What the last line of a load's output is.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// Every response was as expected.
    Count(Count),
    /// One was not, or did not come.
    Error(String),
}

/// Puts `work` on 127.0.0.1:`port`, and talks about it on standard output.
pub(crate) fn run(port: u16, work: &Work) -> io::Result<()> {
    let outcome = match converse(port, work) {
        Ok(count) => Outcome::Count(count),
        Err(error) => Outcome::Error(error),
    };
    say(&serde_json::to_string(&outcome)?)
}

fn converse(port: u16, work: &Work) -> Result<Count, String> {
    let text = |error: io::Error| error.to_string();
    let mut clients = Clients::new(port, work).map_err(text)?;
    let warm_up = Duration::from_millis(work.warm_up);
    let counted = Duration::from_millis(work.millis);
    match work.mode {
        Mode::Closed | Mode::Connect | Mode::Rate => {
            clients.open_idle(work.idle)?;
            clients.open(work.clients)?;
            clients.closed_loop(warm_up)?;
            clients.reset();
            say("ready").and_then(|()| wait_for_a_word()).map_err(text)?;
            let seconds = match work.mode {
                Mode::Rate => clients.fixed_rate(work.rate, counted)?,
                Mode::Closed | Mode::Connect | Mode::Hold | Mode::Slow => {
                    clients.closed_loop(counted)?
                }
            };
            clients.check_idle()?;
            Ok(clients.count(seconds))
        }
        Mode::Hold | Mode::Slow => {
            let mut before = Clients::new(port, &Work { path: "/1k".to_owned(), ..work.clone() })
                .map_err(text)?;
            before.open(AT_ONCE)?;
            before.closed_loop(warm_up)?;
            drop(before);
            say("ready").and_then(|()| wait_for_a_word()).map_err(text)?;
            let start = crate::clock::now();
            if work.mode == Mode::Hold {
                clients.open_idle(work.clients)?;
            } else {
                clients.read_slowly(work.clients, counted)?;
            }
            say("held").and_then(|()| wait_for_a_word()).map_err(text)?;
            clients.check_idle()?;
            Ok(clients.count(start.elapsed()))
        }
    }
}

fn say(line: &str) -> io::Result<()> {
    println!("{line}");
    io::stdout().flush()
}

fn wait_for_a_word() -> io::Result<()> {
    match io::stdin().lock().read_line(&mut String::new())? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

impl Latency {
    fn of(times: &Histogram<u64>) -> Self {
        let at = |quantile| micros(times.value_at_quantile(quantile));
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: micros(times.max()) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a latency is far below 2^53 nanoseconds")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1_000.0
}

/// How many of the clients that stay make their request at the same time.
const AT_ONCE: usize = 16;
