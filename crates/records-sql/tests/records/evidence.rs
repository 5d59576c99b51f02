//! Checks, standings, reports, versions of the pack.

use pharos_records::{
    Checks, Error, Journal, JournalFilter, JournalHold, NewCheckRun, NewJournalEntry, NewPack,
    NewReport, NewWeekReview, PackState, Packs, StandingRow, Weeks,
};
use pharos_school::CheckId;
use uuid::Uuid;

use crate::world::{GOVERNOR, HEAD, LEAD, PUPIL, TECHNICIAN, TUTOR, World, at, id};

/// AUD-02: results of the self-check are kept as evidence.
pub(crate) async fn aud_02_checks_are_kept(world: &World) {
    let run = |n: i64| NewCheckRun {
        id: CheckId::from_uuid(Uuid::from_u128(n as u128)),
        from: at(n),
        to: at(n),
        passed: 40,
        failed: n,
        results: r#"{"v":1}"#.to_owned(),
    };
    world
        .store
        .record_check(&world.permit(TECHNICIAN), &run(1), at(1))
        .await
        .unwrap();
    world
        .store
        .record_check(&world.system(), &run(2), at(2))
        .await
        .unwrap();
    let kept = world
        .store
        .checks(&world.permit(GOVERNOR), 10)
        .await
        .unwrap();
    assert_eq!(
        kept.iter()
            .map(|c| (c.run.clone(), c.by))
            .collect::<Vec<_>>(),
        [(run(2), None), (run(1), Some(id(TECHNICIAN)))]
    );
    assert!(
        world
            .store
            .check(&world.permit(HEAD), run(1).id)
            .await
            .unwrap()
            .is_some()
    );
}

/// REV-09: a clause's history has a row for each change and none between.
pub(crate) async fn rev_09_standings_are_kept_when_they_change(world: &World) {
    let row = |minute: i64, standing: &str| StandingRow {
        clause: "4.2".to_owned(),
        standing: standing.to_owned(),
        figures: "{}".to_owned(),
        pack: 1,
        at: at(minute),
    };
    let before = world.entries().await;
    for (minute, standing, changed) in [
        (1, "met", 1),
        (2, "met", 0),
        (3, "at-risk", 1),
        (4, "at-risk", 0),
        (5, "met", 1),
    ] {
        let done = world
            .store
            .record_standings(&world.system(), &[row(minute, standing)], at(minute))
            .await
            .unwrap();
        assert_eq!(done, changed, "{minute}");
    }
    assert_eq!(world.entries().await, before + 3);
    assert_eq!(
        world.store.standings(&world.permit(PUPIL)).await.unwrap(),
        [row(5, "met")]
    );
    let history = world
        .store
        .standing_history(&world.permit(GOVERNOR), "4.2", 10)
        .await
        .unwrap();
    assert_eq!(history, [row(5, "met"), row(3, "at-risk"), row(1, "met")]);
}

