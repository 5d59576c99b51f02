//! The working day: looking up, explaining, changing at short notice, bringing in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use pharos_school::Role;
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::browser::Browser;

/// FIL-06: any verdict with every rule considered, the one that decided first.
#[tokio::test]
async fn fil_06_a_verdict_is_explained_with_every_rule() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "kofi.adeyemi").await;
    let page = browser
        .post(
            "/explain",
            &[("address", "casino.example/spin"), ("person", "wren.osei")],
        )
        .await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(
        page.text.contains("casino [dot] example / spin")
            && page.text.contains("Every rule considered"),
        "{}",
        page.text
    );
    let first = page
        .text
        .split("What became of it")
        .nth(2)
        .or_else(|| page.text.split("What became of it").nth(1))
        .unwrap();
    assert!(first.contains("Decided"), "{first}");
    let wrong = browser
        .post(
            "/explain",
            &[("address", "not an address"), ("person", "no.body")],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong
            .text
            .contains("Nobody on the roll has this sign-in name.")
    );
}

/// AUD-05, BRE-10, MON-02: a search needs a reason, is noted, and shows addresses that cannot be pressed.
#[tokio::test]
async fn aud_05_a_look_at_a_pupils_activity_is_noted() {
    let school = SampleSchool::open().await;
    school
        .visit("wren.osei", "https://maps.example/harbour")
        .await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "ruth.okafor").await;
    let without = browser.post("/activity", &[("person", "wren.osei")]).await;
    assert!(without.text.contains("Say why you are looking"));
    let search = [
        ("person", "wren.osei"),
        ("reason", "Asked by the form tutor"),
    ];
    let mut page = browser.post("/activity", &search).await;
    // Events are written behind the faces' backs: look until this one is there.
    for _ in 0..200 {
        if page.text.contains("maps [dot] example") {
            break;
        }
        tokio::task::yield_now().await;
        page = browser.post("/activity", &search).await;
    }
    assert!(
        page.text.contains("maps [dot] example / harbour") && !page.text.contains("maps.example"),
        "{}",
        page.text
    );
    assert!(
        page.text.contains("Wren Osei (certain: as stated)"),
        "{}",
        page.text
    );
    let lookups = browser.get("/audit/lookups").await;
    assert!(
        lookups.text.contains("Asked by the form tutor") && lookups.text.contains("Wren Osei"),
        "{}",
        lookups.text
    );
}

/// BRE-04, REQ-05: an address is shut for everyone with one form, and help never is.
#[tokio::test]
async fn bre_04_an_address_is_blocked_now_and_ended_again() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "ruth.okafor").await;
    let help = browser
        .post(
            "/blocks/new",
            &[
                ("address", "childline.org.uk"),
                ("why", "A test of the rule"),
            ],
        )
        .await;
    assert!(
        help.text.contains("Help is never blocked."),
        "{}",
        help.text
    );
    let page = browser
        .post(
            "/blocks/new",
            &[
                ("address", "https://nasty.example/page"),
                ("why", "Reported by a pupil"),
            ],
        )
        .await;
    assert_eq!(page.location(), "/overrides?done=blocked");
    assert_eq!(
        school
            .verdict("ruth.okafor", "https://nasty.example/page")
            .await
            .action
            .name(),
        "block"
    );
    let list = browser.get("/overrides?done=blocked").await;
    assert!(
        list.text.contains("Reported by a pupil")
            && list.text.contains("The address is blocked for everyone.")
    );
    let id = list
        .text
        .split("/overrides/")
        .filter_map(|rest| rest.split("/end").next())
        .find(|id| id.len() == 36)
        .unwrap()
        .to_owned();
    assert_eq!(
        browser
            .post(&format!("/overrides/{id}/end"), &[])
            .await
            .location(),
        "/overrides?done=ended"
    );
    assert_ne!(
        school
            .verdict("ruth.okafor", "https://nasty.example/page")
            .await
            .rule
            .as_ref(),
        "emergency"
    );
}

/// FIL-05: the lead restricts one pupil; a class teacher cannot, and does not read why.
#[tokio::test]
async fn fil_05_the_lead_restricts_one_pupil() {
    let school = SampleSchool::open().await;
    let mut lead = Browser::at(&school);
    lead.sign_in(&school, "ruth.okafor").await;
    let page = lead
        .post(
            "/restrictions/new",
            &[("person", "wren.osei"), ("why", "Agreed with home")],
        )
        .await;
    assert_eq!(
        page.location(),
        "/overrides?done=restricted",
        "{}",
        page.text
    );
    assert_eq!(
        school
            .verdict("wren.osei", "https://maps.example/")
            .await
            .action
            .name(),
        "block"
    );
    let mut teacher = Browser::at(&school);
    teacher.sign_in(&school, "hana.yilmaz").await;
    assert_eq!(
        teacher.get("/restrictions/new").await.status,
        StatusCode::FORBIDDEN
    );
    assert!(
        !teacher
            .get("/overrides")
            .await
            .text
            .contains("Agreed with home")
    );
}

