//! The lanes of this thread, used again and again: to zero two windows for each of millions of inputs
//! would be most of the work.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

use proxy_proto::Lanes;

/// Lanes that go back to the thread when this is dropped.
#[derive(Debug)]
pub(crate) struct Lent(Option<Lanes>);

impl Lent {
    /// Empty ones.
    pub(crate) fn take() -> Self {
        let mut lanes = LANES.take().unwrap_or_else(|| Lanes::new(WINDOW));
        lanes.clear();
        Self(Some(lanes))
    }
}

impl Deref for Lent {
    type Target = Lanes;

    fn deref(&self) -> &Lanes {
        self.0.as_ref().expect("lent until dropped")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Lanes {
        self.0.as_mut().expect("lent until dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        LANES.set(self.0.take());
    }
}

thread_local! {
    static LANES: Cell<Option<Lanes>> = const { Cell::new(None) };
}

const WINDOW: usize = 16 * 1024;
