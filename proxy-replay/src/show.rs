//! Steps as they are shown.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use proxy_proto::{Interest, LaneGlance, Peer};

use crate::write::ActionText;
use crate::{Step, words};

/// What was said, the actions that came of it, and a line each of state, timers, lanes and
/// interest.
impl Display for Step<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let since = Seconds(self.entry.at - self.start);
        writeln!(f, "#{} {since} {}", self.number, self.entry.event)?;
        for action in &self.actions {
            writeln!(f, "    => {}", ActionText { action, start: self.start })?;
        }
        let glance = &self.glance;
        write!(f, "    state   {}, route {}", glance.stage, glance.route)?;
        for (name, lane) in [("request", &glance.request), ("response", &glance.response)] {
            let eof = if lane.eof { " eof" } else { "" };
            write!(f, ", {name} {}{eof}", lane.message)?;
        }
        write!(f, "\n    timers ")?;
        self.show_timers(f)?;
        write!(f, "\n    lanes   request {}", Lane(&glance.request))?;
        write!(f, "; response {}", Lane(&glance.response))?;
        write!(f, "\n    waits  ")?;
        self.show_interest(f)?;
        writeln!(f)
    }
}

impl Step<'_> {
    /// The next to fire comes first.
    fn show_timers(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut timers: Vec<_> = self.glance.timers.iter().flatten().collect();
        timers.sort_by_key(|deadline| deadline.at);
        if timers.is_empty() {
            return f.write_str(" none");
        }
        timers.iter().try_for_each(|deadline| {
            let left = Seconds(deadline.at - self.entry.at);
            write!(f, " {} in {left}", words::timer(deadline.timer))
        })
    }

    fn show_interest(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut is_empty = true;
        for (peer, Interest { recv, send }) in Peer::BOTH.into_iter().zip(self.interest) {
            for (wanted, what) in [(recv, "to receive from"), (send, "to send to")] {
                if wanted {
                    let comma = if is_empty { "" } else { "," };
                    write!(f, "{comma} {what} {}", words::peer(peer))?;
                    is_empty = false;
                }
            }
        }
        if is_empty { f.write_str(" for no socket") } else { Ok(()) }
    }
}

struct Lane<'a>(&'a LaneGlance);

impl Display for Lane<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let LaneGlance { window, before, run, after, room, .. } = self.0;
        write!(f, "holds {window}, sends {before}+{run}+{after}, has room for {room}")
    }
}

struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}s", self.0.as_secs_f64())
    }
}
