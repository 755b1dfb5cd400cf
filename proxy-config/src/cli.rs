//! The command line, the same for every binary.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::address::{Invalid, Listen, quoted};
use crate::environment::VARIABLES;
use crate::load::{NamedBy, Overrides, Source};

/// The exit code for a configuration that is not valid: `EX_CONFIG` of BSD's sysexits.h.
pub const EX_CONFIG: u8 = 78;
/// The exit code for a wrong command line. clap uses it by itself.
pub const EX_USAGE: u8 = 2;
/// The exit code for a failure at run time, such as a port in use.
pub const EX_FAILURE: u8 = 1;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Serve.
    Run {
        /// What to load, now and at each reload.
        source: Source,
        /// What wins over it.
        overrides: Overrides,
    },
    /// Load, report, and exit.
    Test {
        /// What to load.
        source: Source,
        /// What wins over it.
        overrides: Overrides,
    },
    /// Serve two embedded echo upstreams, for a first look.
    Demo,
    /// Ask whether a proxy is well, and exit.
    Healthcheck {
        /// What to ask for; `None`: the readiness of the proxy that `source` describes.
        page: Option<Page>,
        /// Where that one's configuration is.
        source: Source,
    },
}

/// A page of an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where the server listens.
    pub place: Listen,
    /// Its path, with a query if it has one; begins with a slash.
    pub path: String,
}

impl FromStr for Page {
    type Err = Invalid;

    /// From `http://host:port/path`; without a path it is `/`, without a port 80.
    fn from_str(url: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid {
            what: format!("{} is not a URL that can be asked", quoted(url)),
            right: "write http://host:port/path".to_owned(),
        };
        let rest = url.strip_prefix("http://").ok_or_else(invalid)?;
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if path.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(invalid());
        }
        let place = match place.parse() {
            Ok(place) => place,
            Err(_) => Listen::from_parts(place, "80").map_err(|_| invalid())?,
        };
        Ok(Self { place, path: if path.is_empty() { "/" } else { path }.to_owned() })
    }
}

/// Understands the arguments, the program's name first, with `env` as the environment.
///
/// Looks whether files exist: a lone argument that is an existing file is that file, and
/// `config.yaml` in the current directory is read where no file is named.
///
/// Errors: wrong usage, and the requests for help and version, which clap prints and exits for.
pub fn parse_from<I>(
    binary_name: &'static str,
    arguments: I,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Invocation, clap::Error>
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    // Without a current directory, paths stay relative to nothing and fail where they are opened.
    let directory = std::env::current_dir().unwrap_or_default();
    parse_in(&directory, binary_name, arguments, env)
}

fn parse_in<I>(
    directory: &Path,
    binary_name: &'static str,
    arguments: I,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Invocation, clap::Error>
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    let mut command = Arguments::command()
        .name(binary_name)
        .bin_name(binary_name)
        .after_help(after_help(binary_name));
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    let arguments = Arguments::from_arg_matches_mut(&mut matches)?;
    match arguments.mode {
        Some(Mode::Demo) => return Ok(Invocation::Demo),
        Some(Mode::Healthcheck { url, config }) => {
            let page = url
                .map(|url| url.parse::<Page>())
                .transpose()
                .map_err(|invalid| command.error(ErrorKind::ValueValidation, invalid))?;
            return Ok(Invocation::Healthcheck { page, source: source(config, directory, env) });
        }
        None => {}
    }
    if let Some(surplus) = arguments.surplus.first() {
        let surplus = quoted(&surplus.to_string_lossy());
        let message = format!("{surplus} is one too many; a file beside HOST PORT is -c FILE");
        return Err(command.error(ErrorKind::TooManyValues, message));
    }
    let (listen, file) = positional(arguments.place, arguments.port, directory)
        .map_err(|invalid| command.error(ErrorKind::ValueValidation, invalid))?;
    if file.is_some() && arguments.config.is_some() {
        let message = "the configuration file is named twice, as FILE and by --config";
        return Err(command.error(ErrorKind::ArgumentConflict, message));
    }
    let source = source(file.or(arguments.config), directory, env);
    let overrides = Overrides { listen, pid_file: arguments.pid_file };
    Ok(if arguments.test {
        Invocation::Test { source, overrides }
    } else {
        Invocation::Run { source, overrides }
    })
}

