//! Charts, the living policy, the governors' report.

use axum::http::{StatusCode, header};
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
