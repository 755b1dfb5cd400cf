//! The entries of the list of upstreams.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::{Host, Invalid, UpstreamAddress};
use crate::config::millis;

/// An entry of the list of upstreams: one upstream or, with `resolve`, as many as its name has
/// addresses.
///
/// Displayed as its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamEntry {
    /// What it is called.
    #[serde(flatten)]
    pub address: UpstreamAddress,
    /// For a name only. `None`: the name is one upstream, whose addresses are tried in turn.
    pub resolve: Option<Resolve>,
}

impl UpstreamEntry {
    /// How to look up the name of which each address is an upstream, if this is one.
    pub fn group(&self) -> Option<Resolve> {
        match self.address.host {
            Host::Name(_) => self.resolve,
            Host::Address(_) => None,
        }
    }
}

impl From<UpstreamAddress> for UpstreamEntry {
    fn from(address: UpstreamAddress) -> Self {
        Self { address, resolve: None }
    }
}

impl FromStr for UpstreamEntry {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse::<UpstreamAddress>().map(Self::from)
    }
}

impl fmt::Display for UpstreamEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// All addresses of a name become upstreams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// How often the name is looked up, 100 ms to a day.
    #[serde(rename = "interval_ms", with = "millis")]
    pub interval: Duration,
}
