//! Charts, the living policy, checks and their sheet, the governors' report.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::http::{StatusCode, header};
use pharos_service::{Asking, Prober, Reach, Seen, Way};
use pharos_testkit::school::SampleSchool;

use crate::browser::Browser;

/// PRO-02: every procedure is one page that staff read and print without a case; pupils have no use for it.
#[tokio::test]
async fn pro_02_a_chart_for_every_procedure() {
    let school = SampleSchool::open().await;
    let mut teacher = Browser::at(&school);
    teacher.sign_in(&school, "hana.yilmaz").await;
    let list = teacher.get("/what-to-do").await.text;
    for procedure in school.app.procedures() {
        let id = &procedure.reference.id;
        assert!(list.contains(&format!("/what-to-do/{id}")), "{id}");
        let chart = teacher.get(&format!("/what-to-do/{id}")).await.text;
        assert_eq!(
            chart.matches("class=\"ph-step\"").count(),
            procedure.steps.len(),
            "{id}"
        );
        assert!(
            chart.contains("call 999 now")
                && chart.contains("It closes only when")
                && chart.contains("Never"),
            "{id}"
        );
    }
    assert_eq!(
        teacher.get("/what-to-do/no-such").await.status,
        StatusCode::NOT_FOUND
    );
}

/// REV-01, REV-09: the front page, every clause with its standing in a word; the one who answers for a clause attests it.
#[tokio::test]
async fn rev_09_every_clause_with_how_it_stands() {
    let school = SampleSchool::open().await;
    let mut head = Browser::at(&school);
    head.sign_in(&school, "helen.lindqvist").await;
    let page = head.get("/policy").await.text;
    for clause in &school.app.school().pack.clauses {
        assert!(
            page.contains(&format!("href=\"/policy/{}\"", clause.id)),
            "{}",
            clause.id
        );
    }
    assert!(
        page.contains("Approved by")
            && page.contains("22 September 2026")
            && page.contains("Not met"),
        "REV-01"
    );
    assert!(
        head.get("/policy/2.2")
            .await
            .text
            .contains("I attest that this clause is kept")
    );
    assert_eq!(
        head.post("/policy/2.2/attest", &[]).await.location(),
        "/policy/2.2?done=attested"
    );
    let clause = head.get("/policy/2.2").await.text;
    assert!(
        clause.contains("ph-standing--attested\">Attested")
            && clause.contains("Helen Lindqvist")
            && clause.contains("How it stood"),
        "{clause}"
    );
    assert!(
        !head.get("/policy/2.1").await.text.contains("I attest"),
        "the chair's clause is not the head's"
    );
}

/// REP-01: the report of a period as a page with definitions and limits; made, kept, downloaded.
#[tokio::test]
async fn rep_01_the_report_is_read_made_and_kept() {
    let school = SampleSchool::open().await;
    let mut governor = Browser::at(&school);
    governor.sign_in(&school, "mirela.dobre").await;
    let page = governor
        .get("/reports?from=2026-09-01&to=2026-11-10")
        .await
        .text;
    for text in [
        "How the policy stands",
        "What the words mean",
        "Limits",
        "1 September 2026 to 10 November 2026",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let wrong = governor.get("/reports?from=2026-11-10&to=2026-09-01").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let made = governor
        .post("/reports", &[("from", "2026-09-01"), ("to", "2026-11-10")])
        .await;
    assert_eq!(made.location(), "/reports?done=kept", "{}", made.text);
    let kept = governor.get("/reports").await.text;
    let id = kept
        .split("/pdf\"")
        .next()
        .unwrap()
        .rsplit("/reports/")
        .next()
        .unwrap()
        .to_owned();
    let pdf = governor.get(&format!("/reports/{id}/pdf")).await;
    assert!(
        pdf.text.starts_with("%PDF")
            && pdf.headers.get(header::CONTENT_TYPE).unwrap() == "application/pdf"
    );
    let csv = governor
        .get("/reports/csv?from=2026-09-01&to=2026-11-10")
        .await;
    assert!(csv.text.contains("Clauses of the policy"), "{}", csv.text);
}

/// Faces that block whatever they are asked for, and of which one is off.
struct BlocksEverything;

#[async_trait]
impl Prober for BlocksEverything {
    fn reach(&self, way: Way) -> Reach {
        match way {
            Way::Dns | Way::Proxy => Reach::Everyone,
            _ => Reach::Nobody("this face is off".to_owned()),
        }
    }

    async fn probe(&self, _from: IpAddr, _asking: &Asking) -> Seen {
        Seen::Nothing
    }
}

/// AUD-02: the sheet shows group by category by result, who ran it and when; the leadership signs it
/// with what is done about what did not hold, nobody else does.
#[tokio::test]
async fn aud_02_the_sheet_says_who_ran_it_and_the_leadership_signs_it() {
    let school = SampleSchool::open().await;
    let technician = school.at_work("kofi.adeyemi").await;
    let prober: Arc<dyn Prober> = Arc::new(BlocksEverything);
    let id = school
        .app
        .run_check(&technician.actor, &prober)
        .await
        .unwrap();
    let (page, sign) = (format!("/checks/{id}"), format!("/checks/{id}/sign"));
    let mut governor = Browser::at(&school);
    governor.sign_in(&school, "mirela.dobre").await;
    let sheet = governor.get(&page).await.text;
    for text in [
        "Run by Kofi Adeyemi",
        "gambling is blocked",
        "<span>sixth form</span>",
        "The same by place",
        "boarding houses",
        "help is reachable: Childline",
        "this face is off",
        "What this sheet covers",
        "<dt class=\"govuk-summary-list__key\">Devices that the school leaves out (fil.scope)</dt><dd class=\"govuk-summary-list__value\">none</dd>",
        "Visitors&#39; devices",
        "Nobody has signed this sheet yet",
    ] {
        assert!(sheet.contains(text), "{text}: {sheet}");
    }
    assert!(
        !sheet.contains("I have seen this sheet"),
        "governors read it"
    );
    assert_eq!(
        governor.post(&sign, &[("words", "Seen.")]).await.status,
        StatusCode::CONFLICT
    );
    let mut head = Browser::at(&school);
    head.sign_in(&school, "helen.lindqvist").await;
    assert!(
        head.get(&page)
            .await
            .text
            .contains("I have seen this sheet")
    );
    let wordless = head.post(&sign, &[("words", " ")]).await;
    assert_eq!(wordless.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wordless.text.contains("Not everything held."),
        "{}",
        wordless.text
    );
    let words = "Kofi opens the help sites <again> today.";
    assert_eq!(
        head.post(&sign, &[("words", words)]).await.location(),
        format!("{page}?done=signed-check")
    );
    let sheet = head.get(&page).await.text;
    assert!(
        sheet.contains("Helen Lindqvist") && sheet.contains("again&#62; today"),
        "{sheet}"
    );
    assert!(!sheet.contains("I have seen this sheet"), "once is enough");
    let list = governor.get("/checks").await.text;
    assert!(
        list.contains("Kofi Adeyemi") && list.contains("Helen Lindqvist"),
        "{list}"
    );
}
