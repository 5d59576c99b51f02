//! The allow path allocates nothing, counted by an allocator that counts.

use std::hint::black_box;

use pharos_policy::spec::{ExceptionSpec, RuleSpec, SearchSpec};
use pharos_policy::{Action, PolicySpec, YouTube};

use crate::kit::*;

fn busy_policy() -> PolicySpec {
    let mut spec = PolicySpec::default();
    spec.hours
        .insert("lesson".into(), hours(&[weekdays("08:30", "16:00")]));
    spec.hours
        .insert("night".into(), hours(&[weekdays("21:30", "07:00")]));
    for (n, category) in CATEGORIES.iter().enumerate() {
        spec.rules.push(RuleSpec {
            groups: words(&["pupils"]),
            categories: words(&[category]),
            hours: if *category == "games" {
                words(&["night"])
            } else {
                vec![]
            },
            ..rule(&format!("rule-{n}"), Action::Block)
        });
    }
    spec.search.push(SearchSpec {
        groups: words(&["pupils"]),
        except: vec![],
        safe_search: true,
        youtube: YouTube::Strict,
        tools: None,
    });
    spec.overrides.exceptions.push(ExceptionSpec {
        reference: "EX-1".into(),
        groups: words(&["pupils"]),
        people: vec![],
        classes: vec![],
        sites: words(&["bets.test/statistics"]),
        categories: vec![],
        from: None,
        until: at("2027-01-01T00:00:00Z"),
    });
    spec
}

/// FIL-01: deciding a request that passes makes no allocation, by whatever road it passes.
#[test]
fn fil_01_a_request_that_passes_allocates_nothing() {
    let school = School::with(
        &busy_policy(),
        &[("bets.test", "gambling"), ("games.test", "games")],
        &[],
    );
    for (site, action) in [
        ("https://lessons.example.org/a/b?c=d", Action::Allow),
        ("https://bets.test/statistics", Action::Allow),
        ("https://games.test/", Action::Allow),
        ("https://www.google.com/search?q=tides", Action::Narrow),
        ("example.org", Action::Allow),
    ] {
        let (who, address) = (known(YEAR_8), address(site));
        let question = query(&who, &address, Some([10, 0, 0, 1].into()), LESSON);
        let policy = school.snapshot.policy();
        let mut seen = None;
        let counted = allocation_counter::measure(|| {
            seen = Some(black_box(school.snapshot.decide(black_box(&question))).action);
        });
        assert_eq!(seen, Some(action), "{site}");
        assert_eq!(counted.count_total, 0, "{site}");
        assert!(policy.unlisted().is_empty());
    }
}
