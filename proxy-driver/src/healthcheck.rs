use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use proxy_config::cli::{EX_FAILURE, Page};
use proxy_config::{Config, Host, Listen, Source, load};

use crate::listen::addresses;
use crate::run::{clock, env};

/// Asks for a page, for the health check of a container: without a name, whether the proxy that
/// this configuration describes takes clients. Says on stderr what is wrong.
pub(crate) fn run(page: Option<Page>, source: &Source) -> ExitCode {
    let page = page.unwrap_or_else(|| readiness(source));
    match check(&page) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let Page { place, path } = page;
            let _closed = writeln!(io::stderr(), "http://{place}{path}: {reason}");
            ExitCode::from(EX_FAILURE)
        }
    }
}

/// A file that has become invalid does not make the proxy sick that still runs with what it was:
/// the usual port is asked then.
fn readiness(source: &Source) -> Page {
    let listen = match load(source, &proxy_config::Overrides::default(), &env) {
        Ok(config) => config.metrics_listen,
        Err(diagnostics) => {
            let listen = Config::default().metrics_listen;
            let what = diagnostics.lines().next().unwrap_or_default();
            let _closed = writeln!(io::stderr(), "{what}; so {listen} is asked");
            listen
        }
    };
    Page { place: reachable(listen), path: "/readyz".to_owned() }
}

/// Where one connects to who listens on all addresses.
fn reachable(listen: Listen) -> Listen {
    let host = match listen.host {
        Host::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => {
            Host::Address(Ipv4Addr::LOCALHOST.into())
        }
        Host::Address(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => {
            Host::Address(Ipv6Addr::LOCALHOST.into())
        }
        host @ (Host::Address(_) | Host::Name(_)) => host,
    };
    Listen { host, ..listen }
}

fn check(page: &Page) -> Result<(), String> {
    let Page { place, path } = page;
    let until = clock() + PATIENCE;
    let mut socket = connect(place, until).map_err(|error| error.to_string())?;
    let asked = write!(
        socket,
        "GET {path} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: healthcheck\r\nConnection: close\r\n\r\n"
    );
    asked.map_err(|error| error.to_string())?;
    let mut line = Vec::new();
    while !line.contains(&b'\n') && line.len() < LONGEST_LINE {
        let mut room = [0; 64];
        socket.set_read_timeout(Some(left(until)?)).map_err(|error| error.to_string())?;
        match socket.read(&mut room).map_err(|error| unread(&error))? {
            0 => return Err("the connection was closed without an answer".to_owned()),
            n => line.extend_from_slice(&room[..n]),
        }
    }
    let line = String::from_utf8_lossy(&line);
    let line = line.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some(status) if line.starts_with("HTTP/1.") && status.starts_with('2') => Ok(()),
        Some(_) | None => Err(format!("the answer is {line:?}")),
    }
}

fn connect(place: &Listen, until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses(place)? {
        let patience = left(until).map_err(io::Error::other)?;
        match TcpStream::connect_timeout(&address, patience) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn unread(error: &io::Error) -> String {
    match error.kind() {
        // The system calls it "Resource temporarily unavailable".
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => late(),
        _ => error.to_string(),
    }
}

fn left(until: Instant) -> Result<Duration, String> {
    let left = until.checked_duration_since(clock()).filter(|left| !left.is_zero());
    left.ok_or_else(late)
}

fn late() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

/// Below the usual timeouts of those who call for a health check, so that the reason is told.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longer than any status line of ours.
const LONGEST_LINE: usize = 512;
