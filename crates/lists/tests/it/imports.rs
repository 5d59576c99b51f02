//! Imports, refusals, status, going back.

use std::fs;

use pharos_catalogue::Format;
use pharos_lists::{Accept, Import, ListsError, Refusal};

use crate::{Folder, categories, hours, import, names, now};

/// FIL-02: one import of a UT1 folder brings many categories, under our names.
#[test]
fn fil_02_a_folder_of_categories_in_one_import() {
    let folder = Folder::new();
    folder.file("ut1/adult/domains", "adult.example\n192.0.2.9\n");
    folder.file("ut1/adult/urls", "mixed.example/adult/pages\n");
    folder.file("ut1/adult/expressions", "(bad|words)\n");
    folder.file("ut1/adult/usage", "black\n");
    folder.file("ut1/games/domains", "games.example\nbad..name\n");
    folder.file("ut1/vpn/domains", "tunnel.example\n");
    folder.file("ut1/special_things/domains", "special.example\n");
    let readme = folder.file("ut1/README", "about\n");
    #[cfg(unix)]
    std::os::unix::fs::symlink("adult", readme.with_file_name("porn")).unwrap();
    let lists = folder.open();
    let report = lists
        .import(&Import::new("ut1", readme.parent().unwrap()), now())
        .unwrap();
    assert_eq!(
        (report.version, report.entries, report.malformed),
        (1, 6, 1)
    );
    let counts: Vec<_> = report
        .categories
        .iter()
        .map(|(name, n)| (name.as_str(), *n))
        .collect();
    assert_eq!(
        counts,
        [
            ("gaming", 1),
            ("pornography", 3),
            ("special_things", 1),
            ("vpn", 1)
        ]
    );
    assert_eq!(
        report
            .problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["games/domains, line 2: the host is not a valid name or IP address"]
    );
    assert!(
        report.skipped.contains(&"adult/expressions".to_owned()),
        "{:?}",
        report.skipped
    );
    let catalogue = lists.catalogue();
    assert_eq!(
        categories(&catalogue, "http://www.adult.example/x"),
        ["pornography"]
    );
    assert_eq!(
        categories(&catalogue, "mixed.example/adult/pages/2"),
        ["pornography"]
    );
    assert_eq!(
        categories(&catalogue, "tunnel.example"),
        ["vpn", "avoidance"]
    );
    assert_eq!(categories(&catalogue, "mixed.example"), [""; 0]);
    assert_eq!(catalogue.lists()[0].entries, 6);
}

#[test]
fn every_format_is_recognised_and_lists_add_up() {
    let folder = Folder::new();
    let lists = folder.open();
    let hosts = folder.file("hosts.txt", "0.0.0.0 ads.example\n0.0.0.0 shared.example\n");
    let rpz = folder.file(
        "zone.rpz",
        "$TTL 60\n@ SOA a. b. 1 2 3 4 5\nrpz.example CNAME .\n",
    );
    let plain = folder.file("plain.txt", "shared.example\n");
    let own = folder.file("own.txt", "@gaming\nplay.example\n@chat\ntalk.example\n");
    assert_eq!(
        import(&lists, "a", "advertising", &hosts).unwrap().format,
        "hosts"
    );
    assert_eq!(import(&lists, "b", "malware", &rpz).unwrap().format, "rpz");
    assert_eq!(
        import(&lists, "c", "phishing", &plain).unwrap().format,
        "domains"
    );
    let report = lists.import(&Import::new("d", &own), now()).unwrap();
    assert_eq!(
        (report.format.as_str(), report.catalogue_version),
        ("sections", 4)
    );
    let catalogue = lists.catalogue();
    assert_eq!(
        categories(&catalogue, "shared.example"),
        ["advertising", "phishing"]
    );
    assert_eq!(categories(&catalogue, "rpz.example"), ["malware"]);
    assert_eq!(categories(&catalogue, "talk.example"), ["chat"]);
    lists.remove("c", now()).unwrap();
    assert_eq!(
        categories(&lists.catalogue(), "shared.example"),
        ["advertising"]
    );
    assert_eq!(
        categories(&catalogue, "shared.example").len(),
        2,
        "a held catalogue is unchanged"
    );
    lists.import_sample(now()).unwrap();
    assert_eq!(
        categories(&lists.catalogue(), "gambling.pharos.test"),
        ["gambling"]
    );
}

