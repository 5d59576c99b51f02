//! A breach from the alert to the closing, as the lead works it in the browser; and what is refused.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use pharos_testkit::school::SampleSchool;

use crate::browser::{Browser, Page};

/// The lead at work on one case.
struct Desk {
    school: SampleSchool,
    lead: Browser,
    case: String,
    pupil: String,
}

impl Desk {
    /// Two clicks from the inbox: the alert, then “Open a concern”.
    async fn with_a_breach() -> Self {
        let school = SampleSchool::open().await;
        school.visit("ada.quill", "self-harm.pharos.test/").await;
        let mut lead = Browser::at(&school);
        lead.sign_in(&school, "ruth.okafor").await;
        let inbox = lead.get("/inbox").await;
        let alert = inbox
            .text
            .split("href=\"/alerts/")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        let opened = lead.post(&format!("/alerts/{alert}/concern"), &[]).await;
        let case = opened
            .location()
            .trim_start_matches("/cases/")
            .trim_end_matches("?done=opened")
            .to_owned();
        let pupil = school.person("ada.quill").await.id.to_string();
        Self {
            school,
            lead,
            case,
            pupil,
        }
    }

    async fn page(&mut self) -> Page {
        self.lead.get(&format!("/cases/{}", self.case)).await
    }

    async fn try_to(&mut self, what: &str, fields: &[(&str, &str)]) -> Page {
        let form = self
            .lead
            .get(&format!("/cases/{}/do/{what}", self.case))
            .await;
        let known = form.value_of("known").to_owned();
        let mut all = vec![("known", known.as_str())];
        all.extend_from_slice(fields);
        self.lead
            .post(&format!("/cases/{}/do/{what}", self.case), &all)
            .await
    }

    async fn does(&mut self, what: &str, fields: &[(&str, &str)]) {
        let page = self.try_to(what, fields).await;
        let told = page
            .text
            .split("govuk-error-summary__list")
            .nth(1)
            .unwrap_or_default()
            .chars()
            .take(600)
            .collect::<String>();
        assert_eq!(
            page.status,
            StatusCode::SEE_OTHER,
            "{what} {fields:?}: {told}"
        );
    }

    async fn ticks(&mut self, steps: &[&str]) {
        for step in steps {
            self.does("step", &[("step", step), ("note", "Done as it says.")])
                .await;
        }
    }

    async fn declines(&mut self, steps: &[&str]) {
        for step in steps {
            self.does(
                "decline",
                &[("step", step), ("reason", "It does not apply here.")],
            )
            .await;
        }
    }
}

