use crate::Fault;
use crate::head::field::trim;

/// How the end of a message body is found. Decided once, here, from a head, and carried from then
/// on: nobody looks at the header fields again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Exactly so many bytes; a message without a body has zero.
    Length(u64),
    /// Chunks (RFC 9112 section 7.1).
    Chunked,
    /// Until the connection closes: responses only.
    UntilClose,
}

/// The framing fields of one head, collected as they come by.
///
/// What is refused here is refused because two recipients could read it in two ways; see RFC 9112
/// section 6.3 and section 11.2 on request smuggling.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FramingFields {
    length: Option<u64>,
    chunked: bool,
}

/// Why the framing fields of a message cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FramingError {
    /// RFC 9110 section 8.6: not `1*DIGIT`, or above [`MAX_LENGTH`].
    BadLength,
    /// RFC 9112 section 6.3 (5): several, equal or not.
    RepeatedLength,
    /// RFC 9112 section 6.1: several, or a list, or a coding misspelt or malformed.
    BadCoding,
    /// RFC 9112 section 6.1: a coding that we do not have.
    UnknownCoding,
    /// RFC 9112 section 6.1: both. A sender must not, and an intermediary may refuse.
    LengthAndCoding,
    /// RFC 9112 section 6.1: no transfer codings before HTTP/1.1.
    CodingInHttp10,
}

impl FramingFields {
    /// Adds a `Content-Length` field: digits only, no sign, no list, no overflow.
    pub(crate) fn add_length(&mut self, value: &[u8]) -> Result<(), FramingError> {
        if self.length.is_some() {
            return Err(FramingError::RepeatedLength);
        }
        let digits = trim(value);
        if digits.is_empty() {
            return Err(FramingError::BadLength);
        }
        // Not `str::parse`, which takes a sign.
        let length = digits.iter().try_fold(0u64, |length, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            length.checked_mul(10)?.checked_add(digit)
        });
        let length = length.filter(|length| *length <= MAX_LENGTH);
        self.length = Some(length.ok_or(FramingError::BadLength)?);
        Ok(())
    }

    /// Adds a `Transfer-Encoding` field: exactly `chunked`, once.
    pub(crate) fn add_coding(&mut self, value: &[u8]) -> Result<(), FramingError> {
        let coding = trim(value);
        if self.chunked {
            return Err(FramingError::BadCoding);
        }
        if coding.eq_ignore_ascii_case(b"chunked") {
            self.chunked = true;
            return Ok(());
        }
        let is_token = !coding.is_empty() && coding.iter().all(u8::is_ascii_alphanumeric);
        Err(if is_token { FramingError::UnknownCoding } else { FramingError::BadCoding })
    }

    /// The length, as far as one was stated.
    pub(crate) const fn stated_length(self) -> Option<u64> {
        self.length
    }

    /// What the fields say together; `None`: nothing.
    pub(crate) const fn decide(self, version_1_1: bool) -> Result<Option<Framing>, FramingError> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(FramingError::LengthAndCoding),
            (true, None) if !version_1_1 => Err(FramingError::CodingInHttp10),
            (true, None) => Ok(Some(Framing::Chunked)),
            (false, Some(length)) => Ok(Some(Framing::Length(length))),
            (false, None) => Ok(None),
        }
    }
}

/// The framing of a request: without either field there is no body (RFC 9112 section 6.3 (7)).
pub(crate) fn of_request(
    fields: FramingFields,
    version_1_1: bool,
) -> Result<Framing, FramingError> {
    Ok(fields.decide(version_1_1)?.unwrap_or(Framing::Length(0)))
}

/// The framing of a final response (RFC 9112 section 6.3 (1), (4), (5), (8)).
pub(crate) fn of_response(
    fields: FramingFields,
    version_1_1: bool,
    status: u16,
    to_head: bool,
) -> Result<Framing, FramingError> {
    let stated = fields.decide(version_1_1)?;
    let has_no_body = to_head || matches!(status, 100..=199 | 204 | 304);
    if has_no_body { Ok(Framing::Length(0)) } else { Ok(stated.unwrap_or(Framing::UntilClose)) }
}

