//! Which part of the proxy a sample counts for: a pure function of its frames.

use std::fmt;

/// A part of the proxy, in the order of a request's way through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    /// Taking connections from the kernel, and places for clients.
    Accept,
    /// Reading heads, and finding where bodies end.
    Parse,
    /// Moving bytes between the sockets: the state machine, its loop, sending and receiving.
    Forward,
    /// Choosing an upstream; places, queues and idle connections.
    Balance,
    /// Opening connections to upstreams, and looking up their names.
    Connect,
    /// Counting, and the pages of the metrics port.
    Metrics,
    /// Making and writing log lines, and recordings.
    Log,
    /// Making and sending profiles.
    Profile,
    /// The runtime's own work, none of ours under it: waiting, waking, timers.
    Runtime,
    /// What no name tells.
    Other,
}

/// One function on a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its demangled name; of an inlined one often the last part alone.
    pub name: &'a str,
    /// The path of its source file, or nothing.
    pub file: &'a str,
}

impl Component {
    /// The component of a stack, given its frames from the innermost on.
    ///
    /// The innermost frame that is in the table decides: a system call, a copy or an allocation
    /// counts for whoever asked for it, and the parser for parsing though the loop called it.
    /// Sockets and adapters of runtimes are not in it, so that they count for their callers.
    pub fn of<'a>(frames: impl IntoIterator<Item = Frame<'a>>) -> Self {
        let mut outside = Self::Other;
        for Frame { name, file } in frames {
            // The file knows the module of an inlined function; the name knows the type for which
            // a function of others was made.
            let module = module(file).unwrap_or_default();
            let paths = [&*module, path(name)];
            if let Some(component) = paths.iter().find_map(|path| lookup(OURS, path)) {
                return component;
            }
            if paths.iter().any(|path| lookup(RUNTIMES, path).is_some()) {
                outside = Self::Runtime;
            }
        }
        outside
    }

    /// The value of the label `component`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Parse => "parse",
            Self::Forward => "forward",
            Self::Balance => "balance",
            Self::Connect => "connect",
            Self::Metrics => "metrics",
            Self::Log => "log",
            Self::Profile => "profile",
            Self::Runtime => "runtime",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The module that a source file is: `../proxy-proto/src/head/scan.rs` is `proxy_proto::head::scan`,
/// and `../httparse-1.10.1/src/lib.rs` is `httparse`.
fn module(file: &str) -> Option<String> {
    let (package, file) = file.strip_suffix(".rs")?.rsplit_once("/src/")?;
    let package = package.rsplit('/').next().unwrap_or(package);
    let package = match package.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|first: char| first.is_ascii_digit()) => name,
        Some(_) | None => package,
    };
    let modules = file.split('/').filter(|module| !matches!(*module, "lib" | "mod" | "main"));
    let path: Vec<_> = std::iter::once(package).chain(modules).collect();
    Some(path.join("::").replace('-', "_"))
}

/// The path that a name begins with: `<&mut a::B<C> as d::E>::f` is `f` of `a::B`.
fn path(name: &str) -> &str {
    let mut path = name;
    loop {
        let start = path.trim_start_matches(['<', '&', '*', '_', '(', '[', ' ']);
        let start = ["mut ", "const ", "dyn "]
            .into_iter()
            .fold(start, |start, word| start.strip_prefix(word).unwrap_or(start));
        if start.len() == path.len() {
            return path;
        }
        path = start;
    }
}

/// The first entry that the path is in.
fn lookup(table: &[(&str, Component)], path: &str) -> Option<Component> {
    let is_in = |module: &str| {
        path.strip_prefix(module).is_some_and(|rest| {
            !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
        })
    };
    table.iter().find(|(module, _)| is_in(module)).map(|(_, component)| *component)
}

/// Modules and what they are part of; a module stands before the one that it is in.
const OURS: &[(&str, Component)] = &[
    ("proxy_proto::head::render", Component::Forward),
    ("proxy_proto::head", Component::Parse),
    ("proxy_proto::chunked", Component::Parse),
    ("proxy_proto::framing", Component::Parse),
    ("httparse", Component::Parse),
    ("proxy_proto", Component::Forward),
    ("proxy_balance::clients", Component::Accept),
    ("proxy_balance::client_state", Component::Accept),
    ("proxy_balance", Component::Balance),
    ("proxy_metrics", Component::Metrics),
    ("proxy_replay", Component::Log),
    ("proxy_profile", Component::Profile),
    ("pyroscope", Component::Profile),
    ("reqwest", Component::Profile),
    ("proxy_driver::acceptor", Component::Accept),
    ("proxy_driver::listen", Component::Accept),
    ("proxy_driver::session", Component::Forward),
    ("proxy_driver::link", Component::Connect),
    ("proxy_driver::agenda", Component::Connect),
    ("proxy_driver::resolver", Component::Connect),
    ("proxy_driver::housekeeper", Component::Balance),
    ("proxy_driver::proxy", Component::Balance),
    ("proxy_driver::registry", Component::Balance),
    ("proxy_driver::upstream", Component::Balance),
    ("proxy_driver::worker", Component::Balance),
    ("proxy_driver::pages", Component::Metrics),
    ("proxy_driver::local", Component::Metrics),
    ("proxy_driver::report", Component::Log),
    ("proxy_driver::record", Component::Log),
    ("proxy_driver::log", Component::Log),
    ("tracing", Component::Log),
    ("tracing_core", Component::Log),
];

