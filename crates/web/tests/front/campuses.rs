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
        // Whoever is of another campus is not there, as somebody who is on no roll.
        assert_eq!(
            !verdict
                .text
                .contains("Nobody on the roll has this sign-in name."),
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

/// BRE-04, REQ-05: to a delegate every page says that their block holds at their campus alone; to the lead,
/// for everyone.
#[tokio::test]
async fn bre_04_pages_say_where_a_block_holds() {
    let school = two_campuses().await;
    let mut lead = Browser::from(&school, [10, 0, 9, 2].into());
    lead.sign_in(&school, "ruth.okafor").await;
    let mut delegate = Browser::from(&school, [10, 0, 9, 1].into());
    delegate.sign_in(&school, "sunita.pillai").await;
    let form = lead.get("/blocks/new").await.text;
    assert!(form.contains("Block it for everyone"), "{form}");
    let form = delegate.get("/blocks/new").await.text;
    assert!(form.contains("Block it at Prep site alone"), "{form}");
    assert!(form.contains("Ask those who act for the whole school"));
    let block = [("address", "low-tide.example"), ("why", "Seen in Year 3")];
    let done = delegate.post("/blocks/new", &block).await;
    assert_eq!(done.location(), "/overrides?done=blocked-here");
    let list = delegate.get("/overrides?done=blocked-here").await.text;
    assert!(list.contains("blocked at your campus alone"), "{list}");
    for browser in [&mut delegate, &mut lead] {
        let list = browser.get("/overrides").await.text;
        assert!(
            list.contains("Address blocked at Prep site alone"),
            "{list}"
        );
    }
}

/// REQ-02: the form of a decision offers a delegate the groups of their campus, and no others.
#[tokio::test]
async fn req_02_a_delegate_is_offered_their_own_groups() {
    let school = two_campuses().await;
    let app = &school.app;
    let lead = school.at_work("ruth.okafor").await.actor;
    let luca = school.person("luca.penhale").await.id;
    let all = app.requests(&lead, false).await.unwrap();
    let (request, _) = all
        .into_iter()
        .find(|(request, _)| request.by == Some(luca))
        .unwrap();
    app.endorse_request(&lead, request.id, true, "A good page for it")
        .await
        .unwrap();
    let path = format!("/requests/{}", request.id);
    let mut seen = Vec::new();
    for (number, name) in [(1, "sunita.pillai"), (2, "ruth.okafor")] {
        let mut browser = Browser::from(&school, [10, 0, 9, number].into());
        browser.sign_in(&school, name).await;
        let page = browser.get(&path).await.text;
        assert!(page.contains("value=\"lower-prep\""), "{page}");
        seen.push(page.contains("value=\"sixth-form\""));
    }
    assert_eq!(seen, [false, true]);
}
