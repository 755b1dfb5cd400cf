use std::fs;

use tempfile::TempDir;

use super::*;

/// A directory to start the program in, and the variables it sees.
struct Shell {
    directory: TempDir,
    config_path: Option<&'static str>,
}

impl Shell {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), config_path: None }
    }

    fn with_file(self, name: &str) -> Self {
        fs::write(self.directory.path().join(name), "").unwrap();
        self
    }

    fn with_config_path(self, path: &'static str) -> Self {
        Self { config_path: Some(path), ..self }
    }

    fn types(&self, line: &str) -> Result<Invocation, clap::Error> {
        let env = |name: &str| {
            (name == CONFIG_PATH).then_some(self.config_path).flatten().map(str::to_owned)
        };
        parse_in(self.directory.path(), "proxy-tokio", line.split(' '), &env)
    }

    fn runs(&self, line: &str) -> (Source, Overrides) {
        match self.types(line).unwrap() {
            Invocation::Run { source, overrides } => (source, overrides),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn refuses(&self, line: &str, expected: &str) {
        let error = self.types(line).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(EX_USAGE));
        assert!(error.to_string().contains(expected), "{error}");
    }

    fn file(&self, name: &str, named_by: NamedBy) -> Source {
        Source::File { path: self.directory.path().join(name), named_by }
    }
}

fn listen(text: &str) -> Overrides {
    Overrides { listen: Some(text.parse().unwrap()), pid_file: None }
}

#[test]
fn without_arguments_or_file_the_environment_decides() {
    let shell = Shell::new();
    assert_eq!(shell.runs("p"), (Source::Environment, Overrides::default()));
    let shell = Shell::new().with_config_path("");
    assert_eq!(shell.runs("p"), (Source::Environment, Overrides::default()));
}

#[test]
fn a_file_is_found_by_argument_then_variable_then_in_the_directory() {
    let shell = Shell::new().with_file("config.yaml");
    assert_eq!(shell.runs("p").0, shell.file("config.yaml", NamedBy::Default));
    let shell = shell.with_config_path("b.yaml");
    assert_eq!(shell.runs("p").0, shell.file("b.yaml", NamedBy::ConfigPath));
    assert_eq!(shell.runs("p a.yaml").0, shell.file("a.yaml", NamedBy::Argument));
    assert_eq!(shell.runs("p -c a.yaml").0, shell.file("a.yaml", NamedBy::Argument));
    assert_eq!(shell.runs("p --config=a.yaml").0, shell.file("a.yaml", NamedBy::Argument));
}

#[test]
fn an_absolute_path_stays_as_it_is() {
    let path = "/nowhere/at:all/p.yaml".into();
    let expected = Source::File { path, named_by: NamedBy::Argument };
    assert_eq!(Shell::new().runs("p /nowhere/at:all/p.yaml").0, expected);
}

#[test]
fn a_place_to_listen_is_one_argument_or_two() {
    let shell = Shell::new();
    assert_eq!(shell.runs("p 127.0.0.1:8080").1, listen("127.0.0.1:8080"));
    assert_eq!(shell.runs("p 127.0.0.1 8080").1, listen("127.0.0.1:8080"));
    assert_eq!(shell.runs("p localhost:0").1, listen("localhost:0"));
    assert_eq!(shell.runs("p ::1 80").1, listen("[::1]:80"));
    assert_eq!(shell.runs("p [::1]:80").1, listen("[::1]:80"));
    assert_eq!(
        shell.runs("p 127.0.0.1:8080 -c a.yaml"),
        (shell.file("a.yaml", NamedBy::Argument), listen("127.0.0.1:8080"))
    );
}

#[test]
fn an_existing_file_is_a_file_even_if_it_looks_like_a_place() {
    let shell = Shell::new().with_file("a:80");
    assert_eq!(shell.runs("p a:80").0, shell.file("a:80", NamedBy::Argument));
}

#[test]
fn wrong_usage_is_refused() {
    let shell = Shell::new().with_file("a.yaml");
    shell.refuses("p localhost:http", "`http` is not a port");
    shell.refuses("p localhost:", "is not a port");
    shell.refuses("p localhost:65536", "`65536` is not a port");
    shell.refuses("p a_b-:80", "neither an IP address nor a host name");
    shell.refuses("p ::1", "put the address in brackets");
    shell.refuses("p localhost +80", "`+80` is not a port");
    shell.refuses("p a.yaml -c b.yaml", "named twice");
    shell
        .refuses("p a 80 a.yaml b", "`a.yaml` is one too many; a file beside HOST PORT is -c FILE");
    shell.refuses("p --colour", "unexpected argument");
    shell.refuses("p demo -t", "unexpected argument");
    for url in ["https://host/", "host:80", "http://", "http://host:no/", "http://host/\t"] {
        shell.refuses(&format!("p healthcheck {url}"), "is not a URL that can be asked");
    }
}

#[test]
fn modes_and_options() {
    let shell = Shell::new();
    assert_eq!(shell.types("p demo").unwrap(), Invocation::Demo);
    let source = shell.file("a.yaml", NamedBy::Argument);
    let overrides = Overrides::default();
    assert_eq!(shell.types("p -t a.yaml").unwrap(), Invocation::Test { source, overrides });
    assert_eq!(shell.runs("p --pid-file x.pid").1.pid_file, Some("x.pid".into()));
}

#[test]
fn a_health_check_asks_a_url_or_the_proxy_of_a_configuration() {
    let shell = Shell::new().with_file("config.yaml");
    let asks = |line: &str| match shell.types(line).unwrap() {
        Invocation::Healthcheck { page, source } => (page, source),
        other => panic!("{other:?}"),
    };
    let usual = shell.file("config.yaml", NamedBy::Default);
    assert_eq!(asks("p healthcheck"), (None, usual.clone()));
    let named = shell.file("a.yaml", NamedBy::Argument);
    assert_eq!(asks("p healthcheck -c a.yaml"), (None, named));
    let page = |place: &str, path: &str| {
        Some(Page { place: place.parse().unwrap(), path: path.to_owned() })
    };
    for (url, expected) in [
        ("http://127.0.0.1:9001/a?b", page("127.0.0.1:9001", "/a?b")),
        ("http://host", page("host:80", "/")),
        ("http://[::1]/x", page("[::1]:80", "/x")),
    ] {
        assert_eq!(asks(&format!("p healthcheck {url}")), (expected, usual.clone()), "{url}");
    }
}

#[test]
fn the_help_names_the_binary_and_fits_a_terminal() {
    let help = Shell::new().types("some/path --help").unwrap_err();
    assert_eq!(help.exit_code(), 0);
    let help = help.to_string();
    assert!(
        help.contains("Usage: proxy-tokio [OPTIONS] [HOST | HOST:PORT | FILE] [PORT]\n"),
        "{help}"
    );
    assert!(help.contains("CONFIG_PATH") && help.contains("UPSTREAM_HOSTS"), "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    let version = Shell::new().types("p --version").unwrap_err().to_string();
    assert_eq!(version, format!("proxy-tokio {}\n", env!("CARGO_PKG_VERSION")));
}