/// Those of the runtimes, and what they are made of.
const RUNTIMES: &[(&str, Component)] = &[
    ("tokio", Component::Runtime),
    ("mio", Component::Runtime),
    ("futures_lite", Component::Runtime),
    ("smol", Component::Runtime),
    ("async_executor", Component::Runtime),
    ("async_global_executor", Component::Runtime),
    ("async_io", Component::Runtime),
    ("async_std", Component::Runtime),
    ("async_task", Component::Runtime),
    ("polling", Component::Runtime),
    ("proxy_tokio", Component::Runtime),
    ("proxy_smol", Component::Runtime),
    ("proxy_async_std", Component::Runtime),
    ("proxy_driver::watched", Component::Runtime),
    ("proxy_driver::notice", Component::Runtime),
];

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "<proxy_driver::session::Session<proxy_tokio::runtime::Tokio> as \
                           core::future::future::Future>::poll";
    const WORKER: &str = "tokio::runtime::scheduler::multi_thread::worker::Context::run";
    const LINK: &str = "<proxy_driver::link::Link<proxy_tokio::runtime::Tokio>>::connect";

    fn by_names(names: &[&str]) -> Component {
        Component::of(names.iter().map(|name| Frame { name, file: "" }))
    }

    #[test]
    fn the_innermost_frame_that_is_known_decides() {
        for (stack, component) in [
            (&["proxy_proto::head::scan::find", SESSION, WORKER][..], Component::Parse),
            (&["memchr", "<proxy_proto::head::Head>::parse", SESSION], Component::Parse),
            (&["proxy_proto::head::render::push", SESSION], Component::Forward),
            (&["<proxy_proto::exchange::Exchange>::settle", SESSION], Component::Forward),
            (
                &["writev", "<proxy_tokio::socket::Tcp as X>::poll_send", SESSION, WORKER],
                Component::Forward,
            ),
            (&["connect", "proxy_tokio::runtime::dial", LINK, SESSION], Component::Connect),
            (&["proxy_balance::places::Places::try_acquire", LINK, SESSION], Component::Balance),
            (&["accept4", "proxy_driver::acceptor::Acceptor<R>::poll", WORKER], Component::Accept),
            (
                &["core::fmt::write", "proxy_metrics::metrics::Metrics::render", SESSION],
                Component::Metrics,
            ),
            (
                &["memcpy", "proxy_driver::log::batch::push", "proxy_driver::report::finish"],
                Component::Log,
            ),
            (&["addr2line::find", "pyroscope::backend::report"], Component::Profile),
        ] {
            assert_eq!(by_names(stack), component, "{stack:?}");
        }
    }

    #[test]
    fn a_runtime_counts_where_nothing_else_does() {
        let runtime = Component::Runtime;
        assert_eq!(by_names(&["epoll_wait", "mio::poll::Poll::poll", WORKER]), runtime);
        assert_eq!(by_names(&["proxy_driver::watched::Watched::poll"]), runtime);
        assert_eq!(by_names(&["clone3", "std::thread::spawn"]), Component::Other);
        assert_eq!(by_names(&[]), Component::Other);
    }

    #[test]
    fn an_inlined_function_is_known_by_its_file() {
        for (name, file, expected) in [
            ("scan", "/build/proxy-proto/src/head/scan.rs", Component::Parse),
            ("scan", "proxy-proto/src/head/mod.rs", Component::Parse),
            ("pass<R>", "proxy-driver/src/session.rs", Component::Forward),
            ("push", "proxy-driver/src/log/batch.rs", Component::Log),
            ("parse", "/registry/src/index/httparse-1.10.1/src/lib.rs", Component::Parse),
            ("run", "/registry/src/index/async-executor-1.13.3/src/lib.rs", Component::Runtime),
            ("map<proxy_driver::link::Link>", "/library/core/src/option.rs", Component::Other),
            ("<proxy_driver::log::X as Write>::write_all", "/std/src/io/mod.rs", Component::Log),
            ("epoll_wait", "epoll_wait.c", Component::Other),
        ] {
            assert_eq!(Component::of([Frame { name, file }]), expected, "{name} in {file}");
        }
    }

    #[test]
    fn a_name_is_of_the_type_that_it_begins_with() {
        for (name, expected) in [
            ("<&mut proxy_proto::head::Scan<'_> as core::ops::Fn>::call", Component::Parse),
            ("<dyn proxy_metrics::X>::f", Component::Metrics),
            ("_<proxy_driver::link::Link<R>>::connect", Component::Connect),
            // Whom a generic function of others is for is told by its caller.
            ("core::ptr::drop_in_place::<proxy_driver::link::Link<R>>", Component::Other),
            ("proxy_metrics_of_somebody_else::f", Component::Other),
        ] {
            assert_eq!(by_names(&[name]), expected, "{name}");
        }
    }
}
