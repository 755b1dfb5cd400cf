//! What the README says of the configuration is what the configuration is.

use proxy_config::{Config, parse};
use serde_yaml::Value;

const README: &str = include_str!("../../README.md");

#[test]
fn the_file_shown_is_valid() {
    let (_, rest) = README.split_once("```yaml\n").expect("a file");
    let (file, _) = rest.split_once("```").expect("its end");
    let config = parse(file, "README.md", &|_| None).expect("valid");
    assert_eq!(config.upstreams.len(), 2);
}

#[test]
fn each_key_has_its_row_with_its_default() {
    let told: Vec<(&str, &str)> = rows("| key | default | meaning |").collect();
    let keys = keys();
    assert_eq!(told.len(), keys.len(), "{told:?}");
    for (key, default) in &keys {
        let row = told.iter().find(|row| row.0 == format!("`{key}`"));
        let (_, shown) = row.unwrap_or_else(|| panic!("no row for {key}"));
        // Where there is no default, the table says so in words.
        assert!(default.as_ref().is_none_or(|default| default == shown), "{key}: {shown}");
    }
}

#[test]
fn each_variable_has_its_default() {
    let defaults = keys();
    let value = |key: &str| {
        let found = defaults.iter().find(|(known, _)| known == key);
        found.and_then(|(_, default)| default.clone()).expect("a key with a default")
    };
    let told: Vec<(&str, &str)> = rows("| variable | default |").collect();
    let [upstreams, listen, metrics, level] = told[..] else { panic!("{told:?}") };
    assert_eq!(upstreams.1.trim_matches('`'), value("upstreams").replace(", ", ","));
    assert_eq!(listen.1.replace(", ", ":"), value("listen"));
    assert_eq!(metrics.1.replace(", ", ":"), value("metrics_listen"));
    assert_eq!(level.1, value("logging.level"));
}

/// Every key, with its section, and its default as a user reads it.
fn keys() -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    collect("", &serde_yaml::to_value(Config::default()).expect("plain data"), &mut found);
    found
}

fn collect(key: &str, value: &Value, found: &mut Vec<(String, Option<String>)>) {
    match value {
        Value::Mapping(section) => {
            let dot = if key.is_empty() { "" } else { "." };
            for (name, value) in section {
                let name = name.as_str().expect("keys are text");
                collect(&format!("{key}{dot}{name}"), value, found);
            }
        }
        Value::Sequence(entries) => {
            // What an entry may have besides host and port has a row of its own.
            let entry = entries[0].as_mapping().expect("an entry is a section");
            let optional = entry.iter().filter(|(_, value)| value.is_null());
            let names = optional.filter_map(|(name, _)| name.as_str());
            found.extend(names.map(|name| (format!("{key}[].{name}"), None)));
            let upstreams = Config::default().upstreams;
            let names: Vec<_> = upstreams.iter().map(ToString::to_string).collect();
            found.push((key.to_owned(), Some(names.join(", "))));
        }
        Value::Null => found.push((key.to_owned(), None)),
        scalar @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_)) => {
            let text = serde_yaml::to_string(scalar).expect("plain data");
            found.push((key.to_owned(), Some(text.trim().to_owned())));
        }
    }
}

/// The first two cells of each row of the table with this heading.
fn rows(heading: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let (_, table) = README.split_once(heading).expect(heading);
    table.lines().skip(2).map_while(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?, cells.next()?.trim_end_matches(" |")))
    })
}
