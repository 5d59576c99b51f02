//! Who is told where those who would be are kept to a campus, and what they may then do (MON-03, CON-03, REQ-02,
//! BRE-04).

use jiff::SignedDuration;
use pharos_access::Act;
use pharos_casework::{Concern, EntryBody, Involved, Origin as From, Part, Reporter, Whom, gaps};
use pharos_policy::Action;
use pharos_records::Origin;
use pharos_school::{Unknown, Who};
use pharos_service::{Brought, Error, Vetting};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::campus::{
    PREP, SENIOR, asks, delegate, files_with_campuses, kept_to_the_prep_site, two_campuses,
};
use crate::said;

/// Both deputies are told first, vet, and are kept to the prep site.
async fn deputies_alone() -> SampleSchool {
    kept_to_the_prep_site(&["sunita.pillai", "tomas.brandt"], |text| {
        text.replace(
            "first_recipient = [\"lead\", \"deputy\"]",
            "first_recipient = [\"deputy\"]",
        )
        .replace(
            "vetted_by = [\"lead\", \"deputy\"]",
            "vetted_by = [\"deputy\"]",
        )
        .replace("[con]\nnotify = [\"lead\"]", "[con]\nnotify = [\"deputy\"]")
    })
    .await
}

async fn told(school: &SampleSchool, kind: &str) -> Vec<String> {
    let sent = school.notices().await.into_iter();
    let mut told: Vec<String> = sent
        .filter(|(one, _)| one == kind)
        .map(|(_, to)| to)
        .collect();
    told.sort();
    told
}

/// MON-03, CLK-02: where all who hear of alerts first are kept to another campus, the lead hears at once
/// and again when the alert is chased: about a pupil elsewhere, and about a device nobody knows. What is
/// about their own campus stays with them.
#[tokio::test]
async fn mon_03_no_alert_is_told_to_nobody() {
    let school = deputies_alone().await;
    school.notices().await;
    school.visit(SENIOR, "self-harm.pharos.test/").await;
    assert_eq!(told(&school, "alert").await, ["ruth.okafor"]);
    school.clock.forward(SignedDuration::from_mins(31));
    school.app.chase_alerts().await.unwrap();
    assert_eq!(told(&school, "alert-chase-1").await, ["ruth.okafor"]);
    let event = school.event(SENIOR, "self-harm.pharos.test/").await;
    let unknown = pharos_activity::Event {
        who: Who::Unknown {
            why: Unknown::SharedDevice,
            device: None,
        },
        ..event
    };
    school.app.notice(&unknown).await.unwrap();
    assert_eq!(told(&school, "alert").await, ["ruth.okafor"]);
    school.visit(PREP, "self-harm.pharos.test/").await;
    assert_eq!(
        told(&school, "alert").await,
        ["sunita.pillai", "tomas.brandt"]
    );
}

/// MON-03, CON-03, REQ-01: the same of concerns and requests: the lead hears of them, and decides a
/// request that nobody who vets may see.
#[tokio::test]
async fn req_01_no_concern_or_request_is_told_to_nobody() {
    let school = deputies_alone().await;
    let (app, lead) = (&school.app, school.at_work("ruth.okafor").await);
    school.notices().await;
    let teacher = school.at_work("owen.pryce").await;
    let reporter = Reporter::Staff {
        person: teacher.person.id,
    };
    for (pupil, hear) in [
        (SENIOR, &["ruth.okafor"][..]),
        (PREP, &["sunita.pillai", "tomas.brandt"][..]),
    ] {
        let mut concern = Concern::new(reporter.clone(), From::Form, "Cried over a message.");
        concern.involved = vec![Involved {
            whom: Whom::Pupil {
                person: school.person(pupil).await.id,
            },
            part: Part::ReachedMaterial,
        }];
        app.raise_concern(Some(&teacher), concern).await.unwrap();
        assert_eq!(told(&school, "concern").await, hear, "{pupil}");
    }
    let id = asks(&school, SENIOR).await;
    school.notices().await;
    app.endorse_request(&lead.actor, id, true, "A good page for it")
        .await
        .unwrap();
    assert_eq!(told(&school, "request").await, ["ruth.okafor"]);
    let vetting = Vetting {
        approve: true,
        why: "Looked through it".to_owned(),
        groups: Vec::new(),
        days: 3,
        relied_on: String::new(),
    };
    app.decide_request(&lead.actor, id, &vetting).await.unwrap();
}

