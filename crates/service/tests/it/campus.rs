//! One server for several campuses: whoever acts for one sees and changes its people alone, whoever acts
//! for the whole school sees and changes all (ROLE-02, REQ-02, FIL-05, CON-14).

use jiff::SignedDuration;
use pharos_access::Act;
use pharos_policy::Action;
use pharos_records::Origin;
use pharos_school::RequestId;
use pharos_service::{
    Brought, Error, ExplainQuestion, NewHandTest, NewLesson, NewSupervision, PackFiles, SignedIn,
    Vetting,
};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::{is_closed, many_lists, said};

/// A pupil of the prep site, and one of the senior site.
pub(crate) const PREP: &str = "luca.penhale";
pub(crate) const SENIOR: &str = "ada.quill";

/// The sample school with its deputy for the prep site kept to it.
pub(crate) async fn two_campuses() -> SampleSchool {
    kept_to_the_prep_site(&["Sunita.Pillai"], |text| text).await
}

/// The sample school with these people kept to the prep site, and its settings changed.
pub(crate) async fn kept_to_the_prep_site(
    delegates: &[&str],
    settings: impl Fn(String) -> String,
) -> SampleSchool {
    SampleSchool::with(&files_with_campuses(delegates, settings)).await
}

pub(crate) fn files_with_campuses(
    delegates: &[&str],
    settings: impl Fn(String) -> String,
) -> PackFiles {
    let mut files = pack_files();
    let text = settings(String::from_utf8(files["school.toml"].clone()).unwrap());
    let campuses = format!(
        r#"
[campuses.prep]
title = "Prep site"
places = ["prep-rooms"]
groups = ["early-years", "lower-prep", "upper-prep"]
delegates = {delegates:?}
[campuses.senior]
title = "Senior site"
places = ["senior-rooms"]
groups = ["lower-school", "upper-school", "sixth-form"]
"#
    );
    files.insert("school.toml".to_owned(), (text + &campuses).into_bytes());
    files
}

pub(crate) async fn delegate(school: &SampleSchool) -> SignedIn {
    school.at_work("sunita.pillai").await
}

pub(crate) async fn asks(school: &SampleSchool, pupil: &str) -> RequestId {
    let asker = school.person(pupil).await;
    let actor = school.app.actor_of(&asker);
    school
        .app
        .ask_for_site(
            &asker,
            &actor,
            "tides.example",
            "For my project on tides",
            None,
        )
        .await
        .unwrap()
}

/// ROLE-02, REQ-02: a delegate's acts are those of their role that look at single rows or show nobody;
/// whatever is about the school as a whole is closed to them and noted, and stays open to the lead.
#[tokio::test]
async fn role_02_a_delegate_does_nothing_for_the_whole_school() {
    let school = two_campuses().await;
    let (app, me) = (&school.app, delegate(&school).await);
    let lead = school.at_work("ruth.okafor").await;
    assert!(me.actor.within().is_some() && lead.actor.within().is_none());
    for act in [
        Act::ProposePolicy,
        Act::AssessChange,
        Act::MakeReport,
        Act::ReadWeek,
        Act::CountCases,
        Act::AddException,
    ] {
        assert!(!app.could(&me.actor, act), "{act}");
        assert!(
            app.could(&lead.actor, act) || act == Act::AddException,
            "{act}"
        );
    }
    for act in [
        Act::DecideRequest,
        Act::EmergencyBlock,
        Act::LessonList,
        Act::ListAlerts,
        Act::ListCases,
    ] {
        assert!(app.could(&me.actor, act), "{act}");
    }
    let error = app.school_report(&me.actor).await.unwrap_err();
    assert!(is_closed(&error));
    assert!(!app.signs_checks(&me.actor) && app.signs_checks(&lead.actor));
}

