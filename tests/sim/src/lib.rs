//! The whole proxy, its driver included, on a virtual network, a virtual clock and a seeded
//! executor, in one thread. One seed decides everything: what clients ask and upstreams answer, who
//! breaks off where, what an operator does meanwhile, how the network cuts and delays what passes,
//! and in which order tasks run.
//!
//! ```text
//!            Plan::of(seed)      plain data; shrinking takes parts of it away
//!                 │
//!               world            steps: a task that was woken, or what is due next
//!        ┌────────┼─────────┐
//!     executor  network   checks
//!        │        │
//!        │   client ⇄ pipes ⇄ proxy ⇄ pipes ⇄ upstream
//!        │                      │
//!        └──────────────── Virtual: the driver's Runtime
//! ```
//!
//! # What must hold
//!
//! In every world, whatever its peers do ([`play`] stops at the first that does not):
//!
//! 1. Bytes to each upstream re-parse, by a strict reader that shares nothing with the proxy, to
//!    requests that clients sent: the head's method, target and version, the body to its last byte,
//!    trailers; only the last on a connection may be cut. (`checks`)
//! 2. Each request comes whole to upstreams at most once; once more only if it is idempotent.
//!    (`checks`)
//! 3. Each response reaches the client that asked, in the order of its requests, whole or visibly
//!    cut; and nothing follows one that is cut or the last. (`checks`)
//! 4. Never are more clients accepted than `max_client_conns` and the one that the acceptor holds,
//!    until a drain has it take in all who came, nor more connections opened to an upstream than
//!    `max_conns_per_upstream`. A limit that a reload lowers lets live what there is, and nothing
//!    beside it; one that a reload has removed and another brings back finds its connections
//!    counted. (`limits`)
//! 5. While it gives nothing to a peer, the proxy takes no more than two windows from the other, or
//!    one large one, of which each worker has 16: buffers are bounded. Only behind an answer, or
//!    without an upstream, is the rest of a request read and forgotten. (`limits`)
//! 6. A socket is polled on the worker whose reactor knows it. (`network`)
//! 7. A task that nobody wakes has nothing to do: in some worlds, whenever all sleep, each is
//!    polled, and moves no byte and closes nothing. Nobody waits for a place or a connection that
//!    nobody uses. (`world`)
//! 8. There is one summary of each request that was routed, and it says the status that the client
//!    got. (`checks`)
//! 9. Nothing is stuck: every world comes to its end, and a cut drain within half a second. (`world`)
//! 10. After a drain nothing is left: no socket, no task but housekeepers, no place, nobody in a
//!     queue; and with the tasks goes every timer. So every connection that was acquired was recycled
//!     or dropped, once. (`world`)
//! 11. No task panics. (`executor`)
//! 12. In a calm world, where nobody breaks a rule, every request gets its own answer, whole.
//!     (`checks`)
//!
//! # What it is not
//!
//! One thread: a worker never runs while another one does. What threads can do to each other between
//! two instructions is proved beside `proxy-balance`. Names, files, signals and the kernel belong to
//! the black-box tests.

mod checks;
mod client;
mod dice;
mod executor;
mod limits;
mod log;
mod message;
mod network;
mod panics;
mod pause;
mod pipe;
mod plan;
mod record;
mod roll;
mod runtime;
mod shrink;
mod trace;
mod upstream;
mod world;

pub use message::{Answer, Ends, Framed, Request};
pub use plan::{
    Act, ClientFault, ClientPlan, Operation, Pace, Plan, Setup, UpstreamPlan, Weather, When, Works,
};
pub use world::{Explanation, Options, Outcome, explain, play};
