//! Counting what was blocked in a week: attempts, by category, and whose attempts stand out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_activity::Event;
use pharos_casework::Harm;
use pharos_filter::Roster;
use pharos_monitor::{RuleKind, RuleSet, Severity};
use pharos_school::{PersonId, Role};
use serde::{Deserialize, Serialize};

use crate::checks::{is_check_address, is_test_user};
use crate::help_visits::HelpVisits;

/// What is asked for again within this time is the same attempt: one page asks many times over.
const SAME_ATTEMPT: SignedDuration = SignedDuration::from_mins(10);
/// The name under which hits on sealed lists are counted.
pub const SEALED_CATEGORY: &str = "sealed-lists";
/// The name under which attempts are counted that a rule blocked without a category.
pub const UNLISTED: &str = "rules-of-the-school";
/// The stored form's version.
const VERSION: u16 = 1;
/// The most sites that are remembered to look for new ones.
const SITES_MAX: usize = 12;

/// What pupils tried in a week and did not reach. Names nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    v: u16,
    /// Attempts of pupils in all; an attempt in two categories counts once.
    pub attempts: u64,
    /// Pupils with at least one.
    pub pupils: u64,
    /// Attempts at devices where nobody was known.
    pub unknown: u64,
    /// By category, worrying ones first, then those of most pupils.
    pub categories: Vec<CategoryLine>,
    /// Sites that most pupils were kept from.
    pub sites: Vec<String>,
    /// Those of them that nobody had been kept from in the four weeks before; counted when the week
    /// is over.
    pub new_sites: Vec<String>,
    /// Whether everything of the week was counted; `false`: the newest part of it.
    pub whole: bool,
    /// What was wrong with Pharos itself when the week's report was made, in words.
    #[serde(default)]
    pub troubles: Vec<String>,
}

/// One category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryLine {
    /// Its name.
    pub name: String,
    /// Attempts of pupils.
    pub attempts: u64,
    /// Pupils.
    pub pupils: u64,
    /// Whether a watch rule names it.
    pub worrying: bool,
}

impl Blocked {
    /// A category's line.
    pub fn category(&self, name: &str) -> Option<&CategoryLine> {
        self.categories.iter().find(|line| line.name == name)
    }
}

/// A pupil whose attempts stand out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pupil {
    pub(crate) person: PersonId,
    pub(crate) theme: Harm,
    pub(crate) severity: Severity,
    pub(crate) attempts: u64,
    pub(crate) last: Timestamp,
    pub(super) categories: BTreeSet<Arc<str>>,
}

/// What a worrying category stands for.
#[derive(Debug, Clone, Copy)]
struct Worry {
    theme: Harm,
    severity: Severity,
    /// From so many attempts in a week on a pupil stands out: as many as raise an alert.
    count: u64,
}

/// The worrying categories by the watch rules.
#[derive(Debug, Clone)]
pub(super) struct Worries(BTreeMap<String, Worry>);

impl Worries {
    pub(super) fn of(rules: &RuleSet) -> Self {
        let mut worries = BTreeMap::new();
        for rule in &rules.rules {
            if let RuleKind::RepeatedBlocks {
                categories,
                count,
                theme,
                severity,
                ..
            } = &rule.kind
            {
                let worry = Worry {
                    theme: *theme,
                    severity: *severity,
                    count: u64::from(*count),
                };
                worries.extend(categories.iter().map(|name| (name.clone(), worry)));
            }
        }
        let sealed = Worry {
            theme: Harm::IllegalMaterial,
            severity: Severity::Critical,
            count: 1,
        };
        worries.insert(SEALED_CATEGORY.to_owned(), sealed);
        Self(worries)
    }

    /// Their names, as events carry them.
    pub(super) fn categories(&self) -> Vec<Box<str>> {
        self.0.keys().map(|name| name.as_str().into()).collect()
    }
}

/// Who tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Whose {
    Pupil(PersonId),
    Nobody(IpAddr),
}

/// Counts blocked events, shown newest first. Members of staff are not counted: what they do takes a
/// route of its own (MON-13).
pub(super) struct Counter<'a> {
    worries: &'a Worries,
    roster: &'a Roster,
    help: &'a HelpVisits,
    last: HashMap<(Whose, Box<str>), Timestamp>,
    attempts: u64,
    unknown: u64,
    pupils: BTreeSet<PersonId>,
    categories: BTreeMap<Arc<str>, (u64, BTreeSet<PersonId>)>,
    sites: HashMap<Box<str>, BTreeSet<PersonId>>,
    worrying: BTreeMap<(PersonId, Harm), Pupil>,
}

impl<'a> Counter<'a> {
    pub(super) fn new(worries: &'a Worries, roster: &'a Roster, help: &'a HelpVisits) -> Self {
        Self {
            worries,
            roster,
            help,
            last: HashMap::new(),
            attempts: 0,
            unknown: 0,
            pupils: BTreeSet::new(),
            categories: BTreeMap::new(),
            sites: HashMap::new(),
            worrying: BTreeMap::new(),
        }
    }

