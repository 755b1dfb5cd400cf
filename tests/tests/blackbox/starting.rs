//! Each form of the command line, the priority of files and variables, the exit codes, the pid
//! file.

use std::fs;
use std::net::{IpAddr, TcpListener};

use proxy_tests::{Config, Process, Proxy, Server, proxy_test};

proxy_test!(a_file_in_the_current_directory_is_found, |binary| {
    let server = Server::answering("hello");
    let proxy = binary.launch().writes("config.yaml", Config::of([server.addr()])).starts();
    assert_eq!(answer(&proxy), "hello");
});

proxy_test!(a_file_is_named_as_the_argument, |binary| {
    let server = Server::answering("hello");
    let launch = binary.launch().writes("named.yaml", Config::of([server.addr()]));
    let file = launch.path("named.yaml");
    assert_eq!(answer(&launch.arg(file).starts()), "hello");
});

proxy_test!(a_file_is_named_after_c, |binary| {
    let server = Server::answering("hello");
    let launch = binary.launch().writes("named.yaml", Config::of([server.addr()]));
    assert_eq!(answer(&launch.arg("-c").arg("named.yaml").starts()), "hello");
});

proxy_test!(a_file_is_named_by_the_environment, |binary| {
    let server = Server::answering("hello");
    let launch = binary.launch().writes("named.yaml", Config::of([server.addr()]));
    let file = launch.path("named.yaml");
    assert_eq!(answer(&launch.env("CONFIG_PATH", file).starts()), "hello");
});

proxy_test!(an_argument_wins_over_the_environment_and_that_over_the_directory, |binary| {
    let servers = ["argument", "environment", "directory"].map(Server::answering);
    let [argument, environment, directory] = servers.each_ref().map(|s| Config::of([s.addr()]));
    let launch = || {
        let launch = binary.launch().writes("a.yaml", &argument).writes("e.yaml", &environment);
        launch.writes("config.yaml", &directory).env("CONFIG_PATH", "e.yaml")
    };
    assert_eq!(answer(&launch().arg("a.yaml").starts()), "argument");
    assert_eq!(answer(&launch().starts()), "environment");
    assert_eq!(answer(&launch().env("CONFIG_PATH", "config.yaml").starts()), "directory");
});

proxy_test!(host_and_port_override_the_file, |binary| {
    let server = Server::answering("hello");
    for arguments in [vec!["127.0.0.2", "0"], vec!["127.0.0.2:0"]] {
        let launch = binary.launch().writes("config.yaml", Config::of([server.addr()]));
        let proxy = launch.args(&arguments).starts();
        assert_eq!(proxy.addr().ip(), "127.0.0.2".parse::<IpAddr>().unwrap(), "{arguments:?}");
        assert_eq!(answer(&proxy), "hello");
    }
});

proxy_test!(without_a_file_the_environment_decides, |binary| {
    let (first, second) = (Server::answering("first"), Server::answering("second"));
    let launch = binary.launch().env("LOG_LEVEL", "debug");
    let launch = launch.env("UPSTREAM_HOSTS", format!("{},{}", first.addr(), second.addr()));
    let launch = launch.env("PROXY_LISTEN_HOST", "127.0.0.2").env("PROXY_LISTEN_PORT", "0");
    let launch = launch.env("METRICS_LISTEN_HOST", "127.0.0.3").env("METRICS_LISTEN_PORT", "0");
    let proxy = launch.starts();
    assert_eq!(proxy.addr().ip().to_string(), "127.0.0.2");
    assert_eq!(proxy.metrics_addr().ip().to_string(), "127.0.0.3");
    assert_eq!([answer(&proxy), answer(&proxy)], ["first", "second"]);
    proxy.wait_log(" - DEBUG - ");
});

