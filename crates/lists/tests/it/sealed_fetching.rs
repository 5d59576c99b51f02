//! Signed bundles of sealed lists that come by their timetable (FIL-03, FIL-04).

use std::time::Duration;

use jiff::Timestamp;
use pharos_catalogue::SealedKey;
use pharos_lists::{
    FetchError, FetchLimits, Fetching, ListUrl, Lists, SealedFetched, SealedFrom,
    SealedSubscription, Trust, UnpackLimits,
};

use crate::publisher::{Does, Publisher};
use crate::sealed::{bundle, bundle_by, is_sealed, key, publisher, with_list};
use crate::{Folder, hours, now};

fn subscription(url: &str) -> SealedSubscription {
    SealedSubscription {
        list: "iwf-test".to_owned(),
        from: SealedFrom::Url(ListUrl::parse(url, false).unwrap()),
        every: hours(24),
    }
}

fn fetch(
    lists: &Lists,
    from: &SealedSubscription,
    at: Timestamp,
) -> Result<SealedFetched, FetchError> {
    let fetching = Fetching {
        trust: Trust::of(rustls::RootCertStore::empty()).unwrap(),
        limits: FetchLimits {
            bytes_max: 1 << 20,
            silence: Duration::from_millis(300),
            ..FetchLimits::default()
        },
        unpack: UnpackLimits::default(),
    };
    lists.fetch_sealed(from, &fetching, &key(), at, 0)
}

fn taken(fetched: Result<SealedFetched, FetchError>) -> u64 {
    match fetched {
        Ok(SealedFetched::Taken(report)) => report.status.version,
        other => panic!("{other:?}"),
    }
}

/// FIL-03, FIL-04: a new issue is in force after the next fetch; one that the publisher says is as it
/// was is not sent again; nothing of it is on the disk in the clear.
#[test]
fn fil_03_a_new_issue_is_in_force_after_the_next_fetch() {
    let (folder, issuer) = (Folder::new(), Publisher::start());
    let lists = with_list(&folder);
    let from = subscription(&issuer.url("/iwf.bundle"));
    issuer.does(
        "/iwf.bundle",
        Does::Serves(bundle(1, "first.test\n"), "\"1\""),
    );
    assert!(
        lists.sealed_fetch_due(&from, &key(), now()),
        "never fetched"
    );
    assert_eq!(taken(fetch(&lists, &from, now())), 1);
    assert!(is_sealed(&lists, "first.test"));
    assert!(!lists.sealed_fetch_due(&from, &key(), now() + hours(23)));
    let later = now() + hours(24);
    assert!(lists.sealed_fetch_due(&from, &key(), later));
    assert_eq!(fetch(&lists, &from, later).unwrap(), SealedFetched::AsItWas);

    issuer.does(
        "/iwf.bundle",
        Does::Serves(bundle(2, "second.test\n"), "\"2\""),
    );
    assert_eq!(taken(fetch(&lists, &from, later + hours(24))), 2);
    assert!(is_sealed(&lists, "second.test") && !is_sealed(&lists, "first.test"));
    // A publisher that tells no versions apart: the same issue once more is nothing new.
    issuer.does(
        "/iwf.bundle",
        Does::Serves(bundle(2, "second.test\n"), "\"3\""),
    );
    let again = fetch(&lists, &from, later + hours(48)).unwrap();
    assert_eq!(again, SealedFetched::AsItWas);
    let status = lists.fetch_status().remove(0);
    assert!(status.sealed && status.list == "iwf-test", "{status:?}");
    assert_eq!((status.failures, status.trouble), (0, None));
    for (path, bytes) in folder.files() {
        let held = bytes.windows(b"second.test".len());
        assert!(
            !held.into_iter().any(|window| window == b"second.test"),
            "{}",
            path.display()
        );
    }
}

