//! The roll (ACC-10).

use std::collections::BTreeSet;
use std::time::Instant;

use pharos_records::{Error, People, Roll, RollKind, RollOutcome};
use pharos_school::{Class, ClassId, Person, Role, Standing};
use uuid::Uuid;

use crate::world::{World, at, id, person, whole};

fn class(number: u128, title: &str) -> Class {
    Class {
        id: ClassId::from_uuid(Uuid::from_u128(number)),
        source_id: format!("class-{title}"),
        title: title.to_owned(),
        year: "8".parse().ok(),
        is_form: true,
    }
}

/// ACC-10: re-import is idempotent, leavers are marked, those who come back are themselves again.
pub(crate) async fn acc_10_a_roll_is_applied_once_however_often_it_comes(world: &World) {
    let roll = whole(vec![
        person(100, "Wilf", "Arden", Role::Pupil),
        person(101, "Jory", "Bosanko", Role::Pupil),
    ]);
    let store = &world.store;
    let first = store
        .apply_roll(&world.system(), &roll, at(1))
        .await
        .unwrap();
    assert_eq!(
        first,
        RollOutcome {
            added: 2,
            left: 9,
            ..RollOutcome::default()
        }
    );
    let again = store
        .apply_roll(&world.system(), &roll, at(2))
        .await
        .unwrap();
    assert_eq!(
        again,
        RollOutcome {
            unchanged: 2,
            ..RollOutcome::default()
        }
    );

    let mut wilf = person(555, "Wilfred", "Arden", Role::Pupil);
    wilf.source_id = "src-100".to_owned();
    let change = Roll {
        kind: RollKind::Changes,
        people: vec![wilf],
        ..whole(vec![])
    };
    let changed = store
        .apply_roll(&world.system(), &change, at(3))
        .await
        .unwrap();
    assert_eq!(
        changed,
        RollOutcome {
            changed: 1,
            ..RollOutcome::default()
        }
    );
    let wilf = store.person(id(100)).await.unwrap().unwrap();
    assert_eq!(
        (wilf.given_name.as_str(), wilf.email.as_deref()),
        ("Wilfred", Some("wilfred@harbourmouth.sch.example"))
    );
    let lead = store.person(id(1)).await.unwrap().unwrap();
    assert_eq!(lead.standing, Standing::Left("2026-09-14".parse().unwrap()));
    assert!(
        store
            .person_by_username("rosalind.penhale")
            .await
            .unwrap()
            .is_none(),
        "a leaver cannot be signed in"
    );
    assert_eq!(store.person(id(999)).await.unwrap(), None);

    let twice = whole(vec![
        person(7, "A", "B", Role::Pupil),
        person(7, "A", "B", Role::Pupil),
    ]);
    let refused = store.apply_roll(&world.system(), &twice, at(4)).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
}

/// ACC-10: guardians and classes link to the people already known, whatever ids the import made up.
pub(crate) async fn acc_10_links_follow_the_ids_that_are_known(world: &World) {
    let mut pupil = person(200, "Edie", "Lanyon", Role::Pupil);
    pupil.guardians = BTreeSet::from([id(201)]);
    pupil.classes = BTreeSet::from([class(10, "8B").id]);
    let mut roll = whole(vec![
        pupil.clone(),
        person(201, "Piers", "Lanyon", Role::Parent),
    ]);
    roll.classes = vec![class(10, "8B")];
    world
        .store
        .apply_roll(&world.system(), &roll, at(1))
        .await
        .unwrap();

    let renumber = |person: &Person, number| Person {
        id: id(number),
        ..person.clone()
    };
    let mut pupil_again = renumber(&pupil, 300);
    pupil_again.guardians = BTreeSet::from([id(301)]);
    pupil_again.classes = BTreeSet::from([class(11, "8B").id]);
    let mut again = whole(vec![pupil_again, renumber(&roll.people[1], 301)]);
    again.classes = vec![class(11, "8B")];
    let outcome = world
        .store
        .apply_roll(&world.system(), &again, at(2))
        .await
        .unwrap();
    assert_eq!(
        outcome,
        RollOutcome {
            unchanged: 2,
            ..RollOutcome::default()
        }
    );
    assert_eq!(world.store.person(id(200)).await.unwrap(), Some(pupil));
    assert_eq!(world.store.classes().await.unwrap(), vec![class(10, "8B")]);

    let gone = world
        .store
        .apply_roll(
            &world.system(),
            &Roll {
                classes: vec![],
                ..again
            },
            at(3),
        )
        .await
        .unwrap();
    assert_eq!(gone.classes_removed, 1);
    assert_eq!(world.store.class(class(10, "8B").id).await.unwrap(), None);
}

/// ACC-10: 20,000 people are stored in under ten seconds, and again in one line of the ledger.
pub(crate) async fn acc_10_twenty_thousand_people_in_ten_seconds(world: &World) {
    let people = (0..20_000)
        .map(|n| person(10_000 + n, &format!("G{n}"), &format!("F{n}"), Role::Pupil))
        .collect();
    let roll = whole(people);
    let before = world.entries().await;
    let begun = Instant::now();
    let outcome = world
        .store
        .apply_roll(&world.system(), &roll, at(1))
        .await
        .unwrap();
    let took = begun.elapsed();
    println!("20,000 people stored in {took:?}");
    assert_eq!(outcome.added, 20_000);
    assert!(took.as_secs() < 10, "{took:?}");
    assert_eq!(world.store.roll().await.unwrap().len(), 20_009);
    assert_eq!(world.entries().await, before + 1);
}

/// People are found by the beginnings of their names; leavers are not.
pub(crate) async fn people_are_found_by_the_beginning_of_their_names(world: &World) {
    let find = async |words: &str| -> Vec<String> {
        let found = world
            .store
            .find_people(&world.permit(5), words, 10)
            .await
            .unwrap();
        found.iter().map(Person::full_name).collect()
    };
    assert_eq!(find("tam oka").await, ["Tamsin Okafor-Lyle"]);
    assert_eq!(
        find("lyle").await,
        ["Ngozi Okafor-Lyle", "Tamsin Okafor-Lyle"]
    );
    assert_eq!(find("zzz").await, [""; 0]);
}
