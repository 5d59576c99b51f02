//! Notes of supervision (MON-07).

use jiff::SignedDuration;
use pharos_governance::Standing;
use pharos_records::LedgerFilter;
use pharos_service::{Error, NewLesson, NewSupervision};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::{is_closed, many_lists};

/// Ines opens links for the youngest, half an hour long, with her own name.
async fn lesson_for_the_youngest(school: &SampleSchool) {
    let teacher = school.at_work("ines.castellano").await;
    let classes = school.app.classes(&teacher.actor).await.unwrap();
    let year = Some("1".parse().unwrap());
    let class = classes.iter().find(|class| class.year == year).unwrap();
    let lesson = NewLesson {
        class: class.id,
        sites: vec!["encyclopaedia.example".to_owned()],
        from: None,
        minutes: 30,
        supervised: false,
        adult: "Ines Castellano".to_owned(),
    };
    school
        .app
        .open_lesson(&teacher.actor, &lesson)
        .await
        .unwrap();
}

fn note(seen: &str) -> NewSupervision {
    NewSupervision {
        lesson: None,
        what: "Tablets in the library".to_owned(),
        took_place: true,
        seen: seen.to_owned(),
    }
}

/// MON-07: when a lesson that names an adult is over it waits for a note; what was seen is kept with
/// who noted it and when; a note about anything else needs to say what.
#[tokio::test]
async fn mon_07_supervision_is_noted_with_what_was_seen() {
    let school = SampleSchool::open().await;
    lesson_for_the_youngest(&school).await;
    let teacher = school.at_work("ines.castellano").await;
    let app = &school.app;
    assert!(app.lessons_to_note(&teacher).await.unwrap().is_empty());
    school.clock.forward(SignedDuration::from_mins(31));
    let waiting = app.lessons_to_note(&teacher).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        waiting[0].expected,
        "An adult sits with the group and opens each page."
    );
    let blank = app
        .note_supervision(&teacher, &NewSupervision::default())
        .await
        .unwrap_err();
    assert!(matches!(blank, Error::Invalid(_)), "{blank}");
    let unsaid = app
        .note_supervision(&teacher, &note(" "))
        .await
        .unwrap_err();
    assert!(matches!(unsaid, Error::Invalid(_)), "{unsaid}");
    let of_lesson = NewSupervision {
        lesson: Some(waiting[0].id),
        ..note("All on task; two swapped places to help each other.")
    };
    app.note_supervision(&teacher, &of_lesson).await.unwrap();
    assert!(app.lessons_to_note(&teacher).await.unwrap().is_empty());
    let kept = app.supervision_notes(&teacher.actor).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (
            kept[0].by,
            kept[0].at,
            kept[0].what.as_str(),
            kept[0].took_place
        ),
        (
            Some(teacher.person.id),
            app.now(),
            waiting[0].class.as_str(),
            true
        )
    );
    assert_eq!(kept[0].seen, of_lesson.seen);
}

/// MON-07, ROLE-02: whoever notes reads their own notes; the safeguarding team reads everybody's, and
/// that they did is in the audit log; colleagues, the technical team and pupils read none of them.
#[tokio::test]
async fn mon_07_notes_are_read_by_those_who_need_them() {
    let school = SampleSchool::open().await;
    let (teacher, lead, head) = (
        school.at_work("ines.castellano").await,
        school.at_work("ruth.okafor").await,
        school.at_work("helen.lindqvist").await,
    );
    let app = &school.app;
    let id = app
        .note_supervision(&teacher, &note("One page made a pupil go quiet."))
        .await
        .unwrap();
    for (reader, notes) in [
        ("ruth.okafor", 1),
        ("tomas.brandt", 1),
        ("helen.lindqvist", 1),
        ("ines.castellano", 1),
        ("kofi.adeyemi", 0),
    ] {
        let reader = school.at_work(reader).await;
        let read = app.supervision_notes(&reader.actor).await.unwrap();
        assert_eq!(read.len(), notes, "{}", reader.person.username);
    }
    for closed in ["ada.quill", "mirela.dobre"] {
        let other = school.at_work(closed).await;
        let read = app.supervision_notes(&other.actor).await.unwrap_err();
        assert!(is_closed(&read), "{closed}");
        let noted = app.note_supervision(&other, &note("Was there.")).await;
        assert!(is_closed(&noted.unwrap_err()), "{closed}");
    }
    let technician = school.at_work("kofi.adeyemi").await;
    let taken = app.concern_from_supervision(&technician, id).await;
    assert!(matches!(taken.unwrap_err(), Error::NotFound));
    let lines = app
        .ledger(&head.actor, &LedgerFilter::default(), 50)
        .await
        .unwrap();
    let who = lead.person.id.to_string();
    assert!(
        lines
            .iter()
            .any(|entry| entry.line.act == "supervision.read" && entry.line.actor.contains(&who)),
        "{lines:?}"
    );
    assert!(
        lines
            .iter()
            .all(|entry| !entry.line.detail.contains("quiet"))
    );
}

