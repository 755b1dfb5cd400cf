use std::mem;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::Nanos;
use crate::client_state::{ClientState, Refusal};

/// The client connections that are served at once, over all workers, never more than the limit.
///
/// While an acceptor waits for a place, the client that has been idle for longest is asked to give
/// up its own: it is marked and woken. It leaves by dropping its [`ClientPlace`], or refuses by
/// having become busy, and then the next one is asked. No more are asked than places are wanted.
/// Where none is idle, a busy one may promise to leave.
pub struct Clients {
    /// True while an acceptor waits for whom no idle client was left to ask: who becomes idle then
    /// says so. Written only under the lock; read without it by every client, a few times per
    /// request. The ordering is explained at [`ClientState`].
    wanted: AtomicBool,
    /// True once a busy client has said so, since an acceptor last looked: one is enough.
    promised: AtomicBool,
    registry: Mutex<Registry>,
}

/// The place of one client connection, freed when dropped. It is busy at first.
#[must_use = "dropping it frees the place"]
pub struct ClientPlace {
    clients: Arc<Clients>,
    entry: Arc<Entry>,
    slot: u32,
}

impl Clients {
    /// Room for `limit` clients.
    pub const fn new(limit: u32) -> Self {
        Self {
            wanted: AtomicBool::new(false),
            promised: AtomicBool::new(false),
            registry: Mutex::new(Registry {
                limit: limit as usize,
                slots: Vec::new(),
                vacant: Vec::new(),
                acceptors: Vec::new(),
                asked: 0,
                longest_idle: Vec::new(),
            }),
        }
    }

    /// For the acceptor, with an accepted connection in hand: a place for it, or `Pending`. Then
    /// idle clients have been asked to leave, and the waker is woken when it is worth asking again.
    /// Of several acceptors that wait, all are woken and one gets it.
    ///
    /// `acceptor` is a number of its own that the caller chooses. A waker would not do for telling
    /// one from another: two of one task may compare as different.
    pub fn poll_place(self: &Arc<Self>, acceptor: usize, waker: &Waker) -> Poll<ClientPlace> {
        let mut registry = self.lock();
        if let Some((entry, slot)) = registry.open() {
            return Poll::Ready(ClientPlace { clients: Arc::clone(self), entry, slot });
        }
        let former = registry.register_acceptor(acceptor, waker);
        let asked = self.ask_longest_idle(&mut registry);
        drop(registry);
        drop(former);
        asked.into_iter().for_each(Waker::wake);
        Poll::Pending
    }

    /// Changes the limit. A higher one lets waiting acceptors go on at once; under a lower one the
    /// clients there are stay, except that idle ones are asked to leave while an acceptor waits.
    pub fn set_limit(&self, limit: u32) {
        let mut registry = self.lock();
        registry.limit = limit as usize;
        let acceptors = mem::take(&mut registry.acceptors);
        drop(registry);
        wake(acceptors);
    }

    /// Wakes every client and every waiting acceptor: the drain has begun.
    pub fn wake_all(&self) {
        let mut registry = self.lock();
        let acceptors = mem::take(&mut registry.acceptors);
        let clients: Vec<_> = registry.slots.iter().flatten().map(|entry| entry.waker()).collect();
        drop(registry);
        wake(acceptors);
        clients.into_iter().for_each(Waker::wake);
    }

    /// How many clients have a place.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// How many clients may have one.
    pub fn limit(&self) -> usize {
        self.lock().limit
    }

    /// Whether no client has a place.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn ask_longest_idle(&self, registry: &mut Registry) -> Vec<Waker> {
        let mut asked = Vec::new();
        while registry.asked < registry.needed() {
            if let Some(candidate) = registry.longest_idle.pop() {
                asked.extend(registry.ask(&candidate));
                continue;
            }
            self.promised.store(false, SeqCst);
            // Before the search: who becomes idle unseen by it sees this.
            self.wanted.store(true, SeqCst);
            registry.find_longest_idle();
            if registry.longest_idle.is_empty() {
                return asked;
            }
        }
        self.wanted.store(false, SeqCst);
        asked
    }

    /// A client became idle while one was wanted.
    fn offer(&self) {
        let mut registry = self.lock();
        // Of those that offer themselves at once, the first one has done it.
        if !self.wanted.swap(false, SeqCst) {
            return;
        }
        let acceptors = mem::take(&mut registry.acceptors);
        drop(registry);
        wake(acceptors);
    }

    /// A client that had been asked to leave stays.
    fn refuse(&self) {
        let mut registry = self.lock();
        registry.asked -= 1;
        let acceptors = mem::take(&mut registry.acceptors);
        drop(registry);
        wake(acceptors);
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        // Nothing under the lock leaves the registry half changed, should it panic.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientPlace {
    /// Sets whom to wake when this client is asked to leave. `true`: as before, which is cheap.
    ///
    /// Law of use: before suspending as idle, `register`, then look at
    /// [`asked_to_leave`](Self::asked_to_leave).
    pub fn register(&self, waker: &Waker) -> bool {
        let mut known = self.entry.lock_waker();
        if known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return true;
        }
        let former = known.replace(waker.clone());
        drop(known);
        drop(former);
        false
    }

    /// No request is in progress from `now` on: it may be asked to leave. Without effect if that
    /// was so already. Called once per request, with no lock unless an acceptor looks for someone.
    pub fn set_idle(&mut self, now: Nanos) {
        self.entry.state.set_idle(now);
        if self.clients.wanted.load(SeqCst) {
            self.clients.offer();
        }
    }

    /// A request has begun. If the client had been asked to leave, another one now is. Called once
    /// per request, with no lock unless it had been asked.
    pub fn set_busy(&mut self) {
        if self.entry.state.set_busy() == Refusal::Refused {
            self.clients.refuse();
        }
    }

    /// For a busy client whose response is about to begin: whether that is to be its last, because an
    /// acceptor waits for whom no idle client was left to ask. One of them is told so, which then
    /// leaves by dropping this. Once idle it would be asked, perhaps with its next request on the
    /// way. One load unless an acceptor waits.
    pub fn promise(&self) -> bool {
        self.clients.wanted.load(SeqCst)
            && !self.clients.promised.load(SeqCst)
            && !self.clients.promised.swap(true, SeqCst)
    }

    /// Whether an acceptor waits for this place: if nothing was received meanwhile, close the
    /// connection and drop this; otherwise [`set_busy`](Self::set_busy).
    pub fn asked_to_leave(&self) -> bool {
        self.entry.state.is_asked()
    }
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        let mut registry = self.clients.lock();
        let acceptors = registry.close(self.slot);
        drop(registry);
        wake(acceptors);
    }
}

