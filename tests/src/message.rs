//! HTTP/1.1 messages as the far side of the proxy sees them, parsed without any leniency: what the
//! proxy sends must be beyond doubt.

use std::ops::Deref;

/// A start line and its headers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// `GET / HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub start: String,
    /// As they came: order, case and repetitions kept.
    pub headers: Vec<(String, String)>,
}

/// A whole message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Its head.
    pub head: Head,
    /// Its body, without the framing.
    pub body: Vec<u8>,
    /// The trailer section of a chunked body.
    pub trailers: Vec<(String, String)>,
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

impl Head {
    /// Parses a head, its last empty line included.
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.strip_suffix("\r\n\r\n").expect("a head ends with an empty line");
        let mut lines = lines.split("\r\n");
        let start = lines.next().expect("a split has a first part").to_owned();
        assert!(!start.contains(['\r', '\n']), "a bare CR or LF in {start:?}");
        Self { start, headers: lines.map(field).collect() }
    }

    /// The status code of a response.
    #[track_caller]
    pub fn status(&self) -> u16 {
        let mut words = self.start.splitn(3, ' ');
        assert_eq!(words.next(), Some("HTTP/1.1"), "the version in {:?}", self.start);
        let code = words.next().filter(|code| code.len() == 3).and_then(|code| code.parse().ok());
        code.unwrap_or_else(|| panic!("no status code in {:?}", self.start))
    }

    /// The method of a request.
    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    /// The target of a request.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a header that may stand there once at most.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() <= 1, "{name} more than once in {self:?}");
        values.first().copied()
    }

    /// The values of a header, each line's.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a comma-separated header has this element.
    pub fn lists(&self, name: &str, element: &str) -> bool {
        let mut elements = self.values(name).into_iter().flat_map(|value| value.split(','));
        elements.any(|other| other.trim().eq_ignore_ascii_case(element))
    }

    /// How the body of this request is delimited.
    #[track_caller]
    pub(crate) fn request_framing(&self) -> Framing {
        self.declared_framing().unwrap_or(Framing::Length(0))
    }

    /// How the body of this response is delimited.
    #[track_caller]
    pub(crate) fn response_framing(&self, method: &str) -> Framing {
        let declared = self.declared_framing();
        match self.status() {
            100..=199 | 204 | 304 => Framing::Length(0),
            _ if method == "HEAD" => Framing::Length(0),
            _ => declared.unwrap_or(Framing::UntilClose),
        }
    }

    #[track_caller]
    fn declared_framing(&self) -> Option<Framing> {
        match (self.header("transfer-encoding"), self.header("content-length")) {
            (None, None) => None,
            (Some("chunked"), None) => Some(Framing::Chunked),
            (None, Some(length)) if length.bytes().all(|digit| digit.is_ascii_digit()) => {
                Some(Framing::Length(length.parse().expect("a length")))
            }
            other => panic!("ambiguous framing {other:?} in {self:?}"),
        }
    }
}

impl Message {
    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the test sends text")
    }
}

impl Deref for Message {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

/// `name: value`, as it may stand in a head or a trailer section.
#[track_caller]
pub(crate) fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no colon in {line:?}"));
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    assert!(!name.is_empty() && name.bytes().all(token), "not a header name in {line:?}");
    let printable = |byte: u8| byte == b'\t' || byte >= b' ' && byte != 0x7f;
    assert!(value.bytes().all(printable), "a control byte in {line:?}");
    (name.to_owned(), value.trim_matches([' ', '\t']).to_owned())
}