/// MON-07: what was seen becomes a concern with one press, in the words of the note, and once.
#[tokio::test]
async fn mon_07_a_note_becomes_a_concern_with_one_press() {
    let school = SampleSchool::open().await;
    let (teacher, lead) = (
        school.at_work("ines.castellano").await,
        school.at_work("ruth.okafor").await,
    );
    let app = &school.app;
    let id = app
        .note_supervision(&teacher, &note("A pupil cried over a message."))
        .await
        .unwrap();
    school.notices().await;
    let number = app.concern_from_supervision(&teacher, id).await.unwrap();
    let told = school.notices().await;
    assert!(
        told.iter()
            .any(|(kind, to)| kind == "concern" && to == "ruth.okafor"),
        "{told:?}"
    );
    let cases = app.cases(&lead.actor, true).await.unwrap();
    let case = cases.iter().find(|case| case.number == number).unwrap();
    let open = app.case(&lead.actor, case.id).await.unwrap();
    let what = &open.state.concern.what;
    assert!(what.contains("Tablets in the library"), "{what}");
    assert!(
        what.contains("noted by Ines Castellano on 10 November 2026, 10:00"),
        "{what}"
    );
    assert!(what.ends_with("A pupil cried over a message."), "{what}");
    let notes = app.supervision_notes(&teacher.actor).await.unwrap();
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].concern, Some(number));
    let again = app
        .concern_from_supervision(&teacher, id)
        .await
        .unwrap_err();
    assert!(matches!(again, Error::Refused(_)), "{again}");
}

/// MON-07, REV-09: notes count as evidence of a clause: a lesson that names an adult and has no note
/// in time, or one that says supervision did not take place, does not keep it.
#[tokio::test]
async fn mon_07_notes_are_evidence() {
    let mut files = pack_files();
    let text = String::from_utf8(files["policy.md"].clone()).unwrap();
    let bound = "```controls\nsupervision.noted(within=1 week)\n```\n\n### 8.3 Records";
    let text = text.replace("### 8.3 Records", bound);
    files.insert("policy.md".to_owned(), text.into_bytes());
    let school = SampleSchool::with(&files).await;
    let (teacher, lead) = (
        school.at_work("ines.castellano").await,
        school.at_work("ruth.okafor").await,
    );
    let standing = async || {
        let clauses = school.app.clauses(&lead.actor).await.unwrap();
        let clause = clauses.iter().find(|clause| clause.clause == "8.2");
        clause.unwrap().standing
    };
    assert_eq!(standing().await, Some(Standing::Met));
    lesson_for_the_youngest(&school).await;
    school.clock.forward(SignedDuration::from_mins(31));
    let lesson = school.app.lessons_to_note(&teacher).await.unwrap()[0].id;
    let noted = |took_place| NewSupervision {
        lesson: Some(lesson),
        took_place,
        ..note("As seen.")
    };
    school
        .app
        .note_supervision(&teacher, &noted(false))
        .await
        .unwrap();
    school.clock.forward(SignedDuration::from_hours(24 * 8));
    assert_eq!(standing().await, Some(Standing::NotMet));
    school
        .app
        .note_supervision(&teacher, &noted(true))
        .await
        .unwrap();
    assert_eq!(standing().await, Some(Standing::AtRisk), "noted late");
}

