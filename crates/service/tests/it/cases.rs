//! Concerns and cases: told at once, shown to those who need to know.

use jiff::SignedDuration;
use pharos_activity::Store as _;
use pharos_casework::{Command, Concern, EntryBody, Involved, Origin, Part, Reporter, Whom};
use pharos_policy::Action;
use pharos_records::LedgerFilter;
use pharos_school::CaseId;
use pharos_service::{Error, NewBreach};
use pharos_testkit::school::SampleSchool;

use crate::{is_closed, said};

/// A teacher's concern about one person, in their part.
async fn reported(school: &SampleSchool, about: Whom, part: Part, what: &str) -> CaseId {
    let teacher = school.at_work("owen.pryce").await;
    let mut concern = Concern::new(
        Reporter::Staff {
            person: teacher.person.id,
        },
        Origin::Form,
        what,
    );
    concern.involved = vec![Involved { whom: about, part }];
    school
        .app
        .raise_concern(Some(&teacher), concern)
        .await
        .unwrap()
        .case
}

/// CON-03, CLK-02: the lead is told with the report; after 30 minutes the deputies, after an hour
/// the head, each once.
#[tokio::test]
async fn con_03_clk_02_a_concern_is_chased_by_the_clock() {
    let school = SampleSchool::open().await;
    let pupil = school.person("noor.rahimi").await;
    reported(
        &school,
        Whom::Pupil { person: pupil.id },
        Part::Harmed,
        "She showed me cruel messages.",
    )
    .await;
    assert_eq!(said(&school.notices().await), [("concern", "ruth.okafor")]);
    let mut chain = Vec::new();
    for minutes in [29, 1, 1, 29, 1] {
        school.clock.forward(SignedDuration::from_mins(minutes));
        school.app.chase_cases().await.unwrap();
        chain.push(
            said(&school.notices().await)
                .iter()
                .map(|(kind, to)| format!("{kind} {to}"))
                .collect::<Vec<_>>()
                .join(", "),
        );
    }
    assert_eq!(
        chain,
        [
            "",
            "concern-chase-1 sunita.pillai, concern-chase-1 tomas.brandt",
            "",
            "concern-chase-2 helen.lindqvist",
            ""
        ]
    );
}

/// CON-03, CLK-02, ROLE-06: a concern about a member of staff is chased among those of its own
/// route; whoever it is about hears nothing, and nobody else does.
#[tokio::test]
async fn con_03_a_concern_about_staff_is_chased_on_its_own_route() {
    let school = SampleSchool::open().await;
    for (about, told) in [
        ("ruth.okafor", "helen.lindqvist"),
        ("helen.lindqvist", "joseph.whitlock"),
    ] {
        let person = school.person(about).await.id;
        let about = Whom::Staff { person };
        reported(
            &school,
            about,
            Part::AllegedToHaveHarmed,
            "Words at the gate.",
        )
        .await;
        assert_eq!(said(&school.notices().await), [("concern", told)]);
        for rung in ["concern-chase-1", "concern-chase-2"] {
            school.clock.forward(SignedDuration::from_mins(31));
            school.app.chase_cases().await.unwrap();
            let notices = school.notices().await;
            assert!(
                said(&notices).contains(&(rung, told)),
                "{rung} {told}: {notices:?}"
            );
            assert!(
                notices
                    .iter()
                    .all(|(_, to)| ["helen.lindqvist", "joseph.whitlock"].contains(&to.as_str())),
                "{notices:?}"
            );
        }
    }
}

/// CON-14: a step in a matter about a member of staff is told to those of its own route alone: the technical
/// team does not hear of a colleague's case.
#[tokio::test]
async fn con_14_a_step_about_staff_is_told_on_its_own_route() {
    let school = SampleSchool::open().await;
    let lead = school.at_work("ruth.okafor").await;
    let address = "low-tide.example/clip";
    let reporter = Reporter::Staff {
        person: lead.person.id,
    };
    let mut concern = Concern::new(reporter, Origin::Form, "A clip left open at a desk.");
    concern.addresses = vec![address.to_owned()];
    concern.happened_at = Some(school.app.now());
    let person = school.person("kofi.adeyemi").await.id;
    concern.involved = vec![Involved {
        whom: Whom::Staff { person },
        part: Part::AllegedToHaveHarmed,
    }];
    let raised = school.app.raise_concern(Some(&lead), concern).await;
    let case = raised.unwrap().case;
    school.notices().await;
    let open = school.app.case(&lead.actor, case).await.unwrap();
    school
        .app
        .contain(&lead, case, open.case.entries, address)
        .await
        .unwrap();
    let sent = school.notices().await;
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|(_, to)| to == "ruth.okafor"), "{sent:?}");
}

