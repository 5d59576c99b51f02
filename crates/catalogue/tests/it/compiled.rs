//! The compiled file and its look-ups.

use pharos_catalogue::{
    Catalogue, CatalogueError, CategoryId, CompileError, Compiler, Counts, Format, Match,
    category_for_folder, parse, sample, sample_list, standard_categories,
};

use crate::{address, catalogue, categories, compiled, now};

#[test]
fn names_match_with_their_sub_domains_and_look_alikes_do_not() {
    let lists = catalogue(&[(
        "games",
        "gaming",
        "example.org\nplay.example.net\n10.0.0.7\n",
    )]);
    for inside in [
        "example.org",
        "www.example.org",
        "a.b.c.EXAMPLE.org.",
        "http://example.org/x",
        "play.example.net:8080",
        "http://u@10.0.0.7/",
        "http://0xa.7",
    ] {
        assert_eq!(categories(&lists, inside), ["gaming"], "{inside}");
    }
    for outside in [
        "badexample.org",
        "example.org.test",
        "org",
        "example.net",
        "example.com",
        "1.10.0.0.7.test",
        "10.0.0.8",
    ] {
        assert!(lists.lookup(&address(outside)).is_empty(), "{outside}");
    }
}

#[test]
fn urls_match_by_canonical_path_prefix() {
    let lists = catalogue(&[(
        "urls",
        "violence",
        "example.org/clips/\nhttp://example.org/watch?v=77\nexample.net:81/A%20b;c\n[2001:db8::1]/x\n",
    )]);
    for inside in [
        "http://example.org/clips",
        "http://www.example.org/clips/1",
        "https://example.org//x/..//%63lips/?a",
        "example.org/CLIPS",
        "example.org/watch?v=77&t=3",
        "example.net/a%20B;c;d",
        "http://[2001:DB8::0:1]:99/x/y",
    ] {
        assert_eq!(categories(&lists, inside), ["violence"], "{inside}");
    }
    for outside in [
        "example.org",
        "example.org/clipsandmore",
        "example.org/",
        "example.org/watch?v=777",
        "badexample.org/clips",
        "example.net/A",
    ] {
        assert!(lists.lookup(&address(outside)).is_empty(), "{outside}");
    }
}

#[test]
fn a_match_names_list_category_and_entry() {
    let lists = catalogue(&[
        ("a", "gaming", "example.org\nwww.example.org/games\n"),
        ("b", "chat", "www.example.org\n"),
        ("c", "gaming", "example.org\n"),
    ]);
    let asked = address("https://www.example.org/games/1");
    let found = lists.lookup(&asked);
    let named: Vec<_> = lists
        .matched(&asked, &found)
        .map(|entry| {
            let category = lists.category_name(entry.category).unwrap();
            format!(
                "{} {category} {}{}",
                entry.list.name,
                entry.host,
                entry.path.unwrap_or("")
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            "b chat www.example.org",
            "a gaming www.example.org/games",
            "a gaming example.org",
            "c gaming example.org",
        ]
    );
    assert_eq!(lists.version(), 3);
    assert_eq!(lists.built_at(), now());
    assert_eq!(lists.lists()[0].entries, 2);
    assert_eq!(lists.lists()[2].version, 5);
    assert_eq!(lists.counts(), Counts { names: 2, urls: 1 });
    assert_eq!(lists.category("chat"), Some(CategoryId(1)));
    assert_eq!(lists.category("none"), None);
}

#[test]
fn a_host_deep_under_many_entries_keeps_all_categories() {
    let text: String = (0..40)
        .map(|n| format!("{}example.org\n", "a.".repeat(n)))
        .collect();
    let lists = catalogue(&[("deep", "gaming", &text), ("far", "chat", "example.org\n")]);
    let asked = address(&format!("{}example.org", "a.".repeat(40)));
    let found = lists.lookup(&asked);
    assert_eq!(found.categories.iter().count(), 2);
    assert_eq!(
        lists.matched(&asked, &found).count(),
        8,
        "the nearest eight are named"
    );
}

/// Every byte of a stored file is guarded: a changed, cut or lengthened file never opens (FIL-04).
#[test]
fn fil_04_a_damaged_catalogue_is_refused() {
    let good = compiled(&[("a", "gaming", "example.org\nexample.net/x\n")]);
    Catalogue::open(good.as_slice()).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        assert!(Catalogue::open(bad.as_slice()).is_err(), "byte {at}");
    }
    for len in 0..good.len() {
        assert!(Catalogue::open(&good[..len]).is_err(), "cut to {len}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(matches!(
        Catalogue::open(longer.as_slice()),
        Err(CatalogueError::WrongLength { .. })
    ));
    assert_eq!(
        Catalogue::open(&b"GIF89a"[..]).unwrap_err(),
        CatalogueError::NotACatalogue
    );
    let mut other = good.clone();
    other[8] = 9;
    assert_eq!(
        Catalogue::open(other.as_slice()).unwrap_err(),
        CatalogueError::OtherVersion { found: 9 }
    );
    let mut other = good;
    other[16] = b'x';
    assert_eq!(
        Catalogue::open(other.as_slice()).unwrap_err(),
        CatalogueError::OtherHash
    );
}