/// REQ-02: whoever is told of a request may decide it, and nobody else: where all who vet are kept to another
/// campus the lead, and where the lead is the one who asks, the head.
#[tokio::test]
async fn req_02_whoever_is_told_of_a_request_decides_it_and_nobody_else() {
    let school = deputies_alone().await;
    let app = &school.app;
    for (asker, decides, not) in [
        (
            "owen.pryce",
            "ruth.okafor",
            ["helen.lindqvist", "sunita.pillai"],
        ),
        (
            "ruth.okafor",
            "helen.lindqvist",
            ["ruth.okafor", "sunita.pillai"],
        ),
    ] {
        school.notices().await;
        let id = asks(&school, asker).await;
        assert_eq!(told(&school, "request").await, [decides], "{asker} asks");
        let vetting = Vetting {
            approve: true,
            why: "Looked through it".to_owned(),
            groups: Vec::new(),
            days: 3,
            relied_on: String::new(),
        };
        for other in not {
            let other = school.at_work(other).await.actor;
            let no = app.decide_request(&other, id, &vetting).await;
            assert!(
                matches!(no, Err(Error::Refused(_) | Error::NotFound)),
                "{asker} asks: {no:?}"
            );
        }
        let decides = school.at_work(decides).await.actor;
        app.decide_request(&decides, id, &vetting).await.unwrap();
    }
}

/// REQ-01, REQ-02: where one person is lead and head, a deputy decides what they ask for; where nobody else
/// may, they are told so and nothing is kept that nobody would answer.
#[tokio::test]
async fn req_01_who_is_lead_and_head_asks_a_deputy_or_is_told_that_nobody_decides() {
    let lead = "lead = { user = \"ruth.okafor\"";
    let both = |more: &str| {
        let mut files = pack_files();
        let text = String::from_utf8(files["school.toml"].clone()).unwrap();
        assert!(text.contains(lead) && text.contains("vetted_by = [\"lead\", \"deputy\"]"));
        let text = text
            .replace(lead, "lead = { user = \"helen.lindqvist\"")
            .replace(
                "vetted_by = [\"lead\", \"deputy\"]",
                "vetted_by = [\"lead\"]",
            )
            .replace("[rights]\n", &format!("[rights]\n{more}\n"));
        files.insert("school.toml".to_owned(), text.into_bytes());
        files
    };
    let school = SampleSchool::with(&both("")).await;
    school.notices().await;
    let id = asks(&school, "helen.lindqvist").await;
    assert_eq!(
        told(&school, "request").await,
        ["sunita.pillai", "tomas.brandt"]
    );
    let vetting = Vetting {
        approve: true,
        why: "Looked through it".to_owned(),
        groups: Vec::new(),
        days: 3,
        relied_on: String::new(),
    };
    let helen = school.at_work("helen.lindqvist").await;
    assert!(
        school
            .app
            .decide_request(&helen.actor, id, &vetting)
            .await
            .is_err()
    );
    let deputy = school.at_work("tomas.brandt").await.actor;
    assert!(
        school
            .app
            .may_vet_anybody(&deputy, Act::DecideRequest)
            .await
            .unwrap()
    );
    school
        .app
        .decide_request(&deputy, id, &vetting)
        .await
        .unwrap();

    let school = SampleSchool::with(&both("\"request.decide\" = [\"lead\", \"head\"]")).await;
    let helen = school.at_work("helen.lindqvist").await;
    let asked = school
        .app
        .ask_for_site(
            &helen.person,
            &helen.actor,
            "gaming.pharos.test",
            "To try it",
            None,
        )
        .await;
    assert!(
        matches!(&asked, Err(Error::Refused(why)) if why.contains("Nobody at this school may decide this")),
        "{asked:?}"
    );
    assert_eq!(told(&school, "request").await, [""; 0]);
}

/// FIL-05, REQ-02: the form to add a member to an exception group is there for whoever stands in for those who
/// vet, as the service takes it from them, and for nobody else.
#[tokio::test]
async fn fil_05_who_adds_members_in_the_place_of_those_who_vet() {
    for (vets, may) in [("\"lead\", \"deputy\"", false), ("\"lead\"", true)] {
        let mut files = pack_files();
        let text = String::from_utf8(files["school.toml"].clone()).unwrap();
        let text = text.replace(
            "vetted_by = [\"lead\", \"deputy\"]",
            &format!("vetted_by = [{vets}]"),
        );
        files.insert("school.toml".to_owned(), text.into_bytes());
        let school = SampleSchool::with(&files).await;
        for (who, may) in [
            ("helen.lindqvist", may),
            ("ruth.okafor", true),
            ("kofi.adeyemi", false),
        ] {
            let actor = school.at_work(who).await.actor;
            let shown = school.app.may_vet_anybody(&actor, Act::AddException).await;
            assert_eq!(shown.unwrap(), may, "{who}, {vets}");
        }
    }
}

