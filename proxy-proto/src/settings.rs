use core::time::Duration;

/// What the core is told about its limits and timeouts; immutable, shared by many exchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bounds on message heads.
    pub limits: Limits,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Whether upstream connections are kept for reuse. If not, requests say `Connection: close`.
    pub upstream_keep_alive: bool,
}

/// Bounds on message heads, both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in a head, its final empty line included; also in a trailer section. The window's
    /// size bounds it too.
    pub max_head_bytes: usize,
    /// Fields in a head or a trailer section. At most [`Limits::MAX_HEADERS`].
    pub max_headers: usize,
}

impl Limits {
    /// The largest `max_headers`: the table stands on the stack while a head is parsed, 32 bytes
    /// a field, and so within 16 KiB.
    pub const MAX_HEADERS: usize = 500;
}

/// How long to wait for what. Each is named after the [`Timer`](crate::Timer) that it sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A request head, from its first byte to its end; not renewed per byte (slowloris).
    pub client_head: Duration,
    /// A client connection with no request in progress.
    pub client_idle: Duration,
    /// No progress while the client owes body bytes.
    pub client_body: Duration,
    /// No progress while the client accepts none of the bytes that wait for it.
    pub client_send: Duration,
    /// Opening a connection to an upstream.
    pub connect: Duration,
    /// No progress while the upstream accepts none of the bytes that wait for it.
    pub write: Duration,
    /// No progress while the upstream owes response bytes.
    pub read: Duration,
    /// The whole of one request, waiting for a place included; `None`: unbounded.
    pub total: Option<Duration>,
    /// An upgraded connection with no byte either way; `None`: unbounded.
    pub tunnel_idle: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // 16 KiB and 100 fields: nginx's 4 × 8 KiB and HAProxy's 16 KiB buffer with 101 fields
            // bracket it; h11 chose the same 16 KiB after a survey of servers.
            limits: Limits { max_head_bytes: 16 * 1024, max_headers: 100 },
            timeouts: Timeouts {
                client_head: Duration::from_secs(10),
                client_idle: Duration::from_secs(60),
                client_body: Duration::from_secs(15),
                client_send: Duration::from_secs(15),
                connect: Duration::from_secs(1),
                write: Duration::from_secs(15),
                read: Duration::from_secs(15),
                total: Some(Duration::from_secs(30)),
                tunnel_idle: Some(Duration::from_secs(300)),
            },
            upstream_keep_alive: true,
        }
    }
}
