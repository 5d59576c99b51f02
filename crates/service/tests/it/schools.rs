//! The same requirements under the settings of the three shipped schools: a day and boarding school,
//! an academy for Years 7 to 11, a preparatory school with a bursar.

use jiff::SignedDuration;
use pharos_policy::{Action, FailMode};
use pharos_service::{Error, NewLesson, Side, Vetting};
use pharos_testkit::school::{PACKS, SampleSchool};

use crate::said;

async fn action(school: &SampleSchool, who: &str, address: &str) -> Action {
    school.verdict(who, address).await.action
}

async fn forward_to(school: &SampleSchool, time: &str) {
    let to: jiff::Timestamp = time.parse().unwrap();
    school.clock.forward(to.duration_since(school.app.now()));
}

fn vetting(groups: &[&str]) -> Vetting {
    Vetting {
        approve: true,
        why: "Looked through it; fits the lesson".to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        days: 2,
        relied_on: String::new(),
    }
}

/// CFG-02: each shipped pack is in force without an error, and its mode for failure is its own.
#[tokio::test]
async fn cfg_02_each_shipped_school_opens() {
    let modes = [
        FailMode::BlockPupils,
        FailMode::BlockAll,
        FailMode::BlockPupils,
    ];
    for (pack, mode) in PACKS.into_iter().zip(modes) {
        let school = SampleSchool::of(pack).await;
        let own = school.app.school().pack.text_of("fil.fail_mode", "");
        assert_eq!(FailMode::named(&own), mode, "{pack}");
        assert_eq!(school.app.verify_changes().await.unwrap(), None, "{pack}");
    }
}

/// FIL-09: under B a teacher outside the exception group is blocked and one inside is allowed; under
/// D and H a teacher is warned; pupils are blocked in school hours.
#[tokio::test]
async fn fil_09_social_media_by_group_in_each_school() {
    let site = "social-media.pharos.test";
    for (pack, cases) in [
        (
            "harbourmouth",
            vec![
                ("ines.castellano", Action::Warn),
                ("dora.marsh", Action::Allow),
                ("noor.rahimi", Action::Block),
            ],
        ),
        (
            "ashdale-academy",
            vec![
                ("noah.kendrick", Action::Block),
                ("ella.pickard", Action::Allow),
                ("tess.ibbotson", Action::Block),
            ],
        ),
        (
            "larkfield-house",
            vec![
                ("jonah.marsh", Action::Warn),
                ("ravi.stokes", Action::Block),
            ],
        ),
    ] {
        let school = SampleSchool::of(pack).await;
        for (who, wanted) in cases {
            assert_eq!(action(&school, who, site).await, wanted, "{pack} {who}");
        }
    }
}

/// FIL-10: under H a teacher timetabled now is kept from webmail; at break the same request is
/// allowed; under B nothing of the kind is on. Editing the timetable changes verdicts (FIL-11).
#[tokio::test]
async fn fil_10_staff_in_front_of_a_class() {
    let school = SampleSchool::of("larkfield-house").await;
    let mail = "webmail.pharos.test";
    // 10 November 2026 is a Tuesday in term; the clock stands at 10:00.
    assert_eq!(
        action(&school, "rose.dunmore", mail).await,
        Action::Block,
        "teaching"
    );
    let verdict = school.verdict("rose.dunmore", mail).await;
    assert_eq!(&*verdict.rule, "staff-in-lesson");
    assert_eq!(
        action(&school, "jonah.marsh", mail).await,
        Action::Allow,
        "not timetabled"
    );
    assert_eq!(
        action(&school, "rose.dunmore", "news.pharos.test").await,
        Action::Allow,
        "school work"
    );
    forward_to(&school, "2026-11-10T10:40:00Z").await;
    assert_eq!(
        action(&school, "rose.dunmore", mail).await,
        Action::Allow,
        "at break"
    );
    forward_to(&school, "2026-11-14T10:00:00Z").await;
    assert_eq!(
        action(&school, "rose.dunmore", mail).await,
        Action::Allow,
        "on Saturday"
    );
    let other = SampleSchool::of("ashdale-academy").await;
    assert_eq!(action(&other, "noah.kendrick", mail).await, Action::Allow);
}

