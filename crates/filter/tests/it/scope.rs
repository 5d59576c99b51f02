//! Which devices the filter is for, and what one gets that is left out (FIL-15).

use std::net::IpAddr;

use pharos_policy::spec::{DeviceClass, GuestSpec, PersonalSpec, PlaceSpec, RuleSpec};
use pharos_policy::{Action, PolicySpec};
use pharos_school::{Confidence, IdentitySource, Who};
use proptest::prelude::*;

use crate::kit::*;
use crate::properties::{ASKED, PEOPLE, TIMES, specs, strictness};

const SCHOOL: &str = "10.1.0.9";
const GUESTS: &str = "10.9.0.9";
const OWN: &str = "10.8.0.9";
const HOME: &str = "203.0.113.9";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A school with a network for guests, one for own devices, and rooms.
fn with_places(mut spec: PolicySpec, left_out: &[DeviceClass]) -> PolicySpec {
    for (place, range) in [
        ("rooms", "10.1.0.0/16"),
        ("guest-wifi", "10.9.0.0/16"),
        ("own-wifi", "10.8.0.0/16"),
    ] {
        let ranges = words(&[range]);
        spec.places.insert(place.into(), PlaceSpec { ranges });
    }
    spec.unknown.guests.push(GuestSpec {
        places: words(&["guest-wifi"]),
        groups: words(&["visitors"]),
    });
    spec.scope.left_out = left_out.to_vec();
    spec.scope.own_places = words(&["own-wifi"]);
    spec
}

fn by(number: u128, source: IdentitySource) -> Who {
    Who::Known {
        person: person(number),
        source,
        confidence: Confidence::Likely,
        device: None,
    }
}

/// FIL-15: each class of devices is told by whose it is and where it asks.
#[test]
fn fil_15_each_device_is_of_a_class() {
    let class = |who: &Who, from: &str| {
        // Whatever class it is of, leaving that one out is what finds it.
        let hit = DeviceClass::ALL.into_iter().filter(|class| {
            let school = School::new(&with_places(PolicySpec::default(), &[*class]));
            school.snapshot.left_out(who, Some(ip(from))).is_some()
        });
        hit.collect::<Vec<_>>()
    };
    let token = |number| by(number, IdentitySource::DeviceToken);
    let wifi = |number| by(number, IdentitySource::Radius);
    let usual = |number| by(number, IdentitySource::AddressMap);
    assert_eq!(class(&nobody(), SCHOOL), [DeviceClass::SchoolDevices]);
    assert_eq!(class(&wifi(YEAR_8), SCHOOL), [DeviceClass::SchoolDevices]);
    assert_eq!(class(&token(YEAR_8), HOME), [DeviceClass::OffSite]);
    assert_eq!(class(&wifi(YEAR_8), OWN), [DeviceClass::PersonalDevices]);
    assert_eq!(class(&nobody(), GUESTS), [DeviceClass::Visitors]);
    // What may be of two classes is in scope as one of them: leaving one out changes nothing.
    use DeviceClass::{PersonalDevices, ProvidedDevices, SchoolDevices, StaffMobilesWithMail};
    for (who, from, both) in [
        (usual(YEAR_8), SCHOOL, [ProvidedDevices, SchoolDevices]),
        (token(YEAR_8), SCHOOL, [ProvidedDevices, SchoolDevices]),
        (wifi(TEACHER), OWN, [PersonalDevices, StaffMobilesWithMail]),
        (
            token(TEACHER),
            HOME,
            [DeviceClass::OffSite, StaffMobilesWithMail],
        ),
    ] {
        assert_eq!(class(&who, from), [], "{both:?}");
        let school = School::new(&with_places(PolicySpec::default(), &both));
        assert_eq!(
            school.snapshot.left_out(&who, Some(ip(from))),
            Some(both[0])
        );
    }
}

/// FIL-15: whether anybody can be left out at all is said rightly of whatever a school leaves out; by the
/// shipped setting nobody is, though phones of staff with mail are not named in it.
#[test]
fn fil_15_whether_anybody_is_left_out_is_said_rightly() {
    let sources = [
        IdentitySource::Radius,
        IdentitySource::DeviceToken,
        IdentitySource::AddressMap,
        IdentitySource::VisitorNotice,
    ];
    let people = PEOPLE
        .iter()
        .flat_map(|one| sources.map(|by_| by(*one, by_)));
    let everybody: Vec<Who> = people.chain([nobody()]).collect();
    for chosen in 0..1_u8 << DeviceClass::ALL.len() {
        let left_out: Vec<DeviceClass> = DeviceClass::ALL
            .into_iter()
            .enumerate()
            .filter_map(|(number, class)| (chosen >> number & 1 == 1).then_some(class))
            .collect();
        let school = School::new(&with_places(PolicySpec::default(), &left_out));
        let somebody = everybody.iter().any(|who| {
            let places = [SCHOOL, GUESTS, OWN, HOME];
            let is_out = |from: &str| school.snapshot.left_out(who, Some(ip(from))).is_some();
            places.into_iter().any(is_out)
        });
        let said = school.snapshot.policy().leaves_out_any();
        assert_eq!(said, somebody, "{left_out:?}");
        if left_out == [DeviceClass::StaffMobilesWithMail] {
            assert!(!said, "the shipped setting");
        }
    }
}

