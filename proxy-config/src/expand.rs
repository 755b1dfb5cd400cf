//! `${NAME}` and `${NAME:-default}` in a text of the file.

use crate::diagnostics::Diagnostic;
use crate::tree::Node;

/// The environment: a variable's value, if it is set.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// `text` with each variable replaced by its value: what a shell makes of it, so that a default
/// also stands in for an empty value. `$${` is a literal `${`.
///
/// `node` is where the text stands in `source`, for the error.
pub(crate) fn expand(
    text: &str,
    env: Environment<'_>,
    node: &Node,
    source: &str,
) -> Result<String, Diagnostic> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        expanded.push_str(&rest[..at]);
        let variable = &rest[at..];
        let fail = |length: usize, what: String, right: &str| {
            Err(Diagnostic::at(find(&variable[..length], node, source), what, "").help(right))
        };
        let Some(end) = variable.find('}') else {
            return fail(
                2,
                "`${` without `}`".into(),
                "close it, or write `$${` for a literal `${`",
            );
        };
        let inner = &variable[2..end];
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if !is_name(name) || default.is_some_and(|default| default.contains("${")) {
            let right =
                "write `${NAME}` or `${NAME:-default}`, with a default that has no variable";
            return fail(end + 1, format!("`{}` is not a variable", &variable[..=end]), right);
        }
        match (env(name), default) {
            (Some(value), None) => expanded.push_str(&value),
            (Some(value), Some(_)) if !value.is_empty() => expanded.push_str(&value),
            (None | Some(_), Some(default)) => expanded.push_str(default),
            (None, None) => {
                let right = format!("set it, or give a default: `${{{name}:-default}}`");
                return fail(end + 1, format!("the variable `{name}` is not set"), &right);
            }
        }
        rest = &variable[end + 1..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Where a piece of a node's text stands; the whole node where quoting has hidden it.
fn find(piece: &str, node: &Node, source: &str) -> std::ops::Range<usize> {
    match source[node.span.clone()].find(piece) {
        Some(at) => node.span.start + at..node.span.start + at + piece.len(),
        None => node.span.clone(),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
