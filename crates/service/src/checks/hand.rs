//! Tests by hand (AUD-02): somebody stands at a device, tries something and notes what came. A test is
//! kept, shown, signed and told of as a run of the self-check is, and is evidence like it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use pharos_access::{Actor, Target, act};
use pharos_governance::HandFact;
use pharos_records::{CheckRun, JournalEntry, JournalFilter, NewCheckRun, NewJournalEntry};
use pharos_school::{CheckId, Role};
use serde::{Deserialize, Serialize};

use super::results::{Row, UserTried, VERSION};
use super::users::UNKNOWN;
use super::{CheckResults, Kind, Result_, Way};
use crate::clock::new_uuid;
use crate::overrides::json;
use crate::{App, Error, Problem, SignedIn};

/// The stored form's version.
const BODY_VERSION: u16 = 1;
/// So far back a test may be noted.
const BACK_MAX: SignedDuration = SignedDuration::from_hours(24 * 14);
/// So far back tests are read.
const READ: SignedDuration = SignedDuration::from_hours(24 * 400);
/// The longest line, in characters.
const LINE_MAX: usize = 300;
/// The longest text, in characters.
const WORDS_MAX: usize = 2_000;
/// The head hears when nobody tested so many days after the date.
const HEAD_DAYS: i64 = 14;

/// What somebody tried, and what came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewHandTest {
    /// When; `None`: now.
    pub at: Option<Timestamp>,
    /// As whom: one of [`HandChoices::groups`].
    pub group: String,
    /// In which place; empty: in no named one.
    pub place: String,
    /// What was promised: one of [`HandChoices::kinds`], itself and not its place there, because lists may
    /// be swapped in between; `None`: what [`Self::other`] says.
    pub kind: Option<Kind>,
    /// What was promised, in words, where it is none of those.
    pub other: String,
    /// What was tried: an address, words to search for.
    pub tried: String,
    /// What came.
    pub came: String,
    /// Whether that is what was promised.
    pub held: bool,
}

/// What a test by hand can be about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HandChoices {
    /// Every group that somebody is in, and `unknown`.
    pub groups: Vec<String>,
    /// Every named place.
    pub places: Vec<String>,
    /// What can be promised.
    pub kinds: Vec<Kind>,
}

/// How tests by hand stand against their timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandDue {
    /// The last one.
    pub last: Option<Timestamp>,
    /// When the next is due.
    pub due: Date,
    /// Whether that day has passed.
    pub overdue: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Body {
    v: u16,
    at: Timestamp,
    results: CheckResults,
}

impl App {
    /// What a test by hand can be about; for whoever is kept to a campus, its groups and places alone.
    pub fn hand_choices(&self, actor: &Actor) -> HandChoices {
        let within = actor.within();
        let own = |group: &String| within.is_none_or(|within| within.groups.contains(group));
        let school = self.school();
        let mut groups: Vec<String> = self
            .kinds_of_user()
            .into_iter()
            .map(|kind| kind.group)
            .filter(own)
            .collect();
        groups.push(UNKNOWN.to_owned());
        let names = self.filter().snapshot().ok();
        let categories = names.iter().flat_map(|snapshot| {
            let names = snapshot.categories().names().iter();
            names.map(|name| Kind::Category(name.to_string()))
        });
        let mut kinds: Vec<Kind> = categories.collect();
        kinds.sort();
        let engines = pharos_filter::engines::ENGINES.iter();
        kinds.extend(engines.map(|engine| Kind::SafeSearch(engine.name.to_owned())));
        kinds.extend(
            school
                .pack
                .filter
                .help
                .iter()
                .map(|help| Kind::Help(help.name.clone())),
        );
        let subjects = school.pack.curriculum.iter();
        kinds.extend(subjects.map(|subject| Kind::Curriculum(subject.name.clone())));
        let places = school.pack.filter.places.keys();
        let places =
            places.filter(|place| within.is_none_or(|within| within.places.contains(*place)));
        HandChoices {
            groups,
            places: places.cloned().collect(),
            kinds,
        }
    }

