use std::ops::Range;

use super::Place;
use super::chunks::Chunks;
use super::mask::Hidden;

/// How much of this begins as a status line does.
pub(super) fn protocol(line: &[u8]) -> usize {
    line.iter().zip(PROTOCOL).take_while(|(byte, known)| byte == known).count()
}

/// How much of this begins as a HEAD request does.
pub(super) fn head_method(line: &[u8]) -> usize {
    line.iter().zip(b"HEAD ").take_while(|(byte, known)| byte == known).count()
}

/// Where the first name of a version stands, or what there is of it.
pub(super) fn version(line: &[u8]) -> Option<Range<usize>> {
    let start = memchr::memmem::find(line, PROTOCOL)?;
    let number = &line[start + PROTOCOL.len()..];
    let is_whole = matches!(number, [b'0'..=b'9', b'.', b'0'..=b'9', ..]);
    Some(start..start + PROTOCOL.len() + if is_whole { "1.1".len() } else { 0 })
}

/// A request line or a status line.
#[derive(Debug)]
pub(super) struct FirstLine {
    version: Version,
    kind: Kind,
    /// A method that we do not know: the end of a longer body may stand in it.
    pub(super) odd_method: Range<usize>,
    /// The name and password in a target, where there are any.
    pub(super) userinfo: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
    /// Of HTTP's form, but none that we follow.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Head,
    Connect,
    OtherRequest,
    Response(u16),
}

impl FirstLine {
    /// RFC 9112 section 3: `method SP target SP version`.
    pub(super) fn of_request(line: &[u8]) -> Option<Self> {
        let line = str::from_utf8(line).ok()?;
        let (method, rest) = line.split_once(' ')?;
        let (target, version) = rest.split_once(' ')?;
        let is_sound = is_token(method.as_bytes())
            && !target.is_empty()
            && target.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_sound {
            return None;
        }
        let kind = match method {
            "HEAD" => Kind::Head,
            "CONNECT" => Kind::Connect,
            _ => Kind::OtherRequest,
        };
        let odd_method = if METHODS.contains(&method) { 0..0 } else { 0..method.len() };
        let at = method.len() + 1;
        let secret = userinfo(target).unwrap_or_default();
        let userinfo = at + secret.start..at + secret.end;
        Some(Self { version: Version::of(version)?, kind, odd_method, userinfo })
    }

    /// RFC 9112 section 4: `version SP 3DIGIT SP [reason]`. What begins like one is one, if broken.
    pub(super) fn of_response(line: &[u8]) -> Option<Self> {
        let known = protocol(line) == PROTOCOL.len();
        known.then(|| {
            let (version, kind) =
                Self::of_sound_response(line).unwrap_or((Version::Other, Kind::Response(0)));
            Self { version, kind, odd_method: 0..0, userinfo: 0..0 }
        })
    }

    fn of_sound_response(line: &[u8]) -> Option<(Version, Kind)> {
        let (version, rest) = line.split_at_checked("HTTP/1.1".len())?;
        let (status, reason) = rest.split_at_checked(" 200".len())?;
        let digits = str::from_utf8(status.strip_prefix(b" ")?).ok()?;
        let is_sound = digits.bytes().all(|byte| byte.is_ascii_digit())
            && matches!(reason.first(), None | Some(b' '))
            && !reason.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
        let version = Version::of(str::from_utf8(version).ok()?)?;
        let kind = Kind::Response(digits.parse().ok().filter(|status| *status >= 100)?);
        is_sound.then_some((version, kind))
    }
}

impl Version {
    fn of(text: &str) -> Option<Self> {
        match text.strip_prefix("HTTP/")?.as_bytes() {
            b"1.1" => Some(Self::Http11),
            b"1.0" => Some(Self::Http10),
            [b'0'..=b'9', b'.', b'0'..=b'9'] => Some(Self::Other),
            _ => None,
        }
    }
}

/// What a response has to be read by.
#[derive(Debug)]
pub(super) struct Asked {
    by_head: bool,
}

