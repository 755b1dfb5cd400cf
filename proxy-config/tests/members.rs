//! Which upstreams the entries of a configuration are, as names come to mean other addresses.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proxy_config::{Members, Moved, Resolve, UpstreamAddress, UpstreamEntry};

/// Entries by word: `host:port` is one upstream, `host:port*` is resolved to members.
fn entries(words: &[&str]) -> Vec<UpstreamEntry> {
    let entry = |word: &&str| match word.strip_suffix('*') {
        Some(name) => UpstreamEntry {
            address: address(name),
            resolve: Some(Resolve { interval: Duration::from_secs(1) }),
        },
        None => address(word).into(),
    };
    words.iter().map(entry).collect()
}

fn members(words: &[&str]) -> Members {
    let mut members = Members::default();
    members.configure(&entries(words));
    members
}

fn address(text: &str) -> UpstreamAddress {
    text.parse().unwrap()
}

fn learn(members: &mut Members, name: &str, found: &[&str]) -> bool {
    members.learn(&address(name), found.iter().map(|text| text.parse().unwrap()).collect())
}

fn upstreams(members: &Members) -> Vec<String> {
    members.upstreams().iter().map(ToString::to_string).collect()
}

fn moved(name: &str, joined: &[&str], left: &[&str]) -> Moved {
    let all = |texts: &[&str]| texts.iter().map(|text| address(text)).collect();
    Moved { name: address(name), joined: all(joined), left: all(left) }
}

#[test]
fn each_address_of_a_name_stands_in_its_place_in_a_stable_order() {
    let mut members = members(&["10.0.0.9:80", "app:80*", "db:80"]);
    assert!(learn(&mut members, "app:80", &["10.0.0.10:80", "[::1]:80", "10.0.0.2:80"]));
    let expected = ["10.0.0.9:80", "10.0.0.2:80", "10.0.0.10:80", "[::1]:80", "db:80"];
    assert_eq!(upstreams(&members), expected);
    assert!(learn(&mut members, "app:80", &["10.0.0.2:80", "10.0.0.10:80", "[::1]:80"]));
    assert_eq!(upstreams(&members), expected, "whatever the order of the answer");
}

#[test]
fn a_name_without_resolve_is_one_upstream_and_its_addresses_keep_their_order() {
    let mut members = members(&["db:80"]);
    assert_eq!(members.addresses(&address("db:80")), None);
    assert!(learn(&mut members, "db:80", &["10.0.0.2:80", "10.0.0.1:80"]));
    assert_eq!(upstreams(&members), ["db:80"]);
    assert_eq!(members.settle(), []);
    let found = members.addresses(&address("db:80")).unwrap();
    assert_eq!(
        found.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.2:80", "10.0.0.1:80"]
    );
}

#[test]
fn what_joins_and_what_leaves_is_told_once() {
    let mut members = members(&["app:80*"]);
    assert_eq!(members.settle(), []);
    learn(&mut members, "app:80", &["10.0.0.2:80", "10.0.0.1:80"]);
    assert_eq!(members.settle(), [moved("app:80", &["10.0.0.1:80", "10.0.0.2:80"], &[])]);
    learn(&mut members, "app:80", &["10.0.0.2:80", "10.0.0.3:80"]);
    assert_eq!(members.settle(), [moved("app:80", &["10.0.0.3:80"], &["10.0.0.1:80"])]);
    assert_eq!(members.settle(), []);
}

#[test]
fn a_name_that_does_not_resolve_yet_stands_for_itself() {
    let mut members = members(&["app:80*", "10.0.0.9:80"]);
    assert_eq!(upstreams(&members), ["app:80", "10.0.0.9:80"]);
    learn(&mut members, "app:80", &["10.0.0.1:80"]);
    assert_eq!(upstreams(&members), ["10.0.0.1:80", "10.0.0.9:80"]);
}

#[test]
fn the_last_good_addresses_stay() {
    let mut members = members(&["app:80*"]);
    learn(&mut members, "app:80", &["10.0.0.1:80"]);
    members.settle();
    assert!(!learn(&mut members, "app:80", &[]));
    assert_eq!(members.settle(), []);
    assert_eq!(upstreams(&members), ["10.0.0.1:80"]);
}