fn refused(result: Result<pharos_lists::Report, ListsError>) -> Refusal {
    match result {
        Err(ListsError::Refused { why, .. }) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// FIL-04: a damaged version is rejected and the old one kept: cut short, shrunk, empty, garbled.
#[test]
fn fil_04_a_bad_version_is_refused_and_the_last_good_one_kept() {
    let folder = Folder::new();
    let lists = folder.open();
    let good = folder.file("list", &names(0, 1000));
    import(&lists, "games", "gaming", &good).unwrap();
    let before = folder.files();
    for (text, expected) in [
        (
            format!("{}site999.ex", names(0, 999)),
            Refusal::EndsMidLine {
                file: "list".into(),
            },
        ),
        (
            format!("# Entries: 1,000\n{}", names(0, 600)),
            Refusal::FewerThanDeclared {
                file: "list".into(),
                declared: 1000,
                found: 600,
            },
        ),
        (
            names(0, 499),
            Refusal::Shrank {
                what: "it".into(),
                before: 1000,
                now: 499,
            },
        ),
        (String::new(), Refusal::Empty),
        ("\n# nothing\n".to_owned(), Refusal::Empty),
        (
            format!("ok.example\n{}", "no..name\n".repeat(9)),
            Refusal::MostlyMalformed {
                malformed: 9,
                entries: 1,
            },
        ),
    ] {
        let bad = folder.file("list", &text);
        let import = Import {
            category: Some("gaming"),
            format: Some(Format::Domains),
            ..Import::new("games", &bad)
        };
        assert_eq!(refused(lists.import(&import, now())), expected);
        assert_eq!(folder.files(), before, "nothing on disk changed");
        assert_eq!(
            categories(&lists.catalogue(), "site999.example"),
            ["gaming"]
        );
    }
    let error = folder.file(
        "list",
        "<html>\n<body>Service unavailable</body>\n</html>\n",
    );
    assert!(matches!(
        import(&lists, "games", "gaming", &error),
        Err(ListsError::UnknownFormat { .. })
    ));
    // Exactly half is not "more than half".
    let half = folder.file("list", &names(0, 500));
    import(&lists, "games", "gaming", &half).unwrap();
}

/// FIL-04: one category that breaks away is noticed though the list as a whole hardly shrinks.
#[test]
fn fil_04_a_category_that_vanishes_is_refused() {
    let folder = Folder::new();
    let lists = folder.open();
    let adult = folder.file("ut1/adult/domains", &names(0, 50));
    folder.file("ut1/games/domains", &names(100, 1100));
    let ut1 = adult.parent().unwrap().parent().unwrap();
    lists.import(&Import::new("ut1", ut1), now()).unwrap();
    fs::remove_file(&adult).unwrap();
    let why = refused(lists.import(&Import::new("ut1", ut1), now()));
    let what = "its category pornography".to_owned();
    assert_eq!(
        why,
        Refusal::Shrank {
            what,
            before: 50,
            now: 0
        }
    );
    let accept = Accept {
        shrink: true,
        ..Accept::default()
    };
    lists
        .import(
            &Import {
                accept,
                ..Import::new("ut1", ut1)
            },
            now(),
        )
        .unwrap();
    assert_eq!(categories(&lists.catalogue(), "site1.example"), [""; 0]);
}

#[test]
fn what_a_person_accepts_is_taken() {
    let folder = Folder::new();
    let lists = folder.open();
    import(&lists, "games", "gaming", &folder.file("a", &names(0, 100))).unwrap();
    let short = folder.file("b", "site1.example\nsite2.example");
    let accept = Accept {
        shrink: true,
        unterminated: true,
        ..Accept::default()
    };
    let ask = Import {
        category: Some("gaming"),
        accept,
        ..Import::new("games", &short)
    };
    let report = lists.import(&ask, now()).unwrap();
    assert_eq!(
        (report.version, report.entries, report.previous_entries),
        (2, 2, Some(100))
    );
}

#[test]
fn mistakes_of_the_caller_are_told() {
    let folder = Folder::new();
    let lists = folder.open();
    let path = folder.file("a", "a.example\n");
    let ask = |list, category| Import {
        category,
        ..Import::new(list, &path)
    };
    let fails = |import: &Import<'_>| lists.import(import, now()).unwrap_err();
    assert!(matches!(
        fails(&ask("games", None)),
        ListsError::NeedsCategory { .. }
    ));
    assert!(matches!(
        fails(&ask("../x", Some("gaming"))),
        ListsError::BadName(_)
    ));
    assert!(matches!(
        fails(&ask("x", Some("Gaming!"))),
        ListsError::BadName(_)
    ));
    let missing = path.with_file_name("missing");
    assert!(matches!(
        fails(&Import::new("x", &missing)),
        ListsError::Io { .. }
    ));
    let empty = folder.0.path().join("nothing");
    fs::create_dir(&empty).unwrap();
    assert!(matches!(
        fails(&Import::new("x", &empty)),
        ListsError::NoLists { .. }
    ));
    assert!(matches!(
        lists.roll_back("x", now()),
        Err(ListsError::UnknownList(_))
    ));
    assert!(matches!(
        lists.remove("x", now()),
        Err(ListsError::UnknownList(_))
    ));
    assert!(lists.catalogue().lists().is_empty());
}

/// FIL-04: a new version is in force after its import; going back brings the one before.
#[test]
fn fil_04_a_new_version_is_in_force_and_can_be_rolled_back() {
    let folder = Folder::new();
    let lists = folder.open();
    for (version, text) in [
        "one.example\n",
        "two.example\n",
        "three.example\n",
        "four.example\n",
    ]
    .into_iter()
    .enumerate()
    {
        let report = import(&lists, "games", "gaming", &folder.file("a", text)).unwrap();
        assert_eq!(report.version, version as u64 + 1);
    }
    assert_eq!(categories(&lists.catalogue(), "four.example"), ["gaming"]);
    assert_eq!(lists.status(now())[0].earlier, [3, 2]);
    let report = lists.roll_back("games", now()).unwrap();
    assert_eq!((report.version, report.entries), (3, 1));
    assert_eq!(categories(&lists.catalogue(), "three.example"), ["gaming"]);
    assert_eq!(categories(&lists.catalogue(), "four.example"), [""; 0]);
    assert_eq!(lists.catalogue().lists()[0].version, 3);
    lists.roll_back("games", now()).unwrap();
    assert!(matches!(
        lists.roll_back("games", now()),
        Err(ListsError::NothingToRollBack(_))
    ));
    let report = import(
        &lists,
        "games",
        "gaming",
        &folder.file("a", "five.example\n"),
    )
    .unwrap();
    assert_eq!(report.version, 5, "no version number is given twice");
    drop(lists);
    let again = folder.open();
    assert_eq!(categories(&again.catalogue(), "five.example"), ["gaming"]);
    assert_eq!(
        folder.names(),
        [
            "catalogue-7.bin",
            "manifest.json",
            "sources/games-2.list",
            "sources/games-5.list"
        ]
    );
}

/// FIL-04: a list past its allowed age says so, and importing it again makes it fresh.
#[test]
fn fil_04_a_list_past_its_allowed_age_is_stale() {
    let folder = Folder::new();
    let lists = folder.open();
    let path = folder.file("a", "a.example\n");
    import(&lists, "games", "gaming", &path).unwrap();
    assert!(!lists.status(now() + hours(72))[0].stale);
    let later = now() + hours(73);
    assert!(lists.status(later)[0].stale);
    let ask = Import {
        category: Some("gaming"),
        allowed_age: Some(hours(24)),
        ..Import::new("games", &path)
    };
    let report = lists.import(&ask, later).unwrap();
    assert!(report.unchanged && report.version == 1 && report.catalogue_version == 1);
    let status = &lists.status(later + hours(25))[0];
    assert_eq!(
        (status.age, status.allowed_age, status.stale),
        (hours(25), hours(24), true)
    );
    assert_eq!(
        (status.entries, status.malformed, status.format.as_str()),
        (1, 0, "domains")
    );
    assert_eq!(status.sha256.len(), 64);
}

/// FIL-04: a full disk changes nothing and says what to do.
#[cfg(target_os = "linux")]
#[test]
fn fil_04_a_full_disk_keeps_the_last_good_lists() {
    let folder = Folder::new();
    let lists = folder.open();
    import(&lists, "games", "gaming", &folder.file("a", "a.example\n")).unwrap();
    let before = folder.files();
    let next = folder.file("b", &names(0, 50_000));
    for part in [
        "sources/games-2.list.part",
        "catalogue-2.bin.part",
        "manifest.json.part",
    ] {
        // Everything written to /dev/full fails as on a full disk.
        let trap = folder.lists_dir().join(part);
        std::os::unix::fs::symlink("/dev/full", &trap).unwrap();
        let error = import(&lists, "games", "gaming", &next).unwrap_err();
        assert!(
            matches!(error, ListsError::DiskFull { .. }),
            "{part}: {error}"
        );
        assert!(error.to_string().contains("the disk is full"), "{error}");
        assert_eq!(folder.files(), before, "{part}");
        assert_eq!(categories(&lists.catalogue(), "a.example"), ["gaming"]);
    }
    import(&lists, "games", "gaming", &next).unwrap();
}
