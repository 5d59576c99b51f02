//! Why something is blocked or not: any verdict, explained on request (FIL-06).

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use pharos_access::{Actor, Target, Watched, act};
use pharos_catalogue::Address;
use pharos_filter::{Explanation, Query, Snapshot};
use pharos_ledger::Detail;
use pharos_scan::Media;
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Unknown, Who};

use crate::{App, Error, School};

/// Overrides looked through for a past moment.
const OVERRIDES_MAX: usize = 10_000;

/// A question to the filter by a person.
#[derive(Debug, Clone)]
pub struct ExplainQuestion {
    /// The address, as typed.
    pub address: String,
    /// Whose verdict; `None` for an unknown user.
    pub person: Option<PersonId>,
    /// From which network address; decides the place.
    pub from: Option<IpAddr>,
    /// When; `None` for now. A past time is answered by the policy then in force.
    pub at: Option<Timestamp>,
}

impl App {
    /// The verdict and every rule considered, by the policy in force.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] for an address that is none.
    pub async fn explain(
        &self,
        actor: &Actor,
        question: &ExplainQuestion,
    ) -> Result<Explanation, Error> {
        self.explain_with(actor, question, None).await
    }

    /// The same of a page whose text is given: judged as the proxy judges it, the school's own
    /// dictionaries named where their words are in it. Nothing of the text is kept.
    ///
    /// # Errors
    /// As [`App::explain`].
    pub async fn explain_text(
        &self,
        actor: &Actor,
        question: &ExplainQuestion,
        media: Media,
        text: &[u8],
    ) -> Result<Explanation, Error> {
        self.explain_with(actor, question, Some((media, text)))
            .await
    }

    async fn explain_with(
        &self,
        actor: &Actor,
        question: &ExplainQuestion,
        text: Option<(Media, &[u8])>,
    ) -> Result<Explanation, Error> {
        let permit = self.may::<act::Explain>(actor, Target::School).await?;
        let address = Address::parse(question.address.trim()).map_err(|error| {
            Error::field(
                "address",
                format!("{error}. Type it as it stands in the browser, such as example.org/page."),
            )
        })?;
        if let Some(person) = question.person {
            let person = self.known_person(person).await?;
            let person = person
                .filter(|person| actor.reaches(person.id))
                .ok_or(Error::NotFound)?;
            // A verdict tells something about a person only where restrictions are theirs alone.
            if Watched::of(&person).about != pharos_access::About::Pupil
                && actor.id() != Some(person.id)
            {
                self.may::<act::SearchActivity>(actor, Target::Person(Watched::of(&person)))
                    .await?;
            }
        }
        let who = stated(question.person);
        let now = question.at.unwrap_or_else(|| self.now());
        let snapshot = self.snapshot_at(now).await?;
        let query = Query {
            address: &address,
            who: &who,
            from: question.from,
            face: Face::Explain,
            now,
        };
        let explanation = match text {
            Some((media, text)) => snapshot.explanation_of_text(&query, media, text),
            None => snapshot.explanation(&query),
        };
        self.records()
            .note(
                &permit,
                question.person,
                &Detail::new().text("action", explanation.action.name()),
                self.now(),
            )
            .await?;
        Ok(explanation)
    }
}

impl App {
    /// The filter as it decided at a time: the version of the pack then in force, with the overrides
    /// of then. Lists and roll are today's: the explanation says which versions.
    async fn snapshot_at(&self, at: Timestamp) -> Result<Arc<Snapshot>, Error> {
        let now_in_force = self
            .filter()
            .snapshot()
            .map_err(|_| crate::whatif::nothing_yet())?;
        if at >= self.now() {
            return Ok(now_in_force);
        }
        let number = self.version_at(at).await?.ok_or_else(|| {
            Error::field(
                "at",
                "No policy was in force at that time. Choose a later one.",
            )
        })?;
        let stored = self.records().pack(number).await?.ok_or(Error::NotFound)?;
        let pack =
            crate::packs::usable(pharos_pack::load_held(&crate::changes::unpacked(&stored)?))?;
        let school = School::new(pack, u64::try_from(number).unwrap_or_default())?;
        let day = at.to_zoned(self.zone()).date();
        let mut spec = school.pack.filter_on(day);
        self.add_floor(&mut spec, Some(at))?;
        let read = self
            .may::<act::ReadPolicy>(&Actor::system("explain"), Target::School)
            .await?;
        for stored in self
            .records()
            .overrides(&read, Timestamp::MIN, OVERRIDES_MAX)
            .await?
        {
            let there = stored.at <= at && stored.ended_at.is_none_or(|ended| ended > at);
            if there && stored.until.is_none_or(|until| until > at) {
                crate::snapshot::add_override(&mut spec, &stored)?;
            }
        }
        let mut parts = now_in_force.parts();
        let categories = Arc::clone(&parts.categories);
        let policy =
            pharos_filter::compile_policy(&spec, categories.names(), &school.declared_categories)
                .map_err(crate::snapshot::wrong_policy)?;
        parts.policy = Arc::new(policy);
        parts
            .dictionaries
            .clone_from(&school.pack.dictionaries.compiled);
        parts.versions.policy = school.version;
        Ok(Arc::new(Snapshot::new(parts)))
    }
}

/// Somebody as stated by the one who asks; nobody where none is named.
pub(crate) fn stated(person: Option<PersonId>) -> Who {
    match person {
        Some(person) => Who::Known {
            person,
            source: IdentitySource::Stated,
            confidence: Confidence::Certain,
            device: None,
        },
        None => Who::Unknown {
            why: Unknown::NoSignIn,
            device: None,
        },
    }
}
