//! Changes to the filter policy under change control (REQ-03, REQ-04, REQ-05): a draft, what
//! people added to it, and what became of it. Entries only grow.

use async_trait::async_trait;
use jiff::Timestamp;
use pharos_access::{Permit, Warrant, act};
use pharos_school::PersonId;
use uuid::Uuid;

use crate::{NewNotice, NewOverride, Result};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$says:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$says])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The name in the database.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            /// The reverse of `name`.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

words! {
    /// What a change changes.
    ChangeKind {
        /// A new version of the policy pack.
        Pack = "pack",
        /// Sites or categories opened for groups for some time.
        Opening = "opening",
    }
}

words! {
    /// Where a change stands.
    ChangeState {
        /// Waits for assessments and consent.
        Draft = "draft",
        /// Put in force; it may have run out since.
        InForce = "in-force",
        /// Given up before it was in force.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// How a change came in (REQ-04).
    Origin {
        /// On a page.
        Screen = "screen",
        /// As a file brought in on a page.
        File = "file",
        /// By a command on the server.
        Command = "command",
        /// By Pharos itself, such as at an expiry.
        System = "system",
    }
}

words! {
    /// What a change does to what people can reach.
    Effect {
        /// It opens, and closes nothing.
        Opens = "opens",
        /// It closes, and opens nothing.
        Closes = "closes",
        /// It does both.
        Both = "both",
        /// Neither, as far as recorded activity shows.
        Neither = "neither",
    }
}

words! {
    /// What was added to a change.
    ChangeStep {
        /// A risk assessment by somebody with teaching experience.
        Educational = "educational",
        /// A risk assessment by somebody with technical experience.
        Technical = "technical",
        /// Leadership's consent.
        Consent = "consent",
        /// It was put in force.
        PutInForce = "put-in-force",
        /// What the test on live traffic showed.
        Verified = "verified",
        /// Somebody looked at it again.
        Reviewed = "reviewed",
        /// It was given up.
        Withdrawn = "withdrawn",
        /// It was undone by a later change.
        Undone = "undone",
    }
}

/// A change to be drafted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    /// Its id, made at the edge.
    pub id: Uuid,
    /// What it changes.
    pub kind: ChangeKind,
    /// How it came in.
    pub origin: Origin,
    /// What it does, as the replay shows.
    pub effect: Effect,
    /// The version of the pack that waits for it.
    pub pack: Option<i64>,
    /// When it runs out.
    pub until: Option<Timestamp>,
    /// When somebody must look at it again, once it is in force.
    pub review_at: Option<Timestamp>,
    /// Why, before, after and the replay, as versioned JSON. Sealed.
    pub body: Vec<u8>,
}

/// A stored change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its id.
    pub id: Uuid,
    /// 1 for the first.
    pub number: i64,
    /// When it was drafted.
    pub at: Timestamp,
    /// By whom; `None` for the system.
    pub by: Option<PersonId>,
    /// What it changes.
    pub kind: ChangeKind,
    /// Where it stands.
    pub state: ChangeState,
    /// How it came in.
    pub origin: Origin,
    /// What it does.
    pub effect: Effect,
    /// The version of the pack that waits for it or came of it.
    pub pack: Option<i64>,
    /// The override that came of it.
    pub opened: Option<Uuid>,
    /// When it runs out.
    pub until: Option<Timestamp>,
    /// When somebody must look at it again.
    pub review_at: Option<Timestamp>,
    /// When it was put in force or given up.
    pub decided_at: Option<Timestamp>,
    /// By whom.
    pub decided_by: Option<PersonId>,
    /// Versioned JSON.
    pub body: Vec<u8>,
}

/// What was added to a change or to an override, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeEntry {
    /// 1 for the first.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// By whom; `None` for the system.
    pub by: Option<PersonId>,
    /// What.
    pub step: ChangeStep,
    /// The words, as versioned JSON or text. Sealed.
    pub body: Vec<u8>,
}

/// Where a check of the change log found something that the ledger does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Altered {
    /// The table.
    pub table: &'static str,
    /// The row.
    pub row: String,
    /// What is wrong.
    pub problem: String,
}

/// Changes under change control.
#[async_trait]
pub trait Changes: Send + Sync {
    /// Drafts a change and tells those who assess it; gives its number.
    async fn draft_change(
        &self,
        permit: &Permit<act::ProposePolicy>,
        new: &NewChange,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<i64>;

    /// Adds a step. Refused unless the warrant's act is the step's: an assessment wants
    /// `policy.assess`, consent `policy.consent`, a review `change.review`, all else
    /// `policy.install`. Assessments and consent are for drafts alone; nobody assesses on both
    /// sides.
    async fn add_change_step(
        &self,
        warrant: &Warrant,
        change: Uuid,
        step: ChangeStep,
        body: &[u8],
        at: Timestamp,
    ) -> Result<()>;

    /// Puts a draft in force with its pack or its override, in one transaction. Refused unless both
    /// assessments are there by two people, and consent where `consent` is asked for.
    async fn install_change(
        &self,
        permit: &Permit<act::InstallPolicy>,
        change: Uuid,
        opens: Option<&NewOverride>,
        consent: bool,
        at: Timestamp,
    ) -> Result<()>;

    /// Gives a draft up.
    async fn withdraw_change(
        &self,
        permit: &Permit<act::ProposePolicy>,
        change: Uuid,
        why: &str,
        at: Timestamp,
    ) -> Result<()>;

    /// Keeps a change that Pharos makes by itself, such as at the end of one made for a time, or that
    /// changes nothing of filtering: in force at once, to be reviewed by `review_at`. The pack must be
    /// there as proposed.
    async fn record_change(
        &self,
        permit: &Permit<act::InstallPolicy>,
        new: &NewChange,
        at: Timestamp,
    ) -> Result<i64>;

    /// Keeps a change that only tightens (REQ-05): in force at once, before it is assessed, and those
    /// told who look at it. Refused without a time by which it is looked at, or where the effect shown
    /// by the replay is that something opens. The pack must be there as proposed.
    async fn record_tightening(
        &self,
        permit: &Permit<act::EmergencyBlock>,
        new: &NewChange,
        notices: &[NewNotice],
        at: Timestamp,
    ) -> Result<i64>;

    /// Notes that somebody looked at an override again; the next look is at `next`.
    async fn review_override(
        &self,
        permit: &Permit<act::ReviewChange>,
        id: Uuid,
        next: Option<Timestamp>,
        body: &[u8],
        at: Timestamp,
    ) -> Result<()>;

    /// Sets when a change in force must be looked at again, with the review that says so.
    async fn review_change(
        &self,
        permit: &Permit<act::ReviewChange>,
        change: Uuid,
        next: Option<Timestamp>,
        body: &[u8],
        at: Timestamp,
    ) -> Result<()>;

    /// One change.
    async fn change(&self, number: i64) -> Result<Option<Change>>;

    /// Changes drafted from a time on, newest first.
    async fn changes(
        &self,
        permit: &Permit<act::ReadPolicy>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Change>>;

    /// Changes in force whose review or end has come, for the clockwork.
    async fn changes_due(
        &self,
        permit: &Permit<act::Housekeep>,
        now: Timestamp,
    ) -> Result<Vec<Change>>;

    /// What was added to a change or an override, oldest first.
    async fn change_entries(&self, of: Uuid) -> Result<Vec<ChangeEntry>>;

    /// Compares every row of the change log (changes, their entries, overrides, versions of the
    /// pack) with the ledger; the first that does not fit. Asks no permit: the answer names nobody.
    async fn verify_changes(&self) -> Result<Option<Altered>>;
}
