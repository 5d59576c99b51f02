//! Lists that come from publishers, sealed lists taken away, rules that leave the lists alone, and
//! the provider record.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use pharos_lists::{BundleHead, SigningKey, make_bundle};
use pharos_policy::Action;
use pharos_records::Origin;
use pharos_service::{
    Confirmation, Error, Fetched, NewLesson, NewProvider, Opening, Proposal, Proposed, Vetting,
};
use pharos_testkit::school::{SampleSchool, pack_files};

use crate::{is_closed, said, system};

/// A publisher that serves one file until it stops.
struct Publisher {
    at: std::net::SocketAddr,
    file: Arc<Mutex<String>>,
    stopped: Arc<AtomicBool>,
}

impl Publisher {
    fn start(file: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let publisher = Self {
            at: listener.local_addr().unwrap(),
            file: Arc::new(Mutex::new(file.to_owned())),
            stopped: Arc::default(),
        };
        let (file, stopped) = (Arc::clone(&publisher.file), Arc::clone(&publisher.stopped));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                let mut head = [0; 4096];
                let _ = stream.read(&mut head);
                let file = file.lock().unwrap().clone();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len());
                let _ = stream.write_all((head + &file).as_bytes());
            }
        });
        publisher
    }

    fn publish(&self, file: &str) {
        file.clone_into(&mut self.file.lock().unwrap());
    }

    /// Until the door is shut.
    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        while TcpStream::connect(self.at).is_ok() {
            std::thread::yield_now();
        }
    }
}

async fn subscribed(publisher: &Publisher) -> SampleSchool {
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let source = format!(
        "refresh_hours = 24\nsource = \"http://{}/gambling.txt\"\ncategory = \"gambling\"\nmust_hold = [\"casino.example\"]",
        publisher.at
    );
    let text = text.replace("refresh_hours = 24", &source);
    files.insert("school.toml".to_owned(), text.into_bytes());
    SampleSchool::with(&files).await
}

/// FIL-04, whole: a new version from a test publisher is in force after the next fetch; a damaged
/// version is rejected, told to the technical team, and the old one kept; a help site is never
/// blocked by it; stopping the publisher produces the alert at the set age.
#[tokio::test]
async fn fil_04_a_publisher_from_first_fetch_to_its_end() {
    let publisher = Publisher::start("casino.example\npoker.example\n");
    let school = subscribed(&publisher).await;
    let app = &school.app;
    let action = async |address: &'static str| school.verdict("ada.quill", address).await.action;
    assert_eq!(action("casino.example").await, Action::Allow);
    assert_eq!(app.refresh_due_lists().await.unwrap(), ["ut1"]);
    assert_eq!(action("casino.example").await, Action::Block);
    assert!(
        app.refresh_due_lists().await.unwrap().is_empty(),
        "not before its time"
    );

    publisher.publish("casino.example\npoker.example\ndice.example\nwww.childline.org.uk\n");
    school.clock.forward(SignedDuration::from_hours(24));
    assert_eq!(app.refresh_due_lists().await.unwrap(), ["ut1"]);
    assert_eq!(action("dice.example").await, Action::Block);
    let status = app
        .list_status()
        .into_iter()
        .find(|list| list.name == "ut1")
        .unwrap();
    assert_eq!(
        (status.entries, status.protected),
        (3, 1),
        "the help site is left out"
    );

    for damaged in [
        "casino.example\npoker.exam",
        "other.example\nmore.example\nlast.example\n",
        "",
    ] {
        school.notices().await;
        publisher.publish(damaged);
        school.clock.forward(SignedDuration::from_hours(24));
        assert!(
            app.refresh_due_lists().await.unwrap().is_empty(),
            "{damaged:?}"
        );
        assert_eq!(
            action("dice.example").await,
            Action::Block,
            "the old one is kept"
        );
        let told = school.notices().await;
        assert!(
            said(&told).contains(&("list-refused", "kofi.adeyemi")),
            "{told:?}"
        );
        assert!(!said(&told).iter().any(|(_, to)| *to == "ines.castellano"));
    }
    let fetch = app.fetch_status().remove(0);
    assert_eq!((fetch.list.as_str(), fetch.failures), ("ut1", 3));
    assert!(matches!(
        app.fetch_list(&system(), "ut1").await,
        Err(Error::Refused(_))
    ));

    publisher.publish("casino.example\npoker.example\ncards.example\n");
    assert!(matches!(
        app.fetch_list(&system(), "ut1").await,
        Ok(Fetched::Taken(_))
    ));
    assert_eq!(action("cards.example").await, Action::Block);
    // One command goes back, and the version left behind does not come back by itself.
    app.roll_back_list(&system(), "ut1").await.unwrap();
    assert_eq!(action("dice.example").await, Action::Block);
    assert_eq!(action("cards.example").await, Action::Allow);
    assert!(matches!(
        app.fetch_list(&system(), "ut1").await,
        Err(Error::Refused(_))
    ));

    publisher.stop();
    app.alarm_stale_lists().await.unwrap();
    school.notices().await;
    school.clock.forward(SignedDuration::from_hours(24 * 3 + 1));
    assert!(app.refresh_due_lists().await.unwrap().is_empty());
    let stale = app.alarm_stale_lists().await.unwrap();
    assert!(stale.contains(&"ut1".to_owned()), "{stale:?}");
    let told = school.notices().await;
    for name in ["kofi.adeyemi", "helen.lindqvist"] {
        assert!(
            said(&told).contains(&("list-stale", name)),
            "{name}: {told:?}"
        );
    }
    assert_eq!(
        action("dice.example").await,
        Action::Block,
        "and it stays in force"
    );
}

