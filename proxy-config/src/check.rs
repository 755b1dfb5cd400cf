//! The file's tree against the table of keys: every error, and the values that are right.

use std::collections::HashMap;
use std::ops::Range;
use std::str::FromStr;

use serde_yaml::{Mapping, Number, Value};

use crate::address::{Host, Invalid, Listen, quoted};
use crate::config::{Config, Level};
use crate::diagnostics::Diagnostic;
use crate::expand::{Environment, expand};
use crate::keys::{FILE, Key, Kind, RESOLVE, names};
use crate::server_url::ServerUrl;
use crate::tree::{Data, Node};
use crate::upstream::UpstreamEntry;

/// Checks a whole file. What is wrong is reported in `errors` and left out of the values, so that
/// the values always load.
pub(crate) fn check(
    root: &Node,
    text: &str,
    env: Environment<'_>,
    errors: &mut Vec<Diagnostic>,
) -> Mapping {
    let file = Key { name: "", kind: Kind::Section(FILE), meaning: "every key has a default" };
    match (Checker { text, env, errors }).value(root, &file, "") {
        Some(Value::Mapping(values)) => values,
        Some(_) | None => Mapping::new(),
    }
}

/// Reports every upstream that stands in the list before.
pub(crate) fn refuse_duplicates(
    upstreams: &[(UpstreamEntry, Range<usize>)],
    errors: &mut Vec<Diagnostic>,
) {
    let mut seen = HashMap::new();
    for (upstream, span) in upstreams {
        // Names are compared without case (RFC 4343).
        let name = upstream.to_string().to_ascii_lowercase();
        if let Some(first) = seen.insert(name, span) {
            errors.push(repeated(&format!("the upstream {upstream}"), span, first));
        }
    }
}

