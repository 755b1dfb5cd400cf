//! Texts that the core knows as `&'static str`, read back from a file.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The one static copy of this text.
///
/// Reasons and media types are part of what an exchange renders, so that a player needs them as
/// they were, those of older versions too: a table of the known ones would not do. Each distinct
/// text is kept for the life of the process, but at most [`MOST`] of them, none longer than
/// [`LONGEST`] bytes: what comes beyond that is read as [`UNKNOWN`].
pub(crate) fn intern(text: &str) -> &'static str {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(same) = known.get(text) {
        return same;
    }
    if text.len() > LONGEST || known.len() >= MOST {
        return UNKNOWN;
    }
    let kept: &'static str = Box::leak(text.into());
    known.insert(kept);
    kept
}

static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
/// Stands for a text that is not kept.
const UNKNOWN: &str = "another reason";
/// Twice what the core and the driver have between them, twice over.
const MOST: usize = 512;
/// They are one line each.
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_once_and_within_bounds() {
        let (a, b) = (intern("invalid request line"), intern("invalid request line"));
        assert!(std::ptr::eq(a, b));
        assert_eq!(intern(&"x".repeat(LONGEST + 1)), UNKNOWN);
        for n in 0..2 * MOST {
            intern(&format!("reason {n}"));
        }
        assert_eq!(intern("one too many"), UNKNOWN);
        assert_eq!(intern("invalid request line"), a);
    }
}