/// FIL-04: only those who may change settings fetch, and only what is subscribed.
#[tokio::test]
async fn fil_04_fetching_is_for_those_who_may() {
    let publisher = Publisher::start("casino.example\n");
    let school = subscribed(&publisher).await;
    let teacher = school.at_work("ines.castellano").await;
    let error = school
        .app
        .fetch_list(&teacher.actor, "ut1")
        .await
        .unwrap_err();
    assert!(is_closed(&error), "{error}");
    let error = school.app.fetch_list(&system(), "other").await.unwrap_err();
    assert!(matches!(error, Error::NotFound));
}

/// FIL-03, FIL-17: a sealed list taken away behind Pharos's back while it runs: the filter keeps
/// blocking by what it has, nothing new is put in force, the screen is red and people are told; the
/// publisher's bundle mends it.
#[tokio::test]
async fn fil_03_a_sealed_list_taken_away_is_told_and_still_enforced() {
    let school = SampleSchool::open().await;
    let app = &school.app;
    let key = SigningKey::from_seed(&[9; 32]).unwrap();
    app.add_sealed(&system(), "iwf-test", "Invented Foundation", key.public())
        .await
        .unwrap();
    let head = BundleHead {
        owner: "Invented Foundation".to_owned(),
        name: "iwf-test".to_owned(),
        version: 3,
        issued: app.now(),
        entries: 0,
    };
    let bundle = make_bundle(&head, "sealed-place.example\n", &key);
    app.import_sealed(&system(), "iwf-test", &bundle)
        .await
        .unwrap();
    let blocked = async || {
        school
            .verdict("helen.lindqvist", "sealed-place.example")
            .await
            .action
    };
    assert_eq!(blocked().await, Action::Block, "for the head as well");
    app.alarm_stale_lists().await.unwrap();
    school.notices().await;

    std::fs::remove_file(school.folder.path().join("lists/sealed/iwf-test.sealed")).unwrap();
    assert!(app.rebuild().await.is_err(), "nothing new without it");
    assert_eq!(blocked().await, Action::Block, "what is in force stays");
    let status = app.sealed_status().unwrap().remove(0);
    assert!(status.stale && status.trouble.is_some());
    assert!(
        app.alarm_stale_lists()
            .await
            .unwrap()
            .contains(&"iwf-test".to_owned())
    );
    let told = school.notices().await;
    assert!(
        said(&told).contains(&("list-stale", "kofi.adeyemi")),
        "{told:?}"
    );

    app.import_sealed(&system(), "iwf-test", &bundle)
        .await
        .unwrap();
    app.rebuild().await.unwrap();
    assert_eq!(app.sealed_status().unwrap()[0].trouble, None);
    assert_eq!(blocked().await, Action::Block);
}

