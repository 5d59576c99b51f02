//! The ledger as people read it: what was done, who looked at whom, and whether it is whole (AUD).

use jiff::Timestamp;
use pharos_access::{Actor, Target, act};
use pharos_ledger::Entry;
use pharos_records::{LedgerFilter, Lookup, Verdict};
use pharos_school::PersonId;

use crate::{App, Error};

/// What waits for somebody, for the badges of the navigation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Alerts that nobody has acknowledged.
    pub alerts: usize,
    /// Open cases.
    pub cases: usize,
    /// Requests for sites.
    pub requests: usize,
}

impl App {
    /// The newest entries of the audit log.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn ledger(&self, actor: &Actor, filter: &LedgerFilter, limit: usize) -> Result<Vec<Entry>, Error> {
        let permit = self.may::<act::ReadLedger>(actor, Target::School).await?;
        Ok(self.records().ledger(&permit, filter, limit).await?)
    }

    /// Who looked at records of people since a time (AUD-05). What is about the asker's own cases is
    /// left out: they may not learn that it exists.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn lookups(&self, actor: &Actor, about: Option<PersonId>, since: Timestamp) -> Result<Vec<Lookup>, Error> {
        let permit = self.may::<act::ReadLookups>(actor, Target::School).await?;
        let mut rows = self.records().lookups(&permit, about, since, 1000).await?;
        rows.retain(|row| row.about.is_none() || row.about != actor.id());
        Ok(rows)
    }

    /// The permit for a backup or a change of keys, which the binary carries out on its engine.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn backup_permit(&self, actor: &Actor) -> Result<pharos_access::Permit<act::Backup>, Error> {
        self.may::<act::Backup>(actor, Target::School).await
    }

    /// Checks the whole chain.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn verify_ledger(&self) -> Result<Verdict, Error> {
        Ok(self.records().verify_ledger().await?)
    }

    /// How the queue of notices stands.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn queue(&self) -> Result<pharos_records::QueueFigures, Error> {
        Ok(self.records().queue().await?)
    }

    /// What waits for this person; zero for what they may not see.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn waiting(&self, actor: &Actor) -> Result<Waiting, Error> {
        let mut waiting = Waiting::default();
        let rules = self.rules();
        if let Ok(permit) = rules.may::<act::ListAlerts>(actor, Target::School) {
            let filter = pharos_records::AlertFilter { states: [pharos_records::AlertState::Open].into(), ..Default::default() };
            waiting.alerts = self.records().count_alerts(&permit, &filter).await?;
        }
        if let Ok(permit) = rules.may::<act::ListCases>(actor, Target::School) {
            let filter = pharos_records::CaseFilter { open: Some(true), ..Default::default() };
            waiting.cases = self.records().count_cases(&permit, &filter).await?;
        }
        if rules.may::<act::ReadRequests>(actor, Target::School).is_ok() {
            waiting.requests = self.requests(actor, true).await?.len();
        }
        Ok(waiting)
    }
}
