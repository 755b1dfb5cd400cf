//! Panics of a world are its failures, and no text on stderr.

use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;

thread_local! {
    static PLAYS: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// While `play` runs, panics of this thread are kept for [`last`] and not printed.
pub(crate) fn kept<T>(play: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if PLAYS.get() {
                LAST.set(info.to_string());
            } else {
                usual(info);
            }
        }));
    });
    PLAYS.set(true);
    let played = play();
    PLAYS.set(false);
    played
}

/// What the last panic said.
pub(crate) fn last() -> String {
    LAST.take()
}