    /// Takes one blocked event. Visits to help sites are passed over whatever became of them (FIL-13).
    pub(super) fn see(&mut self, event: &Event) {
        if self.help.holds(event) || is_check_address(event.address) {
            return;
        }
        let whose = match event.who.person() {
            None => Whose::Nobody(event.address),
            Some(person) if is_test_user(person) => return,
            Some(person) => match self.roster.get(person) {
                Some(member) if member.is(Role::Pupil) => Whose::Pupil(person),
                _ => return,
            },
        };
        let newer = self.last.insert((whose, event.host.clone()), event.at);
        if newer.is_some_and(|newer| newer.duration_since(event.at) < SAME_ATTEMPT) {
            return;
        }
        let Whose::Pupil(person) = whose else {
            self.unknown += 1;
            return;
        };
        self.attempts += 1;
        self.pupils.insert(person);
        if event.sealed.is_none() {
            self.sites
                .entry(event.host.clone())
                .or_default()
                .insert(person);
        }
        for name in names_of(event) {
            let line = self.categories.entry(Arc::clone(&name)).or_default();
            line.0 += 1;
            line.1.insert(person);
        }
        self.worry(person, event);
    }

    /// One attempt counts once for each theme, in however many of its categories the site is.
    fn worry(&mut self, person: PersonId, event: &Event) {
        let mut themes = BTreeMap::new();
        for name in names_of(event) {
            if let Some(worry) = self.worries.0.get(&*name) {
                let (worst, names): &mut (Worry, Vec<Arc<str>>) = themes
                    .entry(worry.theme)
                    .or_insert_with(|| (*worry, Vec::new()));
                if worry.severity > worst.severity {
                    *worst = *worry;
                }
                names.push(name);
            }
        }
        for (theme, (worry, names)) in themes {
            let pupil = self
                .worrying
                .entry((person, theme))
                .or_insert_with(|| Pupil {
                    person,
                    theme,
                    severity: worry.severity,
                    attempts: 0,
                    last: event.at,
                    categories: BTreeSet::new(),
                });
            pupil.attempts += 1;
            pupil.severity = pupil.severity.max(worry.severity);
            pupil.categories.extend(names);
        }
    }

    /// What was counted, and the pupils who stand out: the most serious first, then most attempts.
    pub(super) fn finish(self, whole: bool) -> (Blocked, Vec<Pupil>) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let mut categories: Vec<CategoryLine> = self
            .categories
            .into_iter()
            .map(|(name, (attempts, pupils))| CategoryLine {
                worrying: self.worries.0.contains_key(&*name),
                name: name.to_string(),
                attempts,
                pupils: number(pupils.len()),
            })
            .collect();
        categories.sort_by(|a, b| {
            (b.worrying, b.pupils, b.attempts)
                .cmp(&(a.worrying, a.pupils, a.attempts))
                .then_with(|| a.name.cmp(&b.name))
        });
        let mut sites: Vec<(usize, Box<str>)> = self
            .sites
            .into_iter()
            .map(|(host, pupils)| (pupils.len(), host))
            .collect();
        sites.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        sites.truncate(SITES_MAX);
        let mut out: Vec<Pupil> = self
            .worrying
            .into_values()
            .filter(|pupil| {
                let enough = pupil
                    .categories
                    .iter()
                    .filter_map(|name| self.worries.0.get(&**name))
                    .map(|worry| worry.count)
                    .min();
                enough.is_some_and(|enough| pupil.attempts >= enough)
            })
            .collect();
        out.sort_by(|a, b| {
            (b.severity, b.attempts, b.last)
                .cmp(&(a.severity, a.attempts, a.last))
                .then_with(|| a.person.cmp(&b.person))
        });
        let blocked = Blocked {
            v: VERSION,
            attempts: self.attempts,
            pupils: number(self.pupils.len()),
            unknown: self.unknown,
            categories,
            sites: sites.into_iter().map(|(_, host)| host.into()).collect(),
            new_sites: Vec::new(),
            whole,
            troubles: Vec::new(),
        };
        (blocked, out)
    }
}

/// The categories of an event; what has none is named by what blocked it.
fn names_of(event: &Event) -> Vec<Arc<str>> {
    if event.sealed.is_some() {
        return vec![Arc::from(SEALED_CATEGORY)];
    }
    if event.categories.is_empty() {
        return vec![Arc::from(UNLISTED)];
    }
    event.categories.to_vec()
}

#[cfg(test)]
mod tests {
    use pharos_activity::SEALED_HOST;
    use pharos_policy::Member;
    use pharos_policy::spec::HelpSpec;
    use pharos_school::{Confidence, Face, IdentitySource, Person, Standing, Unknown, Who};

    use super::*;