/// CON-03, CLK-02: whoever only saw it hears of a concern like anybody with their post.
#[tokio::test]
async fn con_03_a_witness_with_a_post_is_chased_too() {
    let school = SampleSchool::open().await;
    let mut concern = Concern::new(
        Reporter::Staff {
            person: school.person("owen.pryce").await.id,
        },
        Origin::Form,
        "She showed us cruel messages.",
    );
    let pupil = school.person("noor.rahimi").await.id;
    concern.involved = vec![Involved {
        whom: Whom::Pupil { person: pupil },
        part: Part::Harmed,
    }];
    for saw in ["tomas.brandt", "helen.lindqvist"] {
        let person = school.person(saw).await.id;
        concern.involved.push(Involved {
            whom: Whom::Staff { person },
            part: Part::Witness,
        });
    }
    let teacher = school.at_work("owen.pryce").await;
    school
        .app
        .raise_concern(Some(&teacher), concern)
        .await
        .unwrap();
    school.notices().await;
    school.clock.forward(SignedDuration::from_mins(61));
    school.app.chase_cases().await.unwrap();
    assert_eq!(
        said(&school.notices().await),
        [
            ("concern-chase-1", "sunita.pillai"),
            ("concern-chase-1", "tomas.brandt"),
            ("concern-chase-2", "helen.lindqvist")
        ]
    );
}

/// CON-03: an acknowledgement ends the chase.
#[tokio::test]
async fn con_03_an_acknowledged_concern_is_not_chased() {
    let school = SampleSchool::open().await;
    let pupil = school.person("noor.rahimi").await;
    let case = reported(
        &school,
        Whom::Pupil { person: pupil.id },
        Part::Harmed,
        "She showed me cruel messages.",
    )
    .await;
    school.notices().await;
    let lead = school.at_work("ruth.okafor").await;
    let open = school.app.case(&lead.actor, case).await.unwrap();
    school
        .app
        .act_on_case(&lead, case, open.case.entries, Command::Acknowledge)
        .await
        .unwrap();
    school.clock.forward(SignedDuration::from_mins(90));
    assert_eq!(school.app.chase_cases().await.unwrap(), 0);
    assert!(school.notices().await.is_empty());
}