/// REQ-01, REQ-02: requests of one campus go to its delegate and those who act for all; the delegate opens
/// for its people and groups alone, and does not know of the others.
#[tokio::test]
async fn req_02_a_delegate_decides_for_their_own_campus() {
    let school = two_campuses().await;
    let (app, me) = (&school.app, delegate(&school).await);
    let lead = school.at_work("ruth.okafor").await;
    let (own, other) = (asks(&school, PREP).await, asks(&school, SENIOR).await);
    let seen = |rows: Vec<(pharos_records::SiteRequest, Option<pharos_school::Person>)>| {
        rows.into_iter()
            .map(|(request, _)| request.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(app.requests(&me.actor, false).await.unwrap()), [own]);
    assert_eq!(app.requests(&lead.actor, false).await.unwrap().len(), 2);
    assert!(matches!(
        app.request(&me.actor, other).await,
        Err(Error::NotFound)
    ));
    assert_eq!(
        app.answer_times(&me.actor, jiff::Timestamp::MIN)
            .await
            .unwrap()
            .waiting,
        1
    );

    let vetting = |groups: &[&str]| Vetting {
        approve: true,
        why: "Looked through it".to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        days: 3,
        relied_on: String::new(),
    };
    for id in [own, other] {
        app.endorse_request(&lead.actor, id, true, "A good page for it")
            .await
            .unwrap();
    }
    let both = vetting(&["lower-prep", "lower-school"]);
    let beyond = app.decide_request(&me.actor, own, &both);
    let Err(Error::Invalid(problems)) = beyond.await else {
        panic!("a group of another campus");
    };
    assert!(
        problems[0].text.contains("lower-school"),
        "{}",
        problems[0].text
    );
    let error = app.decide_request(&me.actor, other, &vetting(&[])).await;
    assert!(matches!(error, Err(Error::NotFound)), "{error:?}");
    app.decide_request(&me.actor, own, &vetting(&["upper-prep"]))
        .await
        .unwrap();
    app.decide_request(&lead.actor, other, &vetting(&[]))
        .await
        .unwrap();

    let shown = |changes: Vec<pharos_records::Override>| {
        changes
            .into_iter()
            .filter_map(|change| change.request)
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(app.overrides(&me.actor).await.unwrap()), [own]);
    assert_eq!(app.overrides(&lead.actor).await.unwrap().len(), 2);
    let theirs = app.overrides(&lead.actor).await.unwrap();
    let theirs = theirs
        .iter()
        .find(|change| change.request == Some(other))
        .unwrap();
    assert!(!app.could_end_override(&me.actor, theirs).await.unwrap());
    let error = app.end_override(&me.actor, theirs.id).await;
    assert!(matches!(error, Err(Error::NotFound)), "{error:?}");
}

/// BRE-04, FIL-08: a delegate's block holds at their campus alone, and their lesson lists are for its
/// classes.
#[tokio::test]
async fn bre_04_a_delegates_block_and_lists_hold_at_their_campus() {
    let school = two_campuses().await;
    let (app, me) = (&school.app, delegate(&school).await);
    let action = async |user: &'static str| school.verdict(user, "low-tide.example").await.action;
    let before = (action(PREP).await, action(SENIOR).await);
    assert_eq!(before.1, Action::Allow);
    app.block_now(&me.actor, "low-tide.example", "Seen in Year 3 today")
        .await
        .unwrap();
    assert_eq!(action(PREP).await, Action::Block);
    assert_eq!(action(SENIOR).await, Action::Allow);
    let lead = school.at_work("ruth.okafor").await.actor;
    app.block_now(&lead, "low-tide.example", "Seen everywhere now")
        .await
        .unwrap();
    assert_eq!(action(SENIOR).await, Action::Block);
    assert_eq!(
        app.overrides(&me.actor).await.unwrap().len(),
        1,
        "not the whole school's"
    );

    let class_of = async |pupil: &str| *school.person(pupil).await.classes.iter().next().unwrap();
    let lesson = |class| NewLesson {
        adult: "Sunita Pillai".to_owned(),
        class,
        sites: vec!["tides.example".to_owned()],
        from: None,
        minutes: 40,
        supervised: false,
    };
    let elsewhere = app
        .open_lesson(&me.actor, &lesson(class_of(SENIOR).await))
        .await;
    assert!(matches!(elsewhere, Err(Error::Invalid(_))), "{elsewhere:?}");
    app.open_lesson(&me.actor, &lesson(class_of(PREP).await))
        .await
        .unwrap();
    let classes = app.classes(&me.actor).await.unwrap();
    let all = app.classes(&lead).await.unwrap();
    assert!(!classes.is_empty() && classes.len() < all.len());
}

/// FIL-05, MON-13, ROLE-08: people, verdicts, restrictions and activity of another campus are not there
/// for a delegate.
#[tokio::test]
async fn fil_05_people_of_another_campus_are_not_there() {
    let school = two_campuses().await;
    let (app, me) = (&school.app, delegate(&school).await);
    let (own, other) = (school.person(PREP).await, school.person(SENIOR).await);
    let found = app.find_people(&me.actor, "ada").await.unwrap();
    assert!(found.iter().all(|person| person.id != other.id));
    assert_eq!(
        app.find_people(&me.actor, "luca").await.unwrap()[0].id,
        own.id
    );
    assert!(matches!(
        app.person(&me.actor, other.id).await,
        Err(Error::NotFound)
    ));
    app.person(&me.actor, own.id).await.unwrap();
    let ask = |person| ExplainQuestion {
        address: "tides.example".to_owned(),
        person: Some(person),
        from: None,
        at: None,
    };
    assert!(is_closed(
        &app.explain(&me.actor, &ask(other.id)).await.unwrap_err()
    ));
    app.explain(&me.actor, &ask(own.id)).await.unwrap();
    let until = Some(app.now() + SignedDuration::from_hours(24));
    let restrict = async |person| {
        app.restrict(&me.actor, person, &[], until, "Asked by home")
            .await
    };
    assert!(is_closed(&restrict(other.id).await.unwrap_err()));
    restrict(own.id).await.unwrap();
    let query = |person| pharos_activity::Query {
        person: Some(person),
        ..pharos_activity::Query::default()
    };
    let looked = app
        .activity_of(&me.actor, other.id, query(other.id), "A worry")
        .await;
    assert!(is_closed(&looked.unwrap_err()));
    app.activity_of(&me.actor, own.id, query(own.id), "A worry")
        .await
        .unwrap();
}

/// MON-13: an alert about a pupil is told and shown to the delegate of their campus and to those who act
/// for all, and to no delegate of another.
#[tokio::test]
async fn mon_13_alerts_go_to_their_own_campus() {
    let school = two_campuses().await;
    let (app, me) = (&school.app, delegate(&school).await);
    let lead = school.at_work("ruth.okafor").await.actor;
    school.notices().await;
    school.visit(SENIOR, "self-harm.pharos.test/").await;
    let told = school.notices().await;
    assert!(
        said(&told).iter().any(|(_, to)| *to == "ruth.okafor"),
        "{told:?}"
    );
    assert!(
        said(&told).iter().all(|(_, to)| *to != "sunita.pillai"),
        "{told:?}"
    );
    assert_eq!(app.alerts(&me.actor, false).await.unwrap().len(), 0);
    assert_eq!(app.waiting(&me.actor).await.unwrap().alerts, 0);
    let theirs = app.alerts(&lead, false).await.unwrap();
    assert_eq!(theirs.len(), 1);
    assert!(is_closed(
        &app.alert(&me.actor, theirs[0].id).await.unwrap_err()
    ));

    school.visit(PREP, "self-harm.pharos.test/").await;
    assert_eq!(app.alerts(&me.actor, false).await.unwrap().len(), 1);
    assert_eq!(app.alerts(&lead, false).await.unwrap().len(), 2);
}

/// ROLE-02, REQ-03: taking a delegate's name out of the pack gives them the whole school back, and so waits
/// for both assessments and consent like every widening, whoever brings it in; keeping one more is in
/// force at once.
#[tokio::test]
async fn role_02_a_delegate_is_let_go_by_an_assessed_change_alone() {
    let school = two_campuses().await;
    let app = &school.app;
    let head = school.at_work("helen.lindqvist").await;
    let in_force = |delegates: &str| {
        let mut files = pack_files();
        let text = String::from_utf8(files["school.toml"].clone()).unwrap();
        let groups = "groups = [\"early-years\", \"lower-prep\", \"upper-prep\"]";
        let senior = "groups = [\"lower-school\", \"upper-school\", \"sixth-form\"]";
        let campuses = format!(
            "\n[campuses.prep]\ntitle = \"Prep site\"\nplaces = [\"prep-rooms\"]\n{groups}\n{delegates}\n[campuses.senior]\ntitle = \"Senior site\"\nplaces = [\"senior-rooms\"]\n{senior}\n"
        );
        files.insert("school.toml".to_owned(), (text + &campuses).into_bytes());
        files
    };
    let kept = async || delegate(&school).await.actor.within().is_some();
    let more = in_force("delegates = [\"sunita.pillai\", \"ines.castellano\"]");
    let brought = app
        .bring_pack(&head.actor, &more, "One more", Origin::Screen)
        .await
        .unwrap();
    assert!(matches!(brought, Brought::InForce(_)), "{brought:?}");
    for freed in ["delegates = [\"ines.castellano\"]", ""] {
        let files = in_force(freed);
        let alone = app.install_pack(&crate::system(), &files, "By hand").await;
        assert!(matches!(alone, Err(Error::Refused(_))), "{alone:?}");
        let brought = app
            .bring_pack(&head.actor, &files, "She acts for all now", Origin::Screen)
            .await
            .unwrap();
        assert!(matches!(brought, Brought::Waits(_)), "{brought:?}");
        assert!(kept().await, "nothing is in force yet");
    }
    school
        .change_pack(&in_force(""), "She acts for all now")
        .await;
    assert!(!kept().await);
}

/// ROLE-02, REQ-05: a delegate's own changes in force stand on their page, with the way to end them, and
/// count for their campus, however many others were made since.
#[tokio::test]
async fn role_02_own_changes_in_force_are_never_cut_off() {
    let school = two_campuses().await;
    let (app, me) = (&school.app, delegate(&school).await);
    let lead = school.at_work("ruth.okafor").await.actor;
    app.block_now(&me.actor, "low-tide.example", "Seen in Year 3 today")
        .await
        .unwrap();
    many_lists(&school, "owen.pryce", 510).await;
    let own = app.overrides(&me.actor).await.unwrap();
    assert_eq!(own.len(), 1);
    let all = app.overrides(&lead).await.unwrap();
    assert_eq!(all.len(), 501, "the newest page, and what is in force");
    assert_eq!(all.last().unwrap().id, own[0].id);
    let lines = app.campuses(&lead).await.unwrap();
    assert_eq!(lines[0].changes, 1, "{lines:?}");
    // Months later it is in force still, and is seen.
    school.clock.forward(SignedDuration::from_hours(24 * 120));
    assert_eq!(app.overrides(&me.actor).await.unwrap(), own);
}

/// ROLE-02, REQ-01: what is told of a request counts a delegate's own campus alone, and nobody there is a
/// stranger to the lead alone: a name of another campus is not there, as one on no roll.
#[tokio::test]
async fn role_02_figures_and_names_of_others_are_not_told() {
    let school = two_campuses().await;
    let (app, me) = (&school.app, delegate(&school).await);
    let lead = school.at_work("ruth.okafor").await.actor;
    asks(&school, SENIOR).await;
    school.clock.forward(SignedDuration::from_mins(1));
    let id = asks(&school, PREP).await;
    for (pupil, times) in [(SENIOR, 2), (PREP, 1)] {
        for _ in 0..times {
            let event = school.event(pupil, "tides.example/").await;
            let blocked = pharos_activity::Event {
                action: "block",
                ..event
            };
            pharos_activity::Sink::record(&*school.sink, blocked);
        }
    }
    pharos_activity::Store::flush(&*school.activity)
        .await
        .unwrap();
    let facts = async |actor| {
        let (request, _) = app.request(actor, id).await.unwrap();
        let facts = app.request_facts(actor, &request).await.unwrap();
        (facts.asked_before, facts.blocked_lately)
    };
    assert_eq!(facts(&lead).await, (1, 3));
    assert_eq!(facts(&me.actor).await, (0, 1));
    for (name, there) in [(SENIOR, false), (PREP, true), ("nobody.atall", false)] {
        let found = app.person_reached(&me.actor, name).await.unwrap();
        assert_eq!(found.is_some(), there, "{name}");
    }
    assert!(app.person_reached(&lead, SENIOR).await.unwrap().is_some());
}

/// MON-07, ROLE-02: a delegate who opens a list that names an adult notes that supervision took place;
/// a lesson of another campus is not there for them.
#[tokio::test]
async fn mon_07_a_delegate_notes_their_own_supervision() {
    let school = kept_to_the_prep_site(&["sunita.pillai", "ines.castellano"], |text| text).await;
    let app = &school.app;
    let (me, lead) = (
        school.at_work("ines.castellano").await,
        school.at_work("ruth.okafor").await,
    );
    assert!(me.actor.within().is_some());
    let classes = app.classes(&me.actor).await.unwrap();
    let youngest = Some("1".parse().unwrap());
    let class = classes.iter().find(|one| one.year == youngest).unwrap().id;
    let elsewhere = *school.person(SENIOR).await.classes.iter().next().unwrap();
    let lesson = |class| NewLesson {
        adult: "Ines Castellano".to_owned(),
        class,
        sites: vec!["encyclopaedia.example".to_owned()],
        from: None,
        minutes: 30,
        supervised: false,
    };
    app.open_lesson(&me.actor, &lesson(class)).await.unwrap();
    app.open_lesson(&lead.actor, &lesson(elsewhere))
        .await
        .unwrap();
    school.clock.forward(SignedDuration::from_mins(31));
    let waiting = app.lessons_to_note(&me).await.unwrap();
    assert_eq!(waiting.len(), 1);
    let note = |lesson| NewSupervision {
        lesson: Some(lesson),
        took_place: true,
        seen: "All on task.".to_owned(),
        ..NewSupervision::default()
    };
    app.note_supervision(&me, &note(waiting[0].id))
        .await
        .unwrap();
    assert!(app.lessons_to_note(&me).await.unwrap().is_empty());
    let lists = app.overrides(&lead.actor).await.unwrap();
    let theirs = lists
        .iter()
        .find(|list| list.by == lead.actor.id())
        .unwrap();
    let no = app.note_supervision(&me, &note(theirs.id)).await;
    assert!(matches!(no, Err(Error::NotFound)), "{no:?}");
}

/// ROLE-02, REQ-05: going back to an earlier policy is about the whole school: closed to a delegate before
/// anything is worked out, and noted.
#[tokio::test]
async fn role_02_going_back_is_closed_to_a_delegate_at_once() {
    let school = two_campuses().await;
    let me = delegate(&school).await;
    // Even where there is no such version: nothing was looked up.
    let no = school
        .app
        .tighten_back_to(&me.actor, 999, "In a hurry")
        .await;
    assert!(matches!(no, Err(Error::Denied(_))), "{no:?}");
}

/// AUD-02, ROLE-02: a delegate notes tests by hand for the groups and in the places of their campus alone.
#[tokio::test]
async fn aud_02_a_delegate_tests_by_hand_at_their_campus() {
    let school = two_campuses().await;
    let (app, me) = (&school.app, delegate(&school).await);
    let choices = app.hand_choices(&me.actor);
    assert_eq!(choices.places, ["prep-rooms"]);
    assert!(choices.groups.contains(&"upper-prep".to_owned()));
    assert!(!choices.groups.contains(&"sixth-form".to_owned()));
    let note = async |group: &str, place: &str| {
        let test = NewHandTest {
            group: group.to_owned(),
            place: place.to_owned(),
            other: "The library tablets are filtered".to_owned(),
            tried: "gambling.pharos.test".to_owned(),
            came: "The block page.".to_owned(),
            held: true,
            ..NewHandTest::default()
        };
        app.note_hand_test(&me, &test).await
    };
    for (group, place) in [
        ("sixth-form", ""),
        ("upper-prep", "senior-rooms"),
        ("unknown", ""),
    ] {
        let no = note(group, place).await;
        assert!(
            matches!(no, Err(Error::Invalid(_))),
            "{group} {place}: {no:?}"
        );
    }
    for (group, place) in [("upper-prep", ""), ("unknown", "prep-rooms")] {
        note(group, place).await.unwrap();
    }
    // Nobody has tried it for the whole school yet.
    assert_eq!(app.hand_tests(&crate::system()).await.unwrap().len(), 2);
    assert_eq!(app.hand_due().await.unwrap().unwrap().last, None);
    let lead = school.at_work("ruth.okafor").await;
    let test = NewHandTest {
        group: "upper-prep".to_owned(),
        other: "The library tablets are filtered".to_owned(),
        tried: "gambling.pharos.test".to_owned(),
        came: "The block page.".to_owned(),
        held: true,
        ..NewHandTest::default()
    };
    app.note_hand_test(&lead, &test).await.unwrap();
    assert!(app.hand_due().await.unwrap().unwrap().last.is_some());
}
