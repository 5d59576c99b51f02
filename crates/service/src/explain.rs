//! Why something is blocked or not: any verdict, explained on request (FIL-06).

use std::net::IpAddr;

use jiff::Timestamp;
use pharos_access::{Actor, Target, Watched, act};
use pharos_catalogue::Address;
use pharos_filter::{Explanation, Query};
use pharos_ledger::Detail;
use pharos_school::{Confidence, Face, IdentitySource, PersonId, Unknown, Who};

use crate::{App, Error};

/// A question to the filter by a person.
#[derive(Debug, Clone)]
pub struct ExplainQuestion {
    /// The address, as typed.
    pub address: String,
    /// Whose verdict; `None` for an unknown user.
    pub person: Option<PersonId>,
    /// From which network address; decides the place.
    pub from: Option<IpAddr>,
    /// When; `None` for now.
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
        let permit = self.may::<act::Explain>(actor, Target::School).await?;
        let address = Address::parse(question.address.trim()).map_err(|error| {
            Error::field(
                "address",
                format!("{error}. Type it as it stands in the browser, such as example.org/page."),
            )
        })?;
        if let Some(person) = question.person {
            let person = self.known_person(person).await?.ok_or(Error::NotFound)?;
            // A verdict tells something about a person only where restrictions are theirs alone.
            if Watched::of(&person).about != pharos_access::About::Pupil
                && actor.id() != Some(person.id)
            {
                self.may::<act::SearchActivity>(actor, Target::Person(Watched::of(&person)))
                    .await?;
            }
        }
        let who = match question.person {
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
        };
        let snapshot = self
            .filter()
            .snapshot()
            .map_err(|_| Error::Refused("The filter has no policy and lists in force yet. Wait until it has started, or look at the status page.".to_owned()))?;
        let now = question.at.unwrap_or_else(|| self.now());
        let query = Query {
            address: &address,
            who: &who,
            from: question.from,
            face: Face::Explain,
            now,
        };
        let explanation = snapshot.explanation(&query);
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
