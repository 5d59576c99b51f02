//! The self-check: what it covers, and who signs it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use pharos_service::{CheckKind, CheckResult, CheckResults, Error, Outcome, Way};
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
