//! Cases (CON-06, CON-14, ROLE-06, ROLE-07, AUD-05).

use std::collections::BTreeSet;

use pharos_access::{About, Part, Target, Why, act};
use pharos_records::{Audit, CaseChange, CaseFilter, Cases, Error, NewNotice, Outbox};
use pharos_school::NoticeId;
use uuid::Uuid;

use crate::world::{
    CHAIR, DEPUTY, GOVERNOR, HEAD, LEAD, PARENT, PUPIL, Raise, TECHNICIAN, TUTOR, World, at,
    case_id, entry, facts, id, new_case,
};

fn raise(world: &World) -> Raise {
    world.permit(TUTOR)
}

/// CON-06: entries are added, never changed; a writer who has not seen the last entry is told.
pub(crate) async fn con_06_entries_only_grow_and_late_writers_are_told(world: &World) {
    let case = new_case(1, &[(PUPIL, About::Pupil, Part::Harmed)]);
    let number = world
        .store
        .open_case(&raise(world), &case, &[entry(1, "first")], &[], at(1))
        .await
        .unwrap();
    assert_eq!(number, 1);
    let write = world
        .try_permit::<act::WriteCase>(LEAD, Target::Case(&facts(&case)))
        .unwrap();
    assert_eq!(
        world
            .store
            .case_to_write(&write)
            .await
            .unwrap()
            .unwrap()
            .case
            .entries,
        1
    );
    let change = CaseChange {
        state: Some("working".to_owned()),
        acknowledged_at: Some(at(2)),
        due_at: Some(None),
        ..CaseChange::default()
    };
    let more = [entry(2, "second"), entry(3, "third")];
    assert_eq!(
        world
            .store
            .append_entries(&write, 1, &more, &change, &[], at(2))
            .await
            .unwrap(),
        3
    );
    let before = world.entries().await;
    let late = world
        .store
        .append_entries(&write, 1, &[entry(4, "late")], &change, &[], at(3))
        .await;
    assert!(matches!(late, Err(Error::Conflict { .. })), "{late:?}");
    assert_eq!(world.entries().await, before);

    let read = world
        .try_permit::<act::ReadCase>(LEAD, Target::Case(&facts(&case)))
        .unwrap();
    let file = world.store.case(&read, at(4)).await.unwrap().unwrap();
    assert_eq!(
        (
            file.case.state.as_str(),
            file.case.due_at,
            file.case.title.as_str()
        ),
        ("working", None, "Case 1")
    );
    assert_eq!(file.case.facts(), facts(&case));
    let bodies: Vec<_> = file
        .entries
        .iter()
        .map(|e| (e.seq, e.by, e.body.clone()))
        .collect();
    let want = |seq: i64, by, text| (seq, Some(id(by)), entry(0, text).body);
    assert_eq!(
        bodies,
        [
            want(1, TUTOR, "first"),
            want(2, LEAD, "second"),
            want(3, LEAD, "third")
        ]
    );

    let other = new_case(2, &[]);
    world
        .store
        .open_case(&raise(world), &other, &[], &[], at(1))
        .await
        .unwrap();
    assert_eq!(
        world
            .store
            .cases_due(&world.system(), at(60))
            .await
            .unwrap()
            .len(),
        1
    );
    world
        .raw(&format!(
            "DELETE FROM case_entry WHERE seq = 2 AND case_id = '{}'",
            case.id
        ))
        .await;
    assert!(matches!(
        world.store.case(&read, at(5)).await,
        Err(Error::Nonsense {
            table: "case_file",
            ..
        })
    ));
}

/// CON-14, ROLE-06: whoever a case is about finds nothing, whatever their role: in lists, counts,
/// search, opening, export.
pub(crate) async fn con_14_the_person_a_case_is_about_never_sees_it(world: &World) {
    let cases = [
        new_case(1, &[(PUPIL, About::Pupil, Part::Harmed)]),
        new_case(2, &[(DEPUTY, About::Staff, Part::Alleged)]),
        new_case(
            3,
            &[
                (LEAD, About::Staff, Part::Alleged),
                (PUPIL, About::Pupil, Part::Harmed),
            ],
        ),
        new_case(4, &[(HEAD, About::Head, Part::Alleged)]),
        new_case(5, &[(LEAD, About::Staff, Part::Harmed)]),
    ];
    for case in &cases {
        world
            .store
            .open_case(&raise(world), case, &[], &[], at(1))
            .await
            .unwrap();
    }
    for (who, sees) in [
        (LEAD, vec![1, 2]),
        (DEPUTY, vec![1, 5]),
        (HEAD, vec![1, 2, 3, 5]),
        (CHAIR, vec![4]),
        (TUTOR, vec![]),
    ] {
        let permit = world.permit::<act::ListCases>(who);
        let seen = world
            .store
            .cases(&permit, &CaseFilter::default())
            .await
            .unwrap();
        let want: Vec<_> = sees.iter().map(|n| case_id(*n)).collect();
        assert_eq!(
            seen.iter().map(|case| case.id).collect::<Vec<_>>(),
            want,
            "{who}"
        );
        assert_eq!(
            world
                .store
                .count_cases(&permit, &CaseFilter::default())
                .await
                .unwrap(),
            want.len()
        );
        for case in &cases {
            let facts = world.store.case_facts(case.id).await.unwrap().unwrap();
            for opens in [
                world
                    .try_permit::<act::ReadCase>(who, Target::Case(&facts))
                    .is_ok(),
                world
                    .try_permit::<act::WriteCase>(who, Target::Case(&facts))
                    .is_ok(),
            ] {
                assert_eq!(opens, want.contains(&case.id), "{who} {:?}", case.id);
            }
            let exports = world
                .try_permit::<act::ExportCase>(who, Target::Case(&facts))
                .is_ok();
            assert!(!exports || want.contains(&case.id));
        }
    }
    let me = CaseFilter {
        involves: Some(id(LEAD)),
        ..CaseFilter::default()
    };
    assert_eq!(
        world
            .store
            .count_cases(&world.permit(LEAD), &me)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        world
            .store
            .count_cases(&world.permit(HEAD), &me)
            .await
            .unwrap(),
        2
    );
    for who in [PUPIL, PARENT, TECHNICIAN, GOVERNOR] {
        assert_eq!(
            world
                .try_permit::<act::ReadCase>(who, Target::Case(&facts(&cases[0])))
                .unwrap_err()
                .why,
            Why::Role
        );
    }
    let named = world
        .try_permit::<act::ShareCase>(LEAD, Target::Case(&facts(&cases[0])))
        .unwrap();
    world
        .store
        .share_case(&named, &BTreeSet::from([id(TUTOR)]), &[], at(2))
        .await
        .unwrap();
    assert_eq!(
        world
            .store
            .count_cases(&world.permit(TUTOR), &CaseFilter::default())
            .await
            .unwrap(),
        1
    );
}