/// PRIV-03, MON-07: notes of supervision go when the time is over for which the school keeps its journal, and
/// not while the clock may have leapt.
#[tokio::test]
async fn priv_03_notes_go_when_the_time_of_the_journal_is_over() {
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let text = text.replace(
        "[priv.retention]\n",
        "[priv.retention]\njournal_days = 400\n",
    );
    files.insert("school.toml".to_owned(), text.into_bytes());
    let school = SampleSchool::with(&files).await;
    let (app, head) = (&school.app, school.at_work("helen.lindqvist").await);
    let teacher = school.at_work("ines.castellano").await;
    app.note_supervision(&teacher, &note("All screens in sight."))
        .await
        .unwrap();
    app.retain_activity().await.unwrap();
    let gone = async || {
        let filter = LedgerFilter {
            act: Some("system.housekeep".to_owned()),
            ..LedgerFilter::default()
        };
        let lines = app.ledger(&head.actor, &filter, 200).await.unwrap();
        let told = lines.into_iter().map(|entry| entry.line.detail.to_string());
        told.filter(|detail| detail.contains("journal-entries"))
            .collect::<Vec<_>>()
    };
    school.clock.forward(SignedDuration::from_hours(24 * 401));
    app.retain_activity().await.unwrap();
    assert_eq!(
        gone().await,
        Vec::<String>::new(),
        "the clock may have leapt"
    );
    for _ in 0..80 {
        school.clock.forward(SignedDuration::from_hours(24));
        app.retain_activity().await.unwrap();
    }
    let gone = gone().await;
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(!gone[0].contains("screens"), "{gone:?}");
}

/// PRIV-03, MON-07: a note of which a case was made stays while the case is open, with what belongs to it; it is
/// the last that a turn of deleting looks at, so that nothing waits for it.
#[tokio::test]
async fn priv_03_a_note_stays_while_its_case_is_open() {
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let text = text.replace(
        "[priv.retention]\n",
        "[priv.retention]\njournal_days = 400\n",
    );
    files.insert("school.toml".to_owned(), text.into_bytes());
    let school = SampleSchool::with(&files).await;
    let (app, head) = (&school.app, school.at_work("helen.lindqvist").await);
    let teacher = school.at_work("ines.castellano").await;
    for seen in ["A pupil cried over a message.", "All screens in sight."] {
        let id = app.note_supervision(&teacher, &note(seen)).await.unwrap();
        if seen.contains("cried") {
            app.concern_from_supervision(&teacher, id).await.unwrap();
        }
    }
    school.visit("ada.quill", "tides.example/").await;
    app.retain_activity().await.unwrap();
    school.clock.forward(SignedDuration::from_hours(24 * 401));
    for _ in 0..80 {
        school.clock.forward(SignedDuration::from_hours(24));
        app.retain_activity().await.unwrap();
    }
    let filter = LedgerFilter::default();
    let lines = app.ledger(&head.actor, &filter, 2_000).await.unwrap();
    let mut lines: Vec<_> = lines
        .into_iter()
        .filter(|entry| entry.line.actor.contains("retention"))
        .map(|entry| (entry.line.at, entry.seq, entry.line.act, entry.line.detail))
        .collect();
    lines.sort_by_key(|line| line.1);
    let gone: Vec<_> = lines
        .iter()
        .filter(|line| line.3.contains("journal-entries"))
        .collect();
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(gone[0].3.contains("\"journal-entries\":1"), "{gone:?}");
    let turn: Vec<_> = lines.iter().filter(|line| line.0 == gone[0].0).collect();
    assert!(
        turn.len() > 1 && turn.last().unwrap().3.contains("journal-entries"),
        "{turn:?}"
    );
    assert!(
        turn.iter().any(|line| &*line.2 == "setting.change"),
        "{turn:?}"
    );
}

