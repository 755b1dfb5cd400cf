use std::time::Duration;

use proxy_config::UpstreamAddress;
use proxy_proto::Instant;

/// Which name is to be looked up next, and when.
#[derive(Default)]
pub(crate) struct Agenda {
    items: Vec<Item>,
}

struct Item {
    name: UpstreamAddress,
    every: Duration,
    due: Instant,
    /// It is being looked up, and for as long as that takes not a second time.
    is_asked: bool,
    /// It has been looked up since it was last asked for.
    is_answered: bool,
    fails: bool,
}

/// What an answer tells that the one before it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    None,
    Fails,
    ResolvesAgain,
}

impl Agenda {
    /// From now on these names are looked up, each at once and then every so often.
    pub(crate) fn set(
        &mut self,
        names: impl IntoIterator<Item = (UpstreamAddress, Duration)>,
        now: Instant,
    ) {
        let former = std::mem::take(&mut self.items);
        let items = names.into_iter().map(|(name, every)| {
            let before = former.iter().find(|item| item.name == name);
            let is_asked = before.is_some_and(|item| item.is_asked);
            let fails = before.is_some_and(|item| item.fails);
            Item { name, every, due: now, is_asked, is_answered: false, fails }
        });
        self.items = items.collect();
    }

    /// When the first name is due that is not being looked up.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.items.iter().filter(|item| !item.is_asked).map(|item| item.due).min()
    }

    /// The name that was due first, if it is by now. It is being looked up from now on.
    pub(crate) fn begin(&mut self, now: Instant) -> Option<UpstreamAddress> {
        let due = self.items.iter_mut().filter(|item| !item.is_asked && item.due <= now);
        let first = due.min_by_key(|item| item.due)?;
        first.is_asked = true;
        Some(first.name.clone())
    }

    /// A look-up gave at least one address, or failed.
    pub(crate) fn answer(&mut self, name: &UpstreamAddress, is_good: bool, now: Instant) -> News {
        let Some(item) = self.items.iter_mut().find(|item| item.name == *name) else {
            return News::None;
        };
        item.is_asked = false;
        item.is_answered = true;
        item.due = now + if is_good { item.every } else { item.every.min(RETRY) };
        match (std::mem::replace(&mut item.fails, !is_good), item.fails) {
            (false, true) => News::Fails,
            (true, false) => News::ResolvesAgain,
            (false, false) | (true, true) => News::None,
        }
    }

    /// Whether each name has been looked up since it was last asked for.
    pub(crate) fn is_answered(&self) -> bool {
        self.items.iter().all(|item| item.is_answered)
    }
}

/// How soon a name that fails is tried again, unless it is looked up more often anyway.
const RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const TENTH: Duration = Duration::from_millis(100);

    fn name(host: &str) -> UpstreamAddress {
        format!("{host}:80").parse().expect("a name")
    }

    fn at(millis: u64) -> Instant {
        Instant::EPOCH + Duration::from_millis(millis)
    }

    /// Looks up what is due first, and says what that was and when.
    fn looks_up(agenda: &mut Agenda, is_good: bool) -> (String, Instant) {
        let due = agenda.due().expect("a name");
        let name = agenda.begin(due).expect("it is due");
        agenda.answer(&name, is_good, due);
        (name.host.to_string(), due)
    }

    #[test]
    fn each_name_is_looked_up_at_its_own_interval() {
        let mut agenda = Agenda::default();
        assert!(agenda.due().is_none());
        agenda.set([(name("rare"), MINUTE), (name("often"), TENTH)], at(0));
        let seen: Vec<_> = (0..4).map(|_| looks_up(&mut agenda, true)).collect();
        let expected = [("rare", 0), ("often", 0), ("often", 100), ("often", 200)];
        assert_eq!(seen, expected.map(|(name, millis)| (name.to_owned(), at(millis))));
    }

    #[test]
    fn a_name_that_fails_is_tried_again_soon() {
        let mut agenda = Agenda::default();
        agenda.set([(name("rare"), MINUTE), (name("often"), TENTH)], at(0));
        looks_up(&mut agenda, false);
        looks_up(&mut agenda, false);
        assert_eq!(looks_up(&mut agenda, true), ("often".to_owned(), at(100)));
        agenda.answer(&name("often"), true, at(5000));
        assert_eq!(looks_up(&mut agenda, true), ("rare".to_owned(), at(1000)));
    }

    #[test]
    fn a_failure_is_news_once_and_so_is_its_end() {
        let mut agenda = Agenda::default();
        let often = name("often");
        agenda.set([(often.clone(), TENTH)], at(0));
        assert_eq!(agenda.answer(&often, true, at(0)), News::None);
        assert_eq!(agenda.answer(&often, false, at(0)), News::Fails);
        assert_eq!(agenda.answer(&often, false, at(0)), News::None);
        agenda.set([(often.clone(), MINUTE)], at(0));
        assert_eq!(agenda.answer(&often, false, at(0)), News::None, "after a reload, too");
        assert_eq!(agenda.answer(&often, true, at(0)), News::ResolvesAgain);
    }

    #[test]
    fn all_are_looked_up_anew_when_they_are_set() {
        let mut agenda = Agenda::default();
        assert!(agenda.is_answered(), "nobody waits for nothing");
        agenda.set([(name("a"), MINUTE), (name("b"), MINUTE)], at(0));
        agenda.answer(&name("a"), true, at(0));
        assert!(!agenda.is_answered());
        agenda.answer(&name("b"), false, at(0));
        assert!(agenda.is_answered(), "a failure is an answer");
        agenda.set([(name("b"), MINUTE)], at(10));
        assert!(!agenda.is_answered());
        assert_eq!(agenda.due(), Some(at(10)));
        assert_eq!(agenda.answer(&name("a"), true, at(10)), News::None, "it is gone");
    }

    #[test]
    fn a_name_is_not_looked_up_twice_at_once_whatever_is_set_meanwhile() {
        let mut agenda = Agenda::default();
        agenda.set([(name("a"), TENTH), (name("b"), TENTH)], at(0));
        assert_eq!(agenda.begin(at(0)), Some(name("a")));
        assert_eq!(agenda.begin(at(0)), Some(name("b")));
        agenda.set([(name("a"), TENTH), (name("b"), TENTH)], at(10));
        assert_eq!((agenda.begin(at(10)), agenda.due()), (None, None));
        agenda.answer(&name("b"), true, at(20));
        assert_eq!((agenda.begin(at(20)), agenda.due()), (None, Some(at(120))));
    }
}
