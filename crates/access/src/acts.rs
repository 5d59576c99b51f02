//! The one readable table of acts and the roles that may do them (ROLE-02).

use std::fmt;
use std::str::FromStr;

use pharos_school::Role::{self, *};

/// What a permission for the act is narrowed to, beyond the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The school as a whole: settings, policy, checks, lists whose rows are filtered one by one.
    School,
    /// Only the actor's own things: password, session, receipts.
    Own,
    /// One person watched: their activity, their restriction (MON-13).
    Person,
    /// One alert (MON-13).
    Alert,
    /// One case (CON-14).
    Case,
}

mod sealed {
    pub trait Sealed {}
}

/// A marker type of one act, for the type of a [`crate::Permit`]. Only this crate has them.
pub trait Kind: sealed::Sealed + Send + Sync + 'static {
    /// The act.
    const ACT: Act;
}

/// Everyone who can sign in.
const EVERYONE: &[Role] = Role::ALL;
/// Lead, deputies and head: those who work on safeguarding.
const SAFEGUARDING: &[Role] = &[Lead, Deputy, Head];
/// Those who may hear alerts: the safeguarding team, the online safety lead, the chair (only about
/// the head), and those to whom one alert was given.
const ALERTS: &[Role] = &[
    Lead, Deputy, OnlineLead, Head, Chair, Tutor, HouseStaff, Teacher,
];
/// Those who read figures without names (ROLE-07).
const FIGURES: &[Role] = &[Governor, Chair, Head, Leadership, Lead, Deputy, OnlineLead];

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $says:literal, $scope:ident, $system:literal, $roles:expr;)+) => {
        /// Something that can be done in Pharos. The table is in the order of the manual.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Act {
            $(#[doc = $says] $name,)+
        }

        /// One marker type for each act.
        pub mod act {
            $(
                #[doc = $says]
                #[derive(Debug, Clone, Copy)]
                pub struct $name;
                impl super::sealed::Sealed for $name {}
                impl super::Kind for $name {
                    const ACT: super::Act = super::Act::$name;
                }
            )+
        }

        impl Act {
            /// Every act, in the order of the table.
            pub const ALL: &'static [Act] = &[$(Act::$name,)+];

            /// The name in packs, the ledger and the manual, such as `case.read`.
            pub const fn name(self) -> &'static str {
                match self { $(Act::$name => $text,)+ }
            }

            /// What the act is, in a few words for people.
            pub const fn says(self) -> &'static str {
                match self { $(Act::$name => $says,)+ }
            }

            /// What a permission for it is narrowed to.
            pub const fn scope(self) -> Scope {
                match self { $(Act::$name => Scope::$scope,)+ }
            }

            /// Whether the system's own parts may do it unasked.
            pub const fn by_system(self) -> bool {
                match self { $(Act::$name => $system,)+ }
            }

            /// The roles that may do it before a school tightens the table.
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Act::$name => $roles,)+ }
            }
        }
    };
}

