//! The audit of what pupils tried to reach (MON-11).

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Actor, Routes, Rules, Target, act};
use pharos_casework::{Concern, Harm, Involved, Origin, Part, Reporter, Whom};
use pharos_governance::Standing;
use pharos_records::JournalFilter;
use pharos_service::{AuditPeriod, Error, ResponseKind};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::{is_closed, said};

/// The half term that the sample school opens in: from 2 November to the beginning of the next term.
const PERIOD: &str = "2026-11-02";

fn period() -> AuditPeriod {
    PERIOD.parse().unwrap()
}

/// Six attempts of one pupil on one theme; one grave one and three others of a second; games of a
/// third; help and a member of staff beside them.
async fn lived(school: &SampleSchool) {
    let day = SignedDuration::from_hours(24);
    for _ in 0..6 {
        school.visit("ada.quill", "pornography.pharos.test/").await;
        school.clock.forward(day);
    }
    school.visit("felix.arden", "self-harm.pharos.test/").await;
    school.visit("felix.arden", "childline.org.uk/").await;
    school.visit("ruth.okafor", "extremism.pharos.test/").await;
    pharos_activity::Store::flush(&*school.activity)
        .await
        .unwrap();
}

/// Goes on to a time after the school opened on Tuesday, 10 November at 10:00.
fn go_to(school: &SampleSchool, to: &str) {
    let to: Timestamp = to.parse().unwrap();
    school.clock.forward(to.duration_since(school.app.now()));
}