/// REP-01: a report is kept as it was made.
pub(crate) async fn rep_01_reports_are_frozen(world: &World) {
    let report = NewReport {
        id: Uuid::from_u128(1),
        kind: "governors".to_owned(),
        from: "2026-09-01".parse().unwrap(),
        to: "2026-12-18".parse().unwrap(),
        figures: r#"{"cases":"fewer than five"}"#.to_owned(),
        pdf: Some(b"%PDF-made-up".to_vec()),
    };
    world
        .store
        .freeze_report(&world.permit(LEAD), &report, at(1))
        .await
        .unwrap();
    assert!(
        world
            .store
            .freeze_report(&world.permit(LEAD), &report, at(2))
            .await
            .is_err(),
        "never written over"
    );
    let kept = world
        .store
        .report(&world.permit(GOVERNOR), report.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((kept.report, kept.by), (report, Some(id(LEAD))));
    assert_eq!(
        world.store.reports(&world.permit(GOVERNOR)).await.unwrap()[0]
            .report
            .pdf,
        None
    );
}

/// REQ-04: versions are kept for good; one is in force; returning to an older one is a new act.
pub(crate) async fn req_04_one_version_of_the_pack_is_in_force(world: &World) {
    let pack = |why: &str| NewPack {
        why: why.to_owned(),
        assessment: Some("no new risk".to_owned()),
        replay: None,
        digest: "00".repeat(32),
        files: why.as_bytes().to_vec(),
    };
    let store = &world.store;
    assert_eq!(store.pack_in_force().await.unwrap(), None);
    for (number, why) in [(1, "first"), (2, "chess club"), (3, "never")] {
        assert_eq!(
            store
                .propose_pack(&world.permit(TECHNICIAN), &pack(why), at(number))
                .await
                .unwrap(),
            number
        );
    }
    for number in [1, 2, 1] {
        store
            .install_pack(&world.permit(HEAD), number, at(5))
            .await
            .unwrap();
        assert_eq!(
            store.pack_in_force().await.unwrap().unwrap().head.number,
            number
        );
    }
    store
        .refuse_pack(&world.permit(HEAD), 3, at(6))
        .await
        .unwrap();
    let refused = store.install_pack(&world.permit(HEAD), 3, at(7)).await;
    assert!(matches!(refused, Err(Error::Absent { .. })), "{refused:?}");
    assert_eq!(
        store.pack_in_force().await.unwrap().unwrap().files,
        b"first"
    );
    let states: Vec<_> = store
        .packs(&world.permit(PUPIL))
        .await
        .unwrap()
        .iter()
        .map(|p| (p.number, p.state))
        .collect();
    assert_eq!(
        states,
        [
            (3, PackState::Refused),
            (2, PackState::Past),
            (1, PackState::InForce)
        ]
    );
    assert_eq!(
        store
            .pack(2)
            .await
            .unwrap()
            .unwrap()
            .head
            .assessment
            .as_deref(),
        Some("no new risk")
    );
}

/// MON-10: who reviewed which week is kept, oldest weeks left out where they are not asked for; what
/// was found is sealed and not in the ledger.
pub(crate) async fn mon_10_reviews_of_weeks_are_kept(world: &World) {
    let review = |number: u128, week: &str, found: &str| NewWeekReview {
        id: Uuid::from_u128(number),
        week: week.parse().unwrap(),
        body: found.as_bytes().to_vec(),
    };
    let rows = [
        (1, LEAD, "2026-09-07", "nothing unusual"),
        (2, HEAD, "2026-09-14", "kestrels in the server room"),
        (3, LEAD, "2026-09-14", "a second look"),
    ];
    for (number, by, week, found) in rows {
        let review = review(number, week, found);
        world
            .store
            .add_week_review(
                &world.permit(by),
                &review,
                at(i64::try_from(number).unwrap()),
            )
            .await
            .unwrap();
    }
    let again = review(1, "2026-09-07", "something else");
    assert!(
        world
            .store
            .add_week_review(&world.permit(LEAD), &again, at(9))
            .await
            .is_err(),
        "never written over"
    );
    let kept = world
        .store
        .week_reviews(&world.system(), "2026-09-14".parse().unwrap())
        .await
        .unwrap();
    let kept: Vec<_> = kept
        .into_iter()
        .map(|row| (row.review, row.at, row.by))
        .collect();
    assert_eq!(
        kept,
        [
            (
                review(3, "2026-09-14", "a second look"),
                at(3),
                Some(id(LEAD))
            ),
            (
                review(2, "2026-09-14", "kestrels in the server room"),
                at(2),
                Some(id(HEAD))
            ),
        ]
    );
    let lines = pharos_records::Audit::ledger(
        &world.store,
        &world.permit(HEAD),
        &pharos_records::LedgerFilter::default(),
        3,
    )
    .await
    .unwrap();
    assert!(
        lines
            .iter()
            .all(|entry| entry.line.act == "week.review" && !entry.line.detail.contains("kestrels"))
    );
}

/// MON-07, MON-11: the journal only grows; each reader's part of it comes newest first; whoever notes
/// supervision reads their own notes alone; the words are sealed and not in the ledger.
pub(crate) async fn mon_07_mon_11_the_journal_only_grows(world: &World) {
    let entry = |number: u128, key: &str, about: Option<u128>, body: &str| NewJournalEntry {
        id: Uuid::from_u128(number),
        key: key.to_owned(),
        about: about.map(id),
        body: body.as_bytes().to_vec(),
    };
    let told = [
        (1, LEAD, entry(1, "2026-09-03", Some(PUPIL), "kestrels")),
        (2, HEAD, entry(2, "2026-09-03", Some(10), "spoke with them")),
        (3, LEAD, entry(3, "2026-11-02", Some(PUPIL), "again")),
    ];
    for (when, by, one) in &told {
        world
            .store
            .add_attempt_response(&world.permit(*by), one, at(*when))
            .await
            .unwrap();
    }
    let over = world
        .store
        .add_attempt_response(&world.permit(LEAD), &entry(1, "", None, "else"), at(9))
        .await;
    assert!(over.is_err(), "never written over");
    let signed = entry(4, "2026-09-03", None, "the whole half term");
    world
        .store
        .sign_attempt_audit(&world.permit(LEAD), &signed, at(4))
        .await
        .unwrap();
    let found = async |filter: JournalFilter| -> Vec<u128> {
        let permit = world.permit(HEAD);
        let found = world.store.attempt_responses(&permit, &filter).await;
        let ids = found.unwrap().into_iter();
        ids.map(|one| one.entry.id.as_u128()).collect()
    };
    let period = |key: &str| JournalFilter {
        key: Some(key.to_owned()),
        ..JournalFilter::default()
    };
    assert_eq!(found(JournalFilter::default()).await, [3, 2, 1]);
    assert_eq!(found(period("2026-09-03")).await, [2, 1]);
    let of_pupil = JournalFilter {
        about: Some(id(PUPIL)),
        ..JournalFilter::default()
    };
    assert_eq!(found(of_pupil).await, [3, 1]);
    let late = JournalFilter {
        since: Some(at(2)),
        ..JournalFilter::default()
    };
    assert_eq!(found(late).await, [3, 2]);
    let audits = world
        .store
        .attempt_audits(&world.system(), &period("2026-09-03"))
        .await
        .unwrap();
    let audits: Vec<_> = audits
        .into_iter()
        .map(|row| (row.entry, row.at, row.by))
        .collect();
    assert_eq!(audits, [(signed, at(4), Some(id(LEAD)))]);

    for (number, by) in [(5, TUTOR), (6, LEAD)] {
        let note = entry(number, "", None, "screens in sight");
        world
            .store
            .add_supervision(&world.permit(by), &note, at(5))
            .await
            .unwrap();
    }
    let all = JournalFilter::default();
    let everybodys = world.store.supervision(&world.permit(HEAD), &all).await;
    assert_eq!(everybodys.unwrap().len(), 2);
    let own = world
        .store
        .own_supervision(&world.permit(TUTOR), &all)
        .await
        .unwrap();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].by, Some(id(TUTOR)));
    // What somebody else adds to their note is seen by whoever wrote it, and by nobody beside them.
    let of_note = own[0].entry.id.to_string();
    for (number, by, key) in [(7, LEAD, of_note.as_str()), (8, HEAD, "")] {
        let mark = entry(number, key, None, "a concern was made of it");
        world
            .store
            .add_supervision(&world.permit(by), &mark, at(6))
            .await
            .unwrap();
    }
    let own = world
        .store
        .own_supervision(&world.permit(TUTOR), &all)
        .await
        .unwrap();
    let own: Vec<_> = own.iter().map(|row| row.entry.id.as_u128()).collect();
    assert_eq!(own, [7, 5]);
    // One note by its id, with what was added: for whoever wrote it, and for those who read everybody's.
    let note = Uuid::from_u128(5);
    let (tutor, lead) = (world.permit(TUTOR), world.permit(LEAD));
    let mine = world.store.own_supervision_of(&tutor, note).await.unwrap();
    let mine: Vec<_> = mine.iter().map(|row| row.entry.id.as_u128()).collect();
    assert_eq!(mine, [7, 5]);
    let others = world.store.own_supervision_of(&lead, note).await.unwrap();
    assert_eq!(others, []);
    let reader = world.permit(HEAD);
    let found = world.store.supervision_of(&reader, note).await.unwrap();
    assert_eq!(found.len(), 2);
    let nothing = world.store.supervision_of(&reader, Uuid::from_u128(99));
    assert_eq!(nothing.await.unwrap(), []);

    let lines = pharos_records::Audit::ledger(
        &world.store,
        &world.permit(HEAD),
        &pharos_records::LedgerFilter::default(),
        6,
    )
    .await
    .unwrap();
    assert!(lines.iter().all(|entry| {
        let acts = ["attempts.audit", "supervision.note"];
        acts.contains(&&*entry.line.act) && !entry.line.detail.contains("kestrels")
    }));
}

