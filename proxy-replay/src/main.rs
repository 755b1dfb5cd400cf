//! `proxy-replay FILE`: steps through a recording of the proxy.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use proxy_replay::{Player, Recording};

/// Step through a recording of the proxy, and say where it does not replay
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Arguments {
    /// The recording; `-` is standard input
    file: PathBuf,

    /// Print nothing but the outcome
    #[arg(short, long)]
    quiet: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let name = arguments.file.display();
    let recording = match read(&arguments.file) {
        Ok(recording) => recording,
        Err(error) => {
            let _closed = writeln!(io::stderr(), "proxy-replay: {name}: {error}");
            return ExitCode::from(UNREADABLE);
        }
    };
    let mut out = BufWriter::new(io::stdout().lock());
    match play(&recording, arguments.quiet, &mut out).and_then(|end| out.flush().map(|()| end)) {
        Ok(code) => code,
        // Whoever read the output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _closed = writeln!(io::stderr(), "proxy-replay: {error}");
            ExitCode::from(UNREADABLE)
        }
    }
}

fn read(path: &Path) -> Result<Recording, Box<dyn std::error::Error>> {
    let source: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut bytes = Vec::new();
    source.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err("the file is larger than 64 MiB".into());
    }
    let text = String::from_utf8(bytes).map_err(|_| "this is not text")?;
    Ok(text.parse()?)
}

fn play(recording: &Recording, quiet: bool, out: &mut impl Write) -> io::Result<ExitCode> {
    let header = &recording.header;
    if !quiet {
        let cause = recording.cause().map_or("no fault", |cause| cause.word());
        let (version, client, trace) = (&header.version, header.client, header.trace);
        writeln!(out, "recorded by {version}: client {client}, trace {trace}, {cause}\n")?;
    }
    if header.dropped > 0 {
        writeln!(out, "truncated: {} more events did not fit", header.dropped)?;
    }
    let mut player = Player::new(recording);
    let mut played = 0;
    while let Some(step) = player.step() {
        if !quiet {
            writeln!(out, "{step}")?;
        }
        if let Some(divergence) = step.divergence {
            writeln!(out, "diverged: {divergence}")?;
            return Ok(ExitCode::from(DIVERGED));
        }
        played = step.number;
    }
    writeln!(out, "replayed {played} events, no divergence")?;
    Ok(ExitCode::SUCCESS)
}

/// The replay is not what was recorded.
const DIVERGED: u8 = 1;
/// There is nothing to replay. clap uses the same for wrong usage.
const UNREADABLE: u8 = 2;
/// What the tape of a connection takes is a thousandth of it; a simulator may write more.
const LARGEST: u64 = 64 * 1024 * 1024;
const AFTER_HELP: &str = "\
Each event is shown with its time since the start of the recording, the actions that came of it,
and then the state, the timers, the lanes and what there is to wait for.

Exit codes:
  0  replayed to the end
  1  diverged: the actions are not the recorded ones
  2  wrong usage, or the file cannot be read";