struct Checker<'a> {
    text: &'a str,
    env: Environment<'a>,
    errors: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    /// The value of a key, with all that is in it. `None`: its default, or an error was reported.
    fn value(&mut self, node: &Node, key: &Key, path: &str) -> Option<Value> {
        match &node.data {
            Data::Scalar { text, plain } => match expand(text, self.env, node, self.text) {
                Ok(text) => self.scalar(node, typed(text, *plain), key, path),
                Err(error) => self.report(error),
            },
            Data::Section(entries) => {
                if let Kind::Feature { keys, needs } = key.kind {
                    return self.feature(node, entries, keys, needs, path);
                }
                let Kind::Section(keys) = key.kind else {
                    return self.mismatch(node, key, path, "a section");
                };
                Some(self.section(entries, keys, path).into())
            }
            Data::List(items) => {
                if let Kind::Words(words) = key.kind {
                    return Some(self.words(items, words, key, path));
                }
                let Kind::Upstreams(keys) = key.kind else {
                    return self.mismatch(node, key, path, "a list");
                };
                self.upstreams(node, items, keys, path)
            }
        }
    }

    /// `None` where what it needs is missing or wrong: the rest would mean nothing then.
    fn feature(
        &mut self,
        node: &Node,
        entries: &[(Node, Node)],
        keys: &[Key],
        needs: &str,
        path: &str,
    ) -> Option<Value> {
        let values = self.section(entries, keys, path);
        if node.entry(needs).is_none() {
            let error = Diagnostic::at(node.span.clone(), format!("`{path}` has no `{needs}`"), "");
            return self.report(error.help(format!("the keys here are {}", names(keys))));
        }
        values.contains_key(needs).then_some(values.into())
    }

    fn words(
        &mut self,
        items: &[Node],
        words: &'static [&'static str],
        key: &Key,
        path: &str,
    ) -> Value {
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let Data::Scalar { text, .. } = &item.data else {
                self.mismatch(item, key, &path, "not a word");
                continue;
            };
            match expand(text, self.env, item, self.text) {
                Ok(word) if words.contains(&&*word) => found.push(Value::String(word)),
                Ok(word) => {
                    let what = format!("`{path}`: {} is not known", quoted(&word));
                    let right = match nearest_of(&word, words.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => key.meaning.to_owned(),
                    };
                    self.errors.push(Diagnostic::at(item.span.clone(), what, "").help(right));
                }
                Err(error) => self.errors.push(error),
            }
        }
        Value::Sequence(found)
    }

    fn scalar(&mut self, node: &Node, value: Value, key: &Key, path: &str) -> Option<Value> {
        let text = value.as_str();
        let verdict = match key.kind {
            Kind::Section(_)
            | Kind::Feature { .. }
            | Kind::Words(_)
            | Kind::Path
            | Kind::Server
            | Kind::OptionalInteger { .. }
                if value.is_null() =>
            {
                return None;
            }
            Kind::Server if text == Some("") => return None,
            Kind::Server => return self.server(node, text, path),
            Kind::Upstreams(_) if value.is_null() => return self.no_upstream(node),
            Kind::Section(_) | Kind::Feature { .. } | Kind::Upstreams(_) | Kind::Words(_) => None,
            Kind::Listen => text.map(parses_as::<Listen>),
            Kind::Host => text.map(parses_as::<Host>),
            Kind::Level => text.map(parses_as::<Level>),
            Kind::Name | Kind::Path => text.filter(|text| is_one_line(text)).map(|_| Ok(())),
            Kind::Integer { min, max } | Kind::OptionalInteger { min, max } => {
                value.as_u64().filter(|number| (min..=max).contains(number)).map(|_| Ok(()))
            }
        };
        match verdict {
            Some(Ok(())) => Some(value),
            Some(Err(invalid)) => {
                self.report(Diagnostic::invalid(path, node.span.clone(), invalid))
            }
            None => self.mismatch(node, key, path, &description(&value)),
        }
    }

    /// Neither the text nor the line that it stands on is shown where there may be a password in
    /// it: what is said here is logged.
    fn server(&mut self, node: &Node, text: Option<&str>, path: &str) -> Option<Value> {
        let invalid = match text.unwrap_or_default().parse::<ServerUrl>() {
            Ok(_) if !cfg!(feature = "profiling") => Invalid {
                what: "this program was built without profiling".to_owned(),
                right: "build it with `--features profiling`, or leave this empty".to_owned(),
            },
            Ok(url) => return serde_yaml::to_value(url).ok(),
            Err(invalid) => invalid,
        };
        let error = Diagnostic::invalid(path, node.span.clone(), invalid);
        let may_have_password = text.is_some_and(|text| text.contains('@'));
        self.report(if may_have_password { error.secret() } else { error })
    }

    fn section(&mut self, entries: &[(Node, Node)], keys: &[Key], path: &str) -> Mapping {
        let mut values = Mapping::new();
        let mut seen = HashMap::new();
        for (name, node) in entries {
            let Data::Scalar { text, .. } = &name.data else {
                let error = Diagnostic::at(name.span.clone(), "a key must be a word", "");
                self.errors.push(error.help(format!("the keys here are {}", names(keys))));
                continue;
            };
            let Some(key) = keys.iter().find(|key| key.name == text) else {
                self.errors.push(unknown(text, &name.span, keys, path));
                continue;
            };
            let path = join(path, key.name);
            if let Some(first) = seen.insert(key.name, &name.span) {
                self.errors.push(repeated(&format!("`{path}`"), &name.span, first));
            }
            if let Some(value) = self.value(node, key, &path) {
                values.insert(key.name.into(), value);
            }
        }
        values
    }

    fn upstreams(
        &mut self,
        node: &Node,
        items: &[Node],
        keys: &'static [Key],
        path: &str,
    ) -> Option<Value> {
        if items.is_empty() {
            return self.no_upstream(node);
        }
        let entry = Key { name: "", kind: Kind::Section(keys), meaning: UPSTREAM_FORM };
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let errors_before = self.errors.len();
            let value = self.value(item, &entry, &path).unwrap_or(Value::Null);
            if let Ok(upstream) = serde_yaml::from_value::<UpstreamEntry>(value) {
                self.refuse_to_resolve_an_address(item, &upstream, &path);
                found.push((upstream, item.span.clone()));
            }
            let is_section = matches!(item.data, Data::Section(_));
            let missing = keys.iter().filter(|key| !matches!(key.kind, Kind::Feature { .. }));
            let missing = missing.filter(|key| item.entry(key.name).is_none());
            let missing = missing.map(|key| format!("`{}`", key.name)).collect::<Vec<_>>();
            // What is no section at all has been reported as that, unless it is empty.
            if !missing.is_empty() && (is_section || self.errors.len() == errors_before) {
                let what = format!("`{path}` has no {}", missing.join(" and no "));
                let error = Diagnostic::at(item.span.clone(), what, "").help(UPSTREAM_FORM);
                self.errors.push(error);
            }
        }
        refuse_duplicates(&found, self.errors);
        let upstreams: Vec<_> = found.into_iter().map(|(upstream, _)| upstream).collect();
        serde_yaml::to_value(upstreams).ok()
    }

    fn refuse_to_resolve_an_address(&mut self, item: &Node, entry: &UpstreamEntry, path: &str) {
        if entry.resolve.is_none() || entry.group().is_some() {
            return;
        }
        let place = |key| item.entry(key).map_or(item.span.clone(), |node| node.span.clone());
        let error = Diagnostic::at(place(RESOLVE), format!("`{path}.{RESOLVE}` needs a name"), "")
            .and(place("host"), "this is an address")
            .help(format!("write a host name, or remove `{RESOLVE}`"));
        self.errors.push(error);
    }

    fn no_upstream(&mut self, node: &Node) -> Option<Value> {
        let error = Diagnostic::at(node.span.clone(), "there is no upstream", "the list is empty");
        self.report(error.help(UPSTREAM_FORM))
    }

    fn mismatch(&mut self, node: &Node, key: &Key, path: &str, found: &str) -> Option<Value> {
        let name = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
        let what = format!("{name} must be {}", key.kind.expected());
        let default = default_of(path).map(|default| format!(" (default {default})"));
        let right = format!("{}{}", key.meaning, default.unwrap_or_default());
        self.report(Diagnostic::at(node.span.clone(), what, format!("this is {found}")).help(right))
    }

    /// Always `None`: there is no value.
    fn report(&mut self, error: Diagnostic) -> Option<Value> {
        self.errors.push(error);
        None
    }
}

