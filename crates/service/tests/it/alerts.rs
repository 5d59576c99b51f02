//! From an event to whoever must act on it.

use jiff::SignedDuration;
use pharos_monitor::{AlertCommand, AlertOutcome};
use pharos_records::AlertState;
use pharos_school::AlertId;
use pharos_service::{AlertBody, Error};
use pharos_testkit::school::SampleSchool;

use crate::{is_closed, said};

/// A pupil's blocked visit that a rule notices at once.
async fn worrying(school: &SampleSchool) -> AlertId {
    school.visit("ada.quill", "self-harm.pharos.test/").await;
    let lead = school.at_work("ruth.okafor").await;
    let alerts = school.app.alerts(&lead.actor, false).await.unwrap();
    assert_eq!(alerts.len(), 1);
    alerts[0].id
}

/// MON-03, MON-04: a blocked visit becomes an alert that says why; it is acknowledged, cannot be
/// closed without an explanation, and then is closed with one.
#[tokio::test]
async fn mon_03_mon_04_an_alert_is_followed_up() {
    let school = SampleSchool::open().await;
    school
        .visit("ada.quill", "encyclopaedia.example/tides")
        .await;
    let id = worrying(&school).await;
    let told = school.notices().await;
    for name in ["ruth.okafor", "tomas.brandt", "sunita.pillai"] {
        assert!(said(&told).contains(&("alert", name)), "{told:?}");
    }
    assert_eq!(told.len(), 3, "and nobody else: {told:?}");

    let lead = school.at_work("ruth.okafor").await;
    let file = school.app.alert(&lead.actor, id).await.unwrap();
    let body = AlertBody::read(&file.alert.body).unwrap();
    assert!(
        !body.why().is_empty() && body.hosts() == ["self-harm.pharos.test"],
        "{:?}",
        body.why()
    );
    assert!(
        !body.shown_hosts()[0].contains("self-harm.pharos.test"),
        "shown so that it cannot be clicked"
    );

    school
        .app
        .act_on_alert(&lead, id, AlertCommand::Acknowledge)
        .await
        .unwrap();
    let blank = AlertCommand::Close {
        explanation: "  ".to_owned(),
        outcome: AlertOutcome::TalkedThrough,
    };
    let error = school.app.act_on_alert(&lead, id, blank).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    assert_eq!(
        school.app.alert(&lead.actor, id).await.unwrap().alert.state,
        AlertState::Acknowledged
    );
    let close = AlertCommand::Close {
        explanation: "A search for a PSHE essay; talked about it.".to_owned(),
        outcome: AlertOutcome::TalkedThrough,
    };
    school.app.act_on_alert(&lead, id, close).await.unwrap();
    assert!(
        school
            .app
            .alerts(&lead.actor, false)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(school.app.alerts(&lead.actor, true).await.unwrap().len(), 1);
}

/// MON-03, FIL-13: a child who tells a tool of generative AI what weighs on them is noticed: the lead
/// reads what was asked, and of which tool.
#[tokio::test]
async fn mon_03_a_worrying_prompt_reaches_the_lead() {
    let school = SampleSchool::open().await;
    let (tool, page) = ("chatgpt.com/backend-api/f/conversation", "chatgpt.com/");
    school.asks("ada.quill", tool, "why is the sea salty").await;
    school.visit("ada.quill", page).await;
    let lead = school.at_work("ruth.okafor").await;
    assert!(
        school
            .app
            .alerts(&lead.actor, false)
            .await
            .unwrap()
            .is_empty()
    );
    let prompt = "help me plan my essay. also i want to end my life";
    let event = school.asks("ada.quill", tool, prompt).await;
    assert_eq!(school.app.tool_asked(&event).as_deref(), Some("ChatGPT"));
    let alerts = school.app.alerts(&lead.actor, false).await.unwrap();
    assert_eq!(alerts.len(), 1);
    let file = school.app.alert(&lead.actor, alerts[0].id).await.unwrap();
    let body = AlertBody::read(&file.alert.body).unwrap();
    assert_eq!(
        (body.search.as_deref(), body.asked_of.as_deref()),
        (Some(prompt), Some("ChatGPT"))
    );
    assert!(
        body.why()[0]
            .starts_with("What was asked of ChatGPT held words from the watch list suicide")
    );
    assert!(said(&school.notices().await).contains(&("alert", "ruth.okafor")));
}

/// CLK-02: an alert that nobody acknowledges goes to the next people, each once; an
/// acknowledgement ends it.
#[tokio::test]
async fn clk_02_an_alert_is_chased_until_somebody_has_it() {
    let school = SampleSchool::open().await;
    let id = worrying(&school).await;
    school.notices().await;
    school.clock.forward(SignedDuration::from_mins(29));
    school.app.chase_alerts().await.unwrap();
    assert!(school.notices().await.is_empty());
    let mut told = Vec::new();
    for _ in 0..3 {
        school.clock.forward(SignedDuration::from_mins(31));
        school.app.chase_alerts().await.unwrap();
        school.app.chase_alerts().await.unwrap();
        told.extend(school.notices().await);
    }
    assert!(
        said(&told)
            .iter()
            .any(|(kind, to)| kind.starts_with("alert-chase") && *to == "helen.lindqvist"),
        "{told:?}"
    );
    let mut once = told.clone();
    once.dedup();
    assert_eq!(once, told, "each rung once");

    let lead = school.at_work("ruth.okafor").await;
    school
        .app
        .act_on_alert(&lead, id, AlertCommand::Acknowledge)
        .await
        .unwrap();
    school.clock.forward(SignedDuration::from_hours(5));
    assert_eq!(school.app.chase_alerts().await.unwrap(), 0);
}

/// MON-13: an alert about a member of staff goes to the head; when it is about the lead, the lead
/// neither hears of it nor finds it, by any way.
#[tokio::test]
async fn mon_13_an_alert_about_the_lead_goes_past_the_lead() {
    let school = SampleSchool::open().await;
    for _ in 0..2 {
        school.visit("ruth.okafor", "extremism.pharos.test/").await;
    }
    let told = school.notices().await;
    assert_eq!(said(&told), [("alert", "helen.lindqvist")]);
    let (lead, head) = (
        school.at_work("ruth.okafor").await,
        school.at_work("helen.lindqvist").await,
    );
    let alerts = school.app.alerts(&head.actor, false).await.unwrap();
    assert_eq!(alerts.len(), 1);
    let id = alerts[0].id;
    school
        .app
        .act_on_alert(&head, id, AlertCommand::Acknowledge)
        .await
        .unwrap();

    assert!(
        school
            .app
            .alerts(&lead.actor, false)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(school.app.waiting(&lead.actor).await.unwrap().alerts, 0);
    assert!(is_closed(
        &school.app.alert(&lead.actor, id).await.err().unwrap()
    ));
    assert!(is_closed(
        &school
            .app
            .act_on_alert(&lead, id, AlertCommand::Acknowledge)
            .await
            .unwrap_err()
    ));
    assert!(is_closed(
        &school
            .app
            .raise_from_alert(&lead, id, "")
            .await
            .unwrap_err()
    ));
    let ledger = school
        .app
        .ledger(&lead.actor, &pharos_records::LedgerFilter::default(), 500)
        .await
        .unwrap();
    assert!(
        ledger
            .iter()
            .all(|entry| !entry.line.subject.contains(&id.to_string())
                || entry.line.actor == format!("person:{}", lead.person.id))
    );
    // Nor may a technician who is not authorised.
    let technician = school.at_work("kofi.adeyemi").await;
    assert!(is_closed(
        &school.app.alert(&technician.actor, id).await.err().unwrap()
    ));
}

/// CON-01: from the alert to the open concern in two calls, filled in; BRE-02: those in
/// `bre.report_to` hear at once, the technical team without the case.
#[tokio::test]
async fn con_01_bre_02_a_concern_opens_from_an_alert_in_two_calls() {
    let school = SampleSchool::open().await;
    let id = worrying(&school).await;
    school.notices().await;
    let lead = school.at_work("ruth.okafor").await;
    school.app.alert(&lead.actor, id).await.unwrap();
    let raised = school
        .app
        .raise_from_alert(&lead, id, "Met in the library.")
        .await
        .unwrap();

    let open = school.app.case(&lead.actor, raised.case).await.unwrap();
    let pupil = school.person("ada.quill").await;
    assert_eq!(
        open.state.pupils().into_iter().collect::<Vec<_>>(),
        [pupil.id]
    );
    assert_eq!(open.state.concern.addresses, ["self-harm.pharos.test"]);
    assert!(open.state.concern.what.starts_with("Met in the library."));
    let told = school.notices().await;
    for expected in [
        ("concern", "ruth.okafor"),
        ("concern", "tomas.brandt"),
        ("concern", "sunita.pillai"),
        ("breach-filter", "kofi.adeyemi"),
        ("breach-filter", "petra.novak"),
    ] {
        assert!(said(&told).contains(&expected), "{expected:?} in {told:?}");
    }
    let again = school
        .app
        .raise_from_alert(&lead, id, "")
        .await
        .unwrap_err();
    assert!(
        again.to_string().contains(&raised.case.to_string()),
        "{again}"
    );
}