/// FIL-08: a teacher opens links for a class; what is wrong stands beside its field.
#[tokio::test]
async fn fil_08_a_teacher_opens_links_for_a_class() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "hana.yilmaz").await;
    let teacher = school.person("hana.yilmaz").await;
    let class = teacher.classes.first().unwrap().to_string();
    let wrong = browser
        .post(
            "/lessons/new",
            &[("class", &class), ("sites", ""), ("minutes", "0")],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = browser
        .post(
            "/lessons/new",
            &[
                ("class", &class),
                ("sites", "shells.example\nboats.example"),
                ("minutes", "45"),
                ("supervised", "yes"),
            ],
        )
        .await;
    assert_eq!(page.location(), "/overrides?done=lesson", "{}", page.text);
    assert!(
        browser
            .get("/overrides")
            .await
            .text
            .contains("Links for a class")
    );
}

/// ACC-10: the change is shown before it applies; more than half leaving waits for a yes.
#[tokio::test]
async fn acc_10_a_roll_is_looked_at_then_applied() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "kofi.adeyemi").await;
    let broken = browser
        .upload("/people/import", "roll.csv", b"id,nothing\n1,2\n", &[])
        .await;
    assert!(
        broken.text.contains("What is wrong with the roll") && broken.text.contains("roll.csv"),
        "{}",
        broken.text
    );
    let nothing = browser.upload("/people/import", "roll.csv", b"", &[]).await;
    assert!(nothing.text.contains("Choose a file first."));
    let gone = browser.post("/people/import/apply", &[]).await;
    assert!(gone.text.contains("Choose it again."), "{}", gone.text);

    let kofi = school.at_work("kofi.adeyemi").await;
    let wren = school.person("wren.osei").await;
    // A whole roll that leaves nearly everybody out: shown, held, and only then brought in.
    let roll = "username,given_name,family_name,roles,year,id\n\
        kofi.adeyemi,Kofi,Adeyemi,technical,,hm-1005\n\
        nova.larch,Nova,Larch,pupil,7,\n";
    let shown = browser
        .upload("/people/import", "roll.csv", roll.as_bytes(), &[])
        .await;
    assert!(
        shown.text.contains("What would change") && shown.text.contains("Nova Larch"),
        "{}",
        shown.text
    );
    let people = |words: &'static str| [("words", words)];
    assert!(
        !browser
            .post("/people", &people("larch"))
            .await
            .text
            .contains("Nova Larch"),
        "looking changes nothing"
    );
    let mark = shown.value_of("upload").to_owned();
    let mark = [("upload", mark.as_str())];
    let held = browser.post("/people/import/apply", &mark).await;
    assert!(
        held.text
            .contains("Say that you have looked at this change"),
        "{}",
        held.text
    );
    let applied = browser
        .post(
            "/people/import/apply",
            &[("approved", "yes"), ("upload", held.value_of("upload"))],
        )
        .await;
    assert_eq!(
        applied.location(),
        "/people?done=imported",
        "{}",
        applied.text
    );
    let nova = school.person("nova.larch").await;
    assert!(nova.is_active() && nova.is(Role::Pupil));
    let wren = school.app.person(&kofi.actor, wren.id).await.unwrap();
    assert!(!wren.is_active(), "a leaver is marked, not deleted");
    let again = browser.post("/people/import/apply", &mark).await;
    assert!(again.text.contains("Choose it again."), "once is enough");
}