/// MON-07: for figures every note is read, however many there are, page by page.
pub(crate) async fn mon_07_notes_are_counted_beyond_a_page(world: &World) {
    const MANY: u128 = 2_003;
    let store = &world.store;
    for number in 1..=MANY {
        let note = NewJournalEntry {
            id: Uuid::from_u128(number),
            key: String::new(),
            about: None,
            body: b"screens in sight".to_vec(),
        };
        // Several at the same time, where a page ends too.
        let when = at(i64::try_from(number / 10).unwrap());
        let writer = world.permit(TUTOR);
        store.add_supervision(&writer, &note, when).await.unwrap();
    }
    let reader = world.permit(HEAD);
    let ids = |found: Vec<pharos_records::JournalEntry>| {
        let ids = found.into_iter().map(|row| row.entry.id.as_u128());
        ids.collect::<std::collections::BTreeSet<_>>()
    };
    let all = store.supervision_since(&reader, at(0)).await.unwrap();
    assert_eq!(all.len(), MANY as usize);
    assert!(all.is_sorted_by_key(|row| std::cmp::Reverse(row.at)));
    assert_eq!(ids(all), (1..=MANY).collect());
    let late = store.supervision_since(&reader, at(200)).await.unwrap();
    assert_eq!(ids(late), (2_000..=MANY).collect());
}

