//! The roll: looking people up, and bringing in a new roll from the school's own system (ACC-10).

use jiff::tz::TimeZone;
use pharos_access::{Actor, Target, act};
use pharos_directory::{FileSet, Limits, Problems, Progress, Roll, RollChange};
use pharos_records::{RollKind, RollOutcome};
use pharos_school::{Class, Person, PersonId};
use tokio::sync::mpsc;

use crate::clock::new_uuid;
use crate::{App, Error};

/// Most people shown for one search.
pub const FOUND_MAX: usize = 50;

/// Why a roll was not brought in.
#[derive(Debug)]
pub enum ImportError {
    /// The files are wrong: every problem with file, line and column. Nothing was changed.
    Problems(Problems),
    /// The roll would take away more than half of the people; it waits for approval.
    Held(RollChange),
    /// Anything else.
    Other(Error),
}

impl From<Error> for ImportError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl App {
    /// People on the roll whose names begin with these words; for staff (two letters at least).
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn find_people(&self, actor: &Actor, words: &str) -> Result<Vec<Person>, Error> {
        let permit = self.may::<act::ListPeople>(actor, Target::School).await?;
        if words.trim().chars().count() < 2 {
            return Ok(Vec::new());
        }
        // Whoever is kept to a campus finds its people alone: more are looked at than are shown.
        let most = match actor.within() {
            Some(_) => 50 * FOUND_MAX,
            None => FOUND_MAX,
        };
        let mut found = self.records().find_people(&permit, words, most).await?;
        found.retain(|person| actor.reaches(person.id));
        found.truncate(FOUND_MAX);
        Ok(found)
    }