/// A file with a right checksum over wrong contents (made on purpose) is refused or harmless.
#[test]
fn a_hostile_catalogue_with_a_right_checksum_does_no_harm() {
    let good = compiled(&[("a", "gaming", "example.org\nexample.net/x\n")]);
    let body = good.len() - 32;
    for at in 8..body {
        for value in [0x00, 0x7F, 0xFF] {
            let mut bad = good.clone();
            bad[at] = value;
            let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bad[..body]);
            bad[body..].copy_from_slice(sum.as_ref());
            if let Ok(lists) = Catalogue::open(bad.as_slice()) {
                for asked in ["example.org", "example.net/x", "other.test"] {
                    let asked = address(asked);
                    let found = lists.lookup(&asked);
                    lists.matched(&asked, &found).for_each(drop);
                }
            }
        }
    }
}

#[test]
fn the_same_entries_give_the_same_file_whatever_their_order() {
    let one = compiled(&[("a", "gaming", "example.org\nexample.net\nexample.org\n")]);
    let two = compiled(&[("a", "gaming", "example.net\nexample.org\n")]);
    assert_eq!(one, two);
}

#[test]
fn an_empty_catalogue_knows_nothing() {
    assert_eq!(
        Catalogue::empty().lookup(&address("example.org")),
        Match::NONE
    );
    let lists = catalogue(&[]);
    assert!(lists.lookup(&address("example.org/x")).is_empty());
    assert_eq!(lists.counts(), Counts { names: 0, urls: 0 });
}

#[test]
fn too_many_categories_and_bad_names_are_refused() {
    let mut compiler = Compiler::new(1, 1, now());
    let list = compiler.list("ut1", 1, now()).unwrap();
    for n in 0..256 {
        compiler.section(list, &format!("c{n}")).unwrap();
    }
    assert!(matches!(
        compiler.section(list, "one-more"),
        Err(CompileError::TooManyCategories(name)) if &*name == "one-more"
    ));
    assert!(matches!(
        compiler.list("ut1", 1, now()),
        Err(CompileError::ListTwice(_))
    ));
    for bad in ["", "Upper", "a b", "../x", "-x", &"x".repeat(65)] {
        assert!(
            matches!(compiler.list(bad, 1, now()), Err(CompileError::BadName(_))),
            "{bad}"
        );
    }
}

/// FIL-02: categories are offered by name, at least those the requirement lists, each with a test
/// address in the built-in sample list that has that category, with the wider one it belongs to,
/// and no other.
#[test]
fn fil_02_each_category_has_a_test_address_in_the_sample_list() {
    let tally = parse(Format::Sections, sample_list().as_bytes(), &mut |_| {});
    assert_eq!(tally.problems, []);
    assert_eq!(tally.declared, Some(tally.entries));
    let lists = sample(now()).unwrap();
    for category in standard_categories() {
        assert!(!category.title.is_empty());
        let asked = format!("http://{}.pharos.test/page", category.name);
        let mut expected = vec![category.name];
        expected.extend(category.within);
        let mut found = categories(&lists, &asked);
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{asked}");
    }
    for required in [
        "pornography",
        "racial-hatred",
        "extremism",
        "terrorism",
        "gaming",
        "illegal",
        "violence",
        "social-media",
        "chat",
        "webmail",
        "avoidance",
        "downloads",
    ] {
        assert!(
            standard_categories().any(|category| category.name == required),
            "{required}"
        );
    }
}

/// FIL-16: what a list holds as `vpn` is `avoidance` too, so that a rule about all ways round meets
/// it and an alert can name the way; it counts as one entry of its list.
#[test]
fn fil_16_a_way_round_has_its_own_name_and_the_wider_one() {
    let lists = catalogue(&[("ut1", "vpn", "tunnel.example\nother.example\n")]);
    assert_eq!(
        categories(&lists, "http://a.tunnel.example/"),
        ["vpn", "avoidance"]
    );
    assert_eq!((lists.counts().names, lists.lists()[0].entries), (2, 2));
}

#[test]
fn publishers_folders_get_our_category_names() {
    let of = |folder: &str| category_for_folder(folder);
    assert_eq!(of("adult").as_deref(), Some("pornography"));
    assert_eq!(of("social_networks").as_deref(), Some("social-media"));
    assert_eq!(of("agressif").as_deref(), Some("violence"));
    assert_eq!(of("vpn").as_deref(), Some("vpn"));
    assert_eq!(of("warez").as_deref(), Some("downloads"));
    assert_eq!(of("bank").as_deref(), Some("banking"));
    assert_eq!(of("Some Thing").as_deref(), Some("some-thing"));
    assert_eq!(of("special").as_deref(), Some("special"));
    assert_eq!(of("..").as_deref(), None);
    let mut folders: Vec<_> = standard_categories()
        .flat_map(|category| category.folders())
        .collect();
    let all = folders.len();
    folders.sort_unstable();
    folders.dedup();
    assert_eq!(folders.len(), all, "no folder stands for two categories");
}
