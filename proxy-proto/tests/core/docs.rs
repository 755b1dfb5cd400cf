//! What the documents say of the core is what the core does, and what they point to is there.

#[path = "../../examples/timeouts.rs"]
#[allow(dead_code, reason = "the example's `main` is for running it")]
mod timeouts;

use std::fs;
use std::path::{Path, PathBuf};

use proxy_proto::{Blame, Cause};

#[test]
fn each_cause_has_its_row() {
    let told: Vec<_> = rows(section(ERRORS, "| cause | status |")).collect();
    let known = Cause::ALL.map(|cause| {
        [format!("`{}`", cause.word()), cause.status().to_string(), blamed(cause).to_owned()]
    });
    for row in &told {
        assert!(known.iter().any(|cause| row[..3] == *cause), "no cause is like this: {row:?}");
        assert!(!row[3].is_empty(), "what does it mean? {row:?}");
    }
    for cause in &known {
        let count = told.iter().filter(|row| row[0] == cause[0]).count();
        assert_eq!(count, 1, "rows of {cause:?}");
    }
}

#[test]
fn causes_that_other_tables_name_exist() {
    let words = Cause::ALL.map(Cause::word);
    let charged =
        ERRORS.split("| type | causes |").skip(1).flat_map(|rest| rows(section(rest, "")));
    let timers = rows(section(TIMEOUTS, "| timer | key |"));
    for cell in charged.map(|row| row[1]).chain(timers.map(|row| row[6])) {
        for word in cell.split('`').skip(1).step_by(2) {
            assert!(words.contains(&word), "{word}");
        }
    }
}

#[test]
fn the_output_of_the_example_is_the_one_shown() {
    let table = timeouts::table();
    assert!(TIMEOUTS.contains(&format!("```text\n{table}```")), "docs/timeouts.md lacks:\n{table}");
    let told: Vec<_> = rows(section(TIMEOUTS, "| timer | key |")).map(|row| row[0]).collect();
    let fired: Vec<_> = table.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(told, fired.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>());
}

#[test]
fn what_the_documents_point_to_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).expect(document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.contains("://")) {
            let folder = Path::new(document).parent().unwrap_or(Path::new(""));
            assert!(root.join(folder).join(link).exists(), "{document} points to {link}");
        }
    }
}

#[test]
fn tests_that_the_table_of_conformance_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = Vec::new();
    for folder in ["proxy-proto/src", "proxy-proto/tests/core", "tests/tests/blackbox"] {
        collect(&root.join(folder), &mut sources);
    }
    let mut count = 0;
    for row in rows(CONFORMANCE) {
        let tests = row.last().expect("a cell").split('`').skip(1).step_by(2);
        for name in tests.filter(|name| name.contains("::")) {
            let (module, test) = name.rsplit_once("::").expect("a module");
            let file = format!("{module}.rs");
            let is_there = sources.iter().any(|(path, text)| {
                path.ends_with(&file)
                    && [format!("fn {test}("), format!("proxy_test!({test},")]
                        .iter()
                        .any(|begin| text.contains(begin))
            });
            assert!(is_there, "there is no test {name}: {row:?}");
            count += 1;
        }
    }
    assert!(count > 150, "only {count} tests are named");
}

/// All sources in a folder and those below it.
fn collect(folder: &Path, sources: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, sources);
        } else {
            sources.push((path.clone(), fs::read_to_string(path).expect("a source")));
        }
    }
}

fn blamed(cause: Cause) -> &'static str {
    match cause.blame() {
        Blame::Client => "client",
        Blame::Upstream => "upstream",
        Blame::Us => "proxy",
    }
}

/// The lines behind the one that starts with `heading`, up to the end of its table.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(heading).expect(heading);
    let (_, rows) = rest.split_once("|---|").expect("a table");
    rows.split("\n\n").next().unwrap_or_default()
}

fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split('|').map(str::trim).collect())
}

const DOCUMENTS: [&str; 10] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "tests/README.md",
    "docs/conformance.md",
    "docs/errors.md",
    "docs/limits.md",
    "docs/runtimes.md",
    "docs/timeouts.md",
];
const CONFORMANCE: &str = include_str!("../../../docs/conformance.md");
const ERRORS: &str = include_str!("../../../docs/errors.md");
const TIMEOUTS: &str = include_str!("../../../docs/timeouts.md");
