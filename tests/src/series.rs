//! A scrape, as series and their values.

use std::collections::BTreeMap;

/// What `/metrics` said: each series, labels included, and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Series(BTreeMap<String, f64>);

impl Series {
    /// Parses the text format strictly.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut series = BTreeMap::new();
        for sample in samples {
            let (name, value) = sample.rsplit_once(' ').expect("name and value");
            let value = value.parse().unwrap_or_else(|_| panic!("not a value: {sample}"));
            let before = series.insert(name.to_owned(), value);
            assert_eq!(before, None, "twice in one scrape: {name}");
        }
        Self(series)
    }

    /// The value of a series, written as `name{label="value",..}` with its labels in any order; 0
    /// if it is not there.
    pub fn value(&self, series: &str) -> f64 {
        let wanted = normal(series);
        let found = self.0.iter().find(|(name, _)| normal(name) == wanted);
        found.map_or(0.0, |(_, value)| *value)
    }

    /// All series of the families that `chosen` says yes to, in order.
    pub fn of(&self, chosen: impl Fn(&str) -> bool) -> Vec<String> {
        let series =
            self.0.iter().filter(|(name, _)| chosen(name.split('{').next().unwrap_or(name)));
        series.map(|(name, value)| format!("{name} {value}")).collect()
    }

    /// Whether this series, or one of this name with any labels, is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.keys().any(|key| normal(key) == normal(name) || key.split('{').next() == Some(name))
    }
}

/// The name and the sorted labels. Label values with commas in them are not needed here.
fn normal(series: &str) -> (&str, Vec<&str>) {
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let mut labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
    labels.sort_unstable();
    (name, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_in_any_order() {
        let series = Series::parse("# TYPE a counter\na{x=\"1\",y=\"2\"} 3\nb 4.5\n");
        assert!((series.value("a{y=\"2\",x=\"1\"}") - 3.0).abs() < f64::EPSILON);
        assert!((series.value("b") - 4.5).abs() < f64::EPSILON);
        assert!(series.value("c").abs() < f64::EPSILON);
        assert_eq!(series.of(|family| family == "b"), ["b 4.5"]);
        assert!(series.has("a") && series.has("b") && !series.has("c"));
    }
}
