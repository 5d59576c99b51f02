//! The provider record (FIL-18): who brings the internet in and filters it, whether that provider
//! takes the IWF list, on what evidence and of which day, and what was gone through with suppliers.

use jiff::Span;
use jiff::civil::Date;
use pharos_access::{Actor, Target, act};
use pharos_ledger::Detail;
use pharos_school::{PersonId, Role};
use serde::{Deserialize, Serialize};

use crate::{App, Error, Problem, SignedIn};

/// Under which name the record is kept among the stored settings.
const KEPT_AS: &str = "provider.record";
/// The longest text of a field, in characters.
const TEXT_MAX: usize = 500;
/// Reviews that are kept; older ones stay in the ledger and in backups.
const REVIEWS_MAX: usize = 200;
/// How many days before a confirmation runs out its people are reminded.
const REMIND_DAYS: i64 = 30;

/// Whether the provider takes the IWF list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IwfTaken {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// Nobody has asked yet, or there was no answer.
    Unknown,
}

/// One review of the filtering policy with a supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplierReview {
    /// The day.
    pub on: Date,
    /// With whom.
    pub supplier: String,
    /// What came of it.
    pub outcome: String,
    /// Who wrote it down.
    pub by: PersonId,
}

/// The record as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRecord {
    v: u16,
    /// The broadband provider.
    pub broadband: String,
    /// The filter products in use.
    pub filter: String,
    /// The firewall product.
    pub firewall: String,
    /// Whether the provider takes the IWF list.
    pub iwf: IwfTaken,
    /// What shows it: a letter, a page of the provider, a test.
    pub evidence: String,
    /// The day of that evidence.
    pub confirmed_on: Option<Date>,
    /// Reviews with suppliers, newest first.
    #[serde(default)]
    pub reviews: Vec<SupplierReview>,
}

/// The record as a form gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewProvider {
    /// As in [`ProviderRecord`].
    pub broadband: String,
    /// As in [`ProviderRecord`].
    pub filter: String,
    /// As in [`ProviderRecord`].
    pub firewall: String,
    /// `yes`, `no` or `unknown`.
    pub iwf: String,
    /// As in [`ProviderRecord`].
    pub evidence: String,
    /// The day as `2026-11-22`, or nothing.
    pub confirmed_on: String,
}

/// How the confirmation stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// There is none, or the provider does not take the list.
    Missing,
    /// Good until this day.
    Good(Date),
    /// Good until this day, which is near.
    Ending(Date),
    /// Over since this day.
    Expired(Date),
}

impl ProviderRecord {
    /// How the confirmation stands: it is good for `months` after its evidence.
    pub fn confirmation(&self, today: Date, months: i64) -> Confirmation {
        let until = self
            .confirmed_on
            .filter(|_| self.iwf == IwfTaken::Yes)
            .and_then(|on| on.checked_add(Span::new().try_months(months).ok()?).ok());
        let Some(until) = until else {
            return Confirmation::Missing;
        };
        let ahead = Span::new()
            .try_days(REMIND_DAYS)
            .ok()
            .and_then(|span| until.checked_sub(span).ok())
            .unwrap_or(until);
        if today > until {
            Confirmation::Expired(until)
        } else if today >= ahead {
            Confirmation::Ending(until)
        } else {
            Confirmation::Good(until)
        }
    }
}

impl App {
    /// The provider record; `None` while nobody has written one.
    ///
    /// # Errors
    /// [`Error::Denied`]; when the records cannot be read.
    pub async fn provider(&self, actor: &Actor) -> Result<Option<ProviderRecord>, Error> {
        self.may::<act::Explain>(actor, Target::School).await?;
        self.kept_provider().await
    }

    /// How long a confirmation is good, in months (`fil.provider_months`).
    pub fn provider_months(&self) -> i64 {
        self.school().pack.number_of("fil.provider_months", 12)
    }

    /// How the confirmation stands today.
    pub fn confirmation(&self, record: Option<&ProviderRecord>) -> Confirmation {
        record.map_or(Confirmation::Missing, |record| {
            record.confirmation(self.today(), self.provider_months())
        })
    }

    /// Writes the record anew; the reviews stay.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] with what is missing or too long.
    pub async fn record_provider(&self, me: &SignedIn, new: NewProvider) -> Result<(), Error> {
        self.may::<act::ChangeSettings>(&me.actor, Target::School)
            .await?;
        let mut problems = Vec::new();
        let broadband = text("broadband", &new.broadband, true, &mut problems);
        let filter = text("filter", &new.filter, true, &mut problems);
        let firewall = text("firewall", &new.firewall, false, &mut problems);
        let iwf = match new.iwf.as_str() {
            "yes" => IwfTaken::Yes,
            "no" => IwfTaken::No,
            "unknown" => IwfTaken::Unknown,
            _ => {
                problems.push(Problem::field(
                    "iwf",
                    "Say whether the provider takes the list.",
                ));
                IwfTaken::Unknown
            }
        };
        let evidence = text(
            "evidence",
            &new.evidence,
            iwf == IwfTaken::Yes,
            &mut problems,
        );
        let confirmed_on = self.day("confirmed_on", &new.confirmed_on, &mut problems);
        if iwf == IwfTaken::Yes && confirmed_on.is_none() && new.confirmed_on.trim().is_empty() {
            problems.push(Problem::field(
                "confirmed_on",
                "Say of which day the evidence is.",
            ));
        }
        if !problems.is_empty() {
            return Err(Error::Invalid(problems));
        }
        let reviews = self
            .kept_provider()
            .await?
            .map(|kept| kept.reviews)
            .unwrap_or_default();
        self.keep_provider(
            me,
            "recorded",
            &ProviderRecord {
                v: 1,
                broadband,
                filter,
                firewall,
                iwf,
                evidence,
                confirmed_on,
                reviews,
            },
        )
        .await
    }

