//! Swapping under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use pharos_catalogue::Address;
use pharos_lists::Lists;

use crate::{Folder, import, now};

/// FIL-04: while lists are swapped, every look-up is answered, and each reader's answers come from
/// one version: all addresses of a version change their category together.
#[test]
fn fil_04_swapping_under_load_never_mixes_versions() {
    let folder = Folder::new();
    let lists = folder.open();
    let text: String = (0..500).map(|n| format!("site{n}.example\n")).collect();
    let texts = [format!("@gaming\n{text}"), format!("@chat\n{text}")];
    let files = [
        folder.file("even", &texts[0]),
        folder.file("odd", &texts[1]),
    ];
    let swap = |turn: usize| {
        let ask = pharos_lists::Import {
            accept: pharos_lists::Accept {
                shrink: true,
                ..pharos_lists::Accept::default()
            },
            ..pharos_lists::Import::new("games", &files[turn % 2])
        };
        lists.import(&ask, now()).unwrap();
    };
    swap(0);
    let addresses: Vec<Address> = (0..500)
        .map(|n| Address::parse(&format!("http://www.site{n}.example/")).unwrap())
        .collect();
    let done = AtomicBool::new(false);
    let seen = [const { AtomicU64::new(0) }; 2];
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    let catalogue = lists.catalogue();
                    let wanted = catalogue.lists()[0].version % 2;
                    let name = if wanted == 1 { "gaming" } else { "chat" };
                    let category = catalogue.category(name).unwrap();
                    for address in &addresses {
                        let found = catalogue.lookup(address).categories;
                        assert!(found.contains(category) && found.iter().count() == 1);
                    }
                    seen[usize::try_from(wanted).unwrap()].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // At least 20 swaps, and until the readers have seen both kinds of version.
        let mut turn = 0;
        while turn < 20 || seen.iter().any(|count| count.load(Ordering::Relaxed) == 0) {
            turn += 1;
            swap(turn);
        }
        done.store(true, Ordering::Release);
    });
    assert_eq!(
        import(&lists, "more", "dating", &folder.file("m", "x.example\n"))
            .unwrap()
            .version,
        1
    );
}

/// FIL-04: a copy of the folder made while lists come in opens as what was in force at that moment:
/// nothing to mend, nothing left over.
#[test]
fn fil_04_a_backup_taken_during_an_import_restores_cleanly() {
    let folder = Folder::new();
    let lists = Arc::new(folder.open());
    let files: Vec<_> = (1u32..=3)
        .map(|n| folder.file(&format!("{n}.txt"), &crate::names(0, 2000 + n * 500)))
        .collect();
    crate::import(&lists, "mine", "gaming", &files[0]).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let importing = {
        let (lists, done) = (Arc::clone(&lists), Arc::clone(&done));
        thread::spawn(move || {
            let mut taken = 0;
            for file in files.iter().cycle() {
                match crate::import(&lists, "mine", "gaming", file) {
                    Ok(_) => taken += 1,
                    // A backup holds the lists: the import comes again.
                    Err(pharos_lists::ListsError::Busy { .. }) => thread::yield_now(),
                    Err(error) => panic!("{error}"),
                }
                if done.load(Ordering::Relaxed) {
                    return taken;
                }
            }
            taken
        })
    };
    let mut versions = std::collections::BTreeSet::new();
    // Until copies of two different moments were made, at least five, at most a thousand.
    for copy in 0..1000 {
        let target = folder.0.path().join(format!("copy-{copy}"));
        let held = lists.hold().unwrap();
        let found = folder.files();
        assert!(
            !found
                .iter()
                .any(|(path, _)| path.extension().is_some_and(|part| part == "part")),
            "nothing is half written"
        );
        for (path, bytes) in &found {
            let to = target.join(path.strip_prefix(folder.lists_dir()).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::write(to, bytes).unwrap();
        }
        drop(held);
        let (restored, recovery) = Lists::open(&target, now()).unwrap();
        assert_eq!(recovery, Default::default(), "nothing to mend");
        let entries = restored.status(now())[0].entries;
        assert_eq!(restored.catalogue().counts().names, entries);
        versions.insert(restored.catalogue().version());
        if copy >= 4 && versions.len() >= 2 {
            break;
        }
        thread::yield_now();
    }
    done.store(true, Ordering::Relaxed);
    assert!(importing.join().unwrap() > 0);
    assert!(versions.len() >= 2, "{versions:?}");
}
