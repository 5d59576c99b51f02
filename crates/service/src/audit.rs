//! The ledger as people read it: what was done, who looked at whom, and whether it is whole (AUD).

use std::collections::BTreeMap;

use jiff::Timestamp;
use pharos_access::{Act, Actor, Target, act};
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
    /// The newest entries of the audit log, without those about cases and alerts that the reader
    /// may not know of, and without others' look-ups of the reader. At most `limit` are read.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn ledger(
        &self,
        actor: &Actor,
        filter: &LedgerFilter,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        let permit = self.may::<act::ReadLedger>(actor, Target::School).await?;
        let (mut shown, mut known) = (Vec::new(), BTreeMap::new());
        for entry in self.records().ledger(&permit, filter, limit).await? {
            let line = &entry.line;
            if !is_about_oneself(actor, &line.actor, &line.act, &line.subject)
                && self.may_know(actor, &line.subject, &mut known).await?
            {
                shown.push(entry);
            }
        }
        Ok(shown)
    }

    /// Whether somebody may learn that the case or alert of this subject exists (CON-14, MON-13).
    async fn may_know(
        &self,
        actor: &Actor,
        subject: &str,
        known: &mut BTreeMap<String, bool>,
    ) -> Result<bool, Error> {
        if let Some(may) = known.get(subject) {
            return Ok(*may);
        }
        let rules = self.rules();
        let may = match subject.split_once(':') {
            Some(("case", id)) => match id.parse() {
                Ok(id) => self.records().case_facts(id).await?.is_none_or(|facts| {
                    rules
                        .decide(Act::ReadCase, actor, Target::Case(&facts))
                        .is_ok()
                }),
                Err(_) => true,
            },
            Some(("alert", id)) => match id.parse() {
                Ok(id) => self.records().alert_facts(id).await?.is_none_or(|facts| {
                    rules
                        .decide(Act::ReadAlert, actor, Target::Alert(&facts))
                        .is_ok()
                }),
                Err(_) => true,
            },
            _ => true,
        };
        known.insert(subject.to_owned(), may);
        Ok(may)
    }

    /// Who looked at records of people since a time (AUD-05). What is about the asker's own cases is
    /// left out: they may not learn that it exists.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn lookups(
        &self,
        actor: &Actor,
        about: Option<PersonId>,
        since: Timestamp,
    ) -> Result<Vec<Lookup>, Error> {
        let permit = self.may::<act::ReadLookups>(actor, Target::School).await?;
        let (mut shown, mut known) = (Vec::new(), BTreeMap::new());
        for row in self.records().lookups(&permit, about, since, 1000).await? {
            let own = row.about.is_some() && row.about == actor.id();
            if !own && self.may_know(actor, &row.subject, &mut known).await? {
                shown.push(row);
            }
        }
        Ok(shown)
    }

    /// The permit for a backup or a change of keys, which the binary carries out on its engine.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn backup_permit(
        &self,
        actor: &Actor,
    ) -> Result<pharos_access::Permit<act::Backup>, Error> {
        self.may::<act::Backup>(actor, Target::School).await
    }

    /// Compares every row of the change log (changes with their steps, what was made at short
    /// notice, versions of the pack) with the ledger; the first that does not fit (REQ-04).
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn verify_changes(&self) -> Result<Option<pharos_records::Altered>, Error> {
        Ok(self.records().verify_changes().await?)
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
            let filter = pharos_records::AlertFilter {
                states: [pharos_records::AlertState::Open].into(),
                ..Default::default()
            };
            waiting.alerts = self.records().count_alerts(&permit, &filter).await?;
        }
        if let Ok(permit) = rules.may::<act::ListCases>(actor, Target::School) {
            let filter = pharos_records::CaseFilter {
                open: Some(true),
                ..Default::default()
            };
            waiting.cases = self.records().count_cases(&permit, &filter).await?;
        }
        if rules
            .may::<act::ReadRequests>(actor, Target::School)
            .is_ok()
        {
            waiting.requests = self.requests(actor, true).await?.len();
        }
        Ok(waiting)
    }
}

/// Whether a line tells the reader that somebody else looked at them or narrowed their access.
fn is_about_oneself(actor: &Actor, by: &str, act: &str, subject: &str) -> bool {
    let Some(me) = actor.id().map(|id| format!("person:{id}")) else {
        return false;
    };
    let watching = [Act::SearchActivity, Act::Explain, Act::RestrictPerson];
    subject == me && by != me && watching.iter().any(|watched| watched.name() == act)
}
