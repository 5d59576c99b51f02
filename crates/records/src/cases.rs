//! Cases: a header that lists need, and entries that only grow (CON-06).

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{CaseFacts, Involved, Partition, Permit, act};
use pharos_school::{AlertId, CaseId, EntryId, PersonId};

use crate::{NewNotice, Result};

/// A case to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCase {
    /// Its id, made at the edge.
    pub id: CaseId,
    /// The procedure's kind: `filtering-breach`, `concern` while not yet known.
    pub kind: String,
    /// Safeguarding or other incident.
    pub partition: Partition,
    /// Where it stands, in the words of the procedure.
    pub state: String,
    /// One line for the list. Sealed.
    pub title: String,
    /// Everybody with a part in it.
    pub involved: Vec<Involved>,
    /// Kept out.
    pub conflicts: BTreeSet<PersonId>,
    /// Named readers.
    pub readers: BTreeSet<PersonId>,
    /// Who raised it; sees a receipt.
    pub raised_by: Option<PersonId>,
    /// Who has it in hand.
    pub owner: Option<PersonId>,
    /// The next clock.
    pub due_at: Option<Timestamp>,
    /// 0 (least) to 100.
    pub rank: i64,
    /// The alert it came from, which then points at it.
    pub from_alert: Option<AlertId>,
}

/// A case's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// A number for people: 1 for the school's first case.
    pub number: i64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When the last entry was written.
    pub last_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The procedure's kind.
    pub kind: String,
    /// Safeguarding or other incident.
    pub partition: Partition,
    /// Where it stands.
    pub state: String,
    /// The outcome, once closed: a word of the procedure.
    pub outcome: Option<String>,
    /// One line for the list.
    pub title: String,
    /// Everybody with a part in it.
    pub involved: Vec<Involved>,
    /// Kept out.
    pub conflicts: BTreeSet<PersonId>,
    /// Named readers.
    pub readers: BTreeSet<PersonId>,
    /// Who raised it.
    pub raised_by: Option<PersonId>,
    /// When somebody first acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
    /// Who has it in hand.
    pub owner: Option<PersonId>,
    /// The next clock.
    pub due_at: Option<Timestamp>,
    /// 0 to 100.
    pub rank: i64,
    /// The alert it came from.
    pub from_alert: Option<AlertId>,
    /// How many entries it has; [`Cases::append_entries`] wants it back.
    pub entries: i64,
}

impl Case {
    /// What need-to-know needs.
    pub fn facts(&self) -> CaseFacts {
        CaseFacts {
            id: self.id,
            partition: self.partition,
            involved: self.involved.clone(),
            conflicts: self.conflicts.clone(),
            readers: self.readers.clone(),
            raised_by: self.raised_by,
        }
    }
}

/// An entry to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its id, made at the edge.
    pub id: EntryId,
    /// When it happened, as the entry says.
    pub at: Timestamp,
    /// Its kind, in the words of `casework`.
    pub kind: String,
    /// Versioned JSON. Sealed.
    pub body: Vec<u8>,
}

/// A stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseEntry {
    /// Its id.
    pub id: EntryId,
    /// 1 for the first of its case.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// By whom; `None` for the system.
    pub by: Option<PersonId>,
    /// Its kind.
    pub kind: String,
    /// Versioned JSON.
    pub body: Vec<u8>,
}

/// A case with its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFile {
    /// The header.
    pub case: Case,
    /// In order.
    pub entries: Vec<CaseEntry>,
}

/// What entries change in the header. `None` leaves as it is. The use case derives it by replaying
/// the entries; the header is for lists and need-to-know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseChange {
    /// The kind.
    pub kind: Option<String>,
    /// Safeguarding or other incident (CON-05).
    pub partition: Option<Partition>,
    /// The state.
    pub state: Option<String>,
    /// The outcome.
    pub outcome: Option<String>,
    /// The one line.
    pub title: Option<String>,
    /// Everybody with a part.
    pub involved: Option<Vec<Involved>>,
    /// Kept out.
    pub conflicts: Option<BTreeSet<PersonId>>,
    /// First acknowledgement.
    pub acknowledged_at: Option<Timestamp>,
    /// Who has it in hand.
    pub owner: Option<PersonId>,
    /// The next clock; `Some(None)` for none.
    pub due_at: Option<Option<Timestamp>>,
    /// The rank.
    pub rank: Option<i64>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

