//! Which of the two text formats a scraper gets.

/// An exposition format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The Prometheus text format 0.0.4.
    Text004,
    /// The OpenMetrics text format 1.0.0.
    OpenMetrics100,
}

impl Format {
    /// The format that an `Accept` header asks for (RFC 9110, 12.5.1).
    ///
    /// OpenMetrics goes to those who name it, in a version that is ours, and weigh it no less than
    /// text. Everyone else gets text, even those who accept neither.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let mut openmetrics = 0.0_f32;
        // The weight of the range that names text most closely, and how closely.
        let (mut closeness, mut text) = (0, 0.0);
        for range in accept.unwrap_or_default().split(',') {
            let Some(MediaRange { name, version, weight }) = MediaRange::parse(range) else {
                continue;
            };
            let offers = |ours| version.is_none_or(|asked| asked == ours);
            let close = match name.to_ascii_lowercase().as_str() {
                "application/openmetrics-text" if offers("1.0.0") => {
                    openmetrics = openmetrics.max(weight);
                    continue;
                }
                "text/plain" if offers("0.0.4") => 3,
                "text/*" => 2,
                "*/*" => 1,
                _ => continue,
            };
            if close > closeness {
                (closeness, text) = (close, weight);
            }
        }
        if openmetrics > 0.0 && openmetrics >= text { Self::OpenMetrics100 } else { Self::Text004 }
    }

    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text004 => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics100 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

struct MediaRange<'a> {
    name: &'a str,
    version: Option<&'a str>,
    /// From 0 to 1.
    weight: f32,
}

impl<'a> MediaRange<'a> {
    /// None where the weight is not one.
    fn parse(range: &'a str) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        let mut parsed = Self { name: parts.next()?, version: None, weight: 1.0 };
        for (key, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            if key.eq_ignore_ascii_case("version") {
                parsed.version = Some(value.trim_matches('"'));
            } else if key.eq_ignore_ascii_case("q") {
                parsed.weight = value.parse().ok().filter(|q| (0.0..=1.0).contains(q))?;
            }
        }
        Some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::Format::{self, OpenMetrics100, Text004};

    #[test]
    fn the_accept_header_decides() {
        for (accept, expected) in ACCEPTED {
            assert_eq!(Format::negotiate(Some(accept)), expected, "{accept}");
        }
        assert_eq!(Format::negotiate(None), Text004);
    }

    const ACCEPTED: [(&str, Format); 21] = [
        // Prometheus 2.30, which asks for an OpenMetrics that is not ours.
        (
            "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Text004,
        ),
        // Later 2.x.
        (
            "application/openmetrics-text;version=1.0.0,\
             application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OpenMetrics100,
        ),
        // 2.x since it has `scrape_protocols`.
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,\
             application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            OpenMetrics100,
        ),
        // 3.x.
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            OpenMetrics100,
        ),
        // 3.x with native histograms, which need protobuf.
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
             encoding=delimited;q=0.6,\
             application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
             application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
             text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            OpenMetrics100,
        ),
        // 3.x whose `scrape_protocols` put text first.
        (
            "text/plain;version=0.0.4;q=0.6,\
             application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.4",
            Text004,
        ),
        // curl, a browser.
        ("*/*", Text004),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", Text004),
        ("", Text004),
        ("text/plain", Text004),
        ("application/json", Text004),
        ("application/openmetrics-text", OpenMetrics100),
        ("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.1", OpenMetrics100),
        ("application/openmetrics-text;version=2.0.0", Text004),
        ("application/openmetrics-text;q=0", Text004),
        ("application/openmetrics-text,text/plain", OpenMetrics100),
        ("application/openmetrics-text;q=0.5,*/*;q=0.8", Text004),
        // The closest range weighs, whatever the order.
        ("*/*,text/*;q=0.8,text/plain;q=0.1,application/openmetrics-text;q=0.5", OpenMetrics100),
        ("application/openmetrics-text;q=0.5,text/*;q=0.8,*/*;q=0.1", Text004),
        // A weight that is none.
        ("application/openmetrics-text;q=2,*/*", Text004),
        ("application/openmetrics-text;q=NaN", Text004),
    ];
}
