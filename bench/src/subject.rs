//! Who is measured, and how each is started.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::child::{Output, Process};
use crate::clock;
use crate::log::Log;
use crate::scenario::{Cores, Scenario};
use crate::settings::Settings;

/// A program that stands between the load and the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Subject {
    Floor,
    Nginx,
    Haproxy,
    ProxyTokio,
    ProxySmol,
    ProxyAsyncStd,
    Caddy,
    Envoy,
}

/// What is set differently, where a scenario asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    Plain,
    /// nginx with `access_log ... buffer=64k flush=1s`.
    BufferedLog,
    /// nginx with `proxy_buffering off` and `proxy_request_buffering off`.
    Unbuffered,
    /// HAProxy with `option splice-request` and `option splice-response`.
    Splice,
    /// The floor with reads of 256 KiB instead of 16.
    WideReads,
    /// Another build of ours.
    Before,
}

/// A subject as it takes part in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contender {
    pub(crate) subject: Subject,
    pub(crate) variant: Variant,
}

/// The programs of the subjects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Programs {
    /// Where those not found on the search path are.
    pub(crate) caddy: Option<PathBuf>,
    pub(crate) envoy: Option<PathBuf>,
}

/// A subject that listens.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl Subject {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::ProxyTokio => "proxy-tokio",
            Self::ProxySmol => "proxy-smol",
            Self::ProxyAsyncStd => "proxy-async-std",
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
        }
    }

    /// Whether it is one of this project.
    pub(crate) fn is_ours(self) -> bool {
        match self {
            Self::ProxyTokio | Self::ProxySmol | Self::ProxyAsyncStd => true,
            Self::Floor | Self::Nginx | Self::Haproxy | Self::Caddy | Self::Envoy => false,
        }
    }

    /// Those measured when none is named.
    pub(crate) fn usual() -> Vec<Self> {
        vec![
            Self::Floor,
            Self::Nginx,
            Self::Haproxy,
            Self::ProxyTokio,
            Self::ProxySmol,
            Self::ProxyAsyncStd,
        ]
    }

    /// Its program, if there is one.
    pub(crate) fn program(self, programs: &Programs) -> Option<PathBuf> {
        match self {
            Self::Floor => std::env::current_exe().ok(),
            Self::Nginx | Self::Haproxy => installed(self.name()),
            Self::ProxyTokio | Self::ProxySmol | Self::ProxyAsyncStd => {
                let path = std::env::current_exe().ok()?.with_file_name(self.name());
                path.is_file().then_some(path)
            }
            Self::Caddy => programs.caddy.clone().or_else(|| installed(self.name())),
            Self::Envoy => programs.envoy.clone().or_else(|| installed(self.name())),
        }
    }

    /// What it says of its version, on one line.
    pub(crate) fn version(self, program: &Path) -> String {
        let flag = match self {
            Self::Floor => return "of this harness".to_owned(),
            Self::Nginx | Self::Haproxy => "-v",
            Self::Caddy => "version",
            Self::ProxyTokio | Self::ProxySmol | Self::ProxyAsyncStd | Self::Envoy => "--version",
        };
        let Ok(output) = Command::new(program).arg(flag).output() else {
            return "unknown".to_owned();
        };
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unknown");
        // Some say how they were called.
        line.replace(&program.display().to_string(), "").trim().to_owned()
    }
}

impl Contender {
    /// `nginx`, or `nginx, buffered log`; another build is no variant of this one.
    pub(crate) fn name(self) -> String {
        let variant = match self.variant {
            Variant::Plain => return self.subject.name().to_owned(),
            Variant::BufferedLog => "buffered log",
            Variant::Unbuffered => "unbuffered",
            Variant::Splice => "splice",
            Variant::WideReads => "256 KiB reads",
            Variant::Before => return format!("before/{}", self.subject.name()),
        };
        format!("{}, {variant}", self.subject.name())
    }

