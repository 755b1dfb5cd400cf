/// Who is to blame for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The client broke a rule, was too slow or went away.
    Client,
    /// The upstream did.
    Upstream,
    /// The proxy itself could not serve the request.
    Us,
}

/// Why a request failed: one closed vocabulary, one word each, the same in the log, the metric
/// label, the response header `X-Proxy-Error` and the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
#[repr(u8)]
pub enum Cause {
    /// The request breaks the grammar or the framing rules.
    BadRequest,
    /// The request head or its trailers exceed the limits.
    HeadTooLarge,
    /// The request target exceeds the limits.
    TargetTooLong,
    /// CONNECT, a request that may go no further (`Max-Forwards: 0`), or a method that this resource
    /// does not have.
    MethodNotAllowed,
    /// An expectation other than 100-continue, or several.
    ExpectationFailed,
    /// A transfer coding other than chunked, or a method longer than any.
    NotImplemented,
    /// An HTTP version other than 1.0 and 1.1.
    VersionNotSupported,
    /// No such page, for resources of the proxy's own.
    NotFound,
    /// The request head took longer than `client_head_ms`.
    ClientHeadTimeout,
    /// The client sent no body bytes for `client_body_ms`.
    ClientBodyTimeout,
    /// The client accepted no bytes for `client_send_ms`.
    ClientSendTimeout,
    /// The client closed or reset its connection too early.
    ClientGone,
    /// The upstream refused the connection.
    ConnectRefused,
    /// The upstream did not accept a connection within `connect_ms`.
    ConnectTimeout,
    /// The connection could not be opened for another reason, such as no route.
    ConnectFailed,
    /// The upstream's name has no address.
    Unresolved,
    /// The upstream accepted no bytes for `write_ms`.
    WriteTimeout,
    /// The upstream sent no bytes for `read_ms`.
    ReadTimeout,
    /// The upstream reset the connection.
    UpstreamReset,
    /// The upstream closed before its response was complete.
    UpstreamEof,
    /// The response breaks the grammar or the framing rules.
    BadResponse,
    /// The request took longer than `total_ms`, waiting for a connection to the upstream.
    QueueTimeout,
    /// The request took longer than `total_ms`.
    TotalTimeout,
    /// No byte passed through an upgraded connection for `tunnel_idle_ms`.
    TunnelIdle,
    /// The proxy had to stop before the request was served: `shutdown.deadline_ms` had passed.
    Draining,
}

impl Cause {
    /// All causes, in the order of their discriminants: `ALL[cause as usize] == cause`.
    pub const ALL: [Self; 25] = [
        Self::BadRequest,
        Self::HeadTooLarge,
        Self::TargetTooLong,
        Self::MethodNotAllowed,
        Self::ExpectationFailed,
        Self::NotImplemented,
        Self::VersionNotSupported,
        Self::NotFound,
        Self::ClientHeadTimeout,
        Self::ClientBodyTimeout,
        Self::ClientSendTimeout,
        Self::ClientGone,
        Self::ConnectRefused,
        Self::ConnectTimeout,
        Self::ConnectFailed,
        Self::Unresolved,
        Self::WriteTimeout,
        Self::ReadTimeout,
        Self::UpstreamReset,
        Self::UpstreamEof,
        Self::BadResponse,
        Self::QueueTimeout,
        Self::TotalTimeout,
        Self::TunnelIdle,
        Self::Draining,
    ];

    /// The word that stands for this cause everywhere.
    pub const fn word(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::HeadTooLarge => "head_too_large",
            Self::TargetTooLong => "target_too_long",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::ExpectationFailed => "expectation_failed",
            Self::NotImplemented => "not_implemented",
            Self::VersionNotSupported => "version_not_supported",
            Self::NotFound => "not_found",
            Self::ClientHeadTimeout => "client_head_timeout",
            Self::ClientBodyTimeout => "client_body_timeout",
            Self::ClientSendTimeout => "client_send_timeout",
            Self::ClientGone => "client_gone",
            Self::ConnectRefused => "connect_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::ConnectFailed => "connect_failed",
            Self::Unresolved => "unresolved",
            Self::WriteTimeout => "write_timeout",
            Self::ReadTimeout => "read_timeout",
            Self::UpstreamReset => "upstream_reset",
            Self::UpstreamEof => "upstream_eof",
            Self::BadResponse => "bad_response",
            Self::QueueTimeout => "queue_timeout",
            Self::TotalTimeout => "total_timeout",
            Self::TunnelIdle => "tunnel_idle",
            Self::Draining => "draining",
        }
    }

    /// The status that tells the client, when it can still be told.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::ClientSendTimeout | Self::ClientGone => 400,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::ClientHeadTimeout | Self::ClientBodyTimeout => 408,
            Self::TargetTooLong => 414,
            Self::ExpectationFailed => 417,
            Self::HeadTooLarge => 431,
            Self::NotImplemented => 501,
            Self::ConnectRefused
            | Self::ConnectFailed
            | Self::Unresolved
            | Self::UpstreamReset
            | Self::UpstreamEof
            | Self::BadResponse => 502,
            Self::Draining => 503,
            Self::ConnectTimeout
            | Self::WriteTimeout
            | Self::ReadTimeout
            | Self::QueueTimeout
            | Self::TotalTimeout
            | Self::TunnelIdle => 504,
            Self::VersionNotSupported => 505,
        }
    }

    /// Who is to blame.
    pub const fn blame(self) -> Blame {
        match self {
            Self::BadRequest
            | Self::HeadTooLarge
            | Self::TargetTooLong
            | Self::MethodNotAllowed
            | Self::ExpectationFailed
            | Self::NotImplemented
            | Self::VersionNotSupported
            | Self::NotFound
            | Self::ClientHeadTimeout
            | Self::ClientBodyTimeout
            | Self::ClientSendTimeout
            | Self::ClientGone => Blame::Client,
            Self::ConnectRefused
            | Self::ConnectTimeout
            | Self::ConnectFailed
            | Self::Unresolved
            | Self::WriteTimeout
            | Self::ReadTimeout
            | Self::UpstreamReset
            | Self::UpstreamEof
            | Self::BadResponse => Blame::Upstream,
            Self::QueueTimeout | Self::TotalTimeout | Self::TunnelIdle | Self::Draining => {
                Blame::Us
            }
        }
    }
}

/// A failure of one request: the cause, and one line on what exactly was wrong.
///
/// Input from a peer becomes one of these and never a panic; misuse by the driver is an assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub struct Fault {
    /// The word for it.
    pub cause: Cause,
    /// One line for a human, without a full stop.
    #[cfg_attr(fuzzing, arbitrary(value = "chosen by the fuzzer"))]
    pub reason: &'static str,
}

impl Fault {
    /// A fault with its reason in words.
    pub const fn new(cause: Cause, reason: &'static str) -> Self {
        Self { cause, reason }
    }

    pub(crate) const fn bad_request(reason: &'static str) -> Self {
        Self::new(Cause::BadRequest, reason)
    }

    pub(crate) const fn bad_response(reason: &'static str) -> Self {
        Self::new(Cause::BadResponse, reason)
    }
}
