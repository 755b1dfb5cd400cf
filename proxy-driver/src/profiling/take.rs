use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use proxy_profile::{Capture, CaptureError};
use proxy_proto::{Cause, Fault, LocalHead};

use crate::local::Body;
use crate::notice::Notice;
use crate::pages::{Answer, whole, word};

/// A profile that is being taken, until this is dropped.
pub(crate) struct Later {
    promise: Arc<Promise>,
    _capture: Capture,
}

/// Begins to take a profile: of so many `seconds` as the query says, or of 30.
///
/// Errors: a query that cannot be meant.
pub(crate) fn take(query: &str) -> Result<Answer, Fault> {
    let time = time_in(query)?;
    let promise = Arc::new(Promise::default());
    let keeper = Keeper(Arc::clone(&promise));
    Ok(match Capture::start(time, move |profile| keeper.keep(profile)) {
        Ok(capture) => Answer::Later(Later { promise, _capture: capture }),
        Err(error) => unavailable(&error),
    })
}

fn unavailable(error: &CaptureError) -> Answer {
    let (head, body) = word(503, &error.to_string());
    Answer::Now(head, body)
}

impl Later {
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<(LocalHead, Body)> {
        std::task::ready!(self.promise.notice.poll(cx));
        let made = self.promise.made.lock().unwrap_or_else(PoisonError::into_inner).take();
        Poll::Ready(made.unwrap_or_else(|| word(503, "no profile was made")))
    }
}

#[derive(Default)]
struct Promise {
    notice: Arc<Notice>,
    made: Mutex<Option<(LocalHead, Body)>>,
}

/// Says that it is made, or that nothing will come.
struct Keeper(Arc<Promise>);

impl Keeper {
    fn keep(self, profile: Result<Vec<u8>, CaptureError>) {
        let page = match profile {
            Ok(file) => whole(200, "application/octet-stream", file),
            Err(error) => word(503, &error.to_string()),
        };
        *self.0.made.lock().unwrap_or_else(PoisonError::into_inner) = Some(page);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        std::task::Wake::wake_by_ref(&self.0.notice);
    }
}

/// Other parameters than `seconds` are of no concern here.
fn time_in(query: &str) -> Result<Duration, Fault> {
    let seconds = query.split('&').find_map(|pair| pair.strip_prefix("seconds="));
    let Some(seconds) = seconds else { return Ok(USUAL) };
    let is_number = seconds.bytes().all(|byte| byte.is_ascii_digit());
    let time = seconds.parse().ok().filter(|_| is_number).map(Duration::from_secs);
    time.filter(|time| (Duration::from_secs(1)..=LONGEST).contains(time))
        .ok_or(Fault::new(Cause::BadRequest, "seconds is a whole number from 1 to 300"))
}

/// Go's.
const USUAL: Duration = Duration::from_secs(30);
/// Nobody else gets a profile meanwhile. Arbitrary.
const LONGEST: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_how_long() {
        for (query, seconds) in
            [("", 30), ("seconds=1", 1), ("seconds=300", 300), ("debug=0&seconds=5", 5)]
        {
            assert_eq!(time_in(query), Ok(Duration::from_secs(seconds)), "{query}");
        }
        for query in ["seconds=", "seconds=0", "seconds=301", "seconds=+5", "seconds=1.5"] {
            let fault = time_in(query).expect_err(query);
            assert_eq!(fault.reason, "seconds is a whole number from 1 to 300", "{query}");
        }
    }
}