proxy_test!(with_a_file_the_environment_is_not_used, |binary| {
    let server = Server::answering("from the file");
    let launch = binary.launch().writes("config.yaml", Config::of([server.addr()]));
    let launch = launch.env("PROXY_LISTEN_HOST", "127.0.0.9").env("PROXY_LISTEN_PORT", "1");
    let launch = launch.env("UPSTREAM_HOSTS", "127.0.0.1:1").env("LOG_LEVEL", "error");
    assert_eq!(answer(&launch.starts()), "from the file");
});

proxy_test!(with_nothing_at_all_it_takes_port_8080, |binary| {
    // Whether it gets the port is not this test's business: others on this machine may want it too.
    binary.launch().spawns().wait_log("127.0.0.1:8080");
});

proxy_test!(a_named_file_that_is_missing_is_an_error, |binary| {
    let missing = "/nowhere/to-be-found.yaml";
    let forms = [
        binary.launch().arg(missing),
        binary.launch().arg("-c").arg(missing),
        binary.launch().env("CONFIG_PATH", missing),
    ];
    for launch in forms {
        fails(launch.exits(), 78, missing);
    }
});

proxy_test!(wrong_usage_exits_with_2, |binary| {
    for arguments in [vec!["--no-such-flag"], vec!["127.0.0.1", "8080", "more"], vec!["-c"]] {
        fails(binary.launch().args(&arguments).exits(), 2, "--help");
    }
});

proxy_test!(help_and_version_are_given, |binary| {
    fails(binary.launch().arg("--help").exits(), 0, "CONFIG_PATH");
    fails(binary.launch().arg("--version").exits(), 0, env!("CARGO_PKG_VERSION"));
});

proxy_test!(a_port_in_use_exits_with_1, |binary| {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let config = Config::of(["127.0.0.1:1"]).listen(&addr);
    fails(binary.launch().writes("config.yaml", config).exits(), 1, &addr);
});

proxy_test!(a_metrics_port_in_use_exits_with_1, |binary| {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let config = Config::of(["127.0.0.1:1"])
        .to_string()
        .replace("metrics_listen: \"127.0.0.1:0\"", &format!("metrics_listen: \"{addr}\""));
    fails(binary.launch().writes("config.yaml", config).exits(), 1, &addr);
});

proxy_test!(a_second_instance_leaves_the_first_its_port, |binary| {
    let server = Server::answering("hello");
    let first = binary.starts(Config::of([server.addr()]));
    let config = Config::of([server.addr()]).listen(first.addr());
    fails(binary.launch().writes("config.yaml", config).exits(), 1, &first.addr().to_string());
    assert_eq!(answer(&first), "hello");
});

proxy_test!(a_pid_file_is_there_as_long_as_the_process, |binary| {
    let mut proxy = binary.starts(Config::of(["127.0.0.1:1"]).with("pid_file: \"from-file.pid\""));
    holds_pid(&mut proxy, "from-file.pid");

    let launch = binary.launch().writes("config.yaml", Config::of(["127.0.0.1:1"]));
    holds_pid(&mut launch.arg("--pid-file").arg("from-argument.pid").starts(), "from-argument.pid");
});

proxy_test!(without_being_asked_it_writes_no_pid_file, |binary| {
    let proxy = binary.starts(Config::of(["127.0.0.1:1"]));
    let files = fs::read_dir(proxy.path(".")).unwrap().map(|file| file.unwrap().file_name());
    assert_eq!(files.collect::<Vec<_>>(), ["proxy.yaml"]);
});

fn answer(proxy: &Proxy) -> String {
    proxy.client().gets("/").text().to_owned()
}

fn fails(mut process: Process, code: i32, why: &str) {
    let text = process.text();
    assert_eq!(process.exit_code(), code, "{text}");
    assert!(text.contains(why), "no {why:?} in:\n{text}");
    assert!(!text.contains("Listening on"), "it opened a port:\n{text}");
}

fn holds_pid(proxy: &mut Proxy, file: &str) {
    let file = proxy.path(file);
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), proxy.pid().to_string());
    assert_eq!(proxy.terminates(), 0);
    assert!(!file.exists(), "the pid file is left behind");
}