/// MON-07: of one note comes one concern, whoever presses and whenever: pressed by the lead, it names the
/// teacher who saw it, the teacher sees that it was made, and none of them makes a second; two who press at
/// once make one.
#[tokio::test]
async fn mon_07_of_one_note_comes_one_concern() {
    let school = SampleSchool::open().await;
    let (teacher, lead, deputy) = (
        school.at_work("ines.castellano").await,
        school.at_work("ruth.okafor").await,
        school.at_work("tomas.brandt").await,
    );
    let app = &school.app;
    let id = app
        .note_supervision(&teacher, &note("A pupil cried over a message."))
        .await
        .unwrap();
    let number = app.concern_from_supervision(&lead, id).await.unwrap();
    let cases = app.cases(&lead.actor, true).await.unwrap();
    let case = cases.iter().find(|case| case.number == number).unwrap();
    let open = app.case(&lead.actor, case.id).await.unwrap();
    let what = &open.state.concern.what;
    assert!(what.contains("noted by Ines Castellano on"), "{what}");
    let own = app.supervision_notes(&teacher.actor).await.unwrap();
    assert_eq!(own[0].concern, Some(number), "the lead's mark is seen");
    for again in [&teacher, &lead, &deputy] {
        let again = app.concern_from_supervision(again, id).await;
        assert!(matches!(again, Err(Error::Refused(_))), "{again:?}");
    }

    let before = app.cases(&lead.actor, true).await.unwrap().len();
    let id = app
        .note_supervision(&teacher, &note("Another one went quiet."))
        .await
        .unwrap();
    let (one, other) = tokio::join!(
        app.concern_from_supervision(&lead, id),
        app.concern_from_supervision(&teacher, id)
    );
    assert_eq!(
        [&one, &other].iter().filter(|made| made.is_ok()).count(),
        1,
        "{one:?} {other:?}"
    );
    assert_eq!(
        app.cases(&lead.actor, true).await.unwrap().len(),
        before + 1
    );
}

/// MON-07: every note that is kept can be made a concern: what is too long for a case with its heading is
/// refused when it is noted, with the bound.
#[tokio::test]
async fn mon_07_a_note_is_never_too_long_for_a_concern() {
    let school = SampleSchool::open().await;
    let teacher = school.at_work("ines.castellano").await;
    let app = &school.app;
    let long = |characters: usize| NewSupervision {
        what: "x".repeat(200),
        ..note(&"\u{e4}".repeat(characters))
    };
    let over = app.note_supervision(&teacher, &long(19_001)).await;
    let Err(Error::Invalid(problems)) = over else {
        panic!("{over:?}");
    };
    assert!(problems[0].text.contains("19000"), "{}", problems[0].text);
    let id = app.note_supervision(&teacher, &long(19_000)).await.unwrap();
    app.concern_from_supervision(&teacher, id).await.unwrap();
}

/// MON-07, REV-09: a busy school's older lessons count as its newest do: with more than five hundred
/// lists since, a lesson without a note still stands, can be noted, and is not forgotten.
#[tokio::test]
async fn mon_07_more_than_a_page_of_lessons_are_counted() {
    let school = SampleSchool::open().await;
    let teacher = school.at_work("ines.castellano").await;
    lesson_for_the_youngest(&school).await;
    school.clock.forward(SignedDuration::from_mins(31));
    let app = &school.app;
    let lesson = app.lessons_to_note(&teacher).await.unwrap()[0].id;
    many_lists(&school, "owen.pryce", 2_010).await;
    let waiting = app.lessons_to_note(&teacher).await.unwrap();
    assert_eq!(
        waiting.iter().map(|one| one.id).collect::<Vec<_>>(),
        [lesson]
    );
    let of_lesson = NewSupervision {
        lesson: Some(lesson),
        ..note("All on task.")
    };
    app.note_supervision(&teacher, &of_lesson).await.unwrap();
    assert!(app.lessons_to_note(&teacher).await.unwrap().is_empty());
}
