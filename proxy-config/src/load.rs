//! From a source to a configuration.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_yaml::Value;

use crate::address::Listen;
use crate::check::check;
use crate::config::Config;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::environment;
use crate::expand::Environment;
use crate::tree::Node;

/// Where a configuration comes from: decided once, at the start, read again at each reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file, which must be there.
    File {
        /// Absolute, where the current directory is known.
        path: PathBuf,
        /// For the error, should the file be missing.
        named_by: NamedBy,
    },
    /// The environment variables.
    Environment,
}

/// How a file came to be the one that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// An argument.
    Argument,
    /// The variable `CONFIG_PATH`.
    ConfigPath,
    /// Nobody: `config.yaml` is in the current directory.
    Default,
}

/// What the command line says wins over the source, after a reload too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Instead of the configured `listen`.
    pub listen: Option<Listen>,
    /// Instead of the configured `pid_file`.
    pub pid_file: Option<PathBuf>,
}

/// Reads the source and validates it, with what overrides it. `env` is the environment.
///
/// Errors: everything that is wrong, at once.
pub fn load(
    source: &Source,
    overrides: &Overrides,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Diagnostics> {
    match source {
        Source::File { path, named_by } => {
            let text = read(path, *named_by)?;
            from_text(&text, &path.to_string_lossy(), overrides, env)
        }
        Source::Environment => {
            let (mut config, text, mut errors) = environment::read(env);
            overrides.apply(&mut config);
            // A wrong value has its default here, which must not be compared.
            if errors.is_empty() {
                errors.extend(collision(&config, |_| None));
            }
            verdict(config, "environment", &text, errors)
        }
    }
}

/// Validates the text of a configuration file that is called `origin` in the errors.
///
/// Errors: everything that is wrong, at once.
pub fn parse(
    text: &str,
    origin: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Diagnostics> {
    from_text(text, origin, &Overrides::default(), env)
}

fn from_text(
    text: &str,
    origin: &str,
    overrides: &Overrides,
    env: Environment<'_>,
) -> Result<Config, Diagnostics> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = Node::read(text).map_err(|error| Diagnostics::new(origin, text, vec![error]))?;
    let mut errors = Vec::new();
    let values = check(&root, text, env, &mut errors);
    let is_wrong = |key| root.entry(key).is_some() && !values.contains_key(key);
    let comparable = !is_wrong("listen") && !is_wrong("metrics_listen");
    // Fails only if the table of keys and the types disagree, which the tests exclude.
    let mut config: Config = serde_yaml::from_value(Value::Mapping(values))
        .map_err(|error| Diagnostics::about(origin, Diagnostic::nowhere(error.to_string())))?;
    overrides.apply(&mut config);
    if comparable {
        let place = |key: &str| root.entry(key).map(|node| node.span.clone());
        errors.extend(collision(&config, place));
    }
    verdict(config, origin, text, errors)
}

fn verdict(
    config: Config,
    origin: &str,
    text: &str,
    errors: Vec<Diagnostic>,
) -> Result<Config, Diagnostics> {
    if errors.is_empty() { Ok(config) } else { Err(Diagnostics::new(origin, text, errors)) }
}

/// The two listeners need places of their own; `place` tells where a key's value stands.
fn collision(config: &Config, place: impl Fn(&str) -> Option<Range<usize>>) -> Option<Diagnostic> {
    let (listen, metrics) = (&config.listen, &config.metrics_listen);
    if !listen.collides_with(metrics) {
        return None;
    }
    let what = format!("`listen` ({listen}) and `metrics_listen` ({metrics}) cannot both be bound");
    let mut error = Diagnostic::nowhere(what).help("give one of them another port");
    for key in ["metrics_listen", "listen"] {
        if let Some(span) = place(key) {
            error = error.and(span, "");
        }
    }
    Some(error)
}

/// The text of a file. Errors name the file and, if it is missing, who asked for it.
fn read(path: &Path, named_by: NamedBy) -> Result<String, Diagnostics> {
    let origin = path.to_string_lossy();
    let fail = |what: &str, right: &str| {
        Err(Diagnostics::about(&origin, Diagnostic::nowhere(what).help(right)))
    };
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read.map_err(|error| (error.kind(), error)) {
        Ok(_) if bytes.len() as u64 > LARGEST => {
            fail("the file is larger than 1 MiB", "is this the configuration?")
        }
        // All defaults, by its letter; but at a reload they would take the listener elsewhere.
        Ok(_) if bytes.trim_ascii().is_empty() => fail(
            "the file is empty",
            "was it being written, or is it a pipe, which can be read once? For all the defaults, \
             a comment in it is enough",
        ),
        Ok(_) => String::from_utf8(bytes).map_err(|error| {
            let start = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes());
            let end = start + char::REPLACEMENT_CHARACTER.len_utf8();
            let error = Diagnostic::at(start..end, "the file is not UTF-8", "this byte is not")
                .help("save it as UTF-8");
            Diagnostics::new(&origin, &text, vec![error])
        }),
        Err((io::ErrorKind::NotFound, _)) => fail("there is no such file", named_by.advice()),
        Err((io::ErrorKind::IsADirectory, _)) => fail(
            "this is a directory",
            "name a file; a container runtime makes a directory where a mounted file is missing",
        ),
        Err((io::ErrorKind::PermissionDenied, error)) => {
            fail(&error.to_string(), "let the user who runs the proxy read it")
        }
        Err((_, error)) => fail(&format!("the file cannot be read: {error}"), named_by.advice()),
    }
}

impl Overrides {
    fn apply(&self, config: &mut Config) {
        if let Some(listen) = &self.listen {
            config.listen = listen.clone();
        }
        if let Some(pid_file) = &self.pid_file {
            config.pid_file = Some(pid_file.clone());
        }
    }
}

impl NamedBy {
    fn advice(self) -> &'static str {
        match self {
            Self::Argument => {
                "an argument names it; a place to listen on is written HOST PORT or HOST:PORT"
            }
            Self::ConfigPath => "the variable CONFIG_PATH names it",
            Self::Default => "it is the file that is read where none is named",
        }
    }
}

/// A configuration is a few hundred lines; this bounds what a slip can make us read. Arbitrary.
const LARGEST: u64 = 1024 * 1024;