/// FIL-15, FIL-17: a visitor's phone where visitors are left out gets what an unknown device gets, and
/// what the lead took from a pupil stays taken on the pupil's own phone.
#[test]
fn fil_15_a_device_that_is_left_out_gets_the_strictest_policy() {
    let mut spec = PolicySpec::default();
    for (group, site) in [("pupils", "pupils.test"), ("visitors", "visitors.test")] {
        spec.rules.push(RuleSpec {
            groups: words(&[group]),
            sites: words(&[site]),
            ..rule(group, Action::Block)
        });
    }
    spec.overrides.personal.push(PersonalSpec {
        reference: "PR-1".into(),
        people: vec![person(YEAR_8)],
        sites: words(&["theirs.test"]),
        categories: vec![],
        everything: false,
        hours: vec![],
        until: None,
    });
    let inside = School::new(&with_places(spec.clone(), &[]));
    let left_out = [DeviceClass::Visitors, DeviceClass::PersonalDevices];
    let outside = School::new(&with_places(spec, &left_out));
    let ask = |school: &School, who: &Who, from: &str, site: &str| {
        let address = address(site);
        let query = query(who, &address, Some(ip(from)), LESSON);
        school.snapshot.decide(&query).action
    };
    assert_eq!(
        ask(&inside, &nobody(), GUESTS, "pupils.test"),
        Action::Allow
    );
    assert_eq!(
        ask(&outside, &nobody(), GUESTS, "pupils.test"),
        Action::Block
    );
    let teacher = by(TEACHER, IdentitySource::Radius);
    let pupil = by(YEAR_8, IdentitySource::Radius);
    assert_eq!(ask(&outside, &pupil, OWN, "theirs.test"), Action::Block);
    assert_eq!(ask(&outside, &pupil, SCHOOL, "other.test"), Action::Allow);
    // A phone of staff is in scope by the other class it may be of.
    assert_eq!(ask(&outside, &teacher, OWN, "pupils.test"), Action::Allow);
    let address = address("pupils.test");
    let who = nobody();
    let query = query(&who, &address, Some(ip(GUESTS)), LESSON);
    let explained = outside.snapshot.explanation(&query);
    assert_eq!(explained.left_out, Some(DeviceClass::Visitors));
    assert_eq!(inside.snapshot.explanation(&query).left_out, None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// FIL-15: whatever the school leaves out, nobody ever reaches more by it.
    #[test]
    fn fil_15_leaving_a_class_out_never_opens(
        spec in specs(),
        left_out in proptest::sample::subsequence(DeviceClass::ALL.to_vec(), 1..=6),
    ) {
        let lists = [("b.test", "gambling"), ("c.test", "games")];
        let inside = School::with(&with_places(spec.clone(), &[]), &lists, &["sealed.test/bad"]);
        let outside = School::with(&with_places(spec, &left_out), &lists, &["sealed.test/bad"]);
        let sources = [IdentitySource::Radius, IdentitySource::DeviceToken, IdentitySource::AddressMap];
        let people = PEOPLE.iter().flat_map(|number| sources.map(|source| by(*number, source)));
        for who in people.chain([nobody()]) {
            for (site, now) in ASKED.iter().flat_map(|site| TIMES.map(|now| (site, now))) {
                for from in [SCHOOL, GUESTS, OWN, HOME] {
                    let address = address(site);
                    let query = query(&who, &address, Some(ip(from)), now);
                    let (was, is) = (inside.snapshot.decide(&query), outside.snapshot.decide(&query));
                    prop_assert!(
                        strictness(is.action) >= strictness(was.action),
                        "{who:?} {from} {site} {now}: {:?} by {} became {:?} by {}",
                        was.action, was.rule, is.action, is.rule
                    );
                    prop_assert!(is.narrowing.safe_search >= was.narrowing.safe_search);
                    prop_assert!(is.narrowing.youtube >= was.narrowing.youtube);
                }
            }
        }
    }
}