/// FIL-03: opening what a sealed list holds is refused whichever way it is tried, by the lead, the
/// technical team and a teacher alike, and each trying is in the ledger, without the address; nor is
/// a host left uninspected on which a sealed page lies.
#[tokio::test]
async fn fil_03_allowing_a_sealed_address_is_refused_and_logged() {
    let school = SampleSchool::open().await;
    let app = &school.app;
    let key = SigningKey::from_seed(&[9; 32]).unwrap();
    app.add_sealed(&system(), "iwf-test", "Invented Foundation", key.public())
        .await
        .unwrap();
    let head = BundleHead {
        owner: "Invented Foundation".to_owned(),
        name: "iwf-test".to_owned(),
        version: 1,
        issued: app.now(),
        entries: 0,
    };
    let bundle = make_bundle(&head, "sealed-place.example\nboard.example/cellar\n", &key);
    app.import_sealed(&system(), "iwf-test", &bundle)
        .await
        .unwrap();

    let lead = school.at_work("ruth.okafor").await.actor;
    let technician = school.at_work("kofi.adeyemi").await.actor;
    let teacher = school.at_work("ines.castellano").await;
    let asked = app
        .ask_for_site(
            &teacher.person,
            &teacher.actor,
            "sealed-place.example",
            "For a lesson on Friday",
            None,
        )
        .await
        .unwrap();
    let vetting = Vetting {
        approve: true,
        why: "Looked through it".to_owned(),
        groups: vec!["lower-school".to_owned()],
        days: 3,
        relied_on: String::new(),
    };
    let opening = |sites: &[&str]| Proposal {
        what: Proposed::Opening(Opening {
            groups: vec!["lower-school".to_owned()],
            sites: sites.iter().map(|site| (*site).to_owned()).collect(),
            categories: Vec::new(),
        }),
        why: "Asked for by the history department".to_owned(),
        origin: Origin::Screen,
        days: Some(7),
        review_days: None,
    };
    let mut pack = pack_files();
    let text = String::from_utf8(pack["school.toml"].clone()).unwrap();
    let rule = "\n[[rules]]\nname = \"let-through\"\naction = \"allow\"\nsites = [\"sealed-place.example\"]\n";
    pack.insert("school.toml".to_owned(), (text + rule).into_bytes());
    let pupil = school.person("ada.quill").await;
    let class = *pupil.classes.iter().next().unwrap();
    let lesson = NewLesson {
        adult: String::new(),
        class,
        sites: vec!["board.example/cellar".to_owned()],
        from: None,
        minutes: 40,
        supervised: false,
    };

    let refused = [
        app.decide_request(&lead, asked, &vetting).await.err(),
        app.propose_change(&technician, &opening(&["board.example/cellar"]))
            .await
            .err(),
        app.bring_pack(&technician, &pack, "A site for history", Origin::File)
            .await
            .err(),
        app.open_lesson(&teacher.actor, &lesson).await.err(),
        app.propose_uninspected(&technician, "board.example", Some(30), "Their app needs it")
            .await
            .err(),
        app.leave_uninspected(&lead, "board.example", 30, "Their app needs it")
            .await
            .err(),
    ];
    for (way, error) in refused.iter().enumerate() {
        let Some(Error::Invalid(problems)) = error else {
            panic!("way {way}: {error:?}");
        };
        assert!(
            format!("{problems:?}").contains("sealed list"),
            "{problems:?}"
        );
    }
    let ledger = app
        .ledger(&system(), &pharos_records::LedgerFilter::default(), 500)
        .await
        .unwrap();
    let noted: Vec<String> = ledger
        .iter()
        .map(|entry| format!("{entry:?}"))
        .filter(|entry| entry.contains("a sealed list holds it"))
        .collect();
    assert_eq!(noted.len(), refused.len(), "{noted:?}");
    let named = |entry: &String| entry.contains("sealed-place") || entry.contains("board.example");
    assert!(!noted.iter().any(named), "{noted:?}");

    // The rest of a site with a sealed page may be opened: its page stays shut.
    app.propose_change(&technician, &opening(&["board.example"]))
        .await
        .unwrap();
}

