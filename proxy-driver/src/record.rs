//! Sessions that fail, written to files: `debug.record`.

mod archive;

use std::path::PathBuf;
use std::sync::Arc;

use proxy_config::Config;
use proxy_proto::{Cause, Summary};
use proxy_replay::Recorder;

use self::archive::{Archive, Job};

/// What one configuration says of recordings.
pub(crate) struct Record {
    wanted: [bool; Cause::ALL.len()],
    folder: Arc<Folder>,
    archive: Arc<Archive>,
}

/// Where recordings go.
#[derive(Debug, PartialEq, Eq)]
struct Folder {
    path: PathBuf,
    /// The oldest are removed for newer ones.
    max_files: usize,
}

impl Record {
    /// `None`: nothing is recorded. What writes for the former configuration writes on.
    pub(crate) fn new(config: &Config, former: Option<&Self>) -> Option<Self> {
        let record = config.debug.record.as_ref()?;
        let folder = Folder { path: record.dir.clone(), max_files: record.max_files };
        let archive = former.map_or_else(Archive::start, |former| Arc::clone(&former.archive));
        if former.is_none_or(|former| *former.folder != folder)
            && let Err(error) = folder.make()
        {
            // Not a reason to serve nobody: it is tried again with each recording.
            let path = folder.path.display();
            tracing::warn!(target: "proxy.record", "Cannot record in {path}: {error}");
        }
        let wanted = Cause::ALL.map(|cause| record.on.iter().any(|word| word == cause.word()));
        Some(Self { wanted, folder: Arc::new(folder), archive })
    }
}

/// Keeps the recording of a request that failed, if its cause is one of those asked for.
pub(crate) fn finish(summary: &Summary, exchange: &Recorder, record: Option<&Record>) {
    let (Some(record), Some(fault)) = (record, summary.fault) else { return };
    if let Some(tape) = exchange.tape()
        && record.wanted[fault.cause as usize]
    {
        let folder = Arc::clone(&record.folder);
        let (recording, trace, cause) = (tape.recording(), summary.trace, fault.cause);
        record.archive.push(Job { folder, recording, trace, cause });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_configuration_are_the_causes() {
        assert_eq!(proxy_config::Record::CAUSES, Cause::ALL.map(Cause::word));
    }
}
