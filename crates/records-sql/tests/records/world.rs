//! A fictional school over a fresh database, and the shortest way to permits.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pharos_access::{
    About, Actor, AlertFacts, CaseFacts, Denied, Involved, Kind, Part, Partition, Permit, Rules,
    Target, Watched, act,
};
use pharos_records::{Audit, NewAlert, NewCase, NewEntry, People, Roll, RollKind, Verdict};
use pharos_records_sql::{Database, Store};
use pharos_school::{AlertId, CaseId, EntryId, Person, PersonId, Role, Standing};
use pharos_testkit::postgres::Postgres;
use pharos_vault::{MasterKey, Vault};
use uuid::Uuid;

/// A store with its school.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) database: Database,
    pub(crate) vault: Vault,
    pub(crate) master: MasterKey,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) rules: Arc<Rules>,
    raw: Raw,
}

enum Raw {
    Sqlite(PathBuf),
    Postgres(Arc<Postgres>, String),
}

/// The people of Harbourmouth School, by number.
pub(crate) const LEAD: u128 = 1;
pub(crate) const DEPUTY: u128 = 2;
pub(crate) const HEAD: u128 = 3;
pub(crate) const CHAIR: u128 = 4;
pub(crate) const TUTOR: u128 = 5;
pub(crate) const TECHNICIAN: u128 = 6;
pub(crate) const GOVERNOR: u128 = 7;
pub(crate) const PUPIL: u128 = 8;
pub(crate) const PARENT: u128 = 9;

const PEOPLE: &[(u128, &str, &str, Role)] = &[
    (LEAD, "Rosalind", "Penhale", Role::Lead),
    (DEPUTY, "Idris", "Calloway", Role::Deputy),
    (HEAD, "Maud", "Trevanion", Role::Head),
    (CHAIR, "Osric", "Blandford", Role::Chair),
    (TUTOR, "Fenella", "Quiller", Role::Tutor),
    (TECHNICIAN, "Bram", "Oduya", Role::Technical),
    (GOVERNOR, "Sunniva", "Marsh", Role::Governor),
    (PUPIL, "Tamsin", "Okafor-Lyle", Role::Pupil),
    (PARENT, "Ngozi", "Okafor-Lyle", Role::Parent),
];

/// Monday, 14 September 2026, nine in the morning, and so many minutes.
pub(crate) fn at(minutes: i64) -> Timestamp {
    "2026-09-14T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

pub(crate) fn id(number: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn person(number: u128, given: &str, family: &str, role: Role) -> Person {
    Person {
        id: id(number),
        source_id: format!("src-{number}"),
        username: format!("{}.{}", given.to_lowercase(), family.to_lowercase()),
        given_name: given.to_owned(),
        family_name: family.to_owned(),
        email: Some(format!("{}@harbourmouth.sch.example", given.to_lowercase())),
        roles: BTreeSet::from([role]),
        year: (role == Role::Pupil).then(|| "8".parse().unwrap()),
        house: None,
        classes: BTreeSet::new(),
        guardians: BTreeSet::new(),
        standing: Standing::Active,
    }
}

pub(crate) fn whole(people: Vec<Person>) -> Roll {
    Roll {
        kind: RollKind::Whole,
        people,
        classes: vec![],
        classes_gone: vec![],
        on: "2026-09-14".parse().unwrap(),
    }
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.db");
        Self::over(Database::Sqlite(path.clone()), folder, Raw::Sqlite(path)).await
    }

    pub(crate) async fn postgres(server: &Arc<Postgres>, case: &str) -> Self {
        let name: String = case.chars().take(60).collect();
        let url = server.create(&name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self::over(
            Database::Postgres(url),
            folder,
            Raw::Postgres(Arc::clone(server), name),
        )
        .await
    }

    async fn over(database: Database, folder: tempfile::TempDir, raw: Raw) -> Self {
        let vault = Vault::fresh().unwrap();
        let store = Store::open(&database, vault.clone()).await.unwrap();
        let master = MasterKey::fresh().unwrap();
        let world = Self {
            store,
            database,
            vault,
            master,
            folder,
            rules: Arc::default(),
            raw,
        };
        let people = PEOPLE
            .iter()
            .map(|(n, given, family, role)| person(*n, given, family, *role))
            .collect();
        world
            .store
            .apply_roll(&world.system(), &whole(people), at(0))
            .await
            .unwrap();
        world
    }

    /// Another empty database on the same engine.
    pub(crate) fn spare(&self) -> Database {
        match &self.raw {
            Raw::Sqlite(path) => Database::Sqlite(path.with_file_name("spare.db")),
            Raw::Postgres(server, name) => {
                let spare: String = format!("s_{name}").chars().take(60).collect();
                Database::Postgres(server.create(&spare).unwrap())
            }
        }
    }

    /// Runs SQL behind the program's back.
    pub(crate) async fn raw(&self, sql: &str) {
        raw(&self.raw, sql).await;
    }

    /// The one text that a query behind the program's back gives.
    pub(crate) async fn raw_text(&self, sql: &str) -> String {
        match &self.raw {
            Raw::Sqlite(path) => {
                let pool = sqlite_pool(path).await;
                let text = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()))
                    .fetch_one(&pool)
                    .await
                    .unwrap();
                pool.close().await;
                text
            }
            Raw::Postgres(server, name) => psql(server, name, sql).await,
        }
    }

    pub(crate) fn actor(&self, number: u128) -> Actor {
        let role = PEOPLE
            .iter()
            .find(|(n, ..)| *n == number)
            .map(|(.., role)| *role)
            .unwrap();
        Actor::Person {
            id: id(number),
            roles: BTreeSet::from([role]),
            within: None,
        }
    }

    /// A permit of the system itself.
    pub(crate) fn system<A: Kind>(&self) -> Permit<A> {
        self.rules
            .may(&Actor::system("test"), Target::School)
            .unwrap()
    }

    pub(crate) fn permit<A: Kind>(&self, who: u128) -> Permit<A> {
        self.try_permit(who, Target::School).unwrap()
    }

    pub(crate) fn own<A: Kind>(&self, who: u128) -> Permit<A> {
        self.try_permit(who, Target::Own(id(who))).unwrap()
    }

    pub(crate) fn try_permit<A: Kind>(
        &self,
        who: u128,
        target: Target<'_>,
    ) -> Result<Permit<A>, Denied> {
        self.rules.may(&self.actor(who), target)
    }

    pub(crate) async fn verdict(&self) -> Verdict {
        self.store.verify_ledger().await.unwrap()
    }

    /// So many entries in the ledger, whole.
    pub(crate) async fn entries(&self) -> u64 {
        match self.verdict().await {
            Verdict::Whole(Some(head)) => head.seq,
            other => panic!("{other:?}"),
        }
    }
}