    /// Notes a test by hand. What did not hold is told at once, as of a failed run.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] with every problem.
    pub async fn note_hand_test(&self, me: &SignedIn, new: &NewHandTest) -> Result<CheckId, Error> {
        let permit = self.may::<act::HandTest>(&me.actor, Target::School).await?;
        let (now, choices) = (self.now(), self.hand_choices(&me.actor));
        let at = new.at.unwrap_or(now);
        let (tried, came, other) = (new.tried.trim(), new.came.trim(), new.other.trim());
        let kind = match &new.kind {
            Some(kind) => choices.kinds.contains(kind).then(|| kind.clone()),
            None => (!other.is_empty()).then(|| Kind::Other(other.to_owned())),
        };
        let place = (!new.place.is_empty()).then(|| new.place.clone());
        let long = |text: &str, most: usize| text.chars().count() > most;
        let mut wrong = Vec::new();
        let mut say = |bad: bool, field, text: &str| {
            if bad {
                wrong.push(Problem::field(field, text));
            }
        };
        say(
            at > now || now.duration_since(at) > BACK_MAX,
            "at",
            "Choose a time within the last fourteen days.",
        );
        say(
            !choices.groups.contains(&new.group),
            "group",
            "Choose as whom you tried.",
        );
        say(
            place
                .as_ref()
                .is_some_and(|place| !choices.places.contains(place)),
            "place",
            "Choose a place from the list.",
        );
        say(
            // Somebody unknown is of no campus: what is tried as one is tried in a place.
            me.actor.within().is_some() && place.is_none() && new.group == UNKNOWN,
            "place",
            "You act for one campus: choose which of its places you tried it in.",
        );
        say(
            kind.is_none() || long(other, LINE_MAX),
            "kind",
            "Choose what was promised, or say it in at most 300 characters.",
        );
        say(
            tried.is_empty() || long(tried, LINE_MAX),
            "tried",
            "Say what you tried, in at most 300 characters.",
        );
        say(
            came.is_empty() || long(came, WORDS_MAX),
            "came",
            "Say what came, in at most 2,000 characters.",
        );
        let Some(kind) = kind.filter(|_| wrong.is_empty()) else {
            return Err(Error::Invalid(wrong));
        };
        let result = if new.held {
            Result_::Passed
        } else {
            Result_::Failed
        };
        let results = CheckResults {
            v: VERSION,
            users: vec![UserTried {
                group: new.group.clone(),
                place,
                shut: false,
            }],
            rows: vec![Row {
                kind,
                way: Way::Hand,
                address: tried.to_owned(),
                result,
                seen: came.to_owned(),
                users: vec![0],
            }],
            ..CheckResults::default()
        };
        let id = new_uuid();
        let entry = NewJournalEntry {
            id,
            key: String::new(),
            about: None,
            body: json(&Body {
                v: BODY_VERSION,
                at,
                results,
            })?,
        };
        self.records().add_hand_test(&permit, &entry, now).await?;
        let id = CheckId::from_uuid(id);
        if result == Result_::Failed {
            self.tell_of_failed_check(id).await?;
        }
        self.assess_and_keep().await?;
        Ok(id)
    }

