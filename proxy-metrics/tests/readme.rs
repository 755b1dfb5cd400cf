//! The README names every metric, with its labels, and no other.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use proxy_metrics::{BuildInfo, Format, Metrics};

#[test]
fn the_readme_names_every_metric() {
    let told: BTreeSet<String> = cells().flat_map(names).collect();
    assert_eq!(told, shown());
}

/// The first cell of each row of the README's table of metrics.
fn cells() -> impl Iterator<Item = &'static str> {
    let readme = include_str!("../../README.md");
    let (_, table) = readme.split_once("| name | meaning |\n").expect("the table");
    table.lines().skip(1).map_while(|line| line.strip_prefix("| ")?.split(" | ").next())
}

/// The names in a cell, each between backticks.
fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(ToOwned::to_owned)
}

/// What a scrape shows: each family, with the names of its labels in the order shown.
fn shown() -> BTreeSet<String> {
    let build = BuildInfo { version: "0", runtime: "none" };
    let metrics = Metrics::new(1, build, &["cause"], SystemTime::UNIX_EPOCH);
    let upstream = metrics.upstream("127.0.0.1:9001");
    let _name = metrics.name("app.internal:9001");
    metrics.shard(0).duration.observe(Duration::from_millis(1));
    upstream.shard(0).duration.observe(Duration::from_millis(1));
    let mut text = String::new();
    metrics.render(Format::Text004, &mut text);
    text.lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .map(|family| format!("{family}{}", labels(family, &text)))
        .collect()
}

fn labels(family: &str, text: &str) -> String {
    let series = text.lines().find_map(|line| {
        let rest = line.strip_prefix(family)?;
        rest.strip_prefix("_sum").unwrap_or(rest).strip_prefix('{')?.split('}').next()
    });
    series.map_or_else(String::new, |labels| {
        let names: Vec<_> = labels.split(',').filter_map(|label| label.split('=').next()).collect();
        format!("{{{}}}", names.join(","))
    })
}