/// CON-14: a deputy who is the subject of a case finds nothing of it: no notice, no row, no number,
/// no page, no export, no emergency door; the head works on it.
#[tokio::test]
async fn con_14_a_case_about_a_deputy_does_not_exist_for_the_deputy() {
    let school = SampleSchool::open().await;
    let deputy = school.at_work("tomas.brandt").await;
    let case = reported(
        &school,
        Whom::Staff {
            person: deputy.person.id,
        },
        Part::AllegedToHaveHarmed,
        "Messages to a pupil at night.",
    )
    .await;
    let told = school.notices().await;
    assert!(
        said(&told).contains(&("concern", "helen.lindqvist")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .all(|(_, to)| to != "tomas.brandt" && to != "sunita.pillai"),
        "{told:?}"
    );

    let app = &school.app;
    assert!(app.cases(&deputy.actor, true).await.unwrap().is_empty());
    assert_eq!(app.waiting(&deputy.actor).await.unwrap().cases, 0);
    assert!(matches!(
        app.case(&deputy.actor, case).await.err(),
        Some(Error::NotFound)
    ));
    assert!(is_closed(
        &app.export_case(&deputy.actor, case).await.err().unwrap()
    ));
    assert!(is_closed(
        &app.emergency_case(&deputy.actor, case, "I need to see it now")
            .await
            .err()
            .unwrap()
    ));
    assert!(is_closed(
        &app.act_on_case(&deputy, case, 1, Command::Acknowledge)
            .await
            .unwrap_err()
    ));
    // A case that is not there at all sounds the same.
    let nothing = app
        .case(&deputy.actor, CaseId::from_uuid(uuid::Uuid::from_u128(1)))
        .await
        .err()
        .unwrap();
    assert_eq!(
        nothing.to_string(),
        app.case(&deputy.actor, case)
            .await
            .err()
            .unwrap()
            .to_string()
    );

    let head = school.at_work("helen.lindqvist").await;
    assert_eq!(app.cases(&head.actor, true).await.unwrap().len(), 1);
    app.case(&head.actor, case).await.unwrap();
}

/// CON-14: a case about the lead is hidden from the lead in the audit log and the look-ups too,
/// although both are the lead's to read.
#[tokio::test]
async fn con_14_a_case_about_the_lead_is_not_in_the_leads_audit_log() {
    let school = SampleSchool::open().await;
    let (lead, head) = (
        school.at_work("ruth.okafor").await,
        school.at_work("helen.lindqvist").await,
    );
    let case = reported(
        &school,
        Whom::Staff {
            person: lead.person.id,
        },
        Part::AllegedToHaveHarmed,
        "A complaint by a parent.",
    )
    .await;
    school.app.case(&head.actor, case).await.unwrap();
    school
        .app
        .activity_of(
            &head.actor,
            lead.person.id,
            pharos_activity::Query {
                limit: 10,
                ..Default::default()
            },
            "Part of a complaint",
        )
        .await
        .unwrap();

    let since = school.app.now() - SignedDuration::from_hours(1);
    let seen_by = |ledger: Vec<pharos_ledger::Entry>| {
        ledger
            .iter()
            .filter(|entry| entry.line.subject == format!("case:{case}"))
            .count()
    };
    let whole = LedgerFilter::default;
    assert!(seen_by(school.app.ledger(&head.actor, &whole(), 500).await.unwrap()) > 0);
    assert_eq!(
        seen_by(school.app.ledger(&lead.actor, &whole(), 500).await.unwrap()),
        0
    );
    let me = format!("person:{}", lead.person.id);
    let ledger = school.app.ledger(&lead.actor, &whole(), 500).await.unwrap();
    assert!(
        ledger
            .iter()
            .all(|entry| entry.line.act != "activity.search" || entry.line.subject != me)
    );
    assert!(
        !school
            .app
            .lookups(&head.actor, Some(lead.person.id), since)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        school
            .app
            .lookups(&lead.actor, None, since)
            .await
            .unwrap()
            .iter()
            .all(|row| row.about != Some(lead.person.id))
    );
    assert!(matches!(
        school.app.verify_ledger().await.unwrap(),
        pharos_records::Verdict::Whole(Some(_))
    ));
}

/// CON-14, BRE-02: the technical team sees what was reached, and nothing of alerts or cases.
#[tokio::test]
async fn con_14_the_technical_team_sees_events_not_notes() {
    let school = SampleSchool::open().await;
    school.visit("ada.quill", "self-harm.pharos.test/").await;
    let (lead, technician) = (
        school.at_work("ruth.okafor").await,
        school.at_work("kofi.adeyemi").await,
    );
    let alert = school.app.alerts(&lead.actor, false).await.unwrap()[0].id;
    let case = school
        .app
        .raise_from_alert(&lead, alert, "")
        .await
        .unwrap()
        .case;
    school.activity.flush().await.unwrap();

    let app = &school.app;
    let pupil = school.person("ada.quill").await.id;
    let query = pharos_activity::Query {
        limit: 10,
        ..Default::default()
    };
    let found = app
        .activity_of(
            &technician.actor,
            pupil,
            query,
            "A wrong block was reported",
        )
        .await
        .unwrap();
    assert_eq!(found.events.len(), 1);
    assert_eq!(&*found.events[0].event.host, "self-harm.pharos.test");
    for closed in [
        app.alerts(&technician.actor, false).await.err(),
        app.alert(&technician.actor, alert).await.err(),
        app.cases(&technician.actor, true).await.err(),
        app.case(&technician.actor, case).await.err(),
        app.export_case(&technician.actor, case).await.err(),
    ] {
        assert!(is_closed(
            &closed.expect("the technical team sees no notes")
        ));
    }
    assert_eq!(
        app.waiting(&technician.actor).await.unwrap(),
        pharos_service::Waiting::default()
    );
}

/// BRE-01, BRE-04: a report from a block page reaches those who act, with address, device and person filled in.
#[tokio::test]
async fn bre_01_a_report_from_a_block_page_fills_itself_in() {
    use pharos_activity::{BlockDesk, Blocked};
    let school = SampleSchool::open().await;
    let event = school.visit("ada.quill", "violence.pharos.test/clip").await;
    school.notices().await;
    let reference = school.app.desk().open(Blocked {
        at: event.at,
        who: event.who.clone(),
        group: event.group.clone(),
        address: event.address,
        face: event.face,
        host: Some(event.host.clone()),
        path: event.path.clone(),
        action: "block",
        rule: event.rule.clone(),
        categories: event.categories.clone(),
        why: "Blocked.".into(),
        may_ask: true,
        policy_version: event.policy_version,
        catalogue_version: event.catalogue_version,
    });
    let raised = school
        .app
        .report_from_block(
            None,
            &reference.to_string(),
            "It popped up by itself",
            None,
            [127, 0, 1, 8].into(),
        )
        .await
        .unwrap();
    let told = school.notices().await;
    for expected in [
        ("concern", "ruth.okafor"),
        ("concern", "tomas.brandt"),
        ("breach-filter", "kofi.adeyemi"),
    ] {
        assert!(said(&told).contains(&expected), "{expected:?} in {told:?}");
    }
    let lead = school.at_work("ruth.okafor").await;
    let open = school.app.case(&lead.actor, raised.case).await.unwrap();
    let concern = &open.state.concern;
    let pupil = school.person("ada.quill").await.id;
    assert_eq!(concern.reporter, Reporter::Pupil { person: pupil });
    assert_eq!(concern.addresses, ["violence.pharos.test/clip"]);
    assert!(
        concern
            .device
            .as_deref()
            .is_some_and(|device| device.starts_with("a desk")),
        "{:?}",
        concern.device
    );
    assert_eq!(concern.happened_at, Some(event.at));

    // BRE-04: the lead closes the address for everyone from the case, and the case says so.
    let address = concern.addresses[0].clone();
    assert_eq!(
        school.verdict("helen.lindqvist", &address).await.action,
        Action::Allow
    );
    school
        .app
        .contain(&lead, raised.case, open.case.entries, &address)
        .await
        .unwrap();
    assert_eq!(
        school.verdict("helen.lindqvist", &address).await.action,
        Action::Block
    );
    let after = school.app.case(&lead.actor, raised.case).await.unwrap();
    assert!(after.entries.iter().any(|entry| matches!(&entry.body, EntryBody::Contained { address: closed, .. } if *closed == address)));
    // Somebody who wrote meanwhile is not written over.
    assert!(matches!(
        school
            .app
            .act_on_case(&lead, raised.case, open.case.entries, Command::Acknowledge)
            .await,
        Err(Error::Changed)
    ));
}

/// BRE-07, PRO-22: marking a breach possibly illegal starts the procedure for indecent images at
/// once, for the same people, with its clocks running and every file refused; only once.
#[tokio::test]
async fn bre_07_may_be_illegal_starts_its_own_procedure() {
    let school = SampleSchool::open().await;
    let teacher = school.at_work("owen.pryce").await;
    let ada = school.person("ada.quill").await.id;
    let raised = school
        .app
        .report_breach(
            &teacher,
            NewBreach {
                pupil: Some(ada),
                about: school.app.now(),
                hosts: Vec::new(),
                address: Some("odd-pictures.example/gallery/7".to_owned()),
                what: String::new(),
                danger: Some(false),
            },
        )
        .await
        .unwrap();
    let lead = school.at_work("ruth.okafor").await;
    let mark = || Command::MarkMayBeIllegal {
        reason: "The teacher's account points to it.".to_owned(),
    };
    let open = school.app.case(&lead.actor, raised.case).await.unwrap();
    school
        .app
        .act_on_case(&lead, raised.case, open.case.entries, mark())
        .await
        .unwrap();
    let cases = school.app.cases(&lead.actor, true).await.unwrap();
    let own: Vec<_> = cases
        .iter()
        .filter(|case| case.kind == "indecent-images")
        .collect();
    assert_eq!(own.len(), 1, "{cases:?}");
    let images = school.app.case(&lead.actor, own[0].id).await.unwrap();
    assert_eq!(images.state.involved, open.state.involved);
    assert_eq!(
        images.state.concern.addresses,
        ["odd-pictures.example/gallery/7"]
    );
    assert!(!school.app.clocks(&images).is_empty());
    assert!(
        images
            .never()
            .iter()
            .any(|(why, _)| why.contains("no file of any kind")),
        "{:?}",
        images.never()
    );
    let breach = school.app.case(&lead.actor, raised.case).await.unwrap();
    let steps = breach.steps();
    for outside in ["report-iwf", "report-police"] {
        assert!(
            steps.iter().any(|now| now.step.id == outside
                && !matches!(now.standing, pharos_casework::Standing::NotApplicable)),
            "{outside} runs in the breach as well"
        );
    }
    assert!(
        breach.entries.iter().any(
            |entry| matches!(&entry.body, EntryBody::Note { text } if text.contains(&own[0].number.to_string()))
        ),
        "the breach says where it goes on"
    );
}
