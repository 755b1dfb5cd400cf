//! The command line, the same for every binary.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::address::{Invalid, Listen};
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
    if let Some(Mode::Demo) = arguments.mode {
        return Ok(Invocation::Demo);
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
