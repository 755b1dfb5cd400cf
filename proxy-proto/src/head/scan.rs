use httparse::Header;
use memchr::memchr_iter;

/// Looks for the empty line that ends a head, remembering how far it has looked, so that a head
/// that trickles in costs no more than one that comes whole.
///
/// Each line must end with CRLF: a bare LF is an error (RFC 9112 section 2.2 allows a recipient to
/// accept one; two parsers that disagree about it are how requests are smuggled).
pub(crate) fn find_end(bytes: &[u8], searched: &mut usize) -> Result<Option<usize>, BareLf> {
    let from = *searched;
    for at in memchr_iter(b'\n', &bytes[from..]) {
        let at = from + at;
        if at == 0 || bytes[at - 1] != b'\r' {
            return Err(BareLf);
        }
        let line_is_empty = at == 1 || bytes[at - 2] == b'\n';
        if line_is_empty {
            return Ok(Some(at + 1));
        }
    }
    *searched = bytes.len();
    Ok(None)
}

/// Whether each line of a whole head that has been parsed ends with CRLF. The parser has seen that
/// there is no LF within a line; it takes one alone for its end.
pub(crate) fn has_strict_lines(head: &[u8], headers: &[Header<'_>]) -> bool {
    let ends_before = |header: &Header<'_>| {
        let at = header.name.as_ptr() as usize - head.as_ptr() as usize;
        head.get(..at).is_some_and(|before| before.ends_with(b"\r\n"))
    };
    headers.iter().all(ends_before) && head.ends_with(b"\r\n\r\n")
}

/// A line that ends with LF alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BareLf;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_empty_line_however_the_bytes_arrive() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        let end = head.len() - 4;
        for first in 0..=end {
            let mut searched = 0;
            let early = find_end(&head[..first], &mut searched).expect("no bare LF");
            assert_eq!(early, (first == end).then_some(end));
            if early.is_none() {
                assert_eq!(find_end(head, &mut searched), Ok(Some(end)));
            }
        }
    }

    #[test]
    fn refuses_a_bare_line_feed_at_once() {
        for head in [&b"\n"[..], b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r\nA: b\n", b"a\r\n\n"] {
            assert_eq!(find_end(head, &mut 0), Err(BareLf));
        }
    }

    #[test]
    fn sees_each_bare_line_feed_that_the_parser_takes() {
        let strict = b"GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\n\r\n";
        let has_strict_lines = |head: &[u8]| {
            let mut headers = [httparse::EMPTY_HEADER; 4];
            let mut request = httparse::Request::new(&mut headers);
            assert!(request.parse(head).is_ok_and(|status| status.is_complete()));
            has_strict_lines(head, request.headers)
        };
        assert!(has_strict_lines(strict));
        assert!(has_strict_lines(b"GET / HTTP/1.0\r\n\r\n"));
        for at in (0..strict.len()).filter(|at| strict[*at] == b'\r') {
            let bare = [&strict[..at], &strict[at + 1..]].concat();
            assert!(!has_strict_lines(&bare), "{at}");
        }
        assert!(!has_strict_lines(b"GET / HTTP/1.0\n\r\n"));
        assert!(!has_strict_lines(b"GET / HTTP/1.0\r\n\n"));
    }
}
