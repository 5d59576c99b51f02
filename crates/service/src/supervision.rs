//! Notes that supervision took place and what was seen (MON-07): written once by whoever supervised,
//! read by them and by those who work on safeguarding, counted as evidence for lessons that name an
//! adult, and with one press a concern.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use pharos_access::{Act, Actor, Target, act};
use pharos_casework::{Concern, Origin, Reporter, TEXT_CHARS_MAX};
use pharos_governance::SupervisedFact;
use pharos_ledger::Detail;
use pharos_policy::spec::{LessonKind, LessonSpec};
use pharos_records::{JournalEntry, JournalFilter, NewJournalEntry, Override, OverrideKind};
use pharos_school::{CaseId, Class, ClassId, PersonId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::attempts::said;
use crate::clock::new_uuid;
use crate::overrides::json;
use crate::{App, Error, SignedIn};

/// The stored form's version.
const VERSION: u16 = 1;
/// So long after a lesson it stands on the list of those to note.
const TO_NOTE: SignedDuration = SignedDuration::from_hours(24 * 28);
/// So far back lesson lists are looked at.
const LISTS_FROM: SignedDuration = SignedDuration::from_hours(24 * 90);
/// So far back notes are shown.
const SHOWN: SignedDuration = SignedDuration::from_hours(24 * 400);
/// The longest note, in characters: with its heading a concern of it fits into a case.
const SEEN_MAX: usize = TEXT_CHARS_MAX - 1_000;
/// The longest name of whoever noted, in a concern, in characters.
const NAME_MAX: usize = 200;
/// What tells the id of a note from that of the concern made of it.
const OF_NOTE: u128 = 0x0A5C_71E3_40D2_96B7;
/// The longest name of a class, room or use, in characters.
const WHAT_MAX: usize = 200;

/// A note to be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSupervision {
    /// The lesson list that it is about, where there is one.
    pub lesson: Option<Uuid>,
    /// Which class, room or use of devices; needed where there is no lesson list.
    pub what: String,
    /// Whether supervision took place as the school expects it.
    pub took_place: bool,
    /// What was seen.
    pub seen: String,
}

/// A note of supervision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupervisionNote {
    /// Its id.
    pub id: Uuid,
    /// When it was written.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<PersonId>,
    /// The lesson list.
    pub lesson: Option<Uuid>,
    /// Which class, room or use.
    pub what: String,
    /// Whether supervision took place as expected.
    pub took_place: bool,
    /// What was seen.
    pub seen: String,
    /// The number of the concern that was made of it.
    pub concern: Option<i64>,
}

/// A lesson that is over and wants a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonToNote {
    /// The lesson list.
    pub id: Uuid,
    /// The class.
    pub class: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The supervision that the school expects there.
    pub expected: String,
}

/// What an entry says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
enum Body {
    Note {
        v: u16,
        lesson: Option<Uuid>,
        what: String,
        took_place: bool,
        seen: String,
    },
    /// A concern was made of the note that the entry belongs to.
    Concern { v: u16, number: i64 },
}

impl App {
    /// Notes that supervision took place and what was seen. A correction is a further note.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] for a lesson list that is none; [`Error::Refused`] before
    /// it began; [`Error::Invalid`] with every problem.
    pub async fn note_supervision(
        &self,
        me: &SignedIn,
        new: &NewSupervision,
    ) -> Result<Uuid, Error> {
        let permit = self
            .may::<act::NoteSupervision>(&me.actor, Target::School)
            .await?;
        let what = match new.lesson {
            None => new.what.split_whitespace().collect::<Vec<_>>().join(" "),
            Some(id) => {
                let (lesson, spec) = self.lesson_list(id).await?.ok_or(Error::NotFound)?;
                if !self.reaches_override(&me.actor, &lesson)? {
                    return Err(Error::NotFound);
                }
                if lesson.from > self.now() {
                    return Err(Error::Refused(
                        "This lesson has not begun. Note it when it has.".to_owned(),
                    ));
                }
                class_title(&self.records().classes().await?, &spec)
            }
        };
        if what.is_empty() || what.chars().count() > WHAT_MAX {
            return Err(Error::field(
                "what",
                "Say which class, room or devices, in at most 200 characters.",
            ));
        }
        let seen = said(
            &new.seen,
            "seen",
            "Say what you saw. \u{201c}Nothing unusual\u{201d} is an answer.",
        )?;
        if seen.chars().count() > SEEN_MAX {
            return Err(Error::field(
                "seen",
                format!("Write at most {SEEN_MAX} characters; write a further note for the rest."),
            ));
        }
        let id = new_uuid();
        let body = Body::Note {
            v: VERSION,
            lesson: new.lesson,
            what,
            took_place: new.took_place,
            seen,
        };
        let entry = NewJournalEntry {
            id,
            key: String::new(),
            about: None,
            body: json(&body)?,
        };
        self.records()
            .add_supervision(&permit, &entry, self.now())
            .await?;
        self.assess_and_keep().await?;
        Ok(id)
    }

