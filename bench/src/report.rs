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
    let measure = table.measure();
    let mut text = format!(
        "### {}: {}\n\n\
         | | {} | min..max | × nginx | × haproxy | × floor |{} {} | p50 µs | p99 | p99.9 | others |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|{}\n",
        table.name,
        table.title,
        measure.unit(),
        if has_before(table) { " × before |" } else { "" },
        beside(measure).0,
        if has_before(table) { "--:|" } else { "" },
    );
    for row in &table.rows {
        let _ = writeln!(text, "| {} | {} |", row.name, cells(table, row).join(" | "));
    }
    text
}

/// One line for each measure of each scenario: medians, and the ratios of ours to the peers'. A
/// peer, and so the floor, is its best variant there.
pub(crate) fn summary(results: &Results) -> String {
    let has = |name: &&str| {
        let measured = |table: &Table| table.best(name, table.measure()).is_some();
        results.scenarios.iter().any(measured)
    };
    let peers: Vec<&str> = PEERS.iter().copied().filter(has).collect();
    let ours: Vec<&str> = OURS.iter().copied().filter(has).collect();
    let mut heads: Vec<String> = peers.iter().map(|peer| (*peer).to_owned()).collect();
    for own in &ours {
        heads.push((*own).to_owned());
        heads.extend(peers.iter().map(|peer| format!("× {peer}")));
    }
    let mut text = format!(
        "| scenario | unit | {} |\n|---|---|{}\n",
        heads.join(" | "),
        "--:|".repeat(heads.len())
    );
    for table in &results.scenarios {
        for measure in table.measures.iter().copied() {
            let best = |name: &str| table.best(name, measure);
            let median = |name: &&str| Some(number(best(name)?.value(measure)?.median));
            let mut cells: Vec<Option<String>> = peers.iter().map(median).collect();
            for own in &ours {
                cells.push(median(own));
                cells.extend(peers.iter().map(|peer| ratio(best(own), best(peer), measure)));
            }
            let cells: Vec<String> = cells.into_iter().map(or_dash).collect();
            let _ =
                writeln!(text, "| {} | {} | {} |", table.title, measure.unit(), cells.join(" | "));
        }
    }
    text
}

fn cells(table: &Table, row: &Row) -> Vec<String> {
    let measure = table.measure();
    let Some(spread) = row.value(measure) else {
        let failure = row.failure.as_deref().unwrap_or("no round");
        return vec![format!("failed: {failure}")];
    };
    let of = |value: fn(&Sample) -> f64| row.spread(value).map(|spread| number(spread.median));
    let lasts = !measure.is_memory();
    let mut cells = vec![Some(number(spread.median)), Some(ends(spread))];
    let peers = ["nginx", "haproxy", "floor"].map(|peer| table.best(peer, measure));
    cells.extend(peers.map(|peer| ratio(Some(row), peer, measure)));
    if has_before(table) {
        let before = table.rows.iter().find(|other| other.name == format!("before/{}", row.name));
        cells.push(ratio(Some(row), before, measure));
    }
    cells.push(of(beside(measure).1));
    cells.push(of(|sample| sample.count.latency.p50).filter(|_| lasts));
    cells.push(of(|sample| sample.count.latency.p99).filter(|_| lasts));
    cells.push(of(|sample| sample.count.latency.p999).filter(|_| lasts));
    let others = row.spread(|sample| sample.others).filter(|_| lasts);
    cells.push(others.map(|spread| format!("{:.0} %", spread.median * 100.0)));
    cells.into_iter().map(or_dash).collect()
}

/// Whether another build of ours took part.
fn has_before(table: &Table) -> bool {
    table.rows.iter().any(|row| row.name.starts_with("before/"))
}

/// What is of interest beside the measure.
fn beside(measure: Measure) -> (&'static str, fn(&Sample) -> f64) {
    match measure {
        Measure::CpuPerRequest => ("requests/s", |sample| sample.value(Measure::Throughput)),
        Measure::CpuPerGigabyte => ("GB/s", Sample::gigabytes_per_second),
        Measure::MemoryPerClient | Measure::KibPerClient => ("RSS MiB", Sample::resident_mib),
        Measure::Throughput | Measure::LatencyP50 | Measure::LatencyP99 | Measure::LatencyP999 => {
            ("CPU µs/request", |sample| sample.value(Measure::CpuPerRequest))
        }
    }
}

fn ratio(row: Option<&Row>, peer: Option<&Row>, measure: Measure) -> Option<String> {
    Some(format!("{:.2}", row?.ratio(peer?, measure)?))
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

const OURS: [&str; 3] = ["proxy-tokio", "proxy-smol", "proxy-async-std"];
const PEERS: [&str; 5] = ["nginx", "haproxy", "caddy", "envoy", "floor"];
