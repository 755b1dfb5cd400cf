use std::collections::HashSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use jiff::Timestamp;
use proxy_proto::{Cause, Uuid};
use proxy_replay::Recording;

use super::Folder;

/// The one thread that writes recordings. It ends when nobody records any more.
pub(super) struct Archive {
    queue: SyncSender<Job>,
    /// Recordings for which there was no room, since it was last said.
    dropped: Arc<AtomicU64>,
}

/// A recording to be written.
pub(super) struct Job {
    pub(super) folder: Arc<Folder>,
    pub(super) recording: Recording,
    /// The request that failed.
    pub(super) trace: Uuid,
    pub(super) cause: Cause,
}

impl Archive {
    pub(super) fn start() -> Arc<Self> {
        let (queue, jobs) = sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let theirs = Arc::clone(&dropped);
        let thread = thread::Builder::new().name("record".into());
        if let Err(error) = thread.spawn(move || write_all(&jobs, &theirs)) {
            tracing::warn!(target: "proxy.record", "Cannot record: {error}");
        }
        Arc::new(Self { queue, dropped })
    }

    /// Waits for nobody: without room the recording is dropped, and counted.
    pub(super) fn push(&self, job: Job) {
        if self.queue.try_send(job).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
    }
}

fn write_all(jobs: &Receiver<Job>, dropped: &AtomicU64) {
    let mut complained = HashSet::new();
    for job in jobs {
        match job.folder.write(&job, Timestamp::now()) {
            Ok(path) => {
                complained.clear();
                tracing::info!(
                    target: "proxy.record",
                    trace_id = %job.trace,
                    "Recorded a session that ended in {}: {}",
                    job.cause.word(),
                    path.display()
                );
            }
            // A full disk is said once, not with each request that fails.
            Err(error) if complained.insert(error.kind()) => {
                let path = job.folder.path.display();
                tracing::warn!(target: "proxy.record", "Cannot record in {path}: {error}");
            }
            Err(_said_before) => {}
        }
        let lost = dropped.swap(0, Relaxed);
        if lost > 0 {
            tracing::warn!(
                target: "proxy.record",
                "{lost} recordings dropped: they came faster than they can be written"
            );
        }
    }
}

impl Folder {
    /// For the proxy's user alone: a recording tells who asked for what.
    pub(super) fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)
    }

    /// Writes a recording, whole or not at all, and removes the oldest beyond the limit.
    fn write(&self, job: &Job, now: Timestamp) -> io::Result<PathBuf> {
        self.make()?;
        let time = now.strftime("%Y%m%dT%H%M%S.%6fZ");
        let name = format!("{time}-{}-{}{SUFFIX}", job.trace, job.cause.word());
        let (path, unfinished) = (self.path.join(&name), self.path.join(format!(".{name}.tmp")));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
            .and_then(|mut file| file.write_all(job.recording.to_string().as_bytes()))
            .and_then(|()| fs::rename(&unfinished, &path));
        if let Err(error) = written {
            let _not_there = fs::remove_file(&unfinished);
            return Err(error);
        }
        self.remove_oldest()?;
        Ok(path)
    }

    fn remove_oldest(&self) -> io::Result<()> {
        let mut ours: Vec<String> = fs::read_dir(&self.path)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| is_ours(name))
            .collect();
        // By name is by time.
        ours.sort_unstable();
        let surplus = ours.len().saturating_sub(self.max_files);
        ours.iter().take(surplus).try_for_each(|name| fs::remove_file(self.path.join(name)))
    }
}

/// Whether a file has a name that we give: nobody else's file is ever removed.
fn is_ours(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(SUFFIX) else { return false };
    let Some((time, rest)) = stem.split_once('-') else { return false };
    let Some((trace, cause)) =
        rest.split_at_checked(uuid::fmt::Hyphenated::LENGTH).filter(|_| time.len() == TIME.len())
    else {
        return false;
    };
    let alike = |(byte, model): (u8, u8)| match model {
        b'0' => byte.is_ascii_digit(),
        _ => byte == model,
    };
    time.bytes().zip(TIME.bytes()).all(alike)
        && Uuid::try_parse(trace).is_ok()
        && Cause::ALL.iter().any(|known| cause.strip_prefix('-') == Some(known.word()))
}

const SUFFIX: &str = ".replay";
/// How a name begins, in digits.
const TIME: &str = "00000000T000000.000000Z";
/// Recordings that may wait for the disk: at some 100 KiB each, a few MiB.
const WAITING: usize = 64;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use proxy_proto::{Instant, Settings};
    use proxy_replay::{Mode, Recorder};

    use super::*;

    fn job(folder: &Arc<Folder>) -> Job {
        let (client, trace) = ([192, 0, 2, 7].into(), Uuid::from_u128(7));
        let settings = Arc::new(Settings::default());
        let recorder = Recorder::new(settings, client, trace, Instant::EPOCH, Some(Mode::Masked));
        let recording = recorder.tape().expect("it is on").recording();
        Job { folder: Arc::clone(folder), recording, trace, cause: Cause::ReadTimeout }
    }

    fn names(folder: &Folder) -> Vec<String> {
        let entries = fs::read_dir(&folder.path).expect("a directory");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_oldest_go_first_and_nobody_elses_file_ever() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a/b");
        let folder = Arc::new(Folder { path, max_files: 2 });
        let job = job(&folder);
        let mut now = Timestamp::UNIX_EPOCH;
        folder.write(&job, now).expect("written");
        for others in ["notes.replay", "19700101T000000.000000Z-x-read_timeout.replay", "0"] {
            fs::write(folder.path.join(others), "").expect("written");
        }
        for _ in 0..3 {
            now += Duration::from_micros(1);
            folder.write(&job, now).expect("written");
        }
        let trace = "00000000-0000-0000-0000-000000000007";
        assert_eq!(
            names(&folder),
            [
                "0",
                "19700101T000000.000000Z-x-read_timeout.replay",
                &format!("19700101T000000.000002Z-{trace}-read_timeout.replay"),
                &format!("19700101T000000.000003Z-{trace}-read_timeout.replay"),
                "notes.replay",
            ]
        );
    }

    #[test]
    fn only_the_proxys_user_may_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("new");
        let folder = Arc::new(Folder { path, max_files: 1 });
        let file = folder.write(&job(&folder), Timestamp::UNIX_EPOCH).expect("written");
        let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&folder.path), mode(&file)), (0o700, 0o600));
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let directory = tempfile::tempdir().expect("a directory");
        let folder = Arc::new(Folder { path: directory.path().to_owned(), max_files: 1 });
        let job = job(&folder);
        let file = folder.write(&job, Timestamp::UNIX_EPOCH).expect("written");
        fs::remove_file(&file).expect("removed");
        // A directory in the place of the file: it cannot be renamed over it.
        fs::create_dir(&file).expect("made");
        assert!(folder.write(&job, Timestamp::UNIX_EPOCH).is_err());
        assert_eq!(names(&folder).len(), 1);
    }

    #[test]
    fn whoever_pushes_waits_for_nobody() {
        let (queue, jobs) = sync_channel(1);
        let archive = Archive { queue, dropped: Arc::default() };
        let folder = Arc::new(Folder { path: PathBuf::new(), max_files: 1 });
        for _ in 0..3 {
            archive.push(job(&folder));
        }
        assert_eq!(archive.dropped.load(Relaxed), 2);
        drop(jobs);
    }
}