/// 56 bytes on the heap with the counts of its `Arc`, and 8 for its slot.
struct Entry {
    state: ClientState,
    /// Locked by the connection when it registers, by the acceptor when it asks.
    waker: Mutex<Option<Waker>>,
}

impl Entry {
    fn waker(&self) -> Waker {
        self.lock_waker().as_ref().unwrap_or(Waker::noop()).clone()
    }

    fn lock_waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Registry {
    limit: usize,
    slots: Vec<Option<Arc<Entry>>>,
    vacant: Vec<u32>,
    /// Those that wait, each to be woken once and then to poll again.
    acceptors: Vec<Waiting>,
    /// How many of `slots` have been asked and have neither left nor refused.
    asked: usize,
    /// Found by a search and not yet asked, the longest idle last.
    longest_idle: Vec<Candidate>,
}

/// A client that was idle when it was searched for. It still is, and has been all the while, if
/// its slot still says the same `since`; and then all that became idle later have a later one. So
/// a search serves until its result is used up.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    since: Nanos,
    slot: u32,
}

impl Registry {
    fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    /// How many must leave before all who wait have a place.
    fn needed(&self) -> usize {
        (self.len() + self.acceptors.len()).saturating_sub(self.limit)
    }

    fn open(&mut self) -> Option<(Arc<Entry>, u32)> {
        if self.len() >= self.limit {
            return None;
        }
        let entry = Arc::new(Entry { state: ClientState::busy(), waker: Mutex::new(None) });
        if let Some(slot) = self.vacant.pop() {
            self.slots[slot as usize] = Some(Arc::clone(&entry));
            return Some((entry, slot));
        }
        // No more slots than a u32 limit has ever allowed.
        let slot = u32::try_from(self.slots.len()).ok()?;
        self.slots.push(Some(Arc::clone(&entry)));
        Some((entry, slot))
    }

    /// Returns the acceptors to wake.
    fn close(&mut self, slot: u32) -> Vec<Waiting> {
        let entry = self.slots[slot as usize].take();
        self.vacant.push(slot);
        // The place still holds the entry, so that its waker is not dropped under the lock.
        if entry.is_some_and(|entry| entry.state.set_busy() == Refusal::Refused) {
            self.asked -= 1;
        }
        if self.len() < self.limit { mem::take(&mut self.acceptors) } else { Vec::new() }
    }

    /// Returns the waker that it had, to be dropped without the lock.
    fn register_acceptor(&mut self, acceptor: usize, waker: &Waker) -> Option<Waker> {
        match self.acceptors.iter_mut().find(|waiting| waiting.acceptor == acceptor) {
            Some(waiting) => Some(mem::replace(&mut waiting.waker, waker.clone())),
            None => {
                self.acceptors.push(Waiting { acceptor, waker: waker.clone() });
                None
            }
        }
    }

    /// Whom to wake, if the candidate is still idle.
    fn ask(&mut self, candidate: &Candidate) -> Option<Waker> {
        let entry = self.slots[candidate.slot as usize].as_ref()?;
        if !entry.state.ask(candidate.since) {
            return None;
        }
        self.asked += 1;
        Some(entry.waker())
    }

    fn find_longest_idle(&mut self) {
        let found = &mut self.longest_idle;
        found.extend(self.slots.iter().zip(0..).filter_map(|(entry, slot)| {
            Some(Candidate { since: entry.as_ref()?.state.idle_since()?, slot })
        }));
        if found.len() > FOUND_AT_ONCE {
            found.select_nth_unstable(FOUND_AT_ONCE);
            found.truncate(FOUND_AT_ONCE);
            found.shrink_to_fit();
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
    }
}

/// An acceptor that waits for a place.
struct Waiting {
    acceptor: usize,
    waker: Waker,
}

fn wake(acceptors: Vec<Waiting>) {
    for waiting in acceptors {
        waiting.waker.wake();
    }
}

/// One search of all clients serves so many newcomers: at 100,000 clients a search is a
/// millisecond, shared out it is next to nothing. 16 KiB are kept for it.
const FOUND_AT_ONCE: usize = 1024;
