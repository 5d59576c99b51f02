//! Sealed lists on disk (FIL-03).

use jiff::Timestamp;
use pharos_catalogue::{Address, SealedError, SealedKey};
use pharos_lists::{BundleError, BundleHead, Lists, ListsError, SigningKey, make_bundle};

use crate::{Folder, hours, now};

const ENTRIES: &str = "# invented addresses\nsealed-host.test\nhttp://shared.test/Sealed/%50age\n";

pub(crate) fn key() -> SealedKey {
    SealedKey::new([5; 32])
}

pub(crate) fn publisher() -> SigningKey {
    SigningKey::from_seed(&[9; 32]).unwrap()
}

pub(crate) fn bundle(version: u64, entries: &str) -> Vec<u8> {
    bundle_by(&publisher(), "iwf-test", version, entries)
}

pub(crate) fn bundle_by(key: &SigningKey, name: &str, version: u64, entries: &str) -> Vec<u8> {
    let head = BundleHead {
        owner: "Invented Watch Foundation".into(),
        name: name.into(),
        version,
        issued: "2026-11-22T06:00:00Z".parse::<Timestamp>().unwrap(),
        entries: 0,
    };
    make_bundle(&head, entries, key)
}

pub(crate) fn with_list(folder: &Folder) -> Lists {
    let lists = folder.open();
    let owner = "Invented Watch Foundation";
    lists
        .sealed_add(
            "iwf-test",
            owner,
            publisher().public(),
            hours(48),
            &key(),
            now(),
        )
        .unwrap();
    lists
}

pub(crate) fn is_sealed(lists: &Lists, text: &str) -> bool {
    lists
        .sealed_lists(&key())
        .unwrap()
        .lookup(&Address::parse(text).unwrap())
        .is_some()
}

/// FIL-03: a signed bundle is taken, matches, and leaves nothing on disk that can be read.
#[test]
fn fil_03_a_signed_bundle_is_in_force_and_cannot_be_read_back() {
    let folder = Folder::new();
    let lists = with_list(&folder);
    assert!(
        lists.sealed_status(&key(), now()).unwrap()[0].stale,
        "empty shows as stale"
    );
    let report = lists
        .sealed_import("iwf-test", &bundle(7, ENTRIES), &key(), now())
        .unwrap();
    assert_eq!(
        (
            report.status.entries,
            report.status.version,
            report.malformed
        ),
        (2, 7, 0)
    );
    assert!(is_sealed(&lists, "http://www.sealed-host.test/any"));
    assert!(is_sealed(
        &lists,
        "https://SHARED.test:444//sealed/./page/2"
    ));
    assert!(!is_sealed(&lists, "https://shared.test/other"));
    assert!(is_sealed(&lists, &report.status.test_entry));
    assert_eq!(
        report.status.test_entry,
        "list-2026-11-22.iwf-test.pharos.test"
    );
    for (path, contents) in folder.files() {
        let text = String::from_utf8_lossy(&contents).to_lowercase();
        for secret in ["sealed-host", "shared.test", "sealed/page"] {
            assert!(
                !text.contains(secret),
                "{secret} can be read in {}",
                path.display()
            );
        }
    }
    let status = &lists.sealed_status(&key(), now() + hours(46)).unwrap()[0];
    assert!(status.stale && status.checksum.len() == 64);
    assert_eq!(status.owner, "Invented Watch Foundation");
}

