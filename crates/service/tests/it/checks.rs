//! The self-check: what it covers, and who signs it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use pharos_governance::Standing;
use pharos_service::{CheckKind, CheckResult, CheckResults, Error, NewHandTest, Outcome, Way};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::evidence::{by_the_filter, checked};
use crate::system;

fn is_category(one: &Outcome<'_>, name: &str) -> bool {
    matches!(one.kind, CheckKind::Category(category) if category == name)
}

/// AUD-02, FIL-03: every group and somebody unknown is tried in every place; the sealed list through
/// every face that is there; what cannot be tried says why.
#[tokio::test]
async fn aud_02_every_group_is_tried_in_every_place_and_through_every_face() {
    let school = SampleSchool::open().await;
    let results = checked(&school).await;
    let places: BTreeSet<Option<&str>> = [
        None,
        Some("prep-rooms"),
        Some("senior-rooms"),
        Some("boarding-houses"),
        Some("guest-wifi"),
    ]
    .into();
    for group in [
        "unknown",
        "staff",
        "visitors",
        "early-years",
        "sixth-form",
        "boarders-older",
        "network",
    ] {
        let tried: BTreeSet<Option<&str>> = results
            .outcomes()
            .filter(|one| one.group == group)
            .map(|one| one.place)
            .collect();
        assert_eq!(tried, places, "{group}");
    }
    // Blocked for pupils by a setting, and bound to no clause of the written policy.
    for category in ["cults", "cheating", "eating-disorders", "remote-access"] {
        for place in &places {
            let mine = |one: &Outcome<'_>| {
                is_category(one, category) && one.group == "sixth-form" && one.place == *place
            };
            assert!(
                results.outcomes().any(|one| mine(&one)),
                "{category} in {place:?}"
            );
        }
    }
    for way in [
        Way::Dns,
        Way::DnsTcp,
        Way::Doh,
        Way::DohDevice,
        Way::Proxy,
        Way::Connect,
    ] {
        let groups: BTreeSet<&str> = results
            .outcomes()
            .filter(|one| one.way == way)
            .map(|one| one.group)
            .collect();
        assert!(groups.len() > 10, "{way:?}: {groups:?}");
    }
    let narrow: BTreeSet<&str> = results
        .outcomes()
        .filter(|one| one.way == Way::Dot)
        .map(|one| one.group)
        .collect();
    assert_eq!(
        narrow,
        BTreeSet::from(["unknown"]),
        "where devices cannot be told apart"
    );
    let off = results
        .ways
        .iter()
        .find(|tried| tried.way == Way::Transparent)
        .unwrap();
    assert_eq!(off.why_not.as_deref(), Some("this face is off"));
    assert!(!results.outcomes().any(|one| one.way == Way::Transparent));
}

/// FIL-16: no way round is tried for those whom it is granted to, every one for all others; the
/// engines that cannot be held and the video site are among what is tried.
#[tokio::test]
async fn fil_16_srch_05_ways_round_and_engines_are_tried_for_all_others() {
    let school = SampleSchool::open().await;
    let results = checked(&school).await;
    let ways = |group: &str| -> BTreeSet<String> {
        let mine = results
            .outcomes()
            .filter(|one| one.group == group && matches!(one.kind, CheckKind::WayRound(_)));
        mine.map(|one| one.address.to_owned()).collect()
    };
    let (pupils, staff, network) = (ways("sixth-form"), ways("staff"), ways("network"));
    for address in [
        "mask.icloud.com",
        "dns.google",
        "nordvpn.com",
        "www.torproject.org",
        "www.croxyproxy.com",
        "plain.pharos.test:853",
        "pornography.pharos.test inside a tunnel to 192.0.2.53",
    ] {
        assert!(
            pupils.contains(address) && staff.contains(address),
            "{address}: {pupils:?}"
        );
        assert!(!network.contains(address), "{address}");
    }
    assert!(
        pupils.contains("anydesk.com") && !staff.contains("anydesk.com"),
        "only pupils are kept from remote desktops"
    );
    let engines: BTreeSet<&str> = results
        .outcomes()
        .filter(|one| one.group == "sixth-form")
        .filter_map(|one| match one.kind {
            CheckKind::SafeSearch(engine) => Some(engine.as_str()),
            _ => None,
        })
        .collect();
    for engine in [
        "google",
        "bing",
        "youtube",
        "yandex",
        "ya",
        "ecosia",
        "startpage",
        "baidu",
    ] {
        assert!(engines.contains(engine), "{engine}: {engines:?}");
    }
}

