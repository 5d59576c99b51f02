//! The filter beside a model small enough to be read in one go: the same steps for both, and after
//! each of them the same answers for everybody and every site.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_filter::{Filter, Parts, Query, Roster, Snapshot, Versions};
use pharos_policy::spec::{
    EmergencySpec, ExceptionSpec, HelpSpec, LessonKind, LessonSpec, PersonalSpec, RuleSpec,
};
use pharos_policy::{Action, PolicySpec};
use pharos_school::Face;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::kit::*;

const SEALED: &str = "bad.open.test";
const HELP: &str = "help.kind.test";
/// What rules may name.
const NAMED: [&str; 5] = [
    "open.test",
    "kind.test",
    "play.test",
    "www.play.test",
    "bets.test",
];
/// What is asked: names, names below them, look-alikes, the sealed name and the help site.
const ASKED: [&str; 10] = [
    "open.test",
    "kind.test",
    "play.test",
    "www.play.test",
    "a.www.play.test",
    "bets.test",
    "notbets.test",
    SEALED,
    "x.bad.open.test",
    HELP,
];
const PEOPLE: [u128; 4] = [YEAR_8, PREP_2, PREP_4, TEACHER];
const LISTED: [&str; 2] = ["gambling", "games"];

/// Something a school does to its filter.
#[derive(Debug, Clone)]
enum Step {
    /// An emergency block, for good or for some hours.
    Emergency(usize, Option<i64>),
    /// The oldest emergency block is lifted.
    Lift,
    /// A restriction for one person, for some hours.
    Restrict(usize, usize, i64),
    /// An exception for one person, for some hours.
    Except(usize, usize, i64),
    /// A lesson list for the class of Year 2 or Year 4, beginning and ending some hours from now.
    Lesson(bool, usize, i64, i64),
    /// A rule that blocks a category for pupils or staff.
    Rule(usize, bool),
    /// A new version of the lists: a site gets a category, or loses all of them.
    List(usize, Option<usize>),
    /// Hours go by.
    Later(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let (site, who, hours) = (0..NAMED.len(), 0..PEOPLE.len(), 1..9i64);
    prop_oneof![
        (site.clone(), proptest::option::of(hours.clone()))
            .prop_map(|(s, h)| Step::Emergency(s, h)),
        Just(Step::Lift),
        (who.clone(), site.clone(), hours.clone()).prop_map(|(w, s, h)| Step::Restrict(w, s, h)),
        (who, site.clone(), hours.clone()).prop_map(|(w, s, h)| Step::Except(w, s, h)),
        (any::<bool>(), site.clone(), 0..4i64, hours.clone())
            .prop_map(|(young, s, from, h)| Step::Lesson(young, s, from, from + h)),
        (0..LISTED.len(), any::<bool>()).prop_map(|(c, pupils)| Step::Rule(c, pupils)),
        (site, proptest::option::of(0..LISTED.len())).prop_map(|(s, c)| Step::List(s, c)),
        hours.prop_map(Step::Later),
    ]
}

/// A site for somebody until some time.
type Until = (u128, &'static str, Timestamp);

/// The model: plain lists, and the published order of rules (FIL-06) in as many lines.
#[derive(Debug)]
struct Model {
    now: Timestamp,
    emergency: Vec<(&'static str, Option<Timestamp>)>,
    restricted: Vec<Until>,
    excepted: Vec<Until>,
    lessons: Vec<(u128, &'static str, Timestamp, Timestamp)>,
    rules: Vec<(&'static str, bool)>,
    lists: Vec<(&'static str, &'static str)>,
}

/// Whether a name is a site or stands below it.
fn is_at(asked: &str, site: &str) -> bool {
    asked == site
        || asked
            .strip_suffix(site)
            .is_some_and(|front| front.ends_with('.'))
}

impl Model {
    fn new() -> Self {
        Self {
            now: at(LESSON),
            emergency: vec![],
            restricted: vec![],
            excepted: vec![],
            lessons: vec![],
            rules: vec![],
            lists: vec![("bets.test", "gambling")],
        }
    }

    fn take(&mut self, step: &Step) {
        let after = |hours: i64| self.now + SignedDuration::from_hours(hours);
        match *step {
            Step::Emergency(site, hours) => {
                self.emergency.push((NAMED[site], hours.map(after)));
            }
            Step::Lift => {
                if !self.emergency.is_empty() {
                    self.emergency.remove(0);
                }
            }
            Step::Restrict(who, site, hours) => {
                self.restricted
                    .push((PEOPLE[who], NAMED[site], after(hours)));
            }
            Step::Except(who, site, hours) => {
                self.excepted.push((PEOPLE[who], NAMED[site], after(hours)));
            }
            Step::Lesson(young, site, from, to) => {
                let of = if young { PREP_2 } else { PREP_4 };
                self.lessons.push((of, NAMED[site], after(from), after(to)));
            }
            Step::Rule(category, pupils) => self.rules.push((LISTED[category], pupils)),
            Step::List(site, category) => {
                self.lists.retain(|(listed, _)| *listed != NAMED[site]);
                self.lists
                    .extend(category.map(|category| (NAMED[site], LISTED[category])));
            }
            Step::Later(hours) => self.now = after(hours),
        }
    }

    fn is_blocked(&self, person: u128, asked: &str) -> bool {
        let own = |entries: &[Until]| {
            entries
                .iter()
                .any(|(who, site, until)| *who == person && is_at(asked, site) && self.now < *until)
        };
        if is_at(asked, SEALED) {
            return true;
        }
        if is_at(asked, HELP) {
            return false;
        }
        let live = |until: &Option<Timestamp>| until.is_none_or(|until| self.now < until);
        if self
            .emergency
            .iter()
            .any(|(site, until)| is_at(asked, site) && live(until))
        {
            return true;
        }
        if own(&self.restricted) {
            return true;
        }
        if own(&self.excepted) {
            return false;
        }
        let lesson = self.lessons.iter().any(|(who, site, from, to)| {
            *who == person && is_at(asked, site) && *from <= self.now && self.now < *to
        });
        if lesson {
            return false;
        }
        self.rules.iter().any(|(category, pupils)| {
            let for_them = *pupils == (person != TEACHER);
            let listed = self
                .lists
                .iter()
                .any(|(site, has)| has == category && is_at(asked, site));
            for_them && listed
        })
    }

    /// The same state as the school would write it.
    fn snapshot(&self, version: u64) -> Snapshot {
        let mut spec = PolicySpec {
            help: vec![HelpSpec {
                name: "help".into(),
                sites: words(&[HELP]),
            }],
            rules: self
                .rules
                .iter()
                .enumerate()
                .map(|(number, (category, pupils))| RuleSpec {
                    groups: words(&[if *pupils { "pupils" } else { "staff" }]),
                    categories: words(&[category]),
                    ..rule(&format!("rule-{number}"), Action::Block)
                })
                .collect(),
            ..PolicySpec::default()
        };
        let overrides = &mut spec.overrides;
        overrides.emergency = self
            .emergency
            .iter()
            .map(|(site, until)| EmergencySpec {
                reference: "EM".into(),
                groups: vec![],
                places: vec![],
                campuses: Vec::new(),
                sites: words(&[site]),
                until: *until,
            })
            .collect();
        overrides.personal = self
            .restricted
            .iter()
            .map(|(who, site, until)| PersonalSpec {
                reference: "PR".into(),
                people: vec![person(*who)],
                sites: words(&[site]),
                categories: vec![],
                everything: false,
                hours: vec![],
                until: Some(*until),
            })
            .collect();
        overrides.exceptions = self
            .excepted
            .iter()
            .map(|(who, site, until)| ExceptionSpec {
                reference: "EX".into(),
                groups: vec![],
                people: vec![person(*who)],
                classes: vec![],
                sites: words(&[site]),
                categories: vec![],
                from: None,
                until: *until,
            })
            .collect();
        overrides.lessons = self
            .lessons
            .iter()
            .map(|(who, site, from, until)| LessonSpec {
                reference: "L".into(),
                kind: LessonKind::Links,
                classes: vec![class(*who)],
                people: vec![],
                sites: words(&[site]),
                from: *from,
                until: *until,
            })
            .collect();
        let lists = PlainLists::new(&self.lists);
        let names = CATEGORIES.map(Arc::from).to_vec();
        let mut roster = Roster::default();
        people().into_iter().for_each(|member| roster.add(member));
        Snapshot::new(Parts {
            policy: Arc::new(pharos_filter::compile_policy(&spec, &names, &[]).unwrap()),
            categories: Arc::new(lists),
            sealed: Arc::new(PlainSealed::new(&[SEALED])),
            roster: Arc::new(roster),
            dictionaries: None,
            versions: Versions {
                policy: version,
                catalogue: version,
                lists: Arc::new([]),
            },
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// FIL-01, FIL-05, FIL-06: whatever a school does to its filter in whatever order, every answer is the
    /// one that the published order of rules gives.
    #[test]
    fn fil_06_the_filter_answers_as_a_plain_model_does(steps in vec(step(), 1..14)) {
        let (filter, mut model) = (Filter::new(), Model::new());
        filter.install(model.snapshot(1));
        for (number, step) in steps.iter().enumerate() {
            model.take(step);
            if !matches!(step, Step::Later(_)) {
                filter.install(model.snapshot(number as u64 + 2));
            }
            let snapshot = filter.snapshot().unwrap();
            for who in PEOPLE {
                for asked in ASKED {
                    let (address, person) = (address(asked), known(who));
                    let query = Query {
                        address: &address,
                        who: &person,
                        from: None,
                        face: Face::Dns,
                        now: model.now,
                    };
                    let blocked = snapshot.decide(&query).action == Action::Block;
                    prop_assert_eq!(
                        blocked,
                        model.is_blocked(who, asked),
                        "{} asks {} after step {} ({:?})",
                        who, asked, number, step
                    );
                }
            }
        }
    }
}
