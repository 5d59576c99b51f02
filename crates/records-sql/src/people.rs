//! The roll.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Subject, act};
use pharos_ledger::Detail;
use pharos_records::{Error, MAX_PEOPLE, MAX_ROWS, People, Result, Roll, RollKind, RollOutcome};
use pharos_school::{Class, ClassId, Person, PersonId, Standing};

use crate::db::{Row, Tx, Value, args, joined};
use crate::store::{Store, is_for};

const COLUMNS: &str = "id, source_id, username, given_name, family_name, email, roles, year, house, classes, guardians, left_on";
const ALL: &str = "SELECT id, source_id, username, given_name, family_name, email, roles, year, house, classes, guardians, left_on FROM person ORDER BY family_name, given_name, id";
const BY_ID: &str = "SELECT id, source_id, username, given_name, family_name, email, roles, year, house, classes, guardians, left_on FROM person WHERE id = $1";
const BY_NAME: &str = "SELECT id, source_id, username, given_name, family_name, email, roles, year, house, classes, guardians, left_on FROM person WHERE username = $1 AND left_on IS NULL ORDER BY id LIMIT 1";
const CLASSES: &str = "SELECT id, source_id, title, year, is_form FROM class ORDER BY title, id";

/// Rows in one statement: 12 columns each stay far under both engines' limit of parameters.
const BATCH: usize = 50;

#[async_trait]
impl People for Store {
    async fn person(&self, id: PersonId) -> Result<Option<Person>> {
        let row = self.read().await?.one("person", BY_ID, args![id]).await?;
        row.map(|row| self.person_of(&row)).transpose()
    }

    async fn person_by_username(&self, username: &str) -> Result<Option<Person>> {
        let name = username.trim().to_lowercase();
        let row = self
            .read()
            .await?
            .one("person", BY_NAME, args![name])
            .await?;
        row.map(|row| self.person_of(&row)).transpose()
    }

    async fn roll(&self) -> Result<Vec<Person>> {
        let rows = self.read().await?.all("person", ALL, vec![]).await?;
        rows.iter()
            .take(MAX_PEOPLE)
            .map(|row| self.person_of(row))
            .collect()
    }

    async fn find_people(
        &self,
        permit: &Permit<act::ListPeople>,
        words: &str,
        limit: usize,
    ) -> Result<Vec<Person>> {
        is_for(permit, Subject::School)?;
        const NAMES: &str = "SELECT id, given_name, family_name, username FROM person WHERE left_on IS NULL ORDER BY family_name, given_name, id";
        let words: Vec<String> = words
            .split_whitespace()
            .take(8)
            .map(str::to_lowercase)
            .collect();
        let mut tx = self.read().await?;
        let mut found = Vec::new();
        for row in tx.all("person", NAMES, vec![]).await? {
            if found.len() >= limit.min(MAX_ROWS) {
                break;
            }
            if matches_words(&row, &words)? {
                found.push(row.parsed::<PersonId>("id")?);
            }
        }
        let mut people = Vec::with_capacity(found.len());
        for id in found {
            if let Some(row) = tx.one("person", BY_ID, args![id]).await? {
                people.push(self.person_of(&row)?);
            }
        }
        Ok(people)
    }

    async fn classes(&self) -> Result<Vec<Class>> {
        let rows = self.read().await?.all("class", CLASSES, vec![]).await?;
        rows.iter().map(class_of).collect()
    }

    async fn class(&self, id: ClassId) -> Result<Option<Class>> {
        const ONE: &str = "SELECT id, source_id, title, year, is_form FROM class WHERE id = $1";
        let row = self.read().await?.one("class", ONE, args![id]).await?;
        row.map(|row| class_of(&row)).transpose()
    }

    async fn apply_roll(
        &self,
        permit: &Permit<act::ImportRoll>,
        roll: &Roll,
        at: Timestamp,
    ) -> Result<RollOutcome> {
        is_for(permit, Subject::School)?;
        check(roll)?;
        let mut opening = self.begin().await?;
        let people = opening.all("person", ALL, vec![]).await?;
        let known: Vec<Person> = people
            .iter()
            .map(|row| self.person_of(row))
            .collect::<Result<_>>()?;
        let classes = opening.all("class", CLASSES, vec![]).await?;
        let classes: Vec<Class> = classes.iter().map(class_of).collect::<Result<_>>()?;
        let plan = Plan::new(roll, known, &classes);
        let mut act = opening.note(permit, "school", plan.detail(), at).await?;
        self.write_people(&mut act, &plan.people).await?;
        write_classes(&mut act, &plan.classes, &plan.classes_gone).await?;
        act.commit().await?;
        Ok(plan.outcome)
    }
}