/// AUD-02: somebody to whom nothing at all is open passes for another reason than a live list; the
/// evidence says so, and keeps thousands of probes in few rows.
#[tokio::test]
async fn aud_02_evidence_is_folded_and_says_who_is_shut_out_of_everything() {
    let school = SampleSchool::open().await;
    let results = checked(&school).await;
    let shut: BTreeSet<&str> = results
        .users
        .iter()
        .filter(|user| user.shut)
        .map(|user| user.group.as_str())
        .collect();
    assert!(
        shut.contains("early-years") && shut.contains("unknown"),
        "{shut:?}"
    );
    assert!(
        !shut.contains("sixth-form") && !shut.contains("staff"),
        "{shut:?}"
    );
    let probes = results.outcomes().count();
    assert!(
        probes > 3_000 && results.rows.len() < probes / 8,
        "{probes} probes in {} rows",
        results.rows.len()
    );
}

/// AUD-02, FIL-04: a list that went missing is a failure, though the rules are as they were.
#[tokio::test]
async fn aud_02_a_list_that_went_missing_is_found() {
    let school = SampleSchool::open().await;
    let list = school.app.import_sample_list(&system()).await.unwrap().list;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.txt");
    let without = pharos_catalogue::sample_list().lines().filter(|line| {
        // The count goes too: a list that is shorter than it says is refused.
        *line != "gambling.pharos.test" && !line.starts_with("# Entries")
    });
    let text: String = without.flat_map(|line| [line, "\n"]).collect();
    std::fs::write(&path, text).unwrap();
    let new = pharos_service::NewList {
        list: list.to_string(),
        category: None,
        format: None,
        path,
        accept_shrink: false,
        accept_unterminated: false,
        accept_growth: false,
        accept_rolled_back: false,
    };
    school.app.import_list(&system(), new).await.unwrap();
    let results = checked(&school).await;
    let failed = |group: &str| {
        results.outcomes().any(|one| {
            one.group == group && is_category(&one, "gambling") && one.result == CheckResult::Failed
        })
    };
    assert!(
        failed("sixth-form") && !failed("early-years"),
        "the youngest are shut out of all the same"
    );
}

/// AUD-02: test users leave their devices when the run is over, and their paths lead nowhere.
#[tokio::test]
async fn aud_02_nothing_is_left_of_the_test_users() {
    let school = SampleSchool::open().await;
    checked(&school).await;
    let left = school.app.filter().addresses().evidence(school.app.now());
    let own = left
        .iter()
        .filter(|(address, _)| address.to_string().starts_with("127.8"));
    assert_eq!(own.count(), 0);
}