/// FIL-07: the youngest of D and H reach nothing but help until an adult opens a session with two
/// links; closing it stops access at once; older pupils of H reach the search tool and set links.
#[tokio::test]
async fn fil_07_sessions_for_the_youngest() {
    for (pack, pupil, teacher) in [
        ("harbourmouth", "idris.kowalczyk", None),
        ("larkfield-house", "poppy.hale", Some("jonah.marsh")),
    ] {
        let school = SampleSchool::of(pack).await;
        assert_eq!(
            action(&school, pupil, "example.org").await,
            Action::Block,
            "{pack}"
        );
        assert_eq!(
            action(&school, pupil, "childline.org.uk").await,
            Action::Allow,
            "{pack}"
        );
        let child = school.person(pupil).await;
        let lead = school
            .app
            .school()
            .pack
            .named_roles
            .iter()
            .find(|named| named.setting == "people.lead")
            .unwrap()
            .post
            .user
            .clone();
        let adult = school.at_work(teacher.unwrap_or(&lead)).await;
        let class = *child.classes.iter().next().unwrap();
        let session = NewLesson {
            adult: String::new(),
            class,
            sites: vec!["stories.example".to_owned(), "animals.example".to_owned()],
            from: None,
            minutes: 30,
            supervised: true,
        };
        let opened = school
            .app
            .open_lesson(&adult.actor, &session)
            .await
            .unwrap();
        assert!(opened.reference.is_some(), "{pack}: {opened:?}");
        for site in ["stories.example", "animals.example"] {
            assert_eq!(
                action(&school, pupil, site).await,
                Action::Allow,
                "{pack} {site}"
            );
        }
        assert_eq!(
            action(&school, pupil, "example.org").await,
            Action::Block,
            "{pack}"
        );
        let stored = school.app.overrides(&adult.actor).await.unwrap().remove(0);
        school
            .app
            .end_override(&adult.actor, stored.id)
            .await
            .unwrap();
        assert_eq!(
            action(&school, pupil, "stories.example").await,
            Action::Block,
            "{pack}: closed"
        );
    }
    let school = SampleSchool::of("larkfield-house").await;
    assert!(
        action(&school, "ravi.stokes", "www.kiddle.co").await < Action::Warn,
        "the search tool"
    );
    assert!(
        action(&school, "ravi.stokes", "larkfield.sch.example").await < Action::Warn,
        "a set link"
    );
    assert_eq!(
        action(&school, "ravi.stokes", "example.org").await,
        Action::Block
    );
}

/// FIL-11, VUL-05: a boarder's evening is wider than their day, and night is for sleep; a day pupil
/// is not bound by the house's hours.
#[tokio::test]
async fn fil_11_boarders_hours() {
    let school = SampleSchool::of("harbourmouth").await;
    let site = "social-media.pharos.test";
    for (time, wanted) in [
        ("2026-11-10T10:00:00Z", Action::Block),
        ("2026-11-10T18:30:00Z", Action::Block),
        ("2026-11-10T20:00:00Z", Action::Allow),
        ("2026-11-10T23:00:00Z", Action::Block),
    ] {
        forward_to(&school, time).await;
        assert_eq!(action(&school, "mateo.silva", site).await, wanted, "{time}");
    }
    assert_eq!(
        action(&school, "mateo.silva", "example.org").await,
        Action::Block,
        "at night"
    );
    assert_eq!(
        action(&school, "mateo.silva", "childline.org.uk").await,
        Action::Allow,
        "help at night"
    );
    assert_eq!(
        action(&school, "noor.rahimi", "example.org").await,
        Action::Allow,
        "a day pupil at home"
    );
}

/// REQ-01, REQ-02: the way of a request is each school's own: under D any teacher of the pupil and
/// then lead or deputy; under B the lead alone vets; under H the form teacher and then the bursar.
#[tokio::test]
async fn req_02_who_endorses_and_who_vets_in_each_school() {
    for (pack, pupil, teacher, vets, does_not) in [
        (
            "harbourmouth",
            "ada.quill",
            "ines.castellano",
            "ruth.okafor",
            "helen.lindqvist",
        ),
        (
            "ashdale-academy",
            "tess.ibbotson",
            "ella.pickard",
            "mina.farrow",
            "peter.oyelaran",
        ),
        (
            "larkfield-house",
            "ravi.stokes",
            "rose.dunmore",
            "arthur.pym",
            "clara.venn",
        ),
    ] {
        let school = SampleSchool::of(pack).await;
        let asker = school.at_work(pupil).await;
        let id = school
            .app
            .ask_for_site(
                &asker.person,
                &asker.actor,
                "gaming.pharos.test",
                "For the project on games",
                None,
            )
            .await
            .unwrap();
        let told = school.notices().await;
        assert!(
            said(&told).contains(&("request", teacher)),
            "{pack}: {told:?}"
        );
        let teacher = school.at_work(teacher).await.actor;
        school
            .app
            .endorse_request(&teacher, id, true, "It is for my lesson")
            .await
            .unwrap();
        assert!(
            said(&school.notices().await).contains(&("request", vets)),
            "{pack}"
        );
        let other = school.at_work(does_not).await.actor;
        let refused = school.app.decide_request(&other, id, &vetting(&[])).await;
        assert!(
            matches!(refused, Err(Error::Refused(_) | Error::Denied(_))),
            "{pack}: {refused:?}"
        );
        assert_eq!(
            action(&school, pupil, "gaming.pharos.test").await,
            Action::Block,
            "{pack}"
        );
        let vets = school.at_work(vets).await.actor;
        let outcome = school.app.decide_request(&vets, id, &vetting(&[])).await;
        outcome.unwrap_or_else(|error| panic!("{pack}: {error}"));
        // Under B gaming is blocked for everybody by category: an approved exception stands above it.
        let opened = action(&school, pupil, "gaming.pharos.test").await;
        assert_eq!(opened, Action::Allow, "{pack}");
        assert!(
            said(&school.notices().await).contains(&("request-answered", pupil)),
            "{pack}"
        );
        school.clock.forward(SignedDuration::from_hours(49));
        assert_eq!(
            action(&school, pupil, "gaming.pharos.test").await,
            Action::Block,
            "{pack}: it ends"
        );
    }
}