/// FIL-03, FIL-04: the pack says where the bundles of a sealed list come from and pins their
/// publisher's key: they are fetched by the timetable, in force for everybody, kept when the publisher
/// is gone, and alarmed when the last issue is too old.
#[tokio::test]
async fn fil_03_sealed_bundles_come_by_the_timetable() {
    let key = SigningKey::from_seed(&[9; 32]).unwrap();
    let issue = |version, issued, entries: &str| {
        let head = BundleHead {
            owner: "Invented Foundation".to_owned(),
            name: "iwf-test".to_owned(),
            version,
            issued,
            entries: 0,
        };
        String::from_utf8(make_bundle(&head, entries, &key)).unwrap()
    };
    let publisher = Publisher::start("nothing yet");
    let mut files = pack_files();
    let text = String::from_utf8(files["school.toml"].clone()).unwrap();
    let source = format!(
        "[[fil.bundles]]\nname = \"iwf-test\"\nowner = \"Invented Foundation\"\npublisher_key = \"{}\"\nsource = \"http://{}/b\"\nalert_days = 2\n\n[groups.under-nine]",
        hex::encode(key.public()),
        publisher.at
    );
    let text = text.replace("[groups.under-nine]", &source);
    files.insert("school.toml".to_owned(), text.into_bytes());
    let school = SampleSchool::with(&files).await;
    let app = &school.app;
    let verdict = async |site: &'static str| school.verdict("helen.lindqvist", site).await.action;

    assert!(app.refresh_due_lists().await.unwrap().is_empty());
    let told = school.notices().await;
    assert!(said(&told).contains(&("list-refused", "kofi.adeyemi")));
    assert!(
        app.alarm_stale_lists()
            .await
            .unwrap()
            .contains(&"iwf-test".to_owned())
    );

    publisher.publish(&issue(1, app.now(), "sealed-place.example\n"));
    school.clock.forward(SignedDuration::from_hours(1));
    assert_eq!(app.refresh_due_lists().await.unwrap(), ["iwf-test"]);
    assert_eq!(verdict("sealed-place.example").await, Action::Block);
    school.clock.forward(SignedDuration::from_hours(24));
    publisher.publish(&issue(
        2,
        app.now(),
        "sealed-place.example\nother-place.example\n",
    ));
    assert_eq!(app.refresh_due_lists().await.unwrap(), ["iwf-test"]);
    assert_eq!(verdict("other-place.example").await, Action::Block);
    assert!(!app.stale_lists().unwrap().contains(&"iwf-test".to_owned()));

    // An older issue, rightly signed, is refused and told; the one in force stays.
    school.notices().await;
    school.clock.forward(SignedDuration::from_hours(24));
    publisher.publish(&issue(1, app.now(), "sealed-place.example\n"));
    assert!(app.refresh_due_lists().await.unwrap().is_empty());
    let told = school.notices().await;
    assert!(
        said(&told).contains(&("list-refused", "kofi.adeyemi")),
        "{told:?}"
    );
    assert_eq!(verdict("other-place.example").await, Action::Block);

    publisher.stop();
    school.clock.forward(SignedDuration::from_hours(25));
    assert!(app.refresh_due_lists().await.unwrap().is_empty());
    assert!(
        app.alarm_stale_lists()
            .await
            .unwrap()
            .contains(&"iwf-test".to_owned())
    );
    let told = school.notices().await;
    assert!(
        said(&told).contains(&("list-stale", "helen.lindqvist")),
        "{told:?}"
    );
    assert_eq!(verdict("other-place.example").await, Action::Block);
    let teacher = school.at_work("ines.castellano").await;
    let error = app.fetch_sealed(&teacher.actor, "iwf-test").await;
    assert!(is_closed(&error.unwrap_err()));
}

