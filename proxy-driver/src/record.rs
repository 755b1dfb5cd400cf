//! Sessions that fail, written to files (`debug.record`), or all of them, given to the program that
//! embeds the proxy.

mod archive;

use std::path::PathBuf;
use std::sync::Arc;

use proxy_config::Config;
use proxy_proto::{Cause, Summary};
use proxy_replay::{Mode, Recorder, Recording};

use self::archive::{Archive, Job};

/// Takes the recordings of a proxy that is embedded, see
/// [`Service::tap`](crate::Service::tap).
pub(crate) type Tap = dyn Fn(Recording) + Send + Sync;

/// What becomes of recordings.
pub(crate) enum Record {
    /// Of sessions that fail, to files.
    Files(Files),
    /// Of all sessions, with all their bytes.
    Tap(Arc<Tap>),
}

/// What one configuration says of recordings.
pub(crate) struct Files {
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
    /// What one configuration says, unless there is a tap. `None`: nothing is recorded.
    pub(crate) fn new(
        config: &Config,
        former: Option<&Self>,
        tap: Option<&Arc<Tap>>,
    ) -> Option<Self> {
        match tap {
            Some(tap) => Some(Self::Tap(Arc::clone(tap))),
            None => Files::new(config, former.and_then(Self::files)).map(Self::Files),
        }
    }

    pub(crate) const fn mode(&self) -> Mode {
        match self {
            Self::Files(_) => Mode::Masked,
            Self::Tap(_) => Mode::Raw,
        }
    }

    /// What the former configuration had, if it wrote files.
    const fn files(&self) -> Option<&Files> {
        match self {
            Self::Files(files) => Some(files),
            Self::Tap(_) => None,
        }
    }
}

impl Files {
    /// What writes for the former configuration writes on.
    fn new(config: &Config, former: Option<&Self>) -> Option<Self> {
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

/// A request is over: keeps its recording, if it is one of those asked for.
pub(crate) fn finish(summary: &Summary, exchange: &Recorder, record: Option<&Record>) {
    let (Some(record), Some(tape)) = (record, exchange.tape()) else { return };
    match record {
        Record::Tap(tap) => tap(tape.recording()),
        Record::Files(files) => {
            if let Some(fault) = summary.fault
                && files.wanted[fault.cause as usize]
            {
                let folder = Arc::clone(&files.folder);
                let (recording, trace, cause) = (tape.recording(), summary.trace, fault.cause);
                files.archive.push(Job { folder, recording, trace, cause });
            }
        }
    }
}

/// A session is over, whatever it was at.
pub(crate) fn end(exchange: &Recorder, record: Option<&Record>) {
    if let (Some(Record::Tap(tap)), Some(tape)) = (record, exchange.tape()) {
        tap(tape.recording());
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