    /// Notes of supervision, newest first: everybody's for those who work on safeguarding, their own
    /// for everybody else. Reading others' is noted.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn supervision_notes(&self, actor: &Actor) -> Result<Vec<SupervisionNote>, Error> {
        let filter = JournalFilter {
            since: Some(self.now() - SHOWN),
            ..JournalFilter::default()
        };
        let rows = if self.could(actor, Act::ReadSupervision) {
            let permit = self
                .may::<act::ReadSupervision>(actor, Target::School)
                .await?;
            let rows = self.records().supervision(&permit, &filter).await?;
            if rows.iter().any(|row| row.by != actor.id()) && actor.id().is_some() {
                let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
                let detail = Detail::new().number("notes", count);
                self.records()
                    .note(&permit, None, &detail, self.now())
                    .await?;
            }
            rows
        } else {
            let permit = self
                .may::<act::NoteSupervision>(actor, Target::School)
                .await?;
            self.records().own_supervision(&permit, &filter).await?
        };
        notes_of(rows)
    }

    /// One note that the actor may read: their own, or anybody's for those who work on safeguarding. Reading
    /// another's is noted.
    async fn supervision_note(
        &self,
        actor: &Actor,
        permit: &pharos_access::Permit<act::NoteSupervision>,
        id: Uuid,
    ) -> Result<Option<SupervisionNote>, Error> {
        let mut rows = self.records().own_supervision_of(permit, id).await?;
        if rows.is_empty() && self.could(actor, Act::ReadSupervision) {
            let permit = self
                .may::<act::ReadSupervision>(actor, Target::School)
                .await?;
            rows = self.records().supervision_of(&permit, id).await?;
            if !rows.is_empty() {
                let detail = Detail::new().number("notes", 1);
                self.records()
                    .note(&permit, None, &detail, self.now())
                    .await?;
            }
        }
        let notes = notes_of(rows)?;
        Ok(notes.into_iter().find(|note| note.id == id))
    }

    /// Every note since then, for figures.
    async fn notes_since(&self, since: Timestamp) -> Result<Vec<SupervisionNote>, Error> {
        let system = Actor::system("figures");
        let permit = self
            .may::<act::ReadSupervision>(&system, Target::School)
            .await?;
        notes_of(self.records().supervision_since(&permit, since).await?)
    }

    /// Makes a concern of a note: with one press, and once, whoever presses. The concern names who noted
    /// it and when. Its case has an id that follows from the note's, so that no second one can be opened,
    /// by two people at once or after a crash. Gives the concern's number.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] for a note that the actor may not read;
    /// [`Error::Refused`] where a concern was made of it before.
    pub async fn concern_from_supervision(&self, me: &SignedIn, id: Uuid) -> Result<i64, Error> {
        let permit = self
            .may::<act::NoteSupervision>(&me.actor, Target::School)
            .await?;
        let note = self
            .supervision_note(&me.actor, &permit, id)
            .await?
            .ok_or(Error::NotFound)?;
        let case = case_of(id);
        if note.concern.is_some() || self.records().case_facts(case).await?.is_some() {
            let number = match note.concern {
                Some(number) => Some(number),
                None => self.mark_concern(&permit, id, None).await?,
            };
            return Err(made_before(number));
        }
        let noted_by = match note.by {
            Some(by) => self.known_person(by).await?,
            None => None,
        };
        let noted_by: String = noted_by
            .map_or_else(
                || "somebody who is no longer on the roll".to_owned(),
                |person| format!("{} {}", person.given_name, person.family_name),
            )
            .chars()
            .take(NAME_MAX)
            .collect();
        let reporter = Reporter::Staff {
            person: me.person.id,
        };
        let what = format!(
            "Seen while supervising: {}, noted by {noted_by} on {}. {}",
            note.what,
            note.at.to_zoned(self.zone()).strftime("%-d %B %Y, %H:%M"),
            note.seen
        );
        // Notes of old may be longer: the rest stands in the note.
        let what: String = what.chars().take(TEXT_CHARS_MAX).collect();
        let mut concern = Concern::new(reporter, Origin::Form, what);
        concern.happened_at = Some(note.at);
        let raised = match self.raise_once(me, case, concern).await {
            Ok(raised) => raised,
            // Somebody else pressed meanwhile.
            Err(_) if self.records().case_facts(case).await?.is_some() => {
                return Err(made_before(None));
            }
            Err(error) => return Err(error),
        };
        self.mark_concern(&permit, id, Some(raised.number)).await?;
        Ok(raised.number)
    }

    /// Notes at a note which concern was made of it, for lists; the case itself says it for good. Gives
    /// the number, looked up where it is not known.
    async fn mark_concern(
        &self,
        permit: &pharos_access::Permit<act::NoteSupervision>,
        note: Uuid,
        number: Option<i64>,
    ) -> Result<Option<i64>, Error> {
        let number = match number {
            Some(number) => Some(number),
            None => {
                let system = Actor::system("supervision");
                let list = self.may::<act::ListCases>(&system, Target::School).await?;
                self.records().case_number(&list, case_of(note)).await?
            }
        };
        let Some(number) = number else {
            return Ok(None);
        };
        let entry = NewJournalEntry {
            id: new_uuid(),
            key: note.to_string(),
            about: None,
            body: json(&Body::Concern { v: VERSION, number })?,
        };
        self.records()
            .add_supervision(permit, &entry, self.now())
            .await?;
        Ok(Some(number))
    }

    /// The actor's own lessons of the last four weeks that name an adult, are over and have no note,
    /// oldest first.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn lessons_to_note(&self, me: &SignedIn) -> Result<Vec<LessonToNote>, Error> {
        let lists = self.lesson_lists().await?.into_iter();
        let mine: Vec<_> = lists
            .filter(|(lesson, _)| {
                let until = end_of(lesson);
                lesson.by == Some(me.person.id)
                    && until <= self.now()
                    && until + TO_NOTE >= self.now()
                    && until > lesson.from
            })
            .collect();
        // Nobody notes a lesson before it begins.
        let Some(first) = mine.iter().map(|(lesson, _)| lesson.from).min() else {
            return Ok(Vec::new());
        };
        let notes = self.notes_since(first).await?;
        let noted: BTreeSet<Uuid> = notes.iter().filter_map(|note| note.lesson).collect();
        let classes = self.records().classes().await?;
        let mut waiting = Vec::new();
        for (lesson, spec) in mine {
            let until = end_of(&lesson);
            if !self.names_adult(&classes, &spec) || noted.contains(&lesson.id) {
                continue;
            }
            waiting.push(LessonToNote {
                id: lesson.id,
                class: class_title(&classes, &spec),
                from: lesson.from,
                until,
                expected: self.expected_of(&classes, &spec),
            });
        }
        waiting.sort_by_key(|lesson| lesson.until);
        Ok(waiting)
    }

    /// For the clauses: lessons that name an adult and ended since then, with when it was noted that
    /// supervision took place.
    pub(crate) async fn supervised_facts(
        &self,
        since: Timestamp,
    ) -> Result<Vec<SupervisedFact>, Error> {
        let classes = self.records().classes().await?;
        let lists = self.lesson_lists().await?.into_iter();
        let lessons: Vec<Override> = lists
            .filter(|(lesson, spec)| {
                let until = end_of(lesson);
                until <= self.now()
                    && until >= since
                    && until > lesson.from
                    && self.names_adult(&classes, spec)
            })
            .map(|(lesson, _)| lesson)
            .collect();
        let Some(first) = lessons.iter().map(|lesson| lesson.from).min() else {
            return Ok(Vec::new());
        };
        let mut noted: BTreeMap<Uuid, Timestamp> = BTreeMap::new();
        let notes = self.notes_since(first).await?;
        for note in notes.iter().filter(|note| note.took_place) {
            if let Some(lesson) = note.lesson {
                let first = noted.entry(lesson).or_insert(note.at);
                *first = note.at.min(*first);
            }
        }
        let facts = lessons.iter().map(|lesson| SupervisedFact {
            ended_at: end_of(lesson),
            noted_at: noted.get(&lesson.id).copied(),
        });
        Ok(facts.collect())
    }

    /// One lesson list of the last 90 days.
    async fn lesson_list(&self, id: Uuid) -> Result<Option<(Override, LessonSpec)>, Error> {
        let system = Actor::system("figures");
        let permit = self.may::<act::ReadPolicy>(&system, Target::School).await?;
        let since = self.now() - LISTS_FROM;
        let found = self.records().override_by_id(&permit, id).await?;
        Ok(found
            .filter(|list| list.kind == OverrideKind::LessonList && list.at >= since)
            .and_then(with_spec))
    }

    /// Every lesson list of the last 90 days, however many there are.
    async fn lesson_lists(&self) -> Result<Vec<(Override, LessonSpec)>, Error> {
        let system = Actor::system("figures");
        let permit = self.may::<act::ReadPolicy>(&system, Target::School).await?;
        let since = self.now() - LISTS_FROM;
        let lists = self
            .records()
            .overrides_of(&permit, OverrideKind::LessonList, since)
            .await?;
        Ok(lists.into_iter().filter_map(with_spec).collect())
    }

    /// Whether a list is of a supervised session, or for a class whose lists name the adult.
    fn names_adult(&self, classes: &[Class], spec: &LessonSpec) -> bool {
        spec.kind == LessonKind::AdultSession
            || spec
                .classes
                .iter()
                .filter_map(|class| self.expected_in(classes, *class))
                .any(|expected| expected.names_adult)
    }

    fn expected_of(&self, classes: &[Class], spec: &LessonSpec) -> String {
        let expected = spec
            .classes
            .iter()
            .filter_map(|class| self.expected_in(classes, *class));
        expected
            .map(|expected| expected.expected)
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }

    fn expected_in(&self, classes: &[Class], id: ClassId) -> Option<crate::Supervision> {
        let class = classes.iter().find(|class| class.id == id)?;
        self.supervision_of(class)
    }
}

