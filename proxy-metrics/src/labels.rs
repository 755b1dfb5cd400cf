//! The closed sets of label values.

/// The first digit of a final status: the label `status_class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusClass {
    /// `1xx`: only 101, the one 1xx status that ends an HTTP exchange (RFC 9110, 15.2.2). Its
    /// series appears with the first of them; the other classes are there from the start.
    Informational,
    /// `2xx`
    Successful,
    /// `3xx`
    Redirection,
    /// `4xx`
    ClientError,
    /// `5xx`
    ServerError,
}

impl StatusClass {
    /// Every class, in ascending order.
    pub const ALL: [Self; 5] = [
        Self::Informational,
        Self::Successful,
        Self::Redirection,
        Self::ClientError,
        Self::ServerError,
    ];

    /// The class of a status code. A code outside 100–599 is taken for 5xx (RFC 9110, 15).
    pub fn of(status: u16) -> Self {
        match status / 100 {
            1 => Self::Informational,
            2 => Self::Successful,
            3 => Self::Redirection,
            4 => Self::ClientError,
            _ => Self::ServerError,
        }
    }

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "1xx",
            Self::Successful => "2xx",
            Self::Redirection => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
        }
    }
}

/// Which of a request's time limits ran out: the label `type` of `proxy_timeout_errors_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutKind {
    /// `connect_ms`: opening a connection to an upstream.
    Connect,
    /// `read_ms`: the upstream owes bytes and sends none.
    Read,
    /// `write_ms`: the upstream accepts no bytes.
    Write,
    /// `total_ms`: the whole of the request.
    Total,
}

impl TimeoutKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Connect, Self::Read, Self::Write, Self::Total];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Read => "read",
            Self::Write => "write",
            Self::Total => "total",
        }
    }
}

/// How an upstream failed a request: the label `type` of `proxy_upstream_errors_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamErrorKind {
    /// It took too long, at whatever stage.
    Timeout,
    /// It refused the connection.
    ConnectionRefused,
    /// Anything else: a reset, an early end, a malformed response, an unknown name.
    Other,
}

impl UpstreamErrorKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Timeout, Self::ConnectionRefused, Self::Other];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::ConnectionRefused => "connection_refused",
            Self::Other => "other",
        }
    }
}
