//! One decision: against a catalogue of a million names, a policy of many rules and a roll of
//! 1,500 people. Checks the answers and prints the allocations before it measures.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use pharos_catalogue::{Address, Catalogue, Compiler, Entry, SealedLists};
use pharos_filter::{Parts, Query, Roster, Snapshot, Versions, compile_policy};
use pharos_policy::spec::{Day, ExceptionSpec, HoursSpec, RuleSpec, SpanSpec};
use pharos_policy::{Action, Member, PolicySpec};
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Role, Who, YearGroup};

const NAMES: u32 = 1_000_000;
const CATEGORIES: [&str; 4] = ["pornography", "gambling", "social-media", "games"];

fn catalogue(now: Timestamp) -> Catalogue {
    let mut compiler = Compiler::new(7, 1, now);
    let list = compiler.list("bench", 1, now).unwrap();
    for (n, category) in CATEGORIES.iter().enumerate() {
        let section = compiler.section(list, category).unwrap();
        for name in (0..NAMES).filter(|name| *name as usize % CATEGORIES.len() == n) {
            let host = format!("site-{name}.example{}.test", name % 97);
            compiler.add(
                section,
                &Entry {
                    category: None,
                    host: &host,
                    path: None,
                },
            );
        }
    }
    Catalogue::open(compiler.finish().unwrap().into()).unwrap()
}

fn spec() -> PolicySpec {
    let mut spec = PolicySpec::default();
    let weekdays = |from: &str, to: &str| SpanSpec {
        days: Day::WEEKDAYS.to_vec(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        who: Default::default(),
        on: Default::default(),
    };
    for (name, from, to) in [
        ("lesson", "08:30", "16:00"),
        ("evening", "19:30", "21:30"),
        ("night", "21:30", "07:00"),
    ] {
        spec.hours.insert(
            name.into(),
            HoursSpec {
                spans: vec![weekdays(from, to)],
            },
        );
    }
    for n in 0..40 {
        spec.rules.push(RuleSpec {
            name: format!("rule-{n}"),
            action: Action::Block,
            groups: vec!["pupils".into()],
            except: vec![],
            categories: vec![CATEGORIES[n % 4].into()],
            sites: vec![format!("blocked-{n}.test")],
            everything: false,
            hours: if n % 4 == 3 {
                vec!["night".into()]
            } else {
                vec![]
            },
            except_hours: vec![],
            places: vec![],
        });
    }
    for n in 0..500 {
        spec.overrides.exceptions.push(ExceptionSpec {
            reference: format!("EX-{n}"),
            groups: vec!["pupils".into()],
            people: vec![],
            classes: vec![],
            sites: vec![format!("opened-{n}.test/page")],
            categories: vec![],
            from: None,
            until: "2027-01-01T00:00:00Z".parse().unwrap(),
        });
    }
    spec
}

fn snapshot(now: Timestamp) -> Snapshot {
    let catalogue = catalogue(now);
    let policy = compile_policy(&spec(), catalogue.names(), &[]).unwrap();
    let mut roster = Roster::default();
    for n in 0..1_500u128 {
        roster.add(Member {
            person: PersonId::from_uuid(uuid::Uuid::from_u128(n)),
            username: format!("pupil-{n}").into(),
            roles: [Role::Pupil].into(),
            year: YearGroup::from_number(8),
            house: None,
            classes: Default::default(),
            class_names: Default::default(),
        });
    }
    Snapshot::new(Parts {
        policy: Arc::new(policy),
        categories: Arc::new(catalogue),
        sealed: Arc::new(SealedLists::default()),
        roster: Arc::new(roster),
        dictionaries: None,
        versions: Versions {
            policy: 1,
            catalogue: 1,
            lists: Arc::new([]),
        },
    })
}

fn decide(criterion: &mut Criterion) {
    let now: Timestamp = "2026-03-04T10:00:00Z".parse().unwrap();
    let snapshot = snapshot(now);
    let who = Who::Known {
        person: PersonId::from_uuid(uuid::Uuid::from_u128(700)),
        source: IdentitySource::ProxySignIn,
        confidence: Confidence::Certain,
        device: None,
    };
    let from = Some([10, 0, 0, 1].into());
    for (name, site, action) in [
        (
            "allow, on no list",
            "https://lessons.harbourmouth.sch.example/maths/8?page=2",
            Action::Allow,
        ),
        (
            "allow, on a list, other hours",
            "https://www.site-3.example3.test/",
            Action::Allow,
        ),
        (
            "allow, by exception",
            "https://opened-7.test/page",
            Action::Allow,
        ),
        (
            "narrow, search engine",
            "https://www.google.co.uk/search?q=tides",
            Action::Narrow,
        ),
        (
            "block, by category",
            "https://www.site-4.example4.test/",
            Action::Block,
        ),
    ] {
        let address = Address::parse(site).unwrap();
        let query = Query {
            address: &address,
            who: &who,
            from,
            face: Face::Https,
            now,
        };
        assert_eq!(snapshot.decide(&query).action, action, "{name}");
        let counted = allocation_counter::measure(|| {
            black_box(snapshot.decide(black_box(&query)));
        });
        println!("{name}: {} allocations", counted.count_total);
        assert!(
            counted.count_total == 0 || action == Action::Block,
            "{name}"
        );
        criterion.bench_function(name, |bench| {
            bench.iter(|| black_box(snapshot.decide(black_box(&query))));
        });
    }
}

criterion_group!(benches, decide);
criterion_main!(benches);
