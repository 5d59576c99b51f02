//! ROLE-02: somebody who acts for one campus, over every page.

use axum::http::StatusCode;
use jiff::SignedDuration;
use pharos_testkit::school::{SampleSchool, pack_files};
use pharos_web::{ROUTES, WhoMay};

use crate::browser::Browser;

/// The sample school with its deputy for the prep site kept to it, and matters of one pupil of each
/// campus: a request, an alert, a restriction.
async fn two_campuses() -> SampleSchool {
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let campus = "\n[campuses.prep]\ntitle = \"Prep site\"\nplaces = [\"prep-rooms\"]\ngroups = [\"early-years\", \"lower-prep\", \"upper-prep\"]\ndelegates = [\"sunita.pillai\"]\n";
    files.insert("school.toml".to_owned(), (text + campus).into_bytes());
    let school = SampleSchool::with(&files).await;
    let app = &school.app;
    let lead = school.at_work("ruth.okafor").await.actor;
    for pupil in ["ada.quill", "luca.penhale"] {
        let asker = school.at_work(pupil).await;
        app.ask_for_site(
            &asker.person,
            &asker.actor,
            "tides.example",
            "For my project",
            None,
        )
        .await
        .unwrap();
        school.visit(pupil, "self-harm.pharos.test/").await;
        let until = Some(app.now() + SignedDuration::from_hours(24));
        app.restrict(
            &lead,
            asker.person.id,
            &["tides.example".to_owned()],
            until,
            "Asked by home",
        )
        .await
        .unwrap();
    }
    school
}

/// ROLE-02: over every page that can be opened by its path alone, a delegate is refused what is about the
/// school as a whole, and no page names a pupil of another campus; to the lead pages name both.
#[tokio::test]
async fn role_02_no_page_shows_a_delegate_another_campus() {
    let school = two_campuses().await;
    let mut delegate = Browser::from(&school, [10, 0, 9, 1].into());
    delegate.sign_in(&school, "sunita.pillai").await;
    let mut lead = Browser::from(&school, [10, 0, 9, 2].into());
    lead.sign_in(&school, "ruth.okafor").await;
    let actor = school.at_work("sunita.pillai").await.actor;
    let (mut own, mut refused, mut seen_by_lead) = (0, 0, 0);
    let pages = ROUTES
        .iter()
        .filter(|route| route.method == "GET" && !route.path.contains('{'));
    for route in pages {
        let page = delegate.get(route.path).await;
        assert!(!page.status.is_server_error(), "{}", route.path);
        assert!(
            !page.text.contains("Quill"),
            "{}: {}",
            route.path,
            page.text
        );
        own += usize::from(page.text.contains("Penhale"));
        if let WhoMay::May(act) = route.who
            && !school.app.could(&actor, act)
        {
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", route.path);
            refused += 1;
        }
        seen_by_lead += usize::from(lead.get(route.path).await.text.contains("Quill"));
    }
    assert!(
        own > 0 && refused > 5 && seen_by_lead > 0,
        "{own} {refused} {seen_by_lead}"
    );

    let found = delegate.post("/people", &[("words", "ada")]).await.text;
    assert!(!found.contains("Quill"), "{found}");
    let found = lead.post("/people", &[("words", "ada")]).await.text;
    assert!(found.contains("Quill"), "{found}");
    for (words, person) in [("ada.quill", false), ("luca.penhale", true)] {
        let asked = [("address", "tides.example"), ("person", words)];
        let verdict = delegate.post("/explain", &asked).await;
        assert_eq!(
            verdict.text.contains("The verdict"),
            person,
            "{words}: {}",
            verdict.text
        );
    }
}

/// ROLE-02: those who act for all see how each campus stands on one page; a delegate does not.
#[tokio::test]
async fn role_02_the_central_team_sees_how_each_campus_stands() {
    let school = two_campuses().await;
    let mut lead = Browser::at(&school);
    lead.sign_in(&school, "ruth.okafor").await;
    let page = lead.get("/campuses").await.text;
    for words in [
        "Prep site",
        "prep-rooms",
        "sunita.pillai",
        "Never in its places",
        "no trust",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let mut delegate = Browser::at(&school);
    delegate.sign_in(&school, "sunita.pillai").await;
    assert_eq!(
        delegate.get("/campuses").await.status,
        StatusCode::FORBIDDEN
    );
}
