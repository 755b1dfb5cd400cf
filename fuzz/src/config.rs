//! The configuration, read from any text:
//!
//! * Nothing panics, whatever the variables hold that the text asks for, and no text takes long:
//!   neither aliases of aliases nor nesting. (libFuzzer has the clock.)
//! * Each error has its place: a line that the text has, and a column in it.
//! * What is loaded, written down again, loads as the same.

use proxy_config::{Config, Diagnostics, parse};

/// Panics unless all of the above holds for these bytes.
pub fn check(bytes: &[u8]) {
    // A file that is not UTF-8 is refused before it is parsed.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text, ORIGIN, &variable) {
        Ok(config) => check_loaded(&config),
        Err(errors) => check_errors(text, &errors),
    }
}

fn check_loaded(config: &Config) {
    // As JSON, which is YAML, and leaves no line breaks in a text to fold.
    let text = serde_json::to_string(config).expect("a text");
    // What it says now, it says literally, also where a variable held the text of one.
    let text = text.replace("${", "$${");
    let again = parse(&text, ORIGIN, &|_| None);
    assert_eq!(again.as_ref(), Ok(config), "{text}");
}

fn check_errors(text: &str, errors: &Diagnostics) {
    assert!(!errors.to_string().is_empty());
    let lines: Vec<_> = text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').collect();
    let mut count = 0;
    for error in errors.lines() {
        count += 1;
        assert!(!error.contains('\n'));
        if error.starts_with("and ") {
            continue;
        }
        let place = error.strip_prefix(ORIGIN).and_then(|rest| rest.strip_prefix(':'));
        let mut numbers = place.unwrap_or_default().splitn(3, ':').map(str::parse::<usize>);
        let (Some(Ok(line)), Some(Ok(column))) = (numbers.next(), numbers.next()) else {
            panic!("an error without a place: {error}");
        };
        assert!((1..=lines.len()).contains(&line), "{error}");
        assert!((1..=lines[line - 1].chars().count() + 1).contains(&column), "{error}");
    }
    assert!(count > 0, "refused without a reason");
}

/// A variable named after what it holds.
fn variable(name: &str) -> Option<String> {
    match name {
        "EMPTY" => Some(String::new()),
        "NUMBER" => Some("9001".to_owned()),
        "HOST" => Some("127.0.0.1:80".to_owned()),
        "NASTY" => Some("${HOST}\n- \u{0}\u{2028}\"".to_owned()),
        _ => None,
    }
}

const ORIGIN: &str = "config.yaml";
