//! Clauses held against facts, and the governors' report, told as the requirements tell them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pharos_governance::*;
use pharos_school::{AlertId, CaseId, CheckId, PersonId, Role};
use uuid::Uuid;

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn check(n: u128) -> CheckId {
    CheckId::from_uuid(Uuid::from_u128(n))
}

fn case(n: u128) -> CaseId {
    CaseId::from_uuid(Uuid::from_u128(n))
}

fn probe(group: &str, result: ProbeResult, at: Timestamp) -> Probe {
    Probe {
        check: check(1),
        at,
        group: group.into(),
        subject: Subject::Category("pornography".into()),
        result,
    }
}

fn stands(control: &str, facts: &Facts) -> Assessment {
    assess(&Control::parse(control).unwrap(), "clause-1", facts, now())
}

const BLOCKS: &str = "filter.blocks(category=pornography, groups=pupils)";

fn pupils() -> Facts {
    Facts {
        groups: BTreeMap::from([("pupils".into(), vec!["prep".into(), "senior".into()])]),
        ..Facts::default()
    }
}

/// AUD-02, REV-09: a clause is met only by proof; a group that was not tried puts it at risk, a
/// fault makes it not met, and the check is the evidence.
#[test]
fn aud_02_filter_blocks_needs_proof_for_every_group() {
    let mut facts = pupils();
    assert_eq!(stands(BLOCKS, &facts).standing, Standing::NotMet);
    facts
        .probes
        .push(probe("prep", ProbeResult::Passed, ago(3)));
    assert_eq!(stands(BLOCKS, &facts).standing, Standing::AtRisk);
    facts
        .probes
        .push(probe("senior", ProbeResult::Passed, ago(3)));
    let met = stands(BLOCKS, &facts);
    assert_eq!(
        (met.standing, met.evidence),
        (Standing::Met, vec![Evidence::Check { check: check(1) }])
    );
    // A planted fault is found at the next run.
    facts
        .probes
        .push(probe("senior", ProbeResult::Failed, ago(1)));
    let failed = stands(BLOCKS, &facts);
    assert_eq!(failed.standing, Standing::NotMet);
    assert_eq!(
        failed.sentence,
        "The last check failed: pornography for senior."
    );
}

/// REV-09: a setting changed away from the policy shows at once, before the next check.
#[test]
fn rev_09_a_setting_away_from_the_policy_shows_at_once() {
    let mut facts = pupils();
    for group in ["prep", "senior"] {
        facts.probes.push(probe(group, ProbeResult::Passed, ago(3)));
    }
    facts.settings.push(SettingFact {
        group: "senior".into(),
        subject: Subject::Category("pornography".into()),
        on: false,
        policy_version: 7,
    });
    let off = stands(BLOCKS, &facts);
    assert_eq!(off.standing, Standing::NotMet);
    assert_eq!(
        off.sentence,
        "The settings in force (policy version 7) do not do this: pornography for senior."
    );
    assert!(off.evidence.contains(&Evidence::Policy { version: 7 }));
}

/// AUD-02: proof that is more than a week old is no proof of today.
#[test]
fn aud_02_old_proof_puts_a_clause_at_risk() {
    let mut facts = pupils();
    for group in ["prep", "senior"] {
        facts
            .probes
            .push(probe(group, ProbeResult::Passed, ago(24 * 8)));
    }
    assert_eq!(stands(BLOCKS, &facts).standing, Standing::AtRisk);
}

/// SRCH-05: forced safe search is shown per group and engine; a broken rule is not met.
#[test]
fn srch_05_safe_search_is_shown_per_group() {
    let probe = |group: &str, result| Probe {
        check: check(2),
        at: ago(1),
        group: group.into(),
        subject: Subject::SafeSearch("google".into()),
        result,
    };
    let mut facts = Facts {
        probes: vec![
            probe("prep", ProbeResult::Passed),
            probe("senior", ProbeResult::Passed),
        ],
        ..Facts::default()
    };
    let control = "safe_search.on(engines=google)";
    assert_eq!(stands(control, &facts).standing, Standing::Met);
    assert_eq!(
        stands("safe_search.on(engines=google, bing)", &facts).standing,
        Standing::AtRisk
    );
    facts.probes[1].result = ProbeResult::Failed;
    assert_eq!(stands(control, &facts).standing, Standing::NotMet);
}

