use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Local time as Python's logging writes it, `2026-11-22 21:34:05,123`, kept for as long as it is
/// the same: what changes from line to line is a digit or two.
pub(super) struct Stamp {
    text: String,
    second: i64,
    millisecond: i32,
}

impl Stamp {
    pub(super) const fn new() -> Self {
        Self { text: String::new(), second: i64::MIN, millisecond: 0 }
    }

    /// The text of `now`.
    pub(super) fn at(&mut self, now: Timestamp) -> &str {
        let (second, millisecond) = (now.as_second(), now.subsec_millisecond());
        if (second, millisecond) != (self.second, self.millisecond) {
            self.millisecond = millisecond;
            if second == self.second {
                self.text.truncate(self.text.len() - ",000".len());
            } else {
                self.second = second;
                self.text.clear();
                let local = now.to_zoned(TimeZone::system());
                let _infallible = write!(self.text, "{}", local.strftime("%Y-%m-%d %H:%M:%S"));
            }
            let _infallible = write!(self.text, ",{millisecond:03}");
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_has_a_text_of_its_own() {
        let mut stamp = Stamp::new();
        let start = Timestamp::from_second(1_795_383_245).expect("a time");
        for after in [0, 0, 7, 7, 42, 999, 1000, 1007, 61_000, 3_600_000, 7] {
            let now = start + std::time::Duration::from_millis(after);
            let local = now.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S,%3f");
            assert_eq!(stamp.at(now), local.to_string());
        }
    }
}