#[test]
fn an_address_that_is_reached_twice_is_one_upstream() {
    let mut members = members(&["a:80*", "10.0.0.2:80", "b:80*", "a:81*"]);
    learn(&mut members, "a:80", &["10.0.0.1:80", "10.0.0.1:80"]);
    learn(&mut members, "b:80", &["10.0.0.2:80", "10.0.0.1:80", "10.0.0.3:80"]);
    learn(&mut members, "a:81", &["10.0.0.1:81"]);
    let expected = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.1:81"];
    assert_eq!(upstreams(&members), expected);
    members.settle();
    learn(&mut members, "a:80", &["10.0.0.4:80"]);
    assert_eq!(members.settle(), [moved("a:80", &["10.0.0.4:80"], &["10.0.0.1:80"])]);
    assert!(upstreams(&members).contains(&"10.0.0.1:80".to_owned()), "b:80 has it, too");
}

#[test]
fn a_reload_keeps_what_is_known_and_forgets_what_is_gone() {
    let mut members = members(&["app:80*", "gone:80*"]);
    learn(&mut members, "app:80", &["10.0.0.1:80"]);
    learn(&mut members, "gone:80", &["10.0.0.2:80"]);
    members.settle();
    // A new one is looked up before it is an entry.
    assert!(learn(&mut members, "new:80", &["10.0.0.3:80"]));
    assert_eq!(upstreams(&members), ["10.0.0.1:80", "10.0.0.2:80"]);
    members.configure(&entries(&["new:80*", "app:80*"]));
    assert_eq!(members.settle(), [moved("new:80", &["10.0.0.3:80"], &[])]);
    assert_eq!(upstreams(&members), ["10.0.0.3:80", "10.0.0.1:80"]);
    assert_eq!(members.addresses(&address("gone:80")), None);
}

#[test]
fn resolve_can_be_switched_on_and_off() {
    let mut members = members(&["app:80"]);
    learn(&mut members, "app:80", &["10.0.0.1:80"]);
    members.configure(&entries(&["app:80*"]));
    assert_eq!(members.settle(), [moved("app:80", &["10.0.0.1:80"], &[])]);
    assert_eq!(upstreams(&members), ["10.0.0.1:80"]);
    members.configure(&entries(&["app:80"]));
    assert_eq!(members.settle(), []);
    assert_eq!(upstreams(&members), ["app:80"]);
    assert!(members.addresses(&address("app:80")).is_some());
}

proptest! {
    /// Answers, failures and reloads in any order: the upstreams are what the entries and the last
    /// good answers say, each once, and what was told to have joined and not to have left is there.
    #[test]
    fn what_is_told_is_what_there_is(steps in vec(step(), 1..40)) {
        let mut members = members(&["a:80*"]);
        let mut told = HashSet::new();
        for step in steps {
            match step {
                Step::Reload(words) => members.configure(&entries(&words)),
                Step::Answer(name, found) => {
                    let found = found.iter().map(|last| SocketAddr::from(([10, 0, 0, *last], 80)));
                    members.learn(&address(name), found.collect());
                }
            }
            for Moved { name, joined, left } in members.settle() {
                prop_assert!(!joined.is_empty() || !left.is_empty());
                for member in joined {
                    prop_assert!(told.insert((name.clone(), member)));
                }
                for member in left {
                    prop_assert!(told.remove(&(name.clone(), member)));
                }
            }
            let there = members.upstreams();
            let once: HashSet<_> = there.iter().cloned().collect();
            prop_assert_eq!(once.len(), there.len());
            prop_assert!(!there.is_empty());
            // Names that a reload has removed stand for nothing, without a word.
            told.retain(|(name, _)| members.addresses(name).is_some());
            prop_assert!(told.iter().all(|(_, member)| once.contains(member)));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Reload(Vec<&'static str>),
    Answer(&'static str, Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let words = &["a:80*", "b:80*", "c:80", "10.0.0.1:80"][..];
    prop_oneof![
        1 => prop::sample::subsequence(words, 1..=words.len()).prop_map(Step::Reload),
        4 => (prop::sample::select(&["a:80", "b:80", "c:80"][..]), vec(1..4_u8, 0..4))
            .prop_map(|(name, found)| Step::Answer(name, found)),
    ]
}
