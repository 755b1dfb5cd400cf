//! What the peers of the proxy see, and what it logs, kept for the checks.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::message::Request;
use crate::plan::Plan;

/// The plan of a world, and what has come of it so far.
pub(crate) struct Play {
    pub(crate) plan: Plan,
    pub(crate) record: RefCell<Record>,
}

#[derive(Default)]
pub(crate) struct Record {
    pub(crate) clients: Vec<ClientRecord>,
    /// One for each connection.
    pub(crate) upstreams: Vec<UpstreamRecord>,
    pub(crate) summaries: Summaries,
}

/// The statuses in the summaries of requests, by their target; `-` for what was not routed.
pub(crate) type Summaries = BTreeMap<String, Vec<String>>;

#[derive(Clone, Default)]
pub(crate) struct ClientRecord {
    pub(crate) got: Vec<u8>,
    pub(crate) end: Option<ClientEnd>,
}

/// How a client's connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientEnd {
    /// It was never open.
    Refused,
    /// The proxy closed it.
    Closed,
    /// It was reset.
    Reset,
    /// The client left.
    Left,
}

pub(crate) struct UpstreamRecord {
    pub(crate) upstream: usize,
    pub(crate) got: Vec<u8>,
}

impl Play {
    pub(crate) fn new(plan: Plan) -> Self {
        let clients = vec![ClientRecord::default(); plan.clients.len()];
        let record = Record { clients, ..Record::default() };
        Self { plan, record: RefCell::new(record) }
    }

    /// The request with this target.
    pub(crate) fn request(&self, target: &str) -> Option<&Request> {
        let id: usize = target.strip_prefix('/')?.parse().ok()?;
        let mut all = self.plan.clients.iter().flat_map(|client| &client.requests);
        all.find(|request| request.id == id)
    }
}

impl Record {
    pub(crate) fn are_clients_done(&self) -> bool {
        self.clients.iter().all(|client| client.end.is_some())
    }

    /// Takes a line of the access log.
    pub(crate) fn log(&mut self, line: &str) {
        let mut words = line.split(' ');
        if words.next() == Some("Finished") {
            let (_method, target, status) = (words.next(), words.next(), words.next());
            let target = target.unwrap_or_default().to_owned();
            let status = status.unwrap_or_default().to_owned();
            self.summaries.entry(target).or_default().push(status);
        }
    }
}