/// REQ-03: under each school's settings a change wants an educational and a technical assessment by
/// two people, and leadership's consent.
#[tokio::test]
async fn req_03_change_control_in_each_school() {
    for (pack, teaches, technical, consents) in [
        (
            "harbourmouth",
            "ruth.okafor",
            "kofi.adeyemi",
            "helen.lindqvist",
        ),
        (
            "ashdale-academy",
            "mina.farrow",
            "joel.sandham",
            "grace.whitcombe",
        ),
        (
            "larkfield-house",
            "clara.venn",
            "vikram.sethi",
            "miles.aldous",
        ),
    ] {
        let school = SampleSchool::of(pack).await;
        assert!(school.app.wants_consent(), "{pack}");
        let (lead, tech, head) = (
            school.at_work(teaches).await.actor,
            school.at_work(technical).await.actor,
            school.at_work(consents).await.actor,
        );
        let wanted = std::collections::BTreeSet::from(["gambling".to_owned(), "gaming".to_owned()]);
        let files = school
            .app
            .with_categories(&tech, "pupils", &wanted)
            .await
            .unwrap();
        let brought = school
            .app
            .bring_pack(
                &tech,
                &files,
                "Fewer categories at once",
                pharos_records::Origin::Screen,
            )
            .await
            .unwrap();
        let pharos_service::Brought::Waits(number) = brought else {
            panic!("{pack}: {brought:?}")
        };
        let words = "Looked at it from my side";
        school
            .app
            .assess_change(&tech, number, Side::Technical, words)
            .await
            .unwrap();
        assert!(
            matches!(
                school.app.put_in_force(&lead, number).await,
                Err(Error::Refused(_))
            ),
            "{pack}"
        );
        school
            .app
            .assess_change(&lead, number, Side::Educational, words)
            .await
            .unwrap();
        school
            .app
            .consent_to_change(&head, number, words)
            .await
            .unwrap();
        assert!(
            school
                .app
                .put_in_force(&lead, number)
                .await
                .unwrap()
                .holds(),
            "{pack}"
        );
    }
}

/// FIL-12: what teaching needs is tried every day; a block is flagged.
#[tokio::test]
async fn fil_12_curriculum_addresses_are_in_the_daily_check() {
    let school = SampleSchool::of("ashdale-academy").await;
    assert_eq!(
        action(&school, "tess.ibbotson", "sex-education.pharos.test").await,
        Action::Allow
    );
    let subjects = &school.app.school().pack.curriculum;
    assert_eq!(subjects.len(), 2);
    let probes = |results: &pharos_service::CheckResults| {
        results
            .rows
            .iter()
            .filter(|row| matches!(row.kind, pharos_service::CheckKind::Curriculum(_)))
            .cloned()
            .collect::<Vec<_>>()
    };
    let results = crate::evidence::checked(&school).await;
    let rows = probes(&results);
    assert!(
        rows.iter().map(|row| row.users.len()).sum::<usize>() >= 4
            && rows
                .iter()
                .all(|row| row.result == pharos_service::CheckResult::Passed),
        "{rows:?}"
    );
    let lead = school.at_work("mina.farrow").await.actor;
    school
        .app
        .block_now(&lead, "religion.pharos.test", "A planted fault")
        .await
        .unwrap();
    school.clock.forward(SignedDuration::from_mins(1));
    let results = crate::evidence::checked(&school).await;
    let failed: Vec<_> = probes(&results)
        .into_iter()
        .filter(|row| row.result == pharos_service::CheckResult::Failed)
        .collect();
    assert!(
        !failed.is_empty()
            && failed
                .iter()
                .all(|row| row.address == "religion.pharos.test"),
        "{failed:?}"
    );
    let report = school
        .app
        .governors_report(&lead, school.app.usual_period())
        .await
        .unwrap();
    assert_eq!(report.curriculum_blocked, ["religion.pharos.test"]);
}
