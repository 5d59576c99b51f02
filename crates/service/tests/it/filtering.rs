//! What is opened and blocked, and why.

use jiff::SignedDuration;
use pharos_policy::Action;
use pharos_school::PersonId;
use pharos_service::{Error, ExplainQuestion, SignedIn, Vetting};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::{is_closed, said};

fn question(address: &str, person: Option<PersonId>) -> ExplainQuestion {
    ExplainQuestion {
        address: address.to_owned(),
        person,
        from: None,
        at: None,
    }
}

/// FIL-06: any verdict is explained with every rule considered; the question itself is kept.
#[tokio::test]
async fn fil_06_a_verdict_is_explained() {
    let school = SampleSchool::open().await;
    let (teacher, pupil) = (
        school.at_work("ines.castellano").await,
        school.person("ada.quill").await,
    );
    let told = school
        .app
        .explain(
            &teacher.actor,
            &question("gambling.pharos.test/play", Some(pupil.id)),
        )
        .await
        .unwrap();
    assert_eq!(told.action, Action::Block);
    assert!(
        told.categories.iter().any(|name| &**name == "gambling"),
        "{:?}",
        told.categories
    );
    assert_eq!(
        told.reasons[0].rule, told.rule,
        "the winning rule comes first"
    );
    assert_eq!(told.reasons[0].list.as_deref(), Some("sample"));
    assert_eq!(told.user.as_deref(), Some("ada.quill"));
    // A pupil may not ask on, and what is no address is told so.
    let error = school
        .app
        .explain(
            &school.at_work("ada.quill").await.actor,
            &question("example.org", None),
        )
        .await
        .unwrap_err();
    assert!(is_closed(&error));
    let error = school
        .app
        .explain(&teacher.actor, &question("not an address", None))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
    // What Pharos says to people is what the faces do.
    assert_eq!(
        school
            .verdict("ada.quill", "gambling.pharos.test/play")
            .await
            .action,
        Action::Block
    );
}

async fn asks(school: &SampleSchool) -> pharos_school::RequestId {
    let pupil = school.at_work("ada.quill").await;
    let purpose = "Year 8 computing: how a game is drawn";
    school
        .app
        .ask_for_site(
            &pupil.person,
            &pupil.actor,
            "https://gaming.pharos.test/",
            purpose,
            Some(7),
        )
        .await
        .unwrap()
}

/// REQ-01, REQ-02: a pupil asks, nothing opens before it is vetted, then it opens for that group
/// only and closes on its day.
#[tokio::test]
async fn req_01_req_02_a_site_opens_for_a_group_and_a_time() {
    let school = SampleSchool::open().await;
    let id = asks(&school).await;
    let told = school.notices().await;
    let teachers = said(&told)
        .iter()
        .filter(|(kind, _)| *kind == "request")
        .count();
    assert!(teachers >= 2, "teachers of the pupil are told: {told:?}");
    assert!(
        !said(&told).contains(&("request", "ruth.okafor")),
        "whoever vets hears of it once a teacher passes it on: {told:?}"
    );
    assert_eq!(
        school
            .verdict("ada.quill", "gaming.pharos.test")
            .await
            .action,
        Action::Block
    );

    let vetting = Vetting {
        approve: true,
        why: "Looked through it; fits the lesson.".to_owned(),
        groups: vec!["lower-school".to_owned()],
        days: 7,
        relied_on: "The review of games sites of September".to_owned(),
    };
    let (teacher, lead) = (
        school.at_work("ines.castellano").await,
        school.at_work("ruth.okafor").await,
    );
    assert!(
        matches!(
            school.app.decide_request(&lead.actor, id, &vetting).await,
            Err(Error::Refused(_))
        ),
        "not before the teacher's word"
    );
    let stranger = school.at_work("kofi.adeyemi").await;
    let word = "It fits the lesson on drawing";
    assert!(matches!(
        school
            .app
            .endorse_request(&stranger.actor, id, true, word)
            .await,
        Err(Error::Denied(_))
    ));
    school
        .app
        .endorse_request(&teacher.actor, id, true, word)
        .await
        .unwrap();
    assert!(said(&school.notices().await).contains(&("request", "ruth.okafor")));
    let (request, _) = school.app.request(&lead.actor, id).await.unwrap();
    let facts = school
        .app
        .request_facts(&lead.actor, &request)
        .await
        .unwrap();
    assert_eq!(
        (facts.categories, facts.asked_before),
        (vec!["gaming".to_owned()], 0)
    );
    assert_eq!(request.endorsement.as_deref(), Some(word));
    assert!(matches!(
        school
            .app
            .decide_request(&teacher.actor, id, &vetting)
            .await,
        Err(Error::Denied(_))
    ));
    assert_eq!(
        school
            .verdict("ada.quill", "gaming.pharos.test")
            .await
            .action,
        Action::Block
    );
    let blank = Vetting {
        why: " ".to_owned(),
        ..vetting.clone()
    };
    assert!(matches!(
        school.app.decide_request(&lead.actor, id, &blank).await,
        Err(Error::Invalid(_))
    ));

    school
        .app
        .decide_request(&lead.actor, id, &vetting)
        .await
        .unwrap();
    let opened = school.verdict("ada.quill", "gaming.pharos.test").await;
    assert_eq!(opened.action, Action::Allow, "{:?}", opened.reasons.first());
    assert_eq!(
        school
            .verdict("sade.bello", "gaming.pharos.test")
            .await
            .action,
        Action::Block,
        "another group stays as it was"
    );
    assert_eq!(
        said(&school.notices().await),
        [
            ("request-answered", "ada.quill"),
            ("request-answered", "ines.castellano")
        ],
        "the pupil and the teacher who passed it on"
    );
    let (decided, _) = school.app.request(&lead.actor, id).await.unwrap();
    assert_eq!(
        decided.relied_on.as_deref(),
        Some("The review of games sites of September")
    );
    let times = school
        .app
        .answer_times(&lead.actor, school.app.now())
        .await
        .unwrap();
    assert_eq!(
        (times.answered, times.median_minutes, times.waiting),
        (1, 0, 0)
    );

    school.clock.forward(SignedDuration::from_hours(24 * 7 + 1));
    assert_eq!(
        school
            .verdict("ada.quill", "gaming.pharos.test")
            .await
            .action,
        Action::Block,
        "it closes by itself"
    );
}

