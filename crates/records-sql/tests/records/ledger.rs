//! The audit log on a real database (AUD-01).

use pharos_access::{Target, act};
use pharos_ledger::{Broken, Detail, Kind};
use pharos_records::{Audit, Cases, Error, LedgerFilter, Settings, Verdict};

use crate::world::{HEAD, LEAD, TECHNICIAN, World, at, facts, new_case};

/// Ten settings changed: rows to tamper with.
async fn filled(world: &World) -> u64 {
    for n in 0..10 {
        let name = format!("test.{n}");
        world
            .store
            .set_setting(&world.permit(HEAD), &name, Some("x"), at(n))
            .await
            .unwrap();
    }
    world.entries().await
}

async fn check(world: &World, sql: &str, seq: u64, kind: Kind) {
    filled(world).await;
    world.raw(sql).await;
    assert_eq!(
        world.verdict().await,
        Verdict::Broken(Broken { seq, kind }),
        "{sql}"
    );
}

/// AUD-01: one byte of one row edited behind the program's back: the row is named.
pub(crate) async fn aud_01_an_edited_row_is_named(world: &World) {
    check(
        world,
        "UPDATE ledger SET actor = replace(actor, 'person', 'persom') WHERE seq = 5",
        5,
        Kind::Edited,
    )
    .await;
}

/// AUD-01: a row removed behind the program's back is named.
pub(crate) async fn aud_01_a_removed_row_is_named(world: &World) {
    check(world, "DELETE FROM ledger WHERE seq = 4", 4, Kind::Removed).await;
}

/// AUD-01: the newest rows removed are missed, because the head is kept apart with a keyed mark.
pub(crate) async fn aud_01_a_removed_tail_is_named(world: &World) {
    check(world, "DELETE FROM ledger WHERE seq >= 9", 9, Kind::Removed).await;
}

/// AUD-01: two rows that changed places are named.
pub(crate) async fn aud_01_reordered_rows_are_named(world: &World) {
    let swap = "UPDATE ledger SET seq = -6 WHERE seq = 6; UPDATE ledger SET seq = 6 WHERE seq = 8; UPDATE ledger SET seq = 8 WHERE seq = -6;";
    check(world, swap, 6, Kind::Reordered).await;
}

/// AUD-01: a tail cut off together with a head made to fit lacks the keyed mark.
pub(crate) async fn aud_01_a_replaced_head_is_noticed(world: &World) {
    filled(world).await;
    world
        .raw("DELETE FROM ledger WHERE seq > 5; UPDATE ledger_head SET seq = 5, hash = (SELECT hash FROM ledger WHERE seq = 5);")
        .await;
    assert_eq!(world.verdict().await, Verdict::HeadForged);
}

/// AUD-01: emptying everything does not look like a new school.
pub(crate) async fn aud_01_an_emptied_ledger_is_noticed(world: &World) {
    filled(world).await;
    world
        .raw("DELETE FROM ledger; UPDATE ledger_head SET seq = 0;")
        .await;
    assert_eq!(world.verdict().await, Verdict::HeadForged);
    world.raw("DELETE FROM ledger_head;").await;
    assert_eq!(world.verdict().await, Verdict::HeadForged);
    let act = world
        .store
        .set_setting(&world.permit(HEAD), "a", Some("b"), at(1))
        .await;
    assert!(
        matches!(
            act,
            Err(Error::Nonsense {
                table: "ledger_head",
                ..
            })
        ),
        "no chain, no act: {act:?}"
    );
}

/// AUD-01: an act that fails leaves no line, and an act whose line cannot be written does not happen.
pub(crate) async fn aud_01_no_line_no_act(world: &World) {
    let before = filled(world).await;
    let case = new_case(1, &[]);
    let permit = world
        .try_permit::<act::ReadCase>(LEAD, Target::Case(&facts(&case)))
        .unwrap();
    assert_eq!(world.store.case(&permit, at(1)).await.unwrap(), None);
    assert_eq!(
        world.entries().await,
        before,
        "nothing was read, nothing is noted"
    );

    world.raw("DROP TABLE ledger").await;
    let act = world
        .store
        .set_setting(&world.permit(HEAD), "new", Some("b"), at(1))
        .await;
    assert!(act.is_err());
    assert_eq!(world.store.setting("new").await.unwrap(), None);
}

/// AUD-01, ROLE-02: refusals are noted, with the reason; so is what strangers try.
pub(crate) async fn aud_01_refusals_and_strangers_are_noted(world: &World) {
    let case = new_case(1, &[]);
    let denied = world
        .try_permit::<act::ReadCase>(TECHNICIAN, Target::Case(&facts(&case)))
        .unwrap_err();
    world.store.note_refusal(&denied, at(1)).await.unwrap();
    world
        .store
        .note_stranger("session.open", &Detail::new().flag("failed", true), at(2))
        .await
        .unwrap();
    let permit = world.permit::<act::Explain>(LEAD);
    world
        .store
        .note(permit.warrant(), None, &Detail::new(), at(3))
        .await
        .unwrap();
    let all = world
        .store
        .ledger(&world.permit(HEAD), &LedgerFilter::default(), 3)
        .await
        .unwrap();
    let seen: Vec<(&str, &str)> = all
        .iter()
        .map(|e| (e.line.act.as_str(), e.line.detail.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("filter.explain", "{}"),
            ("session.open", r#"{"failed":true}"#),
            ("case.read", r#"{"refused":true,"why":"role"}"#)
        ]
    );
    let only = LedgerFilter {
        act: Some("case.".to_owned()),
        ..LedgerFilter::default()
    };
    assert_eq!(
        world
            .store
            .ledger(&world.permit(HEAD), &only, 10)
            .await
            .unwrap()
            .len(),
        1
    );
    let older = LedgerFilter {
        before: Some(all[1].seq),
        ..LedgerFilter::default()
    };
    assert_eq!(
        world
            .store
            .ledger(&world.permit(HEAD), &older, 1)
            .await
            .unwrap()[0]
            .seq,
        all[1].seq - 1
    );
}

/// A value that makes no sense is named with its table and row, not passed on.
pub(crate) async fn nonsense_in_a_row_is_named_with_table_and_row(world: &World) {
    let case = new_case(1, &[]);
    world
        .store
        .open_case(&world.permit(LEAD), &case, &[], &[], at(1))
        .await
        .unwrap();
    world
        .raw("UPDATE case_file SET partition_name = 'elsewhere'")
        .await;
    let error = world.store.case_facts(case.id).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("table case_file, row {}", case.id)),
        "{error}"
    );
}

/// AUD-01, REQ-04: what is done again after a stop is noted once: a line since then with the same facts, of the
/// same act, keeps a second one out; other facts, and older lines, do not.
pub(crate) async fn aud_01_what_is_noted_once_is_not_noted_again(world: &World) {
    let store = &world.store;
    let permit = world.permit::<act::ChangeSettings>(HEAD);
    let issue = |number| Detail::new().text("floor", "Trust").number("issue", number);
    let fetched = issue(3).text("result", "fetched");
    let again = issue(3).text("result", "taken in");
    let note = async |detail: &Detail, same: Detail, since, when| {
        let written = store.note_once(&permit, detail, (&same, at(since)), at(when));
        written.await.unwrap()
    };
    assert!(note(&fetched, issue(3), 1, 2).await);
    assert!(!note(&again, issue(3), 1, 3).await);
    assert!(note(&issue(4), issue(4), 1, 3).await);
    assert!(note(&again, issue(3), 3, 4).await, "taken in anew later");
    assert!(matches!(world.verdict().await, Verdict::Whole(_)));
}