/// PRIV-03: what is named stays with what belongs to it, though it is about nobody; the rest goes.
pub(crate) async fn priv_03_named_entries_of_the_journal_stay(world: &World) {
    let entry = |number: u128, key: &str| NewJournalEntry {
        id: Uuid::from_u128(number),
        key: key.to_owned(),
        about: None,
        body: b"herons".to_vec(),
    };
    let (store, system, reader) = (&world.store, world.system(), world.permit(HEAD));
    let of_note = Uuid::from_u128(31).to_string();
    for one in [entry(31, ""), entry(32, &of_note), entry(33, "")] {
        let writer = world.permit(LEAD);
        store.add_supervision(&writer, &one, at(1)).await.unwrap();
    }
    let hold = JournalHold {
        entries: vec![Uuid::from_u128(31)],
        ..JournalHold::default()
    };
    let gone = store.forget_journal(&system, at(5), &hold, at(9)).await;
    assert_eq!(gone.unwrap(), 1);
    let all = JournalFilter::default();
    let left = store.supervision(&reader, &all).await.unwrap();
    let mut left: Vec<_> = left.iter().map(|row| row.entry.id.as_u128()).collect();
    left.sort_unstable();
    assert_eq!(left, [31, 32]);
}

/// PRIV-03: entries of the journal go when their time is over, those about people on hold stay, and the
/// ledger says how many went and nothing of what was in them.
pub(crate) async fn priv_03_the_journal_goes_when_its_time_is_over(world: &World) {
    let entry = |number: u128, about: Option<u128>| NewJournalEntry {
        id: Uuid::from_u128(number),
        key: "2026-09-03".to_owned(),
        about: about.map(id),
        body: b"herons".to_vec(),
    };
    let (store, lead, head) = (&world.store, world.permit(LEAD), world.permit(HEAD));
    for (when, one) in [
        (1, entry(21, Some(PUPIL))),
        (2, entry(22, Some(10))),
        (8, entry(23, Some(10))),
    ] {
        store
            .add_attempt_response(&lead, &one, at(when))
            .await
            .unwrap();
    }
    let tester = world.permit(LEAD);
    store
        .add_hand_test(&tester, &entry(24, None), at(3))
        .await
        .unwrap();
    let all = JournalFilter::default();
    let kept = async || -> Vec<u128> {
        let found = store.attempt_responses(&head, &all).await.unwrap();
        let ids = found.into_iter().map(|one| one.entry.id.as_u128());
        ids.filter(|id| *id > 20).collect()
    };
    let system = world.system();
    let none = JournalHold::default();
    let pupil = JournalHold {
        people: vec![id(PUPIL)],
        ..JournalHold::default()
    };
    assert_eq!(kept().await, [23, 22, 21]);
    let gone = store.forget_journal(&system, at(1), &none, at(9)).await;
    assert_eq!(gone.unwrap(), 0, "nothing is older");
    let gone = store.forget_journal(&system, at(5), &pupil, at(9)).await;
    assert!(gone.unwrap() >= 2, "22 and the test by hand");
    assert_eq!(kept().await, [23, 21]);
    let reader = world.permit(HEAD);
    let tests = store.hand_tests(&reader, &all).await.unwrap();
    assert!(tests.iter().all(|one| one.entry.id.as_u128() != 24));
    let gone = store.forget_journal(&system, at(5), &pupil, at(9)).await;
    assert_eq!(gone.unwrap(), 0);
    let gone = store.forget_journal(&system, at(5), &none, at(9)).await;
    assert!(gone.unwrap() >= 1, "no longer on hold");
    assert_eq!(kept().await, [23]);
    let filter = pharos_records::LedgerFilter {
        act: Some("system.housekeep".to_owned()),
        ..Default::default()
    };
    let auditor = world.permit(HEAD);
    let lines = pharos_records::Audit::ledger(store, &auditor, &filter, 5)
        .await
        .unwrap();
    let told = lines
        .iter()
        .filter(|entry| entry.line.detail.contains("journal-entries"));
    assert!(told.count() >= 2);
    assert!(
        lines
            .iter()
            .all(|entry| !entry.line.detail.contains("herons"))
    );
}