/// BRE-04: where an address is blocked for everyone already, nobody is asked to widen a delegate's block of
/// it; where no lead or deputy of the whole school may read the case, the head is asked.
#[tokio::test]
async fn bre_04_who_is_asked_to_widen_a_block() {
    let rights = |text: String| {
        text.replace(
            "[rights]\n",
            "[rights]\n\"case.read\" = [\"deputy\", \"head\"]\n",
        )
    };
    let delegates: &[&str] = &["sunita.pillai", "tomas.brandt"];
    for (blocked_before, asked) in [(false, &["helen.lindqvist"][..]), (true, &[])] {
        let school = kept_to_the_prep_site(delegates, rights).await;
        let (app, me) = (&school.app, delegate(&school).await);
        let reporter = Reporter::Staff {
            person: me.person.id,
        };
        let address = "low-tide.example/clip";
        let mut concern = Concern::new(reporter, From::Form, "A clip that came through.");
        concern.addresses = vec![address.to_owned()];
        concern.happened_at = Some(app.now());
        concern.involved = vec![Involved {
            whom: Whom::Pupil {
                person: school.person(PREP).await.id,
            },
            part: Part::ReachedMaterial,
        }];
        let case = app.raise_concern(Some(&me), concern).await.unwrap().case;
        if blocked_before {
            let lead = school.at_work("ruth.okafor").await.actor;
            app.block_now(&lead, "low-tide.example", "Seen everywhere now")
                .await
                .unwrap();
        }
        school.notices().await;
        let known = app.case(&me.actor, case).await.unwrap().case.entries;
        app.contain(&me, case, known, address).await.unwrap();
        let sent = school.notices().await;
        let widen: Vec<_> = said(&sent)
            .into_iter()
            .filter(|(kind, _)| kind.starts_with("block-partial"))
            .map(|(_, to)| to)
            .collect();
        assert_eq!(widen, asked, "blocked before: {blocked_before}");
    }
}

/// BRE-04: what a delegate blocks from a case is recorded for their campus alone; the time to the block
/// goes on, those who act for the whole school are asked to widen it, and their block settles it.
#[tokio::test]
async fn bre_04_a_delegates_block_is_not_told_as_everyones() {
    let school = two_campuses().await;
    let (app, me) = (&school.app, delegate(&school).await);
    let lead = school.at_work("ruth.okafor").await;
    let event = school.event(PREP, "low-tide.example/clip").await;
    let address = "low-tide.example/clip";
    let reporter = Reporter::Staff {
        person: me.person.id,
    };
    let mut concern = Concern::new(reporter, From::Form, "A clip that came through.");
    concern.addresses = vec![address.to_owned()];
    concern.happened_at = Some(event.at);
    concern.involved = vec![Involved {
        whom: Whom::Pupil {
            person: school.person(PREP).await.id,
        },
        part: Part::ReachedMaterial,
    }];
    let case = app.raise_concern(Some(&me), concern).await.unwrap().case;
    school.notices().await;
    let known = app.case(&me.actor, case).await.unwrap().case.entries;
    app.contain(&me, case, known, address).await.unwrap();
    let open = app.case(&me.actor, case).await.unwrap();
    let EntryBody::Contained { campuses, .. } = &open.entries.last().unwrap().body else {
        panic!("{:?}", open.entries.last());
    };
    assert_eq!(campuses, &["Prep site"]);
    assert_eq!(gaps(&open.state).to_contained, None);
    assert_eq!(
        school.verdict(SENIOR, address).await.action,
        Action::Allow,
        "the other campus is still exposed"
    );
    let sent = school.notices().await;
    let asked: Vec<_> = said(&sent)
        .into_iter()
        .filter(|(kind, _)| kind.starts_with("block-partial"))
        .map(|(_, to)| to)
        .collect();
    assert_eq!(asked, ["ruth.okafor", "tomas.brandt"]);
    let blocks = app.overrides(&lead.actor).await.unwrap();
    assert_eq!(app.blocked_at(&blocks[0]).unwrap(), ["Prep site"]);
    // What it is called later does not change what was noted then.
    let mut files = files_with_campuses(&["sunita.pillai"], |text| text);
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let text = text.replace("title = \"Prep site\"", "title = \"Lower school\"");
    files.insert("school.toml".to_owned(), text.into_bytes());
    let renamed = app
        .bring_pack(&lead.actor, &files, "A new name", Origin::Screen)
        .await
        .unwrap();
    assert!(matches!(renamed, Brought::InForce(_)), "{renamed:?}");
    assert_eq!(app.blocked_at(&blocks[0]).unwrap(), ["Prep site"]);

    school.clock.forward(SignedDuration::from_mins(1));
    app.contain(&lead, case, open.case.entries, address)
        .await
        .unwrap();
    let open = app.case(&lead.actor, case).await.unwrap();
    assert!(gaps(&open.state).to_contained.is_some());
    assert_eq!(school.verdict(SENIOR, address).await.action, Action::Block);
    let blocks = app.overrides(&lead.actor).await.unwrap();
    assert_eq!(app.blocked_at(&blocks[0]).unwrap(), Vec::<String>::new());
}
