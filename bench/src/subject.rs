//! Who is measured, and with which settings: for each the fastest that its users would choose.

use std::fmt::Write as _;
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
    /// `nginx`, or `nginx, buffered log`.
    pub(crate) fn name(self) -> String {
        let variant = match self.variant {
            Variant::Plain => return self.subject.name().to_owned(),
            Variant::BufferedLog => "buffered log",
            Variant::Unbuffered => "unbuffered",
            Variant::Splice => "splice",
            Variant::WideReads => "256 KiB reads",
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

    /// Starts it on the cores of `scenario`, before the origin at `upstreams`, with its files in
    /// `directory`; returns when it listens.
    pub(crate) fn start(
        self,
        program: &Path,
        scenario: &Scenario,
        cores: &Cores,
        upstreams: &[u16],
        directory: &Path,
    ) -> io::Result<Running> {
        let port = free_port()?;
        let setup = Setup { variant: self.variant, scenario, cores, upstreams, directory, port };
        let program = program.display().to_string();
        let (settings, file) = match self.subject {
            Subject::Floor => (String::new(), "none"),
            Subject::Nginx => (setup.nginx(), "nginx.conf"),
            Subject::Haproxy => (setup.haproxy(), "haproxy.cfg"),
            Subject::ProxyTokio | Subject::ProxySmol | Subject::ProxyAsyncStd => {
                (setup.proxy(), "proxy.yaml")
            }
            Subject::Caddy => (setup.caddy(), "Caddyfile"),
            Subject::Envoy => (setup.envoy(), "envoy.yaml"),
        };
        fs::create_dir_all(directory)?;
        let path = directory.join(file);
        fs::write(&path, settings)?;
        let path = path.display().to_string();
        let workers = scenario.workers.to_string();
        let arguments: Vec<&str> = match self.subject {
            Subject::Floor => return self.start_floor(&program, &setup),
            Subject::Nginx => vec!["-c", &path],
            Subject::Haproxy => vec!["-db", "-f", &path],
            Subject::ProxyTokio | Subject::ProxySmol | Subject::ProxyAsyncStd => vec![&path],
            Subject::Caddy => vec!["run", "--adapter", "caddyfile", "--config", &path],
            Subject::Envoy => vec![
                "-c",
                &path,
                "--concurrency",
                &workers,
                "-l",
                "error",
                "--file-flush-interval-msec",
                "1000",
            ],
        };
        let command: Vec<String> =
            [program.as_str()].into_iter().chain(arguments).map(str::to_owned).collect();
        // The worker threads of runtimes that do not take their number from the settings.
        let environment =
            [("ASYNC_STD_THREAD_COUNT", workers.as_str()), ("GOMAXPROCS", workers.as_str())];
        setup.launch(&command, &environment)
    }

    fn start_floor(self, program: &str, setup: &Setup<'_>) -> io::Result<Running> {
        let window = if self.variant == Variant::WideReads { 256 * 1024 } else { 16 * 1024 };
        let numbers = [setup.port.to_string(), setup.upstreams[0].to_string(), window.to_string()];
        let command: Vec<String> =
            [program, "floor"].map(str::to_owned).into_iter().chain(numbers).collect();
        setup.launch(&command, &[])
    }
}

struct Setup<'a> {
    variant: Variant,
    scenario: &'a Scenario,
    cores: &'a Cores,
    upstreams: &'a [u16],
    directory: &'a Path,
    port: u16,
}