impl Store {
    fn person_of(&self, row: &Row) -> Result<Person> {
        let id: PersonId = row.parsed("id")?;
        Ok(Person {
            id,
            source_id: row.text("source_id")?,
            username: row.text("username")?,
            given_name: row.text("given_name")?,
            family_name: row.text("family_name")?,
            email: self.unseal_opt_text(row, "person", &id.to_string(), "email")?,
            roles: row.list("roles")?,
            year: row.opt_parsed("year")?,
            house: row.opt_text("house")?,
            classes: row.list("classes")?,
            guardians: row.list("guardians")?,
            standing: row
                .opt_parsed("left_on")?
                .map_or(Standing::Active, Standing::Left),
        })
    }

    async fn write_people(&self, tx: &mut Tx, people: &[Person]) -> Result<()> {
        for batch in people.chunks(BATCH) {
            let mut args = Vec::with_capacity(batch.len() * 12);
            for person in batch {
                args.extend(self.person_args(person)?);
            }
            let sql = format!(
                "INSERT INTO person ({COLUMNS}) VALUES {} ON CONFLICT (id) DO UPDATE SET source_id = excluded.source_id, username = excluded.username, given_name = excluded.given_name, family_name = excluded.family_name, email = excluded.email, roles = excluded.roles, year = excluded.year, house = excluded.house, classes = excluded.classes, guardians = excluded.guardians, left_on = excluded.left_on",
                rows_of(batch.len(), 12)
            );
            tx.run_built(sql, args).await?;
        }
        Ok(())
    }

    fn person_args(&self, person: &Person) -> Result<Vec<Value>> {
        let email = person.email.as_deref().map(str::as_bytes);
        let left_on = match person.standing {
            Standing::Active => None,
            Standing::Left(date) => Some(date),
        };
        Ok(args![
            person.id,
            &person.source_id,
            &person.username,
            &person.given_name,
            &person.family_name,
            self.seal_opt("person", &person.id.to_string(), "email", email)?,
            joined(&person.roles),
            person.year,
            &person.house,
            joined(&person.classes),
            joined(&person.guardians),
            left_on,
        ])
    }
}

async fn write_classes(tx: &mut Tx, classes: &[Class], gone: &[ClassId]) -> Result<()> {
    for batch in classes.chunks(BATCH) {
        let mut args = Vec::with_capacity(batch.len() * 5);
        for class in batch {
            args.extend(args![
                class.id,
                &class.source_id,
                &class.title,
                class.year,
                class.is_form
            ]);
        }
        let sql = format!(
            "INSERT INTO class (id, source_id, title, year, is_form) VALUES {} ON CONFLICT (id) DO UPDATE SET source_id = excluded.source_id, title = excluded.title, year = excluded.year, is_form = excluded.is_form",
            rows_of(batch.len(), 5)
        );
        tx.run_built(sql, args).await?;
    }
    for id in gone {
        tx.run("DELETE FROM class WHERE id = $1", args![*id])
            .await?;
    }
    Ok(())
}