    /// What it logs of requests into `directory`, where a scenario asks for that.
    pub(crate) fn log(self, directory: &Path) -> Log {
        let (file, lines_per_request) = match self.subject {
            Subject::Floor => (OUTPUT, 0),
            Subject::Nginx => (ACCESS_LOG, 1),
            Subject::Haproxy | Subject::Caddy | Subject::Envoy => (OUTPUT, 1),
            Subject::ProxyTokio | Subject::ProxySmol | Subject::ProxyAsyncStd => (OUTPUT, 2),
        };
        Log { path: directory.join(file), lines_per_request }
    }

    /// Starts `program` on the cores of `scenario`, before the origin at `upstreams`, with its files
    /// in `directory`; returns when it listens.
    pub(crate) fn start(
        self,
        program: &Path,
        scenario: &Scenario,
        cores: &Cores,
        upstreams: &[u16],
        directory: &Path,
    ) -> io::Result<Running> {
        let port = free_port()?;
        let (workers, logs) = (scenario.workers, scenario.logs);
        let settings =
            Settings { variant: self.variant, workers, logs, upstreams, directory, port };
        fs::create_dir_all(directory)?;
        let write = |name, text| {
            let path = directory.join(name);
            fs::write(&path, text).map(|()| path.display().to_string())
        };
        let (options, file) = match self.subject {
            Subject::Floor => {
                let window =
                    if self.variant == Variant::WideReads { 256 * 1024 } else { 16 * 1024 };
                (format!("floor {port} {}", upstreams[0]), format!("{window}"))
            }
            Subject::Nginx => ("-c".to_owned(), write("nginx.conf", settings.nginx())?),
            Subject::Haproxy => ("-db -f".to_owned(), write("haproxy.cfg", settings.haproxy())?),
            Subject::ProxyTokio | Subject::ProxySmol | Subject::ProxyAsyncStd => {
                ("--config".to_owned(), write("proxy.yaml", settings.proxy())?)
            }
            Subject::Caddy => {
                let options = "run --adapter caddyfile --config";
                (options.to_owned(), write("Caddyfile", settings.caddy())?)
            }
            Subject::Envoy => {
                let options = "-l error --file-flush-interval-msec 1000 -c";
                let options = format!("--concurrency {workers} {options}");
                (options, write("envoy.yaml", settings.envoy())?)
            }
        };
        let mut command = vec![program.display().to_string()];
        command.extend(options.split(' ').map(str::to_owned));
        command.push(file);
        launch(port, &scenario.placement.of_subject(cores), &command, workers, directory)
    }
}

fn launch(
    port: u16,
    cores: &[usize],
    command: &[String],
    workers: u32,
    directory: &Path,
) -> io::Result<Running> {
    let log_path = directory.join(OUTPUT);
    // Appending, so that it can be emptied while it is written to.
    let log = File::options().create(true).append(true).open(&log_path)?;
    // The worker threads of runtimes that do not take their number from the settings.
    let workers = workers.to_string();
    let environment = ["ASYNC_STD_THREAD_COUNT", "GOMAXPROCS"].map(|name| (name, &*workers));
    let mut process = Process::start(cores, command, &environment, Output::File(log))?;
    let end = clock::now() + START;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if process.has_ended() || clock::now() > end {
            let said = fs::read_to_string(&log_path).unwrap_or_default();
            return Err(io::Error::other(format!("did not start: {said}")));
        }
        clock::pause(Duration::from_millis(5));
    }
    Ok(Running { process, port })
}

fn installed(name: &str) -> Option<PathBuf> {
    // Debian installs servers where only root searches.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).map(|d| d.join(name)).find(|file| file.is_file())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

const OUTPUT: &str = "output.log";
pub(crate) const ACCESS_LOG: &str = "access.log";
/// How long a subject may take until it listens.
const START: Duration = Duration::from_secs(10);