/// REQ-01: `req.pupil_route` says who passes a pupil's request on.
#[tokio::test]
async fn req_01_the_pupils_route_is_a_setting() {
    let mut told = Vec::new();
    for route in ["lead", "tutor", "teacher"] {
        let mut files = pack_files();
        let text = String::from_utf8(files["school.toml"].clone()).unwrap();
        let text = text.replace(
            "pupil_route = \"teacher\"",
            &format!("pupil_route = \"{route}\""),
        );
        files.insert("school.toml".to_owned(), text.into_bytes());
        let school = SampleSchool::with(&files).await;
        asks(&school).await;
        told.push(
            school
                .notices()
                .await
                .into_iter()
                .filter(|(kind, _)| kind == "request")
                .count(),
        );
    }
    let [lead, tutor, teacher] = told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        lead, 3,
        "straight to those who vet: the lead and both deputies"
    );
    assert!(tutor >= 1 && tutor < teacher, "{told:?}");
}

/// BRE-04, REQ-05: one press blocks for everyone at once, before review; it cannot be loosened by
/// the technical team, and teachers cannot press it.
#[tokio::test]
async fn bre_04_req_05_an_address_is_blocked_before_review() {
    let school = SampleSchool::open().await;
    let (technician, lead) = (
        school.at_work("kofi.adeyemi").await,
        school.at_work("ruth.okafor").await,
    );
    let address = "new-harm.example/room";
    assert_eq!(
        school.verdict("ada.quill", address).await.action,
        Action::Allow
    );
    let teacher = school.at_work("ines.castellano").await;
    assert!(matches!(
        school
            .app
            .block_now(&teacher.actor, address, "seen in a lesson")
            .await,
        Err(Error::Denied(_))
    ));

    school
        .app
        .block_now(
            &technician.actor,
            address,
            "Reported by a pupil in the library",
        )
        .await
        .unwrap();
    for name in [
        "ada.quill",
        "sade.bello",
        "ines.castellano",
        "helen.lindqvist",
    ] {
        assert_eq!(
            school.verdict(name, address).await.action,
            Action::Block,
            "{name}"
        );
    }
    let stored = school
        .app
        .overrides(&lead.actor)
        .await
        .unwrap()
        .into_iter()
        .next()
        .unwrap();
    assert_eq!(
        stored.review_at,
        Some("2026-11-11T17:00:00Z".parse().unwrap()),
        "by the end of the next school day"
    );
    assert!(matches!(
        school.app.end_override(&technician.actor, stored.id).await,
        Err(Error::Refused(_))
    ));
    assert_eq!(
        school.verdict("ada.quill", address).await.action,
        Action::Block
    );
    school
        .app
        .end_override(&lead.actor, stored.id)
        .await
        .unwrap();
    assert_eq!(
        school.verdict("ada.quill", address).await.action,
        Action::Allow
    );
}

