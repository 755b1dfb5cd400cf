use std::mem;

use jiff::Timestamp;

/// Lines of one thread, in the order in which they were made.
pub(super) struct Lines {
    text: Vec<u8>,
    marks: Vec<Mark>,
    dropped: u64,
}

/// Where a line ends in the text, and when it was made.
#[derive(Clone, Copy)]
struct Mark {
    at: Timestamp,
    end: usize,
}

/// What has become of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It is the only one.
    First,
    Behind,
    Dropped,
}

impl Default for Lines {
    /// All the room there will be: pages that are never written to cost nothing.
    fn default() -> Self {
        let (text, marks) = (Vec::with_capacity(TEXT), Vec::with_capacity(LINES));
        Self { text, marks, dropped: 0 }
    }
}

impl Lines {
    pub(super) fn push(&mut self, at: Timestamp, line: &str) -> Pushed {
        if self.text.len() + line.len() > TEXT || self.marks.len() == LINES {
            self.dropped += 1;
            return Pushed::Dropped;
        }
        self.text.extend_from_slice(line.as_bytes());
        self.marks.push(Mark { at, end: self.text.len() });
        if self.marks.len() == 1 { Pushed::First } else { Pushed::Behind }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.marks.clear();
        self.dropped = 0;
    }
}

/// What the writer has in hand: lines of several threads, and memory for the next ones.
#[derive(Default)]
pub(super) struct Batch {
    parts: Vec<Lines>,
    spare: Vec<Lines>,
    merged: Vec<u8>,
}

impl Batch {
    /// Takes lines over and leaves none.
    pub(super) fn take(&mut self, lines: &mut Lines) {
        let empty = self.spare.pop().unwrap_or_default();
        self.parts.push(mem::replace(lines, empty));
    }

    /// How many lines there was no room for.
    pub(super) fn dropped(&self) -> u64 {
        self.parts.iter().map(|part| part.dropped).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// All lines, in the order of time.
    pub(super) fn text(&mut self) -> &[u8] {
        if self.parts.len() == 1 {
            return &self.parts[0].text;
        }
        self.merge();
        &self.merged
    }

    pub(super) fn clear(&mut self) {
        for mut part in self.parts.drain(..) {
            part.clear();
            self.spare.push(part);
        }
    }

    fn merge(&mut self) {
        self.merged.clear();
        let mut cursors: Vec<_> = self.parts.iter().map(|part| (part, 0, 0)).collect();
        // A thread's own order holds, even when the clock is set back.
        while let Some((part, next, start)) = cursors
            .iter_mut()
            .filter(|(part, next, _)| *next < part.marks.len())
            .min_by_key(|(part, next, _)| part.marks[*next].at)
        {
            let end = part.marks[*next].end;
            self.merged.extend_from_slice(&part.text[*start..end]);
            (*next, *start) = (*next + 1, end);
        }
    }
}

/// Some 8,000 lines: more than a second of a busy worker, and little memory.
const TEXT: usize = 1024 * 1024;
/// Lines are some 120 bytes long, and seldom less than 64.
const LINES: usize = TEXT / 64;

#[cfg(test)]
impl Lines {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.text).expect("lines are text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: &[(i64, &str)]) -> Lines {
        let mut lines = Lines::default();
        for (second, line) in of {
            lines.push(Timestamp::from_second(*second).expect("a time"), line);
        }
        lines
    }

    fn written(batch: &mut Batch) -> String {
        String::from_utf8(batch.text().to_vec()).expect("lines are text")
    }

    #[test]
    fn lines_of_several_threads_come_out_in_the_order_of_time() {
        let mut batch = Batch::default();
        batch.take(&mut lines(&[(1, "a\n"), (4, "d\n"), (5, "e\n")]));
        batch.take(&mut lines(&[(2, "b\n"), (3, "c\n"), (6, "f\n")]));
        assert_eq!(written(&mut batch), "a\nb\nc\nd\ne\nf\n");
        batch.clear();
        assert!(batch.is_empty());
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_turn_a_threads_lines_round() {
        let mut batch = Batch::default();
        batch.take(&mut lines(&[(9, "a\n"), (1, "b\n")]));
        batch.take(&mut lines(&[(5, "c\n")]));
        assert_eq!(written(&mut batch), "c\na\nb\n");
    }

    #[test]
    fn a_line_without_room_is_dropped_and_counted() {
        let long = "x".repeat(TEXT / 2);
        let mut batch = Batch::default();
        batch.take(&mut lines(&[(1, &long), (2, &long), (3, "y")]));
        assert_eq!(batch.dropped(), 1);
        assert_eq!(written(&mut batch).len(), TEXT);
    }
}
