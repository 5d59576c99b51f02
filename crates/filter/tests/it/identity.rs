//! FIL-17, MON-02: who is behind an address, and what happens when nobody can be named.

use std::net::IpAddr;
use std::sync::Arc;

use pharos_filter::{Filter, FixedEntry, NotReady, Owner, SIGN_INS_MAX};
use pharos_policy::spec::{GuestSpec, ModeSpec, PlaceSpec};
use pharos_policy::{Action, PhaseMode, PolicySpec};
use pharos_school::{Confidence, IdentitySource, Unknown, Who};

use crate::kit::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn why(who: &Who) -> Option<Unknown> {
    match who {
        Who::Unknown { why, .. } => Some(*why),
        Who::Known { .. } => None,
    }
}

/// FIL-17: started with no policy at all, the filter refuses; it never lets through.
#[test]
fn fil_17_nothing_in_force_is_not_ready() {
    let filter = Filter::new();
    assert_eq!(filter.snapshot().unwrap_err(), NotReady);
    filter.install(School::new(&PolicySpec::default()).snapshot);
    assert!(filter.snapshot().is_ok());
}

/// FIL-17: a request keeps the snapshot that it began with while a new one is put in force.
#[test]
fn fil_17_a_request_under_way_keeps_its_snapshot() {
    let filter = Filter::new();
    filter.install(School::new(&PolicySpec::default()).snapshot);
    let under_way = filter.snapshot().unwrap();
    let mut spec = PolicySpec::default();
    spec.rules.push(pharos_policy::spec::RuleSpec {
        everything: true,
        ..rule("shut", Action::Block)
    });
    filter.install(School::new(&spec).snapshot);
    let (who, address) = (known(YEAR_8), address("example.org"));
    let question = query(&who, &address, None, LESSON);
    assert_eq!(under_way.decide(&question).action, Action::Allow);
    assert_eq!(
        filter.snapshot().unwrap().decide(&question).action,
        Action::Block
    );
}

/// MON-02: every reason for not knowing is told apart.
#[test]
fn mon_02_reasons_for_not_knowing_are_told_apart() {
    let filter = Filter::new();
    filter.install(School::new(&PolicySpec::default()).snapshot);
    let map = filter.addresses();
    map.set_fixed([
        fixed("10.0.0.0/24", Owner::Shared, "library"),
        fixed(
            "10.0.0.7/32",
            Owner::Person(person(TEACHER)),
            "teacher-laptop",
        ),
        fixed("10.0.1.1/32", Owner::Person(person(999)), "old-laptop"),
    ]);
    map.sign_in(
        ip("10.0.0.9"),
        person(YEAR_8),
        None,
        at("2026-03-04T10:30:00Z"),
    );
    let now = at(LESSON);
    let later = at("2026-03-04T10:30:00Z");

    assert_eq!(
        why(&filter.identify(ip("192.0.2.1"), now)),
        Some(Unknown::NoSignIn)
    );
    assert_eq!(
        why(&filter.identify(ip("10.0.0.1"), now)),
        Some(Unknown::SharedDevice)
    );
    assert_eq!(
        why(&filter.identify(ip("10.0.1.1"), now)),
        Some(Unknown::NotOnRoll)
    );
    assert_eq!(
        why(&filter.identify(ip("10.0.0.9"), later)),
        Some(Unknown::Expired)
    );

    let Who::Known {
        person: signed_in,
        source,
        confidence,
        device,
    } = filter.identify(ip("::ffff:10.0.0.9"), now)
    else {
        panic!("signed in");
    };
    assert_eq!(signed_in, person(YEAR_8));
    assert_eq!(
        (source, confidence),
        (IdentitySource::SignInPage, Confidence::Certain)
    );
    assert_eq!(device.as_deref(), Some("library"));

    let Who::Known {
        source, confidence, ..
    } = filter.identify(ip("10.0.0.7"), now)
    else {
        panic!("in the map");
    };
    assert_eq!(
        (source, confidence),
        (IdentitySource::AddressMap, Confidence::Likely)
    );

    assert!(map.sign_out(ip("10.0.0.9")));
    assert_eq!(
        why(&filter.identify(ip("10.0.0.9"), now)),
        Some(Unknown::SharedDevice)
    );
}

fn fixed(range: &str, owner: Owner, device: &str) -> FixedEntry {
    FixedEntry {
        range: range.parse().unwrap(),
        owner,
        device: Some(Arc::from(device)),
    }
}

/// The map is bounded: the sign-in that runs out soonest gives way and is counted; what has long
/// run out is swept.
#[test]
fn the_address_map_is_bounded_and_swept() {
    let filter = Filter::new();
    let map = filter.addresses();
    let until = |n: u32| at(LESSON) + jiff::SignedDuration::from_secs(i64::from(n) + 1);
    let all = u32::try_from(SIGN_INS_MAX).unwrap() * 2;
    for n in 0..all {
        map.sign_in(IpAddr::from(n.to_be_bytes()), person(1), None, until(n));
    }
    let kept = map.evidence(at(LESSON));
    assert!(kept.len() <= SIGN_INS_MAX);
    assert_eq!(kept.len() as u64 + map.displaced(), u64::from(all));
    assert!(
        kept.iter()
            .any(|(address, _)| *address == IpAddr::from((all - 1).to_be_bytes()))
    );
    map.sweep(at("2026-03-20T00:00:00Z"));
    assert!(map.evidence(at(LESSON)).is_empty());
}

