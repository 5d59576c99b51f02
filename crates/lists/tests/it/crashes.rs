//! What is found at opening after a crash at any moment (FIL-04).

use std::fs;
use std::path::{Path, PathBuf};

use pharos_lists::{Lists, ListsError};

use crate::{Folder, categories, import, names, now};

type Files = Vec<(PathBuf, Vec<u8>)>;

fn restore(dir: &Path, files: &Files) {
    fs::remove_dir_all(dir).unwrap();
    for (path, contents) in files {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
}

/// FIL-04: kill -9 at any moment of an import. The import writes, in this order: the stored
/// entries, the catalogue, the manifest, each aside and then renamed; then it removes what is no
/// longer wanted. Each state in between is laid out and opened: before the manifest's rename the
/// old lists are in force, after it the new ones, and nothing is left lying about.
#[test]
fn fil_04_a_crash_at_any_moment_of_a_swap_leaves_old_or_new() {
    let folder = Folder::new();
    let lists = folder.open();
    import(
        &lists,
        "games",
        "gaming",
        &folder.file("a", "old.example\nboth.example\n"),
    )
    .unwrap();
    let old = folder.files();
    import(
        &lists,
        "games",
        "gaming",
        &folder.file("a", "new.example\nboth.example\n"),
    )
    .unwrap();
    drop(lists);
    let new = folder.files();
    let dir = folder.lists_dir();
    let new_file = |name: &str| {
        let path = dir.join(name);
        let (_, contents) = new.iter().find(|(found, _)| *found == path).unwrap();
        (path, contents.clone())
    };
    let steps = ["sources/games-2.list", "catalogue-2.bin", "manifest.json"].map(new_file);

    let mut states: Vec<(String, Files, bool)> = vec![("before".into(), old.clone(), false)];
    let mut disk = old;
    for (path, contents) in steps {
        let part = PathBuf::from(format!("{}.part", path.display()));
        for len in [0, 1, contents.len() / 2, contents.len()] {
            let mut state = disk.clone();
            state.push((part.clone(), contents[..len].to_vec()));
            states.push((format!("{} at {len}", part.display()), state, false));
        }
        disk.retain(|(found, _)| *found != path);
        disk.push((path.clone(), contents));
        states.push((
            format!("{} renamed", path.display()),
            disk.clone(),
            path.ends_with("manifest.json"),
        ));
    }
    disk.retain(|(path, _)| !path.ends_with("catalogue-1.bin"));
    states.push(("old catalogue removed".into(), disk, true));

    for (what, files, is_new) in states {
        restore(&dir, &files);
        let (lists, recovery) = Lists::open(&dir, now()).unwrap();
        assert_eq!(recovery.rebuilt, None, "{what}");
        let expected = if is_new {
            ["new.example", "old.example"]
        } else {
            ["old.example", "new.example"]
        };
        let catalogue = lists.catalogue();
        assert_eq!(categories(&catalogue, "both.example"), ["gaming"], "{what}");
        assert_eq!(categories(&catalogue, expected[0]), ["gaming"], "{what}");
        assert_eq!(categories(&catalogue, expected[1]), [""; 0], "{what}");
        let wanted = if is_new {
            vec![
                "catalogue-2.bin",
                "manifest.json",
                "sources/games-1.list",
                "sources/games-2.list",
            ]
        } else {
            vec!["catalogue-1.bin", "manifest.json", "sources/games-1.list"]
        };
        assert_eq!(folder.names(), wanted, "{what}");
        // And the next import works.
        let next = folder.file("a", "next.example\nboth.example\n");
        import(&lists, "games", "gaming", &next).unwrap();
        assert_eq!(
            categories(&lists.catalogue(), "next.example"),
            ["gaming"],
            "{what}"
        );
    }
}

/// FIL-04: a catalogue damaged on disk is compiled anew; a list whose entries are damaged as well
/// goes back to its version before; with none left the filter is told, and does not start.
#[test]
fn fil_04_damage_on_disk_is_repaired_or_told() {
    let folder = Folder::new();
    let lists = folder.open();
    import(&lists, "games", "gaming", &folder.file("a", &names(0, 10))).unwrap();
    import(&lists, "games", "gaming", &folder.file("a", &names(0, 12))).unwrap();
    drop(lists);
    let dir = folder.lists_dir();
    let damage = |name: &str| {
        let mut bytes = fs::read(dir.join(name)).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(dir.join(name), bytes).unwrap();
    };
    damage("catalogue-2.bin");
    let (lists, recovery) = Lists::open(&dir, now()).unwrap();
    assert!(
        recovery
            .rebuilt
            .unwrap()
            .contains("not those that Pharos compiled")
    );
    assert!(recovery.rolled_back.is_empty());
    assert_eq!(categories(&lists.catalogue(), "site11.example"), ["gaming"]);
    drop(lists);

    fs::write(dir.join("catalogue-3.bin"), "cut").unwrap();
    damage("sources/games-2.list");
    let (lists, recovery) = Lists::open(&dir, now()).unwrap();
    assert_eq!(recovery.rolled_back, ["games"]);
    assert_eq!(categories(&lists.catalogue(), "site9.example"), ["gaming"]);
    assert_eq!(lists.status(now())[0].version, 1);
    drop(lists);

    fs::remove_file(dir.join("catalogue-4.bin")).unwrap();
    damage("sources/games-1.list");
    assert!(matches!(
        Lists::open(&dir, now()),
        Err(ListsError::SourceDamaged(list)) if list == "games"
    ));
    fs::write(dir.join("manifest.json"), "{").unwrap();
    assert!(matches!(
        Lists::open(&dir, now()),
        Err(ListsError::Manifest { .. })
    ));
}

/// Two processes do not change the lists at once, and one that opens meanwhile removes nothing.
#[test]
fn one_process_changes_the_lists_at_a_time() {
    let folder = Folder::new();
    let lists = folder.open();
    import(&lists, "games", "gaming", &folder.file("a", "a.example\n")).unwrap();
    let held = fs::File::open(folder.lists_dir().join("lock")).unwrap();
    held.lock().unwrap();
    let part = folder.lists_dir().join("catalogue-2.bin.part");
    fs::write(&part, "being written").unwrap();
    assert!(matches!(
        import(&lists, "games", "gaming", &folder.file("a", "b.example\n")),
        Err(ListsError::Busy { .. })
    ));
    let other = folder.open();
    assert!(part.exists());
    drop(held);
    import(&lists, "games", "gaming", &folder.file("a", "b.example\n")).unwrap();
    // The other process still answers from what it loaded, and takes the change when asked to.
    assert_eq!(categories(&other.catalogue(), "a.example"), ["gaming"]);
    assert!(other.reload().unwrap());
    assert!(!other.reload().unwrap());
    assert_eq!(categories(&other.catalogue(), "b.example"), ["gaming"]);
    assert_eq!(other.status(now()), lists.status(now()));
}