/// MON-03, MON-04, MON-02: the inbox shows the worst first, why, who and how sure; it is acknowledged in
/// place, and does not close without explanation and outcome.
#[tokio::test]
async fn mon_04_an_alert_is_seen_acknowledged_and_closed_with_both() {
    let school = SampleSchool::open().await;
    school.visit("ada.quill", "self-harm.pharos.test/").await;
    let mut lead = Browser::at(&school);
    lead.sign_in(&school, "ruth.okafor").await;
    let inbox = lead.get("/inbox").await;
    assert!(
        inbox.text.contains("Why you see this:") && inbox.text.contains("Ada Quill (certain"),
        "{}",
        inbox.text
    );
    assert!(
        !inbox.text.contains("self-harm.pharos.test"),
        "BRE-10: no address that could be clicked"
    );
    let alert = inbox
        .text
        .split("href=\"/alerts/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let seen = lead
        .post(&format!("/alerts/{alert}/acknowledge"), &[("to", "inbox")])
        .await;
    assert_eq!(seen.location(), "/inbox?done=acknowledged");
    let page = lead.get(&format!("/alerts/{alert}")).await;
    assert!(
        page.text.contains("self-harm [dot] pharos [dot] test"),
        "{}",
        page.text
    );

    let half = lead
        .post(
            &format!("/alerts/{alert}/close"),
            &[("explanation", "PSHE homework, talked about it.")],
        )
        .await;
    assert_eq!(half.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        half.text.contains("Choose the outcome.")
            && half.text.contains("PSHE homework, talked about it."),
        "what was written stays"
    );
    let asked = lead
        .post(
            &format!("/alerts/{alert}/ask"),
            &[("name", "fleur.moreau"), ("ask", "Please talk with Ada.")],
        )
        .await;
    assert_eq!(
        asked.location(),
        format!("/alerts/{alert}?done=alert-asked"),
        "{}",
        asked.text
    );
    let closed = lead
        .post(
            &format!("/alerts/{alert}/close"),
            &[
                ("explanation", "PSHE homework."),
                ("outcome", "talked-through"),
            ],
        )
        .await;
    assert_eq!(
        closed.location(),
        format!("/alerts/{alert}?done=alert-closed")
    );
    assert!(
        lead.get(&format!("/alerts/{alert}"))
            .await
            .text
            .contains("Closed: Talked through")
    );
}

/// CON-01, PRO-12, PRO-01, CON-15, BRE-10: two clicks open the case; danger and 999 stand before
/// everything, what is never done before the work; no upload, no address to click.
#[tokio::test]
async fn con_01_two_clicks_open_the_case_with_danger_first() {
    let mut desk = Desk::with_a_breach().await;
    let page = desk.page().await;
    assert_eq!(page.status, StatusCode::OK);
    let at = |text: &str| {
        page.text
            .find(text)
            .unwrap_or_else(|| panic!("{text} is not in {}", page.text))
    };
    assert!(
        at("call 999 now") < at("<h1")
            && at("<h1") < at("Never, on this case")
            && at("Never, on this case") < at("id=\"steps\"")
    );
    assert!(page.text.contains("Ada Quill") && page.text.contains("Reached the material"));
    assert!(
        page.text.contains("Parents: nothing recorded yet")
            && page.text.contains("in the way of closing")
    );
    assert!(!page.text.contains("type=\"file\"") && !page.text.contains("self-harm.pharos.test"));
    assert!(page.text.contains("self-harm [dot] pharos [dot] test"));
    assert!(page.text.contains("Ruth Okafor") && page.text.contains("Who may see this case"));
}

/// PRO-01, BRE-03, CON-15: a gate, an early closing and a file are refused with the reason and what to do; the
/// forbidden attempt is kept in the story.
#[tokio::test]
async fn pro_01_refusals_say_why_and_what_to_do() {
    let mut desk = Desk::with_a_breach().await;
    let early = desk
        .try_to(
            "close",
            &[("outcome", "education"), ("reason", "It is over.")],
        )
        .await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(
        early.text.contains("danger") && early.text.contains("It is over."),
        "{}",
        early.text
    );
    desk.does("danger", &[("danger", "no")]).await;
    let locked = desk
        .try_to("step", &[("step", "talk"), ("note", "We talked.")])
        .await;
    assert_eq!(locked.status, StatusCode::CONFLICT);
    assert!(
        locked.text.contains("An earlier step comes first"),
        "{}",
        locked.text
    );
    let empty = desk.try_to("parents", &[("parent", "Mrs Quill")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.text.contains("Write what was said.") && empty.text.contains("Mrs Quill"));

    let case = desk.case.clone();
    let file = Request::post(format!("/cases/{case}/do/note"))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
        .body(Body::from("--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\npicture\r\n--edge--\r\n"))
        .unwrap();
    let refused = desk.lead.send(file).await;
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(
        refused.text.contains("No picture is taken in until"),
        "{}",
        refused.text
    );
    assert!(
        desk.page().await.text.contains("Refused: attach-pictures"),
        "the attempt is kept"
    );
}

/// CON-06: whoever works on what has changed meanwhile is told so, and nothing is lost or doubled.
#[tokio::test]
async fn con_06_somebody_quicker_is_shown_kindly() {
    let mut desk = Desk::with_a_breach().await;
    let known = desk.page().await.value_of("known").to_owned();
    desk.does("note", &[("text", "First note.")]).await;
    let path = format!("/cases/{}/do/note", desk.case);
    let late = desk
        .lead
        .post(&path, &[("known", &known), ("text", "Second note.")])
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(
        late.text
            .contains("Somebody else changed this a moment ago")
            && late.text.contains("Second note.")
    );
    let now = late.value_of("known").to_owned();
    assert_eq!(
        desk.lead
            .post(&path, &[("known", &now), ("text", "Second note.")])
            .await
            .status,
        StatusCode::SEE_OTHER
    );
}

/// BRE-03, BRE-04, BRE-06, BRE-08, CON-09, CON-13: the whole breach, every gate, to the closing; the
/// block is in force at once; the print holds all of it in order.
#[tokio::test]
async fn bre_03_a_breach_from_alert_to_closing() {
    let mut desk = Desk::with_a_breach().await;
    let pupil = desk.pupil.clone();
    let about = ("about", pupil.as_str());
    desk.does("danger", &[("danger", "no")]).await;
    desk.does("acknowledge", &[]).await;
    desk.does("contain", &[("which", "0")]).await;
    desk.declines(&["screen-off", "tell-lead"]).await;
    desk.ticks(&["write-down", "check-links"]).await;
    let classify = [
        ("procedure", "filter-breach"),
        ("record", "safeguarding"),
        ("level", "medium"),
        ("harm", "self-harm-material"),
        ("reason", "As the alert says."),
    ];
    desk.does("classify", &classify).await;

    let nature = [
        about,
        ("step", "nature"),
        ("option", "accidental"),
        ("reason", "A mistyped name."),
    ];
    let without = desk.try_to("decide", &nature).await;
    assert_eq!(
        without.status,
        StatusCode::CONFLICT,
        "BRE-08: each road not taken needs its reason"
    );
    let mut with = nature.to_vec();
    with.extend(
        ["against-2", "against-3", "against-4", "against-5"]
            .map(|field| (field, "Nothing points to it.")),
    );
    desk.does("decide", &with).await;
    let legality = [
        ("step", "legality"),
        ("option", "not-illegal"),
        ("reason", "Seen in the log."),
        ("against-2", "No offence."),
        ("against-3", "We are sure."),
    ];
    desk.does("decide", &legality).await;
    desk.does(
        "decide",
        &[
            ("step", "reach"),
            ("option", "nobody-else"),
            ("reason", "The counts say so."),
        ],
    )
    .await;
    desk.does(
        "decide",
        &[
            ("step", "recurrence"),
            ("option", "first"),
            ("reason", "No earlier case."),
        ],
    )
    .await;
    desk.does(
        "fix",
        &[
            ("what", "Blocked for good."),
            ("change", "The emergency block, kept"),
        ],
    )
    .await;
    desk.does(
        "retest",
        &[
            ("group", "year-8"),
            ("held", "yes"),
            ("evidence", "The check of 10:30"),
        ],
    )
    .await;
    desk.ticks(&["talk", "house-told"]).await;
    desk.does(
        "support",
        &[
            about,
            ("what", "Talked; the listening post offered and taken up."),
        ],
    )
    .await;
    desk.declines(&["worry", "child-view"]).await;

    let told = [
        about,
        ("parent", "Mrs Quill"),
        ("contacted_at", ""),
        ("method", "telephone"),
        ("said", "What happened and what we did."),
    ];
    desk.does("parents", &told).await;
    desk.does(
        "outcome",
        &[
            about,
            ("outcome", "education"),
            ("note", "Knows what to do next time."),
        ],
    )
    .await;
    let early = desk
        .try_to(
            "close",
            &[("outcome", "education"), ("reason", "All done.")],
        )
        .await;
    assert_eq!(
        early.status,
        StatusCode::CONFLICT,
        "CON-13: not before the debrief and the lesson"
    );
    desk.does(
        "debrief",
        &[
            ("held_on", "2026-11-10"),
            ("text", "Lead, tutor and network team."),
        ],
    )
    .await;
    desk.does(
        "lesson",
        &[
            ("kind", "none"),
            ("text", "The filter and the watch did what they should."),
        ],
    )
    .await;
    let ready = desk.page().await;
    assert!(
        ready.text.contains("Everything is decided and done."),
        "{}",
        ready.text.split("id=\"closing\"").nth(1).unwrap()
    );
    desk.does(
        "close",
        &[("outcome", "education"), ("reason", "Everything is done.")],
    )
    .await;

    let case = desk.case.clone();
    let closed = desk.page().await;
    assert!(
        closed.text.contains("Closed: Talked through and taught")
            && closed.text.contains("Parents told")
    );
    assert_eq!(
        desk.school
            .verdict("hana.yilmaz", "https://self-harm.pharos.test/")
            .await
            .action
            .name(),
        "block",
        "BRE-04: for everyone"
    );
    let print = desk.lead.get(&format!("/cases/{case}/print")).await;
    assert_eq!(print.status, StatusCode::OK);
    let at = |text: &str| {
        print
            .text
            .find(text)
            .unwrap_or_else(|| panic!("{text} is not printed"))
    };
    assert!(
        at("Concern reported by Pharos") < at("Blocked for everyone")
            && at("Blocked for everyone") < at("Debrief held")
    );
}

/// BRE-07: once it may be illegal, the reports outside stand open with clocks and no file is ever taken.
#[tokio::test]
async fn bre_07_may_be_illegal_opens_the_reports_outside() {
    let mut desk = Desk::with_a_breach().await;
    desk.does("illegal", &[("reason", "The category says so.")])
        .await;
    let page = desk.page().await;
    for text in [
        "May be illegal",
        "Internet Watch Foundation. The address alone",
        "Tell the police",
        "This may be illegal, so no file of any kind is taken in.",
    ] {
        assert!(page.text.contains(text), "{text}");
    }
    desk.does(
        "refer",
        &[
            ("agency", "police"),
            ("contact", "101, the duty officer"),
            ("referred_at", ""),
            ("shared", "The address."),
            ("reference", "442"),
        ],
    )
    .await;
    assert!(desk.page().await.text.contains("Police, "));
}

/// BRE-09: a worry found in the breach becomes a concern of its own, linked.
#[tokio::test]
async fn bre_09_a_worry_becomes_its_own_concern() {
    let mut desk = Desk::with_a_breach().await;
    desk.does("danger", &[("danger", "no")]).await;
    desk.does(
        "link",
        &[("what", "Ada said that she does not want to go home.")],
    )
    .await;
    let page = desk.page().await;
    assert!(
        page.text.contains("Linked concerns") && page.text.contains(">Concern 2<"),
        "{}",
        page.text
    );
}