/// `($1, $2), ($3, $4)`: placeholders for rows.
pub(crate) fn rows_of(rows: usize, columns: usize) -> String {
    let row = |n: usize| {
        let marks: Vec<String> = (1..=columns)
            .map(|c| format!("${}", n * columns + c))
            .collect();
        format!("({})", marks.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

fn matches_words(row: &Row, words: &[String]) -> Result<bool> {
    let names = [
        row.text("given_name")?,
        row.text("family_name")?,
        row.text("username")?,
    ]
    .map(|n| n.to_lowercase());
    let begins = |word: &String| {
        names.iter().any(|name| {
            name.starts_with(word.as_str())
                || name
                    .split([' ', '-', '.'])
                    .any(|part| part.starts_with(word.as_str()))
        })
    };
    Ok(words.iter().all(begins))
}

fn class_of(row: &Row) -> Result<Class> {
    Ok(Class {
        id: row.parsed("id")?,
        source_id: row.text("source_id")?,
        title: row.text("title")?,
        year: row.opt_parsed("year")?,
        is_form: row.flag("is_form")?,
    })
}

fn check(roll: &Roll) -> Result<()> {
    let refused = |problem: &str| {
        Err(Error::Refused {
            what: "the roll".to_owned(),
            problem: problem.to_owned(),
        })
    };
    if roll.people.len() > MAX_PEOPLE || roll.classes.len() > MAX_PEOPLE {
        return refused("has more than 100,000 people or classes; split it");
    }
    let mut seen = BTreeSet::new();
    if !roll
        .people
        .iter()
        .all(|person| seen.insert(&person.source_id))
    {
        return refused("has two people with the same id in the school's system");
    }
    let mut seen = BTreeSet::new();
    if !roll
        .classes
        .iter()
        .all(|class| seen.insert(&class.source_id))
    {
        return refused("has two classes with the same id in the school's system");
    }
    Ok(())
}

/// What applying a roll will write.
struct Plan {
    people: Vec<Person>,
    classes: Vec<Class>,
    classes_gone: Vec<ClassId>,
    outcome: RollOutcome,
}

impl Plan {
    fn new(roll: &Roll, known: Vec<Person>, known_classes: &[Class]) -> Self {
        let mut plan = Self {
            people: vec![],
            classes: vec![],
            classes_gone: roll.classes_gone.clone(),
            outcome: RollOutcome::default(),
        };
        let class_ids = plan.classes(roll, known_classes);
        plan.people(roll, known, &class_ids);
        plan
    }

    /// Finds classes by their id in the school's system; gives the ids that links must follow.
    fn classes(&mut self, roll: &Roll, known: &[Class]) -> BTreeMap<ClassId, ClassId> {
        let by_source: BTreeMap<&str, &Class> =
            known.iter().map(|c| (c.source_id.as_str(), c)).collect();
        let mut ids = BTreeMap::new();
        for class in &roll.classes {
            let old = by_source.get(class.source_id.as_str()).copied();
            let new = Class {
                id: old.map_or(class.id, |old| old.id),
                ..class.clone()
            };
            ids.insert(class.id, new.id);
            if old != Some(&new) {
                self.classes.push(new);
            }
        }
        if roll.kind == RollKind::Whole {
            let listed: BTreeSet<&str> =
                roll.classes.iter().map(|c| c.source_id.as_str()).collect();
            let gone = known
                .iter()
                .filter(|class| !listed.contains(class.source_id.as_str()));
            self.classes_gone.extend(gone.map(|class| class.id));
        }
        let stored: BTreeSet<ClassId> = known.iter().map(|class| class.id).collect();
        self.classes_gone.retain(|id| stored.contains(id));
        self.classes_gone.sort_unstable();
        self.classes_gone.dedup();
        self.outcome.classes_changed = self.classes.len();
        self.outcome.classes_removed = self.classes_gone.len();
        ids
    }

    fn people(&mut self, roll: &Roll, known: Vec<Person>, class_ids: &BTreeMap<ClassId, ClassId>) {
        let mut by_source: BTreeMap<String, Person> = known
            .into_iter()
            .map(|person| (person.source_id.clone(), person))
            .collect();
        let ids: BTreeMap<PersonId, PersonId> = roll
            .people
            .iter()
            .map(|new| {
                (
                    new.id,
                    by_source.get(&new.source_id).map_or(new.id, |old| old.id),
                )
            })
            .collect();
        for new in &roll.people {
            let mut new = new.clone();
            new.id = ids.get(&new.id).copied().unwrap_or(new.id);
            new.username = new.username.to_lowercase();
            new.classes = new
                .classes
                .iter()
                .map(|id| class_ids.get(id).copied().unwrap_or(*id))
                .collect();
            new.guardians = new
                .guardians
                .iter()
                .map(|id| ids.get(id).copied().unwrap_or(*id))
                .collect();
            self.person(by_source.remove(&new.source_id), new);
        }
        if roll.kind == RollKind::Whole {
            for mut old in by_source.into_values().filter(Person::is_active) {
                old.standing = Standing::Left(roll.on);
                self.outcome.left += 1;
                self.people.push(old);
            }
        }
    }

    fn person(&mut self, old: Option<Person>, new: Person) {
        match old {
            None => self.outcome.added += 1,
            Some(old) if old == new => {
                self.outcome.unchanged += 1;
                return;
            }
            Some(old) if old.is_active() && !new.is_active() => self.outcome.left += 1,
            Some(_) => self.outcome.changed += 1,
        }
        self.people.push(new);
    }

    fn detail(&self) -> Detail {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        Detail::new()
            .number("added", number(self.outcome.added))
            .number("changed", number(self.outcome.changed))
            .number("left", number(self.outcome.left))
            .number("classes", number(self.outcome.classes_changed))
    }
}
