//! Concerns and cases: raised by anyone, worked by those who need to know, never edited (CON).

mod acting;
mod own_pupils;
pub(crate) mod pace;
mod raising;
mod readers;
mod stored;
mod telling;

use std::collections::BTreeSet;

use jiff::Timestamp;
use pharos_access::{Actor, Target, act};
use pharos_casework::{
    CaseState, Clock, Entry, EntryBody, Hand, Missing, Procedure, StepNow, Whom, broken_up, due,
    missing_to_close, prohibitions, steps,
};
use pharos_records::{Case, CaseFile, CaseFilter, Receipt};
use pharos_school::{AlertId, CaseId, EntryId, PersonId, Role};

use crate::clock::new_uuid;
use crate::{App, Error, SignedIn};
pub(crate) use telling::answering;

/// What somebody who raises a concern is told: that it arrived, and a number (CON-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raised {
    /// The case.
    pub case: CaseId,
    /// Its number for people.
    pub number: i64,
}

/// A case, open on somebody's desk.
pub struct OpenCase {
    /// The header.
    pub case: Case,
    /// What the entries say.
    pub state: CaseState,
    /// The entries, oldest first.
    pub entries: Vec<Entry>,
    /// The procedure it runs.
    pub procedure: Procedure,
}

impl OpenCase {
    /// Every step as it stands.
    pub fn steps(&self) -> Vec<StepNow<'_>> {
        steps(&self.state, &self.procedure)
    }

    /// What stands in the way of closing.
    pub fn missing(&self) -> Vec<Missing> {
        missing_to_close(&self.state, &self.procedure)
    }

    /// What is refused now, and why: `(what, why, instead)`.
    pub fn never(&self) -> Vec<(String, String)> {
        prohibitions(&self.state, &self.procedure)
            .into_iter()
            .map(|forbid| (forbid.why.clone(), forbid.instead.clone()))
            .collect()
    }
}

