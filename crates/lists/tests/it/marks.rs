//! The manifest under its mark (FIL-03, FIL-04).

use std::fs;

use pharos_lists::{Lists, ListsError, ManifestFound, ManifestKey, Recovery};

use crate::{Folder, categories, import, names, now};

const KEY: [u8; 32] = [3; 32];

fn open(folder: &Folder, key: ManifestKey) -> (Lists, Recovery) {
    Lists::open_marked(&folder.lists_dir(), key, now()).unwrap()
}

fn marked(folder: &Folder) -> Lists {
    let (lists, recovery) = open(folder, ManifestKey::fresh(&KEY));
    assert_eq!(recovery, Recovery::default());
    import(&lists, "games", "gaming", &folder.file("a", &names(0, 10))).unwrap();
    lists
}

/// FIL-04: a manifest that was changed or taken away gives way to the last good one, and is told; what
/// was in force is in force.
#[test]
fn fil_04_the_last_good_manifest_is_kept() {
    let folder = Folder::new();
    drop(marked(&folder));
    let path = folder.lists_dir().join("manifest.json");
    let good = fs::read(&path).unwrap();
    let shorter = String::from_utf8(good.clone()).unwrap();
    let shorter = shorter.replace("\"allowed_age_hours\": 72", "\"allowed_age_hours\": 9999");
    assert_ne!(shorter.as_bytes(), good);
    let harms: [(&dyn Fn(), ManifestFound); 4] = [
        (
            &|| fs::write(&path, &shorter).unwrap(),
            ManifestFound::Changed,
        ),
        (&|| fs::write(&path, b"{}").unwrap(), ManifestFound::Changed),
        (&|| fs::write(&path, b"").unwrap(), ManifestFound::Changed),
        (&|| fs::remove_file(&path).unwrap(), ManifestFound::Missing),
    ];
    for (harm, found) in harms {
        harm();
        let (lists, recovery) = open(&folder, ManifestKey::known(&KEY));
        assert_eq!(recovery.manifest, Some(found));
        assert_eq!(categories(&lists.catalogue(), "site9.example"), ["gaming"]);
        assert_eq!(fs::read(&path).unwrap(), good, "{found:?}: put right");
        drop(lists);
        let (_, recovery) = open(&folder, ManifestKey::known(&KEY));
        assert_eq!(
            recovery,
            Recovery::default(),
            "{found:?}: and then in order"
        );
    }
    // Changed while it runs: the next change goes by the last good one.
    let (lists, _) = open(&folder, ManifestKey::known(&KEY));
    fs::write(&path, &shorter).unwrap();
    import(&lists, "chats", "chat", &folder.file("b", "talk.example\n")).unwrap();
    assert!(!fs::read_to_string(&path).unwrap().contains("9999"));
    assert_eq!(lists.status(now()).len(), 2);
}

/// FIL-04: the marked copy alone damaged is made anew where the mark fits the manifest; both wrong, or
/// the copy gone, stops the start with what to do; another key is no key.
#[test]
fn fil_04_without_a_manifest_that_can_be_trusted_nothing_starts() {
    let folder = Folder::new();
    drop(marked(&folder));
    let (path, copy) = (
        folder.lists_dir().join("manifest.json"),
        folder.lists_dir().join("manifest.good"),
    );
    let (good, mut flipped) = (fs::read(&path).unwrap(), fs::read(&copy).unwrap());
    let whole_copy = flipped.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(&copy, &flipped).unwrap();
    let (_, recovery) = open(&folder, ManifestKey::known(&KEY));
    assert_eq!(recovery.manifest, Some(ManifestFound::CopyDamaged));
    assert_eq!(fs::read(&path).unwrap(), good);

    let refused = |key: &[u8; 32]| {
        Lists::open_marked(&folder.lists_dir(), ManifestKey::known(key), now()).unwrap_err()
    };
    assert!(matches!(refused(&[4; 32]), ListsError::ManifestMark { .. }));
    fs::write(&copy, &flipped).unwrap();
    fs::write(&path, b"{}").unwrap();
    assert!(matches!(refused(&KEY), ListsError::ManifestMark { .. }));
    fs::write(&path, &good).unwrap();
    fs::remove_file(&copy).unwrap();
    let error = refused(&KEY);
    assert!(
        matches!(error, ListsError::ManifestCopyMissing { .. })
            && error.to_string().contains("keys/list-manifest"),
        "{error}"
    );
    // The operator trusts what lies there: a fresh key marks it once more.
    let (lists, recovery) = open(&folder, ManifestKey::fresh(&KEY));
    assert_eq!(recovery, Recovery::default());
    assert_eq!(categories(&lists.catalogue(), "site9.example"), ["gaming"]);
    assert_ne!(fs::read(&copy).unwrap(), whole_copy, "marked anew");
}

/// FIL-04: a change that was cut off between the marked copy and the manifest is the new state, and no
/// one is blamed for it.
#[test]
fn fil_04_a_change_cut_off_at_its_last_step_is_no_tampering() {
    let folder = Folder::new();
    let lists = marked(&folder);
    let path = folder.lists_dir().join("manifest.json");
    let before = fs::read(&path).unwrap();
    import(&lists, "games", "gaming", &folder.file("a", &names(0, 20))).unwrap();
    drop(lists);
    fs::write(&path, &before).unwrap();
    let (lists, recovery) = open(&folder, ManifestKey::known(&KEY));
    assert_eq!(recovery.manifest, Some(ManifestFound::CutOff));
    assert_eq!(categories(&lists.catalogue(), "site19.example"), ["gaming"]);
}

/// FIL-04: a compiled catalogue put in the place of the right one, whole by its own checksum, is not
/// taken: it is compiled anew from the entries that the manifest names.
#[test]
fn fil_04_another_catalogue_is_not_taken() {
    let folder = Folder::new();
    drop(marked(&folder));
    let other = Folder::new();
    let (foreign, _) = open(&other, ManifestKey::fresh(&KEY));
    let harmless = other.file("b", "harmless.example\n");
    import(&foreign, "games", "gaming", &harmless).unwrap();
    fs::copy(
        other.lists_dir().join("catalogue-1.bin"),
        folder.lists_dir().join("catalogue-1.bin"),
    )
    .unwrap();
    let (lists, recovery) = open(&folder, ManifestKey::known(&KEY));
    let rebuilt = recovery.rebuilt.unwrap();
    assert!(
        rebuilt.contains("not those that Pharos compiled"),
        "{rebuilt}"
    );
    assert_eq!(categories(&lists.catalogue(), "site9.example"), ["gaming"]);
}
