//! What a face may keep between questions: askers of one likeness are decided alike until the policy
//! says otherwise, and whoever is behind an address stays so until the map says otherwise.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_filter::{AddressMap, EXPIRED_KEPT, Evidence, FixedEntry, Owner, Query};
use pharos_policy::spec::{DefaultSpec, ExceptionSpec, PersonalSpec};
use pharos_policy::{Action, Decision, PolicySpec};
use pharos_school::{Confidence, Face, IdentitySource, Who};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::kit::*;
use crate::properties::{ASKED, TIMES, everybody, school, specs};

const DEVICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 2, 3));

/// The decision without reasons, as a face asks for it.
fn judged(school: &School, who: &Who, site: &str, now: Timestamp) -> Decision {
    let address = address(site);
    let query = Query {
        address: &address,
        who,
        from: None,
        face: Face::Dns,
        now,
    };
    let (facts, subject) = (
        school.snapshot.facts(&address),
        school.snapshot.subject(who, None),
    );
    school.snapshot.judge(&facts, subject, &query)
}

/// Moments from one up to another, both ends as near as can be.
fn between(from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let length = until.duration_since(from);
    let last = until - SignedDuration::from_nanos(1);
    vec![from, from + length / 3, from + length / 2, last]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    /// FIL-06: whoever is of one likeness is decided alike, reasons or not.
    #[test]
    fn fil_06_those_of_one_likeness_are_decided_alike(spec in specs()) {
        let school = school(&spec);
        let mut everybody = everybody();
        everybody.push(known(KEY_TEACHER));
        for (one, other) in everybody.iter().flat_map(|one| everybody.iter().map(move |other| (one, other))) {
            if school.snapshot.likeness(one, None) != school.snapshot.likeness(other, None) {
                continue;
            }
            for (site, now) in ASKED.iter().flat_map(|site| TIMES.map(|now| (site, now))) {
                let decided = school.ask(one, site, now);
                prop_assert_eq!(&judged(&school, other, site, at(now)), &Decision { reasons: vec![], ..decided });
            }
        }
    }

    /// FIL-11: until the moment that the policy names, time changes nothing.
    #[test]
    fn fil_11_nothing_changes_until_the_policy_says_so(spec in specs(), minutes in 0..10_080i64, seconds in 0..60i64) {
        let school = school(&spec);
        let now = at("2026-03-01T00:00:00Z") + SignedDuration::from_secs(minutes * 60 + seconds);
        let until = school.snapshot.policy().steady_until(now);
        prop_assert!(now < until && until <= now + SignedDuration::from_mins(1));
        for (who, site) in everybody().iter().flat_map(|who| ASKED.map(|site| (who, site))) {
            let first = judged(&school, who, site, now);
            for moment in between(now, until) {
                prop_assert_eq!(&judged(&school, who, site, moment), &first);
            }
        }
    }

    /// FIL-05: until the moment that the map names, whoever is behind an address stays so.
    #[test]
    fn fil_05_whoever_is_at_an_address_stays_until_the_map_says_so(
        known in vec((0..IdentitySource::ALL.len(), proptest::option::of(1..4u128), any::<bool>(), 0..100i64, 0..100i64), 0..4),
        now in 0..100i64,
    ) {
        let start = at(LESSON);
        let minute = |number: i64| start + SignedDuration::from_mins(number);
        let map = AddressMap::default();
        for (source, who, sure, since, length) in known {
            map.learn(DEVICE, Evidence {
                person: who.map(person),
                device: Some(format!("device {source}").into()),
                source: IdentitySource::ALL[source],
                confidence: if sure { Confidence::Certain } else { Confidence::Likely },
                since: minute(since),
                until: minute(since + length),
            });
        }
        let now = minute(now) + SignedDuration::from_secs(30);
        let (who, until) = map.identify_for(DEVICE, now);
        prop_assert!(now < until);
        for moment in between(now, until.min(minute(300))) {
            prop_assert_eq!(&map.identify(DEVICE, moment), &who);
        }
    }
}

/// FIL-05: two teachers are alike until a rule names one of them; nobody is like anybody on the roll.
#[test]
fn fil_05_people_are_alike_until_a_rule_names_one() {
    let (one, other) = (known(TEACHER), known(KEY_TEACHER));
    let alike = |spec: &PolicySpec| {
        let school = School::new(spec);
        let likeness = |who: &Who| school.snapshot.likeness(who, None);
        assert_ne!(likeness(&one), likeness(&nobody()));
        assert_ne!(likeness(&one), likeness(&known(YEAR_8)));
        likeness(&one) == likeness(&other)
    };
    let mut spec = PolicySpec::default();
    assert!(alike(&spec));
    spec.overrides.personal = vec![PersonalSpec {
        reference: "P".into(),
        people: vec![person(KEY_TEACHER)],
        sites: words(&["a.test"]),
        categories: vec![],
        everything: false,
        hours: vec![],
        until: None,
    }];
    assert!(!alike(&spec));
    let school = School::new(&spec);
    assert_eq!(school.action(KEY_TEACHER, "a.test", LESSON), Action::Block);
    assert_eq!(school.action(TEACHER, "a.test", LESSON), Action::Allow);
}