/// What a head says of its message, collected line by line.
#[derive(Debug)]
pub(super) struct Facts {
    first: Option<FirstLine>,
    length: Option<u64>,
    is_chunked: bool,
    closes: bool,
    keeps: bool,
    wants_upgrade: bool,
    upgrades: bool,
    /// A line could not be understood: the message has no end that we know of.
    pub(super) is_broken: bool,
    /// The empty line has come.
    pub(super) ends: bool,
}

impl Facts {
    pub(super) const fn new() -> Self {
        Self {
            first: None,
            length: None,
            is_chunked: false,
            closes: false,
            keeps: false,
            wants_upgrade: false,
            upgrades: false,
            is_broken: false,
            ends: false,
        }
    }

    pub(super) fn begin(first: Option<FirstLine>) -> Self {
        let is_broken = first.as_ref().is_none_or(|first| first.version == Version::Other);
        Self { first, is_broken, ..Self::new() }
    }

    /// A field line, less its end; `start` is where it stands among the bytes kept.
    pub(super) fn add(&mut self, line: &[u8], start: usize, hidden: &mut Vec<Hidden>) {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = match colon {
            Some(at) if is_token(&line[..at]) => (&line[..at], &line[at + 1..]),
            Some(_) | None => {
                self.hide_unknown(line, start, hidden);
                return;
            }
        };
        if self.first.is_none() && self.is_broken {
            // Behind a first line that is none of HTTP, this may be anything.
            self.hide_unknown(line, start, hidden);
            return;
        }
        let is_odd = value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
        // A bare CR may hide a line of its own.
        if is_secret(name) || is_odd {
            hidden.push(Hidden::value(start + name.len() + 1..start + line.len()));
        } else if let Some(secret) = credentials(line) {
            hidden.push(Hidden::value(start + secret.start..start + secret.end));
        }
        self.is_broken |= is_odd;
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = str::from_utf8(value).ok();
            let digits = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            self.is_broken |= self.length.is_some();
            self.length = digits.and_then(|digits| digits.parse().ok());
            self.is_broken |= self.length.is_none();
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.is_broken |= self.is_chunked || !value.eq_ignore_ascii_case(b"chunked");
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"connection") {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.closes |= option.eq_ignore_ascii_case(b"close");
                self.keeps |= option.eq_ignore_ascii_case(b"keep-alive");
                self.wants_upgrade |= option.eq_ignore_ascii_case(b"upgrade");
            }
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.upgrades |= !value.eq_ignore_ascii_case(b"h2c");
        }
    }

    /// A trailer line. Behind a chunk whose size is wrong it may be anything: shown is only the
    /// name of a field that is no trailer, which the core drops.
    pub(super) fn add_trailer(&mut self, line: &[u8], start: usize, hidden: &mut Vec<Hidden>) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return self.hide_unknown(line, start, hidden);
        };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if !is_token(name) {
            return self.hide_unknown(line, start, hidden);
        }
        // The core drops look-alikes, too.
        if !NO_TRAILERS.iter().any(|known| letters(name).eq(letters(known.as_bytes()))) {
            hidden.push(Hidden::value(start..start + colon));
        }
        hidden.push(Hidden::value(start + colon + 1..start + line.len()));
        self.is_broken |= value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    }

    /// What is not of a head's form shows no more than where its name would end.
    pub(super) fn hide_unknown(&mut self, line: &[u8], start: usize, hidden: &mut Vec<Hidden>) {
        self.is_broken = true;
        let is_fold = line.first().is_none_or(|byte| matches!(byte, b' ' | b'\t'));
        let colon = line.iter().position(|byte| *byte == b':').filter(|_| !is_fold);
        let colon = colon.unwrap_or(line.len());
        hidden.push(Hidden::unknown(start..start + colon));
        if colon < line.len() {
            hidden.push(Hidden::value(start + colon + 1..start + line.len()));
        }
    }

    pub(super) fn asked(&self) -> Asked {
        Asked { by_head: self.first.as_ref().is_some_and(|first| first.kind == Kind::Head) }
    }

    /// Whether nothing behind this request is read as another.
    pub(super) fn is_last(&self) -> bool {
        let persists =
            self.first.as_ref().is_some_and(|first| first.version == Version::Http11 || self.keeps);
        self.closes || !persists
    }

    /// What follows the head of a request.
    pub(super) fn request_body(&self) -> Place {
        let Some(first) = &self.first else { return Place::Content };
        let has_body = self.is_chunked || self.length.is_some_and(|length| length > 0);
        let is_tunnel =
            self.wants_upgrade && self.upgrades && first.version == Version::Http11 && !has_body;
        let is_lost = first.kind == Kind::Connect || is_tunnel || self.contradicts(first);
        match self.body() {
            Place::FirstLine { .. } if self.is_last() => Place::Content,
            _ if is_lost => Place::Content,
            place => place,
        }
    }

    /// What follows the head of a response.
    pub(super) fn response_body(&self, asked: Option<&Asked>) -> Place {
        let (Some(first), Some(asked)) = (&self.first, asked) else { return Place::Content };
        let Kind::Response(status) = first.kind else { return Place::Content };
        if self.contradicts(first) {
            return Place::Content;
        }
        match status {
            101 | 204 | 304 => Place::Content,
            // An interim response; the line of the next one follows.
            ..200 => Place::FirstLine { skipped: true },
            _ if asked.by_head => Place::Content,
            _ if self.is_chunked => self.body(),
            // By length, until close, and behind the end: none of it is kept.
            _ => Place::Content,
        }
    }

    fn body(&self) -> Place {
        match (self.is_chunked, self.length) {
            (true, _) => Place::Chunks(Chunks::new()),
            (false, Some(length @ 1..)) => Place::Length(length),
            (false, Some(0) | None) => Place::FirstLine { skipped: false },
        }
    }

    /// Whether the framing could be read in two ways, or a line could not be read at all.
    fn contradicts(&self, first: &FirstLine) -> bool {
        let both = self.is_chunked && self.length.is_some();
        self.is_broken || both || (self.is_chunked && first.version != Version::Http11)
    }
}

