use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file that holds the process id for as long as the process runs.
pub(crate) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    pub(crate) fn write(path: &Path) -> Result<Self, PidFileError> {
        fs::write(path, format!("{}\n", std::process::id()))
            .map_err(|source| PidFileError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for PidFile {
    /// Only if it is still ours: another instance may have been started with the same file.
    fn drop(&mut self) {
        let ours = fs::read_to_string(&self.path)
            .is_ok_and(|text| text.trim() == std::process::id().to_string());
        if ours {
            let _gone_already = fs::remove_file(&self.path);
        }
    }
}

/// The pid file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the pid file {}: {source}", path.display())]
pub(crate) struct PidFileError {
    path: PathBuf,
    source: io::Error,
}