impl FramingError {
    /// What a client is told.
    pub(crate) const fn in_request(self) -> Fault {
        let reason = self.reason();
        match self {
            Self::UnknownCoding => Fault::new(crate::Cause::NotImplemented, reason),
            Self::BadLength
            | Self::RepeatedLength
            | Self::BadCoding
            | Self::LengthAndCoding
            | Self::CodingInHttp10 => Fault::bad_request(reason),
        }
    }

    /// What an upstream is blamed for.
    pub(crate) const fn in_response(self) -> Fault {
        Fault::bad_response(self.reason())
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::BadLength => "invalid Content-Length",
            Self::RepeatedLength => "several Content-Length fields",
            Self::BadCoding => "invalid Transfer-Encoding",
            Self::UnknownCoding => "unknown Transfer-Encoding",
            Self::LengthAndCoding => "both Content-Length and Transfer-Encoding",
            Self::CodingInHttp10 => "Transfer-Encoding in HTTP/1.0",
        }
    }
}

/// The largest length of a body or a chunk: what signed 64 bits hold, because many recipients
/// count in those, and what is more to us is less than nothing to them (CVE-2013-2028).
pub(crate) const MAX_LENGTH: u64 = u64::MAX >> 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn length(value: &str) -> Result<Option<Framing>, FramingError> {
        let mut fields = FramingFields::default();
        fields.add_length(value.as_bytes())?;
        fields.decide(true)
    }

    #[test]
    fn takes_digits_only_for_a_length() {
        assert_eq!(length("0"), Ok(Some(Framing::Length(0))));
        assert_eq!(length("9223372036854775807"), Ok(Some(Framing::Length(MAX_LENGTH))));
        assert_eq!(length("000000000000000000000000000005"), Ok(Some(Framing::Length(5))));
        for bad in [
            "",
            " ",
            "+5",
            "-5",
            "0x5",
            "5_0",
            "5 0",
            "5,5",
            "5, 5",
            "9223372036854775808",
            "18446744073709551616",
            "٥",
        ] {
            assert_eq!(length(bad), Err(FramingError::BadLength), "{bad:?}");
        }
    }

    #[test]
    fn takes_exactly_chunked_for_a_coding() {
        let coding = |value: &[u8]| FramingFields::default().add_coding(value);
        assert_eq!(coding(b" ChunKed\t"), Ok(()));
        for unknown in ["gzip", "xchunked", "chunkedx", "identity"] {
            assert_eq!(coding(unknown.as_bytes()), Err(FramingError::UnknownCoding));
        }
        for bad in
            ["", "chunked, identity", "gzip, chunked", "\x0bchunked", "\"chunked\"", "chunked;q=1"]
        {
            assert_eq!(coding(bad.as_bytes()), Err(FramingError::BadCoding), "{bad:?}");
        }
    }

    #[test]
    fn refuses_fields_that_contradict_or_repeat() {
        let mut both = FramingFields::default();
        both.add_length(b"5").expect("valid");
        assert_eq!(both.add_length(b"5"), Err(FramingError::RepeatedLength));
        both.add_coding(b"chunked").expect("valid");
        assert_eq!(both.add_coding(b"chunked"), Err(FramingError::BadCoding));
        assert_eq!(both.decide(true), Err(FramingError::LengthAndCoding));
        let mut coding = FramingFields::default();
        coding.add_coding(b"chunked").expect("valid");
        assert_eq!(coding.decide(false), Err(FramingError::CodingInHttp10));
    }

    #[test]
    fn knows_the_responses_that_have_no_body() {
        let mut five = FramingFields::default();
        five.add_length(b"5").expect("valid");
        for status in [100, 103, 199, 204, 304] {
            assert_eq!(of_response(five, true, status, false), Ok(Framing::Length(0)));
        }
        assert_eq!(of_response(five, true, 200, true), Ok(Framing::Length(0)));
        assert_eq!(of_response(five, true, 200, false), Ok(Framing::Length(5)));
        let none = FramingFields::default();
        assert_eq!(of_response(none, true, 200, false), Ok(Framing::UntilClose));
    }
}
