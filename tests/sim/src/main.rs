//! Plays worlds: see the crate's documentation.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use clap::Parser;
use proxy_sim::{Explanation, Options, Plan, explain, play};

/// Plays the whole proxy on a virtual network, each world from a seed.
#[derive(Parser)]
struct Arguments {
    /// Play this one.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Play these; B is not among them.
    #[arg(long, value_name = "A..B", value_parser = range, default_value = "0..2000")]
    seeds: Range<u64>,
    /// Play no more than so many steps of each, and check what has come of them.
    #[arg(long)]
    steps: Option<usize>,
    /// Print the plan and all that happens.
    #[arg(long)]
    trace: bool,
    /// Write what fails as recordings, for proxy-replay, into this directory.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Arguments { seed, seeds, steps, trace, record } = Arguments::parse();
    let seeds = seed.map_or(seeds, |seed| seed..seed + 1);
    let mut played = 0;
    for seed in seeds.clone() {
        let plan = Plan::of(seed);
        let outcome = play(&plan, Options { steps, traces: trace, records: false });
        played += outcome.steps;
        if trace {
            println!("{plan:#?}");
            outcome.trace.iter().for_each(|line| println!("{line}"));
        }
        if let Some(failure) = outcome.failure {
            println!("seed {seed}: {failure}\n");
            let explanation = explain(seed, steps);
            println!("{explanation}");
            if let Some(folder) = &record
                && let Err(error) = write(folder, seed, &explanation)
            {
                println!("cannot record in {}: {error}", folder.display());
            }
            return ExitCode::FAILURE;
        }
    }
    println!("{} worlds passed, of {played} steps", seeds.end - seeds.start);
    ExitCode::SUCCESS
}

fn write(folder: &Path, seed: u64, explanation: &Explanation) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, recording) in explanation.recordings.iter().enumerate() {
        let file = folder.join(format!("seed-{seed}-{number}.replay"));
        fs::write(&file, recording.to_string())?;
        println!("recorded: {}", file.display());
    }
    Ok(())
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
    let (from, to) = text.split_once("..").ok_or("write A..B")?;
    Ok(number(from)?..number(to)?)
}