/// CON-14: whoever raised a concern sees that it was received, not the case.
pub(crate) async fn con_14_a_raiser_sees_a_receipt(world: &World) {
    let case = new_case(1, &[(PUPIL, About::Pupil, Part::Harmed)]);
    world
        .store
        .open_case(&raise(world), &case, &[], &[], at(1))
        .await
        .unwrap();
    assert_eq!(
        world
            .try_permit::<act::ReadCase>(TUTOR, Target::Case(&facts(&case)))
            .unwrap_err()
            .why,
        Why::NeedToKnow
    );
    let receipts = world.store.receipts(&world.own(TUTOR)).await.unwrap();
    assert_eq!(
        (
            receipts.len(),
            receipts[0].number,
            receipts[0].acknowledged_at
        ),
        (1, 1, None)
    );
    assert_eq!(world.store.receipts(&world.own(PUPIL)).await.unwrap(), []);
}

/// CON-14: an emergency opening demands a reason and alerts the lead, together or not at all.
pub(crate) async fn con_14_an_emergency_wants_a_reason_and_tells_the_lead(world: &World) {
    let case = new_case(1, &[(PUPIL, About::Pupil, Part::Harmed)]);
    world
        .store
        .open_case(&raise(world), &case, &[], &[], at(1))
        .await
        .unwrap();
    let notice = NewNotice {
        id: NoticeId::from_uuid(Uuid::from_u128(77)),
        kind: "mail".to_owned(),
        key: None,
        due_at: at(2),
        body: b"{}".to_vec(),
    };
    let permit = world
        .try_permit::<act::EmergencyCase>(DEPUTY, Target::Case(&facts(&case)))
        .unwrap();
    let without = world
        .store
        .emergency_case(&permit, std::slice::from_ref(&notice), at(2))
        .await;
    assert!(
        matches!(without, Err(Error::NoReason { .. })),
        "{without:?}"
    );
    assert_eq!(world.store.queue().await.unwrap().waiting, 0);
    let permit = permit.because("the lead is away and the pupil is missing");
    assert!(
        world
            .store
            .emergency_case(&permit, &[notice], at(2))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(world.store.queue().await.unwrap().waiting, 1);
    let looked = world
        .store
        .lookups(&world.permit(HEAD), None, at(0), 10)
        .await
        .unwrap();
    assert_eq!(
        looked[0].reason.as_deref(),
        Some("the lead is away and the pupil is missing")
    );
}

/// AUD-05: every reading of a case leaves who, when and about whom; a permit for another case opens
/// nothing.
pub(crate) async fn aud_05_every_reading_leaves_a_look_up(world: &World) {
    let case = new_case(
        1,
        &[
            (PUPIL, About::Pupil, Part::Harmed),
            (TUTOR, About::Staff, Part::Witness),
        ],
    );
    world
        .store
        .open_case(&raise(world), &case, &[], &[], at(1))
        .await
        .unwrap();
    let before = world.entries().await;
    let read = world
        .try_permit::<act::ReadCase>(LEAD, Target::Case(&facts(&case)))
        .unwrap();
    world.store.case(&read, at(2)).await.unwrap().unwrap();
    let export = world
        .try_permit::<act::ExportCase>(LEAD, Target::Case(&facts(&case)))
        .unwrap();
    world
        .store
        .export_case(&export, at(3))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(world.entries().await, before + 2);
    let looked = world
        .store
        .lookups(&world.permit(HEAD), Some(id(PUPIL)), at(0), 10)
        .await
        .unwrap();
    let seen: Vec<_> = looked
        .iter()
        .map(|l| (l.at, l.by, l.act.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (at(3), Some(id(LEAD)), "case.export"),
            (at(2), Some(id(LEAD)), "case.read")
        ]
    );
}

/// ROLE-07: a governor gets figures; nothing in them names or leads to anybody.
pub(crate) async fn role_07_numbers_name_nobody(world: &World) {
    let case = new_case(1, &[(PUPIL, About::Pupil, Part::Harmed)]);
    world
        .store
        .open_case(&raise(world), &case, &[], &[], at(1))
        .await
        .unwrap();
    let numbers = world
        .store
        .case_numbers(&world.permit(GOVERNOR), at(0), at(10))
        .await
        .unwrap();
    let shown = format!("{numbers:?}");
    assert_eq!(numbers.len(), 1);
    assert!(
        !shown.contains(&id(PUPIL).to_string()) && !shown.contains(&case.id.to_string()),
        "{shown}"
    );
    assert!(
        world
            .try_permit::<act::ListCases>(GOVERNOR, Target::School)
            .is_err()
    );
}