/// FIL-03, FIL-04: forged, changed, cut, older, foreign and empty bundles are refused, and the last
/// good issue stays in force.
#[test]
fn fil_03_a_bad_bundle_is_refused_and_the_last_good_one_kept() {
    let folder = Folder::new();
    let lists = with_list(&folder);
    lists
        .sealed_import("iwf-test", &bundle(7, ENTRIES), &key(), now())
        .unwrap();
    let before = folder.files();
    let stranger = SigningKey::from_seed(&[1; 32]).unwrap();
    let good = bundle(8, ENTRIES);
    let mut changed = good.clone();
    changed[120] ^= 1;
    let miscounted = {
        let head = "{\"owner\":\"o\",\"name\":\"iwf-test\",\"version\":9,\"issued\":\"2026-11-22T06:00:00Z\",\"entries\":3}";
        let text = format!("pharos-sealed-bundle 1\n{head}\na.test.example\n");
        let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
        let signature = hex::encode(pair.sign(text.as_bytes()));
        format!("{text}signature {signature}\n").into_bytes()
    };
    let cases: Vec<(Vec<u8>, BundleError)> = vec![
        (
            bundle_by(&stranger, "iwf-test", 8, ENTRIES),
            BundleError::WrongSignature,
        ),
        (changed, BundleError::WrongSignature),
        (good[..good.len() / 2].to_vec(), BundleError::NotABundle),
        (good[..good.len() - 1].to_vec(), BundleError::NotABundle),
        (Vec::new(), BundleError::NotABundle),
        (
            bundle(7, "other.test.example\n"),
            BundleError::NotNewer {
                offered: 7,
                held: 7,
            },
        ),
        (
            bundle(6, ENTRIES),
            BundleError::NotNewer {
                offered: 6,
                held: 7,
            },
        ),
        (
            bundle_by(&publisher(), "other", 8, ENTRIES),
            BundleError::OtherList("other".into()),
        ),
        (bundle(8, ""), BundleError::Empty),
        (
            miscounted,
            BundleError::WrongCount {
                declared: 3,
                found: 1,
            },
        ),
    ];
    for (bytes, expected) in cases {
        match lists.sealed_import("iwf-test", &bytes, &key(), now()) {
            Err(ListsError::Bundle { why, .. }) => assert_eq!(why, expected),
            other => panic!("{expected:?}: {other:?}"),
        }
        assert_eq!(folder.files(), before);
    }
    assert!(is_sealed(&lists, "sealed-host.test"));
    lists
        .sealed_import("iwf-test", &good, &key(), now())
        .unwrap();
}

/// FIL-03: a tampered file or another key makes opening fail; the list is never just left out. The
/// publisher's key cannot be exchanged.
#[test]
fn fil_03_tampering_is_an_error_and_the_key_is_pinned() {
    let folder = Folder::new();
    let lists = with_list(&folder);
    lists
        .sealed_import("iwf-test", &bundle(7, ENTRIES), &key(), now())
        .unwrap();
    let stranger = SigningKey::from_seed(&[1; 32]).unwrap().public();
    let add = |public| lists.sealed_add("iwf-test", "x", public, hours(48), &key(), now());
    assert!(matches!(add(stranger), Err(ListsError::SealedThere(_))));
    add(publisher().public()).unwrap();
    assert!(
        is_sealed(&lists, "sealed-host.test"),
        "adding again changes nothing"
    );
    let other = SealedKey::new([6; 32]);
    assert!(matches!(
        lists.sealed_lists(&other),
        Err(ListsError::Sealed {
            why: SealedError::OtherKey,
            ..
        })
    ));
    let path = folder.lists_dir().join("sealed/iwf-test.sealed");
    let good = std::fs::read(&path).unwrap();
    std::fs::write(path.with_file_name("ctiru.sealed"), &good).unwrap();
    assert!(matches!(
        lists.sealed_lists(&key()),
        Err(ListsError::Sealed {
            why: SealedError::Tampered,
            ..
        })
    ));
    std::fs::remove_file(path.with_file_name("ctiru.sealed")).unwrap();
    let mut bad = good;
    let at = bad.len() / 2;
    bad[at] ^= 1;
    std::fs::write(&path, bad).unwrap();
    assert!(matches!(
        lists.sealed_lists(&key()),
        Err(ListsError::Sealed {
            why: SealedError::Tampered,
            ..
        })
    ));
    assert!(matches!(
        lists.sealed_import("none", &bundle(8, ENTRIES), &key(), now()),
        Err(ListsError::UnknownList(_))
    ));
}

