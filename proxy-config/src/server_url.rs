//! Where profiles go.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::{Host, Invalid};

/// A server by its `http` URL (RFC 9110 section 4.2.1): host, perhaps a port and a path, and,
/// though the standard deprecates it (section 4.2.4), perhaps a user and a password.
///
/// Displayed and debugged without user and password, so that no log has them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerUrl(String);

impl ServerUrl {
    /// All of it, user and password included: for the client alone.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (authority, path) = split(&self.0[SCHEME.len()..]);
        let (_, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        write!(f, "{SCHEME}{address}{path}")
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

impl FromStr for ServerUrl {
    type Err = Invalid;

    /// The error shows nothing of the text, which may have a password in it.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let is = |scheme: &str| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if is("https://") {
            return Err(Invalid {
                what: "profiles are pushed without TLS".to_owned(),
                right: "name an http:// server near the proxy, such as a Grafana Alloy that \
                        forwards them with TLS"
                    .to_owned(),
            });
        }
        let invalid = || Invalid {
            what: "this is not an http:// URL".to_owned(),
            right: "write it such as http://pyroscope:4040".to_owned(),
        };
        let rest = is(SCHEME).then(|| &text[SCHEME.len()..]).ok_or_else(invalid)?;
        let (authority, path) = split(rest);
        let (_, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !address.ends_with(']') => (host, Some(port)),
            Some(_) | None => (address, None),
        };
        let is_bracketed = host.starts_with('[') || !host.contains(':');
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let right = is_bracketed
            && host.parse::<Host>().is_ok()
            && port.is_none_or(|port| port.parse::<NonZeroU16>().is_ok())
            && visible(authority)
            && visible(path)
            && !path.contains(['?', '#']);
        right.then(|| Self(format!("{SCHEME}{rest}"))).ok_or_else(invalid)
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<ServerUrl> for String {
    fn from(url: ServerUrl) -> Self {
        url.0
    }
}

/// Authority and path of what follows the scheme.
fn split(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

const SCHEME: &str = "http://";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_http_urls() {
        for url in [
            "http://pyroscope:4040",
            "http://pyroscope",
            "HTTP://10.0.0.1:4040/",
            "http://[::1]",
            "http://[::1]:4040/profiles/a",
            "http://user:pass%40word@pyroscope:4040",
        ] {
            assert!(url.parse::<ServerUrl>().is_ok(), "{url}");
        }
        for text in [
            "pyroscope:4040",
            "ftp://pyroscope",
            "http://",
            "http://:4040",
            "http://pyroscope:0",
            "http://pyroscope:",
            "http://pyro scope",
            "http://::1:4040",
            "http://pyroscope/a b",
            "http://pyroscope/?a=b",
            "http://pyroscope#a",
        ] {
            let error = text.parse::<ServerUrl>().expect_err(text);
            assert_eq!(error.what, "this is not an http:// URL", "{text}");
        }
        let error = "https://pyroscope".parse::<ServerUrl>().unwrap_err();
        assert_eq!(error.what, "profiles are pushed without TLS");
    }

    #[test]
    fn a_password_is_neither_displayed_nor_told_in_an_error() {
        let url: ServerUrl = "http://me:secret@pyroscope:4040/p".parse().unwrap();
        assert_eq!(url.to_string(), "http://pyroscope:4040/p");
        assert_eq!(format!("{url:?}"), "ServerUrl(http://pyroscope:4040/p)");
        assert_eq!(url.secret(), "http://me:secret@pyroscope:4040/p");
        let error = "http://me:secret@pyroscope:x".parse::<ServerUrl>().unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
