use crate::Read;

/// One field line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As it was written; names compare without regard to case.
    pub name: String,
    /// Without the whitespace around it.
    pub value: Vec<u8>,
}

/// The values of all fields of that name, in order.
pub(crate) fn named<'a>(fields: &'a [Field], name: &str) -> impl Iterator<Item = &'a [u8]> {
    fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
        .map(|field| &field.value[..])
}

/// RFC 9110 section 5.6.1: the members of all fields of that name, empty ones left out.
pub(crate) fn members(fields: &[Field], name: &str) -> Vec<Vec<u8>> {
    named(fields, name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(|member| trim(member).to_vec())
        .filter(|member| !member.is_empty())
        .collect()
}

/// RFC 9112 section 5: field lines up to the empty line that ends them.
pub(crate) fn section(bytes: &[u8]) -> Read<Vec<Field>> {
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let Some((line, length)) = line(&bytes[at..])? else { return Ok(None) };
        at += length;
        if line.is_empty() {
            return Ok(Some((fields, at)));
        }
        fields.push(field(line)?);
    }
}

/// A line without its CRLF. RFC 9112 section 2.2: CR and LF stand nowhere else.
pub(crate) fn line(bytes: &[u8]) -> Read<&[u8]> {
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' => return Err("a line feed without a carriage return"),
            b'\r' => {
                return match bytes.get(at + 1) {
                    Some(b'\n') => Ok(Some((&bytes[..at], at + 2))),
                    Some(_) => Err("a carriage return without a line feed"),
                    None => Ok(None),
                };
            }
            _ => {}
        }
    }
    Ok(None)
}

/// `field-name ":" OWS field-value OWS`, with nothing between name and colon (section 5.1), and
/// no folds (section 5.2), whose lines begin with whitespace, which is in no name.
fn field(line: &[u8]) -> Result<Field, &'static str> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or("a field without a colon")?;
    let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
    if !is_token(name) {
        return Err("a field name that is no token");
    }
    // RFC 9110 section 5.5: visible characters, space, tab and obs-text.
    if !value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)) {
        return Err("a control character in a field value");
    }
    let name =
        String::from_utf8(name.to_vec()).map_err(|_not_ascii| "a field name not in ASCII")?;
    Ok(Field { name, value: value.to_vec() })
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(is_tchar)
}

/// Without optional whitespace at both ends: spaces and tabs only (RFC 9110 section 5.6.3).
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let Some(first) = bytes.iter().position(|byte| !is_blank(byte)) else { return &[] };
    let last = bytes.iter().rposition(|byte| !is_blank(byte)).unwrap_or(first);
    &bytes[first..=last]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_refuses_what_is_none() {
        let (fields, length) =
            section(b"A: b\r\nC:\t d e \r\n\r\nX").expect("valid").expect("whole");
        assert_eq!(length, 18);
        assert_eq!((&fields[0].name[..], &fields[0].value[..]), ("A", &b"b"[..]));
        assert_eq!((&fields[1].name[..], &fields[1].value[..]), ("C", &b"d e"[..]));
        assert_eq!(section(b"A: b\r\n\r"), Ok(None));
        for bad in ["A : b", " A: b", "A", ": b", "A: b\0", "A: b\x7f", "A(: b", "A: b\nC: d"] {
            assert!(section(format!("{bad}\r\n\r\n").as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lists_members_over_several_fields() {
        let text = b"A: b, c\r\nB: x\r\na: ,, d\r\n\r\n";
        let (fields, _) = section(text).expect("valid").expect("whole");
        assert_eq!(members(&fields, "A"), [b"b", b"c", b"d"]);
    }
}
