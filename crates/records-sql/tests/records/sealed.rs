//! PRIV-04: what people wrote about people is nowhere in the database's files.

use std::collections::BTreeSet;

use pharos_access::{About, Part, Target, act};
use pharos_records::{
    AlertChange, Alerts, Cases, NewNotice, NewRequest, People, Requests, Roll, RollKind, Settings,
    SignIn,
};
use pharos_records_sql::Database;
use pharos_school::{NoticeId, RequestId, Role};
use uuid::Uuid;

use crate::world::{
    LEAD, PUPIL, TUTOR, World, alert_facts, at, entry, id, new_alert, new_case, person, whole,
};

const PHRASE: &str = "cobalt-hedgehog-lantern";

/// Writes the phrase wherever people can write.
async fn write_everywhere(world: &World) {
    let store = &world.store;
    let mut case = new_case(1, &[(PUPIL, About::Pupil, Part::Harmed)]);
    case.title = PHRASE.to_owned();
    let notice = NewNotice {
        id: NoticeId::from_uuid(Uuid::from_u128(1)),
        kind: "mail".to_owned(),
        key: None,
        due_at: at(1),
        body: PHRASE.into(),
    };
    store
        .open_case(
            &world.permit(TUTOR),
            &case,
            &[entry(1, PHRASE)],
            &[notice],
            at(1),
        )
        .await
        .unwrap();
    let mut alert = new_alert(1, Some((PUPIL, About::Pupil)));
    alert.body = PHRASE.into();
    store
        .raise_alert(&world.system(), &alert, &[], at(1))
        .await
        .unwrap();
    let handle = world
        .try_permit::<act::HandleAlert>(LEAD, Target::Alert(&alert_facts(&alert)))
        .unwrap();
    store
        .append_alert(
            &handle,
            "explained",
            PHRASE.as_bytes(),
            &AlertChange::default(),
            &[],
            at(2),
        )
        .await
        .unwrap();
    let read = world
        .try_permit::<act::ReadAlert>(LEAD, Target::Alert(&alert_facts(&alert)))
        .unwrap()
        .because(PHRASE);
    store.alert(&read, at(3)).await.unwrap();
    let request = NewRequest {
        id: RequestId::from_uuid(Uuid::from_u128(1)),
        address: format!("https://{PHRASE}.example/"),
        purpose: PHRASE.to_owned(),
        class: None,
        wanted_until: None,
        categories: vec![PHRASE.to_owned()],
        to_endorse: false,
    };
    store
        .ask_for_site(&world.permit(PUPIL), &request, &[], at(1))
        .await
        .unwrap();
    store
        .set_setting(&world.permit(LEAD), "mail.password", Some(PHRASE), at(1))
        .await
        .unwrap();
    store
        .reset_password(&world.system(), id(LEAD), PHRASE, false, false, at(1))
        .await
        .unwrap();
    store
        .set_second_factor(&world.own(LEAD), PHRASE.as_bytes(), None, at(1))
        .await
        .unwrap();
    let mut reachable = person(50, "Merryn", "Vosper", Role::Parent);
    reachable.email = Some(format!("{PHRASE}@post.example"));
    let change = Roll {
        kind: RollKind::Changes,
        classes: vec![],
        ..whole(vec![reachable])
    };
    store
        .apply_roll(&world.system(), &change, at(1))
        .await
        .unwrap();
    assert_eq!(BTreeSet::from([PHRASE]).len(), 1);
}

/// PRIV-04: a search of the raw files for a test phrase finds nothing, while the phrase can be read
/// by those who may.
pub(crate) async fn priv_04_a_phrase_is_nowhere_on_the_disk(world: &World) {
    write_everywhere(world).await;
    assert_eq!(
        world
            .store
            .setting("mail.password")
            .await
            .unwrap()
            .unwrap()
            .value,
        PHRASE
    );
    match &world.database {
        Database::Sqlite(path) => search_files(path),
        Database::Postgres(_) => search_tables(world).await,
    }
}

fn search_files(path: &std::path::Path) {
    let mut searched = 0;
    let mut names_found = false;
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        };
        assert!(!has(PHRASE) && !has("hedgehog"));
        names_found |= has("Trevanion");
        searched += bytes.len();
    }
    assert!(
        searched > 100_000 && names_found,
        "the search looks at the real files: {searched}"
    );
}

async fn search_tables(world: &World) {
    let tables = world
        .raw_text("SELECT string_agg(tablename, ' ') FROM pg_tables WHERE schemaname = 'public'")
        .await;
    let hex: String = PHRASE.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut names_found = false;
    for table in tables.split(' ') {
        let all = world
            .raw_text(&format!(
                "SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t"
            ))
            .await;
        assert!(!all.contains(PHRASE) && !all.contains(&hex), "{table}");
        names_found |= all.contains("Trevanion");
    }
    assert!(names_found, "the search looks at the real rows");
}