    fn id(number: u128) -> PersonId {
        PersonId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn roster() -> Roster {
        let mut roster = Roster::default();
        for (number, role) in [(1, Role::Pupil), (2, Role::Pupil), (9, Role::Teacher)] {
            let person = Person {
                id: id(number),
                source_id: String::new(),
                username: format!("somebody.{number}"),
                given_name: "Some".to_owned(),
                family_name: "Body".to_owned(),
                email: None,
                roles: BTreeSet::from([role]),
                year: None,
                house: None,
                classes: BTreeSet::new(),
                guardians: BTreeSet::new(),
                standing: Standing::Active,
            };
            roster.add(Member::of(&person, std::iter::empty()));
        }
        roster
    }

    fn event(who: Option<u128>, host: &str, categories: &[&str], minute: i64) -> Event {
        let start: Timestamp = "2026-11-10T09:00:00Z".parse().unwrap();
        Event {
            at: start + SignedDuration::from_mins(minute),
            who: match who {
                Some(number) => Who::Known {
                    person: id(number),
                    source: IdentitySource::SignInPage,
                    confidence: Confidence::Certain,
                    device: None,
                },
                None => Who::Unknown {
                    why: Unknown::NoSignIn,
                    device: None,
                },
            },
            group: None,
            address: [10, 0, 0, 7].into(),
            face: Face::Https,
            host: host.into(),
            path: None,
            action: "block",
            rule: Arc::from("fil.categories"),
            categories: categories.iter().map(|name| Arc::from(*name)).collect(),
            policy_version: 1,
            catalogue_version: 1,
            search: None,
            sealed: None,
            bytes_up: 0,
            bytes_down: 0,
        }
    }

    fn counted(mut events: Vec<Event>) -> (Blocked, Vec<Pupil>) {
        events.sort_by_key(|event| std::cmp::Reverse(event.at));
        let (worries, roster) = (Worries::of(&RuleSet::shipped()), roster());
        let help = HelpVisits::at(&[HelpSpec {
            name: "Childline".to_owned(),
            sites: vec!["childline.org.uk".to_owned()],
        }]);
        let mut counter = Counter::new(&worries, &roster, &help);
        for event in &events {
            counter.see(event);
        }
        counter.finish(true)
    }

    /// MON-10: one page that asks again and again is one attempt; after a while it is another.
    #[test]
    fn mon_10_what_is_asked_again_at_once_is_one_attempt() {
        let (blocked, _) = counted(
            [0, 1, 5, 14, 40]
                .map(|minute| event(Some(1), "games.example", &["gaming"], minute))
                .into(),
        );
        assert_eq!((blocked.attempts, blocked.pupils), (2, 1));
        assert_eq!(blocked.category("gaming").unwrap().attempts, 2);
    }

    /// MON-10, MON-13: members of staff are not in the figures; those nobody knows are counted apart.
    #[test]
    fn mon_10_staff_are_left_out_and_the_unknown_counted_apart() {
        let (blocked, out) = counted(vec![
            event(Some(9), "a.example", &["extremism"], 0),
            event(Some(9), "b.example", &["extremism"], 60),
            event(None, "a.example", &["extremism"], 0),
        ]);
        assert_eq!((blocked.attempts, blocked.unknown), (0, 1));
        assert!(out.is_empty() && blocked.categories.is_empty());
    }

    /// MON-11: who has tried for the same theme more often than others heads the list; the most
    /// serious theme comes first, and few attempts at what is not serious do not stand out.
    #[test]
    fn mon_11_attempts_of_one_theme_stand_out() {
        let mut events: Vec<Event> = (0..6)
            .map(|n| event(Some(1), "adult.example", &["pornography", "adult"], 30 * n))
            .collect();
        events.push(event(Some(2), "adult.example", &["pornography"], 0));
        events.push(event(Some(2), "sad.example", &["self-harm"], 0));
        let (blocked, out) = counted(events);
        let rows: Vec<_> = out
            .iter()
            .map(|pupil| (pupil.person, pupil.theme, pupil.attempts))
            .collect();
        assert_eq!(
            rows,
            [
                (id(2), Harm::SelfHarmMaterial, 1),
                (id(1), Harm::SexualOrViolentMaterial, 6)
            ]
        );
        assert_eq!(blocked.categories[0].pupils, 2);
        assert!(blocked.categories.iter().all(|line| line.worrying));
    }

    /// FIL-13, MON-14: visits to help are in no figure; a sealed hit stands out and names no site.
    #[test]
    fn fil_13_mon_14_help_is_not_counted_and_a_sealed_hit_has_no_site() {
        let mut help = event(Some(1), "any.example", &["self-harm"], 0);
        help.rule = Arc::from("Childline");
        let by_host = event(Some(1), "www.childline.org.uk", &["self-harm"], 20);
        let mut hit = event(Some(2), SEALED_HOST, &[], 5);
        hit.sealed = Some(Arc::from("iwf"));
        let (blocked, out) = counted(vec![help, by_host, hit]);
        assert_eq!((blocked.attempts, blocked.pupils), (1, 1));
        assert!(blocked.sites.is_empty());
        assert_eq!(out[0].person, id(2));
        assert_eq!(out[0].severity, Severity::Critical);
    }
}