/// The notes among some entries, each with the concern that was made of it.
fn notes_of(rows: Vec<JournalEntry>) -> Result<Vec<SupervisionNote>, Error> {
    let mut concerns: BTreeMap<String, i64> = BTreeMap::new();
    let mut notes = Vec::new();
    for row in rows {
        let body = serde_json::from_slice(&row.entry.body)
            .map_err(|error| Error::unavailable("a stored note of supervision", &error))?;
        match body {
            Body::Concern { number, .. } => {
                concerns.insert(row.entry.key, number);
            }
            Body::Note {
                lesson,
                what,
                took_place,
                seen,
                ..
            } => notes.push(SupervisionNote {
                id: row.entry.id,
                at: row.at,
                by: row.by,
                lesson,
                what,
                took_place,
                seen,
                concern: None,
            }),
        }
    }
    for note in &mut notes {
        note.concern = concerns.get(&note.id.to_string()).copied();
    }
    Ok(notes)
}

/// The case that is made of a note: one and no other.
fn case_of(note: Uuid) -> CaseId {
    CaseId::from_uuid(Uuid::from_u128(note.as_u128() ^ OF_NOTE))
}

/// The note that a case was made of, if it was made of one.
pub(crate) fn note_of(case: CaseId) -> Uuid {
    Uuid::from_u128(case.as_uuid().as_u128() ^ OF_NOTE)
}

fn made_before(number: Option<i64>) -> Error {
    let which = number
        .map(|number| format!(": number {number}"))
        .unwrap_or_default();
    Error::Refused(format!(
        "A concern was made of this note{which}. Add what is new as a further worry."
    ))
}

/// A lesson list with what it says; `None` where that does not read.
fn with_spec(list: Override) -> Option<(Override, LessonSpec)> {
    let spec = serde_json::from_slice(&list.body).ok()?;
    Some((list, spec))
}

/// When a list ended or ends.
fn end_of(list: &Override) -> Timestamp {
    list.ended_at
        .into_iter()
        .chain(list.until)
        .min()
        .unwrap_or(Timestamp::MAX)
}

fn class_title(classes: &[Class], spec: &LessonSpec) -> String {
    let titles = spec.classes.iter().filter_map(|id| {
        let class = classes.iter().find(|class| class.id == *id)?;
        Some(class.title.clone())
    });
    let titles: Vec<String> = titles.collect();
    if titles.is_empty() {
        "a class that is no longer on the roll".to_owned()
    } else {
        titles.join(", ")
    }
}