    /// One person, for staff.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn person(&self, actor: &Actor, id: PersonId) -> Result<Person, Error> {
        self.may::<act::ListPeople>(actor, Target::School).await?;
        let person = self.known_person(id).await?;
        person
            .filter(|person| actor.reaches(person.id))
            .ok_or(Error::NotFound)
    }

    /// Everybody on the roll, by name.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn everybody(&self, actor: &Actor) -> Result<Vec<Person>, Error> {
        self.may::<act::ImportRoll>(actor, Target::School).await?;
        Ok(self
            .known_roll()
            .await?
            .into_iter()
            .filter(Person::is_active)
            .collect())
    }

    /// The person on the roll with this sign-in name; for commands typed on the server.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn person_named(&self, username: &str) -> Result<Option<Person>, Error> {
        self.known_by_username(&username.trim().to_lowercase())
            .await
    }

    /// The person on the roll with this sign-in name whom the actor reaches. To whoever acts for one campus
    /// people of another are not there, as somebody who is on no roll.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn person_reached(
        &self,
        actor: &Actor,
        username: &str,
    ) -> Result<Option<Person>, Error> {
        let person = self.person_named(username).await?;
        Ok(person.filter(|person| actor.reaches(person.id)))
    }

    /// Every class, by title; for staff.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn classes(&self, actor: &Actor) -> Result<Vec<Class>, Error> {
        self.may::<act::ListPeople>(actor, Target::School).await?;
        let mut classes = self.records().classes().await?;
        classes.retain(|class| self.reaches_class(actor, class.id));
        Ok(classes)
    }

    /// What a person is called, where the actor may search their activity; that is a look-up, and
    /// is noted as one. `None` where they may not, or nobody is known.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn name_if_searchable(
        &self,
        actor: &pharos_access::Actor,
        id: PersonId,
    ) -> Result<Option<String>, Error> {
        let Some(person) = self.known_person(id).await? else {
            return Ok(None);
        };
        let target = Target::Person(pharos_access::Watched::of(&person));
        match self.rules().may::<act::SearchActivity>(actor, target) {
            Ok(permit) => {
                let detail = pharos_ledger::Detail::new().text("shown", "what-if");
                self.records()
                    .note(&permit, Some(id), &detail, self.now())
                    .await?;
                Ok(Some(person.full_name()))
            }
            Err(_) => Ok(None),
        }
    }

    /// What a person is called on pages; `None` for one who is not known.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn name_of(&self, id: PersonId) -> Result<Option<String>, Error> {
        Ok(self
            .known_person(id)
            .await?
            .map(|person| person.full_name()))
    }

    /// What bringing in these files would change. Nothing is changed.
    ///
    /// # Errors
    /// [`ImportError::Problems`] with all of them.
    pub async fn preview_roll(
        &self,
        actor: &Actor,
        files: FileSet,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<RollChange, ImportError> {
        let (change, _) = self.compare_roll(actor, files, progress).await?;
        Ok(change)
    }

    /// What these files would change, beside the roll that they were compared with. The reading is
    /// done on a thread of its own: twenty thousand people take a while.
    async fn compare_roll(
        &self,
        actor: &Actor,
        files: FileSet,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<(RollChange, Roll), ImportError> {
        self.may::<act::ImportRoll>(actor, Target::School).await?;
        let current = self.current_roll().await?;
        let today = self.now().to_zoned(self.zone()).date();
        let (tell, mut told) = mpsc::channel::<(String, [u64; 3])>(16);
        let work = tokio::task::spawn_blocking(move || {
            let limits = Limits::default();
            // A step that nobody has room for is passed over: it only moves a progress bar.
            let mut step = |step: Progress<'_>| {
                let numbers = [step.rows, step.bytes, step.bytes_total];
                drop(tell.try_send((step.stage.to_owned(), numbers)));
            };
            let change = pharos_directory::preview(
                &current,
                &files,
                &limits,
                today,
                &mut new_uuid,
                &mut step,
            );
            (change, current)
        });
        while let Some((stage, [rows, bytes, bytes_total])) = told.recv().await {
            progress(Progress {
                stage: &stage,
                rows,
                bytes,
                bytes_total,
            });
        }
        let (change, current) = work
            .await
            .map_err(|error| Error::unavailable("reading a roll", &error))?;
        Ok((change.map_err(ImportError::Problems)?, current))
    }

    /// Brings in a roll: all of it or nothing. `approved` says that somebody looked at a roll that
    /// takes away more than half of the people.
    ///
    /// # Errors
    /// [`ImportError`]; nothing was changed then.
    pub async fn import_roll(
        &self,
        actor: &Actor,
        files: FileSet,
        approved: bool,
        progress: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<(RollChange, RollOutcome), ImportError> {
        let (change, current) = self.compare_roll(actor, files, progress).await?;
        if !change.holds.is_empty() && !approved {
            return Err(ImportError::Held(change));
        }
        let permit = self.may::<act::ImportRoll>(actor, Target::School).await?;
        let now = self.now();
        let after = change.applied_to(&current);
        let roll = pharos_records::Roll {
            kind: RollKind::Whole,
            people: after.people,
            classes: after.classes,
            classes_gone: change.classes_gone.clone(),
            on: now.to_zoned(self.zone()).date(),
        };
        let outcome = self
            .records()
            .apply_roll(&permit, &roll, now)
            .await
            .map_err(Error::from)?;
        self.rebuild().await?;
        Ok((change, outcome))
    }

    /// Everybody and every class, leavers among them.
    pub(crate) async fn current_roll(&self) -> Result<Roll, Error> {
        Ok(Roll {
            people: self.records().roll().await?,
            classes: self.records().classes().await?,
        })
    }

    /// One person with the posts that the pack gives them today (ROLE-01), leavers included.
    pub(crate) async fn known_person(&self, id: PersonId) -> Result<Option<Person>, Error> {
        Ok(self
            .records()
            .person(id)
            .await?
            .map(|person| self.with_posts(person)))
    }

    /// The person on the roll with this sign-in name, with their posts.
    pub(crate) async fn known_by_username(&self, username: &str) -> Result<Option<Person>, Error> {
        Ok(self
            .records()
            .person_by_username(username)
            .await?
            .map(|person| self.with_posts(person)))
    }

    /// Everybody, with their posts.
    pub(crate) async fn known_roll(&self) -> Result<Vec<Person>, Error> {
        Ok(self
            .records()
            .roll()
            .await?
            .into_iter()
            .map(|person| self.with_posts(person))
            .collect())
    }

    /// Roles come from the roll and from the posts that the pack names, from day to day.
    fn with_posts(&self, mut person: Person) -> Person {
        let school = self.school();
        let today = self.now().to_zoned(school.zone.clone()).date();
        person
            .roles
            .extend(school.pack.posts_of(&person.username, today));
        person
    }

    /// The school's time zone.
    pub fn zone(&self) -> TimeZone {
        self.school().zone.clone()
    }
}
