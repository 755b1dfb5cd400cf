//! Results as Markdown.

use std::fmt::Write as _;

use crate::results::{Results, Row, Sample, Spread, Table};
use crate::scenario::Measure;

/// What ran, on what.
pub(crate) fn preamble(results: &Results) -> String {
    let machine = &results.machine;
    let mut text = format!(
        "`proxy-bench {}` on {} × {}, Linux {}\n",
        results.command, machine.cores, machine.processor, machine.kernel
    );
    for (name, version) in &results.versions {
        let _ = write!(text, "\n* {name}: {version}");
    }
    text + "\n"
}

/// All numbers of one scenario.
pub(crate) fn table(table: &Table) -> String {
    let measure = table.measure;
    let mut text = format!(
        "### {}: {}\n\n| | {} | min..max | × nginx | × haproxy | × floor | {} | p50 µs | p99 | p99.9 |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        table.name,
        table.title,
        measure.unit(),
        speed(measure).0
    );
    for row in &table.rows {
        let _ = writeln!(text, "| {} | {} |", row.name, cells(table, row).join(" | "));
    }
    text
}

/// One line a scenario: medians, and what ours are in relation to the best of the peers'.
pub(crate) fn summary(results: &Results) -> String {
    let ours = ["proxy-tokio", "proxy-smol", "proxy-async-std"];
    let peers = ["nginx", "haproxy", "caddy", "envoy", "floor"];
    let has = |name: &&str| results.scenarios.iter().any(|table| table.best(name).is_some());
    let peers: Vec<&str> = peers.into_iter().filter(has).collect();
    let ours: Vec<&str> = ours.into_iter().filter(has).collect();
    let heads = peers.iter().map(|peer| (*peer).to_owned()).chain(ours.iter().flat_map(|own| {
        let ratios = peers.iter().map(|peer| format!("× {peer}"));
        std::iter::once((*own).to_owned()).chain(ratios).collect::<Vec<_>>()
    }));
    let heads: Vec<String> = heads.collect();
    let mut text = format!(
        "| scenario | unit | {} |\n|---|---|{}\n",
        heads.join(" | "),
        "--:|".repeat(heads.len())
    );
    for table in &results.scenarios {
        let median = |name: &&str| {
            let spread = table.best(name)?.spread(|sample| sample.value(table.measure))?;
            Some(number(spread.median))
        };
        let mut cells: Vec<Option<String>> = peers.iter().map(median).collect();
        for own in &ours {
            cells.push(median(own));
            for peer in &peers {
                cells.push(ratio(table, table.best(own), peer));
            }
        }
        let cells: Vec<String> = cells.into_iter().map(or_dash).collect();
        let unit = table.measure.unit();
        let _ = writeln!(text, "| {} | {unit} | {} |", table.title, cells.join(" | "));
    }
    text
}

fn cells(table: &Table, row: &Row) -> Vec<String> {
    let measure = table.measure;
    let Some(spread) = row.spread(|sample| sample.value(measure)) else {
        let failure = row.failure.as_deref().unwrap_or("no round");
        return vec![format!("failed: {failure}")];
    };
    let of = |value: fn(&Sample) -> f64| row.spread(value).map(|spread| number(spread.median));
    let latency = !measure.is_memory();
    let mut cells = vec![Some(number(spread.median)), Some(ends(spread))];
    cells.extend(["nginx", "haproxy", "floor"].map(|peer| ratio(table, Some(row), peer)));
    cells.push(of(speed(measure).1));
    cells.push(of(|sample| sample.count.latency.p50).filter(|_| latency));
    cells.push(of(|sample| sample.count.latency.p99).filter(|_| latency));
    cells.push(of(|sample| sample.count.latency.p999).filter(|_| latency));
    cells.into_iter().map(or_dash).collect()
}

/// What is of interest beside the measure.
fn speed(measure: Measure) -> (&'static str, fn(&Sample) -> f64) {
    match measure {
        Measure::CpuPerRequest => ("requests/s", Sample::requests_per_second),
        Measure::CpuPerGigabyte => ("GB/s", Sample::gigabytes_per_second),
        Measure::Latency => ("CPU µs/request", Sample::cpu_per_request),
        Measure::MemoryPerClient | Measure::KibPerClient => ("RSS MiB", resident_mib),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no process has 2^53 bytes")]
fn resident_mib(sample: &Sample) -> f64 {
    sample.resident as f64 / f64::from(1 << 20)
}

fn ratio(table: &Table, row: Option<&Row>, peer: &str) -> Option<String> {
    let (row, peer) = (row?, table.best(peer)?);
    Some(format!("{:.2}", row.ratio(peer, table.measure)?))
}

fn ends(spread: Spread) -> String {
    format!("{}..{}", number(spread.min), number(spread.max))
}

fn or_dash(cell: Option<String>) -> String {
    cell.unwrap_or_else(|| "–".to_owned())
}

/// Three digits, or all of those before the point.
fn number(value: f64) -> String {
    match value.abs() {
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