/// FIL-03, FIL-17: a sealed list that is deleted, cut short, emptied or replaced by an older issue
/// behind Pharos's back is an error for the filter and red on the screen, at start-up and while
/// running; the publisher's bundle mends it, an older one does not.
#[test]
fn fil_03_a_sealed_list_taken_away_is_an_error_and_red_until_it_is_back() {
    let folder = Folder::new();
    let lists = with_list(&folder);
    lists
        .sealed_import("iwf-test", &bundle(7, ENTRIES), &key(), now())
        .unwrap();
    let path = folder.lists_dir().join("sealed/iwf-test.sealed");
    let older = std::fs::read(&path).unwrap();
    lists
        .sealed_import("iwf-test", &bundle(8, ENTRIES), &key(), now())
        .unwrap();
    let good = std::fs::read(&path).unwrap();
    let harms: [(&str, &dyn Fn()); 5] = [
        ("deleted", &|| std::fs::remove_file(&path).unwrap()),
        ("cut short", &|| {
            std::fs::write(&path, &good[..good.len() / 2]).unwrap();
        }),
        ("emptied", &|| std::fs::write(&path, b"").unwrap()),
        ("an older issue", &|| std::fs::write(&path, &older).unwrap()),
        ("the folder deleted", &|| {
            std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        }),
    ];
    for (harm, do_it) in harms {
        do_it();
        let restarted = || Lists::open(&folder.lists_dir(), now()).unwrap().0;
        for lists in [&lists, &restarted()] {
            assert!(lists.sealed_lists(&key()).is_err(), "{harm}");
            let status = lists.sealed_status(&key(), now()).unwrap();
            assert_eq!(status.len(), 1, "{harm}");
            assert!(status[0].stale && status[0].trouble.is_some(), "{harm}");
            assert_eq!(status[0].owner, "Invented Watch Foundation");
        }
        let back =
            |version| lists.sealed_import("iwf-test", &bundle(version, ENTRIES), &key(), now());
        assert!(
            matches!(
                back(7),
                Err(ListsError::Bundle {
                    why: BundleError::NotNewer { .. },
                    ..
                })
            ),
            "{harm}: an older issue does not mend it"
        );
        back(8).unwrap_or_else(|error| panic!("{harm}: {error}"));
        assert!(is_sealed(&lists, "sealed-host.test"), "{harm}");
        assert_eq!(lists.sealed_status(&key(), now()).unwrap()[0].trouble, None);
    }
    // Nor can its publisher be exchanged by taking the file away first.
    std::fs::remove_file(&path).unwrap();
    let stranger = SigningKey::from_seed(&[1; 32]).unwrap();
    assert!(matches!(
        lists.sealed_add("iwf-test", "x", stranger.public(), hours(48), &key(), now()),
        Err(ListsError::SealedThere(_))
    ));
}

/// FIL-03: several owners have each their own list, key and issue.
#[test]
fn fil_03_several_owners_each_with_their_own_key() {
    let folder = Folder::new();
    let lists = with_list(&folder);
    let police = SigningKey::from_seed(&[3; 32]).unwrap();
    lists
        .sealed_add(
            "police-test",
            "Invented Police",
            police.public(),
            hours(48),
            &key(),
            now(),
        )
        .unwrap();
    lists
        .sealed_import("iwf-test", &bundle(7, ENTRIES), &key(), now())
        .unwrap();
    let theirs = bundle_by(&police, "police-test", 2, "other-sealed.test\n");
    assert!(
        lists
            .sealed_import("iwf-test", &theirs, &key(), now())
            .is_err()
    );
    lists
        .sealed_import("police-test", &theirs, &key(), now())
        .unwrap();
    assert!(is_sealed(&lists, "sealed-host.test") && is_sealed(&lists, "other-sealed.test"));
    // Each proves by its own dated entry that it is live.
    for status in lists.sealed_status(&key(), now()).unwrap() {
        assert!(is_sealed(&lists, &status.test_entry), "{}", status.name);
    }
}

/// FIL-17: without the manifest nobody can say what must be in force, so nothing starts.
#[test]
fn fil_17_a_missing_manifest_is_an_error() {
    let folder = Folder::new();
    let lists = with_list(&folder);
    let file = folder.file("a.txt", "a-site.example\n");
    for category in ["gaming", "chat"] {
        crate::import(&lists, "mine", category, &file).unwrap();
    }
    drop(lists);
    std::fs::remove_file(folder.lists_dir().join("manifest.json")).unwrap();
    assert!(matches!(
        Lists::open(&folder.lists_dir(), now()),
        Err(ListsError::ManifestMissing { .. })
    ));
}
