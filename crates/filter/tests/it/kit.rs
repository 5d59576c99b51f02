//! A small fictional school, lists made of plain words, and one way to ask.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_catalogue::{Address, CategoryId, CategorySet, Host};
use pharos_filter::{Categories, Hit, Parts, Query, Roster, Sealed, Snapshot, Versions};
use pharos_policy::spec::{Day, HoursSpec, RuleSpec, SpanSpec};
use pharos_policy::{Action, Decision, Member, PolicySpec};
use pharos_school::{
    ClassId, Confidence, Face, IdentitySource, PersonId, Role, Unknown, Who, YearGroup,
};

pub(crate) const CATEGORIES: [&str; 6] = [
    "pornography",
    "gambling",
    "social-media",
    "games",
    "webmail",
    "bank",
];

/// A school morning in term: Wednesday 4 March 2026, 10:00 on the wall.
pub(crate) const LESSON: &str = "2026-03-04T10:00:00Z";

/// Sites with their categories, by number; look-ups as plain as can be.
#[derive(Debug, Default)]
pub(crate) struct PlainLists {
    names: Vec<Arc<str>>,
    entries: Vec<(Address, CategoryId)>,
}

impl PlainLists {
    pub(crate) fn new(entries: &[(&str, &str)]) -> Self {
        let number = |category: &str| CATEGORIES.iter().position(|c| *c == category).unwrap();
        Self {
            names: CATEGORIES.map(Arc::from).to_vec(),
            entries: entries
                .iter()
                .map(|(site, category)| (address(site), CategoryId(number(category) as u8)))
                .collect(),
        }
    }
}

impl Categories for PlainLists {
    fn categories(&self, address: &Address) -> CategorySet {
        let within = |site: &Address| address.host().is_within(site.host());
        self.entries
            .iter()
            .filter(|(site, _)| within(site))
            .map(|(_, id)| *id)
            .collect()
    }

    fn hits(&self, address: &Address) -> Vec<Hit> {
        let within = |site: &Address| address.host().is_within(site.host());
        let hits = self.entries.iter().filter(|(site, _)| within(site));
        hits.map(|(site, id)| Hit {
            category: *id,
            list: "sample".into(),
            entry: site.to_string().into(),
        })
        .collect()
    }

    fn names(&self) -> &[Arc<str>] {
        &self.names
    }
}

/// One sealed list, for tests only.
#[derive(Debug)]
pub(crate) struct PlainSealed {
    name: Arc<str>,
    entries: Vec<Address>,
}

impl PlainSealed {
    pub(crate) fn new(entries: &[&str]) -> Self {
        Self {
            name: "test-sealed".into(),
            entries: entries.iter().map(|entry| address(entry)).collect(),
        }
    }
}

impl Sealed for PlainSealed {
    fn hit(&self, address: &Address) -> Option<&Arc<str>> {
        self.entries
            .iter()
            .any(|entry| entry.covers(address))
            .then_some(&self.name)
    }

