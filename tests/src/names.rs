//! Names that mean what a test says.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{Binary, Proxy};

/// What names mean to the processes that are started with it, by way of nss_wrapper: a library,
/// loaded before the system's, that answers look-ups from a file.
pub struct Names {
    nss_wrapper: PathBuf,
    directory: TempDir,
}

impl Names {
    /// No name means anything yet. `None`, and said so, where nss_wrapper is not installed.
    pub fn new() -> Option<Self> {
        let Some(nss_wrapper) = find_nss_wrapper() else {
            eprintln!("SKIPPED: nss_wrapper, Debian's libnss-wrapper, is not installed");
            return None;
        };
        let names = Self { nss_wrapper, directory: TempDir::new().expect("a directory for names") };
        names.mean("nothing.test", &[]);
        Some(names)
    }

    /// From now on `name` means these addresses, and other names mean nothing.
    pub fn mean(&self, name: &str, addresses: &[IpAddr]) {
        let lines: Vec<_> = addresses.iter().map(|address| format!("{address} {name}\n")).collect();
        let [file, next] = ["hosts", "hosts.next"].map(|file| self.directory.path().join(file));
        // Another file in its place is noticed at once, and never seen half written.
        fs::write(&next, lines.concat()).expect("a file of the test");
        fs::rename(&next, &file).expect("a file of the test");
    }

    /// Starts the proxy with this configuration file, and waits until it listens.
    #[track_caller]
    pub fn starts(&self, binary: Binary, config: impl ToString) -> Proxy {
        let launch = binary.launch().writes("proxy.yaml", config);
        let file = launch.path("proxy.yaml");
        launch
            .env("LD_PRELOAD", &self.nss_wrapper)
            .env("NSS_WRAPPER_HOSTS", self.directory.path().join("hosts"))
            .arg("-c")
            .arg(file)
            .starts()
    }
}

/// In `/usr/lib` or, as Debian has it, in a directory of the architecture there.
fn find_nss_wrapper() -> Option<PathBuf> {
    let directories = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    let places = directories.chain(["/usr/lib", "/usr/lib64"].map(|at| Path::new(at).to_owned()));
    places.map(|place| place.join("libnss_wrapper.so")).find(|library| library.exists())
}
