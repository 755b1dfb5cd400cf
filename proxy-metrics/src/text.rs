//! The Prometheus text format 0.0.4, made from OpenMetrics 1.0.0.

/// Appends what `openmetrics` says, in the text format 0.0.4.
///
/// Sample lines are the same in both, so there is one list of families and one encoder, and a
/// series has the same name whichever format a scraper asks for. What differs is the metadata:
/// 0.0.4 names a counter and an info by its sample, calls the latter a gauge, and has no `# EOF`.
pub(crate) fn append_from_openmetrics(openmetrics: &str, out: &mut String) {
    // At most a suffix, twice per family, is added.
    out.reserve(openmetrics.len() + openmetrics.len() / 8);
    let mut lines = openmetrics.lines();
    while let Some(line) = lines.next() {
        let Some(help) = line.strip_prefix("# HELP ") else {
            if line != "# EOF" {
                out.extend([line, "\n"]);
            }
            continue;
        };
        let (name, help) = help.split_once(' ').unwrap_or((help, ""));
        // The encoder writes a family's type on the line after its help.
        let kind = lines.next().and_then(|line| line.rsplit(' ').next()).unwrap_or("untyped");
        let (suffix, kind) = match kind {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "gauge"),
            kind => ("", kind),
        };
        out.extend(["# HELP ", name, suffix, " ", help, "\n"]);
        out.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_rewritten_and_samples_are_kept() {
        let mut out = String::from("kept\n");
        append_from_openmetrics(
            "# HELP a As.\n# TYPE a counter\na_total{b=\"# EOF\"} 1\n\
             # HELP b Bs of it.\n# TYPE b info\nb_info{c=\"# HELP x y\"} 1\n\
             # HELP c Cs.\n# TYPE c gauge\nc 2\n\
             # EOF\n",
            &mut out,
        );
        assert_eq!(
            out,
            "kept\n\
             # HELP a_total As.\n# TYPE a_total counter\na_total{b=\"# EOF\"} 1\n\
             # HELP b_info Bs of it.\n# TYPE b_info gauge\nb_info{c=\"# HELP x y\"} 1\n\
             # HELP c Cs.\n# TYPE c gauge\nc 2\n"
        );
    }
}
