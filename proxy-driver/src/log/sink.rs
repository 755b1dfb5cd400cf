use std::io::{ErrorKind, Write};
use std::thread;
use std::time::Duration;

/// Where lines go in the end.
pub(super) struct Sink<W> {
    to: W,
    /// It ends within a line, of which the rest could not be written.
    is_torn: bool,
}

impl<W: Write> Sink<W> {
    pub(super) const fn new(to: W) -> Self {
        Self { to, is_torn: false }
    }

    /// Writes lines, however long that takes. Tells how many could not be written.
    pub(super) fn write(&mut self, lines: &[u8]) -> usize {
        if self.is_torn {
            self.is_torn = !self.take(b"\n").is_empty();
        }
        let rest = if self.is_torn { lines } else { self.take(lines) };
        let written = &lines[..lines.len() - rest.len()];
        self.is_torn |= written.last().is_some_and(|last| *last != b'\n');
        rest.split_inclusive(|byte| *byte == b'\n').count()
    }

    /// Leaves what cannot be written.
    fn take<'a>(&mut self, mut text: &'a [u8]) -> &'a [u8] {
        while !text.is_empty() {
            match self.to.write(text) {
                Ok(0) => break,
                Ok(count) => text = &text[count..],
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    // Another program that has the same pipe or terminal made it so.
                    ErrorKind::WouldBlock => thread::park_timeout(PAUSE),
                    _ => break,
                },
            }
        }
        text
    }
}

/// As long as a batch waits for its lines: somebody reads again, and a pipe has more room by then.
const PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;

    use super::*;

    /// Takes so many bytes at each call, or fails.
    #[derive(Default)]
    struct Disk {
        answers: VecDeque<Result<usize, ErrorKind>>,
        text: String,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = self.answers.pop_front().unwrap_or(Ok(usize::MAX))?.min(bytes.len());
            self.text.push_str(std::str::from_utf8(&bytes[..count]).expect("ASCII"));
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn sink(answers: impl Into<VecDeque<Result<usize, ErrorKind>>>) -> Sink<Disk> {
        Sink::new(Disk { answers: answers.into(), text: String::new() })
    }

    #[test]
    fn a_pipe_that_is_full_for_now_is_waited_for() {
        let mut sink = sink([Ok(1), Err(ErrorKind::WouldBlock), Err(ErrorKind::Interrupted)]);
        assert_eq!(sink.write(b"one\ntwo\n"), 0);
        assert_eq!(sink.to.text, "one\ntwo\n");
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_told_and_the_next_line_begins_anew() {
        let full = Err(ErrorKind::StorageFull);
        let mut sink = sink([Ok(6), full, full, Ok(1), Ok(4), full]);
        assert_eq!(sink.write(b"one\ntwo\nthree\n"), 2);
        assert_eq!(sink.write(b"four\nfive\n"), 2);
        assert_eq!(sink.write(b"six\nseven\n"), 1);
        assert_eq!(sink.write(b"eight\n"), 0);
        assert_eq!(sink.to.text, "one\ntw\nsix\neight\n");
    }
}