/// FIL-11: an exception ends to the moment, and what was kept before it is over then.
#[test]
fn fil_11_an_exception_ends_what_was_kept_to_the_moment() {
    let ends = "2026-03-04T10:00:20.5Z";
    let mut spec = PolicySpec::default();
    assert_eq!(
        School::new(&spec)
            .snapshot
            .policy()
            .steady_until(at(LESSON)),
        Timestamp::MAX,
        "nothing is bound to a time"
    );
    spec.overrides.exceptions = vec![ExceptionSpec {
        reference: "EX".into(),
        groups: words(&["everyone"]),
        people: vec![],
        classes: vec![],
        sites: words(&["a.test"]),
        categories: vec![],
        from: None,
        until: at(ends),
    }];
    spec.defaults = vec![DefaultSpec {
        groups: vec![],
        except: vec![],
        action: Action::Block,
    }];
    let school = School::new(&spec);
    assert_eq!(school.snapshot.policy().steady_until(at(LESSON)), at(ends));
    assert_eq!(school.action(TEACHER, "a.test", LESSON), Action::Allow);
    assert_eq!(school.action(TEACHER, "a.test", ends), Action::Block);
}

/// FIL-11: hours that turn within a minute leave nothing to be kept.
#[test]
fn fil_11_hours_with_seconds_leave_nothing_to_be_kept() {
    let mut spec = PolicySpec::default();
    spec.hours
        .insert("lesson".into(), hours(&[weekdays("08:30:15", "16:00")]));
    let policy = School::new(&spec);
    let policy = policy.snapshot.policy();
    assert_eq!(policy.steady_until(at(LESSON)), at(LESSON));
    spec.hours
        .insert("lesson".into(), hours(&[weekdays("08:30", "16:00")]));
    let policy = School::new(&spec);
    let policy = policy.snapshot.policy();
    assert_eq!(policy.steady_until(at(LESSON)), at("2026-03-04T10:01:00Z"));
}

/// FIL-05: everything that changes who is behind an address can be told from a number.
#[test]
fn fil_05_every_change_of_the_map_is_told() {
    let map = AddressMap::default();
    let mut last = map.changes();
    let mut changed = |map: &AddressMap, what: &str| {
        assert_ne!(map.changes(), last, "{what}");
        last = map.changes();
    };
    let now = at(LESSON);
    map.sign_in(DEVICE, person(1), None, now + SignedDuration::from_mins(5));
    changed(&map, "a sign-in");
    map.sign_out(DEVICE);
    changed(&map, "a sign-out");
    map.sign_in(DEVICE, person(1), None, now);
    map.end_source(DEVICE, IdentitySource::SignInPage);
    changed(&map, "the end of a source");
    map.sign_in(DEVICE, person(1), None, now);
    map.sign_out_person(person(1));
    changed(&map, "a leaver");
    let device: Arc<str> = "aa".into();
    map.bind(DEVICE, &device);
    changed(&map, "a lease");
    map.set_fixed([FixedEntry {
        range: DEVICE.into(),
        owner: Owner::Person(person(1)),
        device: None,
    }]);
    changed(&map, "the fixed map");
    map.set_notice([DEVICE.into()]);
    changed(&map, "where the notice comes first");
    map.sign_in(DEVICE, person(1), None, now);
    changed(&map, "a sign-in");
    map.sweep(now + EXPIRED_KEPT);
    changed(&map, "what ran out");
    map.identify(DEVICE, now);
    assert_eq!(map.changes(), last, "looking changes nothing");
}

/// FIL-05: a sweep that finds nothing to forget, and an end of what was not there, change nothing: those who
/// keep who is behind an address do not have to find everybody out anew each minute.
#[test]
fn fil_05_what_changes_nothing_is_not_told_as_a_change() {
    let map = AddressMap::default();
    let now = at(LESSON);
    map.sign_in(DEVICE, person(1), None, now + SignedDuration::from_mins(5));
    let before = (map.changes(), map.identify(DEVICE, now));
    map.sweep(now);
    map.sweep(now + SignedDuration::from_hours(1));
    assert_eq!(map.sign_out_person(person(2)), 0);
    assert!(!map.end_source(DEVICE, IdentitySource::Radius));
    assert!(!map.sign_out("10.1.2.4".parse().unwrap()));
    assert_eq!((map.changes(), map.identify(DEVICE, now)), before);
}
