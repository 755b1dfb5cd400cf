//! Hosts, and the two kinds of host and port: what we listen on and whom we forward to.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IP address, or a name that the system's resolver is asked for.
///
/// Displayed as in an authority: an IPv6 address stands in brackets. Addresses are displayed in
/// their canonical form (RFC 5952), names as they were written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Host {
    /// Needs no resolver.
    Address(IpAddr),
    /// A host name by RFC 1123 section 2.1, or one with underscores, as container networks have.
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl FromStr for Host {
    type Err = Invalid;

    /// Takes an IPv6 address with and without brackets.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
            && let Ok(address) = inner.parse::<Ipv6Addr>()
        {
            return Ok(Self::Address(address.into()));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        if is_name(text) {
            return Ok(Self::Name(text.to_owned()));
        }
        Err(Invalid {
            what: format!("{} is neither an IP address nor a host name", quoted(text)),
            right: "write an address such as 127.0.0.1 or ::1, or a name such as upstream1"
                .to_owned(),
        })
    }
}

/// What a listener binds: an address or a name, and a port; port 0 is any free port.
///
/// Written and displayed `host:port`, an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Listen {
    /// The address or name to bind.
    pub host: Host,
    /// 0 to 65535; 0 is any free port.
    pub port: u16,
}

impl Listen {
    /// A host and a port given apart, as two arguments or two variables.
    pub fn from_parts(host: &str, port: &str) -> Result<Self, Invalid> {
        Ok(Self { host: host.parse()?, port: listen_port(port)? })
    }

    /// Whether both cannot be bound at once: the same port on the same host, or on a host and the
    /// wildcard of its family.
    pub(crate) fn collides_with(&self, other: &Self) -> bool {
        self.port == other.port
            && self.port != 0
            && match (&self.host, &other.host) {
                (Host::Address(a), Host::Address(b)) => {
                    a == b
                        || (a.is_ipv4() == b.is_ipv4()
                            && (a.is_unspecified() || b.is_unspecified()))
                }
                (Host::Name(a), Host::Name(b)) => a.eq_ignore_ascii_case(b),
                // Only the resolver could tell; the second bind fails if they are one.
                (Host::Address(_), Host::Name(_)) | (Host::Name(_), Host::Address(_)) => false,
            }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for Listen {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (host, port) = split(text)?;
        Self::from_parts(host, port)
    }
}

/// An upstream as the configuration names it; a name may stand for several addresses.
///
/// Displayed `host:port`, an IPv6 address in brackets: the metric label and the name in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamAddress {
    /// The address or name to connect to.
    pub host: Host,
    /// 1 to 65535.
    pub port: NonZeroU16,
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for UpstreamAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (host, port) = split(text)?;
        let port = digits(port).and_then(NonZeroU16::new).ok_or_else(|| bad_port(port, 1))?;
        Ok(Self { host: host.parse()?, port })
    }
}

/// A text that is not what it should be: what is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    pub(crate) what: String,
    pub(crate) right: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.right)
    }
}

impl std::error::Error for Invalid {}

/// A text as it is shown in a message: in backticks, cut when it is long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        None if text.is_empty() => "an empty text".to_owned(),
        None => format!("`{text}`"),
        Some((end, _)) => format!("`{}...`", &text[..end]),
    }
}

/// A listener's port: 0 to 65535.
pub(crate) fn listen_port(text: &str) -> Result<u16, Invalid> {
    digits(text).ok_or_else(|| bad_port(text, 0))
}

/// `host:port`; the host keeps its brackets.
fn split(text: &str) -> Result<(&str, &str), Invalid> {
    match text.rsplit_once(':') {
        // Without brackets, `::1:80` could be all address.
        Some((host, _)) if [host, text].iter().any(|bare| bare.parse::<Ipv6Addr>().is_ok()) => {
            Err(Invalid {
                what: format!("{} has an IPv6 address without brackets", quoted(text)),
                right: "put the address in brackets: [::1]:8080".to_owned(),
            })
        }
        Some(parts) => Ok(parts),
        None => Err(Invalid {
            what: format!("{} has no port", quoted(text)),
            right: "write host:port, such as 127.0.0.1:8080".to_owned(),
        }),
    }
}

/// `u16::from_str` alone would take a sign.
fn digits(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn bad_port(text: &str, lowest: u16) -> Invalid {
    Invalid {
        what: format!("{} is not a port", quoted(text)),
        right: format!("write a number from {lowest} to 65535"),
    }
}

/// RFC 1123 section 2.1, and underscores.
fn is_name(text: &str) -> bool {
    // A trailing dot marks the name as absolute (RFC 1034 section 3.1).
    let labels = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    // A last label of digits is an attempt at an IPv4 address, such as 127.0.0.256.
    let is_number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    labels.len() <= 253
        && labels.split('.').all(is_label)
        && !labels.rsplit('.').next().is_some_and(is_number)
}

/// So that a message stays on a line; arbitrary.
const LONGEST_QUOTE: usize = 60;

impl TryFrom<String> for Host {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        match host {
            Host::Address(address) => address.to_string(),
            Host::Name(name) => name,
        }
    }
}

impl TryFrom<String> for Listen {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Listen> for String {
    fn from(listen: Listen) -> Self {
        listen.to_string()
    }
}