/// The system takes no NUL, and nobody means any other control character.
fn is_one_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

fn parses_as<T: FromStr<Err = Invalid>>(text: &str) -> Result<(), Invalid> {
    text.parse::<T>().map(drop)
}

/// A scalar's type by its text, as in the core schema of YAML 1.2 (section 10.3.2).
fn typed(text: String, plain: bool) -> Value {
    match text.as_str() {
        _ if !plain => Value::String(text),
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => text.parse::<Number>().map_or(Value::String(text), Value::Number),
    }
}

/// What a scalar is, for "this is ...".
fn description(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.parse::<Number>().is_ok() => {
            format!("the text \"{text}\": remove the quotes")
        }
        Value::String(text) if text.is_empty() => quoted(text),
        Value::String(text) => format!("the text {}", quoted(text)),
        Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => "not a scalar".to_owned(),
    }
}

fn repeated(what: &str, span: &Range<usize>, first: &Range<usize>) -> Diagnostic {
    Diagnostic::at(span.clone(), format!("{what} is given twice"), "here again")
        .and(first.clone(), "first here")
        .help("keep one of them")
}

fn unknown(name: &str, span: &Range<usize>, keys: &[Key], path: &str) -> Diagnostic {
    let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
    let error = Diagnostic::at(span.clone(), format!("unknown key {}{place}", quoted(name)), "");
    if let Some(near) = nearest(name, keys) {
        return error.help(format!("did you mean `{near}`?"));
    }
    let has_it = |section: &&Key| matches!(section.kind, Kind::Section(keys) if keys.iter().any(|key| key.name == name));
    match FILE.iter().find(has_it) {
        Some(section) => error.help(format!("`{name}` belongs in `{}`", section.name)),
        None => error.help(format!("the keys here are {}", names(keys))),
    }
}

/// The key that was meant: the one without its unit, or one that differs in few letters.
fn nearest(name: &str, keys: &[Key]) -> Option<&'static str> {
    let lacks_unit = |key: &&Key| key.name.strip_suffix("_ms").is_some_and(|stem| stem == name);
    let by_letters = || nearest_of(name, keys.iter().map(|key| key.name));
    keys.iter().find(lacks_unit).map(|key| key.name).or_else(by_letters)
}

/// The word that differs in few letters.
fn nearest_of(word: &str, words: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    words
        .map(|known| (strsim::osa_distance(word, known), known))
        .min()
        .filter(|(distance, near)| *distance <= near.len() / 3)
        .map(|(_, near)| near)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The default of a key, for those whose default is one value.
fn default_of(path: &str) -> Option<String> {
    let defaults = serde_yaml::to_value(Config::default()).ok()?;
    match path.split('.').try_fold(&defaults, |value, name| value.get(name))? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Null
        | Value::Bool(_)
        | Value::Sequence(_)
        | Value::Mapping(_)
        | Value::Tagged(_) => None,
    }
}

const UPSTREAM_FORM: &str = "write each as `- host: 127.0.0.1` and `port: 9001` under it";