/// FIL-05: a restriction is ended by those who may restrict whom it is about: not by those who keep
/// the filter running, and not by that person, whatever their role.
#[tokio::test]
async fn fil_05_nobody_ends_their_own_restriction() {
    let school = SampleSchool::open().await;
    let lead = school.at_work("ruth.okafor").await;
    let head = school.at_work("helen.lindqvist").await;
    let technician = school.at_work("kofi.adeyemi").await;
    let site = "tides.example";
    let restriction_of = async |by: &SignedIn, username: &str| {
        let person = school.person(username).await.id;
        let sites = [site.to_owned()];
        school
            .app
            .restrict(&by.actor, person, &sites, None, "Agreed at a meeting")
            .await
            .unwrap();
        let all = school.app.overrides(&by.actor).await.unwrap();
        all.into_iter().find(|one| one.ended_at.is_none()).unwrap()
    };

    // A pupil's: the technician may end other changes, this one not.
    let pupils = restriction_of(&lead, "ada.quill").await;
    assert!(
        !school
            .app
            .could_end_override(&technician.actor, &pupils)
            .await
            .unwrap()
    );
    assert!(is_closed(
        &school
            .app
            .end_override(&technician.actor, pupils.id)
            .await
            .unwrap_err()
    ));
    assert_eq!(
        school.verdict("ada.quill", site).await.action,
        Action::Block
    );
    assert!(
        school
            .app
            .could_end_override(&lead.actor, &pupils)
            .await
            .unwrap()
    );
    school
        .app
        .end_override(&lead.actor, pupils.id)
        .await
        .unwrap();
    assert_eq!(
        school.verdict("ada.quill", site).await.action,
        Action::Allow
    );

    // The lead's own, made by the head: the lead may end a pupil's, but not this.
    let leads = restriction_of(&head, "ruth.okafor").await;
    assert!(is_closed(
        &school
            .app
            .end_override(&lead.actor, leads.id)
            .await
            .unwrap_err()
    ));
    assert_eq!(
        school.verdict("ruth.okafor", site).await.action,
        Action::Block
    );
    school
        .app
        .end_override(&head.actor, leads.id)
        .await
        .unwrap();
    assert_eq!(
        school.verdict("ruth.okafor", site).await.action,
        Action::Allow
    );
}

/// FIL-01: an application that cannot be looked into is left alone for some days by those who vet
/// sites, with a reason and a line in the audit log; what is no whole host, and no end, is refused.
#[tokio::test]
async fn fil_01_a_host_is_left_alone_for_some_days() {
    let school = SampleSchool::open().await;
    let (lead, teacher) = (
        school.at_work("ruth.okafor").await,
        school.at_work("ines.castellano").await,
    );
    let why = "The exam board's program trusts its own certificate only";
    let ask = |actor, host, days| school.app.leave_uninspected(actor, host, days, why);
    assert!(matches!(
        ask(&teacher.actor, "app.example", 30).await,
        Err(Error::Denied(_))
    ));
    for (host, days) in [
        ("app.example/path", 30),
        ("example", 30),
        ("app.example", 0),
        ("app.example", 367),
    ] {
        assert!(
            matches!(ask(&lead.actor, host, days).await, Err(Error::Invalid(_))),
            "{host} {days}"
        );
    }
    assert_eq!(
        school.verdict("ada.quill", "app.example").await.action,
        Action::Allow
    );
    let before = school.app.overrides(&lead.actor).await.unwrap().len();
    ask(&lead.actor, "app.example", 30).await.unwrap();
    assert_eq!(
        school.verdict("ada.quill", "api.app.example").await.action,
        Action::Tunnel
    );
    let stored = school.app.overrides(&lead.actor).await.unwrap();
    assert_eq!(stored.len(), before + 1);
    assert_eq!(stored[0].why, why);
    assert_eq!(
        stored[0].until,
        Some(school.app.now() + SignedDuration::from_hours(24 * 30))
    );
    school
        .app
        .end_override(&lead.actor, stored[0].id)
        .await
        .unwrap();
    assert_eq!(
        school.verdict("ada.quill", "app.example").await.action,
        Action::Allow
    );
}

