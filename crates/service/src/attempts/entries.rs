//! What followed a pupil's attempts, and the signature under an audit: written once, by whom and when.

use jiff::Timestamp;
use pharos_access::{Actor, Permit, Target, act};
use pharos_ledger::Detail;
use pharos_records::{JournalEntry, JournalFilter, NewJournalEntry};
use pharos_school::{PersonId, Role};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::audit::Named;
use super::{AuditPeriod, AuditedPupil};
use crate::clock::new_uuid;
use crate::overrides::json;
use crate::{App, Error, Problem, SignedIn};

/// The stored forms' version.
const VERSION: u16 = 1;
/// The shortest text, in characters.
const WORDS_MIN: usize = 5;
/// The longest text, in characters.
const WORDS_MAX: usize = 20_000;

/// What followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseKind {
    /// Somebody advised the pupil.
    Advice,
    /// The pupil was given support.
    Support,
    /// Anything else, such as that nothing was needed, and why.
    Other,
}

impl ResponseKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Advice, Self::Support, Self::Other];

    /// The name in forms.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Support => "support",
            Self::Other => "other",
        }
    }

    /// The words for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Advice => "Advice given",
            Self::Support => "Support given",
            Self::Other => "Other response",
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct ResponseBody {
    v: u16,
    kind: ResponseKind,
    words: String,
}

/// What followed one pupil's attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptResponse {
    /// The pupil.
    pub person: PersonId,
    /// The first day of the period.
    pub period: String,
    /// When it was noted.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<PersonId>,
    /// What followed.
    pub kind: ResponseKind,
    /// In words.
    pub words: String,
}

/// The signature's stored form.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AuditBody {
    v: u16,
    pub(super) words: String,
    /// Who stood there, as it was then.
    pub(super) pupils: Vec<AuditedPupil>,
    /// Further ones who were not named.
    pub(super) more: usize,
    /// Attempts counted in all.
    pub(super) attempts: u64,
    /// Whether everything of the period was counted.
    pub(super) whole: bool,
    /// Whether something followed for each of the further ones too. Older audits were signed without
    /// asking.
    #[serde(default)]
    pub(super) all_answered: bool,
}

/// Who signed an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSigned {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Option<PersonId>,
    /// What the attempts of the period show, and what follows.
    pub words: String,
}

impl App {
    /// Notes what followed a pupil's attempts. It may be done before the period is over: support does
    /// not wait for an audit. A correction is a further entry.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] for a period that is none, or whoever the actor may not
    /// watch; [`Error::Invalid`] without words.
    pub async fn respond_to_attempts(
        &self,
        me: &SignedIn,
        period: AuditPeriod,
        person: PersonId,
        kind: ResponseKind,
        words: &str,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::AuditAttempts>(&me.actor, Target::School)
            .await?;
        self.audited_period(period)?;
        let pupil = self.known_person(person).await?.ok_or(Error::NotFound)?;
        if !pupil.is(Role::Pupil) || !self.may_watch(&me.actor, person).await? {
            return Err(Error::NotFound);
        }
        let words = said(
            words,
            "words",
            "Say what was done, or why nothing was needed.",
        )?;
        let entry = NewJournalEntry {
            id: new_uuid(),
            key: period.to_string(),
            about: Some(person),
            body: json(&ResponseBody {
                v: VERSION,
                kind,
                words,
            })?,
        };
        Ok(self
            .records()
            .add_attempt_response(&permit, &entry, self.now())
            .await?)
    }

