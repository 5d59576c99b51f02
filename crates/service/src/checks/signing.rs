//! Leadership signs the sheet of a run: that they have seen it, and what is done about what did not
//! hold (AUD-02).

use std::collections::BTreeMap;

use jiff::Timestamp;
use pharos_access::{Actor, Target, act};
use pharos_ledger::Detail;
use pharos_school::{CheckId, PersonId, Role};
use serde::{Deserialize, Serialize};

use crate::{App, Error, SignedIn};

/// Where signatures stand among the settings.
const PREFIX: &str = "check-signed.";
/// Who signs, the first role that somebody has counts.
const SIGNERS: [Role; 3] = [Role::Head, Role::Leadership, Role::Lead];
/// The most letters of what is done about it.
const WORDS_MAX: usize = 1_000;

/// A signature under a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The stored form's version.
    v: u16,
    /// Who.
    pub by: PersonId,
    /// As what.
    pub role: Role,
    /// When.
    pub at: Timestamp,
    /// What is done about what did not hold; may be empty where everything held.
    #[serde(default)]
    pub words: String,
}

impl App {
    /// Whether somebody signs the sheets of checks.
    pub fn signs_checks(&self, actor: &Actor) -> bool {
        actor.within().is_none() && SIGNERS.iter().any(|role| actor.holds(*role))
    }

    /// Signs the sheet of a run. A later signature of the same person takes the place of their
    /// earlier one; the audit log keeps both.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`]; [`Error::Refused`] for whoever is not of the
    /// leadership; [`Error::Invalid`] without words where something did not hold.
    pub async fn sign_check(&self, me: &SignedIn, id: CheckId, words: &str) -> Result<(), Error> {
        let run = self.check(&me.actor, id).await?;
        let signs = |role: &Role| self.signs_checks(&me.actor) && me.actor.holds(*role);
        let role = SIGNERS.into_iter().find(signs).ok_or_else(|| {
            Error::Refused("The leadership signs the sheets of checks: the head, the leadership team or the lead.".to_owned())
        })?;
        let words = words.trim();
        if words.chars().count() > WORDS_MAX {
            return Err(Error::field("words", "Write at most 1,000 letters."));
        }
        let whole = run.run.failed == 0 && run.run.passed > 0;
        if words.is_empty() && !whole {
            return Err(Error::field(
                "words",
                "Not everything held. Write what is done about it, and who does it.",
            ));
        }
        let permit = self
            .may::<act::RecordStanding>(&me.actor, Target::School)
            .await?;
        let detail = Detail::new()
            .text("signed-check", &id.to_string())
            .number("failed", run.run.failed);
        self.records()
            .note(&permit, None, &detail, self.now())
            .await?;
        let keep = self
            .may::<act::ChangeSettings>(&Actor::system("attestations"), Target::School)
            .await?;
        let signature = Signature {
            v: 1,
            by: me.person.id,
            role,
            at: self.now(),
            words: words.to_owned(),
        };
        let text = serde_json::to_string(&signature)
            .map_err(|error| Error::unavailable("writing a signature", &error))?;
        let name = format!("{PREFIX}{id}.{}", me.person.id);
        self.records()
            .set_setting(&keep, &name, Some(&text), self.now())
            .await?;
        Ok(())
    }

    /// The signatures under every run, oldest first.
    ///
    /// # Errors
    /// [`Error::Denied`]; when the records cannot be read.
    pub async fn check_signatures(
        &self,
        actor: &Actor,
    ) -> Result<BTreeMap<CheckId, Vec<Signature>>, Error> {
        self.may::<act::ReadChecks>(actor, Target::School).await?;
        let mut signed: BTreeMap<CheckId, Vec<Signature>> = BTreeMap::new();
        for row in self.records().settings().await? {
            let Some((id, _)) = row
                .name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.split_once('.'))
            else {
                continue;
            };
            if let (Ok(id), Ok(signature)) =
                (id.parse(), serde_json::from_str::<Signature>(&row.value))
            {
                signed.entry(id).or_default().push(signature);
            }
        }
        for signatures in signed.values_mut() {
            signatures.sort_by_key(|signature| signature.at);
        }
        Ok(signed)
    }
}
