//! MON-02, MON-09, FIL-16: several pieces of evidence for one address, their order and their end.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_filter::{AddressMap, CLOCK_SLACK, Evidence, Filter, FixedEntry, Owner, Passing};
use pharos_policy::{Action, Layer, PolicySpec};
use pharos_school::{Confidence, IdentitySource, Unknown, Who};
use proptest::prelude::*;

use crate::kit::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 1, 0, 7));

fn says(
    source: IdentitySource,
    confidence: Confidence,
    who: u128,
    since: &str,
    until: &str,
) -> Evidence {
    Evidence {
        person: Some(person(who)),
        device: None,
        source,
        confidence,
        since: at(since),
        until: at(until),
    }
}

fn named(who: &Who) -> Option<(pharos_school::PersonId, IdentitySource)> {
    match who {
        Who::Known { person, source, .. } => Some((*person, *source)),
        Who::Unknown { .. } => None,
    }
}

/// MON-02: the surer evidence counts, of equally sure the later, of equally late the better source;
/// each ends at its own time, and then the next best speaks.
#[test]
fn mon_02_later_and_better_evidence_wins_in_the_published_order() {
    let map = AddressMap::default();
    let (lease, radius, page) = (
        IdentitySource::DhcpLease,
        IdentitySource::Radius,
        IdentitySource::SignInPage,
    );
    let (likely, certain) = (Confidence::Likely, Confidence::Certain);
    map.learn(
        HERE,
        says(
            lease,
            likely,
            1,
            "2026-03-04T09:59:00Z",
            "2026-03-04T18:00:00Z",
        ),
    );
    map.learn(
        HERE,
        says(
            page,
            certain,
            2,
            "2026-03-04T09:00:00Z",
            "2026-03-04T11:00:00Z",
        ),
    );
    let who = |time: &str| named(&map.identify(HERE, at(time)));
    assert_eq!(
        who("2026-03-04T10:00:00Z"),
        Some((person(2), page)),
        "surer, though earlier"
    );
    map.learn(
        HERE,
        says(
            radius,
            certain,
            3,
            "2026-03-04T10:05:00Z",
            "2026-03-04T10:30:00Z",
        ),
    );
    assert_eq!(
        who("2026-03-04T10:10:00Z"),
        Some((person(3), radius)),
        "as sure, and later"
    );
    assert_eq!(
        who("2026-03-04T10:30:00Z"),
        Some((person(2), page)),
        "the Wi-Fi session is over"
    );
    assert_eq!(
        who("2026-03-04T11:00:00Z"),
        Some((person(1), lease)),
        "the sign-in is over"
    );
    assert_eq!(who("2026-03-04T18:00:00Z"), None);
    assert!(matches!(
        map.identify(HERE, at("2026-03-04T18:00:00Z")),
        Who::Unknown {
            why: Unknown::Expired,
            ..
        }
    ));
    assert!(map.end_source(HERE, page) && !map.end_source(HERE, page));
}

/// MON-02: an address that a lease gives to another device tells nothing about the one before.
#[test]
fn mon_02_an_address_given_to_another_device_starts_anew() {
    let map = AddressMap::default();
    let (first, second): (Arc<str>, Arc<str>) = ("02:00:00:00:00:01".into(), "tablet 2".into());
    map.bind(HERE, &first);
    map.sign_in(HERE, person(1), None, at("2026-03-04T18:00:00Z"));
    map.bind(HERE, &first);
    let now = at(LESSON);
    assert_eq!(map.identify(HERE, now).person(), Some(person(1)));
    map.bind(HERE, &second);
    assert_eq!(map.identify(HERE, now).person(), None);
}