/// FIL-03, FIL-04: an older issue, another's signature, a bundle cut short or too large: the issue in
/// force stays, the reason is told, and the next try is put off.
#[test]
fn fil_03_a_fetched_bundle_that_is_not_right_changes_nothing() {
    let (folder, issuer) = (Folder::new(), Publisher::start());
    let lists = with_list(&folder);
    let from = subscription(&issuer.url("/b"));
    issuer.does("/b", Does::Serves(bundle(7, "kept.test\n"), "\"7\""));
    assert_eq!(taken(fetch(&lists, &from, now())), 7);
    let other = pharos_lists::SigningKey::from_seed(&[8; 32]).unwrap();
    let wrong = [
        (
            Does::Serves(bundle(6, "older.test\n"), "\"6\""),
            "version 6",
        ),
        (
            Does::Serves(bundle_by(&other, "iwf-test", 8, "forged.test\n"), "\"8\""),
            "signature",
        ),
        (
            Does::Serves(bundle_by(&publisher(), "other", 8, "other.test\n"), "\"o\""),
            "for the list",
        ),
        (Does::CutsShort(bundle(8, "cut.test\n")), "cut short"),
        (Does::Announces(2 << 20), "larger than"),
        (Does::Says(403), "403"),
        (Does::Stalls, "said nothing"),
    ];
    for (failures, (does, about)) in wrong.into_iter().enumerate() {
        issuer.does("/b", does);
        let error = fetch(&lists, &from, now()).unwrap_err().to_string();
        assert!(error.contains(about), "{about}: {error}");
        assert!(is_sealed(&lists, "kept.test"), "{about}");
        let status = lists.fetch_status().remove(0);
        assert_eq!(status.failures as usize, failures + 1);
        assert!(status.next.unwrap() > now() && status.trouble.is_some());
        assert!(!lists.sealed_fetch_due(&from, &key(), now()));
    }
    assert_eq!(lists.sealed_status(&key(), now()).unwrap()[0].version, 7);
}

/// FIL-03: a sealed list that is gone is due at once and wanted whole; the issue that was in force
/// comes back, and none before it.
#[test]
fn fil_03_a_list_that_is_gone_is_fetched_again_at_once() {
    let (folder, issuer) = (Folder::new(), Publisher::start());
    let lists = with_list(&folder);
    let from = subscription(&issuer.url("/b"));
    issuer.does("/b", Does::Serves(bundle(3, "kept.test\n"), "\"3\""));
    taken(fetch(&lists, &from, now()));
    let soon = now() + hours(1);
    assert!(!lists.sealed_fetch_due(&from, &key(), soon));
    std::fs::remove_file(folder.lists_dir().join("sealed/iwf-test.sealed")).unwrap();
    assert!(lists.sealed_fetch_due(&from, &key(), soon));
    issuer.does("/b", Does::Serves(bundle(2, "older.test\n"), "\"2\""));
    assert!(fetch(&lists, &from, soon).is_err(), "not an older one");
    assert!(
        !lists.sealed_fetch_due(&from, &key(), soon),
        "a failure waits like every other"
    );
    issuer.does("/b", Does::Serves(bundle(3, "kept.test\n"), "\"3\""));
    assert_eq!(taken(fetch(&lists, &from, soon + hours(1))), 3);
    assert!(is_sealed(&lists, "kept.test"));
    // Under another key nothing of it is usable: that is said, not guessed at.
    let stranger = SealedKey::new([6; 32]);
    assert!(lists.sealed_fetch_due(&from, &stranger, soon + hours(1)));
}

/// FIL-04: a bundle that other means bring to this machine is read when its file is another one.
#[test]
fn fil_04_a_bundle_in_a_file_is_read_when_it_is_new() {
    let folder = Folder::new();
    let lists = with_list(&folder);
    let path = folder.file("iwf.bundle", "");
    let from = SealedSubscription {
        from: SealedFrom::File(path.clone()),
        ..subscription("https://unused.example/")
    };
    std::fs::write(&path, bundle(1, "first.test\n")).unwrap();
    assert_eq!(taken(fetch(&lists, &from, now())), 1);
    let later = now() + hours(24);
    assert_eq!(fetch(&lists, &from, later).unwrap(), SealedFetched::AsItWas);
    std::fs::write(&path, bundle(2, "second.test\nthird.test\n")).unwrap();
    assert_eq!(taken(fetch(&lists, &from, later + hours(24))), 2);
    std::fs::remove_file(&path).unwrap();
    let gone = fetch(&lists, &from, later + hours(48)).unwrap_err();
    assert!(gone.to_string().contains("cannot read"), "{gone}");
    assert!(is_sealed(&lists, "second.test"));
}
