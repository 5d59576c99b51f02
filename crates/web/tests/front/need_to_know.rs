//! Raising a concern, and who learns of it: the form, the receipt, need to know, governors.

use axum::http::StatusCode;
use pharos_casework::{Concern, Involved, Origin, Part, Reporter, Whom};
use pharos_testkit::school::SampleSchool;

use crate::browser::Browser;

/// CON-01, CON-14, PRO-12: somebody without an account reports; 999 stands first, the routes side by
/// side; what comes back is a number and nothing else.
#[tokio::test]
async fn con_01_anybody_reports_and_gets_a_number() {
    let school = SampleSchool::open().await;
    let mut public = Browser::at(&school);
    let form = public.get("/report").await;
    assert_eq!(form.status, StatusCode::OK);
    let at = |text: &str| {
        form.text
            .find(text)
            .unwrap_or_else(|| panic!("{text} is not on the form"))
    };
    assert!(
        at("call 999 now") < at("Which child?")
            && at("Which child?") < at("What did you see")
            && at("What did you see") < at("Add more")
    );
    for route in [
        "Here at school",
        "Near here",
        "In the whole country",
        "Childline",
    ] {
        assert!(form.text.contains(route), "{route}");
    }
    assert!(!form.text.contains("type=\"file\""));
    let empty = public.post("/report", &[("name", "Sam Hale")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        empty
            .text
            .contains("Write what you saw, heard or were told.")
            && empty.text.contains("Sam Hale")
    );

    let sent = public
        .post(
            "/report",
            &[
                ("name", "Sam Hale"),
                ("what", "Sam is being threatened online."),
                ("danger", "no"),
            ],
        )
        .await;
    assert_eq!(sent.location(), "/report/received/1", "{}", sent.text);
    let received = public.get("/report/received/1").await.text;
    assert!(
        received.contains("Your number is")
            && !received.contains("Sam")
            && !received.contains("threatened")
    );
    assert_eq!(
        received,
        public
            .get("/report/received/999")
            .await
            .text
            .replace("999</strong></p></div>", "1</strong></p></div>"),
        "no number says whether it exists"
    );
}

/// CON-03: of many reports at once every one is kept; beyond the first few they are marked, and those
/// who need to know are told of them together. Nobody else's report is held up.
#[tokio::test]
async fn con_03_many_reports_at_once_are_kept_and_told_together() {
    let school = SampleSchool::open().await;
    let told = async || {
        let notices = school.notices().await;
        let kind = |kind: &str| {
            kind.trim_end_matches(|last: char| !last.is_alphabetic())
                .to_owned()
        };
        let mut lead: Vec<_> = notices
            .into_iter()
            .filter(|(_, to)| to == "ruth.okafor")
            .map(|(named, _)| kind(&named))
            .collect();
        lead.sort();
        lead
    };
    let report = async |from: [u8; 4], what: &str| {
        let mut public = Browser::from(&school, from.into());
        let form = [("name", "Sam Hale"), ("what", what), ("danger", "no")];
        let page = public.post("/report", &form).await;
        page.location().to_owned()
    };
    for n in 1..=20 {
        let number = report([198, 51, 100, 7], "Sam is being threatened online.").await;
        assert_eq!(number, format!("/report/received/{n}"));
    }
    assert_eq!(told().await, ["concern"; 5]);
    assert_eq!(
        report([198, 51, 100, 8], "Sam told me about it.").await,
        "/report/received/21"
    );
    assert_eq!(told().await, ["concern"], "somebody else is heard at once");
    school.clock.forward(jiff::SignedDuration::from_mins(15));
    assert_eq!(told().await, ["concern-many"], "one for all of them");

    let mut lead = Browser::at(&school);
    lead.sign_in(&school, "ruth.okafor").await;
    let cases = lead.get("/cases").await.text;
    assert_eq!(cases.matches("One of many at once").count(), 15, "{cases}");
    assert_eq!(cases.matches("Sam Hale").count(), 21);

    // They are chased together as well.
    school.clock.forward(jiff::SignedDuration::from_hours(1));
    school.app.chase_cases().await.unwrap();
    let many = school
        .notices()
        .await
        .into_iter()
        .filter(|(kind, _)| kind.starts_with("concern-many-chase-1"))
        .collect::<Vec<_>>();
    let mut people: Vec<_> = many.iter().map(|(_, to)| to).collect();
    people.dedup();
    assert!(!many.is_empty() && people.len() == many.len(), "{many:?}");
}

/// CON-02, BRE-10: part, outsider, screen name, address, equipment, risk and harm all arrive; nobody
/// named gets an account.
#[tokio::test]
async fn con_02_the_form_takes_everything() {
    let school = SampleSchool::open().await;
    let mut teacher = Browser::at(&school);
    teacher.sign_in(&school, "hana.yilmaz").await;
    let fields = [
        ("name", "Ada Quill"),
        ("part", "harmed"),
        ("what", "Messages from a stranger."),
        ("words", "He wants to meet."),
        ("about_when", "today at lunch"),
        ("told", "Ruth Okafor"),
        ("danger", "no"),
        ("site", "off-site"),
        ("equipment", "own"),
        ("addresses", "https://chat.example/room\nother.example"),
        ("risk", "contact"),
        ("harm", "grooming"),
        ("kind-1", "screen-name"),
        ("name-1", "bluewave77"),
        ("more-1", "ChatExample"),
        ("part-1", "alleged-to-have-harmed"),
        ("kind-2", "outsider"),
        ("name-2", "A man in a white van"),
        ("part-2", "other"),
    ];
    let sent = teacher.post("/report", &fields).await;
    assert_eq!(sent.location(), "/report/received/1", "{}", sent.text);
    let lead = school.at_work("ruth.okafor").await;
    let cases = school.app.cases(&lead.actor, true).await.unwrap();
    let concern = school
        .app
        .case(&lead.actor, cases[0].id)
        .await
        .unwrap()
        .state
        .concern;
    assert!(matches!(concern.reporter, Reporter::Staff { .. }));
    let ada = school.person("ada.quill").await.id;
    assert!(concern.involved.contains(&Involved {
        whom: Whom::Pupil { person: ada },
        part: Part::Harmed
    }));
    let stranger = Whom::ScreenName {
        name: "bluewave77".to_owned(),
        service: "ChatExample".to_owned(),
    };
    assert!(concern.involved.contains(&Involved {
        whom: stranger,
        part: Part::AllegedToHaveHarmed
    }));
    assert_eq!(
        (
            concern.involved.len(),
            concern.addresses.len(),
            concern.risk.len(),
            concern.harm.len()
        ),
        (3, 2, 1, 1)
    );
    assert!(concern.told_lead.is_some() && concern.words.as_deref() == Some("He wants to meet."));

    let mut lead = Browser::at(&school);
    lead.sign_in(&school, "ruth.okafor").await;
    let page = lead.get(&format!("/cases/{}", cases[0].id)).await.text;
    assert!(
        page.contains("chat [dot] example / room") && !page.contains("chat.example"),
        "BRE-10"
    );
    // Whoever raised it has a receipt, not the case.
    assert_eq!(
        teacher.get(&format!("/cases/{}", cases[0].id)).await.status,
        StatusCode::NOT_FOUND
    );
}

/// CON-14: whoever a case is about finds nothing of it anywhere, whatever their role.
#[tokio::test]
async fn con_14_the_person_it_is_about_finds_nothing() {
    let school = SampleSchool::open().await;
    let deputy = school.person("tomas.brandt").await.id;
    let mut concern = Concern::new(
        Reporter::Outside {
            name: None,
            contact: None,
        },
        Origin::Form,
        "A word about the deputy.",
    );
    concern.involved = vec![Involved {
        whom: Whom::Staff { person: deputy },
        part: Part::AllegedToHaveHarmed,
    }];
    let case = school.app.raise_concern(None, concern).await.unwrap().case;

    let mut about = Browser::at(&school);
    about.sign_in(&school, "tomas.brandt").await;
    for path in ["", "/print", "/do/note", "/do/close"] {
        let page = about.get(&format!("/cases/{case}{path}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!page.text.contains("A word about"), "{path}");
    }
    for (path, fields) in [
        (
            "do/note",
            vec![("known", "1"), ("text", "I was not there.")],
        ),
        ("emergency", vec![("reason", "I must see it now.")]),
    ] {
        assert_eq!(
            about
                .post(&format!("/cases/{case}/{path}"), &fields)
                .await
                .status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for path in ["/", "/cases", "/inbox", "/policy"] {
        let text = about.get(path).await.text;
        assert!(
            !text.contains("A word about")
                && !text.contains("ph-count")
                && !text.contains(&case.to_string()),
            "{path}"
        );
    }
    let mut head = Browser::from(&school, [10, 0, 3, 5].into());
    head.sign_in(&school, "helen.lindqvist").await;
    assert!(
        head.get("/cases")
            .await
            .text
            .contains("A word about the deputy.")
    );
    let page = head.get(&format!("/cases/{case}")).await.text;
    let readers = page.split("Who may see this case").nth(1).unwrap();
    assert!(readers.contains("Helen Lindqvist") && !readers.contains("Tomas Brandt"));
}

/// ROLE-07: a governor opens no case, no alert; the policy and the report show no name and no figure
/// that could point at a child.
#[tokio::test]
async fn role_07_a_governor_sees_patterns_not_pupils() {
    let school = SampleSchool::open().await;
    school.visit("ada.quill", "self-harm.pharos.test/").await;
    let lead = school.at_work("ruth.okafor").await;
    let alert = school.app.alerts(&lead.actor, false).await.unwrap()[0].id;
    let case = school
        .app
        .raise_from_alert(&lead, alert, "")
        .await
        .unwrap()
        .case;
    let mut governor = Browser::at(&school);
    governor.sign_in(&school, "mirela.dobre").await;
    assert_eq!(governor.get("/cases").await.status, StatusCode::FORBIDDEN);
    for path in [
        format!("/cases/{case}"),
        format!("/cases/{case}/print"),
        format!("/alerts/{alert}"),
    ] {
        assert_eq!(
            governor.get(&path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for path in ["/policy", "/policy/2.3", "/reports", "/checks"] {
        let page = governor.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        for hidden in ["Ada", "Quill", &case.to_string(), &alert.to_string()] {
            assert!(!page.text.contains(hidden), "{path} shows {hidden}");
        }
    }
}