/// Whether this much of a line that is none of HTTP may be shown.
pub(super) fn is_harmless(line: &[u8]) -> bool {
    !is_secret(line) && !line.contains(&b'@')
}

/// Whether the value of a field with this name is nobody's business. Masked in doubt.
fn is_secret(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|secret| memchr::memmem::find(&name, secret.as_bytes()).is_some())
}

/// Where `user:password` stands in `http://user:password@host/`.
fn userinfo(target: &str) -> Option<Range<usize>> {
    let start = target.find("://")? + "://".len();
    let authority = target[start..].split(['/', '?', '#']).next()?;
    Some(start..start + authority.rfind('@')?)
}

/// Where there may be userinfo in a field such as `Referer`, by a wide rule.
fn credentials(line: &[u8]) -> Option<Range<usize>> {
    let start = memchr::memmem::find(line, b"://")? + "://".len();
    memchr::memrchr(b'@', line).filter(|end| *end > start).map(|end| start..end)
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_tchar)
}

/// RFC 9110 section 5.6.2.
pub(super) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110 section 9, and RFC 5789.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
const PROTOCOL: &[u8] = b"HTTP/";
/// What names of such fields have in them: `Authorization`, `Proxy-Authorization`,
/// `Authentication-Info`, `Cookie`, `Set-Cookie`, `X-Api-Key`, `X-CSRF-Token`,
/// `X-Amz-Security-Token`, `X-Hub-Signature`, `X-Session-Id` and so on.
const SECRETS: [&str; 10] = [
    "auth",
    "cookie",
    "token",
    "key",
    "secret",
    "passw",
    "session",
    "credential",
    "signature",
    "jwt",
];
fn letters(name: &[u8]) -> impl Iterator<Item = u8> {
    name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase)
}

/// Fields that frame, route or authorise, and so are no trailers (RFC 9110 section 6.5.1).
const NO_TRAILERS: [&str; 28] = [
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-trace-id",
];