/// AUD-02: leadership signs the sheet, with what is done about what did not hold; nobody else does,
/// and the audit log keeps it.
#[tokio::test]
async fn aud_02_leadership_signs_the_sheet() {
    let school = SampleSchool::open().await;
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    files.insert(
        "school.toml".to_owned(),
        text.replace("safe_dns = true", "safe_dns = false")
            .into_bytes(),
    );
    school.change_pack(&files, "a planted fault").await;
    school.clock.forward(SignedDuration::from_hours(1));
    let prober = by_the_filter(&school.app);
    let technician = school.at_work("kofi.adeyemi").await;
    let id = school
        .app
        .run_check(&technician.actor, &prober)
        .await
        .unwrap();
    let run = school.app.check(&technician.actor, id).await.unwrap();
    assert_eq!(run.by, Some(technician.person.id), "who ran it");
    assert!(run.run.failed > 0 && !CheckResults::read(&run).unwrap().rows.is_empty());
    let head = school.at_work("helen.lindqvist").await;
    let words = "Kofi Adeyemi switches safe search on again today.";
    assert!(!school.app.signs_checks(&technician.actor));
    for refused in [
        school.app.sign_check(&technician, id, words).await,
        school
            .app
            .sign_check(&school.at_work("owen.pryce").await, id, words)
            .await,
    ] {
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
    let wordless = school.app.sign_check(&head, id, "  ").await;
    assert!(matches!(wordless, Err(Error::Invalid(_))), "{wordless:?}");
    school.app.sign_check(&head, id, words).await.unwrap();
    let signed = school
        .app
        .check_signatures(&technician.actor)
        .await
        .unwrap();
    let signature = &signed[&id][0];
    assert_eq!(
        (signature.by, signature.words.as_str()),
        (head.person.id, words)
    );
    let log = school
        .app
        .ledger(&head.actor, &Default::default(), 20)
        .await
        .unwrap();
    assert!(
        log.iter()
            .any(|entry| entry.line.detail.contains("signed-check")),
        "{log:?}"
    );
}

/// AUD-02: people note tests by hand with who, when, as whom, where, what was tried and what came. What
/// did not hold is told at once, makes its clauses not met until it was tried by hand again, and is
/// signed by the leadership like a run; the self-check goes on by its own timetable.
#[tokio::test]
async fn aud_02_a_test_by_hand_lives_as_a_run_does() {
    let mut files = pack_files();
    let text = String::from_utf8(files["policy.md"].clone()).unwrap();
    let bound = "```controls\ncheck.passed(hand, within=13 weeks)\n```\n\n### 8.3 Records";
    let text = text.replace("### 8.3 Records", bound);
    files.insert("policy.md".to_owned(), text.into_bytes());
    let school = SampleSchool::with(&files).await;
    let app = &school.app;
    let (governor, head) = (
        school.at_work("mirela.dobre").await,
        school.at_work("helen.lindqvist").await,
    );
    let standing = async || {
        let clauses = app.clauses(&head.actor).await.unwrap();
        let clause = clauses.iter().find(|clause| clause.clause == "8.2");
        clause.unwrap().standing
    };
    assert_eq!(standing().await, Some(Standing::NotMet));
    let kind = |name: &str| Some(CheckKind::Category(name.to_owned()));
    let test = |held| NewHandTest {
        at: None,
        group: "sixth-form".to_owned(),
        place: "senior-rooms".to_owned(),
        kind: kind("gambling"),
        other: String::new(),
        tried: "gambling.pharos.test".to_owned(),
        came: "The block page.".to_owned(),
        held,
    };
    for wrong in [
        NewHandTest::default(),
        NewHandTest {
            group: "nobodies".to_owned(),
            ..test(true)
        },
        NewHandTest {
            place: "nowhere".to_owned(),
            ..test(true)
        },
        NewHandTest {
            at: Some(app.now() + SignedDuration::from_mins(1)),
            ..test(true)
        },
        NewHandTest {
            kind: kind("a category that no list has any more"),
            ..test(true)
        },
        NewHandTest {
            came: String::new(),
            ..test(true)
        },
    ] {
        let error = app.note_hand_test(&governor, &wrong).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{wrong:?}");
    }
    let pupil = school.at_work("ada.quill").await;
    let no = app.note_hand_test(&pupil, &test(true)).await.unwrap_err();
    assert!(crate::is_closed(&no), "{no}");

    app.note_hand_test(&governor, &test(true)).await.unwrap();
    assert_eq!(standing().await, Some(Standing::Met));
    assert!(
        school
            .notices()
            .await
            .iter()
            .all(|(kind, _)| kind != "check-failed")
    );
    school.clock.forward(SignedDuration::from_mins(5));
    let failed = app.note_hand_test(&governor, &test(false)).await.unwrap();
    assert_eq!(standing().await, Some(Standing::NotMet));
    let told = school.notices().await;
    assert!(
        told.iter()
            .any(|(kind, to)| kind == "check-failed" && to == "kofi.adeyemi"),
        "{told:?}"
    );
    // A run that finds the test address blocked does not undo what a person saw.
    checked(&school).await;
    let clauses = app.clauses(&head.actor).await.unwrap();
    let about = clauses
        .iter()
        .flat_map(|clause| &clause.controls)
        .find(|control| control.control.contains("category=gambling"));
    if let Some(about) = about {
        assert_eq!(about.standing, Standing::NotMet, "{about:?}");
    }
    assert_eq!(standing().await, Some(Standing::NotMet));
    let run = app.check(&head.actor, failed).await.unwrap();
    assert_eq!((run.by, run.run.failed), (Some(governor.person.id), 1));
    let results = CheckResults::read(&run).unwrap();
    let one = results.outcomes().next().unwrap();
    assert_eq!(
        (one.group, one.place, one.way, one.seen),
        (
            "sixth-form",
            Some("senior-rooms"),
            Way::Hand,
            "The block page."
        )
    );
    let unsaid = app.sign_check(&head, failed, "").await.unwrap_err();
    assert!(matches!(unsaid, Error::Invalid(_)), "what is done about it");
    app.sign_check(&head, failed, "The list is mended today.")
        .await
        .unwrap();
    let signed = app.check_signatures(&head.actor).await.unwrap();
    assert_eq!(signed[&failed][0].by, head.person.id);
    let runs = app.checks(&head.actor).await.unwrap();
    assert_eq!(runs.len(), 1, "no run of the timetable's");
    school.clock.forward(SignedDuration::from_mins(5));
    app.note_hand_test(&governor, &test(true)).await.unwrap();
    assert_eq!(standing().await, Some(Standing::Met));
}

/// AUD-02: when nobody has tested by hand within `fil.hand_tests` the technical team and the lead are
/// reminded, the head a fortnight later, each once; a test ends it.
#[tokio::test]
async fn aud_02_tests_by_hand_are_overdue_by_their_timetable() {
    let school = SampleSchool::open().await;
    let app = &school.app;
    let due = app.hand_due().await.unwrap().unwrap();
    assert!(!due.overdue && due.last.is_none());
    assert!(!app.chase_hand_tests().await.unwrap());
    school.notices().await;
    school.clock.forward(SignedDuration::from_hours(24 * 120));
    assert!(app.hand_due().await.unwrap().unwrap().overdue);
    assert!(app.chase_hand_tests().await.unwrap());
    app.chase_hand_tests().await.unwrap();
    let told = school.notices().await;
    assert!(
        told.iter().all(|(kind, _)| kind == "hand-test-due"),
        "{told:?}"
    );
    let to: BTreeSet<&str> = told.iter().map(|(_, to)| to.as_str()).collect();
    assert_eq!(to.len(), told.len(), "each once: {told:?}");
    assert!(to.contains("kofi.adeyemi") && to.contains("ruth.okafor"));
    school.clock.forward(SignedDuration::from_hours(24 * 15));
    app.chase_hand_tests().await.unwrap();
    let told = school.notices().await;
    assert_eq!(
        crate::said(&told),
        [("hand-test-missed", "helen.lindqvist")]
    );
    let teacher = school.at_work("ines.castellano").await;
    let test = NewHandTest {
        group: "unknown".to_owned(),
        other: "The guest network shows the notice first".to_owned(),
        tried: "A page on a phone".to_owned(),
        came: "The notice.".to_owned(),
        held: true,
        ..NewHandTest::default()
    };
    app.note_hand_test(&teacher, &test).await.unwrap();
    assert!(!app.chase_hand_tests().await.unwrap());
}

/// AUD-02: day pupils are not stood for by one of the youngest, who would pass whatever the lists say:
/// somebody stands for them who has something open now.
#[tokio::test]
async fn aud_02_groups_are_stood_for_by_whoever_has_something_open() {
    let school = SampleSchool::open().await;
    let results = checked(&school).await;
    for group in ["day-pupils", "boarders"] {
        let user = results
            .users
            .iter()
            .find(|user| user.group == group && user.place.is_none())
            .unwrap_or_else(|| panic!("{group} is not tried"));
        assert!(!user.shut, "{group}");
    }
}

/// Tells the app of each visit as a face does, and remembers what was not the check's own.
struct Telling {
    app: pharos_service::App,
    inner: std::sync::Arc<dyn pharos_service::Prober>,
    kept: std::sync::atomic::AtomicU64,
}

#[async_trait::async_trait]
impl pharos_service::Prober for Telling {
    fn reach(&self, way: Way) -> pharos_service::Reach {
        self.inner.reach(way)
    }

    async fn probe(
        &self,
        from: std::net::IpAddr,
        asking: &pharos_service::Asking,
    ) -> pharos_service::Seen {
        if !self
            .app
            .folds_check_event(&visit_from(from, self.app.now()))
        {
            self.kept.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        self.inner.probe(from, asking).await
    }
}

/// A look-up by a device whose user nobody knows.
fn visit_from(address: std::net::IpAddr, at: jiff::Timestamp) -> pharos_activity::Event {
    pharos_activity::Event {
        at,
        who: pharos_school::Who::Unknown {
            why: pharos_school::Unknown::NoSignIn,
            device: None,
        },
        group: None,
        address,
        face: pharos_school::Face::Dns,
        host: "plain.pharos.test".into(),
        path: None,
        action: "allow",
        rule: "default".into(),
        categories: [].into(),
        policy_version: 1,
        catalogue_version: 1,
        search: None,
        sealed: None,
        bytes_up: 0,
        bytes_down: 0,
    }
}

/// AUD-02, MON-01: what the faces tell of the check's users while it runs is counted with the run and
/// kept out of activity; people's events never are, and at any other time nothing is passed over,
/// whatever address it names.
#[tokio::test]
async fn aud_02_the_checks_own_events_are_counted_and_kept_out_of_activity() {
    let school = SampleSchool::open().await;
    let of_check = visit_from([127, 83, 0, 1].into(), school.app.now());
    let of_pupil = visit_from([127, 0, 1, 8].into(), school.app.now());
    assert!(
        !school.app.folds_check_event(&of_check),
        "no run is under way"
    );
    let telling = std::sync::Arc::new(Telling {
        app: school.app.clone(),
        inner: crate::evidence::by_the_filter(&school.app),
        kept: Default::default(),
    });
    let prober: std::sync::Arc<dyn pharos_service::Prober> = telling.clone();
    let id = school.app.run_check(&system(), &prober).await.unwrap();
    let run = school.app.check(&system(), id).await.unwrap();
    let results = CheckResults::read(&run).unwrap();
    let probes = u64::try_from(results.outcomes().count()).unwrap();
    assert_eq!(results.events.get("dns").copied(), Some(probes));
    assert_eq!(telling.kept.load(std::sync::atomic::Ordering::Relaxed), 0);
    assert!(!school.app.folds_check_event(&of_pupil));
    assert!(school.app.folds_check_event(&of_check), "it comes late");
    school.clock.forward(SignedDuration::from_secs(16));
    assert!(!school.app.folds_check_event(&of_check), "the run is over");
}