    /// Tests by hand, newest first, in the form of runs.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn hand_tests(&self, actor: &Actor) -> Result<Vec<CheckRun>, Error> {
        let permit = self.may::<act::ReadChecks>(actor, Target::School).await?;
        let filter = JournalFilter {
            since: Some(self.now() - READ),
            ..JournalFilter::default()
        };
        let found = self.records().hand_tests(&permit, &filter).await?;
        let mut runs = found.iter().map(run).collect::<Result<Vec<_>, Error>>()?;
        runs.sort_by_key(|run| std::cmp::Reverse(run.run.to));
        Ok(runs)
    }

    /// How tests by hand stand against `fil.hand_tests`; `None`: the school wants none. Those of people who
    /// are kept to a campus do not count: the rest of the school may never have been tried.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn hand_due(&self) -> Result<Option<HandDue>, Error> {
        let every = self.school().pack.text_of("fil.hand_tests", "termly");
        let days: i64 = match every.as_str() {
            "weekly" => 7,
            "monthly" => 31,
            "half-termly" => 49,
            "termly" => 119,
            "yearly" => 366,
            _ => return Ok(None),
        };
        let tests = self.hand_tests(&Actor::system("figures")).await?;
        let mut last = None;
        let mut kept = BTreeMap::new();
        for test in &tests {
            if let Some(by) = test.by {
                let is_kept = match kept.get(&by) {
                    Some(is_kept) => *is_kept,
                    None => self
                        .known_person(by)
                        .await?
                        .is_some_and(|person| self.actor_of(&person).within().is_some()),
                };
                kept.insert(by, is_kept);
                if is_kept {
                    continue;
                }
            }
            last = Some(test.run.to);
            break;
        }
        let from = match last {
            Some(last) => last.to_zoned(self.zone()).date(),
            None => self.first_pack_day().await?,
        };
        let due = from.saturating_add(days.days());
        Ok(Some(HandDue {
            last,
            due,
            overdue: due < self.today(),
        }))
    }

    /// Tells the technical team and the lead that a test by hand is overdue, and the head when it still
    /// is a fortnight later. Each hears once of each date.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn chase_hand_tests(&self) -> Result<bool, Error> {
        let Some(due) = self.hand_due().await?.filter(|due| due.overdue) else {
            return Ok(false);
        };
        let path = format!("/checks#{}", due.due);
        let to = self
            .holders(&[Role::Technical, Role::Lead, Role::OnlineLead])
            .await?;
        let mut notices = self.notices_to(&to, "hand-test-due", &path, self.now())?;
        if due.due.saturating_add(HEAD_DAYS.days()) < self.today() {
            let head = self.holders(&[Role::Head]).await?;
            notices.extend(self.notices_to(&head, "hand-test-missed", &path, self.now())?);
        }
        self.queue_notices(&notices).await?;
        Ok(true)
    }

    /// For the clauses: the newest test of each group, place and promise, with what it was about.
    pub(crate) async fn hand_facts(
        &self,
        system: &Actor,
    ) -> Result<Vec<(HandFact, String, Kind)>, Error> {
        let mut newest = BTreeMap::new();
        for run in self.hand_tests(system).await? {
            for one in CheckResults::read(&run)?.outcomes() {
                let key = (
                    one.group.to_owned(),
                    one.place.map(str::to_owned),
                    one.kind.clone(),
                );
                newest.entry(key).or_insert(HandFact {
                    check: run.run.id,
                    at: run.run.to,
                    passed: one.result == Result_::Passed,
                });
            }
        }
        Ok(newest
            .into_iter()
            .map(|((group, _, kind), fact)| (fact, group, kind))
            .collect())
    }
}

/// A kept test in the form of a run.
fn run(row: &JournalEntry) -> Result<CheckRun, Error> {
    let body: Body = serde_json::from_slice(&row.entry.body)
        .map_err(|error| Error::unavailable("a stored test by hand", &error))?;
    let count = |wanted| i64::try_from(body.results.count(wanted)).unwrap_or(i64::MAX);
    let results = serde_json::to_string(&body.results)
        .map_err(|error| Error::unavailable("a stored test by hand", &error))?;
    Ok(CheckRun {
        run: NewCheckRun {
            id: CheckId::from_uuid(row.entry.id),
            from: body.at,
            to: body.at,
            passed: count(Result_::Passed),
            failed: count(Result_::Failed),
            results,
        },
        by: row.by,
    })
}