    /// What followed one pupil's attempts, newest first: their chronology of advice and support.
    /// Reading it leaves a look-up (AUD-05).
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] where the actor may not watch the pupil.
    pub async fn attempt_responses_of(
        &self,
        actor: &Actor,
        person: PersonId,
    ) -> Result<Vec<AttemptResponse>, Error> {
        let permit = self.may::<act::ReadAttempts>(actor, Target::School).await?;
        if !self.may_watch(actor, person).await? {
            return Err(Error::NotFound);
        }
        let filter = JournalFilter {
            about: Some(person),
            ..JournalFilter::default()
        };
        let found = self.records().attempt_responses(&permit, &filter).await?;
        if !found.is_empty() {
            let detail = Detail::new().text("shown", "responses");
            self.records()
                .note(&permit, Some(person), &detail, self.now())
                .await?;
        }
        found.iter().filter_map(response).collect()
    }

    /// Signs the audit of a period: something followed for everybody who stands there.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::NotFound`] for a period that is none; [`Error::Refused`] while it is
    /// not over, or where a pupil has no response; [`Error::Invalid`] without words.
    pub async fn sign_attempt_audit(
        &self,
        me: &SignedIn,
        period: AuditPeriod,
        words: &str,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::AuditAttempts>(&me.actor, Target::School)
            .await?;
        let audit = self.audit_of(&me.actor, period, Named::Nobody).await?;
        if !audit.line.over {
            return Err(Error::Refused(
                "This period is not over. Sign its audit when it is; what follows for a pupil can be noted now.".to_owned(),
            ));
        }
        let without = audit.unanswered;
        if without > 0 {
            return Err(Error::Refused(match without {
                1 => "One pupil has no response yet. Note what was done for them, or why nothing was needed; then sign.".to_owned(),
                many => format!("{many} pupils have no response yet. Note for each what was done, or why nothing was needed; then sign."),
            }));
        }
        let words = said(
            words,
            "words",
            "Say what the attempts of this period show, and what follows.",
        )?;
        let body = AuditBody {
            v: VERSION,
            words,
            pupils: audit.pupils.into_iter().map(AuditedPupil::bare).collect(),
            more: audit.more,
            attempts: audit.attempts,
            whole: audit.whole,
            all_answered: true,
        };
        let entry = NewJournalEntry {
            id: new_uuid(),
            key: audit.line.period.to_string(),
            about: None,
            body: json(&body)?,
        };
        self.records()
            .sign_attempt_audit(&permit, &entry, self.now())
            .await?;
        self.assess_and_keep().await
    }

    /// What followed in a period, by pupil.
    pub(super) async fn responses_in(
        &self,
        permit: &Permit<act::ReadAttempts>,
        period: AuditPeriod,
    ) -> Result<Vec<AttemptResponse>, Error> {
        let filter = JournalFilter {
            key: Some(period.to_string()),
            ..JournalFilter::default()
        };
        let found = self.records().attempt_responses(permit, &filter).await?;
        found.iter().filter_map(response).collect()
    }

    /// Every signature, with the first day of its period, newest first.
    pub(super) async fn signatures(
        &self,
        permit: &Permit<act::ReadAttempts>,
    ) -> Result<Vec<(String, AuditSigned, AuditBody)>, Error> {
        let all = JournalFilter::default();
        let found = self.records().attempt_audits(permit, &all).await?;
        found
            .into_iter()
            .map(|row| {
                let body: AuditBody = serde_json::from_slice(&row.entry.body)
                    .map_err(|error| Error::unavailable("a stored audit of attempts", &error))?;
                let signed = AuditSigned {
                    at: row.at,
                    by: row.by,
                    words: body.words.clone(),
                };
                Ok((row.entry.key, signed, body))
            })
            .collect()
    }
}

impl App {
    /// The signed audits in which any of these people stands.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn audits_with(&self, people: &[PersonId]) -> Result<Vec<Uuid>, Error> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let system = Actor::system("retention");
        let permit = self
            .may::<act::ReadAttempts>(&system, Target::School)
            .await?;
        let all = JournalFilter::default();
        let mut with = Vec::new();
        for row in self.records().attempt_audits(&permit, &all).await? {
            let body: AuditBody = serde_json::from_slice(&row.entry.body)
                .map_err(|error| Error::unavailable("a stored audit of attempts", &error))?;
            if body.pupils.iter().any(|one| people.contains(&one.person)) {
                with.push(row.entry.id);
            }
        }
        Ok(with)
    }
}

fn response(row: &JournalEntry) -> Option<Result<AttemptResponse, Error>> {
    let person = row.entry.about?;
    let body = serde_json::from_slice::<ResponseBody>(&row.entry.body)
        .map_err(|error| Error::unavailable("a stored response to attempts", &error));
    Some(body.map(|body| AttemptResponse {
        person,
        period: row.entry.key.clone(),
        at: row.at,
        by: row.by,
        kind: body.kind,
        words: body.words,
    }))
}

/// Words that say something, within bounds.
pub(crate) fn said(
    words: &str,
    field: &'static str,
    missing: &'static str,
) -> Result<String, Error> {
    let words = words.trim();
    let length = words.chars().count();
    let wrong = match length {
        0..WORDS_MIN => missing,
        WORDS_MIN..=WORDS_MAX => return Ok(words.to_owned()),
        _ => "Write at most 20,000 characters.",
    };
    Err(Error::Invalid(vec![Problem::field(field, wrong)]))
}