/// FIL-13: not even in an emergency is a help site blocked, by its own name or a wider one.
#[tokio::test]
async fn fil_13_a_help_site_is_refused_in_block_now() {
    let school = SampleSchool::open().await;
    let lead = school.at_work("ruth.okafor").await;
    for address in [
        "childline.org.uk",
        "https://childline.org.uk/",
        "https://report.iwf.org.uk/",
        "police.uk",
    ] {
        let error = school
            .app
            .block_now(&lead.actor, address, "Somebody asked for it")
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(_))
                && error.to_string().contains("Help is never blocked"),
            "{address}: {error}"
        );
    }
    assert!(school.app.overrides(&lead.actor).await.unwrap().is_empty());
    assert_eq!(
        school.verdict("wren.osei", "childline.org.uk").await.action,
        Action::Allow,
        "even for the youngest"
    );
}

/// FIL-04: a subscribed list that is not there, or grew old, is told to the technical team and
/// leadership once a day until it is fresh.
#[tokio::test]
async fn fil_04_stale_lists_are_told_daily() {
    let school = SampleSchool::open().await;
    assert_eq!(
        school.app.stale_lists().unwrap(),
        ["ut1"],
        "subscribed, never brought in"
    );
    school.app.alarm_stale_lists().await.unwrap();
    let told = school.notices().await;
    for name in [
        "kofi.adeyemi",
        "petra.novak",
        "helen.lindqvist",
        "tomas.brandt",
    ] {
        assert!(
            said(&told).contains(&("list-stale", name)),
            "{name}: {told:?}"
        );
    }
    assert!(!said(&told).contains(&("list-stale", "ines.castellano")));
    school.app.alarm_stale_lists().await.unwrap();
    assert!(school.notices().await.is_empty(), "once a day");
    school.clock.forward(SignedDuration::from_hours(24));
    school.app.alarm_stale_lists().await.unwrap();
    assert_eq!(
        school.notices().await.len(),
        told.len(),
        "and again the next day"
    );

    // Brought in, it is fresh, and after `alert_days` it is not.
    let file = school.folder.path().join("domains");
    std::fs::write(&file, "casino.example\npoker.example\n").unwrap();
    let new = pharos_service::NewList {
        list: "ut1".to_owned(),
        category: Some("gambling".to_owned()),
        path: file,
        ..pharos_service::NewList::default()
    };
    school.app.import_list(&crate::system(), new).await.unwrap();
    assert!(
        !school
            .app
            .stale_lists()
            .unwrap()
            .contains(&"ut1".to_owned())
    );
    school.clock.forward(SignedDuration::from_hours(24 * 3 + 1));
    assert!(
        school
            .app
            .stale_lists()
            .unwrap()
            .contains(&"ut1".to_owned())
    );
}

/// FIL-04: a list with a source on this machine is read again when its hours are over; one that is
/// suddenly much smaller is refused and the last good one stays.
#[tokio::test]
async fn fil_04_lists_are_refreshed_on_their_timetable() {
    let source = tempfile::tempdir().unwrap();
    let gambling = source.path().join("gambling");
    std::fs::create_dir(&gambling).unwrap();
    let write = |names: &[&str]| {
        std::fs::write(gambling.join("domains"), format!("{}\n", names.join("\n"))).unwrap()
    };
    write(&[
        "casino.example",
        "poker.example",
        "slots.example",
        "bets.example",
    ]);
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let with_source = format!(
        "refresh_hours = 24\nsource = {:?}",
        source.path().display().to_string()
    );
    files.insert(
        "school.toml".to_owned(),
        text.replace("refresh_hours = 24", &with_source)
            .into_bytes(),
    );
    let school = SampleSchool::with(&files).await;

    assert_eq!(
        school.verdict("ada.quill", "casino.example").await.action,
        Action::Allow
    );
    assert_eq!(school.app.refresh_due_lists().await.unwrap(), ["ut1"]);
    assert_eq!(
        school.verdict("ada.quill", "casino.example").await.action,
        Action::Block
    );
    school.clock.forward(SignedDuration::from_hours(23));
    assert!(
        school.app.refresh_due_lists().await.unwrap().is_empty(),
        "not before its time"
    );

    write(&["casino.example"]);
    school.clock.forward(SignedDuration::from_hours(2));
    assert!(
        school.app.refresh_due_lists().await.unwrap().is_empty(),
        "shrunk by more than half: refused"
    );
    assert_eq!(
        school.verdict("ada.quill", "poker.example").await.action,
        Action::Block,
        "the last good one stays"
    );
    write(&[
        "casino.example",
        "poker.example",
        "slots.example",
        "dice.example",
    ]);
    assert_eq!(school.app.refresh_due_lists().await.unwrap(), ["ut1"]);
    assert_eq!(
        school.verdict("ada.quill", "dice.example").await.action,
        Action::Block
    );
}