// act = name, in words, narrowed to, may the system do it by itself, roles
acts! {
    SignIn = "session.open", "Sign in and out", Own, false, EVERYONE;
    SetOwnPassword = "password.set", "Change one's own password or second factor", Own, false, EVERYONE;
    ResetPassword = "password.reset", "Give somebody a first or new password", School, true, &[Technical, Office, Lead, Head];

    ListPeople = "people.list", "Look up people and classes", School, true, &[Staff];
    ImportRoll = "people.import", "Bring in the roll", School, true, &[Technical, Office, Lead, Head];

    ProposePolicy = "policy.propose", "Propose a new version of the policy pack", School, true, &[Technical, Lead, Deputy, OnlineLead, Head, Leadership];
    InstallPolicy = "policy.install", "Put a version of the policy pack in force", School, true, &[Head, Lead];
    AssessChange = "policy.assess", "Assess the risk of a change to the filter policy", School, false, &[Teacher, Tutor, HouseStaff, Lead, Deputy, OnlineLead, Head, Leadership, Technical];
    ConsentChange = "policy.consent", "Consent to a change to the filter policy for the leadership", School, false, &[Head, Leadership];
    ReviewChange = "policy.review", "Look again at a change that is in force", School, false, &[Lead, Deputy, OnlineLead, Head];
    ReadPolicy = "policy.read", "Read the policy, its clauses and their standing", School, true, EVERYONE;
    ChangeSettings = "setting.change", "Change a setting", School, true, &[Technical, Lead, Head];
    RecordStanding = "clause.record", "Record how a clause stands", School, true, &[Lead, Deputy, OnlineLead, Head, Leadership, Technical, Chair];

    RaiseAlert = "alert.raise", "Raise an alert", School, true, &[];
    ListAlerts = "alert.list", "See the list of alerts", School, true, ALERTS;
    ReadAlert = "alert.read", "Open an alert", Alert, true, ALERTS;
    HandleAlert = "alert.handle", "Acknowledge, explain, pass on or close an alert", Alert, true, ALERTS;

    ReadWeek = "week.read", "Read the week's report", School, true, &[Lead, Deputy, OnlineLead, Head];
    ReviewWeek = "week.review", "Say that a week was reviewed, and what was found", School, false, &[Lead, Deputy, OnlineLead, Head];

    ReadAttempts = "attempts.read", "Read the audit of what pupils tried to reach", School, true, &[Lead, Deputy, OnlineLead, Head];
    AuditAttempts = "attempts.audit", "Note what followed a pupil's attempts, and sign the audit", School, false, &[Lead, Deputy, OnlineLead, Head];
    NoteSupervision = "supervision.note", "Note that pupils were supervised, and what was seen", School, false, &[Staff];
    ReadSupervision = "supervision.read", "Read everybody's notes of supervision", School, true, &[Lead, Deputy, OnlineLead, Head];

    RaiseConcern = "concern.raise", "Raise a concern", School, true, EVERYONE;
    ReadReceipt = "concern.receipt", "See that one's own concern was received", Own, false, EVERYONE;
    ListCases = "case.list", "See the list of cases", School, true, &[Lead, Deputy, Head, Chair, OnlineLead, Leadership, Tutor, HouseStaff, Teacher];
    ReadCase = "case.read", "Open a case", Case, true, &[Lead, Deputy, Head, Chair, OnlineLead, Leadership, Tutor, HouseStaff, Teacher];
    WriteCase = "case.write", "Add an entry to a case", Case, true, &[Lead, Deputy, Head, Chair, OnlineLead, Leadership, Tutor, HouseStaff, Teacher];
    ShareCase = "case.share", "Name who else may read a case", Case, false, &[Lead, Head, Chair];
    ExportCase = "case.export", "Print or export a case", Case, false, &[Lead, Head, Chair];
    EmergencyCase = "case.emergency", "Open a case in an emergency, with a reason", Case, false, &[Deputy, Head];
    CountCases = "case.count", "See numbers of cases, without names", School, true, FIGURES;

    SearchActivity = "activity.search", "Search one person's web activity", Person, true, &[Lead, Deputy, OnlineLead, Head, Chair, Technical];
    RecallActivity = "activity.recall", "See which sites a pupil of one's own had open just now, to report one", School, false, &[Staff];
    Explain = "filter.explain", "Ask why something is blocked", School, true, &[Staff];

    AskForSite = "request.make", "Ask for a blocked site", School, false, EVERYONE;
    ReadRequests = "request.read", "See requests for sites", School, true, &[Lead, Deputy, OnlineLead, Head, Tutor, Teacher, Technical];
    EndorseRequest = "request.endorse", "Pass a pupil's request for a site on, or decline it", School, false, &[Teacher, Tutor, Lead, Deputy];
    DecideRequest = "request.decide", "Open or refuse a requested site", School, true, &[Lead, Deputy, OnlineLead, Head];
    EmergencyBlock = "override.block", "Block an address for everyone at once", School, true, &[Lead, Deputy, OnlineLead, Head, Technical];
    AddException = "override.add", "Open a site for some time", School, true, &[Lead, Deputy, OnlineLead, Head];
    LessonList = "override.lesson", "Keep a class to a list of sites for a lesson", School, false, &[Teacher, Tutor, Lead, Deputy];
    RestrictPerson = "override.restrict", "Restrict one person's access", Person, false, &[Lead, Deputy, Head, Chair];
    EndOverride = "override.end", "End an override before its time", School, true, &[Lead, Deputy, OnlineLead, Head, Technical, Teacher, Tutor];

    ReadNetwork = "network.read", "See devices, Wi-Fi sessions and firewall events", School, false, &[Technical, Lead, Head];
    RunCheck = "check.run", "Run the filter self-check", School, true, &[Technical, Lead, Deputy, OnlineLead, Head, Leadership];
    HandTest = "check.hand", "Note a test of the filter by hand", School, false, &[Staff, Governor, Chair];
    ReadChecks = "check.read", "Read the results of checks", School, true, &[Staff, Governor, Chair];
    MakeReport = "report.make", "Make the governors' report", School, true, &[Lead, Deputy, OnlineLead, Head, Leadership, Governor, Chair];
    ReadReport = "report.read", "Read the governors' report", School, true, FIGURES;

    ReadLedger = "ledger.read", "Read the audit log", School, true, &[Lead, Head];
    ReadLookups = "lookup.read", "See who looked at whom", School, true, &[Lead, Head];
    Backup = "backup.make", "Make or restore a backup, change keys", School, true, &[Technical, Head];
    Housekeep = "system.housekeep", "Notices, clocks and retention", School, true, &[];
}

/// Acts about the school as a whole that somebody kept to a campus may do too: those that show nobody,
/// and those whose use cases look at each row. Whatever is not here is closed to them, so that a new
/// act is closed until somebody has thought of it.
const AT_A_CAMPUS: &[Act] = &[
    Act::ListPeople,
    Act::ReadPolicy,
    Act::ListAlerts,
    Act::RaiseConcern,
    Act::ListCases,
    Act::Explain,
    Act::AskForSite,
    Act::ReadRequests,
    Act::EndorseRequest,
    Act::DecideRequest,
    Act::EmergencyBlock,
    Act::LessonList,
    Act::NoteSupervision,
    Act::EndOverride,
    Act::HandTest,
    Act::ReadChecks,
];

impl Act {
    /// Whether somebody who is kept to a campus may do it there, given the role.
    pub fn at_a_campus(self) -> bool {
        self.scope() != Scope::School || AT_A_CAMPUS.contains(&self)
    }

    /// Whether the act is about seeing or handling safeguarding, where the role alone opens only
    /// pupils' matters.
    pub(crate) fn wide_roles(self) -> &'static [Role] {
        match self.scope() {
            Scope::Case => SAFEGUARDING,
            _ => &[Lead, Deputy, Head, OnlineLead],
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no act of the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an act; see docs/permissions.txt for their names")]
pub struct UnknownAct(pub String);

impl FromStr for Act {
    type Err = UnknownAct;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Act::ALL
            .iter()
            .copied()
            .find(|act| act.name() == text)
            .ok_or_else(|| UnknownAct(text.chars().take(40).collect()))
    }
}