/// REV-09: no sealed list is an honest "not met" that says what to do.
#[test]
fn rev_09_no_sealed_list_is_honestly_not_met() {
    let empty = stands("sealed.fresh", &Facts::default());
    assert_eq!(empty.standing, Standing::NotMet);
    assert!(
        empty
            .sentence
            .contains("has not joined a body that gives one")
    );
    let list = |hours, entries, held| SealedListFact {
        name: "iwf".into(),
        entries,
        refreshed_at: Some(ago(hours)),
        test_entry_held: held,
    };
    let with = |list| {
        stands(
            "sealed.fresh(within=3 days)",
            &Facts {
                sealed: vec![list],
                ..Facts::default()
            },
        )
        .standing
    };
    assert_eq!(with(list(5, 100, Some(true))), Standing::Met);
    assert_eq!(with(list(60, 100, None)), Standing::AtRisk);
    assert_eq!(with(list(80, 100, None)), Standing::NotMet);
    assert_eq!(with(list(5, 0, None)), Standing::NotMet);
    assert_eq!(with(list(5, 100, Some(false))), Standing::NotMet);
}

/// AUD-02: the check is passed within its interval, nearly overdue, overdue, or failed.
#[test]
fn aud_02_the_check_passes_within_its_interval() {
    let with = |hours, passed| {
        let run = (check(3), ago(hours));
        let facts = Facts {
            check_last: Some((run.0, run.1, passed)),
            check_passed: Some((check(1), ago(hours.max(1)))),
            ..Facts::default()
        };
        stands("check.passed(filter, within=1 week)", &facts).standing
    };
    assert_eq!(with(24, true), Standing::Met);
    assert_eq!(with(24 * 6, true), Standing::AtRisk);
    assert_eq!(with(24 * 8, true), Standing::NotMet);
    assert_eq!(with(1, false), Standing::NotMet);
    assert_eq!(
        stands("check.passed(filter, within=1 week)", &Facts::default()).standing,
        Standing::NotMet
    );
}

/// REV-09: breaches handled in time; one open too long is not met and comes first in the evidence.
#[test]
fn rev_09_breaches_are_handled_in_time() {
    let breach = |n, reported, closed: Option<i64>| BreachFact {
        case: case(n),
        reported_at: ago(reported),
        closed_at: closed.map(ago),
    };
    let with = |breaches| {
        stands(
            "breaches.handled(within=5 days)",
            &Facts {
                breaches,
                ..Facts::default()
            },
        )
    };
    assert_eq!(with(vec![]).standing, Standing::Met);
    assert_eq!(with(vec![breach(1, 48, Some(10))]).standing, Standing::Met);
    assert_eq!(with(vec![breach(1, 110, None)]).standing, Standing::AtRisk);
    assert_eq!(
        with(vec![breach(1, 24 * 10, Some(24))]).standing,
        Standing::AtRisk,
        "a lapse in the last four weeks"
    );
    assert_eq!(
        with(vec![breach(1, 24 * 60, Some(24 * 40))]).standing,
        Standing::Met,
        "a lapse long ago"
    );
    let late = with(vec![breach(1, 48, Some(10)), breach(2, 24 * 6, None)]);
    assert_eq!(
        (late.standing, late.evidence[0].clone()),
        (Standing::NotMet, Evidence::Case { case: case(2) })
    );
}

/// REV-09, CON-09: parents told, or the lead's reason; a passed review date counts as late.
#[test]
fn rev_09_parents_are_told_or_the_reason_is_written() {
    let with = |parents_now| {
        let facts = Facts {
            parents: vec![ParentsFact {
                case: case(1),
                reported_at: ago(24 * 10),
                now: parents_now,
            }],
            ..Facts::default()
        };
        stands("parents.told", &facts).standing
    };
    assert_eq!(with(ParentsNow::Undecided), Standing::NotMet);
    assert_eq!(with(ParentsNow::Told(ago(24 * 9))), Standing::Met);
    assert_eq!(with(ParentsNow::NotTold(ago(24 * 9))), Standing::Met);
    assert_eq!(with(ParentsNow::Told(ago(1))), Standing::AtRisk);
    assert_eq!(
        with(ParentsNow::NotYet("2026-11-25".parse().unwrap())),
        Standing::Met
    );
    assert_eq!(
        with(ParentsNow::NotYet("2026-11-15".parse().unwrap())),
        Standing::NotMet
    );
}

