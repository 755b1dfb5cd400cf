//! Fields that break a rule, by generation.

/// RFC 9110 section 5.6.2.
pub(super) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The control characters, less the tab: they stand nowhere in a head.
pub(super) fn controls() -> impl Iterator<Item = u8> {
    (0..=0x1f).chain([0x7f]).filter(|byte| *byte != b'\t')
}

/// Lines that are no fields (RFC 9112 section 5, RFC 9110 sections 5.1 and 5.5), without their
/// CRLF: each byte that may not be there, at the start, in the middle and at the end of name and
/// value; whitespace before the colon; folds; no name; no colon.
pub(super) fn bad_lines() -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    for byte in controls() {
        lines.extend(around(b"X: ", b"a", byte, b"b", b""));
    }
    for byte in (0..=0xff).filter(|byte| !is_tchar(*byte) && *byte != b':') {
        lines.extend(around(b"", b"X", byte, b"Y", b": a"));
    }
    for line in
        [&b"No colon"[..], b": a", b":", b" ", b"\t", b" : a", b"X: a\r\n b", b"X: a\r\n\tb"]
    {
        lines.push(line.to_vec());
    }
    lines
}

/// Values that `Content-Length` may not have (RFC 9110 section 8.6): each byte but a digit before,
/// within and behind a digit and alone; what does not fit; lists.
pub(super) fn bad_lengths() -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    for byte in (0..=0xff).filter(|byte: &u8| !byte.is_ascii_digit()) {
        values.push(vec![b'5', byte, b'0']);
        if !matches!(byte, b' ' | b'\t') {
            values.extend([vec![byte], vec![byte, b'5'], vec![b'5', byte]]);
        }
    }
    for value in
        ["", " ", "5, 5", "5,5", "5, 6", ",5", "5,", "0x5", "0b1", "0o5", "1e1", "5.0", "-0"]
    {
        values.push(value.into());
    }
    for value in [1u128 << 63, 1 << 64, (1 << 64) + 5, u128::MAX] {
        values.push(value.to_string().into());
    }
    values.push("9".repeat(200).into());
    values
}

/// Values that `Transfer-Encoding` may not have (RFC 9112 section 6.1), and whether each is the name
/// of a coding, though not of one that we know.
pub(super) fn bad_codings() -> Vec<(Vec<u8>, bool)> {
    let mut values = Vec::new();
    for byte in 0..=0xffu8 {
        let names_a_coding = byte.is_ascii_alphanumeric();
        values.push(([b"chun", &[byte][..], b"ked"].concat(), names_a_coding));
        if !matches!(byte, b' ' | b'\t') {
            for value in [[&[byte][..], b"chunked"].concat(), [&b"chunked"[..], &[byte]].concat()] {
                values.push((value, names_a_coding));
            }
        }
    }
    for value in ["gzip", "deflate", "compress", "identity", "xchunked", "chunkedx", "chunke"] {
        values.push((value.into(), true));
    }
    for value in [
        "",
        " ",
        "chunked, chunked",
        "chunked, identity",
        "identity, chunked",
        "gzip, chunked",
        "chunked,gzip",
        ", chunked",
        "chunked,",
        "\"chunked\"",
        "'chunked'",
        "chunked;q=1",
        "chunked; a=b",
        "x-chunked",
        "chun ked",
    ] {
        values.push((value.into(), false));
    }
    values
}

/// The byte in front of, between and behind two parts.
fn around(before: &[u8], left: &[u8], byte: u8, right: &[u8], after: &[u8]) -> [Vec<u8>; 3] {
    let byte = &[byte][..];
    [
        [before, byte, left, right, after].concat(),
        [before, left, byte, right, after].concat(),
        [before, left, right, byte, after].concat(),
    ]
}