/// ACC-10: what is brought in is what was looked at: a yes in one window does not apply a file that
/// was chosen in another.
#[tokio::test]
async fn acc_10_a_yes_is_for_the_file_that_was_looked_at() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "kofi.adeyemi").await;
    let roll = |name: &str| {
        format!("id,username,given_name,family_name,roles,year\nx-1,{name},Sorrel,Vance,pupil,8\n")
    };
    let first = browser
        .upload(
            "/people/import",
            "roll.csv",
            roll("sorrel.vance").as_bytes(),
            &[],
        )
        .await;
    let looked_at = first.value_of("upload").to_owned();
    let second = browser
        .upload(
            "/people/import",
            "roll.csv",
            roll("s.vance").as_bytes(),
            &[],
        )
        .await;
    let later = second.value_of("upload").to_owned();
    assert_ne!(looked_at, later);

    let yes = |mark: &str| [("approved", "yes".to_owned()), ("upload", mark.to_owned())];
    let post = async |browser: &mut Browser, mark: &str| {
        let fields = yes(mark);
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        browser.post("/people/import/apply", &fields).await
    };
    let page = post(&mut browser, &looked_at).await;
    assert!(
        page.text.contains("You have chosen another file since"),
        "{}",
        page.text
    );
    assert!(school.app.person_named("s.vance").await.unwrap().is_none());
    let page = post(&mut browser, &later).await;
    assert_eq!(page.location(), "/people?done=imported", "{}", page.text);
    assert!(school.app.person_named("s.vance").await.unwrap().is_some());
}

/// ACC-10: a file of somebody who may not bring a roll in is not even read.
#[tokio::test]
async fn acc_10_a_pupils_file_is_not_read() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "wren.osei").await;
    for path in ["/people/import", "/settings/pack"] {
        let read = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&read);
        let parts = futures_util::stream::poll_fn(move |_| {
            seen.store(true, Ordering::Relaxed);
            Poll::Ready(None::<Result<Vec<u8>, std::io::Error>>)
        });
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
            .body(Body::from_stream(parts))
            .unwrap();
        assert_eq!(browser.send(request).await.status, StatusCode::FORBIDDEN);
        assert!(!read.load(Ordering::Relaxed), "{path}: the body was read");
    }
}

/// People are found by POST; names are never in an address.
#[tokio::test]
async fn people_are_found_by_name() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "hana.yilmaz").await;
    let page = browser.post("/people", &[("words", "osei")]).await;
    assert!(page.text.contains("Wren Osei"), "{}", page.text);
    let id = school.person("wren.osei").await.id;
    let one = browser.get(&format!("/people/{id}")).await;
    assert!(one.text.contains("Wren Osei") && one.text.contains("wren.osei"));
    assert_eq!(
        browser.get("/people/not-an-id").await.status,
        StatusCode::NOT_FOUND
    );
}

/// CFG-01: every setting is shown; a pack that is wrong is refused with all its problems.
#[tokio::test]
async fn cfg_01_settings_are_shown_and_a_wrong_pack_is_refused() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "ruth.okafor").await;
    let page = browser.get("/settings").await;
    for setting in pharos_pack::settings() {
        assert!(page.text.contains(setting.name), "{}", setting.name);
    }
    let wrong = browser
        .upload(
            "/settings/pack",
            "pack.zip",
            b"no zip",
            &[("why", "A new year")],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.text.contains("This is not a zip") && wrong.text.contains("A new year"),
        "{}",
        wrong.text
    );
}

/// FIL-03: of a sealed list nothing but figures; without one the page says so.
#[tokio::test]
async fn fil_03_the_lists_page_says_that_there_is_no_sealed_list() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "hana.yilmaz").await;
    assert!(
        browser
            .get("/lists")
            .await
            .text
            .contains("There is no sealed list here.")
    );
}

/// FIL-06: the page of the trust's floor says what it asks for, whose it is and which lines of the pack
/// ask for less; the page that explains names whose rule decided.
#[tokio::test]
async fn fil_06_the_page_of_the_trusts_floor_says_what_it_asks_for() {
    let school = SampleSchool::open().await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "hana.yilmaz").await;
    let none = browser.get("/lists/floor").await.text;
    assert!(none.contains("belongs to no trust"), "{none}");
    let mut files = pack_files();
    let floor = "floor = 1\n[trust]\nname = \"Saltmarsh Learning Trust\"\nversion = 3\nissued = 2026-09-01\napproved_by = \"The committee\"\n[[blocks]]\nname = \"floor: pupils\"\nyears = [\"N-9\"]\nsites = [\"low-tide.example\"]\n";
    files.insert("floor.toml".to_owned(), floor.as_bytes().to_vec());
    let school = SampleSchool::with(&files).await;
    let mut browser = Browser::at(&school);
    browser.sign_in(&school, "hana.yilmaz").await;
    let page = browser.get("/lists/floor").await.text;
    for words in [
        "Saltmarsh Learning Trust",
        "3 of 2026-09-01",
        "pupils of years N-9",
        "Blocks low-tide.example",
        "unsigned: a new version of the pack can drop it",
        "the pack nowhere asks for less",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}