impl Setup<'_> {
    fn launch(&self, command: &[String], environment: &[(&str, &str)]) -> io::Result<Running> {
        let log_path = self.directory.join(OUTPUT);
        // Appending, so that it can be emptied while it is written to.
        let log = File::options().create(true).append(true).open(&log_path)?;
        let output = Output::File(log);
        let cores = self.scenario.placement.of_subject(self.cores);
        let mut process = Process::start(&cores, command, environment, output)?;
        let end = clock::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if process.has_ended() || clock::now() > end {
                let said = fs::read_to_string(&log_path);
                return Err(io::Error::other(format!(
                    "did not start: {}",
                    said.unwrap_or_default()
                )));
            }
            clock::pause(Duration::from_millis(5));
        }
        Ok(Running { process, port: self.port })
    }

    fn nginx(&self) -> String {
        let workers = self.scenario.workers;
        let directory = self.directory.display();
        let log = match (self.scenario.logs, self.variant) {
            (false, _) => "off".to_owned(),
            (true, Variant::BufferedLog) => {
                format!("{directory}/{ACCESS_LOG} combined buffer=64k flush=1s")
            }
            (true, Variant::Plain | Variant::Unbuffered | Variant::Splice | Variant::WideReads) => {
                format!("{directory}/{ACCESS_LOG} combined")
            }
        };
        let buffering = if self.variant == Variant::Unbuffered { "off" } else { "on" };
        // Workers of one socket take what they can get; with one socket each the kernel shares.
        let reuseport = if workers > 1 { " reuseport" } else { "" };
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {directory}/{name};"))
            .join(" ");
        let port = self.port;
        let servers = self.servers(|_, port| format!("server 127.0.0.1:{port};"));
        format!(
            "daemon off; worker_processes {workers}; pid {directory}/nginx.pid; {user}
            error_log {directory}/error.log error; worker_rlimit_nofile {CONNECTIONS};
            events {{ worker_connections {CONNECTIONS}; }}
            http {{
                access_log {log}; {temporary}
                keepalive_requests 1000000000; keepalive_timeout 600s; client_max_body_size 0;
                proxy_max_temp_file_size 0; proxy_buffering {buffering};
                proxy_request_buffering {buffering};
                upstream origin {{
                    {servers}
                    keepalive {POOL}; keepalive_requests 1000000000; keepalive_timeout 600s;
                }}
                server {{
                    listen 127.0.0.1:{port} backlog=4096{reuseport};
                    location / {{
                        proxy_pass http://origin; proxy_http_version 1.1;
                        proxy_set_header Connection \"\";
                    }}
                }}
            }}\n"
        )
    }

    fn haproxy(&self) -> String {
        let workers = self.scenario.workers;
        let (target, log) = if self.scenario.logs {
            ("log stdout format raw local0 info", "log global\n option httplog")
        } else {
            ("", "")
        };
        let splice = if self.variant == Variant::Splice {
            "option splice-request\n option splice-response"
        } else {
            ""
        };
        let port = self.port;
        let servers = self.servers(|index, port| format!("server s{index} 127.0.0.1:{port}\n"));
        format!(
            "global\n nbthread {workers}\n maxconn {CONNECTIONS}\n no strict-limits\n {target}\n\
             defaults\n mode http\n {log}\n {splice}\n option http-keep-alive\n http-reuse always\n \
             timeout connect 5s\n timeout client 600s\n timeout server 600s\n \
             timeout http-keep-alive 600s\n\
             frontend bench\n bind 127.0.0.1:{port}\n default_backend origin\n\
             backend origin\n balance roundrobin\n {servers}\n"
        )
    }

    fn proxy(&self) -> String {
        let workers = self.scenario.workers;
        let level = if self.scenario.logs { "info" } else { "error" };
        let port = self.port;
        let servers =
            self.servers(|_, port| format!("  - {{ host: \"127.0.0.1\", port: {port} }}\n"));
        format!(
            "listen: \"127.0.0.1:{port}\"\nmetrics_listen: \"127.0.0.1:0\"\nworkers: {workers}\n\
             upstreams:\n{servers}\
             limits:\n  max_client_conns: {CONNECTIONS}\n  max_conns_per_upstream: {POOL}\n\
             timeouts:\n  client_idle_ms: 600000\n  upstream_idle_ms: 600000\n\
             logging:\n  level: {level}\nshutdown:\n  deadline_ms: 500\n"
        )
    }

    fn caddy(&self) -> String {
        let servers = self.servers(|_, port| format!(" 127.0.0.1:{port}"));
        let log = if self.scenario.logs { "log" } else { "" };
        format!(
            "{{\n admin off\n auto_https off\n persist_config off\n}}\n\
             http://:{} {{\n {log}\n reverse_proxy{servers} {{\n \
             lb_policy round_robin\n transport http {{\n \
             keepalive_idle_conns {POOL}\n keepalive_idle_conns_per_host {POOL}\n }}\n }}\n}}\n",
            self.port
        )
    }

    fn envoy(&self) -> String {
        let endpoint = |_, port| {
            format!(
                "{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, \
                 port_value: {port}}}}}}}}}, "
            )
        };
        let servers = self.servers(endpoint);
        let log = if self.scenario.logs {
            "access_log: [{name: l, typed_config: {\"@type\": \
                 type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog}}], "
        } else {
            ""
        };
        let manager = "type.googleapis.com/envoy.extensions.filters.network.\
                       http_connection_manager.v3.HttpConnectionManager";
        let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
        format!(
            "static_resources:\n  listeners:\n  - address: {{socket_address: {{address: 127.0.0.1, \
             port_value: {}}}}}\n    filter_chains:\n    - filters:\n      - name: http\n        \
             typed_config: {{\"@type\": {manager}, {log}stat_prefix: b, route_config: \
             {{virtual_hosts: [{{name: b, domains: [\"*\"], routes: [{{match: {{prefix: /}}, \
             route: {{cluster: origin, timeout: 0s}}}}]}}]}}, http_filters: [{{name: r, \
             typed_config: {{\"@type\": {router}}}}}]}}\n  clusters:\n  - name: origin\n    \
             circuit_breakers: {{thresholds: [{{max_connections: {POOL}, \
             max_pending_requests: {POOL}, max_requests: {POOL}}}]}}\n    \
             load_assignment: {{cluster_name: origin, endpoints: [{{lb_endpoints: \
             [{servers}]}}]}}\n",
            self.port
        )
    }

    fn servers(&self, one: impl Fn(usize, u16) -> String) -> String {
        self.upstreams.iter().enumerate().fold(String::new(), |mut all, (index, port)| {
            let _ = write!(all, "{}", one(index, *port));
            all
        })
    }
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
const ACCESS_LOG: &str = "access.log";
/// Above the number of clients in any scenario.
const CONNECTIONS: u32 = 16_000;
/// Upstream connections: above the number of active clients in any scenario.
const POOL: u32 = 4_096;
/// How long a subject may take until it listens.
const START: Duration = Duration::from_secs(10);