/// CLK-02, REV-09: alerts are acknowledged within their minutes.
#[test]
fn clk_02_alerts_are_acknowledged_in_time() {
    let with = |raised: i64, acknowledged: Option<i64>| {
        let minutes = |m| now() - SignedDuration::from_mins(m);
        let alert = AlertFact {
            alert: AlertId::from_uuid(Uuid::from_u128(1)),
            raised_at: minutes(raised),
            acknowledged_at: acknowledged.map(minutes),
        };
        stands(
            "alerts.acknowledged(within=30 minutes)",
            &Facts {
                alerts: vec![alert],
                ..Facts::default()
            },
        )
        .standing
    };
    assert_eq!(with(100, Some(80)), Standing::Met);
    assert_eq!(with(100, Some(50)), Standing::AtRisk);
    assert_eq!(with(10, None), Standing::Met);
    assert_eq!(with(28, None), Standing::AtRisk);
    assert_eq!(with(40, None), Standing::NotMet);
}

/// MON-11, REV-09: an audit of attempts is signed within its time after the period; a school that
/// switched it off does not keep a clause about it.
#[test]
fn mon_11_an_audit_of_attempts_is_signed_in_time() {
    let with = |ended: i64, signed: Option<i64>| {
        let audit = AuditFact {
            from: "2026-09-03".parse().unwrap(),
            ended_at: ago(24 * ended),
            signed_at: signed.map(|days| ago(24 * days)),
        };
        let facts = Facts {
            audits: Some(vec![audit]),
            ..Facts::default()
        };
        let stands = stands("attempts.audited(within=10 days)", &facts);
        (stands.standing, stands.evidence.len())
    };
    assert_eq!(with(20, Some(12)), (Standing::Met, 1));
    assert_eq!(with(20, Some(5)), (Standing::AtRisk, 1));
    assert_eq!(with(3, None), (Standing::Met, 1));
    assert_eq!(with(9, None), (Standing::AtRisk, 1));
    assert_eq!(with(11, None), (Standing::NotMet, 1));
    let off = stands("attempts.audited(within=10 days)", &Facts::default());
    assert_eq!(off.standing, Standing::NotMet);
    assert!(
        off.sentence.contains("mon.attempt_audit"),
        "{}",
        off.sentence
    );
}

/// MON-07, REV-09: supervision is noted within its time after the lesson.
#[test]
fn mon_07_supervision_is_noted_in_time() {
    let with = |lessons: &[(i64, Option<i64>)]| {
        let supervised = lessons.iter().map(|(ended, noted)| SupervisedFact {
            ended_at: ago(*ended),
            noted_at: noted.map(ago),
        });
        let facts = Facts {
            supervised: supervised.collect(),
            ..Facts::default()
        };
        stands("supervision.noted(within=1 week)", &facts).standing
    };
    assert_eq!(with(&[]), Standing::Met);
    assert_eq!(with(&[(20, Some(19)), (300, Some(200))]), Standing::Met);
    assert_eq!(with(&[(160, None)]), Standing::AtRisk);
    assert_eq!(with(&[(20, Some(19)), (170, None)]), Standing::NotMet);
}

/// AUD-02, REV-09: people test by hand within the interval; what did not hold stays a fault until it
/// was tested again.
#[test]
fn aud_02_tests_by_hand_are_evidence() {
    let with = |tests: &[(u128, i64, bool)]| {
        let hand = tests.iter().map(|(n, hours, passed)| HandFact {
            check: check(*n),
            at: ago(*hours),
            passed: *passed,
        });
        let facts = Facts {
            hand: hand.collect(),
            ..Facts::default()
        };
        let stands = stands("check.passed(hand, within=1 week)", &facts);
        (stands.standing, stands.evidence)
    };
    let seen = |n| Evidence::Check { check: check(n) };
    assert_eq!(with(&[]), (Standing::NotMet, vec![]));
    assert_eq!(with(&[(1, 5, true)]), (Standing::Met, vec![seen(1)]));
    assert_eq!(with(&[(1, 150, true)]), (Standing::AtRisk, vec![seen(1)]));
    assert_eq!(with(&[(1, 170, true)]), (Standing::NotMet, vec![seen(1)]));
    assert_eq!(
        with(&[(1, 5, true), (2, 20, false)]),
        (Standing::NotMet, vec![seen(2), seen(1)])
    );
}

