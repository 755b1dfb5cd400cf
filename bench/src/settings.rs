//! The settings of each subject: for each the fastest that its users would choose.

use std::fmt::Write as _;
use std::path::Path;

use crate::subject::{ACCESS_LOG, Variant};

/// What the settings of any subject have to say.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) variant: Variant,
    pub(crate) workers: u32,
    /// Whether requests are logged.
    pub(crate) logs: bool,
    pub(crate) upstreams: &'a [u16],
    /// For the files of the subject.
    pub(crate) directory: &'a Path,
    /// Where it listens.
    pub(crate) port: u16,
}

impl Settings<'_> {
    pub(crate) fn nginx(&self) -> String {
        let workers = self.workers;
        let directory = self.directory.display();
        let buffer = if self.variant == Variant::BufferedLog { " buffer=64k flush=1s" } else { "" };
        let log = if self.logs {
            format!("{directory}/{ACCESS_LOG} combined{buffer}")
        } else {
            "off".to_owned()
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

    pub(crate) fn haproxy(&self) -> String {
        let workers = self.workers;
        let (target, log) = if self.logs {
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
            "global\n nbthread {workers}\n maxconn {CONNECTIONS}\n no strict-limits\n \
             tune.pool-low-fd-ratio 90\n tune.pool-high-fd-ratio 95\n {target}\n\
             defaults\n mode http\n {log}\n {splice}\n option http-keep-alive\n http-reuse always\n \
             timeout connect 5s\n timeout client 600s\n timeout server 600s\n \
             timeout http-keep-alive 600s\n\
             frontend bench\n bind 127.0.0.1:{port}\n default_backend origin\n\
             backend origin\n balance roundrobin\n {servers}\n"
        )
    }

    pub(crate) fn proxy(&self) -> String {
        let workers = self.workers;
        let level = if self.logs { "info" } else { "error" };
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

    pub(crate) fn caddy(&self) -> String {
        let servers = self.servers(|_, port| format!(" 127.0.0.1:{port}"));
        let log = if self.logs { "log" } else { "" };
        format!(
            "{{\n admin off\n auto_https off\n persist_config off\n}}\n\
             http://:{} {{\n {log}\n reverse_proxy{servers} {{\n \
             lb_policy round_robin\n transport http {{\n \
             keepalive_idle_conns {POOL}\n keepalive_idle_conns_per_host {POOL}\n }}\n }}\n}}\n",
            self.port
        )
    }

    pub(crate) fn envoy(&self) -> String {
        let endpoint = |_, port| {
            format!(
                "{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, \
                 port_value: {port}}}}}}}}}, "
            )
        };
        let servers = self.servers(endpoint);
        let log = if self.logs {
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

/// Above the number of clients in any scenario.
const CONNECTIONS: u32 = 16_000;
/// Upstream connections: above the number of active clients in any scenario.
const POOL: u32 = 4_096;
