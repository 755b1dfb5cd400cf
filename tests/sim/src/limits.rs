//! What the proxy may have open and hold, counted where it opens and takes.

use crate::network::Leads;
use crate::plan::Setup;

/// The counts of a world, and the limits on them.
pub(crate) struct Limits {
    clients: usize,
    upstreams: Vec<usize>,
    of_clients: Allowed,
    drains: bool,
    per_upstream: Vec<Allowed>,
    /// Who closed a connection last, to which upstream, and how many it might have until then: a
    /// dead connection may be replaced by a new one in its place, also above a lowered limit.
    replaces: Option<(Option<usize>, usize, usize)>,
    /// By task: what it took since it last gave something.
    held: Vec<Held>,
    window: usize,
    /// How many large windows there may be.
    large: usize,
}

/// A limit. One that is lowered lets live what there is, and nothing new.
#[derive(Clone, Copy)]
struct Allowed {
    limit: usize,
    /// As many were taken when it was lowered, less those that were given back.
    lasting: usize,
}

#[derive(Clone, Copy, Default)]
struct Held {
    from_client: usize,
    from_upstream: usize,
    /// Behind its answer, or without an upstream, the rest of a request is read and forgotten.
    forgets: bool,
}

impl Limits {
    pub(crate) fn new(setup: &Setup, upstreams: usize, workers: usize, window: usize) -> Self {
        let allowed = |limit| Allowed { limit, lasting: 0 };
        Self {
            clients: 0,
            upstreams: vec![0; upstreams],
            of_clients: allowed(setup.clients),
            drains: false,
            per_upstream: vec![allowed(setup.per_upstream); upstreams],
            replaces: None,
            held: Vec::new(),
            window,
            large: workers * LARGE_WINDOWS,
        }
    }

    /// A reload has set other limits. `taken`: the places of each upstream that are taken, those
    /// among them that a request was granted and that it has yet to use. An upstream that is no
    /// longer configured keeps its limit, for those who still use it.
    pub(crate) fn configure(&mut self, setup: &Setup, taken: &[usize]) {
        self.of_clients.set(setup.clients, self.clients);
        for upstream in &setup.upstreams {
            self.per_upstream[*upstream].set(setup.per_upstream, taken[*upstream]);
        }
    }

    /// A connection to this upstream is being opened.
    pub(crate) fn open_upstream(
        &mut self,
        task: Option<usize>,
        upstream: usize,
    ) -> Result<(), String> {
        if let Some((by, of, before)) = self.replaces.take()
            && (by, of) == (task, upstream)
        {
            let lasting = &mut self.per_upstream[upstream].lasting;
            *lasting = before.max(*lasting);
        }
        let open = &mut self.upstreams[upstream];
        *open += 1;
        let allowed = &mut self.per_upstream[upstream];
        if allowed.lets(*open) {
            return Ok(());
        }
        Err(format!("{open} connections to upstream {upstream}, whose limit is {}", allowed.limit))
    }

    /// The listener is to be closed: the acceptor holds all who came, until they have a place.
    pub(crate) fn drain(&mut self) {
        self.drains = true;
    }

    /// Beside the clients that are served the acceptor may hold one.
    pub(crate) fn open_client(&mut self) -> Result<(), String> {
        self.clients += 1;
        if self.drains || self.of_clients.lets(self.clients - 1) {
            return Ok(());
        }
        Err(format!("{} clients, and the limit is {}", self.clients, self.of_clients.limit))
    }

    /// A task closes a connection.
    pub(crate) fn close(&mut self, task: Option<usize>, leads: Leads) {
        match leads {
            Leads::ToClient(_) => {
                *self.held(task) = Held { forgets: true, ..Held::default() };
                self.clients -= 1;
                self.of_clients.ease();
            }
            Leads::ToUpstream(upstream) => {
                self.held(task).forgets = true;
                self.upstreams[upstream] -= 1;
                self.replaces = Some((task, upstream, self.per_upstream[upstream].lasting));
                self.per_upstream[upstream].ease();
            }
        }
    }

    /// A task takes bytes from a peer.
    pub(crate) fn take(
        &mut self,
        task: Option<usize>,
        leads: Leads,
        n: usize,
    ) -> Result<(), String> {
        let window = self.window;
        let held = self.held(task);
        let now = match leads {
            Leads::ToClient(_) if held.forgets => 0,
            Leads::ToClient(_) => {
                held.from_client += n;
                held.from_client
            }
            Leads::ToUpstream(_) => {
                held.from_upstream += n;
                held.from_upstream
            }
        };
        if now <= 2 * window {
            return Ok(());
        }
        if now > window + LARGE_WINDOW {
            return Err(format!("{now} bytes taken and none given: the window is {window}"));
        }
        let large = self.held.iter().map(|held| held.large(window)).sum::<usize>();
        if large <= self.large {
            return Ok(());
        }
        Err(format!("{large} large windows are full, of {} that there may be", self.large))
    }

    /// A task gives bytes to a peer.
    pub(crate) fn give(&mut self, task: Option<usize>, leads: Leads) {
        let forgets = matches!(leads, Leads::ToClient(_));
        *self.held(task) = Held { forgets, ..Held::default() };
    }

    fn held(&mut self, task: Option<usize>) -> &mut Held {
        let task = task.unwrap_or(0);
        if self.held.len() <= task {
            self.held.resize(task + 1, Held::default());
        }
        &mut self.held[task]
    }
}

impl Held {
    /// How many large windows it must be using.
    fn large(self, window: usize) -> usize {
        [self.from_client, self.from_upstream].into_iter().filter(|n| *n > 2 * window).count()
    }
}

impl Allowed {
    fn set(&mut self, limit: usize, open: usize) {
        self.lasting = self.lasting.max(open);
        self.limit = limit;
    }

    fn lets(self, open: usize) -> bool {
        open <= self.limit.max(self.lasting)
    }

    fn ease(&mut self) {
        self.lasting = self.lasting.saturating_sub(1);
    }
}

/// What docs/limits.md promises of large windows: their size in bytes, and how many a worker has.
const LARGE_WINDOW: usize = 256 * 1024;
const LARGE_WINDOWS: usize = 16;
