//! Writes the seeds of a target to a folder: `seeds TARGET FOLDER`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

use proxy_fuzz::TARGETS;

fn main() -> io::Result<ExitCode> {
    let mut arguments = env::args().skip(1);
    let (Some(name), Some(folder), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: seeds TARGET FOLDER");
        return Ok(ExitCode::from(2));
    };
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        eprintln!("there is no target {name}");
        return Ok(ExitCode::from(2));
    };
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;
    for (number, seed) in (target.seeds)().iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), seed)?;
    }
    Ok(ExitCode::SUCCESS)
}