/// Which cases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// `Some(true)` only open ones, `Some(false)` only closed ones.
    pub open: Option<bool>,
    /// Only with this person in it, whatever their part.
    pub involves: Option<PersonId>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only opened at or after.
    pub since: Option<Timestamp>,
    /// Only opened before.
    pub until: Option<Timestamp>,
    /// At most this many, highest rank first, then oldest; 0 means [`crate::MAX_ROWS`].
    pub limit: usize,
}

/// What somebody sees of a concern they raised: that it was received, and a thank-you (CON-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The number for people.
    pub number: i64,
    /// When it was raised.
    pub at: Timestamp,
    /// When somebody took it up.
    pub acknowledged_at: Option<Timestamp>,
}

/// A case as figures: nobody can be told from it (ROLE-07).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseNumber {
    /// The kind.
    pub kind: String,
    /// Safeguarding or other incident.
    pub partition: Partition,
    /// The state.
    pub state: String,
    /// The outcome.
    pub outcome: Option<String>,
    /// When opened.
    pub opened_at: Timestamp,
    /// When first acknowledged.
    pub acknowledged_at: Option<Timestamp>,
    /// When closed.
    pub closed_at: Option<Timestamp>,
}

/// Cases.
#[async_trait]
pub trait Cases: Send + Sync {
    /// Opens a case with its first entries and notices. The alert it came from then points at it.
    /// Gives its number for people.
    async fn open_case(
        &self,
        permit: &Permit<act::RaiseConcern>,
        case: &NewCase,
        entries: &[NewEntry],
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<i64>;

    /// What a permit for a case is decided on.
    async fn case_facts(&self, id: CaseId) -> Result<Option<CaseFacts>>;

    /// Opens a case; leaves ledger line and a look-up for everybody it is about.
    async fn case(&self, permit: &Permit<act::ReadCase>, at: Timestamp)
    -> Result<Option<CaseFile>>;

    /// Opens a case to print or export it.
    async fn export_case(
        &self,
        permit: &Permit<act::ExportCase>,
        at: Timestamp,
    ) -> Result<Option<CaseFile>>;

    /// Opens a case in an emergency: the permit must carry a reason
    /// ([`crate::Error::NoReason`]), and `notices` tell the lead.
    async fn emergency_case(
        &self,
        permit: &Permit<act::EmergencyCase>,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<Option<CaseFile>>;

    /// The case for the use case that is about to write to it: no look-up of its own, since the
    /// entry that follows says who it was.
    async fn case_to_write(&self, permit: &Permit<act::WriteCase>) -> Result<Option<CaseFile>>;

    /// Writes entries and the header's change. `known` is [`Case::entries`] as last read; another
    /// number means that somebody wrote meanwhile ([`crate::Error::Conflict`]). Gives the new count.
    async fn append_entries(
        &self,
        permit: &Permit<act::WriteCase>,
        known: i64,
        entries: &[NewEntry],
        change: &CaseChange,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<i64>;

    /// Names the readers beyond the role.
    async fn share_case(
        &self,
        permit: &Permit<act::ShareCase>,
        readers: &BTreeSet<PersonId>,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<()>;

    /// The cases that the asker may know of.
    async fn cases(
        &self,
        permit: &Permit<act::ListCases>,
        filter: &CaseFilter,
    ) -> Result<Vec<Case>>;

    /// The number of a case, where the asker may know of it.
    async fn case_number(&self, permit: &Permit<act::ListCases>, id: CaseId)
    -> Result<Option<i64>>;

    /// How many the asker may know of.
    async fn count_cases(
        &self,
        permit: &Permit<act::ListCases>,
        filter: &CaseFilter,
    ) -> Result<usize>;

    /// Every case opened in the time, as figures.
    async fn case_numbers(
        &self,
        permit: &Permit<act::CountCases>,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<CaseNumber>>;

    /// What the permit's person raised, newest first.
    async fn receipts(&self, permit: &Permit<act::ReadReceipt>) -> Result<Vec<Receipt>>;

    /// Open cases whose clock ran out, for the chasing job.
    async fn cases_due(&self, permit: &Permit<act::Housekeep>, now: Timestamp)
    -> Result<Vec<Case>>;
}
