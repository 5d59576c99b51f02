//! Alerts and what was done about them (MON-03, MON-04, MON-13).

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{AlertFacts, Permit, Watched, act};
use pharos_school::{AlertId, CaseId, PersonId};

use crate::{NewNotice, Result};

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// Nobody has acknowledged it.
    Open,
    /// Somebody works on it.
    Acknowledged,
    /// Closed with explanation and outcome.
    Closed,
}

impl AlertState {
    /// The name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
        }
    }

    /// The reverse of [`AlertState::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Open, Self::Acknowledged, Self::Closed]
            .into_iter()
            .find(|s| s.name() == name)
    }
}

/// An alert to be raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAlert {
    /// Its id, made at the edge.
    pub id: AlertId,
    /// The rule that raised it.
    pub rule: String,
    /// The rule's version.
    pub rule_version: String,
    /// 0 (least) to 100: the inbox shows the highest first.
    pub rank: i64,
    /// Whom it is about.
    pub about: Option<Watched>,
    /// Who got it besides those by role.
    pub assigned: BTreeSet<PersonId>,
    /// Alerts with the same key that are not closed become one.
    pub key: String,
    /// When to chase, if nobody acknowledges (CLK-02).
    pub chase_at: Option<Timestamp>,
    /// What was seen and why it is shown, as versioned JSON: words, address, device. Sealed.
    pub body: Vec<u8>,
}

/// What raising did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raised {
    /// A new alert.
    New(AlertId),
    /// One like it was not closed yet: its count went up, its body is the newer one.
    Again(AlertId),
}

/// A stored alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// When it was first raised.
    pub at: Timestamp,
    /// When it was last seen again.
    pub last_at: Timestamp,
    /// How often.
    pub count: i64,
    /// The rule.
    pub rule: String,
    /// The rule's version.
    pub rule_version: String,
    /// 0 to 100.
    pub rank: i64,
    /// Whom it is about.
    pub about: Option<Watched>,
    /// Who got it besides those by role.
    pub assigned: BTreeSet<PersonId>,
    /// Where it stands.
    pub state: AlertState,
    /// Who acknowledged it.
    pub acknowledged_by: Option<PersonId>,
    /// When.
    pub acknowledged_at: Option<Timestamp>,
    /// When to chase next.
    pub chase_at: Option<Timestamp>,
    /// How often it was chased.
    pub chased: i64,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The case it led to.
    pub case: Option<CaseId>,
    /// What was seen, as versioned JSON.
    pub body: Vec<u8>,
}

impl Alert {
    /// What need-to-know needs.
    pub fn facts(&self) -> AlertFacts {
        AlertFacts {
            id: self.id,
            about: self.about,
            assigned: self.assigned.clone(),
        }
    }
}

/// One thing done about an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertEntry {
    /// 1 for the first.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// By whom; `None` for the system.
    pub by: Option<PersonId>,
    /// `acknowledged`, `explained`, `passed-on`, `chased`, `closed` …
    pub kind: String,
    /// Versioned JSON. Sealed.
    pub body: Vec<u8>,
}

/// An alert with everything done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFile {
    /// The alert.
    pub alert: Alert,
    /// In order.
    pub entries: Vec<AlertEntry>,
}

/// What an entry changes beside being written. `None` leaves as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertChange {
    /// The new state.
    pub state: Option<AlertState>,
    /// Who has it besides those by role.
    pub assigned: Option<BTreeSet<PersonId>>,
    /// The next chase; `Some(None)` stops chasing.
    pub chase_at: Option<Option<Timestamp>>,
    /// Counts one chase more.
    pub chased: bool,
    /// The new rank.
    pub rank: Option<i64>,
}

/// Which alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Only in these states; empty means all.
    pub states: BTreeSet<AlertState>,
    /// Only about this person.
    pub about: Option<PersonId>,
    /// Only raised at or after.
    pub since: Option<Timestamp>,
    /// Only raised before.
    pub until: Option<Timestamp>,
    /// At most this many, highest rank first, then oldest; 0 means [`crate::MAX_ROWS`].
    pub limit: usize,
}

/// Alerts.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Raises an alert with its notices, or counts it with the one like it.
    async fn raise_alert(
        &self,
        permit: &Permit<act::RaiseAlert>,
        alert: &NewAlert,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<Raised>;

    /// What a permit for an alert is decided on.
    async fn alert_facts(&self, id: AlertId) -> Result<Option<AlertFacts>>;

    /// Opens an alert; leaves ledger line and look-up.
    async fn alert(
        &self,
        permit: &Permit<act::ReadAlert>,
        at: Timestamp,
    ) -> Result<Option<AlertFile>>;

    /// The alerts that the asker may know of.
    async fn alerts(
        &self,
        permit: &Permit<act::ListAlerts>,
        filter: &AlertFilter,
    ) -> Result<Vec<Alert>>;

    /// How many the asker may know of; [`AlertFilter::limit`] is not used.
    async fn count_alerts(
        &self,
        permit: &Permit<act::ListAlerts>,
        filter: &AlertFilter,
    ) -> Result<usize>;

    /// Writes an entry and its change. A closed alert takes no more entries ([`crate::Error::Conflict`]).
    /// Gives the entry's number.
    async fn append_alert(
        &self,
        permit: &Permit<act::HandleAlert>,
        kind: &str,
        body: &[u8],
        change: &AlertChange,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<i64>;

    /// Alerts whose chase is due.
    async fn alerts_to_chase(
        &self,
        permit: &Permit<act::Housekeep>,
        now: Timestamp,
    ) -> Result<Vec<Alert>>;
}
