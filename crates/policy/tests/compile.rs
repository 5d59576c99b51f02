//! A policy that is wrong is refused with everything that is wrong, each with its field (CFG-01,
//! FIL-06), and the policy as written survives being stored and read back.
#![allow(clippy::unwrap_used, reason = "a test stops where it is surprised")]

use std::sync::Arc;

use pharos_policy::spec::{
    DatesSpec, Day, ExceptionSpec, GroupSpec, HelpSpec, HoursSpec, LessonSpec, PlaceSpec, RuleSpec,
    SearchSpec, SpanSpec, TenantSpec,
};
use pharos_policy::{Action, Policy, PolicySpec, Vocabulary, YouTube};

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn rule(name: &str) -> RuleSpec {
    RuleSpec {
        name: name.to_owned(),
        action: Action::Block,
        groups: vec![],
        except: vec![],
        categories: vec![],
        sites: vec![],
        everything: false,
        hours: vec![],
        except_hours: vec![],
        places: vec![],
    }
}

fn paths(spec: &PolicySpec) -> Vec<String> {
    let categories = [Arc::from("games")];
    let declared = [Arc::from("gambling")];
    let vocabulary = Vocabulary {
        categories: &categories,
        declared: &declared,
        engines: &["google"],
    };
    match Policy::compile(spec, &vocabulary) {
        Ok(_) => vec![],
        Err(problems) => {
            assert!(problems.iter().all(|problem| !problem.message.is_empty()));
            problems.into_iter().map(|problem| problem.path).collect()
        }
    }
}

#[test]
fn everything_wrong_is_reported_in_one_go_with_its_field() {
    let mut spec = PolicySpec {
        zone: "Europe/Nowhere".into(),
        ..PolicySpec::default()
    };
    let dates = DatesSpec {
        from: "2026-04-01".parse().unwrap(),
        to: "2026-03-01".parse().unwrap(),
    };
    spec.calendar.terms.push(dates);
    spec.hours.insert("lesson".into(), HoursSpec::default());
    spec.places.insert(
        "hall".into(),
        PlaceSpec {
            ranges: words(&["10.0.0.0/8", "10.0.0.0/40"]),
        },
    );
    let roles = vec![pharos_school::Role::Pupil];
    for (name, except) in [("a", "b"), ("b", "a"), ("c", "nobody")] {
        let except = words(&[except]);
        spec.groups.insert(
            name.into(),
            GroupSpec {
                roles: roles.clone(),
                except,
                ..GroupSpec::default()
            },
        );
    }
    spec.groups.insert(
        "pupils".into(),
        GroupSpec {
            roles,
            ..GroupSpec::default()
        },
    );
    spec.rules = vec![
        RuleSpec {
            categories: words(&["games", "gmaes"]),
            groups: words(&["pupil"]),
            ..rule("one")
        },
        RuleSpec {
            sites: words(&["not a site"]),
            hours: words(&["brake"]),
            places: words(&["shed"]),
            ..rule("one")
        },
        RuleSpec {
            action: Action::Allow,
            sites: words(&["test"]),
            ..rule("")
        },
        rule("empty"),
    ];
    spec.search.push(SearchSpec {
        groups: vec![],
        except: vec![],
        safe_search: true,
        youtube: YouTube::Off,
        tools: Some(words(&["google", "gogle"])),
    });
    spec.inspection.never_sites = words(&["bank.test/login"]);
    assert_eq!(
        paths(&spec),
        [
            "zone",
            "hours.lesson",
            "calendar.terms[0]",
            "places.hall.ranges[1]",
            "groups.pupils",
            "groups.c.except[0]",
            "groups.a.except[0]",
            "groups.b.except[0]",
            "rules[0].groups[0]",
            "rules[0].categories[1]",
            "rules[1].name",
            "rules[1].hours[0]",
            "rules[1].places[0]",
            "rules[1].sites[0]",
            "rules[2].name",
            "rules[2].sites[0]",
            "rules[3]",
            "inspection.never-sites[0]",
            "search[0].tools[1]",
        ]
    );
}