    fn needs_path(&self, host: &Host) -> bool {
        let mut pages = self.entries.iter().filter(|entry| entry.path().is_some());
        pages.any(|entry| host.is_within(entry.host()))
    }
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn person(number: u128) -> PersonId {
    PersonId::from_uuid(uuid::Uuid::from_u128(number))
}

pub(crate) fn class(number: u128) -> ClassId {
    ClassId::from_uuid(uuid::Uuid::from_u128(number))
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn member(number: u128, username: &str, roles: &[Role]) -> Member {
    Member {
        person: person(number),
        username: username.into(),
        roles: roles.iter().copied().collect(),
        year: None,
        house: None,
        classes: BTreeSet::new(),
        class_names: BTreeSet::new(),
    }
}

pub(crate) fn pupil(number: u128, username: &str, year: i8) -> Member {
    let year = YearGroup::from_number(year);
    Member {
        year,
        ..member(number, username, &[Role::Pupil])
    }
}

/// The people every story is about.
pub(crate) const YEAR_8: u128 = 8;
pub(crate) const BOARDER: u128 = 9;
pub(crate) const PREP_2: u128 = 2;
pub(crate) const PREP_4: u128 = 4;
pub(crate) const SIXTH: u128 = 13;
pub(crate) const TEACHER: u128 = 100;
pub(crate) const KEY_TEACHER: u128 = 101;

pub(crate) fn people() -> Vec<Member> {
    let mut prep_2 = pupil(PREP_2, "prep2.pupil", 2);
    prep_2.classes.insert(class(2));
    let mut prep_4 = pupil(PREP_4, "prep4.pupil", 4);
    prep_4.classes.insert(class(4));
    let mut boarder = pupil(BOARDER, "boarder", 8);
    boarder.house = Some("Lantern".into());
    vec![
        pupil(YEAR_8, "year8.pupil", 8),
        boarder,
        prep_2,
        prep_4,
        pupil(SIXTH, "sixth.former", 13),
        member(TEACHER, "teacher", &[Role::Teacher]),
        member(KEY_TEACHER, "key.teacher", &[Role::Teacher]),
    ]
}

pub(crate) fn rule(name: &str, action: Action) -> RuleSpec {
    RuleSpec {
        name: name.to_owned(),
        action,
        groups: Vec::new(),
        except: Vec::new(),
        categories: Vec::new(),
        sites: Vec::new(),
        everything: false,
        hours: Vec::new(),
        except_hours: Vec::new(),
        places: Vec::new(),
    }
}

pub(crate) fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

pub(crate) fn hours(spans: &[SpanSpec]) -> HoursSpec {
    HoursSpec {
        spans: spans.to_vec(),
    }
}

pub(crate) fn weekdays(from: &str, to: &str) -> SpanSpec {
    SpanSpec {
        days: Day::WEEKDAYS.to_vec(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        who: Default::default(),
        on: Default::default(),
    }
}

/// A school with its lists, ready to be asked.
pub(crate) struct School {
    pub(crate) snapshot: Snapshot,
}

impl School {
    pub(crate) fn new(spec: &PolicySpec) -> Self {
        Self::with(
            spec,
            &[("porn.test", "pornography"), ("bets.test", "gambling")],
            &[],
        )
    }

    pub(crate) fn with(spec: &PolicySpec, lists: &[(&str, &str)], sealed: &[&str]) -> Self {
        let lists = PlainLists::new(lists);
        let policy = pharos_filter::compile_policy(spec, lists.names(), &[]).unwrap();
        let mut roster = Roster::default();
        people().into_iter().for_each(|member| roster.add(member));
        Self {
            snapshot: Snapshot::new(Parts {
                policy: Arc::new(policy),
                categories: Arc::new(lists),
                sealed: Arc::new(PlainSealed::new(sealed)),
                roster: Arc::new(roster),
                dictionaries: None,
                versions: Versions {
                    policy: 7,
                    catalogue: 3,
                    lists: Arc::new([("sample".into(), 2)]),
                },
            }),
        }
    }

    pub(crate) fn ask(&self, who: &Who, site: &str, now: &str) -> Decision {
        self.snapshot.decide(&query(who, &address(site), None, now))
    }

    pub(crate) fn explain(&self, who: &Who, site: &str, now: &str) -> Decision {
        self.snapshot
            .explain(&query(who, &address(site), None, now))
    }

    pub(crate) fn action(&self, number: u128, site: &str, now: &str) -> Action {
        self.ask(&known(number), site, now).action
    }
}

pub(crate) fn query<'a>(
    who: &'a Who,
    address: &'a Address,
    from: Option<IpAddr>,
    now: &str,
) -> Query<'a> {
    Query {
        address,
        who,
        from,
        face: Face::Https,
        now: at(now),
    }
}

pub(crate) fn known(number: u128) -> Who {
    Who::Known {
        person: person(number),
        source: IdentitySource::ProxySignIn,
        confidence: Confidence::Certain,
        device: None,
    }
}

pub(crate) fn nobody() -> Who {
    Who::Unknown {
        why: Unknown::NoSignIn,
        device: None,
    }
}
