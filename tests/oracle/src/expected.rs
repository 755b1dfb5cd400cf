//! What a head becomes on its way, written once more and naively: the documented changes.

use std::net::IpAddr;

use proxy_proto::Uuid;
use proxy_reference::{Field, Framing, Request, Response};

/// Where a request came from, as its forwarded head says.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) client: IpAddr,
    pub(crate) trace: Uuid,
    pub(crate) upstream: &'a str,
    pub(crate) upstream_keep_alive: bool,
}

/// The request, in as far as its response depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) minor: u8,
    pub(crate) trace: Uuid,
}

/// The request that the upstream should read in place of this one.
pub(crate) fn request(sent: &Request, origin: Origin<'_>) -> Request {
    let is_old = sent.minor == 0;
    let (target, authority) = target(sent);
    let upgrades = wants_upgrade(sent);
    let expects = !is_old && sent.framing != Framing::Length(0);
    let hops = hops_left(sent);
    let mut fields = survivors(&sent.fields, |name| match name {
        "content-length" | "transfer-encoding" | "x-forwarded-for" | "x-forwarded-host"
        | "x-forwarded-proto" | "x-trace-id" => false,
        "host" => authority.is_none(),
        "expect" => expects,
        "max-forwards" => hops.is_none(),
        "upgrade" => upgrades,
        _ => true,
    });
    let mut add = |name: &str, value: &[u8]| {
        fields.push(Field { name: name.to_owned(), value: value.to_vec() });
    };
    let host = authority.as_deref().map(str::as_bytes).or(sent.field("Host"));
    if let Some(authority) = &authority {
        add("Host", authority.as_bytes());
    }
    if sent.field("Content-Length").is_some() {
        let Framing::Length(length) = sent.framing else { panic!("a length that frames nothing") };
        add("Content-Length", length.to_string().as_bytes());
    }
    if sent.framing == Framing::Chunked {
        add("Transfer-Encoding", b"chunked");
    }
    if let Some(hops) = hops {
        add("Max-Forwards", hops.to_string().as_bytes());
    }
    if upgrades {
        add("Connection", b"upgrade");
    } else if !origin.upstream_keep_alive {
        add("Connection", b"close");
    }
    let mut via: Vec<_> = sent
        .fields_named("X-Forwarded-For")
        .filter(|v| !v.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    via.push(origin.client.to_string().into_bytes());
    add("X-Forwarded-For", &via.join(&b", "[..]));
    if let Some(host) = host {
        add("X-Forwarded-Host", host);
    }
    add("X-Forwarded-Proto", b"http");
    add("Via", format!("1.{} proxy", sent.minor).as_bytes());
    add("X-Trace-ID", origin.trace.to_string().as_bytes());
    if host.is_none() {
        add("Host", origin.upstream.as_bytes());
    }
    Request { method: sent.method.clone(), target, minor: 1, fields, framing: sent.framing }
}

/// The response that the client should read in place of this one, but for `Connection`.
pub(crate) fn response(sent: &Response, asked: Asked<'_>) -> Response {
    let Response { status, mut reason, framing, .. } = sent.clone();
    if !reason.is_ascii() {
        // It says nothing that counts (RFC 9112 section 4).
        reason.clear();
    }
    let mut fields = survivors(&sent.fields, |name| match name {
        "content-length" | "transfer-encoding" | "x-trace-id" => false,
        "upgrade" => status == 101,
        _ => true,
    });
    let mut add = |name: &str, value: &[u8]| {
        fields.push(Field { name: name.to_owned(), value: value.to_vec() });
    };
    let framing = match framing {
        Framing::UntilClose | Framing::Chunked if asked.minor == 0 => Framing::UntilClose,
        Framing::UntilClose | Framing::Chunked => Framing::Chunked,
        Framing::Length(length) => Framing::Length(length),
    };
    if framing == Framing::Chunked {
        add("Transfer-Encoding", b"chunked");
    }
    if let Some(length) = sent.field("Content-Length")
        && status >= 200
        && status != 204
    {
        let length = std::str::from_utf8(length).expect("digits");
        let length: u64 = length.parse().expect("one number");
        add("Content-Length", length.to_string().as_bytes());
    }
    if status >= 200 || status == 101 {
        add("X-Trace-ID", asked.trace.to_string().as_bytes());
    }
    Response { status, minor: 1, reason, fields, framing }
}

/// Whether a 101 may follow (RFC 9110 section 7.8), to a protocol that is not HTTP/2 past us.
pub(crate) fn wants_upgrade(sent: &Request) -> bool {
    let asks = members(&sent.fields, "Connection").any(|member| member == "upgrade");
    let mut protocols = members(&sent.fields, "Upgrade").peekable();
    let names_one = protocols.peek().is_some();
    let is_http2 = |protocol: &String| protocol.starts_with("h2c") || protocol == "http/2.0";
    sent.minor == 1
        && asks
        && names_one
        && !protocols.any(|protocol| is_http2(&protocol))
        && sent.framing == Framing::Length(0)
}

/// RFC 9110 section 7.6.2: one less, where it counts.
fn hops_left(sent: &Request) -> Option<u64> {
    let hops = sent.field("Max-Forwards").filter(|_| ["TRACE", "OPTIONS"].contains(&&*sent.method));
    let hops: u64 = std::str::from_utf8(hops?).ok()?.parse().ok()?;
    Some(hops.min(u64::from(u32::MAX)) - 1)
}

/// Origin-form, or `*`, and the authority that an absolute-form had.
pub(crate) fn target(sent: &Request) -> (String, Option<String>) {
    if sent.target.starts_with('/') || sent.target == "*" {
        return (sent.target.clone(), None);
    }
    // The authority-form of CONNECT, which is never forwarded.
    let Some((_scheme, rest)) = sent.target.split_once("://") else {
        return (sent.target.clone(), None);
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = match path {
        "" if sent.method == "OPTIONS" => "*".to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    };
    (path, Some(authority.to_owned()))
}

/// The fields that are not hop-by-hop (RFC 9110 section 7.6.1), and that `keeps` keeps. It gets
/// names in lower case. `Upgrade` is its affair.
fn survivors(fields: &[Field], keeps: impl Fn(&str) -> bool) -> Vec<Field> {
    let nominated: Vec<_> = members(fields, "Connection").collect();
    let is_kept = |field: &&Field| {
        let name = field.name.to_ascii_lowercase();
        let is_hop_by_hop = matches!(
            &name[..],
            "connection" | "http2-settings" | "keep-alive" | "proxy-connection" | "te"
        );
        let is_protected = matches!(
            &name[..],
            "host" | "trailer" | "via" | "expect" | "upgrade" | "content-length" | "max-forwards"
        ) || name.starts_with("x-forwarded-")
            && matches!(&name[12..], "for" | "host" | "proto");
        !is_hop_by_hop && (is_protected || !nominated.contains(&name)) && keeps(&name)
    };
    fields.iter().filter(is_kept).cloned().collect()
}

/// The members of a list, in lower case.
fn members(fields: &[Field], name: &str) -> impl Iterator<Item = String> {
    fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
        .flat_map(|field| field.value.split(|byte| *byte == b','))
        .map(|member| String::from_utf8_lossy(member.trim_ascii()).to_ascii_lowercase())
        .filter(|member| !member.is_empty())
}
