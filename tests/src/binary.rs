//! Finding the binaries under test, and launching them.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};

use command_fds::{CommandFdExt, FdMapping};
use tempfile::TempDir;

use crate::{BINARIES, Process, Proxy};

/// A binary of the workspace, by the name of its package.
#[derive(Clone, Copy, Debug)]
pub struct Binary(&'static str);

impl Binary {
    /// The binary of this package, which bears the package's name.
    pub const fn named(package: &'static str) -> Self {
        Self(package)
    }

    /// Where it is, freshly built in the profile of the tests.
    ///
    /// Cargo builds the binaries of other packages for nobody, so the first call in a process asks
    /// it to.
    pub fn path(self) -> PathBuf {
        let mut built = BUILT.lock().unwrap();
        built.entry(self.0).or_insert_with(|| build(self.0)).clone()
    }

    /// A command line to complete, in an empty directory and an environment without the proxy's
    /// variables.
    pub fn launch(self) -> Launch {
        Launch::of(Command::new(self.path()))
    }

    /// The same, for a process that may open so many descriptors, and may let itself open up to
    /// `hard`.
    pub fn launch_with_descriptors(self, soft: usize, hard: usize) -> Launch {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={soft}:{hard}")).arg(self.path());
        Launch::of(command)
    }

    /// The same, with sockets that are open already, each with its name, as a service manager
    /// passes them on.
    pub fn launch_activated(self, sockets: &[(&str, &TcpListener)]) -> Launch {
        let mut launch = Launch::of(Command::new("sh"));
        let command = &mut launch.command;
        // Its process id is known to the process alone, and only when it runs.
        command.args(["-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""]).arg(self.path());
        let names: Vec<_> = sockets.iter().map(|(name, _)| *name).collect();
        command.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
        let mappings = sockets.iter().zip(3..).map(|((_, socket), child_fd)| FdMapping {
            parent_fd: socket.try_clone().expect("a descriptor").into(),
            child_fd,
        });
        command.fd_mappings(mappings.collect()).expect("each number once");
        launch
    }

    /// Starts it with this configuration file, and waits until it listens.
    #[track_caller]
    pub fn starts(self, config: impl ToString) -> Proxy {
        let launch = self.launch().writes("proxy.yaml", config);
        let file = launch.path("proxy.yaml");
        launch.arg("-c").arg(file).starts()
    }
}

/// A command line about to be run.
pub struct Launch {
    command: Command,
    directory: TempDir,
}

impl Launch {
    fn of(mut command: Command) -> Self {
        let directory = TempDir::new().expect("a directory for the process");
        command.current_dir(&directory).stdin(Stdio::null());
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        Self { command, directory }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds these arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, variable: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(variable, value);
        self
    }

    /// Takes an environment variable away.
    #[must_use]
    pub fn env_remove(mut self, variable: &str) -> Self {
        self.command.env_remove(variable);
        self
    }

    /// Writes a file into the working directory.
    #[must_use]
    pub fn writes(self, file: &str, text: impl ToString) -> Self {
        std::fs::write(self.path(file), text.to_string()).expect("a file of the test");
        self
    }

    /// The path of a file in the working directory.
    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// Starts the process, and waits until it says where it listens.
    #[track_caller]
    pub fn starts(self) -> Proxy {
        Proxy::new(self.spawns())
    }

    /// Starts the process and waits for nothing.
    #[track_caller]
    pub fn spawns(self) -> Process {
        Process::spawn(self.command, self.directory)
    }

    /// Runs the process to its end.
    #[track_caller]
    pub fn exits(self) -> Process {
        let mut process = self.spawns();
        process.exit_code();
        process
    }
}

/// What would leak into a child from the environment of whoever runs the tests.
const VARIABLES: [&str; 10] = [
    "CONFIG_PATH",
    "UPSTREAM_HOSTS",
    "PROXY_LISTEN_HOST",
    "PROXY_LISTEN_PORT",
    "METRICS_LISTEN_HOST",
    "METRICS_LISTEN_PORT",
    "LOG_LEVEL",
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];

static BUILT: LazyLock<Mutex<HashMap<&'static str, PathBuf>>> = LazyLock::new(Mutex::default);

fn build(package: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--message-format=json-render-diagnostics"]);
    cargo.args(["-p", package, "--bin", package]);
    // As in the container image.
    if BINARIES.iter().any(|binary| binary.0 == package) {
        cargo.args(["--features", "profiling"]);
    }
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo runs");
    let messages = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    assert!(output.status.success(), "{package} does not build");
    let path = messages.lines().find_map(|message| {
        let (_, rest) = message.split_once("\"executable\":\"")?;
        rest.split_once('"').map(|(path, _)| PathBuf::from(path))
    });
    path.unwrap_or_else(|| panic!("cargo names no executable for {package}:\n{messages}"))
}