/// FIL-17: a device whose user is unknown, and a person no longer on the roll, get every block of
/// every group of pupils, the strictest mode and no allowance.
#[test]
fn fil_17_an_unknown_user_gets_the_strictest_policy() {
    let mut spec = PolicySpec::default();
    for (group, site) in [
        ("pupils", "a.test"),
        ("boarders", "b.test"),
        ("staff", "c.test"),
    ] {
        spec.rules.push(pharos_policy::spec::RuleSpec {
            groups: words(&[group]),
            sites: words(&[site]),
            ..rule(group, Action::Block)
        });
    }
    let school = School::new(&spec);
    for who in [nobody(), known(999)] {
        for (site, action) in [
            ("a.test", Action::Block),
            ("b.test", Action::Block),
            ("c.test", Action::Allow),
            ("other.test", Action::Allow),
        ] {
            assert_eq!(school.ask(&who, site, LESSON).action, action, "{site}");
        }
    }
    spec.modes.push(ModeSpec {
        mode: PhaseMode::AdultLed,
        years: vec!["N-2".parse().unwrap()],
        groups: vec![],
        except: vec![],
    });
    assert_eq!(
        School::new(&spec)
            .ask(&nobody(), "other.test", LESSON)
            .action,
        Action::Block
    );
    spec.unknown.mode = Some(PhaseMode::General);
    assert_eq!(
        School::new(&spec)
            .ask(&nobody(), "other.test", LESSON)
            .action,
        Action::Allow
    );
}

/// FIL-15: unknown devices in a guest place get the guests' policy, elsewhere the strictest.
#[test]
fn fil_15_a_visitors_phone_gets_guest_policy() {
    let mut spec = PolicySpec::default();
    spec.places.insert(
        "guest-wifi".into(),
        PlaceSpec {
            ranges: words(&["10.9.0.0/16"]),
        },
    );
    let guests = GuestSpec {
        places: words(&["guest-wifi"]),
        groups: words(&["visitors"]),
    };
    spec.unknown.guests.push(guests);
    for (group, site) in [("pupils", "pupils.test"), ("visitors", "visitors.test")] {
        spec.rules.push(pharos_policy::spec::RuleSpec {
            groups: words(&[group]),
            sites: words(&[site]),
            ..rule(group, Action::Block)
        });
    }
    let school = School::new(&spec);
    let ask = |from: &str, site: &str| {
        let (who, address) = (nobody(), address(site));
        school
            .snapshot
            .decide(&query(&who, &address, Some(ip(from)), LESSON))
            .action
    };
    assert_eq!(ask("10.9.3.4", "visitors.test"), Action::Block);
    assert_eq!(ask("10.9.3.4", "pupils.test"), Action::Allow);
    assert_eq!(ask("10.8.3.4", "pupils.test"), Action::Block);
}

/// MON-01: events say for which group a decision was made.
#[test]
fn mon_01_a_decision_is_made_for_a_group() {
    let school = School::new(&PolicySpec::default());
    let group = |who: &Who| school.snapshot.group_name(who, None).unwrap().to_string();
    assert_eq!(group(&known(BOARDER)), "pupils");
    assert_eq!(group(&known(TEACHER)), "staff");
    assert_eq!(group(&known(999)), "unknown");
    assert_eq!(group(&nobody()), "unknown");
    let groups = school.snapshot.subject_groups(&known(BOARDER), None);
    let groups: Vec<&str> = groups.iter().map(AsRef::as_ref).collect();
    assert_eq!(groups, ["everyone", "pupils", "boarders"]);
}

/// FIL-01: the place counts.
#[test]
fn fil_01_a_rule_can_be_bound_to_a_place() {
    let mut spec = PolicySpec::default();
    spec.places.insert(
        "exam-hall".into(),
        PlaceSpec {
            ranges: words(&["10.3.0.0/24", "2001:db8:3::/48"]),
        },
    );
    spec.rules.push(pharos_policy::spec::RuleSpec {
        everything: true,
        places: words(&["exam-hall"]),
        ..rule("exam", Action::Block)
    });
    let school = School::new(&spec);
    let who = known(YEAR_8);
    let address = address("example.org");
    for (from, action) in [
        (Some("10.3.0.9"), Action::Block),
        (Some("::ffff:10.3.0.9"), Action::Block),
        (Some("2001:db8:3::1"), Action::Block),
        (Some("10.4.0.9"), Action::Allow),
        (None, Action::Allow),
    ] {
        let decision = school
            .snapshot
            .decide(&query(&who, &address, from.map(ip), LESSON));
        assert_eq!(decision.action, action, "{from:?}");
        if action == Action::Block {
            assert_eq!(decision.reasons[0].place.as_deref(), Some("exam-hall"));
        }
    }
}
