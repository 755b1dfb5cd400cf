//! A service manager: what it is told, and the sockets that it passes on.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;

use proxy_tests::{Binary, Client, Config, Launch, PATIENCE, Server, Signal, get, proxy_test};
use tempfile::TempDir;

/// Where a process reports to: sd_notify(3).
struct Manager {
    socket: UnixDatagram,
    directory: TempDir,
}

impl Manager {
    fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        let socket = UnixDatagram::bind(directory.path().join("notify")).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { socket, directory }
    }

    fn launches(&self, launch: Launch) -> Launch {
        launch.env("NOTIFY_SOCKET", self.directory.path().join("notify"))
    }

    /// The next report, a line for each assignment.
    #[track_caller]
    fn hears(&self) -> String {
        let mut text = [0; 4096];
        let length = self.socket.recv(&mut text).expect("a report");
        String::from_utf8_lossy(&text[..length]).into_owned()
    }
}

proxy_test!(it_is_told_of_each_step, |binary| {
    let server = Server::answering("hello");
    let manager = Manager::new();
    let config = Config::of([server.addr()]).with("shutdown: { delay_ms: 1, deadline_ms: 60000 }");
    let launch = manager.launches(binary.launch()).writes("proxy.yaml", &config);
    let file = launch.path("proxy.yaml");
    let mut proxy = launch.arg("-c").arg(file).starts();
    assert_eq!(manager.hears(), "READY=1\nSTATUS=Serving\n");

    proxy.reloads(&config);
    let report = manager.hears();
    assert!(report.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{report}");
    assert_eq!(manager.hears(), "READY=1\nSTATUS=Serving; the configuration was reloaded\n");

    proxy.rewrites_config("nonsense");
    proxy.signal(Signal::HUP);
    manager.hears();
    let report = manager.hears();
    assert!(report.starts_with("READY=1\nSTATUS=Serving; the last reload failed"), "{report}");

    proxy.signal(Signal::TERM);
    let report = manager.hears();
    // The delay, the deadline, and what may follow: half a second for what is cut then, a second for the last profile, and
    // one for the last log lines.
    assert!(report.starts_with("STOPPING=1\nEXTEND_TIMEOUT_USEC=62501000\n"), "{report}");
    assert_eq!(proxy.exit_code(), 0);
});

proxy_test!(its_sockets_are_used_and_outlive_the_process, |binary| {
    let server = Server::answering("hello");
    let (clients, metrics) = (listens(), listens());
    let starts = || {
        let sockets = [("metrics", &metrics), ("clients", &clients)];
        let launch = binary.launch_activated(&sockets);
        // What is configured is not even free.
        let config = Config::of([server.addr()]).listen(server.addr());
        let launch = launch.writes("proxy.yaml", &config);
        let file = launch.path("proxy.yaml");
        (launch.arg("-c").arg(file).starts(), config)
    };
    let (mut proxy, config) = starts();
    assert_eq!(proxy.addr(), clients.local_addr().unwrap());
    assert_eq!(proxy.metrics_addr(), metrics.local_addr().unwrap());
    assert_eq!(proxy.client().gets("/").text(), "hello");
    proxy.wait_metric("proxy_requests_total", 1);

    // A reload leaves them alone, whatever it says.
    proxy.reloads(&config.listen("127.0.0.1:1"));
    assert_eq!(proxy.client().gets("/").text(), "hello");

    // Who comes between two processes waits for the second one.
    assert_eq!(proxy.terminates(), 0);
    let mut patient = Client::connect(clients.local_addr().unwrap());
    patient.sends(get("/"));
    let (_proxy, _) = starts();
    assert_eq!(patient.reads_response().text(), "hello");
});

proxy_test!(sockets_without_names_are_for_clients, |binary| {
    let server = Server::answering("hello");
    let (one, other) = (listens(), listens());
    let launch = binary.launch_activated(&[("", &one), ("", &other)]).env_remove("LISTEN_FDNAMES");
    let proxy = launch.writes("config.yaml", Config::of([server.addr()])).starts();
    proxy.wait_logs("Listening on ", 2);
    for socket in [one, other] {
        assert_eq!(Client::connect(socket.local_addr().unwrap()).gets("/").text(), "hello");
    }
});

proxy_test!(a_socket_that_cannot_be_used_stops_the_start, |binary| {
    let listener = listens();
    refuses(binary, "http.socket", &listener, "call it clients or metrics");
    let connection = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let connection = TcpListener::from(std::os::fd::OwnedFd::from(connection));
    refuses(binary, "clients", &connection, "a connection instead of a listener");
});

proxy_test!(sockets_for_another_process_are_left_alone, |binary| {
    let server = Server::answering("hello");
    let launch = binary.launch().env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
    let proxy = launch.writes("config.yaml", Config::of([server.addr()])).starts();
    assert_eq!(proxy.client().gets("/").text(), "hello");
});

#[track_caller]
fn refuses(binary: Binary, name: &str, socket: &TcpListener, reason: &str) {
    let mut process = binary.launch_activated(&[(name, socket)]).exits();
    assert_eq!(process.exit_code(), 1);
    assert!(process.text().contains(reason), "{}", process.text());
}

fn listens() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}