/// MON-02: a device that is known without a person lends its name, and nobody else's.
#[test]
fn mon_02_a_device_alone_names_nobody() {
    let map = AddressMap::default();
    map.set_fixed([FixedEntry {
        range: "10.1.0.0/24".parse().unwrap(),
        owner: Owner::Shared,
        device: Some("the library".into()),
    }]);
    map.learn(
        HERE,
        Evidence {
            person: None,
            device: Some("tablet 9".into()),
            source: IdentitySource::DhcpLease,
            confidence: Confidence::None,
            since: at("2026-03-04T09:00:00Z"),
            until: at("2026-03-04T12:00:00Z"),
        },
    );
    let who = map.identify(HERE, at(LESSON));
    assert_eq!(who.person(), None);
    assert_eq!(who.device().map(AsRef::as_ref), Some("tablet 9"));
    map.sign_in(HERE, person(4), None, at("2026-03-04T12:00:00Z"));
    let who = map.identify(HERE, at(LESSON));
    assert_eq!(who.person(), Some(person(4)));
    assert_eq!(who.device().map(AsRef::as_ref), Some("tablet 9"));
}

/// MON-09: on a network where the notice comes first nothing loads but help, until somebody is
/// named there; elsewhere nothing changes.
#[test]
fn mon_09_nothing_but_help_loads_before_the_notice_is_accepted() {
    let filter = Filter::new();
    let mut spec = PolicySpec::default();
    spec.help.push(pharos_policy::spec::HelpSpec {
        name: "Childline".into(),
        sites: words(&["help.test"]),
    });
    filter.install(School::new(&spec).snapshot);
    filter
        .addresses()
        .set_notice(["10.1.0.0/16".parse().unwrap()]);
    let ask = |from: &str, site: &str| {
        let (from, address) = (from.parse().unwrap(), address(site));
        let who = filter.identify(from, at(LESSON));
        let decision =
            filter
                .snapshot()
                .unwrap()
                .decide(&query(&who, &address, Some(from), LESSON));
        (decision.action, decision.layer, decision.rule.to_string())
    };
    let held = (Action::Block, Layer::SchoolBlock, "notice".to_owned());
    assert_eq!(ask("10.1.0.7", "news.test"), held);
    assert_eq!(ask("10.1.0.7", "help.test").0, Action::Allow);
    assert_eq!(ask("10.2.0.7", "news.test").0, Action::Allow);
    filter.addresses().learn(
        HERE,
        says(
            IdentitySource::VisitorNotice,
            Confidence::Likely,
            YEAR_8,
            "2026-03-04T09:00:00Z",
            "2026-03-04T12:00:00Z",
        ),
    );
    assert_eq!(ask("10.1.0.7", "news.test").0, Action::Allow);
    assert!(filter.addresses().sign_out(HERE));
    assert_eq!(ask("10.1.0.7", "news.test"), held);
}

proptest! {
    /// MON-02: whatever the clock does, evidence names somebody only inside its own time, give or
    /// take the slack at its beginning.
    #[test]
    fn mon_02_evidence_is_never_believed_outside_its_time(
        since in 0i64..100_000,
        length in 1i64..100_000,
        looks in proptest::collection::vec(-300_000i64..300_000, 1..20),
    ) {
        let map = AddressMap::default();
        let start = at(LESSON);
        let after = |seconds| start + SignedDuration::from_secs(seconds);
        map.learn(HERE, Evidence {
            person: Some(person(1)),
            device: None,
            source: IdentitySource::Radius,
            confidence: Confidence::Certain,
            since: after(since),
            until: after(since + length),
        });
        for look in looks {
            let inside = look >= since - CLOCK_SLACK.as_secs() && look < since + length;
            prop_assert_eq!(map.identify(HERE, after(look)).person().is_some(), inside);
        }
    }
}

/// FIL-16: the last time that an address passed is kept, whatever order the events come in.
#[test]
fn fil_16_the_last_passing_of_an_address_is_kept() {
    let passing = Passing::default();
    let (early, late): (Timestamp, Timestamp) =
        (at("2026-03-04T10:00:00Z"), at("2026-03-04T10:30:00Z"));
    passing.note(HERE, late);
    passing.note("::ffff:10.1.0.7".parse().unwrap(), early);
    assert_eq!(passing.last(HERE), Some(late));
    assert_eq!(passing.all(), [(HERE, late)]);
    passing.forget_before(at("2026-03-04T11:00:00Z"));
    assert_eq!(passing.last(HERE), None);
}