impl App {
    /// The cases that somebody may know of, most pressing first.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn cases(&self, actor: &Actor, open: bool) -> Result<Vec<Case>, Error> {
        let permit = self.may::<act::ListCases>(actor, Target::School).await?;
        Ok(self
            .records()
            .cases(
                &permit,
                &CaseFilter {
                    open: Some(open),
                    limit: 500,
                    ..CaseFilter::default()
                },
            )
            .await?)
    }

    /// Opens a case. The reading is in the ledger before anything is shown (CON-14).
    ///
    /// # Errors
    /// [`Error::NotFound`] both when it is not there and when they may not know of it.
    pub async fn case(&self, actor: &Actor, id: CaseId) -> Result<OpenCase, Error> {
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::ReadCase>(actor, Target::Case(&facts))
            .await
            .map_err(hide)?;
        let file = self
            .records()
            .case(&permit, self.now())
            .await?
            .ok_or(Error::NotFound)?;
        self.open_file(file)
    }

    /// The whole case for printing; noted as an export.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`].
    pub async fn export_case(&self, actor: &Actor, id: CaseId) -> Result<OpenCase, Error> {
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let permit = self
            .may::<act::ExportCase>(actor, Target::Case(&facts))
            .await?;
        let file = self
            .records()
            .export_case(&permit, self.now())
            .await?
            .ok_or(Error::NotFound)?;
        self.open_file(file)
    }

    /// Opens a case in an emergency, with a reason; the lead is told (CON-14).
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Invalid`] without a reason.
    pub async fn emergency_case(
        &self,
        actor: &Actor,
        id: CaseId,
        why: &str,
    ) -> Result<OpenCase, Error> {
        let facts = self
            .records()
            .case_facts(id)
            .await?
            .ok_or(Error::NotFound)?;
        let why = crate::overrides::reason(why)?;
        let permit = self
            .may::<act::EmergencyCase>(actor, Target::Case(&facts))
            .await?
            .because(&why);
        let leads = self.holders(&[Role::Lead]).await?;
        let notices = self.notices_to(
            &leads,
            "emergency-access",
            &format!("/cases/{id}"),
            self.now(),
        )?;
        let file = self
            .records()
            .emergency_case(&permit, &notices, self.now())
            .await?
            .ok_or(Error::NotFound)?;
        self.open_file(file)
    }

    /// What somebody raised themselves: that it was received, and taken up.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn receipts(&self, actor: &Actor, person: PersonId) -> Result<Vec<Receipt>, Error> {
        let permit = self
            .may::<act::ReadReceipt>(actor, Target::Own(person))
            .await?;
        Ok(self.records().receipts(&permit).await?)
    }

    /// Every clock that runs on a case, most pressing first (CLK-02).
    pub fn clocks(&self, open: &OpenCase) -> Vec<Clock> {
        due(
            &open.state,
            &open.procedure,
            &self.school().calendar,
            self.now(),
        )
    }

    /// Whether this person needs to see addresses in full to report or block them (BRE-10).
    pub fn needs_addresses(&self, actor: &Actor) -> bool {
        [
            Role::Lead,
            Role::Deputy,
            Role::Head,
            Role::OnlineLead,
            Role::Technical,
        ]
        .iter()
        .any(|role| actor.holds(*role))
    }

    /// The procedures of the school, for the "what to do if" charts (PRO-02).
    pub fn procedures(&self) -> Vec<Procedure> {
        self.school().pack.procedures.clone()
    }

    /// One procedure by its id, as the school has it.
    pub fn procedure(&self, id: &str) -> Option<Procedure> {
        self.school()
            .pack
            .procedures
            .iter()
            .find(|procedure| procedure.reference.id == id)
            .cloned()
    }

    pub(crate) fn open_file(&self, file: CaseFile) -> Result<OpenCase, Error> {
        let entries = file
            .entries
            .iter()
            .map(stored::entry)
            .collect::<Result<Vec<_>, _>>()?;
        let state = replay(&entries)?;
        let procedure = self
            .procedure(&state.procedure.id)
            .ok_or_else(|| Error::invalid(format!("This case runs the procedure {:?}, which the policy pack no longer has. Put it back.", state.procedure.id)))?;
        Ok(OpenCase {
            case: file.case,
            state,
            entries,
            procedure,
        })
    }

    /// What lists and need-to-know need of a case, derived from its entries.
    async fn header(
        &self,
        id: CaseId,
        state: &CaseState,
        procedure: &Procedure,
        raised_by: Option<PersonId>,
        from_alert: Option<AlertId>,
        now: Timestamp,
    ) -> Result<pharos_records::NewCase, Error> {
        let mut involved = Vec::new();
        for person in state.involved.iter() {
            if let Some(known) = person.whom.person()
                && let Some(known) = self.known_person(known).await?
            {
                involved.push(pharos_access::Involved {
                    id: known.id,
                    about: pharos_access::About::of(&known),
                    part: stored::part(person.part),
                });
            }
        }
        let clocks = due(state, procedure, &self.school().calendar, now);
        let overdue = clocks.iter().filter(|clock| clock.overdue).count();
        Ok(pharos_records::NewCase {
            id,
            kind: state.procedure.id.clone(),
            partition: stored::partition(state),
            state: stored::state_word(state).to_owned(),
            title: self.title(state).await?,
            involved,
            conflicts: BTreeSet::new(),
            readers: BTreeSet::new(),
            raised_by,
            owner: state.acknowledged.and_then(|mark| mark.by.person()),
            due_at: clocks.first().map(|clock| clock.due_at),
            rank: stored::rank(state, overdue),
            from_alert,
        })
    }

    /// One line for the list: who, and what kind of thing. Sealed like the rest.
    async fn title(&self, state: &CaseState) -> Result<String, Error> {
        let mut names = Vec::new();
        for involved in state.involved.iter().take(3) {
            names.push(self.who(&involved.whom).await?);
        }
        if names.is_empty() {
            names.push("Nobody named yet".to_owned());
        }
        Ok(format!(
            "{}: {}",
            names.join(", "),
            in_short(&state.concern.what)
        ))
    }

    /// How somebody named in a concern is called on pages.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn who(&self, whom: &Whom) -> Result<String, Error> {
        Ok(match whom {
            Whom::Pupil { person } | Whom::Staff { person } | Whom::Parent { person } => self
                .name_of(*person)
                .await?
                .unwrap_or_else(|| "Somebody no longer on the roll".to_owned()),
            Whom::PupilByName { name } => format!("{name} (not matched yet)"),
            Whom::FormerPupil { name } => format!("{name} (former pupil)"),
            Whom::PupilElsewhere { name, school } => format!("{name} ({school})"),
            Whom::Outsider { description } => description.clone(),
            Whom::ScreenName { name, service } => format!("“{name}” on {service}"),
            Whom::Device { label } => format!("Unknown person at {label}"),
        })
    }
}

/// An entry's addresses as this reader may see them: broken up, or withheld (BRE-10).
pub fn shown_addresses(body: &EntryBody, needs: bool) -> Vec<String> {
    let addresses: Vec<&String> = match body {
        EntryBody::Report { concern, .. } => concern.addresses.iter().collect(),
        EntryBody::Contained { address, .. } => vec![address],
        _ => Vec::new(),
    };
    addresses
        .into_iter()
        .map(|address| {
            if needs {
                broken_up(address)
            } else {
                pharos_casework::WITHHELD.to_owned()
            }
        })
        .collect()
}

pub(crate) fn new_entry() -> EntryId {
    EntryId::from_uuid(new_uuid())
}

/// The hand of somebody signed in, with the roles that their session carries.
pub(crate) fn hand_of(me: &SignedIn) -> Hand {
    let roles: Vec<Role> = Role::ALL
        .iter()
        .copied()
        .filter(|role| me.actor.holds(*role))
        .collect();
    Hand::person(me.person.id, &roles)
}

/// A refusal by the procedure, as the person reads it.
pub(crate) fn refusal(no: pharos_casework::Refusal) -> Error {
    Error::Refused(format!("{} {}", no.why, no.instead))
}

/// The first words of an account, about 80 characters, never cut inside a word.
fn in_short(text: &str) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        if !short.is_empty() && short.chars().count() + word.chars().count() >= 80 {
            short.push('…');
            return short;
        }
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
    }
    short.chars().take(120).collect()
}

/// A case that somebody may not see looks like one that is not there.
fn hide(error: Error) -> Error {
    match error {
        Error::Denied(_) => Error::NotFound,
        other => other,
    }
}

fn replay(entries: &[Entry]) -> Result<CaseState, Error> {
    CaseState::replay(entries).map_err(|broken| Error::unavailable("reading a case", &broken))
}