    /// Adds a review of the filtering policy with a supplier.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::Invalid`] with what is missing or too long; [`Error::Refused`]
    /// while there is no record.
    pub async fn record_supplier_review(
        &self,
        me: &SignedIn,
        on: &str,
        supplier: &str,
        outcome: &str,
    ) -> Result<(), Error> {
        self.may::<act::ChangeSettings>(&me.actor, Target::School)
            .await?;
        let mut problems = Vec::new();
        let day = self.day("on", on, &mut problems);
        let supplier = text("supplier", supplier, true, &mut problems);
        let outcome = text("outcome", outcome, true, &mut problems);
        if day.is_none() && problems.iter().all(|problem| problem.field != Some("on")) {
            problems.push(Problem::field("on", "Say on which day it was."));
        }
        let Some(on) = day.filter(|_| problems.is_empty()) else {
            return Err(Error::Invalid(problems));
        };
        let mut record = self.kept_provider().await?.ok_or_else(|| {
            Error::Refused("Write down the providers first, then the reviews with them.".to_owned())
        })?;
        record.reviews.push(SupplierReview {
            on,
            supplier,
            outcome,
            by: me.person.id,
        });
        record
            .reviews
            .sort_by_key(|review| std::cmp::Reverse(review.on));
        record.reviews.truncate(REVIEWS_MAX);
        self.keep_provider(me, "reviewed", &record).await
    }

    /// Gives the technical team its task when a confirmation is about to run out, has run out, or was
    /// never there; leadership hears of one that has run out (FIL-18). Each once a month. Gives how
    /// many notices there are by now.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn remind_of_provider(&self) -> Result<usize, Error> {
        let record = self.kept_provider().await?;
        let today = self.today();
        let month = format!("{}-{:02}", today.year(), today.month());
        let (roles, path): (&[Role], _) = match self.confirmation(record.as_ref()) {
            Confirmation::Good(_) => return Ok(0),
            Confirmation::Ending(until) => (&[Role::Technical], format!("/lists/provider/{until}")),
            Confirmation::Expired(until) => (
                &[Role::Technical, Role::Leadership],
                format!("/lists/provider/{until}/expired/{month}"),
            ),
            Confirmation::Missing => (
                &[Role::Technical],
                format!("/lists/provider/missing/{month}"),
            ),
        };
        let to = self.holders(roles).await?;
        let notices = self.notices_to(&to, "provider-due", &path, self.now())?;
        self.queue_notices(&notices).await?;
        Ok(notices.len())
    }

    async fn kept_provider(&self) -> Result<Option<ProviderRecord>, Error> {
        let Some(row) = self.records().setting(KEPT_AS).await? else {
            return Ok(None);
        };
        serde_json::from_str(&row.value)
            .map(Some)
            .map_err(|error| Error::unavailable("the provider record", &error))
    }

    async fn keep_provider(
        &self,
        me: &SignedIn,
        what: &str,
        record: &ProviderRecord,
    ) -> Result<(), Error> {
        let permit = self
            .may::<act::ChangeSettings>(&me.actor, Target::School)
            .await?;
        let value = serde_json::to_string(record)
            .map_err(|error| Error::unavailable("writing the provider record", &error))?;
        let now = self.now();
        self.records()
            .note(&permit, None, &Detail::new().text("provider", what), now)
            .await?;
        self.records()
            .set_setting(&permit, KEPT_AS, Some(&value), now)
            .await?;
        Ok(())
    }

    /// A day a person typed, not in the future.
    fn day(&self, field: &'static str, typed: &str, problems: &mut Vec<Problem>) -> Option<Date> {
        let typed = typed.trim();
        if typed.is_empty() {
            return None;
        }
        match typed.parse::<Date>() {
            Ok(day) if day <= self.today() => Some(day),
            Ok(_) => {
                problems.push(Problem::field(field, "This day is still to come."));
                None
            }
            Err(_) => {
                problems.push(Problem::field(field, "Write the day as 2026-11-22."));
                None
            }
        }
    }
}

fn text(field: &'static str, typed: &str, needed: bool, problems: &mut Vec<Problem>) -> String {
    let typed = typed.trim();
    if needed && typed.is_empty() {
        problems.push(Problem::field(field, "Fill this in."));
    }
    if typed.chars().count() > TEXT_MAX {
        problems.push(Problem::field(field, "Use at most 500 characters."));
    }
    typed.to_owned()
}