async fn raw(to: &Raw, sql: &str) {
    match to {
        Raw::Sqlite(path) => {
            let pool = sqlite_pool(path).await;
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
                .execute(&pool)
                .await
                .unwrap();
            pool.close().await;
        }
        Raw::Postgres(server, name) => drop(psql(server, name, sql).await),
    }
}

/// On a thread of its own: a dropped act is rolled back by the runtime, which must not be blocked.
async fn psql(server: &Arc<Postgres>, name: &str, sql: &str) -> String {
    let (server, name, sql) = (Arc::clone(server), name.to_owned(), sql.to_owned());
    tokio::task::spawn_blocking(move || server.sql(&name, &sql))
        .await
        .unwrap()
        .unwrap()
}

async fn sqlite_pool(path: &std::path::Path) -> sqlx::SqlitePool {
    sqlx::SqlitePool::connect_with(sqlx::sqlite::SqliteConnectOptions::new().filename(path))
        .await
        .unwrap()
}

pub(crate) fn case_id(number: u128) -> CaseId {
    CaseId::from_uuid(Uuid::from_u128(0xca5e_0000 + number))
}

pub(crate) fn alert_id(number: u128) -> AlertId {
    AlertId::from_uuid(Uuid::from_u128(0xa1e7_0000 + number))
}

pub(crate) fn entry(number: u128, text: &str) -> NewEntry {
    NewEntry {
        id: EntryId::from_uuid(Uuid::from_u128(0xe117_0000 + number)),
        at: at(1),
        kind: "report".to_owned(),
        body: format!(r#"{{"v":1,"text":"{text}"}}"#).into_bytes(),
    }
}

/// A case about people, each with what they are and their part.
pub(crate) fn new_case(number: u128, about: &[(u128, About, Part)]) -> NewCase {
    NewCase {
        id: case_id(number),
        kind: "filtering-breach".to_owned(),
        partition: Partition::Safeguarding,
        state: "open".to_owned(),
        title: format!("Case {number}"),
        involved: about
            .iter()
            .map(|(who, about, part)| Involved {
                id: id(*who),
                about: *about,
                part: *part,
            })
            .collect(),
        conflicts: BTreeSet::new(),
        readers: BTreeSet::new(),
        raised_by: Some(id(TUTOR)),
        owner: None,
        due_at: Some(at(60)),
        rank: 50,
        from_alert: None,
    }
}

pub(crate) fn facts(case: &NewCase) -> CaseFacts {
    CaseFacts {
        id: case.id,
        partition: case.partition,
        involved: case.involved.clone(),
        conflicts: case.conflicts.clone(),
        readers: case.readers.clone(),
        raised_by: case.raised_by,
    }
}

pub(crate) fn new_alert(number: u128, about: Option<(u128, About)>) -> NewAlert {
    NewAlert {
        id: alert_id(number),
        rule: "worrying-search".to_owned(),
        rule_version: "1".to_owned(),
        rank: 70,
        about: about.map(|(who, about)| Watched { id: id(who), about }),
        assigned: BTreeSet::new(),
        key: format!("key-{number}"),
        chase_at: Some(at(30)),
        body: br#"{"v":1,"words":"made up"}"#.to_vec(),
    }
}

pub(crate) fn alert_facts(alert: &NewAlert) -> AlertFacts {
    AlertFacts {
        id: alert.id,
        about: alert.about,
        assigned: alert.assigned.clone(),
    }
}

/// A permit's type for opening cases, often used.
pub(crate) type Raise = Permit<act::RaiseConcern>;
