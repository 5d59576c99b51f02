//! The figures that controls are held against, gathered by whoever calls.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use pharos_school::{AlertId, CaseId, CheckId, PersonId, Role};

/// What a probe or a setting is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Blocking of a category.
    Category(String),
    /// Safe search of an engine.
    SafeSearch(String),
}

/// How a probe of the self-check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeResult {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// It could not be tried: no test address, no network.
    NotTried,
}

/// One probe of the self-check (AUD-02, SRCH-05): the newest per group and subject is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The run.
    pub check: CheckId,
    /// When.
    pub at: Timestamp,
    /// The group it was tried as.
    pub group: String,
    /// What was tried.
    pub subject: Subject,
    /// How it ended.
    pub result: ProbeResult,
}

/// What the settings in force say, so that a change away from the policy shows at once (REV-09).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFact {
    /// The group.
    pub group: String,
    /// What it is about.
    pub subject: Subject,
    /// Whether the settings do it.
    pub on: bool,
    /// The policy version that says so.
    pub policy_version: u64,
}

/// How a sealed list stands. Never holds an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedListFact {
    /// Its name.
    pub name: String,
    /// How many entries.
    pub entries: u64,
    /// When it was last refreshed.
    pub refreshed_at: Option<Timestamp>,
    /// Whether its dated test entry was blocked when last tried.
    pub test_entry_held: Option<bool>,
}

/// A breach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreachFact {
    /// Its case.
    pub case: CaseId,
    /// When it was reported.
    pub reported_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

/// How it stands with the parents of one pupil in one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParentsNow {
    /// Nothing recorded.
    Undecided,
    /// Told.
    Told(Timestamp),
    /// Not yet; looked at again then.
    NotYet(Date),
    /// Not told, by the lead with a reason.
    NotTold(Timestamp),
}

/// The parents question of one pupil in one case; the pupil is not named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentsFact {
    /// The case.
    pub case: CaseId,
    /// When the case was reported.
    pub reported_at: Timestamp,
    /// How it stands.
    pub now: ParentsNow,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFact {
    /// The alert.
    pub alert: AlertId,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When somebody acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
}

/// A test by hand (AUD-02): the newest of each group, place and thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandFact {
    /// Where it stands.
    pub check: CheckId,
    /// When.
    pub at: Timestamp,
    /// Whether what came was as promised.
    pub passed: bool,
}

/// The audit of what pupils tried to reach in a period (MON-11). Names nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFact {
    /// The period's first day.
    pub from: Date,
    /// When the period ended.
    pub ended_at: Timestamp,
    /// When the audit was first signed.
    pub signed_at: Option<Timestamp>,
}

/// A lesson list that names an adult (MON-07). Names nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupervisedFact {
    /// When the lesson ended.
    pub ended_at: Timestamp,
    /// When it was first noted that supervision took place.
    pub noted_at: Option<Timestamp>,
}

/// A class of devices that the school has in scope (`fil.scope`), and how it is covered (FIL-15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeFact {
    /// The setting's word, such as `off-site`.
    pub class: String,
    /// What it is called.
    pub title: String,
    /// What is missing; `None` where it is covered.
    pub missing: Option<String>,
}

/// A named person says, on a date, that a clause is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The clause.
    pub clause: String,
    /// Who.
    pub by: PersonId,
    /// In which role.
    pub role: Role,
    /// When.
    pub at: Timestamp,
}

/// Everything the assessors look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The newest probe per group and subject.
    pub probes: Vec<Probe>,
    /// When the last whole check ended with every probe passed.
    pub check_passed: Option<(CheckId, Timestamp)>,
    /// The last whole check: whether it passed.
    pub check_last: Option<(CheckId, Timestamp, bool)>,
    /// Tests by hand.
    pub hand: Vec<HandFact>,
    /// Audits of attempts that are not signed, or of periods that ended or were signed in the last 28
    /// days. `None`: the school has switched them off.
    pub audits: Option<Vec<AuditFact>>,
    /// Lessons that name an adult, ended in the last 28 days.
    pub supervised: Vec<SupervisedFact>,
    /// The classes of devices in scope.
    pub scope: Vec<ScopeFact>,
    /// What the settings in force say.
    pub settings: Vec<SettingFact>,
    /// Groups that stand for several: `pupils` for every group of pupils.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Sealed lists. Empty where the school has none.
    pub sealed: Vec<SealedListFact>,
    /// Breaches that are open, or were reported or closed in the last 28 days.
    pub breaches: Vec<BreachFact>,
    /// Parents questions of cases that are open, or were reported in the last 28 days.
    pub parents: Vec<ParentsFact>,
    /// Alerts that are not acknowledged, or were raised in the last 28 days.
    pub alerts: Vec<AlertFact>,
    /// Statements, the newest first or not.
    pub attestations: Vec<Attestation>,
}