/// MON-11: a pupil with six blocked attempts on one theme heads the audit, before one with a single
/// grave one; help, staff and those nobody knows stand nowhere in it.
#[tokio::test]
async fn mon_11_six_attempts_on_one_theme_head_the_audit() {
    let school = SampleSchool::open().await;
    lived(&school).await;
    for _ in 0..9 {
        school.visit("noor.rahimi", "gambling.pharos.test/").await;
        school.clock.forward(SignedDuration::from_mins(20));
    }
    pharos_activity::Store::flush(&*school.activity)
        .await
        .unwrap();
    let lead = school.at_work("ruth.okafor").await;
    let audit = school
        .app
        .attempt_audit(&lead.actor, period(), 1)
        .await
        .unwrap();
    assert!(!audit.line.over && audit.whole && audit.more == 0);
    let (ada, felix, noor) = (
        school.person("ada.quill").await.id,
        school.person("felix.arden").await.id,
        school.person("noor.rahimi").await.id,
    );
    let rows: Vec<_> = audit
        .pupils
        .iter()
        .map(|pupil| {
            let themes = pupil.themes.iter();
            let tried = themes.map(|tried| (tried.theme, tried.attempts));
            (pupil.person, tried.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(
        rows,
        [
            (ada, vec![(Harm::SexualOrViolentMaterial, 6)]),
            (felix, vec![(Harm::SelfHarmMaterial, 1)]),
            (noor, vec![(Harm::Gambling, 9)])
        ],
        "what is only worth knowing stands last, however often"
    );
    assert_eq!((audit.unanswered, audit.total, audit.pages), (3, 3, 1));
    let lines = school.app.attempt_audits(&lead.actor).await.unwrap();
    assert_eq!(
        lines.len(),
        1,
        "none from before the school began: {lines:?}"
    );
    assert_eq!(lines[0].period.to.to_string(), "2027-01-05");
}

/// MON-11, CON-07: each listed pupil needs a response before the audit can be signed; what was done
/// stands in their chronology with who noted it and when; what was signed stays as it was, whatever
/// becomes of the activity.
#[tokio::test]
async fn mon_11_each_pupil_needs_a_response_before_the_audit_is_signed() {
    let school = SampleSchool::open().await;
    lived(&school).await;
    let (lead, deputy) = (
        school.at_work("ruth.okafor").await,
        school.at_work("tomas.brandt").await,
    );
    let (ada, felix) = (
        school.person("ada.quill").await.id,
        school.person("felix.arden").await.id,
    );
    let app = &school.app;
    let early = app
        .sign_attempt_audit(&lead, period(), "Too early.")
        .await
        .unwrap_err();
    assert!(matches!(early, Error::Refused(_)), "{early}");
    let words = "Spoke with her and her tutor; the counsellor sees her on Fridays.";
    let noted = app.now();
    app.respond_to_attempts(&deputy, period(), ada, ResponseKind::Support, words)
        .await
        .unwrap();
    go_to(&school, "2027-01-07T10:00:00Z");
    let open = app
        .sign_attempt_audit(&lead, period(), "One without a response.")
        .await
        .unwrap_err();
    let Error::Refused(text) = open else {
        panic!("signed though a pupil has no response: {open}");
    };
    assert!(text.starts_with("One pupil has no response yet."), "{text}");
    let blank = app
        .respond_to_attempts(&lead, period(), felix, ResponseKind::Other, " ")
        .await
        .unwrap_err();
    assert!(matches!(blank, Error::Invalid(_)), "{blank}");
    app.respond_to_attempts(
        &lead,
        period(),
        felix,
        ResponseKind::Other,
        "Schoolwork on well-being; nothing was needed.",
    )
    .await
    .unwrap();
    let blank = app
        .sign_attempt_audit(&lead, period(), "")
        .await
        .unwrap_err();
    assert!(matches!(blank, Error::Invalid(_)), "{blank}");
    app.sign_attempt_audit(&lead, period(), "One theme in Year 8; taught next week.")
        .await
        .unwrap();

    let chronology = app.attempt_responses_of(&lead.actor, ada).await.unwrap();
    let told: Vec<_> = chronology
        .iter()
        .map(|one| (one.kind, one.words.as_str(), one.by, one.at))
        .collect();
    assert_eq!(
        told,
        [(ResponseKind::Support, words, Some(deputy.person.id), noted)]
    );

    school.visit("ada.quill", "pornography.pharos.test/").await;
    go_to(&school, "2028-01-10T10:00:00Z");
    let read = app.attempt_audit(&lead.actor, period(), 1).await.unwrap();
    let signed = &read.line.signed[0];
    assert_eq!(signed.by, Some(lead.person.id));
    assert_eq!(signed.words, "One theme in Year 8; taught next week.");
    let kept: Vec<_> = read
        .pupils
        .iter()
        .map(|pupil| (pupil.person, pupil.themes[0].attempts))
        .collect();
    assert_eq!(kept, [(ada, 6), (felix, 1)]);
    assert!(read.unanswered == 0 && !read.line.overdue);
}

/// MON-11: whoever hears of alerts first is told on the first school day after the period, reminded
/// when it is overdue, and the head hears after as long again, each once; then it is signed and quiet.
#[tokio::test]
async fn mon_11_an_overdue_audit_is_shown_and_chased() {
    let school = SampleSchool::open().await;
    let lead = school.at_work("ruth.okafor").await;
    let app = &school.app;
    school.notices().await;
    go_to(&school, "2027-01-05T10:00:00Z");
    assert_eq!(app.chase_attempt_audits().await.unwrap(), []);
    assert!(app.audits_to_sign(&lead.actor).await.unwrap().is_empty());
    go_to(&school, "2027-01-06T10:00:00Z");
    assert_eq!(app.chase_attempt_audits().await.unwrap(), []);
    let first = [
        ("audit-ready", "ruth.okafor"),
        ("audit-ready", "sunita.pillai"),
        ("audit-ready", "tomas.brandt"),
    ];
    assert_eq!(said(&school.notices().await), first);
    // Ten school days after the holidays are over on Tuesday, 19 January.
    go_to(&school, "2027-01-19T10:00:00Z");
    assert_eq!(app.chase_attempt_audits().await.unwrap(), []);
    assert!(school.notices().await.is_empty());
    go_to(&school, "2027-01-20T10:00:00Z");
    let late = app.chase_attempt_audits().await.unwrap();
    assert_eq!(
        late.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [PERIOD]
    );
    app.chase_attempt_audits().await.unwrap();
    let told = school.notices().await;
    assert!(
        told.len() == 3 && told.iter().all(|(kind, _)| kind == "audit-waiting"),
        "{told:?}"
    );
    let waits = app.audits_to_sign(&lead.actor).await.unwrap();
    assert!(waits.len() == 1 && waits[0].overdue);
    go_to(&school, "2027-02-03T10:00:00Z");
    app.chase_attempt_audits().await.unwrap();
    assert_eq!(
        said(&school.notices().await),
        [("audit-missed", "helen.lindqvist")]
    );
    app.sign_attempt_audit(&lead, period(), "Nothing unusual.")
        .await
        .unwrap();
    assert_eq!(app.chase_attempt_audits().await.unwrap(), []);
    assert!(app.audits_to_sign(&lead.actor).await.unwrap().is_empty());
}

/// MON-11, AUD-05, ROLE-02: the technical team, teachers, governors and pupils see no audit; each
/// pupil named to a reader leaves a look-up, in the audit and in the chronology.
#[tokio::test]
async fn mon_11_names_are_looked_up_and_kept_from_others() {
    let school = SampleSchool::open().await;
    lived(&school).await;
    let (lead, head) = (
        school.at_work("ruth.okafor").await,
        school.at_work("helen.lindqvist").await,
    );
    let ada = school.person("ada.quill").await.id;
    let app = &school.app;
    for closed in [
        "kofi.adeyemi",
        "ines.castellano",
        "mirela.dobre",
        "ada.quill",
    ] {
        let other = school.at_work(closed).await;
        let audits = app.attempt_audits(&other.actor).await.unwrap_err();
        assert!(is_closed(&audits), "{closed}");
        let audit = app
            .attempt_audit(&other.actor, period(), 1)
            .await
            .unwrap_err();
        assert!(is_closed(&audit), "{closed}");
        let of = app.attempt_responses_of(&other.actor, ada).await;
        assert!(is_closed(&of.unwrap_err()), "{closed}");
        let note = app
            .respond_to_attempts(&other, period(), ada, ResponseKind::Advice, "Said so.")
            .await;
        assert!(is_closed(&note.unwrap_err()), "{closed}");
        assert!(app.audits_to_sign(&other.actor).await.unwrap().is_empty());
    }
    let before = app.now() - SignedDuration::from_mins(1);
    app.attempt_audit(&lead.actor, period(), 1).await.unwrap();
    for name in ["ada.quill", "felix.arden"] {
        let pupil = school.person(name).await.id;
        let rows = app.lookups(&head.actor, Some(pupil), before).await.unwrap();
        assert!(
            rows.iter()
                .any(|row| row.act == "attempts.read" && row.by == Some(lead.person.id)),
            "{name}: {rows:?}"
        );
    }
    for wrong in ["2026-11-03", "2027-01-06"] {
        let none = app
            .attempt_audit(&lead.actor, wrong.parse().unwrap(), 1)
            .await
            .unwrap_err();
        assert!(matches!(none, Error::NotFound), "{wrong}");
    }
    let staff = app
        .respond_to_attempts(
            &lead,
            period(),
            head.person.id,
            ResponseKind::Advice,
            "Not a pupil.",
        )
        .await;
    assert!(matches!(staff.unwrap_err(), Error::NotFound));
}

/// MON-11, REV-09: a clause bound to the audit stands by it; switched off, it is not met.
#[tokio::test]
async fn mon_11_the_audit_is_evidence_for_its_clause() {
    let mut files = pack_files();
    let text = String::from_utf8(files["policy.md"].clone()).unwrap();
    let bound = "```controls\nattempts.audited(within=21 days)\n```\n\n### 8.3 Records";
    let text = text.replace("### 8.3 Records", bound);
    files.insert("policy.md".to_owned(), text.into_bytes());
    let school = SampleSchool::with(&files).await;
    let lead = school.at_work("ruth.okafor").await;
    let standing = async || {
        let clauses = school.app.clauses(&lead.actor).await.unwrap();
        let clause = clauses.iter().find(|clause| clause.clause == "8.2");
        clause.unwrap().standing
    };
    assert_eq!(standing().await, Some(Standing::Met));
    go_to(&school, "2027-01-20T10:00:00Z");
    assert_eq!(standing().await, Some(Standing::Met), "there is still time");
    go_to(&school, "2027-01-28T10:00:00Z");
    assert_eq!(standing().await, Some(Standing::NotMet));
    school
        .app
        .sign_attempt_audit(&lead, period(), "Nothing unusual.")
        .await
        .unwrap();
    assert_eq!(standing().await, Some(Standing::AtRisk), "signed late");
    let history = school
        .app
        .clause_history(&Actor::person(&lead.person), "8.2")
        .await
        .unwrap();
    assert_eq!(history[0].standing, "at-risk");
}

/// MON-11, AUD-05: an audit with many pupils has pages, each naming fewer than make viewing odd; only
/// whom a page names leaves a look-up; all of them need a response before it is signed.
#[tokio::test]
async fn mon_11_a_long_audit_is_read_page_by_page() {
    let school = SampleSchool::open().await;
    let lead = school.at_work("ruth.okafor").await;
    let head = school.at_work("helen.lindqvist").await;
    let roster = std::sync::Arc::clone(school.app.filter().snapshot().unwrap().roster());
    let mut pupils: Vec<String> = roster
        .iter()
        .filter(|one| one.is(pharos_school::Role::Pupil) && !one.username.starts_with("check:"))
        .map(|one| one.username.to_string())
        .collect();
    pupils.sort();
    pupils.truncate(30);
    assert_eq!(pupils.len(), 30);
    for pupil in &pupils {
        school.visit(pupil, "self-harm.pharos.test/").await;
    }
    pharos_activity::Store::flush(&*school.activity)
        .await
        .unwrap();
    let app = &school.app;
    let since = app.now() - SignedDuration::from_mins(1);
    let first = app.attempt_audit(&lead.actor, period(), 1).await.unwrap();
    let counts = (
        first.pupils.len(),
        first.total,
        first.unanswered,
        first.pages,
    );
    assert_eq!(counts, (25, 30, 30, 2));
    let looked = app.lookups(&head.actor, None, since).await.unwrap();
    let named = looked.iter().filter(|row| row.act == "attempts.read");
    assert_eq!(named.count(), 25);
    let last = app.attempt_audit(&lead.actor, period(), 9).await.unwrap();
    assert_eq!((last.page, last.pupils.len()), (2, 5));
    for pupil in first.pupils.iter().chain(&last.pupils).skip(1) {
        app.respond_to_attempts(
            &lead,
            period(),
            pupil.person,
            ResponseKind::Advice,
            "Talked about it.",
        )
        .await
        .unwrap();
    }
    go_to(&school, "2027-01-07T10:00:00Z");
    let open = app
        .sign_attempt_audit(&lead, period(), "One is left.")
        .await;
    let Err(Error::Refused(text)) = open else {
        panic!("signed though a pupil of the first page has no response");
    };
    assert!(text.starts_with("One pupil"), "{text}");
}

/// PRIV-03, MON-11: a signed audit stays past the time of the journal while somebody who stands in it has a
/// part in an open case; what followed for others goes.
#[tokio::test]
async fn priv_03_an_audit_stays_while_a_case_of_its_pupils_is_open() {
    for (open, stays) in [(true, true), (false, false)] {
        let mut files = pack_files();
        let text = String::from_utf8(files["school.toml"].clone()).unwrap();
        let text = text.replace(
            "[priv.retention]\n",
            "[priv.retention]\njournal_days = 400\n",
        );
        files.insert("school.toml".to_owned(), text.into_bytes());
        let school = SampleSchool::with(&files).await;
        lived(&school).await;
        let (app, lead) = (&school.app, school.at_work("ruth.okafor").await);
        for pupil in ["ada.quill", "felix.arden"] {
            let person = school.person(pupil).await.id;
            let kind = ResponseKind::Support;
            app.respond_to_attempts(&lead, period(), person, kind, "Spoke with them.")
                .await
                .unwrap();
        }
        go_to(&school, "2027-01-07T10:00:00Z");
        app.sign_attempt_audit(&lead, period(), "One theme in Year 8.")
            .await
            .unwrap();
        if open {
            let reporter = Reporter::Staff {
                person: lead.person.id,
            };
            let mut concern = Concern::new(reporter, Origin::Form, "She cried over a message.");
            concern.involved = vec![Involved {
                whom: Whom::Pupil {
                    person: school.person("ada.quill").await.id,
                },
                part: Part::Harmed,
            }];
            app.raise_concern(Some(&lead), concern).await.unwrap();
        }
        app.retain_activity().await.unwrap();
        school.clock.forward(SignedDuration::from_hours(24 * 401));
        for _ in 0..80 {
            school.clock.forward(SignedDuration::from_hours(24));
            app.retain_activity().await.unwrap();
        }
        let rules = std::sync::Arc::new(Rules::standard(Routes::default()));
        let permit = rules
            .may::<act::ReadAttempts>(&lead.actor, Target::School)
            .unwrap();
        let all = JournalFilter::default();
        let audits = school.records.attempt_audits(&permit, &all).await.unwrap();
        assert_eq!(audits.len(), usize::from(stays), "open: {open}");
        let left = school
            .records
            .attempt_responses(&permit, &all)
            .await
            .unwrap();
        assert_eq!(left.len(), usize::from(stays), "hers alone; open: {open}");
    }
}