#[test]
fn overrides_are_checked_too() {
    let mut spec = PolicySpec::default();
    let (early, late) = (
        "2026-03-01T00:00:00Z".parse().unwrap(),
        "2026-03-02T00:00:00Z".parse().unwrap(),
    );
    spec.overrides.exceptions.push(ExceptionSpec {
        reference: " ".into(),
        groups: vec![],
        people: vec![],
        classes: vec![],
        sites: vec![],
        categories: vec![],
        from: Some(late),
        until: early,
    });
    spec.overrides.lessons.push(LessonSpec {
        reference: "L".into(),
        kind: Default::default(),
        classes: vec![],
        people: vec![],
        sites: words(&["example.org"]),
        from: late,
        until: early,
    });
    assert_eq!(
        paths(&spec),
        [
            "overrides.exceptions[0].reference",
            "overrides.exceptions[0].until",
            "overrides.exceptions[0]",
            "overrides.lessons[0]",
            "overrides.lessons[0].until",
        ]
    );
}

/// FIL-02: a rule for a category that no list carries yet waits for the list, and is named.
#[test]
fn fil_02_a_category_without_a_list_is_named() {
    let mut spec = PolicySpec::default();
    spec.rules.push(RuleSpec {
        categories: words(&["games", "gambling"]),
        ..rule("harmful")
    });
    let categories = [Arc::from("games")];
    let declared = [Arc::from("gambling")];
    let vocabulary = Vocabulary {
        categories: &categories,
        declared: &declared,
        engines: &[],
    };
    let policy = Policy::compile(&spec, &vocabulary).unwrap();
    assert_eq!(policy.unlisted(), [Arc::from("gambling")]);
}

#[test]
fn a_policy_is_stored_and_read_back_as_it_was() {
    let mut spec = PolicySpec::default();
    spec.hours.insert(
        "lesson".into(),
        HoursSpec {
            spans: vec![SpanSpec {
                days: Day::WEEKDAYS.to_vec(),
                from: "08:30".parse().unwrap(),
                to: "16:00".parse().unwrap(),
                who: Default::default(),
                on: Default::default(),
            }],
        },
    );
    spec.help.push(HelpSpec {
        name: "line".into(),
        sites: words(&["helpline.test"]),
    });
    spec.rules.push(RuleSpec {
        sites: words(&["a.test"]),
        except_hours: words(&["lesson"]),
        ..rule("r")
    });
    let text = serde_json::to_string(&spec).unwrap();
    assert!(
        text.contains("except-hours") && text.contains("\"mon\""),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<PolicySpec>(&text).unwrap(), spec);
    assert!(
        serde_json::from_str::<PolicySpec>(r#"{"ruels": []}"#).is_err(),
        "unknown keys"
    );
}

/// What the proxy is to send or leave alone is checked before it is in force: header names and
/// values that can be sent, whole hosts.
#[test]
fn srch_02_tenant_headers_and_hosts_are_checked() {
    let tenant = |hosts: &[&str], header: &str, value: &str| TenantSpec {
        hosts: words(hosts),
        header: header.to_owned(),
        value: value.to_owned(),
    };
    let mut spec = PolicySpec {
        tenants: vec![
            tenant(&["accounts.example"], "X-Allowed", "school.example"),
            tenant(&["a.example/path", "example"], "Host", "x"),
            tenant(&[], "Bad Header", "two\r\nlines"),
            tenant(&["a.example"], "X-Empty", ""),
        ],
        ..PolicySpec::default()
    };
    spec.inspection.tunnel_unreachable = words(&["old.example", "old.example/path"]);
    assert_eq!(
        paths(&spec),
        [
            "tenants[1].header",
            "tenants[1].hosts[0]",
            "tenants[1].hosts[1]",
            "tenants[2].header",
            "tenants[2].value",
            "tenants[2].hosts",
            "tenants[3].value",
            "inspection.tunnel-unreachable[1]",
        ]
    );
}