/// REV-09: a named person says so, on a date, for this clause and in the role asked for.
#[test]
fn rev_09_a_statement_holds_for_its_time() {
    let with = |clause: &str, role, days: i64| {
        let statement = Attestation {
            clause: clause.into(),
            by: PersonId::from_uuid(Uuid::from_u128(5)),
            role,
            at: ago(24 * days),
        };
        stands(
            "attested(by=head, within=1 year)",
            &Facts {
                attestations: vec![statement],
                ..Facts::default()
            },
        )
        .standing
    };
    assert_eq!(with("clause-1", Role::Head, 10), Standing::Attested);
    assert_eq!(with("clause-1", Role::Head, 330), Standing::AtRisk);
    assert_eq!(with("clause-1", Role::Head, 400), Standing::NotMet);
    assert_eq!(with("clause-2", Role::Head, 10), Standing::NotMet);
    assert_eq!(with("clause-1", Role::Teacher, 10), Standing::NotMet);
}

fn clause(controls: &[&str]) -> Clause {
    Clause {
        id: "filtering".into(),
        title: "Filtering".into(),
        text: "Pornography is blocked.".into(),
        controls: controls
            .iter()
            .map(|text| Control::parse(text).unwrap())
            .collect(),
    }
}

/// REV-09: a clause is as good as its worst control, and each change is a line of its history.
#[test]
fn rev_09_a_clause_is_as_good_as_its_worst_control() {
    let facts = Facts::default();
    let assessed = assess_clause(
        &clause(&["breaches.handled(within=5 days)", "sealed.fresh"]),
        &facts,
        now(),
    );
    assert_eq!(assessed.standing, Some(Standing::NotMet));
    assert_eq!(
        assessed.deciding().unwrap().control,
        "sealed.fresh(within=3 days)"
    );
    assert_eq!(assess_clause(&clause(&[]), &facts, now()).standing, None);

    let mut before = BTreeMap::new();
    let first = changes(&before, std::slice::from_ref(&assessed), now());
    assert_eq!((first[0].from, first[0].to), (None, Standing::NotMet));
    before.insert("filtering".to_owned(), Standing::NotMet);
    assert_eq!(changes(&before, std::slice::from_ref(&assessed), now()), []);
    before.insert("filtering".to_owned(), Standing::Met);
    assert_eq!(
        changes(&before, &[assessed], now())[0].from,
        Some(Standing::Met)
    );
}

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn figures(n: usize, nature: &str) -> Vec<CaseFigures> {
    (0..n)
        .map(|i| CaseFigures {
            reported_on: "2026-10-05".parse().unwrap(),
            closed_on: "2026-10-20".parse().ok(),
            procedure: label("filter-breach"),
            level: Some(label("low")),
            harm: vec![label("wrong-for-age")],
            outcome: Some(label("education")),
            nature: Some(label(nature)),
            reporter: label("staff"),
            to_lead_minutes: Some(10 + i as u64),
            to_outside_minutes: if i == 0 { Some(30) } else { None },
            to_parents_minutes: Some(300),
            parents: vec![label("told")],
            referrals: vec![],
            overran: vec![label("acknowledge")],
            lessons: vec![label("filtering")],
            refused: 0,
        })
        .collect()
}

fn period() -> Period {
    Period {
        from: "2026-09-01".parse().unwrap(),
        to: "2026-12-18".parse().unwrap(),
    }
}