/// An HTTP/1.1 reverse proxy
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
struct Arguments {
    /// Where to listen instead of the configured place, or the file to read
    #[arg(value_name = "HOST | HOST:PORT | FILE")]
    place: Option<OsString>,

    /// The port to listen on, after a HOST
    port: Option<OsString>,

    /// Taken only to be refused: clap takes what is too much for the name of a subcommand.
    #[arg(hide = true)]
    surplus: Vec<OsString>,

    /// Read this configuration file
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Write the process id to this file, removed at exit
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,

    /// Validate the configuration and exit
    #[arg(short, long)]
    test: bool,

    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(Debug, Subcommand)]
enum Mode {
    /// Start two echo upstreams and the proxy in front of them, for a first look
    Demo,
    /// Ask whether the proxy takes clients: exit code 0 if it does, 1 if not
    Healthcheck {
        /// Ask for this page instead, such as http://127.0.0.1:9001/
        url: Option<String>,

        /// Find the proxy by this configuration file
        #[arg(short, long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// What the positional arguments are: a place to listen on, or a file.
fn positional(
    place: Option<OsString>,
    port: Option<OsString>,
    directory: &Path,
) -> Result<(Option<Listen>, Option<PathBuf>), Invalid> {
    let Some(place) = place else {
        return Ok((None, None));
    };
    let text = place.to_string_lossy();
    if let Some(port) = port {
        return Ok((Some(Listen::from_parts(&text, &port.to_string_lossy())?), None));
    }
    if is_place(&text) && !directory.join(&place).exists() {
        return Ok((Some(text.parse()?), None));
    }
    Ok((None, Some(place.into())))
}

/// Whether a lone argument looks like HOST:PORT, well-formed or not, rather than a path.
fn is_place(text: &str) -> bool {
    match text.rsplit_once(':') {
        Some((_, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => true,
        Some(_) => !text.contains(std::path::is_separator),
        None => false,
    }
}

fn source(
    named: Option<PathBuf>,
    directory: &Path,
    env: &dyn Fn(&str) -> Option<String>,
) -> Source {
    let file = |path: PathBuf, named_by| Source::File { path: directory.join(path), named_by };
    if let Some(path) = named {
        return file(path, NamedBy::Argument);
    }
    if let Some(path) = env(CONFIG_PATH).filter(|path| !path.is_empty()) {
        return file(path.into(), NamedBy::ConfigPath);
    }
    if directory.join(DEFAULT_FILE).exists() {
        return file(DEFAULT_FILE.into(), NamedBy::Default);
    }
    Source::Environment
}

fn after_help(binary_name: &str) -> String {
    let mut variables = String::new();
    for (name, meaning) in VARIABLES {
        // Writing to a String cannot fail.
        let _ = write!(variables, "\n  {name:<21}{meaning}");
    }
    format!(
        "Examples:
  {binary_name}                             as ./config.yaml says, else the environment
  {binary_name} 127.0.0.1:8080              listen there
  {binary_name} 0.0.0.0 8080 -c proxy.yaml  listen there, the rest from this file
  {binary_name} -t /etc/proxy.yaml          is this file valid?
  {binary_name} demo                        a first look
  {binary_name} healthcheck                 does the proxy that runs here take clients?

The configuration file is the one named, else the one in CONFIG_PATH, else ./config.yaml.
Without a file, these variables are used:{variables}

Signals:
  SIGHUP reads the file again; SIGTERM and SIGINT finish what is in flight and exit.

Exit codes:
  {EX_CONFIG}  the configuration is not valid
  {EX_USAGE:>2}  wrong usage
  {EX_FAILURE:>2}  a failure at run time, such as a port in use"
    )
}

const CONFIG_PATH: &str = "CONFIG_PATH";
const DEFAULT_FILE: &str = "config.yaml";

#[cfg(test)]
mod tests;
