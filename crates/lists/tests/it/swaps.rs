//! Swapping under load.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pharos_catalogue::Address;

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
                unterminated: false,
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
