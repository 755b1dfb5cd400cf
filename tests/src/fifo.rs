//! Files whose content comes when a test says so.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};

use crate::eventually;

/// A named pipe: who reads it waits until the test writes into it, and for its end.
pub struct Fifo {
    path: PathBuf,
}

impl Fifo {
    /// Makes one.
    pub fn new(path: PathBuf) -> Self {
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .expect("a file of the test");
        Self { path }
    }

    /// Waits until somebody reads it, and gives the other end. Dropping that is the end of the file.
    #[track_caller]
    pub fn wait_read(&self) -> File {
        // Else a process that is gone would be waited for without end.
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let mut options = File::options();
        let options = options.write(true).custom_flags(nonblocking);
        let mut file = None;
        eventually("the file is read", || {
            file = options.open(&self.path).ok();
            file.is_some()
        });
        file.expect("it was waited for")
    }
}