/// FIL-04: a single rule, such as a block in an emergency, is in force at once and touches no list:
/// no file of the lists' folder changes, and the catalogue is the same one.
#[tokio::test]
async fn fil_04_a_single_rule_never_rebuilds_the_catalogue() {
    let school = SampleSchool::open().await;
    let folder = school.folder.path().join("lists");
    let files = || {
        let mut found: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().unwrap().is_file())
            .map(|entry| {
                let kind = entry.metadata().unwrap();
                (entry.file_name(), kind.len(), kind.modified().unwrap())
            })
            .collect();
        found.sort();
        found
    };
    let catalogue = || school.app.filter().snapshot().unwrap().versions().catalogue;
    let (before, version) = (files(), catalogue());
    let technician = school.at_work("kofi.adeyemi").await;
    school
        .app
        .block_now(
            &technician.actor,
            "new-danger.example",
            "It appeared in a Year 8 lesson",
        )
        .await
        .unwrap();
    let verdict = school
        .verdict("ada.quill", "www.new-danger.example/x")
        .await;
    assert_eq!(verdict.action, Action::Block);
    assert_eq!((files(), catalogue()), (before, version));
}

/// FIL-18: the record shows provider, products, last IWF confirmation and last supplier review; an
/// expired confirmation raises a task for the technical team.
#[tokio::test]
async fn fil_18_the_provider_record_and_its_reminders() {
    let school = SampleSchool::open().await;
    let app = &school.app;
    let technician = school.at_work("kofi.adeyemi").await;
    let kinds = async || -> Vec<String> {
        let told = school.notices().await;
        let due = told.iter().filter(|(kind, _)| kind == "provider-due");
        due.map(|(_, to)| to.clone()).collect()
    };
    assert_eq!(app.provider(&technician.actor).await.unwrap(), None);
    app.remind_of_provider().await.unwrap();
    assert!(
        kinds().await.contains(&"kofi.adeyemi".to_owned()),
        "nobody has written one"
    );

    let new = NewProvider {
        broadband: "Invented Networks".to_owned(),
        filter: "Pharos".to_owned(),
        firewall: "A firewall".to_owned(),
        iwf: "yes".to_owned(),
        evidence: "Their letter".to_owned(),
        confirmed_on: "2026-11-02".to_owned(),
    };
    let missing = NewProvider {
        evidence: String::new(),
        confirmed_on: "2027-01-01".to_owned(),
        ..new.clone()
    };
    let Err(Error::Invalid(problems)) = app.record_provider(&technician, missing).await else {
        panic!("evidence is needed and a day to come is none");
    };
    let fields: Vec<_> = problems
        .iter()
        .filter_map(|problem| problem.field)
        .collect();
    assert_eq!(fields, ["evidence", "confirmed_on"]);
    let teacher = school.at_work("ines.castellano").await;
    assert!(is_closed(
        &app.record_provider(&teacher, new.clone())
            .await
            .unwrap_err()
    ));
    assert!(
        app.record_supplier_review(&technician, "2026-11-05", "x", "y")
            .await
            .is_err()
    );
    app.record_provider(&technician, new).await.unwrap();
    app.record_supplier_review(
        &technician,
        "2026-11-05",
        "Invented Networks",
        "Games are blocked at all hours",
    )
    .await
    .unwrap();
    let record = app.provider(&teacher.actor).await.unwrap().unwrap();
    assert_eq!(record.broadband, "Invented Networks");
    assert_eq!(record.reviews[0].supplier, "Invented Networks");
    let until = "2027-11-02".parse().unwrap();
    assert_eq!(app.confirmation(Some(&record)), Confirmation::Good(until));
    app.remind_of_provider().await.unwrap();
    assert_eq!(kinds().await, [""; 0]);

    school.clock.forward(SignedDuration::from_hours(24 * 340));
    assert_eq!(app.confirmation(Some(&record)), Confirmation::Ending(until));
    app.remind_of_provider().await.unwrap();
    assert!(kinds().await.contains(&"kofi.adeyemi".to_owned()));
    app.remind_of_provider().await.unwrap();
    assert_eq!(kinds().await, [""; 0], "once");
    school.clock.forward(SignedDuration::from_hours(24 * 30));
    assert_eq!(
        app.confirmation(Some(&record)),
        Confirmation::Expired(until)
    );
    app.remind_of_provider().await.unwrap();
    let told = kinds().await;
    assert!(told.contains(&"kofi.adeyemi".to_owned()), "{told:?}");
    assert!(!told.contains(&"ines.castellano".to_owned()));
}