/// REP-01, ROLE-07, CLK-02: counts, outcomes, times, checks, clauses and overrun steps of the
/// period; small numbers hidden, and not given away by the totals.
#[test]
fn rep_01_the_report_counts_the_period_without_small_numbers() {
    let mut input = ReportInput {
        cases: figures(9, "accidental"),
        ..ReportInput::default()
    };
    input.cases.extend(figures(2, "deliberate"));
    let mut outside = figures(1, "accidental").remove(0);
    outside.reported_on = "2026-01-10".parse().unwrap();
    outside.closed_on = None;
    input.cases.push(outside);
    input.checks = vec![
        CheckFigures {
            on: "2026-09-01".parse().unwrap(),
            tried: 20,
            failed: 1,
        },
        CheckFigures {
            on: "2026-09-02".parse().unwrap(),
            tried: 20,
            failed: 0,
        },
    ];
    input.clauses = vec![assess_clause(
        &clause(&["sealed.fresh"]),
        &Facts::default(),
        now(),
    )];
    input.lists = vec![ListLine {
        name: "ut1".into(),
        entries: 4_000_000,
        refreshed_at: "2026-12-16T00:00:00Z".parse().ok(),
        sealed: false,
    }];
    let report = GovernorsReport::build(&input, period());

    let nature = report
        .cases
        .iter()
        .find(|table| table.title == "Cases reported, by nature")
        .unwrap();
    let shown: Vec<(String, String)> = nature
        .rows
        .iter()
        .map(|(label, count)| (label.words(), count.to_string()))
        .collect();
    assert_eq!(
        shown,
        [
            ("Accidental".into(), "not shown".into()),
            ("Deliberate".into(), "fewer than five".into())
        ] as [(String, String); 2]
    );
    assert_eq!(
        nature.total,
        Some(Count::Exact(11)),
        "the case of another period is not counted"
    );

    let time = |what: &str| {
        report
            .times
            .iter()
            .find(|time| time.what.contains(what))
            .unwrap()
            .clone()
    };
    assert_eq!(time("safeguarding lead").median_minutes, Some(13));
    assert_eq!(
        (time("police").median_minutes, time("police").of),
        (None, Count::FewerThanFive)
    );
    assert_eq!(report.checks, (2, 1, 107));
    assert_eq!(
        report.wanting[0].why,
        "No sealed list of illegal content is loaded."
    );
    assert_eq!(report.clauses, [0, 0, 0, 1, 0]);
    assert_eq!(report.lists[0].1, Some(2));
    let overran = report
        .follow_up
        .iter()
        .find(|table| table.title.starts_with("Steps that took longer"))
        .unwrap();
    assert_eq!(overran.rows, [(label("acknowledge"), Count::Exact(11))]);
}

/// ROLE-07: a name cannot get into the report: what is counted are labels.
#[test]
fn role_07_a_name_is_not_a_label() {
    for name in ["Ada Okafor", "Ada", "ada okafor", "", "a.b@example.test"] {
        assert_eq!(Label::new(name), Err(NotALabel), "{name}");
    }
}

/// ROLE-07: an empty period is a report with no counts, not an error.
#[test]
fn role_07_an_empty_period_reports_none() {
    let report = GovernorsReport::build(&ReportInput::default(), period());
    assert!(report.cases.iter().all(|table| table.rows.is_empty()));
    assert_eq!(report.cases[0].total, Some(Count::Exact(0)));
}

/// FIL-15, AUD-02: a class of devices in scope that is not covered puts the clause at risk, with what is
/// missing; one that the clause promises and the setting leaves out makes it not met.
#[test]
fn fil_15_the_scope_is_covered_or_at_risk() {
    let fact = |class: &str, missing: Option<&str>| ScopeFact {
        class: class.into(),
        title: format!("The {class}"),
        missing: missing.map(str::to_owned),
    };
    let mut facts = Facts {
        scope: vec![fact("school-devices", None), fact("visitors", None)],
        ..Facts::default()
    };
    assert_eq!(stands("scope.covered", &facts).standing, Standing::Met);
    facts
        .scope
        .push(fact("off-site", Some("No device has a path.")));
    let risk = stands("scope.covered", &facts);
    assert_eq!(risk.standing, Standing::AtRisk);
    assert_eq!(risk.sentence, "The off-site: No device has a path.");
    assert_eq!(risk.evidence, [Evidence::Limits]);
    let named = "scope.covered(classes=school-devices, visitors)";
    assert_eq!(stands(named, &facts).standing, Standing::Met);
    let promised = "scope.covered(classes=visitors, personal-devices)";
    let broken = stands(promised, &facts);
    assert_eq!(broken.standing, Standing::NotMet);
    assert!(
        broken.sentence.contains("personal-devices"),
        "{}",
        broken.sentence
    );
    assert_eq!(
        stands("scope.covered", &Facts::default()).standing,
        Standing::NotMet
    );
}
