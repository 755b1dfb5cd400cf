//! The log of a subject: whether it was written at all.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use crate::clock;

/// Where a subject logs requests, and how much.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    pub(crate) lines_per_request: u64,
}

impl Log {
    /// Forgets what is in it.
    pub(crate) fn clear(&self) -> Result<(), String> {
        let emptied = File::options().write(true).open(&self.path).and_then(|file| file.set_len(0));
        emptied.map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// Refuses a log with fewer lines than `requests` leave: one that drops lines is cheap.
    pub(crate) fn check(&self, requests: u64) -> Result<(), String> {
        let expected = requests * self.lines_per_request;
        let end = clock::now() + FLUSH;
        loop {
            let text = fs::read(&self.path).map_err(|error| error.to_string())?;
            let lines = memchr::memchr_iter(b'\n', &text).count() as u64;
            if lines >= expected {
                return Ok(());
            }
            if clock::now() > end {
                return Err(format!("{lines} log lines instead of {expected}"));
            }
            clock::pause(Duration::from_millis(50));
        }
    }
}

/// Above the second after which a buffered log is written.
const FLUSH: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_too_few_is_found_out() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log { path: directory.path().join("log"), lines_per_request: 2 };
        assert!(log.clear().is_err());
        fs::write(&log.path, "a\nb\nc\nd\n").unwrap();
        assert_eq!(log.check(2), Ok(()));
        fs::write(&log.path, "a\nb\nc\nd").unwrap();
        assert_eq!(log.check(2), Err("3 log lines instead of 4".to_owned()));
        log.clear().unwrap();
        assert_eq!(log.check(0), Ok(()));
    }
}
