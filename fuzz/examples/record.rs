//! Writes an input of the target `session` as a recording: `record FILE | proxy-replay -`.

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::{env, fs, io};

use proxy_oracle::session::World;
use proxy_replay::Mode;

fn main() -> io::Result<ExitCode> {
    let Some(file) = env::args().nth(1) else {
        eprintln!("usage: record FILE");
        return Ok(ExitCode::from(2));
    };
    let mut world = World::recorded(Some(Mode::Raw));
    let events = proxy_fuzz::events(&fs::read(file)?);
    // Where it breaks, the recording ends; the message is on its way to stderr.
    let _broken = panic::catch_unwind(AssertUnwindSafe(|| {
        for event in &events {
            world.apply(event);
        }
        world.ends();
    }));
    print!("{}", world.recording().expect("a recorded world"));
    Ok(ExitCode::SUCCESS)
}
